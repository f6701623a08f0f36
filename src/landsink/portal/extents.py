"""How far collections reach in space and time, as STAC and OGC API write it."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import WithJsonSchema

from landsink.catalogue import Catalogue

WORLD = (-180.0, -90.0, 180.0, 90.0)
# How OGC API documents a box: numbers in a list with commas (17-069r4, /req/core/fc-bbox-definition; 19-086r6,
# /req/core/rc-bbox-definition). It is read as text, so that what is wrong with it can be told.
SIDES = {"type": "array", "items": {"type": "number"}}
BOX = {**SIDES, "minItems": 4, "maxItems": 6, "examples": [[5, 45, 15, 55]]}
EXACT = {"oneOf": [{**SIDES, "minItems": n, "maxItems": n} for n in (4, 6)], "examples": [[5, 45, 10, 49]]}
WORDS = "West,south,east,north in degrees; with heights six numbers, by which nothing is chosen."
Bbox = Annotated[str | None, WithJsonSchema(BOX), Query(max_length=200, description=WORDS)]
Box = Annotated[str, WithJsonSchema(EXACT), Query(max_length=200, description=WORDS)]


def extent(catalogue: Catalogue, kind: str) -> dict[str, Any]:
    """The extent of all objects of a kind; the world and all time where nothing says more."""
    found = catalogue.extent((kind,))
    return {
        "spatial": {"bbox": [list(found.bbox or WORLD)]},
        "temporal": {"interval": [[found.start or None, found.end or None]]},
    }
