"""How far collections reach in space and time."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pystac

from landsink.catalogue import Catalogue, Query

WORLD = [-180.0, -90.0, 180.0, 90.0]


def extent(catalogue: Catalogue, kind: str) -> dict[str, Any]:
    """The extent of all objects of a kind, as STAC writes it; the world and all time where nothing says more."""
    newest = catalogue.search(Query(kinds=(kind,), latest=False, limit=1))
    mark = newest.items[0].id if newest.items else ""
    return _extent(catalogue, kind, newest.total, mark)


@lru_cache(maxsize=64)
def _extent(catalogue: Catalogue, kind: str, total: int, newest: str) -> dict[str, Any]:
    # Made again when the number of objects or the newest of them is another.
    del newest
    items = list(_all(catalogue, kind, total))
    boxes = [i.bbox for i in items if i.bbox]
    box = [f(b[n] for b in boxes) for n, f in enumerate((min, min, max, max))] if boxes else WORLD
    starts = [i.properties["start_datetime"] for i in items if i.properties.get("start_datetime")]
    ends = [i.properties["end_datetime"] for i in items if i.properties.get("end_datetime")]
    span = [min(starts, default=None), max(ends, default=None)]
    return {"spatial": {"bbox": [box]}, "temporal": {"interval": [span]}}


def _all(catalogue: Catalogue, kind: str, total: int) -> Iterator[pystac.Item]:
    for offset in range(0, total, 1000):
        yield from catalogue.search(Query(kinds=(kind,), latest=False, limit=1000, offset=offset)).items
