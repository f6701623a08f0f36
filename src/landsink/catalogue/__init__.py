"""Data objects: products and inputs as STAC items with record, checksums, licence and citation."""

import lazy_loader

# Lazy, so that naming the catalogue does not load STAC before a product is described.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "checksum": ["checksum"],
        "item": ["describe", "identifier"],
        "store": ["Catalogue"],
    },
)
