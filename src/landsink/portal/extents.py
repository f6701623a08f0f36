"""How far collections reach in space and time, as STAC and OGC API write it."""

from typing import Any

from landsink.catalogue import Catalogue

WORLD = (-180.0, -90.0, 180.0, 90.0)


def extent(catalogue: Catalogue, kind: str) -> dict[str, Any]:
    """The extent of all objects of a kind; the world and all time where nothing says more."""
    found = catalogue.extent((kind,))
    return {
        "spatial": {"bbox": [list(found.bbox or WORLD)]},
        "temporal": {"interval": [[found.start or None, found.end or None]]},
    }
