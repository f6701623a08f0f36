"""How much of a cell is land: coastlines of Natural Earth, read from a TopoJSON file."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from landsink.core.errors import DataError, near

ROWS = 40  # parallels looked along in each cell; along a parallel the length of land is exact
LICENCE = "Natural Earth is in the public domain; the TopoJSON edition (world-atlas) is under ISC"
CITATION = (
    "Coastlines: Natural Earth 4.1, 1:50 million, naturalearthdata.com, TopoJSON edition world-atlas 2.0.2."
)


def land_share(lat: np.ndarray, lon: np.ndarray, height: float, width: float, file: Path) -> np.ndarray:
    """Share of each cell's area that is land: (cell,), 0 to 1; CF's land_area_fraction, CMIP's sftlf / 100.

    lat, lon: centres (cell,) in degrees, longitudes of any turn; height, width: the cells' size in degrees. Inland
    water that the coastlines do not draw counts as land: at 1:50 million that is every lake but the Caspian Sea.
    `file` is a TopoJSON with an object 'land'. Raises DataError where it is none.
    """
    sides = coastline(file)
    lon = (np.asarray(lon, float) + 180.0) % 360.0 - 180.0
    share = np.zeros(np.shape(lat))
    for centre in np.unique(lat):
        here = np.flatnonzero(lat == centre)
        rows = centre + height * ((np.arange(ROWS) + 0.5) / ROWS - 0.5)
        west, east = lon[here] - 0.5 * width, lon[here] + 0.5 * width
        lengths = np.stack([_length(sides, row, west, east) for row in rows])
        share[here] = np.average(lengths / width, axis=0, weights=np.cos(np.deg2rad(rows)))
    return np.clip(share, 0.0, 1.0)


def coastline(file: Path) -> np.ndarray:
    """Sides of the land's polygons, holes included: (side, 4), longitude and latitude of both ends in degrees."""
    try:
        page = json.loads(file.read_text())
        land, arcs, grid = page["objects"]["land"], page["arcs"], page["transform"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise DataError(
            f"{file.name} is no TopoJSON of land ({type(error).__name__}: {error}).",
            "A quantised topology with an object 'land', as land-50m.json of world-atlas.",
            near(file.name, [p.name for p in file.parent.iterdir()]),
        ) from None
    points = [np.cumsum(arc, 0) * grid["scale"] + grid["translate"] for arc in arcs]
    # the way round does not matter for what lies inside, so that an arc reversed (~i) is the arc itself
    used = [points[i if i >= 0 else ~i] for i in _arcs(land)]
    sides = np.concatenate([np.hstack([line[:-1], line[1:]]) for line in used])
    sides[:, [0, 2]] -= np.where(sides[:, [0, 2]] >= 180.0, 360.0, 0.0)
    # a side takes the short way, so that one across the date line ends beyond it
    sides[:, 2] += 360.0 * np.round((sides[:, 0] - sides[:, 2]) / 360.0)
    return sides


def _arcs(shape: Any) -> list[int]:
    """Indices of all arcs of a geometry, however deep they lie."""
    if isinstance(shape, int):
        return [shape]
    if isinstance(shape, dict):
        shape = shape.get("geometries", shape.get("arcs", []))
    return [index for part in shape for index in _arcs(part)]


def _length(sides: np.ndarray, row: float, west: np.ndarray, east: np.ndarray) -> np.ndarray:
    """Degrees of land on a parallel between west and east, both (cell,): from each odd crossing to the next even."""
    at = _crossings(sides, row)
    turns = np.array([[-360.0], [0.0], [360.0]])  # a cell may lie across the date line
    begin, end = (turns + at[0::2]).ravel(), (turns + at[1::2]).ravel()
    return np.sum(np.maximum(np.minimum(east[:, None], end) - np.maximum(west[:, None], begin), 0.0), 1)


def _crossings(sides: np.ndarray, row: float) -> np.ndarray:
    """Longitudes, -180 to 180 and sorted, where a parallel goes from sea to land, to sea, and so on."""
    crossed = sides[(sides[:, 1] > row) != (sides[:, 3] > row)]
    x0, y0, x1, y1 = crossed.T
    at = x0 + (x1 - x0) * (row - y0) / (y1 - y0)
    at = np.sort((at + 180.0) % 360.0 - 180.0)
    # coasts that the date line cuts: seen from the north pole, which is sea, the line enters land at every odd one
    over = sides[(sides[:, 2] >= 180.0) | (sides[:, 2] < -180.0)]
    cut = over[:, 1] + (np.copysign(180.0, over[:, 2]) - over[:, 0]) / (over[:, 2] - over[:, 0]) * (
        over[:, 3] - over[:, 1]
    )
    return np.concatenate([[-180.0], at, [180.0]]) if np.sum(cut > row) % 2 else at
