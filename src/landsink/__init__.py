"""landsink: the open land-carbon information system."""

__version__ = "0.1.0"
