"""The series of one place, and the numbers of one map: the two questions of which a portal lives."""

import json
from functools import lru_cache
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from landsink.catalogue.releases import Release, Variable
from landsink.portal import window
from landsink.portal.context import Here
from landsink.portal.numbers import listed, stamps
from landsink.portal.problems import Refusal, answers
from landsink.portal.products import RECENT, Bbox, Named, OneVariable, Source, found, source, variable_of
from landsink.portal.window import Window

router = APIRouter(tags=["products"])
MOST_CELLS = 250_000  # of one map's table twin


class Place(BaseModel):
    """The centre of a cell, in degrees."""

    lat: float = Field(examples=[47.0])
    lon: float = Field(examples=[7.0])


class Band(BaseModel):
    """Between which quantiles of the ensemble's members a value lies, step by step."""

    share: float = Field(
        description="How much of the members lies between; the rest is halved.", examples=[0.9]
    )
    low: list[float | None] = Field(examples=[[1.1e-08]])
    high: list[float | None] = Field(examples=[[1.3e-08]])
    members: int = Field(description="How many members there are.", examples=[16])
    method: str = Field(examples=["linear"])


class Series(BaseModel):
    """All steps of one cell."""

    source: Source
    variable: str = Field(examples=["gpp"])
    title: str = Field(examples=["gross primary production"])
    unit: str = Field(examples=["kg m-2 s-1"])
    sign: str = Field(examples=["+ into the vegetation"])
    time: list[str] = Field(description="Begin of each step, ISO 8601.", examples=[["1991-01-01"]])
    cell: Place = Field(description="Centre of the cell that holds the place.")
    value: list[float | None] = Field(examples=[[1.2e-08]])
    sd: list[float | None] | None = Field(description="Standard deviation; null where the product has none.")
    band: Band | None = Field(
        None, description="Only where `band` is asked for; null where the variable keeps no members."
    )


class Map(BaseModel):
    """The numbers of one map, or of every n-th cell of it."""

    source: Source
    variable: str
    title: str
    unit: str
    sign: str
    time: str = Field(description="The step.", examples=["1991-07-01"])
    step: int = Field(description="Its number, from 0.", examples=[6])
    thinning: int = Field(description="Every n-th row and column is told; 1 is all.", examples=[1])
    lat: list[float]
    lon: list[float]
    value: list[list[float | None]] = Field(description="Rows of latitude, columns of longitude.")
    sd: list[list[float | None]] | None = Field(
        description="Standard deviation, likewise; null where there is none."
    )
    text: str = Field(description="The map in a sentence.")
    minimum: float | None
    median: float | None
    maximum: float | None
    mean: float | None = Field(description="Mean over the land's area.")
    land_m2: float = Field(description="Area of the land whose value the mean takes in.")


@lru_cache(maxsize=256)
def _frame(release: Release, variable: str) -> tuple[str, str]:
    # What all cells of a variable have in common is written once: a series is asked for at every click.
    row = variable_of(release, variable)
    told = {"source": source(release).model_dump(), "variable": variable, "title": row.title}
    told |= {"unit": row.unit, "sign": row.sign, "time": stamps(release.time)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))[
        :-1
    ], row.sd if variable != row.sd else ""


@router.get(
    "/api/products/{id}/series",
    operation_id="series",
    summary="All steps of one place",
    response_class=Response,
    responses={200: {"model": Series}, **answers(403, 404, 422)},
)
def series(
    here: Here,
    id: Named,
    variable: OneVariable,
    lat: Annotated[
        float, Query(ge=-90, le=90, allow_inf_nan=False, description="Latitude.", examples=[47.4])
    ],
    lon: Annotated[
        float, Query(ge=-180, le=360, allow_inf_nan=False, description="Longitude.", examples=[8.1])
    ],
    band: Annotated[
        float | None,
        Query(
            gt=0,
            lt=1,
            allow_inf_nan=False,
            description="Ask for the quantiles of the members that hold this share of them between: 0.9 is the "
            "5 % and the 95 % quantile, interpolated linearly between members.",
            examples=[0.9],
        ),
    ] = None,
) -> Response:
    """The series of the cell that holds a place, with its standard deviation, in the product's own unit.

    `value` is null where the cell has no value, as over the sea. The mean of quantiles is no quantile of the mean,
    unless all steps err alike: for means over time, take the members themselves.
    """
    release = found(here, id)
    head, sd = _frame(release, variable)
    row, col = release.cell(lat, lon)
    spread = listed(release.series(sd, row, col)) if sd else "null"
    centre = f'{{"lat":{float(release.lat[row])!r},"lon":{float(release.lon[col])!r}}}'
    value = listed(release.series(variable, row, col))
    ends = "" if band is None else f',"band":{_band(release, variable, row, col, band)}'
    return Response(
        f'{head},"cell":{centre},"value":{value},"sd":{spread}{ends}}}',
        media_type="application/json",
        headers=RECENT,
    )


def _band(release: Release, variable: str, row: int, col: int, share: float) -> str:
    # Of a standard deviation no members are kept, and of some products none at all.
    kept = release.variables.get(variable)
    if kept is None or not kept.members:
        return "null"
    members = release.members(variable, slice(row, row + 1), slice(col, col + 1), slice(0, len(release.time)))
    low, high = np.quantile(members[:, :, 0, 0].astype(float), [(1 - share) / 2, (1 + share) / 2], axis=1)
    told = f'"share":{share!r},"members":{members.shape[1]},"method":"linear"'
    return f'{{{told},"low":{listed(low.astype("f4"))},"high":{listed(high.astype("f4"))}}}'


@router.get(
    "/api/products/{id}/step",
    operation_id="step",
    summary="The numbers of one map",
    response_class=Response,
    responses={200: {"model": Map}, **answers(403, 404, 413, 422)},
)
def step(
    here: Here,
    id: Named,
    variable: OneVariable,
    time: Annotated[
        str, Query(max_length=40, description="A date; the last step if not given.", examples=["1991-07"])
    ] = "",
    bbox: Bbox = "",
    thin: Annotated[
        int, Query(ge=0, le=1000, description="Every n-th row and column; 0 chooses n to fit.")
    ] = 0,
) -> Response:
    """The table twin of a map: its numbers, and what they come to. Minimum, median and mean are of all its cells."""
    release = found(here, id)
    row = variable_of(release, variable)
    number = window.step(release.time, time)
    part = window.window(release, window.box(bbox), slice(number, number + 1))
    every = thin or int(np.ceil(np.sqrt(part.cells / MOST_CELLS)))
    if part.cells / every**2 > MOST_CELLS * 1.01:
        raise Refusal(
            413,
            f"The table would hold {int(part.cells / every**2)} cells.",
            f"{MOST_CELLS} at most.",
            "Give thin=0, a larger thin or a smaller bbox; /subset gives all as a file.",
        )
    values = part.values(variable)[0]
    told = {
        "source": source(release).model_dump(),
        "variable": variable,
        "title": row.title,
        "unit": row.unit,
    }
    told |= {"sign": row.sign, "time": stamps(release.time)[number], "step": number, "thinning": every}
    told |= {"lat": part.lat[::every].tolist(), "lon": part.lon[::every].tolist()} | summary(
        part, values, row
    )
    spread = row.sd and variable != row.sd
    table = _table(values[::every, ::every])
    sd = _table(part.values(row.sd)[0][::every, ::every]) if spread else "null"
    head = json.dumps(told, ensure_ascii=False, separators=(",", ":"))[:-1]
    return Response(f'{head},"value":{table},"sd":{sd}}}', media_type="application/json", headers=RECENT)


def summary(part: Window, values: np.ndarray, row: Variable) -> dict[str, float | str | None]:
    """A map's minimum, median, maximum and mean over the land's area, and a sentence that tells them."""
    known = np.isfinite(values)
    area = np.where(known, part.field(part.release.area()), 0.0)
    land = float(area.sum())
    if not known.any():
        nothing = dict.fromkeys(("minimum", "median", "maximum", "mean"))
        return {**nothing, "land_m2": land, "text": f"No cell of the map has a value of {row.title}."}
    numbers = {
        "minimum": float(values[known].min()),
        "median": float(np.median(values[known].astype(float))),
        "maximum": float(values[known].max()),
        "mean": float((np.where(known, values, 0.0) * area).sum() / land) if land else None,
    }
    mean = f", mean over the land {numbers['mean']:.3g}" if land else ""
    sign = f" ({row.sign})" if row.sign else ""
    mark = "GENERATED data, not observed. " if part.release.generated else ""
    text = (
        f"{mark}{row.title[:1].upper()}{row.title[1:]}{sign}, {int(known.sum())} cells: from "
        f"{numbers['minimum']:.3g} to {numbers['maximum']:.3g}, median {numbers['median']:.3g}{mean}, in {row.unit}."
    )
    return {**numbers, "land_m2": land, "text": text}


def _table(values: np.ndarray) -> str:
    return f"[{','.join(map(listed, values))}]"
