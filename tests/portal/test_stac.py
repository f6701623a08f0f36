"""The STAC interface: valid pages, links that lead somewhere, and searches that find what lies there."""

import json
from urllib.parse import urlsplit

import pystac
import pytest

from landsink.catalogue import Specification
from tests.catalogue.plots import said

STAC = "/api/stac"
WORLD = {"type": "Polygon", "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]}


def link(page, rel):
    """The address of the first link of a page that bears `rel`; None where there is none."""
    return next((x["href"] for x in page["links"] if x["rel"] == rel), None)


def features(answer):
    """Identifiers of a page of items, after looking whether it is one."""
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert page["type"] == "FeatureCollection" and answer.headers["content-type"] == "application/geo+json"
    assert page["numberReturned"] == len(page["features"]) <= page["numberMatched"]
    return [f["id"] for f in page["features"]]


def test_the_way_in_is_a_catalogue_that_says_what_it_does(portal):
    page = portal.get(STAC).json()
    assert portal.get(STAC + "/").json() == page
    assert pystac.Catalog.from_dict(page).id == "landsink"
    words = page["conformsTo"]
    assert portal.get(f"{STAC}/conformance").json()["conformsTo"] == words
    for part in ("core", "collections", "ogcapi-features", "item-search"):
        assert f"https://api.stacspec.org/v1.0.0/{part}" in words
    rels = {x["rel"] for x in page["links"]}
    assert {"self", "root", "service-desc", "service-doc", "conformance", "data", "search", "child"} <= rels
    assert {x["method"] for x in page["links"] if x["rel"] == "search"} == {"GET", "POST"}


def test_every_link_from_the_way_in_leads_somewhere(portal):
    base, todo, seen = str(portal.base_url), [STAC], set()
    while todo:
        address = todo.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = portal.get(address)
        assert answer.status_code == 200, address
        if "json" not in answer.headers["content-type"] or "openapi" in address:
            continue
        page = answer.json()
        pages = [page, *page.get("features", []), *page.get("collections", [])]
        for found in (x for p in pages for x in p.get("links", [])):
            assert urlsplit(found["href"]).scheme in ("http", "https"), found
            if found["href"].startswith(f"{base}{STAC}") and found.get("method", "GET") == "GET":
                todo.append(found["href"])
            elif found["href"].startswith(base) and found.get("method", "GET") == "GET":
                assert portal.get(found["href"]).status_code == 200, found
    assert len(seen) > 12


def test_collections_are_valid_and_reach_as_far_as_their_items(portal, ids):
    pages = portal.get(f"{STAC}/collections").json()["collections"]
    assert [p["id"] for p in pages] == ["runs", "cubes", "tables", "stations", "collections"]
    for page in pages:
        made = pystac.Collection.from_dict(page)
        assert made.license == "other" and link(page, "items").endswith(f"{page['id']}/items")
        assert portal.get(f"{STAC}/collections/{page['id']}").json() == page
    runs = pages[0]["extent"]
    assert runs["spatial"]["bbox"] == [[4.5, 44.5, 8.5, 47.5]]
    assert runs["temporal"]["interval"] == [["2001-01-01T00:00:00Z", "2002-12-01T00:00:00Z"]]
    assert pages[3]["extent"]["temporal"]["interval"] == [[None, None]]
    assert portal.get(f"{STAC}/collections/runz").status_code == 404
    assert "runs" in portal.get(f"{STAC}/collections/runz").json()["remedy"]


def test_items_are_valid_stac(portal, ids):
    seen = 0
    for name in ("runs", "cubes", "tables", "collections"):
        for page in portal.get(f"{STAC}/collections/{name}/items").json()["features"]:
            item = pystac.Item.from_dict(page)
            assert item.collection_id == name and link(page, "collection").endswith(name)
            assert (item.geometry is None) == (item.bbox is None)
            p = page["properties"]
            assert p["datetime"] or (p["start_datetime"] <= p["end_datetime"])
            assert all(a["href"].startswith(str(portal.base_url)) for a in page["assets"].values())
            assert portal.get(link(page, "self")).json() == page
            seen += 1
    assert seen == 6


def test_what_has_no_place_is_an_item_without_one(fresh, tmp_path):
    asked, context = fresh()
    made = context.catalogue.ingest(*placeless(tmp_path))
    page = asked.get(f"{STAC}/collections/tables/items/{made.id}").json()
    assert page["geometry"] is None and "bbox" not in page
    assert features(asked.get(f"{STAC}/search")) == [made.id]
    assert features(asked.get(f"{STAC}/search", params={"bbox": "-180,-90,180,90"})) == []
    # OGC API Features, /req/core/fc-bbox-response: what has no place lies in every box.
    assert features(asked.get(f"{STAC}/collections/tables/items", params={"bbox": "0,0,1,1"})) == [made.id]
    assert features(asked.post(f"{STAC}/search", json={"intersects": WORLD})) == []


def placeless(folder):
    """A table that says neither place nor time, its kind and its description."""
    path = folder / "plain.csv"
    path.write_text("name,height [m]\noak,20\n")
    return path, Specification.read("table"), said()


ASKED = [
    ({"bbox": [4, 44, 9, 48]}, {"run", "cube", "collection"}),
    ({"bbox": [13, 50, -100, 14, 52, 100]}, {"table", "newer", "held", "collection"}),
    ({"bbox": [170, -50, -170, -30]}, set()),
    ({"datetime": "2002-07-01T00:00:00Z"}, {"run", "collection"}),
    ({"datetime": "../2001-01-10T00:00:00Z"}, {"run", "cube", "collection"}),
    ({"datetime": "2001-06-01T00:00:00Z/2001-07-01T00:00:00Z"}, {"run", "collection"}),
    ({"datetime": "2003-01-01T00:00:00Z/.."}, {"table", "newer", "held", "collection"}),
    ({"collections": ["cubes", "runs"]}, {"cube", "run"}),
    ({"collections": ["stations"]}, set()),
    ({"collections": ["nothing-of-the-kind"]}, set()),
    (
        {
            "bbox": [4, 44, 9, 48],
            "collections": ["runs"],
            "datetime": "2001-06-01T00:00:00Z/2001-07-01t00:00:00.5z",
        },
        {"run"},
    ),
]


@pytest.mark.parametrize(("question", "who"), ASKED)
def test_search_by_get_and_post_finds_the_same(portal, ids, question, who):
    wanted = sorted(getattr(ids, name) for name in who)
    assert sorted(features(portal.post(f"{STAC}/search", json=question | {"limit": 100}))) == wanted
    words = {k: ",".join(map(str, v)) if isinstance(v, list) else v for k, v in question.items()}
    assert sorted(features(portal.get(f"{STAC}/search", params=words))) == wanted


def test_search_by_identifiers_is_exact(portal, ids):
    found = features(portal.post(f"{STAC}/search", json={"ids": [ids.run, ids.cube[:8]]}))
    assert found == [ids.run]
    assert features(portal.get(f"{STAC}/search", params={"ids": f"{ids.run},{ids.table}"})) in (
        [ids.run, ids.table],
        [ids.table, ids.run],
    )


def test_intersects_is_exact_not_only_by_its_box(portal, ids):
    # A triangle whose box covers the run's corner, while it passes by itself.
    passing = {"type": "Polygon", "coordinates": [[[0, 40], [6, 40], [0, 46], [0, 40]]]}
    box = {"bbox": [0, 40, 6, 46], "collections": ["runs"]}
    assert features(portal.post(f"{STAC}/search", json=box)) == [ids.run]
    assert (
        features(portal.post(f"{STAC}/search", json={"intersects": passing, "collections": ["runs"]})) == []
    )
    inside = {"type": "Point", "coordinates": [6.0, 46.0]}
    found = features(portal.get(f"{STAC}/search", params={"intersects": json.dumps(inside)}))
    assert set(found) == {ids.run, ids.cube, ids.collection}


@pytest.mark.parametrize("how", ["get", "post"])
def test_pages_hold_everything_once_and_lead_back(portal, how):
    seen, answer = [], portal.get(f"{STAC}/search?limit=2") if how == "get" else None
    if answer is None:
        answer = portal.post(f"{STAC}/search", json={"limit": 2})
    while True:
        seen += features(answer)
        page = answer.json()
        further = next((x for x in page["links"] if x["rel"] == "next"), None)
        if further is None:
            break
        again = further.get("method", "GET") == "POST"
        answer = portal.post(further["href"], json=further["body"]) if again else portal.get(further["href"])
    assert len(seen) == len(set(seen)) == page["numberMatched"] == 6
    assert link(page, "prev") is not None
    assert features(portal.get(f"{STAC}/collections/tables/items?limit=1")) != []


@pytest.mark.parametrize(
    "question",
    [
        "bbox=1,2,3", "bbox=a,b,c,d", "bbox=0,50,10,40", "bbox=0,0,1000,1", "bbox=nan,0,1,1", "datetime=yesterday",
        "datetime=2020-01-01T00:00:00Z/2019-01-01T00:00:00Z", "datetime=2020-01-01",
        "datetime=2020-01-01T00:00:00", "datetime=2020-01-01T00:00:00,5Z", "datetime=../..",
        "datetime=a/b/c", "limit=0", "limit=-1", "limit=x",
        "token=xyz", "token=ZnJvbSAtMQ", "intersects=[]", "intersects={}", "intersects=no",
        'intersects={"type":"Point"}', 'intersects={"type":"Polygon","coordinates":[[[0,0],[1,1]]]}',
        "bbox=0,0,1,1&intersects=" + json.dumps({"type": "Point", "coordinates": [0, 0]}),
        'intersects={"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]}',
    ],
)  # fmt: skip
def test_bad_questions_are_answered_400(portal, question):
    answer = portal.get(f"{STAC}/search?{question}")
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json" and answer.json()["detail"]


def test_more_than_a_page_holds_is_a_full_page_and_beyond_the_poles_lies_nothing(portal):
    assert len(features(portal.get(f"{STAC}/search?limit=100000"))) == 6
    assert len(features(portal.post(f"{STAC}/search", json={"limit": 100000}))) == 6
    for edges in ([181, 91, 182, 92], [0, -99, 0, 1, -91, 5]):
        assert features(portal.post(f"{STAC}/search", json={"bbox": edges})) == []


def test_bad_questions_in_json_are_answered_400(portal):
    for body in ({"bbox": [1, 2]}, {"limit": 0}, {"ids": "x"}, {"intersects": {"type": "Blob"}}, [], "x"):
        assert portal.post(f"{STAC}/search", json=body).status_code == 400, body
    assert (
        portal.post(f"{STAC}/search", content=b"{", headers={"Content-Type": "application/json"}).status_code
        == 400
    )


def test_an_item_is_asked_for_in_its_own_collection(portal, ids):
    assert portal.get(f"{STAC}/collections/cubes/items/{ids.run}").status_code == 404
    assert portal.get(f"{STAC}/collections/runs/items/{ids.run[:6]}").status_code == 404


def test_a_client_walks_through(portal):
    """pystac reads the whole from its links, with nothing but GET."""

    class Reader(pystac.stac_io.DefaultStacIO):
        def read_text_from_href(self, href: str) -> str:
            return portal.get(href).text

    root = pystac.Catalog.from_dict(portal.get(STAC).json())
    root.set_self_href(f"{portal.base_url}{STAC}/")
    root._stac_io = Reader()
    names = {child.id for child in root.get_children()}
    assert names == {"runs", "cubes", "tables", "stations", "collections"}


def test_items_of_a_collection_may_name_it_again(portal, ids):
    runs = f"{STAC}/collections/runs/items"
    assert features(portal.get(f"{runs}?collections=runs")) == features(portal.get(runs)) == [ids.run]
    assert features(portal.get(f"{runs}?collections=cubes,runs&ids={ids.run}")) == [ids.run]
    assert (
        features(portal.get(f"{runs}?collections=cubes")) == features(portal.get(f"{runs}?ids=nosuch")) == []
    )
