"""Jobs: what visitors ask to be run, a queue of it in the catalogue's database, and the workers that run it."""

import lazy_loader

# Lazy, so that a worker loads no web server.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "contract": ["Description", "Order", "Processes", "Reporter", "Stopped"],
        "queue": ["Job", "Limits", "Queue"],
        "worker": ["Bounds", "Worker", "perform"],
    },
)
