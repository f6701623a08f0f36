"""Conformance to standards: the abstract tests of OGC API – Features and EDR by their names, STAC by its validator.

Sources: OGC 17-069r4 (Features part 1), Annex A; OGC 19-086r6 (EDR 1.1), Annex A; STAC API 1.0.0. GeoJSON, CoverageJSON
and EDR pages are read by models that forbid what the standards do not know; STAC by the published JSON schemas, which
pystac brings. Schemas of STAC extensions are brought by nobody and not asked for.
"""

import json
import threading
import time
from datetime import datetime
from urllib.parse import urlsplit

import pytest
import requests
import uvicorn
from covjson_pydantic.coverage import Coverage
from edr_pydantic.capabilities import ConformanceModel, LandingPageModel
from edr_pydantic.collections import Collection as EdrCollection
from geojson_pydantic import Feature, FeatureCollection
from openapi_spec_validator import validate as validate_document
from pystac.validation.local_validator import get_local_schema_cache
from stac_api_validator.validations import QueryConfig, validate_api
from stac_pydantic.api import Collections, ItemCollection, LandingPage

from tests.portal.everything import everything
from tests.portal.small import client

FEATURES = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf"
EDR = "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf"
STATIONS = "/api/collections/stations"
GEOJSON, COVJSON = "application/geo+json", "application/vnd.cov+json"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return everything(tmp_path_factory.mktemp("conformance"))


@pytest.fixture(scope="module")
def ask(held):
    """Asks a path, and has the answer that is expected: of this status and type."""
    asked = client(held.app)

    def get(path, status=200, media="application/json"):
        answer = asked.get(path)
        assert answer.status_code == status, (path, answer.text[:500])
        assert answer.headers["content-type"].split(";")[0] == media, path
        return answer.json()

    return get


def rels(page):
    """The addresses of a page's links by relation."""
    return {link["rel"]: link["href"] for link in page["links"]}


# --- OGC API – Features part 1: conformance class Core, OpenAPI 3.0, GeoJSON


def test_root_and_conformance(ask):
    """/conf/core/root-op, root-success, api-definition-op, api-definition-success, conformance-op, -success."""
    root = ask("/api")
    LandingPageModel.model_validate(root)
    assert {"service-desc", "service-doc", "conformance", "data"} <= set(rels(root))
    document = ask("/api/openapi.json")
    validate_document(document)
    claimed = ConformanceModel.model_validate(ask("/api/conformance")).conformsTo
    assert {f"{FEATURES}/core", f"{FEATURES}/geojson"} <= set(claimed)
    assert {
        f"{EDR}/{part}" for part in ("core", "collections", "json", "geojson", "covjson", "queries")
    } <= set(claimed)


def test_collections(ask, held):
    """/conf/core/fc-md-op, fc-md-success, fc-md-links, fc-md-items, fc-md-items-links, fc-md-extent, sfc-md-success."""
    page = ask("/api/collections")
    assert rels(page)["self"].endswith("/api/collections")
    assert {c["id"] for c in page["collections"]} == {"stations", held.product}
    for one in page["collections"]:
        assert one == ask(f"/api/collections/{one['id']}")
        assert all(link.get("type") for link in one["links"])
        west, south, east, north = one["extent"]["spatial"]["bbox"][0]
        assert -180 <= west <= east <= 180 and -90 <= south <= north <= 90
        assert one["extent"]["spatial"]["crs"] == CRS84
        start, end = one["extent"]["temporal"]["interval"][0]
        assert start is None or end is None or start <= end
    stations = next(c for c in page["collections"] if c["id"] == "stations")
    assert rels(stations)["items"].endswith(f"{STATIONS}/items") and stations["itemType"] == "feature"
    ask("/api/collections/nosuchcollection", 404, "application/problem+json")


def test_features(ask, held):
    """/conf/core/fc-op, fc-response, fc-links, fc-rel-type, fc-timeStamp, fc-numberMatched, fc-numberReturned,
    /conf/geojson/content."""
    page = ask(f"{STATIONS}/items", media=GEOJSON)
    FeatureCollection[Feature].model_validate(page)
    assert {f["id"] for f in page["features"]} == set(held.stations)
    assert page["numberReturned"] == len(page["features"]) and page["numberMatched"] == len(held.stations)
    assert datetime.fromisoformat(page["timeStamp"]).tzinfo is not None
    assert all(link["type"] for link in page["links"]) and "self" in rels(page)


def test_feature(ask, held):
    """/conf/core/f-op, f-success, f-links."""
    for name in held.stations:
        one = ask(f"{STATIONS}/items/{name}", media=GEOJSON)
        Feature.model_validate(one)
        assert one["id"] == name and {"self", "collection"} <= set(rels(one))
        assert rels(one)["self"].endswith(f"{STATIONS}/items/{name}")
    ask(f"{STATIONS}/items/nosuchfeature", 404, "application/problem+json")


def test_limit(ask, held):
    """/conf/core/fc-limit-definition, fc-limit-response: pages hold everything once and lead on."""
    address, seen = f"{STATIONS}/items?limit=1", []
    while address:
        page = ask(address, media=GEOJSON)
        assert len(page["features"]) == 1
        seen += [f["id"] for f in page["features"]]
        address = rels(page).get("next")
    assert sorted(seen) == sorted(held.stations)
    assert ask(f"{STATIONS}/items?limit=1000000", media=GEOJSON)["numberReturned"] == len(seen)


@pytest.mark.parametrize(
    "box", ["-156,19,-155,20", "-180,-90,180,90", "170,10,-150,30", "0,0,1,1", "-156,19,0,-155,20,9"]
)
def test_box(ask, box):
    """/conf/core/fc-bbox-definition, fc-bbox-response, /conf/crs/crs84: what meets the box, and nothing else."""
    edges = [float(e) for e in box.split(",")]
    west, south, east, north = edges if len(edges) == 4 else (*edges[:2], *edges[3:5])

    def meets(feature):
        a, b, c, d = feature["bbox"]
        spans = [(west, east)] if west <= east else [(west, 180), (-180, east)]
        return any(a <= hi and c >= lo for lo, hi in spans) and b <= north and d >= south

    every = ask(f"{STATIONS}/items?limit=1000", media=GEOJSON)["features"]
    found = ask(f"{STATIONS}/items?limit=1000&bbox={box}", media=GEOJSON)["features"]
    assert {f["id"] for f in found} == {f["id"] for f in every if meets(f)}


@pytest.mark.parametrize("when", ["2019-06-01T00:00:00Z", "2019-01-01T00:00:00Z/2019-12-31T23:59:59Z",
                                  "../2018-12-31T00:00:00Z",
                                  "2020-02-01T00:00:00Z/.."])  # fmt: skip
def test_time(ask, when):
    """/conf/core/fc-time-definition, fc-time-response: what meets the time, and nothing else."""
    parts = (when if "/" in when else f"{when}/{when}").split("/")
    start, end = ("" if p == ".." else p for p in parts)
    every = ask(f"{STATIONS}/items?limit=1000", media=GEOJSON)["features"]
    found = ask(f"{STATIONS}/items?limit=1000&datetime={when}", media=GEOJSON)["features"]
    want = {
        f["id"]
        for f in every
        if f["properties"]["start"][:10] <= (end[:10] or "9") and f["properties"]["end"][:10] >= start[:10]
    }
    assert {f["id"] for f in found} == want


@pytest.mark.parametrize(
    "query", ["nosuch=1", "limit=0", "limit=-1", "limit=x", "bbox=1,2,3", "datetime=x", "bbox=0,9,1,8"]
)
def test_bad_questions(ask, query):
    """/conf/core/query-param-unknown, query-param-invalid."""
    ask(f"{STATIONS}/items?{query}", 400, "application/problem+json")


# --- OGC API – EDR 1.1: conformance classes Core, Collections, Queries, CoverageJSON


def test_edr_collections(ask, held):
    """/conf/collections/rc-md-success, rc-collection-info, rc-data-queries, rc-common-variables,
    /conf/edr/rc-parameters."""
    one = ask(f"/api/collections/{held.product}")
    EdrCollection.model_validate_json(json.dumps(one))
    formats = one["output_formats"]
    for name, query in one["data_queries"].items():
        said = query["link"]["variables"]
        assert said["query_type"] == name and urlsplit(query["link"]["href"]).path.endswith(f"/{name}")
        assert said["default_output_format"] in said["output_formats"] and said["crs_details"]
    assert "CoverageJSON" in formats and one["crs"] == ["CRS84"]
    for name, parameter in one["parameter_names"].items():
        assert parameter["id"] == name and parameter["unit"]["symbol"]["value"]


QUERIES = {
    "position": "coords=POINT(8 45)", "area": "coords=POLYGON((0 40,20 40,20 60,0 60,0 40))", "cube": "bbox=0,40,20,60",
    "locations/AAA": "",
}  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_edr_queries(ask, held, query):
    """/conf/position, /conf/area, /conf/cube, /conf/locations, /conf/edr/rc-coords-response,
    rc-parameter-name-response, /conf/core/datetime-response, /conf/covjson/content."""
    root = f"/api/collections/{held.product}/{query}?{QUERIES[query]}"
    whole = Coverage.model_validate_json(json.dumps(known(ask(root, media=COVJSON))))
    assert set(whole.ranges) == set(whole.parameters.root)
    part = ask(
        f"{root}&parameter-name=gpp&datetime=2001-03-01T00:00:00Z/2001-05-01T00:00:00Z&crs=CRS84",
        media=COVJSON,
    )
    held_part = Coverage.model_validate_json(json.dumps(known(part)))
    assert set(held_part.ranges) == {"gpp"} and len(part["domain"]["axes"]["t"]["values"]) == 3


def known(page):
    """A coverage without the member of our own name, which CoverageJSON allows and its strict model does not."""
    return {k: v for k, v in page.items() if not k.startswith("landsink:")}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("position", "/conf/edr/rc-coords-definition"), ("position?coords=POINT(8)", "/conf/edr/rc-coords-response"),
        ("position?coords=POINT(8 45)&parameter-name=nosuch", "/conf/edr/rc-parameter-name-response"),
        ("position?coords=POINT(8 45)&crs=EPSG:3857", "/conf/edr/REQ_rc-crs-response"),
        ("position?coords=POINT(8 45)&f=GRIB", "/conf/collections/rc-f-response"),
        ("position?coords=POINT(8 45)&datetime=2001-13", "/conf/core/datetime-response"),
        ("cube?bbox=1,2,3", "/conf/edr/rc-bbox-response"), ("area?coords=POINT(8 45)", "/conf/edr/rc-coords-response"),
    ],
)  # fmt: skip
def test_edr_bad_questions(ask, held, query, why):
    ask(f"/api/collections/{held.product}/{query}", 400, "application/problem+json")


def test_edr_locations_are_geojson(ask, held):
    """/conf/locations, /conf/geojson/content."""
    page = ask(f"/api/collections/{held.product}/locations", media=GEOJSON)
    FeatureCollection[Feature].model_validate(page)
    assert {f["id"] for f in page["features"]} == {"AAA", "BBB", "CCC"}


# --- STAC API 1.0.0


def test_stac_pages_are_as_stac_pydantic_knows_them(ask):
    LandingPage.model_validate(ask("/api/stac"))
    for one in Collections.model_validate(ask("/api/stac/collections")).collections:
        ItemCollection.model_validate(ask(f"/api/stac/collections/{one.id}/items", media=GEOJSON))
    assert len(ItemCollection.model_validate(ask("/api/stac/search?limit=100", media=GEOJSON)).features) > 8


@pytest.fixture
def offline(monkeypatch):
    """Published schemas come from pystac, those of extensions allow all; no other machine is asked."""
    cache, plain = get_local_schema_cache(), requests.Session.request

    def request(self, method, url, *more, **named):
        if urlsplit(url).hostname == "127.0.0.1":
            return plain(self, method, url, *more, **named)
        answer = requests.Response()
        known = cache.get(url) if not url.startswith("https://stac-extensions.github.io/") else {}
        answer.status_code, answer.url = (404, url) if known is None else (200, url)
        answer._content = json.dumps(known).encode()
        return answer

    monkeypatch.setattr(requests.Session, "request", request)


@pytest.fixture
def address(held):
    """The application at an address of this machine."""
    server = uvicorn.Server(uvicorn.Config(held.app, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.mark.filterwarnings("ignore")
def test_stac_api_validator_finds_no_error(address, offline):
    world = {
        "type": "Polygon",
        "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]],
    }
    nothing = QueryConfig(*[None] * len(QueryConfig.__dataclass_fields__))
    warnings, errors = validate_api(
        root_url=f"{address}/api/stac",
        ccs_to_validate=["core", "collections", "features", "item-search"],
        collection="runs",
        geometry=json.dumps(world),
        auth_bearer_token=None,
        auth_query_parameter=None,
        fields_nested_property=None,
        validate_pagination=True,
        query_config=nothing,
        transaction_collection=None,
        headers=None,
        open_assets_urls=False,
    )
    assert not list(errors), "\n".join(map(str, errors))
    print("\n".join(map(str, warnings)))
