"""Data objects: their bytes and STAC items, with record, checksums, versions, licence, search and citation."""

import lazy_loader

# Lazy, so that naming the catalogue does not load STAC before a product is described.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["schema"],
    submod_attrs={
        "checksums": ["checksum", "sha256", "short"],
        "citation": ["FORMS", "cite"],
        "crate": ["pages", "write_crate"],
        "database": ["METADATA", "Database"],
        "export": ["write_stac"],
        "item": ["describe", "identifier"],
        "limits": ["Limits"],
        "metadata": ["Creator", "Metadata"],
        "opening": ["open"],
        "report": ["Defect", "Report"],
        "search": ["Extent", "Page", "Query"],
        "specification": ["Specification", "Variable", "shipped"],
        "store": ["Catalogue", "Rejected"],
        "verification": ["Verification", "verify"],
    },
)
