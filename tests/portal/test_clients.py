"""Clients that others wrote read the portal: pystac-client, owslib, and one that only follows links, as QGIS does."""

import json
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests

from tests.portal import standards
from tests.portal.standards import GEOJSON, OGC

WORLD = {"type": "Polygon", "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]}


@pytest.fixture(scope="module")
def held(pytestconfig, tmp_path_factory):
    return standards.shared(pytestconfig, tmp_path_factory)


@pytest.fixture(scope="module")
def address(held):
    with standards.serving(held.app) as where:
        yield where


# --- pystac-client


@pytest.fixture(scope="module")
def catalogue(address):
    return pytest.importorskip("pystac_client").Client.open(f"{address}/api/stac")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pystac_client_pages_through_all_items(catalogue, held, method):
    found = catalogue.search(method=method, limit=2)
    pages = list(found.pages())
    names = [item.id for page in pages for item in page.items]
    assert found.matched() == len(names) == len(set(names)) and {held.names.run, *held.stations} <= set(names)
    assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1) and len(pages) > 3


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "asked",
    [
        {"collections": ["runs"]},
        {"bbox": [4, 44, 9, 48]},
        {"intersects": WORLD},
        {"datetime": "2001-03-01/2001-05-31"},
        {"collections": ["runs", "cubes"], "bbox": [4, 44, 9, 48], "datetime": "2002"},
    ],
    ids=str,
)
def test_pystac_client_searches(catalogue, held, method, asked):
    found = {item.id for item in catalogue.search(method=method, limit=3, **asked).items()}
    assert held.names.run in found and held.stations[0] not in found or "intersects" in asked
    if "intersects" in asked:
        assert {held.names.run, *held.stations} <= found


def test_pystac_client_walks_collections_and_items(catalogue, held):
    names = [one.id for one in catalogue.get_collections()]
    assert names == ["runs", "cubes", "tables", "stations", "collections"]
    one = catalogue.get_collection("stations")
    assert {item.id for item in one.get_items()} == set(held.stations)
    assert catalogue.get_collection("runs").get_item(held.names.run).id == held.names.run
    assert [i.id for i in catalogue.search(ids=[held.names.table], method="GET").items()] == [
        held.names.table
    ]


# --- owslib


def test_owslib_reads_the_stations(address, held):
    ogc = pytest.importorskip("owslib.ogcapi.features")
    there = ogc.Features(f"{address}/api")
    assert f"{OGC}/ogcapi-features-1/1.0/conf/core" in there.conformance()["conformsTo"]
    assert there.feature_collections() == ["stations"]
    page = there.collection_items("stations", limit=1)
    assert page["numberMatched"] == len(held.stations) and page["numberReturned"] == 1
    near = there.collection_items("stations", bbox=[-156, 19, -155, 20], datetime_="2015-01-01T00:00:00Z/..")
    assert len(near["features"]) == 1
    name = near["features"][0]["id"]
    assert there.collection_item("stations", name)["geometry"] == near["features"][0]["geometry"]


def test_owslib_asks_the_products(address, held):
    ogc = pytest.importorskip("owslib.ogcapi.edr")
    there = ogc.EnvironmentalDataRetrieval(f"{address}/api")
    assert set(there.data()) == {"stations", held.product}
    assert set(there.collection(held.product)["data_queries"]) == {"position", "area", "cube", "locations"}
    found = there.query_data(held.product, "position", coords="POINT(8 45)", datetime_="2001-03/2001-05")
    page = json.loads(found.read()) if hasattr(found, "read") else found
    assert page["domain"]["domainType"] == "PointSeries"
    assert len(page["ranges"]["gpp"]["values"]) == 3 and np.isfinite(page["ranges"]["gpp"]["values"]).all()


# --- Links alone


def only(page, rel, media):
    """The address of the one link of this relation and type."""
    found = [link["href"] for link in page["links"] if (link["rel"], link.get("type")) == (rel, media)]
    assert len(found) == 1, (rel, media, page["links"])
    return found[0]


def test_links_alone_lead_to_every_station(address, held):
    """From the way in over 'data', 'items' and 'next', of the types that QGIS asks for."""
    landing = requests.get(f"{address}/api", headers={"Accept": "application/json"}, timeout=10).json()
    described = requests.get(
        only(landing, "service-desc", "application/vnd.oai.openapi+json;version=3.1"), timeout=30
    )
    most = described.json()["paths"]["/api/collections/stations/items"]["get"]["parameters"]
    assert next(p for p in most if p["name"] == "limit")["schema"]["maximum"] == 1000
    collections = requests.get(only(landing, "data", "application/json"), timeout=10).json()["collections"]
    shelf = next(c for c in collections if any(link["rel"] == "items" for link in c["links"]))
    at, seen = only(shelf, "items", GEOJSON) + "?limit=1", []
    while at:
        page = requests.get(at, headers={"Accept": GEOJSON}, timeout=10).json()
        seen += [feature["id"] for feature in page["features"]]
        at = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
        assert not at or urlsplit(at).netloc == urlsplit(address).netloc
    assert sorted(seen) == sorted(held.stations)
