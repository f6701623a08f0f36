"""Countries: their names and borders, as the map draws them, and their share of every cell of a product."""

from dataclasses import dataclass
from functools import lru_cache
from json import loads
from pathlib import Path as File
from typing import Annotated, Any, Literal

import shapely
from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from landsink import account
from landsink.catalogue.releases import Release
from landsink.core.errors import unknown
from landsink.portal.context import Context, Here
from landsink.portal.problems import answers

router = APIRouter(tags=["regions"])
Code = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_.-]{1,32}$", description="Identifier of a region.", examples=["FRA"])
]


class Region(BaseModel):
    """A region whose means can be asked for."""

    id: str = Field(examples=["FRA"])
    name: str = Field(examples=["France"])
    a2: str = Field(description="Two letters, as flags and phones use them, or ''.", examples=["FR"])
    bbox: tuple[float, float, float, float] = Field(description="West, south, east, north.")


class Feature(BaseModel):
    """A region with its border, as GeoJSON."""

    type: Literal["Feature"] = "Feature"
    id: str
    properties: Region
    geometry: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Border:
    """A region and its polygon."""

    facts: Region
    area: shapely.Geometry


def borders(here: Context) -> dict[str, Border]:
    """All regions by identifier; none where the map was not built."""
    path = here.settings.page / "regions.json"
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else {}


@lru_cache(maxsize=4)
def _read(path: File, _: int) -> dict[str, Border]:
    polygons = {name: _whole(area) for name, area in account.read(path).items()}
    told = {
        str(row["properties"]["id"]): row["properties"] for row in loads(path.read_text("utf-8"))["features"]
    }
    return {
        name: Border(
            Region(
                id=name,
                name=str(told[name].get("name", name)),
                a2=str(told[name].get("a2", "")),
                bbox=area.bounds,
            ),
            area,
        )
        for name, area in polygons.items()
        if not area.is_empty
    }


def _whole(area: shapely.Geometry) -> shapely.Geometry:
    # A border may touch itself after rounding; only what has an area is kept of it.
    if shapely.is_valid(area):
        return area
    parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(area)))
    return shapely.union_all([part for part in parts if part.geom_type == "Polygon"])


def border(here: Context, name: str) -> Border:
    """A region by its identifier, in capitals or not; UnknownName with the near misses."""
    held = borders(here)
    if name.upper() not in held:
        raise unknown(name, held, "the regions, which are named by three letters (ISO 3166)")
    return held[name.upper()]


@lru_cache(maxsize=256)
def cells(release: Release, region: Border) -> account.Share:
    """The share of every cell of a release in a region; kept, since both stay."""
    return account.share(region.area, release.lat, release.lon)


@router.get(
    "/api/regions",
    operation_id="regions",
    summary="All regions",
    response_model=list[Region],
    responses=answers(422),
)
def regions(here: Here) -> list[Region]:
    """Countries whose means and sums can be asked for; empty where the map was not built."""
    return [row.facts for row in borders(here).values()]


@router.get(
    "/api/regions/{id}",
    operation_id="region",
    summary="One region with its border",
    response_model=Feature,
    responses=answers(404, 422),
)
def region(here: Here, id: Code) -> Feature:
    """The border as a GeoJSON feature, cut at the 180th meridian."""
    found = border(here, id)
    return Feature(id=found.facts.id, properties=found.facts, geometry=shapely.geometry.mapping(found.area))
