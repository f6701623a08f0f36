"""Stations: towers, air stations, ships and buoys; what they are, their series, their pages, and which are near."""

import json
from dataclasses import replace
from enum import Enum
from math import asin, cos, degrees, radians, sin, sqrt
from typing import Annotated, Any, Literal

import pystac
from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from landsink.catalogue import Query as Question
from landsink.catalogue import cite
from landsink.catalogue.station_item import KIND
from landsink.portal import features
from landsink.portal.context import Here
from landsink.portal.features import CONFORMS as CONFORMS
from landsink.portal.features import collection as collection
from landsink.portal.objects import box as bounds
from landsink.portal.problems import Refusal, answers
from landsink.portal.products import Shown
from landsink.portal.shown import measured, reading
from landsink.portal.station_series import numbers, read
from landsink.portal.station_summary import (
    Coverage,
    Domain,
    Measured,
    Named,
    Summary,
    part,
    station,
    stations,
    summary,
    told,
)

router = APIRouter()
EARTH = 6371.0088  # km, mean radius (IUGG)
# How far is looked for near stations, km: wider until enough are found; the last is beyond half the Earth's round.
REACHES = (100.0, 400.0, 1600.0, 6400.0, 20100.0)
# A page of a station's folder: its own style, pictures within it, no script, no link that leaves its frame unasked.
APART = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'self'; sandbox"
)
TAGS: list[str | Enum] = ["stations"]


class Stations(BaseModel):
    """A page of stations."""

    total: int
    offset: int
    stations: list[Summary]


class Near(Summary):
    """A station with its distance."""

    distance_km: float = Field(description="Along the great circle; of a ship's way, its nearest point.")


class Nearest(BaseModel):
    """The nearest stations."""

    lat: float
    lon: float
    stations: list[Near]


class Resolved(BaseModel):
    """A variable at one resolution."""

    steps: int
    present: int
    uncertainty: str = Field(description="What sd means; '' where there is none.")
    product: str = Field(description="Where the numbers are from.")


class Variable(Measured):
    """A variable with its sign and the resolutions that there are."""

    sign: str = Field(description="Which way is positive; '' where that is no question.")
    resolutions: dict[str, Resolved] = Field(examples=[{"day": {"steps": 365, "present": 365}}])


class CoverageYear(Coverage):
    """Coverage of one year."""

    year: int


class FlagCount(BaseModel):
    """How many native values bear a flag."""

    variable: str
    flag: str
    count: int


class Headline(BaseModel):
    """A number that says most of the station."""

    name: str
    value: float | None
    sd: float | None = Field(description="One standard deviation; null where it is not known.")
    unit: str
    sign: str
    says: str


class Product(BaseModel):
    """A file of the station's folder."""

    name: str
    title: str
    media: str
    size: int = Field(description="Bytes.")
    sha256: str
    href: str


class Input(BaseModel):
    """A file that the products were made from."""

    name: str
    sha256: str


class Happened(BaseModel):
    """What became of a step of the processing."""

    name: str
    status: str
    says: str


class Detail(Summary):
    """All that is known of a station."""

    variables: list[Variable]  # type: ignore[assignment]
    coverage_by_year: list[CoverageYear]
    quality: list[FlagCount]
    headlines: list[Headline]
    products: list[Product]
    inputs: list[Input]
    steps: list[Happened]
    notes: list[str]
    method: str
    source: str
    rights: str
    citation: str
    record: str
    latest: str = Field(description="The newest version; may be itself.")
    versions: list[str] = Field(description="All versions, the oldest first.")
    track: list[list[float]] = Field(description="Longitude and latitude of a ship's way, thinned.")
    pages: list[str] = Field(description="Years that have a page of their own, or one ''.")
    page: str | None = Field(description="Where the quality page is; null if none was made.")


class Quality(BaseModel):
    """How far each value can be trusted: flags of native values, the share of good values of means."""

    kind: Literal["flag", "share"]
    code: list[int] | None = None
    meanings: dict[int, str] | None = None
    share: list[float | None] | None = None


class Origin(BaseModel):
    """Where the numbers are from."""

    id: str
    title: str
    licence: str
    product: str
    generated: bool
    href: str


class Series(BaseModel):
    """A variable over time."""

    station: str
    variable: str
    title: str
    unit: str
    shown: Shown
    sign: str
    resolution: Literal["native", "day", "month", "year"]
    calendar: str = Field(description="UTC of native values; the station's own calendar of means.")
    time: list[str] = Field(description="Begin of each step, or moment of each sample.")
    value: list[float | None]
    sd: list[float | None] | None = Field(description="One standard deviation; null where none is known.")
    uncertainty: str = Field(description="What sd means, and what it leaves out.")
    quality: Quality | None
    source: Origin


Words = Annotated[
    str, Query(max_length=200, description="Words, or beginnings of words.", examples=["DE-Tha"])
]
Box = Annotated[
    str, Query(max_length=200, description="west,south,east,north in degrees.", examples=["5,45,15,55"])
]
OneVariable = Annotated[
    str, Query(max_length=64, description="A variable that they must have.", examples=["nee"])
]
Day = Annotated[str, Query(max_length=40, description="ISO 8601.", examples=["1998-01-01"])]


@router.get("/api/stations", operation_id="stations", tags=TAGS, responses=answers(422))
def every(
    here: Here,
    q: Words = "",
    domain: Domain | None = None,
    bbox: Box = "",
    variable: OneVariable = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> Stations:
    """Stations, the newest version of each, the newest first."""
    asked = Question(
        q,
        bounds(bbox),
        variables=(variable,) if variable else (),
        kinds=(KIND,),
        domains=(domain,) if domain else (),
        limit=limit,
        offset=offset,
    )
    page = here.catalogue.search(asked)
    return Stations(total=page.total, offset=offset, stations=[summary(i) for i in page.items])


@router.get("/api/stations/near", operation_id="stations_near", tags=TAGS, responses=answers(422))
def near(
    here: Here,
    lat: Annotated[float, Query(ge=-90, le=90, examples=[51.0])],
    lon: Annotated[float, Query(ge=-180, le=360, examples=[13.5])],
    variable: OneVariable = "",
    domain: Domain | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 5,
) -> Nearest:
    """The stations nearest to a place, and how far they are."""
    asked = Question(variables=(variable,) if variable else (), domains=(domain,) if domain else ())
    close: list[tuple[float, pystac.Item]] = []
    for reach in REACHES:
        box = around(lat, lon, reach)
        rows = [(distance(i, lat, lon), i) for i in stations(here, replace(asked, bbox=box)) if i.geometry]
        close = sorted((row for row in rows if row[0] <= reach), key=lambda row: (row[0], row[1].id))
        if len(close) >= limit:
            break
    found = [Near(**summary(i).model_dump(), distance_km=round(km, 3)) for km, i in close[:limit]]
    return Nearest(lat=lat, lon=lon, stations=found)


@router.get("/api/stations/{id}", operation_id="station", tags=TAGS, responses=answers(404, 410, 422))
def one(here: Here, id: Named) -> Detail:
    """All that is known of a station: facts, coverage, quality, products, what made them."""
    item = station(here, id)
    page, p = told(here, item), item.properties
    versions = [v.id for v in here.catalogue.versions(item.id)]
    years = pages(item)
    sources = [link for link in item.links if link.rel == "derived_from"]
    inputs = [
        Input(name=str(s.target), sha256=str(s.extra_fields.get("landsink:sha256", ""))) for s in sources
    ]
    return Detail(
        **summary(item).model_dump(exclude={"variables"}),
        variables=page["variables"],
        coverage_by_year=page["coverage"],
        quality=page["quality"],
        headlines=page["headlines"],
        products=[
            _product(item.id, key, asset)
            for key, asset in item.assets.items()
            if "data" in (asset.roles or [])
        ],
        inputs=inputs,
        steps=page["steps"],
        notes=page["notes"],
        method=page["method"],
        source=page["source"],
        rights=p.get("landsink:rights", ""),
        citation=cite(item, "text").strip(),
        record=p["landsink:record"],
        latest=versions[-1],
        versions=versions,
        track=page["track"],
        pages=list(years),
        page=f"/api/stations/{item.id}/page" if years else None,
    )


@router.get(
    "/api/stations/{id}/series",
    operation_id="station_series",
    tags=TAGS,
    response_model=Series,
    responses=answers(404, 410, 413, 422),
)
def series(
    here: Here,
    id: Named,
    variable: Annotated[str, Query(min_length=1, max_length=64, examples=["nee"])],
    start: Annotated[str, Query(alias="from", max_length=40, description="ISO 8601; included.")] = "",
    end: Annotated[str, Query(alias="to", max_length=40, description="ISO 8601; its day is included.")] = "",
    resolution: Annotated[
        Literal["", "native", "day", "month", "year"],
        Query(description="The finest with at most 100 000 values if not given."),
    ] = "",
) -> Response:
    """Values with their uncertainty, unit, sign and quality; means are those of the station's products."""
    item = station(here, id)
    page = told(here, item)
    span = read(part(here, item, "series"), page, variable, resolution, start, end)
    row = next(v for v in page["variables"] if v["name"] == variable)
    known = row["resolutions"][span.resolution]
    quality = None
    if span.flag is not None:
        quality = {"kind": "flag", "code": span.flag.astype(int).tolist(), "meanings": span.meanings}
    elif span.share is not None:
        quality = {"kind": "share", "share": numbers(span.share)}
    made = {
        "station": page["station"],
        "variable": variable,
        "title": row["title"],
        "unit": row["unit"],
        "shown": vars(reading(measured(variable, row["unit"], row["title"]))),
        "sign": row["sign"],
        "resolution": span.resolution,
        "calendar": "UTC" if span.resolution == "native" else "the station's own calendar",
        "time": span.times(),
        "value": numbers(span.value),
        "sd": None if span.sd is None else numbers(span.sd),
        "uncertainty": known["uncertainty"],
        "quality": quality,
        "source": _origin(item, known["product"]),
    }
    # A hundred thousand rows are written once, not checked one by one first.
    return Response(
        json.dumps(made, ensure_ascii=False, separators=(",", ":")), media_type="application/json"
    )


@router.get(
    "/api/stations/{id}/page",
    operation_id="station_page",
    tags=TAGS,
    response_class=Response,
    responses=answers(404, 410, 422)
    | {200: {"description": "The quality page.", "content": {"text/html": {}}}},
)
def page(
    here: Here,
    id: Named,
    year: Annotated[str, Query(pattern=r"^(\d{4})?$", description="The newest if not given.")] = "",
) -> Response:
    """The quality page of a station, made when it was processed: pictures, flags, steps. It runs no script."""
    item = station(here, id)
    found = pages(item)
    key = found.get(year) if year else next(reversed(found.values()), None)
    if key is None:
        years = ", ".join(y for y in found if y)
        raise Refusal(
            404, f"There is no page{f' of {year}' if year else ''}.", f"Pages of: {years or 'none'}."
        )
    path = part(here, item, key)
    headers = {
        "Content-Security-Policy": APART,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=headers)


def pages(item: pystac.Item) -> dict[str, str]:
    """Names of a station's pages by year, the newest last; '' for a page of all years."""
    names = sorted(k for k, a in item.assets.items() if a.media_type == "text/html")
    years = {n: n.rsplit("_", 1)[-1].removesuffix(".html") for n in names}
    return {(y if y.isdigit() and len(y) == 4 else ""): n for n, y in years.items()}


def distance(item: pystac.Item, lat: float, lon: float) -> float:
    """Kilometres along the great circle from a place (degrees) to a station, or to the nearest point of a way."""
    geometry: Any = item.geometry
    points = geometry["coordinates"] if geometry["type"] == "LineString" else [geometry["coordinates"]]
    return min(_apart(lat, lon, float(y), float(x)) for x, y in points)


def around(lat: float, lon: float, reach: float) -> tuple[float, float, float, float]:
    """A box (degrees) that holds all within `reach` km of a place; the whole way round where it holds a pole."""
    angle = degrees(reach / EARTH)
    south, north = max(-90.0, lat - angle), min(90.0, lat + angle)
    if lat - angle <= -90 or lat + angle >= 90:
        return -180.0, south, 180.0, north
    # The circle is widest where its tangent is a meridian, nearer to the pole than its centre.
    wide = degrees(asin(min(1.0, sin(radians(angle)) / cos(radians(lat)))))
    west, east = (lon - wide + 180) % 360 - 180, 2 * wide
    return west, south, west + east, north


def _apart(lat: float, lon: float, north: float, east: float) -> float:
    a, b = radians(lat), radians(north)
    half = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(east - lon) / 2) ** 2
    return 2 * EARTH * asin(sqrt(min(1.0, half)))


def _product(name: str, key: str, asset: pystac.Asset) -> Product:
    return Product(
        name=asset.href.rsplit("/", 1)[-1],
        title=asset.title or key,
        media=asset.media_type or "application/octet-stream",
        size=asset.extra_fields.get("file:size", 0),
        sha256=asset.extra_fields.get("file:checksum", "")[4:],
        href=f"/api/objects/{name}/data?asset={key}",
    )


def _origin(item: pystac.Item, product: str) -> dict[str, Any]:
    short = summary(item)
    return {
        "id": short.id,
        "title": short.title,
        "licence": short.licence,
        "product": product,
        "generated": short.generated,
        "href": short.href,
    }


router.include_router(features.router)
