"""OGC API – Features, part 1 core: the stations as a collection of GeoJSON features."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import pystac
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from landsink.catalogue import Query as Question
from landsink.catalogue.metadata import instant
from landsink.catalogue.station_item import DOMAINS, KIND
from landsink.core.errors import DataError
from landsink.portal.context import Address, Context, Here
from landsink.portal.coverage import CRS84, WKT, spoken
from landsink.portal.extents import Bbox, extent
from landsink.portal.objects import box
from landsink.portal.problems import Refusal, answers, known_only
from landsink.portal.records import Link
from landsink.portal.station_summary import Named, station, summary

router = APIRouter(tags=["features"], dependencies=[Depends(known_only)])
GEOJSON = "application/geo+json"
CONFORMS = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
)
MOST, USUAL = 1000, 10
PATH = "/api/collections/stations"


class Feature(BaseModel):
    """A station as a GeoJSON feature: a point, or a ship's way."""

    model_config = ConfigDict(extra="allow")
    type: str = Field("Feature", examples=["Feature"])
    id: str
    geometry: dict[str, Any] | None
    bbox: list[float] | None = None
    properties: dict[str, Any]
    links: list[Link] = []


class FeatureCollection(BaseModel):
    """A page of features."""

    type: str = Field("FeatureCollection", examples=["FeatureCollection"])
    features: list[Feature]
    links: list[Link]
    timeStamp: str
    numberMatched: int
    numberReturned: int


class Collection(BaseModel):
    """The collection as OGC API describes it."""

    model_config = ConfigDict(extra="allow")
    id: str
    title: str
    description: str
    links: list[Link]
    extent: dict[str, Any]
    itemType: str
    crs: list[str]


def collection(here: Context, base: str) -> dict[str, Any]:
    """The stations as a member of /api/collections; `base` is the server's address."""
    root = f"{base}{PATH}"
    reach = extent(here.catalogue, KIND)
    start, end = reach["temporal"]["interval"][0]
    values = [f"{start}/{end}"] if start and end else []
    return {
        "id": "stations",
        "title": "Stations",
        "description": "Processed records of flux towers, mole fractions in air and CO2 of surface water;"
        " the newest version of each. Each feature bears its own licence.",
        "itemType": "feature",
        "crs": [CRS84],
        "output_formats": ["GeoJSON"],
        "data_queries": {"items": {"link": _query(root)}},
        "parameter_names": _parameters(here),
        "extent": {
            "spatial": reach["spatial"] | {"crs": CRS84},
            "temporal": reach["temporal"]
            | {"trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian", "values": values},
        },
        "links": [
            {"href": root, "rel": "self", "type": "application/json", "title": "This collection"},
            {"href": f"{root}/items", "rel": "items", "type": GEOJSON, "title": "The stations"},
            _query(root),
            {
                "href": f"{base}/api/stations",
                "rel": "alternate",
                "type": "application/json",
                "title": "With coverage",
            },
        ],
    }


def _query(root: str) -> dict[str, Any]:
    """The items as the one query of OGC EDR that the stations answer."""
    about = {"query_type": "items", "output_formats": ["GeoJSON"], "default_output_format": "GeoJSON"}
    return {
        "href": f"{root}/items",
        "rel": "data",
        "type": GEOJSON,
        "title": "The stations",
        "variables": {"title": "The stations", **about, "crs_details": [{"crs": "CRS84", "wkt": WKT}]},
    }


def _parameters(here: Context) -> dict[str, Any]:
    """What stations measure, as OGC EDR writes it: the variables of the newest station of each domain."""
    newest = (Question(kinds=(KIND,), domains=(domain,), limit=1) for domain in DOMAINS)
    held = [item for asked in newest for item in here.catalogue.search(asked).items]
    columns = {name: facts for item in held for name, facts in item.properties["landsink:columns"].items()}
    return {name: spoken(name, facts["description"], facts["unit"]) for name, facts in columns.items()}


Form = Annotated[str, Query(max_length=20, description="GeoJSON, or json.", examples=["GeoJSON"])]


@router.get(PATH, operation_id="stations_collection", response_model=Collection, responses=answers(400))
def described(here: Here, base: Address, f: Form = "") -> dict[str, Any]:
    """The collection of stations."""
    _formed(f)
    return collection(here, base)


@router.get(
    f"{PATH}/items",
    operation_id="stations_items",
    response_model=FeatureCollection,
    responses=answers(400) | {200: {"description": "A page of features.", "content": {GEOJSON: {}}}},
)
def items(
    here: Here,
    base: Address,
    bbox: Bbox = None,
    datetime: Annotated[
        str,
        Query(max_length=80, description="A moment, a/b, a/.. or ../b.", examples=["1998-01-01/1998-12-31"]),
    ] = "",
    limit: Annotated[
        int, Query(ge=1, json_schema_extra={"maximum": MOST}, description="More is taken as 1000.")
    ] = USUAL,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000, description="Features to pass over.")] = 0,
    f: Form = "",
) -> Response:
    """Stations, the newest version of each: those that lie within the box and were measured in the time."""
    _formed(f)
    most = min(limit, MOST)
    try:
        start, end = _times(datetime)
        asked = Question(
            "", box(bbox or ""), start, end, kinds=(KIND,), limit=most, offset=offset, loose=True
        )
        page = here.catalogue.search(asked)
    except DataError as error:
        raise Refusal(400, error.found, error.expected, error.remedy) from error
    told = {k: v for k, v in {"bbox": bbox, "datetime": datetime}.items() if v}
    made = FeatureCollection(
        features=[Feature(**feature(item, base)) for item in page.items],
        links=_links(base, told, most, offset, page.total),
        timeStamp=_now(),
        numberMatched=page.total,
        numberReturned=len(page.items),
    )
    return Response(made.model_dump_json(), media_type=GEOJSON)


@router.get(
    f"{PATH}/items/{{id}}",
    operation_id="stations_item",
    response_model=Feature,
    responses=answers(400, 404) | {200: {"description": "A feature.", "content": {GEOJSON: {}}}},
)
def item(here: Here, base: Address, id: Named, f: Form = "") -> Response:
    """One station, of any version."""
    _formed(f)
    made = Feature(**feature(station(here, id), base))
    made.links.insert(0, Link(href=f"{base}{PATH}/items/{id}", rel="self", type=GEOJSON))
    made.links.append(Link(href=f"{base}{PATH}", rel="collection", type="application/json"))
    return Response(made.model_dump_json(), media_type=GEOJSON)


def feature(item: pystac.Item, base: str) -> dict[str, Any]:
    """A station as a feature; `base` is the server's address."""
    short = summary(item).model_dump(exclude={"id", "bbox", "place"})
    place = {k: v for k, v in summary(item).place.model_dump().items() if v is not None}
    own = f"{base}/api/stations/{item.id}"
    start, end = (short["period"] or (None, None))[:2]
    return {
        "id": item.id,
        "geometry": item.geometry,
        "bbox": item.bbox,
        "properties": short | place | {"start": start, "end": end},
        "links": [
            {"href": own, "rel": "alternate", "type": "application/json", "title": "Facts and coverage"},
            {"href": f"{base}/objects/{item.id}", "rel": "about", "type": "text/html", "title": "The object"},
        ],
    }


def _times(text: str) -> tuple[str, str]:
    """Start and end of a moment or an interval; '' where it is open."""
    parts = text.split("/")
    if len(parts) > 2 or (len(parts) == 2 and all(p in ("", "..") for p in parts)):
        raise DataError(
            f"'{text}' is no time.", "2001-01-01, 2001-01-01/2002-12-31, 2001-01-01/.. or ../2002-12-31."
        )
    ends = ["" if p == ".." else p for p in parts]
    for word in ends:
        if word and instant(word) is None:
            raise DataError(
                f"'{word}' is no date.", "A day as 2024-05-31, or a moment as 2024-05-31T12:00:00Z."
            )
    start, end = ends[0], ends[-1]
    return start, end


def _links(base: str, told: Mapping[str, str], limit: int, offset: int, total: int) -> list[Link]:
    """Self, collection, and the pages before and behind."""

    def page(rel: str, at: int) -> Link:
        asked = urlencode({**told, "limit": limit, "offset": at})
        return Link(href=f"{base}{PATH}/items?{asked}", rel=rel, type=GEOJSON)

    made = [page("self", offset), Link(href=f"{base}{PATH}", rel="collection", type="application/json")]
    if offset + limit < total:
        made.append(page("next", offset + limit))
    if offset > 0:
        made.append(page("prev", max(0, offset - limit)))
    return made


def _formed(form: str) -> None:
    if form.lower() not in ("", "json", "geojson", GEOJSON):
        raise Refusal(400, f"The form f is '{form}'.", "json.")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
