"""Conformance to standards: OGC API – Common and what all of them share, STAC API 1.0.0, and that nothing is left out.

Features and EDR have modules of their own. What is held to Common (OGC 19-072, 20-024) are the resources of OGC's
standards; the rest of the API is landsink's own, and answers a question that has a fault with 422. Published JSON
schemas of STAC come with pystac; those of extensions are brought by nobody and not asked for.
"""

import http.client
import json
import sys
from urllib.parse import urlsplit

import pytest
import requests
from edr_pydantic.capabilities import ConformanceModel, LandingPageModel
from openapi_spec_validator import validate as validate_document
from pystac.validation.local_validator import get_local_schema_cache
from stac_api_validator.validations import QueryConfig, validate_api
from stac_pydantic.api import Collections, ItemCollection, LandingPage

from tests.portal import standards, test_conformance_edr, test_conformance_features
from tests.portal.standards import (
    COLLECTIONS,
    COMMON,
    COVJSON,
    EDR,
    FEATURES,
    GEOJSON,
    PROBLEM,
    STAC,
    TESTS,
    rels,
)
from tests.portal.standards import parameter as parameter_of

STATIONS = "/api/collections/stations"
WORLD = {"type": "Polygon", "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]}


@pytest.fixture(scope="module")
def held(pytestconfig, tmp_path_factory):
    return standards.shared(pytestconfig, tmp_path_factory)


@pytest.fixture(scope="module")
def ask(held):
    return standards.asking(held)


@pytest.fixture
def address(held):
    """The application at an address of this machine."""
    with standards.serving(held.app) as where:
        yield where


# --- The way in


def test_http(address, held):
    """/conf/core/http: what is offered is answered over HTTP/1.1."""
    there = http.client.HTTPConnection(urlsplit(address).netloc)
    for path in (
        "/api",
        "/api/conformance",
        "/api/collections",
        f"{STATIONS}/items",
        f"/api/collections/{held.product}",
    ):
        there.request("GET", path)
        answer = there.getresponse()
        answer.read()
        assert (answer.version, answer.status) == (11, 200), path
    there.close()


def test_root(ask):
    """/conf/core/root-op, root-success; /conf/landing-page/root-op, root-success: with a slash and without."""
    page = ask("/api")
    assert page == ask("/api/") == ask("/api?f=json")
    LandingPageModel.model_validate(page)
    found = rels(page)
    assert {"self", "service-desc", "service-doc", "conformance", "data"} <= set(found)
    assert found["http://www.opengis.net/def/rel/ogc/1.0/conformance"] == found["conformance"]
    assert found["data"].endswith("/api/collections") and all(link["type"] for link in page["links"])


@pytest.mark.parametrize("root", ["/api", "/api/stac"])
def test_api_definition(ask, held, root):
    """/conf/core/api-definition-op, api-definition-success, api-definition; /conf/landing-page/api-definition-op and
    -success: every link to a description leads to one of the type it tells, and it is a valid one."""
    asked = standards.client(held.app)
    links = {link["rel"]: link for link in ask(root)["links"] if link["rel"].startswith("service-")}
    assert set(links) == {"service-desc", "service-doc"}
    for link in links.values():
        answer = asked.get(link["href"], headers={"Accept": link["type"]})
        assert answer.status_code == 200
        assert answer.headers["content-type"].replace("; charset=utf-8", "") == link["type"]
        if link["rel"] == "service-desc":
            assert answer.json()["openapi"].startswith("3.1")
            validate_document(answer.json())


@pytest.mark.parametrize("root", ["/api", "/api/stac"])
def test_conformance(ask, root):
    """/conf/core/conformance-op, conformance-success, conformance; /conf/landing-page/conformance-op and -success."""
    page = ask(urlsplit(rels(ask(root))["conformance"]).path)
    assert page == ask(f"{root}/conformance")
    claimed = ConformanceModel.model_validate(page).conformsTo
    assert len(claimed) == len(set(claimed)) and f"{FEATURES}/core" in claimed
    assert root == "/api/stac" or {f"{EDR}/core", f"{COMMON}/core"} <= set(claimed)
    assert root == "/api" or f"{STAC}/core" in claimed


def test_json(ask, held):
    """/conf/json/definition, /conf/json/content: everything that is no feature and no coverage is JSON."""
    for path in (
        "/api",
        "/api/conformance",
        "/api/collections",
        STATIONS,
        f"/api/collections/{held.product}",
    ):
        assert isinstance(ask(path, accept="application/json"), dict)


# --- Parameters of a question (OGC 19-072)


def test_names_of_parameters(ask):
    """/conf/core/query-param-name-unknown, query-param-capitalization: the features' own; EDR passes over what it does
    not know, as /per/core/query-param-name-tolerance allows."""
    ask(f"{STATIONS}/items?limit=1", media=GEOJSON)
    for name in ("nosuch", "LIMIT", "Bbox"):
        ask(f"{STATIONS}/items?{name}=1", 400, PROBLEM)
        ask(f"{STATIONS}?{name}=1", 400, PROBLEM)


def test_values_of_parameters(ask, held):
    """/conf/core/query-param-value-invalid, -integer, -decimal, -double, -boolean (of which there are none)."""
    for bad in ("limit=1.5", "limit=one", "limit=0", "offset=-1", "bbox=1,2,3,x", "bbox=1,2,3,inf"):
        ask(f"{STATIONS}/items?{bad}", 400, PROBLEM)
    assert ask(f"{STATIONS}/items?limit=1", media=GEOJSON)["numberReturned"] == 1
    boxes = ("-156,19.5,-155.50,19.6000", "-1.56e2,1.95e1,-1.555e2,1.96E1")
    found = [ask(f"{STATIONS}/items?bbox={box}", media=GEOJSON)["features"] for box in boxes]
    assert found[0] == found[1] and len(found[0]) == 1
    document = ask("/api/openapi.json")
    for path, methods in document["paths"].items():
        if path.startswith("/api/collections"):
            kinds = {p["schema"].get("type") for p in methods["get"].get("parameters", [])}
            assert "boolean" not in kinds, path


def test_lists(ask, held):
    """/conf/core/query-param-list-delimiter, -list-escape, -list-empty: commas, escaped or not; '' is no list."""
    root = f"/api/collections/{held.product}/position?coords=POINT(8 45)&datetime=2001-01"
    pair = ask(f"{root}&parameter-name=gpp,nee", media=COVJSON)
    assert set(pair["ranges"]) == {"gpp", "nee"}
    assert ask(f"{root}&parameter-name=gpp%2Cnee", media=COVJSON) == pair
    assert ask(f"{root}&parameter-name=", media=COVJSON) == ask(root, media=COVJSON)
    ask(f"{root}&parameter-name=gpp;nee", 400, PROBLEM)
    ask(f"{root}&parameter-name=gpp nee", 400, PROBLEM)
    ask(f"{STATIONS}/items?bbox=-156;19;-155;20", 400, PROBLEM)
    everything = ask(f"{STATIONS}/items", media=GEOJSON)["features"]
    assert ask(f"{STATIONS}/items?bbox=", media=GEOJSON)["features"] == everything
    said = parameter_of(ask("/api/openapi.json"), f"{STATIONS}/items", "bbox")
    assert (said["style"], said["explode"]) == ("form", False)


# --- Collections (OGC 20-024)


def test_collections(ask, held):
    """/conf/collections/rc-md-op, rc-md-success, rc-md-links, rc-md-timestamp (there is none), rc-md-items."""
    page = ask("/api/collections")
    assert rels(page)["self"].endswith("/api/collections") and "timeStamp" not in page
    assert all(link["rel"] and link["type"] for link in page["links"])
    assert sorted(c["id"] for c in page["collections"]) == sorted(["stations", held.product])


def test_collection(ask):
    """/conf/collections/src-md-op, src-md-success, rc-md-collection-content, rc-md-items-links, rc-md-extent."""
    for one in ask("/api/collections")["collections"]:
        assert ask(f"/api/collections/{one['id']}") == one and one["title"]
        assert rels(one)["self"].endswith(one["id"])
        assert ("items" in rels(one)) == (one.get("itemType") == "feature")
        assert len(one["extent"]["spatial"]["bbox"]) == len(one["extent"]["temporal"]["interval"]) == 1


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


@pytest.mark.filterwarnings("ignore")
def test_stac_api_validator_finds_no_error(address, offline):
    """Core, Collections, Features and Item Search with their pages, by GET and by POST."""
    nothing = QueryConfig(*[None] * len(QueryConfig.__dataclass_fields__))
    warnings, errors = validate_api(
        root_url=f"{address}/api/stac",
        ccs_to_validate=["core", "collections", "features", "item-search"],
        collection="runs",
        geometry=json.dumps(WORLD),
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


# --- Nothing is left out

WAY_IN = {
    "http": test_http, "root-op": test_root, "root-success": test_root, "api-definition-op": test_api_definition,
    "api-definition": test_api_definition, "api-definition-success": test_api_definition,
    "conformance-op": test_conformance, "conformance": test_conformance, "conformance-success": test_conformance,
}  # fmt: skip
QUERY = {
    "name-unknown": test_names_of_parameters, "capitalization": test_names_of_parameters,
    **{f"list-{x}": test_lists for x in ("delimiter", "escape", "empty")},
    **{f"value-{x}": test_values_of_parameters for x in ("invalid", "boolean", "integer", "decimal", "double")},
}  # fmt: skip


def way_in(conformance: str, path: str) -> dict:
    """The tests of the way in that a class asks for."""
    return {f"{path}/{k}": test for k, test in WAY_IN.items() if f"{path}/{k}" in TESTS[conformance]}


COVERS = {
    f"{COMMON}/core": {
        "/conf/core/http": test_http,
        **{f"/conf/core/query-param-{name}": test for name, test in QUERY.items()},
    },
    f"{COMMON}/landing-page": way_in(f"{COMMON}/landing-page", "/conf/landing-page"),
    f"{COMMON}/json": dict.fromkeys(["/conf/json/definition", "/conf/json/content"], test_json),
    f"{COLLECTIONS}/collections": {
        **{f"/conf/collections/rc-md-{x}": test_collections for x in ("op", "success", "links", "timestamp", "items")},
        **{f"/conf/collections/src-md-{x}": test_collection for x in ("op", "success")},
        **{f"/conf/collections/rc-md-{x}": test_collection for x in ("collection-content", "items-links", "extent")},
    },
    f"{EDR}/core": way_in(f"{EDR}/core", "/conf/core"),
    f"{FEATURES}/core": way_in(f"{FEATURES}/core", "/conf/core") | test_conformance_features.COVERS[f"{FEATURES}/core"],
    f"{FEATURES}/geojson": test_conformance_features.COVERS[f"{FEATURES}/geojson"],
    **test_conformance_edr.COVERS,
    **{
        f"{STAC}/{part}": {part: test_stac_api_validator_finds_no_error}
        for part in ("core", "collections", "ogcapi-features", "item-search")
    },
}  # fmt: skip


def test_every_abstract_test_of_every_claimed_class_is_covered(ask):
    """What is claimed is in the table, each of its abstract tests has a test here, and nothing else is in the table."""
    claimed = set(ask("/api/conformance")["conformsTo"])
    assert set(ask("/api/stac/conformance")["conformsTo"]) <= claimed
    assert claimed == set(TESTS) == set(COVERS)
    for conformance, names in TESTS.items():
        assert set(COVERS[conformance]) == set(names), conformance
    tests = {test for covered in COVERS.values() for test in covered.values()}
    for test in tests:
        assert (
            test.__name__.startswith("test_") and getattr(sys.modules[test.__module__], test.__name__) is test
        )
