"""The portal: HTTP API and map over the catalogue. A guest: it reads products and computes no science of its own."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"app": ["create"], "context": ["Context"], "settings": ["Settings"]}
)
