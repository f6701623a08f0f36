"""The queries of OGC EDR: position, area, cube and locations, as CoverageJSON, NetCDF or CSV."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from datetime import datetime as moment
from typing import Annotated, Any, Literal

import numpy as np
import shapely
import shapely.affinity
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from landsink import account
from landsink.catalogue.releases import Release
from landsink.core.errors import DataError
from landsink.portal import area as areas
from landsink.portal import coverage, window
from landsink.portal.context import Here
from landsink.portal.extents import Bbox, Box
from landsink.portal.problems import Refusal, answers
from landsink.portal.products import RECENT, Named, found, names, source, variable_of
from landsink.portal.regions import Code, border, borders
from landsink.portal.subset import sent
from landsink.portal.window import Window

router = APIRouter(tags=["edr"])
OFFSET = re.compile(r"T.+[+-]\d\d:\d\d$")
MOST_JSON = 1_000_000  # numbers in one CoverageJSON
FORMS = {
    "": "json", "coveragejson": "json", "covjson": "json", "json": "json", coverage.MEDIA: "json",
    **dict.fromkeys(coverage.ALSO, "json"), "netcdf": "netcdf", "nc": "netcdf", "netcdf4": "netcdf",
    "application/netcdf": "netcdf", "application/x-netcdf": "netcdf", "csv": "csv", "text/csv": "csv",
}  # fmt: skip
CONTENT = {
    200: {
        "description": "The values.",
        "content": {
            coverage.MEDIA: {
                "schema": {"type": "object", "required": ["type", "domain", "parameters", "ranges"]}
            },
            **dict.fromkeys(coverage.ALSO, {"schema": {"type": "object"}}),
            "application/netcdf": {},
            "text/csv": {},
        },
    }
}


class Asked:
    """What all queries have in common: parameters, time and form."""

    def __init__(
        self,
        request: Request,
        parameter_name: Annotated[
            str,
            Query(
                alias="parameter-name",
                max_length=2000,
                description="Names with commas between; all if not given.",
                examples=["gpp,gpp_sd"],
            ),
        ] = "",
        datetime: Annotated[
            str,
            Query(
                max_length=80,
                description="a, a/b, a/.. or ../b in ISO 8601.",
                examples=["2001-01-01/2002-12-31"],
            ),
        ] = "",
        crs: Annotated[
            str, Query(max_length=80, description="CRS84: longitude, latitude.", examples=["CRS84"])
        ] = "",
        f: Annotated[
            str, Query(max_length=40, description="CoverageJSON, NetCDF or CSV.", examples=["CoverageJSON"])
        ] = "",
    ) -> None:
        self.parameters, self.datetime, self.crs, self.f = parameter_name, datetime, crs, f
        self.path = f"{request.url.path}?{request.url.query}"
        self.levels = "z" in request.query_params
        accepted = (
            word.split(";")[0].strip().lower() for word in request.headers.get("accept", "").split(",")
        )
        self.media = f.lower() or next((word for word in accepted if word in FORMS), "")

    def form(self) -> str:
        """The form of the answer: json, netcdf or csv; as `f` says, else as the header Accept does."""
        if self.levels:
            raise DataError("z is given.", "No z: the collection has no levels.")
        if self.crs and self.crs not in ("CRS84", "OGC:CRS84", coverage.CRS84):
            raise DataError(f"The crs is '{self.crs}'.", "CRS84: longitude and latitude in degrees.")
        if self.media not in FORMS:
            raise DataError(f"The form f is '{self.f}'.", "CoverageJSON, NetCDF or CSV.")
        return FORMS[self.media]

    def names(self, release: Release) -> Sequence[str]:
        """The variables that are asked for. DataError at one that the collection lacks."""
        known = names(release)
        asked = [name.strip() for name in self.parameters.split(",") if name.strip()]
        for name in asked:
            if name not in known:
                raise DataError(
                    f"The collection has no parameter '{name[:60]}'.", f"Some of {', '.join(known)}."
                )
        return list(dict.fromkeys(asked)) or known

    def steps(self, release: Release) -> slice:
        """The steps that are asked for."""
        return window.steps(release.time, *(_utc(end) for end in window.interval(self.datetime)))


def _utc(text: str) -> str:
    """A moment of RFC 3339 with an offset as the same moment in UTC; anything else as it is."""
    try:
        found = moment.fromisoformat(text) if OFFSET.search(text) else None
        return text if found is None else found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        return text


Common = Annotated[Asked, Depends()]


class GeoJson(JSONResponse):
    """An answer in GeoJSON."""

    media_type = "application/geo+json"


class Location(BaseModel):
    """A country as a feature of GeoJSON."""

    type: Literal["Feature"] = "Feature"
    id: str = Field(examples=["FRA"])
    geometry: dict[str, Any] = Field(examples=[{"type": "Point", "coordinates": [2.4, 46.6]}])
    bbox: tuple[float, float, float, float]
    properties: dict[str, str] = Field(examples=[{"name": "France"}])


class Locations(BaseModel):
    """Countries as GeoJSON."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[Location]


@contextmanager
def questions() -> Iterator[None]:
    """OGC EDR answers a question that has a fault with 400, where the rest of the API says 422."""
    try:
        yield
    except DataError as error:
        # What has a cause is a fault of the store, not of the question.
        if error.__cause__ is not None:
            raise
        raise Refusal(400, error.found, error.expected, error.remedy) from None


def answer(asked: Asked, part: Window) -> Response:
    """A window in the form that is asked for. Refusal 413 where it is too large for it."""
    form, wanted = asked.form(), asked.names(part.release)
    if form != "json":
        return sent(part, wanted, form, asked.path)
    count = int(np.prod(part.shape)) * len(wanted)
    if count > MOST_JSON:
        raise Refusal(
            413,
            f"The answer would hold {count} numbers.",
            f"{MOST_JSON} at most in CoverageJSON.",
            "Ask for less time, fewer parameters or a smaller area, or take f=NetCDF.",
        )
    release = part.release
    told = {name: coverage.parameter(name, variable_of(release, name)) for name in wanted}
    values = {name: part.values(name) for name in wanted}
    axes = {"x": part.lon, "y": part.lat, "t": part.time}
    text = coverage.document(axes, told, values, {"landsink:source": source(release).model_dump()})
    media = asked.media if asked.media in coverage.ALSO else coverage.MEDIA
    return Response(text, media_type=media, headers={**RECENT, "Vary": "Accept"})


@router.get(
    "/api/collections/{id}/position",
    operation_id="position",
    summary="The cell that holds a point",
    response_class=Response,
    responses={**CONTENT, **answers(400, 403, 404, 413)},
)
def position(
    here: Here,
    id: Named,
    asked: Common,
    coords: Annotated[str, Query(max_length=200, description="WKT.", examples=["POINT(8.1 47.4)"])],
) -> Response:
    """A PointSeries of the cell that holds the point."""
    release = found(here, id)
    with questions():
        point = areas.from_wkt(coords, ("Point",))
        row, col = release.cell(float(point.y), float(point.x))
        one = Window(release, slice(row, row + 1), (slice(col, col + 1),), asked.steps(release))
        return answer(asked, one)


@router.get(
    "/api/collections/{id}/area",
    operation_id="area",
    summary="Cells whose centre lies in a polygon",
    response_class=Response,
    responses={**CONTENT, **answers(400, 403, 404, 413)},
)
def area(
    here: Here,
    id: Named,
    asked: Common,
    coords: Annotated[
        str, Query(max_length=100_000, description="WKT.", examples=["POLYGON((5 45,10 45,10 49,5 49,5 45))"])
    ],
) -> Response:
    """A Grid of the cells whose centre lies in the polygon; null elsewhere."""
    release = found(here, id)
    with questions():
        return answer(asked, within(release, areas.from_wkt(coords, ("Polygon", "MultiPolygon")), asked))


def within(release: Release, area: shapely.Geometry, asked: Asked) -> Window:
    """The smallest window that holds the cells whose centre lies in an area. DataError where there is none."""
    hits = areas.inside(area, release.lat, release.lon)
    rows = np.flatnonzero(hits.any(1))
    if not len(rows):
        raise DataError(
            "No cell has its centre in the area.",
            "A larger area.",
            f"/api/products/{release.id}/statistics weighs cells by the share that lies inside.",
        )
    cols = window.runs(release.lon, hits.any(0))
    part = Window(release, slice(int(rows[0]), int(rows[-1]) + 1), cols, asked.steps(release))
    return replace(part, inside=part.field(hits))


@router.get(
    "/api/collections/{id}/cube",
    operation_id="cube",
    summary="Cells whose centre lies in a box",
    response_class=Response,
    responses={**CONTENT, **answers(400, 403, 404, 413)},
)
def cube(
    here: Here,
    id: Named,
    asked: Common,
    bbox: Box,
) -> Response:
    """A Grid of the cells whose centre lies in the box."""
    release = found(here, id)
    with questions():
        return answer(asked, window.window(release, window.box(bbox), asked.steps(release)))


@router.get(
    "/api/collections/{id}/locations",
    operation_id="locations",
    summary="Countries that the collection has cells of",
    response_class=GeoJson,
    response_model=Locations,
    responses=answers(400, 403, 404),
)
def locations(
    here: Here,
    id: Named,
    bbox: Bbox = None,
) -> GeoJson:
    """A feature for each country with a cell: a point inside it. Its border is at /api/regions/{id}."""
    release = found(here, id)
    with questions():
        asked = window.box(bbox or "")
    area = account.box(asked.west, asked.south, asked.west + asked.width, asked.north)
    rows = []
    for name, land in borders(here).items():
        near = any(
            shapely.intersects(area, shapely.affinity.translate(land.area, turn)) for turn in (0.0, 360.0)
        )
        if near and areas.inside(land.area, release.lat, release.lon).any():
            point = land.area.representative_point()
            rows.append(
                Location(
                    id=name,
                    geometry={"type": "Point", "coordinates": [point.x, point.y]},
                    bbox=land.facts.bbox,
                    properties={"name": land.facts.name},
                )
            )
    return GeoJson(Locations(features=rows).model_dump(mode="json"))


@router.get(
    "/api/collections/{id}/locations/{place}",
    operation_id="location",
    summary="Cells of a country",
    response_class=Response,
    responses={**CONTENT, **answers(400, 403, 404, 413)},
)
def location(here: Here, id: Named, place: Code, asked: Common) -> Response:
    """A Grid of the cells whose centre lies in the country; null elsewhere."""
    release = found(here, id)
    land = border(here, place)
    with questions():
        return answer(asked, within(release, land.area, asked))
