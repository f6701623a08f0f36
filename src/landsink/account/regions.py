"""Which share of every cell lies in a region: polygons against a grid, on the sphere."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape

from landsink.core.errors import DataError

WHOLE = 1e-12  # a part that lacks less than this of its box is the box


@dataclass(frozen=True)
class Share:
    """The cells of a grid that a region has part in.

    cells: (n,) numbers of the cells, row * columns + column, rising. part: (n,) share of each cell's area, above 0 and
    at most 1. shape: rows and columns of the grid. inside: share of the region's area that lies within the grid.
    """

    cells: np.ndarray
    part: np.ndarray
    shape: tuple[int, int]
    inside: float

    def field(self) -> np.ndarray:
        """The shares laid out, (lat, lon), 0 outside."""
        full = np.zeros(self.shape)
        full.ravel()[self.cells] = self.part
        return full


def read(path: Path) -> dict[str, shapely.Geometry]:
    """Regions of a GeoJSON FeatureCollection: identifier -> polygon. DataError where it is none.

    Outlines whose rounded points cross themselves are mended.
    """
    try:
        rows = json.loads(path.read_text("utf-8"))["features"]
        return {str(row["properties"]["id"]): _mended(shape(row["geometry"])) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ShapelyError) as error:
        raise DataError(
            f"{path} holds no regions ({error}).", "A FeatureCollection of polygons, each with an id."
        ) from error


def _mended(area: shapely.Geometry) -> shapely.Geometry:
    if shapely.is_valid(area):
        return area
    parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(area)))
    return shapely.union_all(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])


def box(west: float, south: float, east: float, north: float) -> shapely.Geometry:
    """A box in degrees; where `west` is greater than `east` it crosses the 180th meridian."""
    return shapely.box(west, south, east + 360.0 if east < west else east, north)


def shares(
    regions: Mapping[str, shapely.Geometry], lat: np.ndarray, lon: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """Cells, parts and `inside` of every region that touches the grid, as a release takes them when published."""
    found = {name: share(area, lat, lon) for name, area in regions.items()}
    return {name: (s.cells, s.part, s.inside) for name, s in found.items() if len(s.cells)}


def share(area: shapely.Geometry, lat: np.ndarray, lon: np.ndarray) -> Share:
    """The share of every cell that lies in a polygon or several; edges are straight in longitude and latitude.

    lat, lon: centres of a regular grid in degrees, rising or falling. Longitudes are places on the globe: 190 is -170.
    Shares are of area on the sphere: the integral of sin(latitude) along the edges, which is exact. A polygon may be
    wound either way. DataError for what is no valid polygon.
    """
    if area.geom_type not in ("Polygon", "MultiPolygon") or not shapely.is_valid(area):
        raise DataError(f"The area is no valid polygon ({shapely.is_valid_reason(area)}).", "A polygon.")
    rows, cols = _edges(lat, 90.0), _edges(lon, np.inf)
    west, _, east, _ = shapely.bounds(area)
    first, last = np.ceil((cols.min() - east) / 360.0), np.floor((cols.max() - west) / 360.0)
    full = np.zeros(len(lat) * len(lon))
    for turn in np.arange(first, last + 1):
        moved = shapely.transform(area, lambda points, by=360.0 * turn: points + [by, 0.0])
        cells, part = _cut(moved, rows, cols)
        full[cells] += part
    found = np.flatnonzero(full > 0)
    part = np.minimum(full[found], 1.0)
    height = np.abs(np.diff(np.sin(np.deg2rad(rows))))
    held = (part * height[found // len(lon)]).sum() * abs(cols[1] - cols[0])
    whole = float(_area(np.array([area]))[0])
    return Share(found, part, (len(lat), len(lon)), min(1.0, held / whole) if whole else 0.0)


def _edges(centres: np.ndarray, most: float) -> np.ndarray:
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    return np.clip(centres[0] + step * (np.arange(len(centres) + 1) - 0.5), -most, most)


@dataclass(frozen=True)
class _Parts:
    """Pieces of a polygon, each with the block of cells [top, bottom) x [left, right) that it is cut to."""

    pieces: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    left: np.ndarray
    right: np.ndarray

    def only(self, chosen: np.ndarray) -> "_Parts":
        rows = (self.pieces, self.top, self.bottom, self.left, self.right)
        return _Parts(*(row[chosen] for row in rows))


def _cut(area: shapely.Geometry, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Halve the grid until a block is a cell, or lies inside wholly: all blocks of one size at once."""
    corners = (np.array([n]) for n in (0, len(rows) - 1, 0, len(cols) - 1))
    parts = _clipped(_Parts(np.array([area]), *corners), rows, cols)
    wide = len(cols) - 1
    cells, found = [np.empty(0, int)], [np.empty(0)]
    while len(parts.pieces):
        boxes = _boxes(parts, rows, cols)
        inside = shapely.area(parts.pieces) >= shapely.area(boxes) * (1 - WHOLE)
        for top, bottom, left, right in zip(*_corners(parts.only(inside)), strict=True):
            block = (np.arange(top, bottom)[:, None] * wide + np.arange(left, right)).ravel()
            cells.append(block)
            found.append(np.ones(len(block)))
        parts = parts.only(~inside)
        single = (parts.bottom - parts.top == 1) & (parts.right - parts.left == 1)
        last = parts.only(single)
        cells.append(last.top * wide + last.left)
        found.append(_area(last.pieces) / _area(_boxes(last, rows, cols)))
        parts = _clipped(_halved(parts.only(~single)), rows, cols)
    return np.concatenate(cells), np.concatenate(found)


def _corners(parts: _Parts) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return parts.top, parts.bottom, parts.left, parts.right


def _boxes(parts: _Parts, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    a, b, c, d = rows[parts.top], rows[parts.bottom], cols[parts.left], cols[parts.right]
    return shapely.box(np.minimum(c, d), np.minimum(a, b), np.maximum(c, d), np.maximum(a, b))


def _clipped(parts: _Parts, rows: np.ndarray, cols: np.ndarray) -> _Parts:
    cut = shapely.intersection(parts.pieces, _boxes(parts, rows, cols))
    kept = _Parts(cut, *_corners(parts))
    return kept.only(shapely.area(cut) > 0)


def _halved(parts: _Parts) -> _Parts:
    """Each block as two, cut across its longer side."""
    tall = parts.bottom - parts.top >= parts.right - parts.left
    row = np.where(tall, (parts.top + parts.bottom) // 2, parts.bottom)
    col = np.where(tall, parts.right, (parts.left + parts.right) // 2)
    first = (parts.top, row, parts.left, col)
    second = (np.where(tall, row, parts.top), parts.bottom, np.where(tall, parts.left, col), parts.right)
    joined = (np.concatenate(pair) for pair in zip(first, second, strict=True))
    return _Parts(np.concatenate([parts.pieces, parts.pieces]), *joined)


def _area(pieces: np.ndarray) -> np.ndarray:
    """Area of polygons on the unit sphere times 180 / pi: the integral of sin(latitude) over longitude in degrees."""
    polygons, piece = shapely.get_parts(pieces, return_index=True)
    flat = shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON
    polygons, piece = polygons[flat], piece[flat]
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    found = np.zeros(len(pieces))
    if not len(points):
        return found
    same = ring[1:] == ring[:-1]
    turn, phi = np.diff(points[:, 0]), np.deg2rad(points[:, 1])
    half = np.diff(phi) / 2
    # Mean of the sine along an edge that is straight in longitude and latitude.
    mean = np.sin(phi[:-1] + half) * np.sinc(half / np.pi)
    rounds = np.abs(np.bincount(ring[1:][same], (turn * mean)[same], len(rings)))
    outer = np.diff(polygon, prepend=-1) != 0
    np.add.at(found, piece[polygon], np.where(outer, rounds, -rounds))
    return found
