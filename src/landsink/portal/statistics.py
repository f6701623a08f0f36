"""Means and sums over a country, a box or a polygon, with their uncertainty: by step, by year and of the whole."""

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from landsink import account
from landsink.catalogue.releases import Release, Variable
from landsink.core.errors import DataError, unknown
from landsink.portal import area as areas
from landsink.portal import regions, window
from landsink.portal.context import Here
from landsink.portal.numbers import stamps
from landsink.portal.problems import Refusal, answers
from landsink.portal.products import Bbox, Begin, End, Named, OneVariable, Source, found, source
from landsink.portal.shown import label

router = APIRouter(tags=["statistics"])
MOST = 150_000_000  # numbers that one question may read
NEARLY_ALL = 0.995
Aggregate = Literal["mean", "sum"]


class Row(BaseModel):
    """A number of a period with its standard deviation."""

    value: float | None
    sd: float | None = Field(description="Standard deviation; null where the product tells none.")


class Year(Row):
    """A calendar year."""

    year: int = Field(examples=[2001])
    whole: bool = Field(description="False where the period holds only a part of the year.")


class Steps(BaseModel):
    """Step by step."""

    time: list[str]
    value: list[float | None]
    sd: list[float | None] | None


class Statistics(BaseModel):
    """What an area comes to."""

    source: Source
    variable: str = Field(examples=["gpp"])
    title: str
    area: str = Field(
        description="What was asked for: a region's name, the box, or 'polygon'.", examples=["France"]
    )
    aggregate: Aggregate
    unit: str = Field(description="Of all values.", examples=["g m-2 d-1"])
    label: str = Field(description="The unit as people write it.", examples=["g C m⁻² d⁻¹"])
    sign: str = Field(description="Which way is positive.", examples=["+ into the vegetation"])
    text: str = Field(description="The result in a sentence.")
    series: Steps
    period: Row
    annual: list[Year]
    uncertainty: Literal["ensemble", "bound", "none"] = Field(
        description="ensemble: spread of the members' means. bound: cells and steps are taken to err together, which "
        "is the most that the product's standard deviations can come to. none: the product tells no uncertainty."
    )
    members: int = Field(description="Members of the ensemble; 0 without.")
    area_m2: float = Field(description="Land inside that has a value, mean over the period.")
    cells: int = Field(description="Cells that have a part of it.")
    coverage: float = Field(description="Share of the area's land in the grid that has a value, 0…1.")
    inside: float = Field(description="Share of the area that lies within the product's grid at all, 0…1.")


class Question(BaseModel):
    """Statistics of a polygon."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    polygon: dict[str, Any] = Field(
        description="Polygon or MultiPolygon of GeoJSON, or a Feature of one, with 10 000 vertices at most. Longitudes "
        "may go beyond 180 to cross that meridian; else give two polygons, cut there.",
        examples=[{"type": "Polygon", "coordinates": [[[5, 45], [10, 45], [10, 49], [5, 49], [5, 45]]]}],
    )
    variable: str = Field(max_length=64, examples=["gpp"])
    begin: str = Field("", alias="from", max_length=40, examples=["2001"])
    end: str = Field("", alias="to", max_length=40, examples=["2002-12"])
    aggregate: Aggregate = "mean"


@router.get(
    "/api/products/{id}/statistics",
    operation_id="statistics",
    summary="Mean or sum over a country or a box",
    response_model=Statistics,
    responses=answers(403, 404, 413, 422),
)
def statistics(
    here: Here,
    id: Named,
    variable: OneVariable,
    region: Annotated[
        str, Query(max_length=32, description="A region of /api/regions.", examples=["FRA"])
    ] = "",
    bbox: Bbox = "",
    begin: Begin = "",
    end: End = "",
    aggregate: Annotated[Aggregate, Query(description="sum: of fluxes and stocks only.")] = "mean",
) -> Statistics:
    """Weighted by the land of every cell that lies inside, with the standard deviation that the product allows.

    Give `region` or `bbox`; neither is the whole product.
    """
    if region and bbox:
        raise DataError("Both region and bbox were given.", "One of them.")
    release = found(here, id)
    asked = Question(polygon={}, variable=variable, begin=begin, end=end, aggregate=aggregate)
    if region:
        land = regions.border(here, region)
        known = land.facts.id in release.regions
        return _answer(
            release, asked, land.facts.name, land.facts.id if known else regions.cells(release, land)
        )
    where = window.box(bbox)
    area = account.box(where.west, where.south, where.west + where.width, where.north)
    return _answer(release, asked, bbox or "the whole product", account.share(area, release.lat, release.lon))


@router.post(
    "/api/products/{id}/statistics",
    operation_id="statistics-of-polygon",
    summary="Mean or sum over a polygon",
    response_model=Statistics,
    responses=answers(403, 404, 413, 422),
)
def statistics_of_polygon(here: Here, id: Named, asked: Question) -> Statistics:
    """The same for a polygon: a cell counts by the share of it that lies inside."""
    release = found(here, id)
    area = areas.from_geojson(asked.polygon)
    return _answer(release, asked, "polygon", account.share(area, release.lat, release.lon))


def _answer(release: Release, asked: Question, name: str, area: account.Share | str) -> Statistics:
    row = release.variables.get(asked.variable)
    if row is None:
        raise unknown(asked.variable, release.variables, f"the variables of '{release.id}'")
    times = window.steps(release.time, asked.begin, asked.end)
    if not isinstance(area, str):
        _affordable(release, row, area, times)
    made = account.account(release, row.name, area, times, asked.aggregate)
    unit = label(row, made.unit)
    certain = made.uncertainty == "none"
    return Statistics(
        source=source(release),
        variable=row.name,
        title=row.title,
        area=name,
        aggregate=asked.aggregate,
        unit=made.unit,
        label=unit,
        sign=made.sign,
        text=_sentence(release, row, made, name, asked.aggregate, unit),
        series=Steps(
            time=stamps(made.time), value=_numbers(made.value), sd=None if certain else _numbers(made.sd)
        ),
        period=Row(value=_number(made.period[0]), sd=_number(made.period[1])),
        annual=[
            Year(year=y.year, value=_number(y.value), sd=_number(y.sd), whole=y.whole) for y in made.annual
        ],
        uncertainty=made.uncertainty,
        members=made.members,
        area_m2=made.area,
        cells=made.cells,
        coverage=made.coverage,
        inside=made.inside,
    )


def _affordable(release: Release, row: Variable, area: account.Share, times: slice) -> None:
    each = int(release.facts().get("members", 0)) if row.members else 1
    cost = len(area.cells) * (times.stop - times.start) * (each + bool(row.sd))
    if cost > MOST:
        raise Refusal(
            413,
            f"{len(area.cells)} cells, {times.stop - times.start} steps and {each} members are {cost} numbers to read.",
            f"{MOST} at most.",
            "Ask for a shorter time or a smaller area; countries are summed beforehand and cost nothing.",
        )


def _sentence(
    release: Release, row: Variable, made: account.Statistic, name: str, aggregate: str, unit: str
) -> str:
    mark = "GENERATED data, not observed. " if release.generated else ""
    value, sd = made.period
    if not np.isfinite(value):
        return f"{mark}{name} has no value of {row.title} then."
    spread, how = {
        "ensemble": (f" ± {sd:.2g}", f"; ± is the standard deviation of {made.members} members"),
        "bound": (
            f" ± {sd:.2g}",
            "; ± is the standard deviation if all cells and steps err together, the most it can be",
        ),
        "none": ("", "; the product tells no uncertainty"),
    }[made.uncertainty]
    first, last = stamps(made.time[[0, -1]])
    sign = f"; {row.sign}" if row.sign else ""
    sign += "" if made.inside > NEARLY_ALL else f"; only {made.inside:.0%} of it lies within the product"
    what = f"{aggregate.capitalize()} of {row.title}, {name}, {first} to {last}"
    return f"{mark}{what}: {value:.3g}{spread} {unit}{sign}{how}."


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _numbers(values: np.ndarray) -> list[float | None]:
    return [_number(value) for value in values.tolist()]
