"""OGC API – Environmental Data Retrieval 1.1: every product is a collection, asked by place, area, box or country."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from landsink.catalogue.releases import Release
from landsink.portal import coverage, stations, window
from landsink.portal.context import Address, Here
from landsink.portal.numbers import instants
from landsink.portal.problems import answers
from landsink.portal.products import Named, found, names, variable_of

router = APIRouter(tags=["edr"])
CONFORMS = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/core",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/collections",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/json",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/covjson",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/queries",
]
FORMATS = ("CoverageJSON", "NetCDF", "CSV")
QUERIES = ("position", "area", "cube", "locations")
TITLES = {
    "position": "The cell that holds a point",
    "area": "Cells whose centre lies in a polygon",
    "cube": "Cells whose centre lies in a box",
    "locations": "Cells of a country",
}


class Link(BaseModel):
    """A link of the web."""

    model_config = ConfigDict(extra="allow")
    href: str
    rel: str
    type: str = "application/json"
    title: str = ""


class Collection(BaseModel):
    """A collection as OGC API describes it."""

    model_config = ConfigDict(extra="allow")
    id: str
    title: str
    description: str = ""
    links: list[Link]
    extent: dict[str, Any] = Field(default_factory=dict)


class Collections(BaseModel):
    """All collections."""

    links: list[Link]
    collections: list[Collection]


def describe(release: Release, base: str) -> dict[str, Any]:
    """A product as a collection: extent, parameters and the queries that it answers. `base`: the server's address."""
    root = f"{base}/api/collections/{release.id}"
    west, south, east, north = window.edges(release)
    times = instants(release.time)
    mark = "GENERATED DATA, not observed. " if release.generated else ""
    return {
        "id": release.id,
        "title": release.title,
        "description": f"{mark}{release.title}. Licence {release.licence}.",
        "keywords": sorted(release.variables),
        "links": [
            {"href": root, "rel": "self", "type": "application/json", "title": "This collection"},
            {
                "href": f"{base}/objects/{release.id}",
                "rel": "alternate",
                "type": "text/html",
                "title": "The object",
            },
            *(_query(root, name)["link"] for name in QUERIES),
        ],
        "extent": {
            "spatial": {"bbox": [[west, south, east, north]], "crs": coverage.CRS84},
            "temporal": {"interval": [[times[0], times[-1]]], "values": times, "trs": "Gregorian"},
        },
        "data_queries": {name: _query(root, name) for name in QUERIES},
        "crs": [coverage.CRS84, "CRS84"],
        "output_formats": list(FORMATS),
        "parameter_names": {
            name: coverage.plain(coverage.parameter(name, variable_of(release, name)))
            for name in names(release)
        },
    }


def _query(root: str, name: str) -> dict[str, Any]:
    formats = ["GeoJSON", *FORMATS] if name == "locations" else list(FORMATS)
    # A cube must tell its units of height; the products have no levels, hence none.
    heights = {"height_units": []} if name == "cube" else {}
    return {
        "link": {
            "href": f"{root}/{name}",
            "rel": "data",
            "type": "application/geo+json" if name == "locations" else coverage.MEDIA,
            "title": TITLES[name],
            "variables": {
                "title": TITLES[name],
                "query_type": name,
                "output_formats": formats,
                "default_output_format": formats[0],
                "crs_details": [{"crs": "CRS84", "wkt": coverage.WKT}],
                **heights,
            },
        }
    }


@router.get(
    "/api/collections",
    operation_id="collections",
    summary="All collections: the gridded products and the stations",
    response_model=Collections,
    responses=answers(422),
)
def collections(here: Here, base: Address) -> dict[str, Any]:
    """Every product answers OGC EDR; the stations are features."""
    link = {
        "href": f"{base}/api/collections",
        "rel": "self",
        "type": "application/json",
        "title": "Collections",
    }
    rows = [describe(release, base) for release in here.releases.list()]
    return {"links": [link], "collections": [stations.collection(here, base), *rows]}


@router.get(
    "/api/collections/{id}",
    operation_id="collection",
    summary="One product as a collection",
    response_model=Collection,
    responses=answers(400, 403, 404),
)
def collection(here: Here, base: Address, id: Named) -> dict[str, Any]:
    """Extent, parameters with units, and the queries that are answered."""
    return describe(found(here, id), base)
