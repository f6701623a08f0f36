"""Pictures of a product that stand alone: maps, uncertainty, regional series, site series."""

import lazy_loader

# Lazy, so that naming the bulletin does not load matplotlib before something is drawn.
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"atlas": ["draw"]})
