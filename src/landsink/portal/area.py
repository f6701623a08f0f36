"""Areas that a question draws: polygons in GeoJSON or WKT, checked before anything is computed with them."""

import json
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape

from landsink.core.errors import DataError
from landsink.portal.problems import Refusal

MOST_VERTICES = 10_000
EXPECTED = "A Polygon or MultiPolygon in longitude and latitude, degrees, without crossing lines."


def from_wkt(text: str, kinds: tuple[str, ...]) -> shapely.Geometry:
    """A geometry of one of the `kinds` from Well-Known Text; DataError where it is not one."""
    try:
        found = shapely.from_wkt(text)
    except ShapelyError:
        found = None
    if found is None or found.is_empty or found.geom_type not in kinds:
        raise DataError(
            f"The coords are '{text[:80]}'.",
            f"Well-Known Text, {' or '.join(k.upper() for k in kinds)}, longitude first: POINT(8.1 47.4).",
        )
    return _checked(found)


def from_geojson(geometry: dict[str, Any]) -> shapely.Geometry:
    """A polygon from a geometry or feature of GeoJSON; DataError where it is none, Refusal 413 where it is too fine."""
    inner = geometry.get("geometry", geometry) if geometry.get("type") == "Feature" else geometry
    kind = inner.get("type") if isinstance(inner, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise DataError(f"The geometry is of type '{str(kind)[:40]}'.", EXPECTED)
    try:
        found = shape(json.loads(json.dumps(inner, allow_nan=False)))
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise DataError("The geometry cannot be read.", EXPECTED) from None
    return _checked(found)


def _checked(found: shapely.Geometry) -> shapely.Geometry:
    count = int(shapely.get_num_coordinates(found))
    if count > MOST_VERTICES:
        raise Refusal(
            413,
            f"The area has {count} vertices.",
            f"{MOST_VERTICES} at most.",
            "Simplify it: a tenth of a cell is fine enough.",
        )
    points = shapely.get_coordinates(found)
    good = len(points) and np.isfinite(points).all()
    if not good or not (
        (np.abs(points[:, 1]) <= 90).all() and (points[:, 0] >= -360).all() and (points[:, 0] <= 360).all()
    ):
        raise DataError("The geometry leaves the globe.", EXPECTED, "Longitude comes first, latitude second.")
    if not shapely.is_valid(found):
        raise DataError(
            f"The geometry is not valid: {shapely.is_valid_reason(found)}.",
            EXPECTED,
            "Mend it, then ask again.",
        )
    return shapely.force_2d(found)


def inside(area: shapely.Geometry, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """(lat, lon) of bool: True where a cell's centre lies in the area or on its border.

    Longitudes are compared as places on the globe: 190 is -170.
    """
    west, _, east, _ = shapely.bounds(area)
    found = np.zeros((len(lat), len(lon)), bool)
    for turn in (-360.0, 0.0, 360.0):
        moved = lon + turn
        near = (moved >= west) & (moved <= east)
        if near.any():
            found[:, near] |= shapely.intersects_xy(area, *np.meshgrid(moved[near], lat))
    return found
