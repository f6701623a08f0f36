"""OGC API – Features part 1 (OGC 17-069r4): the abstract tests of Core and GeoJSON, by their ids.

The stations at /api and the objects at /api/stac are both collections of features: each test asks both.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from geojson_pydantic import Feature, FeatureCollection

from tests.portal import standards
from tests.portal.standards import CRS84, FEATURES, GEOJSON, PROBLEM, parameter, rels


@dataclass(frozen=True)
class Shelf:
    """A collection of features: where the API begins, its name, the members of a feature that bear its time."""

    root: str
    name: str
    times: tuple[str, str]

    @property
    def path(self) -> str:
        """Where the collection is."""
        return f"{self.root}/collections/{self.name}"


STATIONS = Shelf("/api", "stations", ("start", "end"))
RUNS = Shelf("/api/stac", "runs", ("start_datetime", "end_datetime"))
SHELVES = [STATIONS, RUNS, Shelf("/api/stac", "stations", ("start_datetime", "end_datetime"))]


@pytest.fixture(scope="module")
def held(pytestconfig, tmp_path_factory):
    return standards.shared(pytestconfig, tmp_path_factory)


@pytest.fixture(scope="module")
def ask(held):
    return standards.asking(held)


@pytest.fixture(scope="module", params=SHELVES, ids=lambda s: s.path)
def shelf(request):
    return request.param


def every(ask, shelf):
    """All features of a collection."""
    return ask(f"{shelf.path}/items?limit=1000", media=GEOJSON)["features"]


def documented(shelf):
    """The path of the items in the OpenAPI document."""
    return "/api/stac/collections/{collection}/items" if "stac" in shelf.root else f"{shelf.path}/items"


def test_coordinates(ask, shelf):
    """/conf/core/crs84: every place is a longitude and a latitude in degrees, and no other system is named."""
    page = ask(shelf.path)
    assert page.get("crs", [CRS84])[0] == CRS84
    assert page["extent"]["spatial"].get("crs", CRS84) == CRS84
    for feature in every(ask, shelf):
        west, south, east, north = feature["bbox"]
        assert -180 <= west <= 180 and -90 <= south <= north <= 90 and west <= east and "crs" not in feature


def test_collections(ask, held, shelf):
    """/conf/core/fc-md-op, fc-md-success, fc-md-links, fc-md-items, fc-md-items-links."""
    page = ask(f"{shelf.root}/collections")
    assert rels(page)["self"].endswith(f"{shelf.root}/collections")
    for one in page["collections"]:
        assert one["id"] and all(link["rel"] and link["type"] for link in one["links"])
        assert one.get("crs", [CRS84])[0] == CRS84
    found = [one for one in page["collections"] if one["id"] == shelf.name]
    assert len(found) == 1
    items = [x for x in found[0]["links"] if x["rel"] == "items"]
    assert [x["type"] for x in items] == [GEOJSON] and items[0]["href"].endswith(f"{shelf.path}/items")
    assert all(link["rel"] and link["type"] for link in page["links"])


def test_extent(ask, shelf):
    """/conf/core/fc-md-extent: the extent holds every feature, in space and time."""
    reach = ask(shelf.path)["extent"]
    west, south, east, north = reach["spatial"]["bbox"][0]
    first, last = reach["temporal"]["interval"][0]
    for feature in every(ask, shelf):
        a, b, c, d = feature["bbox"]
        assert west <= a and south <= b and c <= east and d <= north
        start, end = (feature["properties"][name] for name in shelf.times)
        assert (first is None or first <= start) and (last is None or end <= last)


def test_collection(ask, shelf):
    """/conf/core/sfc-md-op, sfc-md-success: the same as in the list of all."""
    listed = next(c for c in ask(f"{shelf.root}/collections")["collections"] if c["id"] == shelf.name)
    assert ask(shelf.path) == listed
    ask(f"{shelf.root}/collections/nosuchcollection", 404, PROBLEM)


def test_parameters_are_documented_as_the_standard_has_them(ask, shelf):
    """/conf/core/fc-bbox-definition, fc-limit-definition, fc-time-definition."""
    document = ask("/api/openapi.json")
    asked = {name: parameter(document, documented(shelf), name) for name in ("bbox", "limit", "datetime")}
    for said in asked.values():
        assert (said["in"], said.get("required", False), said["style"], said["explode"]) == (
            "query", False, "form", False,
        )  # fmt: skip
    box = asked["bbox"]["schema"]
    assert (box["type"], box["items"], box["minItems"], box["maxItems"]) == (
        "array",
        {"type": "number"},
        4,
        6,
    )
    assert asked["limit"]["schema"]["type"] == "integer" and asked["limit"]["schema"]["minimum"] == 1
    assert asked["datetime"]["schema"]["type"] == "string"


def test_features(ask, shelf):
    """/conf/core/fc-op, fc-response, fc-links, fc-numberMatched, fc-numberReturned; /conf/geojson/content."""
    page = ask(f"{shelf.path}/items", media=GEOJSON)
    FeatureCollection[Feature].model_validate(page)
    assert page["type"] == "FeatureCollection" and page["features"]
    assert page["numberReturned"] == len(page["features"]) <= page["numberMatched"]
    assert page["numberMatched"] == len(every(ask, shelf))
    assert rels(page)["self"].endswith(f"{shelf.path}/items") or "/items?" in rels(page)["self"]
    assert all(link["rel"] and link["type"] for link in page["links"])


def test_the_self_link_leads_to_the_same_page(ask, shelf):
    """/conf/core/fc-links: 'self' is this document with its question, not another."""
    page = ask(f"{shelf.path}/items?limit=1&datetime=2001-06-01T00:00:00Z/..", media=GEOJSON)
    address = urlsplit(rels(page)["self"])
    again = ask(f"{address.path}?{address.query}", media=GEOJSON)
    assert again["features"] == page["features"] and again["numberMatched"] == page["numberMatched"]


def test_time_stamp(ask):
    """/conf/core/fc-timeStamp: the moment of the answer. STAC's pages have none, as they may."""
    before = datetime.now(UTC) - timedelta(seconds=2)
    stamp = datetime.fromisoformat(ask(f"{STATIONS.path}/items", media=GEOJSON)["timeStamp"])
    assert before <= stamp <= datetime.now(UTC) + timedelta(seconds=2)
    assert "timeStamp" not in ask(f"{RUNS.path}/items", media=GEOJSON)


def test_feature(ask, shelf):
    """/conf/core/f-op, f-success, f-links; /conf/geojson/content."""
    for feature in every(ask, shelf):
        one = ask(f"{shelf.path}/items/{feature['id']}", media=GEOJSON)
        Feature.model_validate(one)
        assert one["id"] == feature["id"] and one["geometry"] == feature["geometry"]
        assert rels(one)["self"].endswith(f"{shelf.path}/items/{one['id']}")
        assert rels(one)["collection"].endswith(shelf.path)
        assert all(link["rel"] and link["type"] for link in one["links"])
    ask(f"{shelf.path}/items/nosuchfeature", 404, PROBLEM)


def test_media_types(ask, shelf):
    """/conf/geojson/definition: features are GeoJSON, all else is JSON, whoever asks for them so."""
    for path in (f"{shelf.path}/items", f"{shelf.path}/items/{every(ask, shelf)[0]['id']}"):
        ask(path, media=GEOJSON, accept=GEOJSON)
    for path in (shelf.root, f"{shelf.root}/conformance", f"{shelf.root}/collections", shelf.path):
        ask(path, accept="application/json")


def test_limit(ask, shelf):
    """/conf/core/fc-limit-response: pages hold everything once and lead on; above the maximum is the maximum."""
    whole = sorted(f["id"] for f in every(ask, shelf))
    address, seen = f"{shelf.path}/items?limit=1", []
    while address:
        page = ask(address, media=GEOJSON)
        assert len(page["features"]) == 1
        seen += [f["id"] for f in page["features"]]
        address = rels(page).get("next")
    assert sorted(seen) == whole
    most = parameter(ask("/api/openapi.json"), documented(shelf), "limit")["schema"]["maximum"]
    assert most == 1000
    assert ask(f"{shelf.path}/items?limit={most + 1}", media=GEOJSON)["numberReturned"] == len(whole)


BOXES = [
    "-156,19,-155,20",
    "-180,-90,180,90",
    "170,10,-150,30",
    "0,0,1,1",
    "-156,19,0,-155,20,9",
    "4,44,9,48",
]


@pytest.mark.parametrize("box", BOXES)
def test_box(ask, shelf, box):
    """/conf/core/fc-bbox-response: what meets the box, and nothing else. All features here have a place."""
    edges = [float(e) for e in box.split(",")]
    west, south, east, north = edges if len(edges) == 4 else (*edges[:2], *edges[3:5])

    def meets(feature):
        a, b, c, d = feature["bbox"]
        spans = [(west, east)] if west <= east else [(west, 180), (-180, east)]
        return any(a <= hi and c >= lo for lo, hi in spans) and b <= north and d >= south

    found = ask(f"{shelf.path}/items?limit=1000&bbox={box}", media=GEOJSON)["features"]
    assert {f["id"] for f in found} == {f["id"] for f in every(ask, shelf) if meets(f)}


TIMES = ["2019-06-01T00:00:00Z", "2019-01-01T00:00:00Z/2019-12-31T23:59:59Z", "../2018-12-31T00:00:00Z",
         "/2001-12-31T00:00:00Z", "2020-02-01T00:00:00Z/..", "2002-06-01T00:00:00Z/",
         "2001-06-01T12:00:00%2B05:30"]  # fmt: skip


@pytest.mark.parametrize("when", TIMES)
def test_time(ask, shelf, when):
    """/conf/core/fc-time-response: a moment, an interval, one half open by dots and by nothing. All have a time."""
    parts = (when if "/" in when else f"{when}/{when}").split("/")
    start, end = ("" if p == ".." else p for p in parts)
    found = ask(f"{shelf.path}/items?limit=1000&datetime={when}", media=GEOJSON)["features"]

    def meets(feature):
        a, b = (feature["properties"][name][:10] for name in shelf.times)
        return a <= (end[:10] or "9") and b >= start[:10]

    assert {f["id"] for f in found} == {f["id"] for f in every(ask, shelf) if meets(f)}


@pytest.mark.parametrize("query", ["nosuch=1", "LIMIT=1", "bboxx=0,0,1,1"])
def test_unknown_parameters(ask, shelf, query):
    """/conf/core/query-param-unknown."""
    ask(f"{shelf.path}/items?{query}", 400, PROBLEM)
    ask(f"{shelf.path}/items/{every(ask, shelf)[0]['id']}?{query}", 400, PROBLEM)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "bbox=1,2,3", "bbox=a,b,c,d", "datetime=x", "bbox=0,9,1,8"]
)
def test_invalid_values(ask, shelf, query):
    """/conf/core/query-param-invalid."""
    ask(f"{shelf.path}/items?{query}", 400, PROBLEM)


COVERS = {
    f"{FEATURES}/core": {
        "/conf/core/crs84": test_coordinates,
        **dict.fromkeys(
            [f"/conf/core/fc-md-{x}" for x in ("op", "success", "links", "items", "items-links")],
            test_collections,
        ),
        "/conf/core/fc-md-extent": test_extent,
        "/conf/core/sfc-md-op": test_collection,
        "/conf/core/sfc-md-success": test_collection,
        **dict.fromkeys(
            [f"/conf/core/fc-{x}-definition" for x in ("bbox", "limit", "time")],
            test_parameters_are_documented_as_the_standard_has_them,
        ),
        "/conf/core/fc-bbox-response": test_box,
        "/conf/core/fc-limit-response": test_limit,
        "/conf/core/fc-time-response": test_time,
        "/conf/core/query-param-invalid": test_invalid_values,
        "/conf/core/query-param-unknown": test_unknown_parameters,
        **dict.fromkeys(
            [f"/conf/core/fc-{x}" for x in ("op", "response", "numberMatched", "numberReturned")],
            test_features,
        ),
        "/conf/core/fc-links": test_the_self_link_leads_to_the_same_page,
        "/conf/core/fc-timeStamp": test_time_stamp,
        **dict.fromkeys([f"/conf/core/f-{x}" for x in ("op", "success", "links")], test_feature),
    },
    f"{FEATURES}/geojson": {
        "/conf/geojson/definition": test_media_types,
        "/conf/geojson/content": test_feature,
    },
}
