"""landsink: the open land-carbon information system."""

import lazy_loader

__version__ = "0.1.0"

# What computes is loaded when it is first asked for: `import landsink` and `landsink --help` wait for nothing.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["case"], submod_attrs={"catalogue": ["open"]}
)
