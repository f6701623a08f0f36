"""Stations over HTTP: lists, facts, series, pages, neighbours, and OGC API Features, over made stations."""

import json
from urllib.parse import urlsplit

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from landsink.catalogue import Catalogue
from landsink.catalogue.station_item import folder_of
from landsink.portal import Context, Settings, create, station_series, stations
from tests.portal import towers
from tests.portal.small import client


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A catalogue with a tower, an air station and two versions of a cruise; identifiers by name."""
    folder = tmp_path_factory.mktemp("stations")
    catalogue = Catalogue(folder / "home")
    return catalogue, towers.fill(catalogue, folder / "files")


@pytest.fixture(scope="module")
def portal(shelf, tmp_path_factory):
    (page := tmp_path_factory.mktemp("page") / "index.html").write_text("<!doctype html><title>x</title>")
    with client(create(Context(shelf[0], Settings(page=page.parent)))) as asked:
        yield asked


@pytest.fixture(scope="module")
def ids(shelf):
    return shelf[1]


def said(portal, path, status=200):
    answer = portal.get(path)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


def test_the_list_has_the_newest_of_each(portal, ids):
    page = said(portal, "/api/stations")
    assert page["total"] == 3
    assert {s["id"] for s in page["stations"]} == {ids["tower"], ids["air"], ids["ship"]}
    tower = next(s for s in page["stations"] if s["id"] == ids["tower"])
    assert (tower["station"], tower["domain"], tower["interval"]) == ("AA-Aaa", "ecosystem", "PT30M")
    assert tower["place"] == {
        "latitude": 51.0, "longitude": 15.0, "elevation": None, "intake_height": None, "utc_offset": 1.0,
    }  # fmt: skip
    nee = next(c for c in tower["coverage"] if c["variable"] == "nee")
    assert nee["expected"] == 365 * 48
    assert nee["present"] == 40 * 48
    assert not tower["generated"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("domain=ocean", {"ship"}),
        ("domain=atmosphere&variable=co2", {"air"}),
        ("bbox=10,45,20,55", {"tower"}),
        ("bbox=170,0,-150,30", {"air"}),  # over the date line
        ("q=mauna", {"air"}),
        ("variable=nothing", set()),
        ("domain=ecosystem&q=mauna", set()),
        ("limit=1&offset=5", set()),
    ],
)
def test_the_list_is_narrowed(portal, ids, query, names):
    assert {s["id"] for s in said(portal, f"/api/stations?{query}")["stations"]} == {ids[n] for n in names}


def test_facts_tell_coverage_quality_products_and_what_made_them(portal, ids, shelf):
    one = said(portal, f"/api/stations/{ids['ship']}")
    assert [(r["year"], r["good"]) for r in one["coverage_by_year"]] == [(2019, 22), (2020, 32)]
    assert {"variable": "fco2", "flag": "bad", "count": 6} in one["quality"]
    assert one["headlines"][0]["sd"] == 2.0
    assert one["headlines"][0]["unit"] == "uatm"
    assert one["inputs"][0]["name"] == "cruise.csv"
    assert len(one["inputs"][0]["sha256"]) == 64
    assert one["versions"] == [ids["old"], ids["ship"]]
    assert one["latest"] == ids["ship"]
    assert ids["ship"] in one["citation"]
    assert len(one["track"]) == 60
    variable = next(v for v in one["variables"] if v["name"] == "dfco2")
    assert variable["sign"].startswith("positive: the water")
    assert "/tmp" not in json.dumps(one)
    product = next(p for p in one["products"] if p["name"].endswith("native.csv"))
    bytes_ = portal.get(product["href"])
    assert bytes_.status_code == 200
    assert len(bytes_.content) == product["size"]
    assert said(portal, f"/api/stations/{ids['old']}")["latest"] == ids["ship"]


@pytest.mark.parametrize("resolution", ["native", "day", "month"])
def test_series_are_the_folders_numbers(portal, ids, shelf, resolution):
    one = said(portal, f"/api/stations/{ids['tower']}/series?variable=nee&resolution={resolution}")
    path = folder_of(shelf[0], ids["tower"])
    mark = {"native": "HH", "day": "DD", "month": "MM"}[resolution]
    with xr.open_dataset(path / f"AA-Aaa_{mark}.nc") as ds:
        np.testing.assert_allclose(np.array(one["value"], float), ds["nee"].values, rtol=1e-6)
        np.testing.assert_allclose(np.array(one["sd"], float), ds["nee_random_error"].values, rtol=1e-6)
    assert (one["unit"], one["sign"]) == ("kg m-2 s-1", "positive: to the atmosphere")
    assert one["uncertainty"].startswith("1 sd: of chance")
    assert one["time"][0] == {"native": "2005-04-30T23:00:00Z"}.get(resolution, "2005-05-01")
    if resolution == "native":
        assert one["quality"]["kind"] == "flag"
        assert one["quality"]["meanings"]["0"] == "measured"
        assert set(one["quality"]["code"]) <= {-1, 0, 1, 2, 3}
    else:
        assert one["quality"]["kind"] == "share"
        shares = one["quality"]["share"]
        assert all(x is None or 0 <= x <= 1 for x in shares)
        assert shares[0] > 0
    assert one["source"]["id"] == ids["tower"]
    assert mark in one["source"]["product"]


def test_a_stretch_of_time_includes_both_its_days(portal, ids):
    path = f"/api/stations/{ids['tower']}/series?variable=nee&resolution=day"
    times = said(portal, f"{path}&from=2005-05-03&to=2005-05-05")["time"]
    assert times == ["2005-05-03", "2005-05-04", "2005-05-05"]
    assert said(portal, f"{path}&from=2031-01-01")["value"] == []


def test_flags_of_days_that_a_part_lacks_are_missing(portal, ids):
    one = said(portal, f"/api/stations/{ids['air']}/series?variable=co2&resolution=month")
    meanings = {int(k): v for k, v in one["quality"]["meanings"].items()}
    assert [meanings[c] for c in one["quality"]["code"][:3]] == ["not_flagged", "not_flagged", "interpolated"]
    trend = said(portal, f"/api/stations/{ids['air']}/series?variable=co2_trend")
    assert trend["resolution"] == "day"  # the finest there is
    assert trend["quality"] is None
    assert min(trend["sd"]) > 0


def test_too_many_values_are_refused_with_what_fits(portal, ids, monkeypatch):
    monkeypatch.setattr(station_series, "MOST", 100)
    base = f"/api/stations/{ids['tower']}/series?variable=nee"
    fault = said(portal, f"{base}&resolution=native", 413)
    assert "1920 values" in fault["found"]
    assert "day (40 values)" in fault["remedy"]
    assert said(portal, base)["resolution"] == "day"  # unasked, the finest that fits
    assert len(said(portal, f"{base}&resolution=native&to=2005-05-01")["value"]) == 50


@pytest.mark.parametrize(
    ("rest", "status", "word"),
    [
        ("ship/series?variable=fco2&resolution=month", 404, "native"),
        ("ship/series?variable=fc02", 404, "Near: fco2"),
        ("ship/series", 422, "variable"),
        ("ship/series?variable=fco2&from=2021-01-01&to=2020-01-01", 422, "end after"),
        ("ship/series?variable=fco2&from=yesterday", 422, "no date"),
        ("ship/series?variable=fco2&resolution=week", 422, "resolution"),
        ("ship/page?year=2031", 404, "2031"),
        ("none/page", 404, "catalogue"),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(portal, ids, rest, status, word):
    name, tail = rest.split("/", 1)
    assert word in said(portal, f"/api/stations/{ids.get(name, 'nobody')}/{tail}", status)["detail"]


def test_what_is_no_station_is_not_shown_as_one(portal, tmp_path, ids):
    assert "nowhere" in said(portal, "/api/stations/nowhere", 404)["found"]


def test_a_page_runs_nothing_and_may_stand_in_our_own_frame(portal, ids):
    for name in ("tower", "air", "ship"):
        answer = portal.get(f"/api/stations/{ids[name]}/page")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")
        policy = answer.headers["content-security-policy"]
        assert "sandbox" in policy
        assert "allow-scripts" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "<script" not in answer.text
    assert portal.get(f"/api/stations/{ids['tower']}/page?year=2005").status_code == 200


def test_the_nearest_stand_first(portal, ids):
    near = said(portal, "/api/stations/near?lat=51&lon=14&limit=2")["stations"]
    assert [n["id"] for n in near] == [ids["tower"], ids["ship"]]
    assert near[0]["distance_km"] == pytest.approx(
        69.98, abs=0.02
    )  # a degree of longitude at 51 degrees north
    assert [n["id"] for n in said(portal, "/api/stations/near?lat=0&lon=0&variable=co2")["stations"]] == [
        ids["air"]
    ]
    ocean = said(portal, "/api/stations/near?lat=0&lon=0&domain=ocean")["stations"]
    assert [n["id"] for n in ocean] == [ids["ship"]]
    assert said(portal, "/api/stations/near?lat=91&lon=0", 422)["detail"]


@settings(max_examples=200)
@given(
    lat=st.floats(-90, 90), lon=st.floats(-180, 360), reach=st.floats(1, 20100),
    turn=st.floats(0, 360), part=st.floats(0, 0.999999),
)  # fmt: skip
def test_all_within_reach_lies_in_the_box_around(lat, lon, reach, turn, part):
    """Go a part of the way in any direction: where one ends lies in the box, whatever pole or meridian is crossed."""
    way, course, at = reach * part / stations.EARTH, np.radians(turn), np.radians(lat)
    north = np.arcsin(np.clip(np.sin(at) * np.cos(way) + np.cos(at) * np.sin(way) * np.cos(course), -1, 1))
    east = np.arctan2(np.sin(course) * np.sin(way) * np.cos(at), np.cos(way) - np.sin(at) * np.sin(north))
    box = stations.around(lat, lon, reach)
    assert -360 <= box[0] <= box[2] <= 360
    assert box[1] - 1e-6 <= np.degrees(north) <= box[3] + 1e-6
    assert (lon + np.degrees(east) - box[0] + 1e-5) % 360 <= box[2] - box[0] + 2e-5


def test_distances_are_great_circles():
    def point(lon, lat):
        return type("Item", (), {"geometry": {"type": "Point", "coordinates": [lon, lat]}})()

    quarter = stations.EARTH * np.pi / 2
    assert stations.distance(point(0, 90), 0, 33) == pytest.approx(quarter)
    assert stations.distance(point(-179.5, 0), 0, 179.5) == pytest.approx(stations.EARTH * np.pi / 180)
    assert stations.distance(point(5, 5), 5, 365) == pytest.approx(0, abs=1e-6)


def test_features_are_paged_by_links(portal):
    seen, path = [], "/api/collections/stations/items?limit=2"
    while path:
        page = said(portal, path)
        assert page["type"] == "FeatureCollection"
        assert page["numberMatched"] == 3
        assert page["numberReturned"] == len(page["features"])
        assert page["timeStamp"].endswith("Z")
        seen += [f["id"] for f in page["features"]]
        links = {link["rel"]: urlsplit(link["href"]) for link in page["links"]}
        path = f"{links['next'].path}?{links['next'].query}" if "next" in links else ""
    assert len(set(seen)) == len(seen) == 3
    assert "prev" in links
    assert portal.get("/api/collections/stations/items").headers["content-type"] == "application/geo+json"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("bbox=10,45,20,55", {"tower"}),
        ("bbox=10,45,0,20,55,9000", {"tower"}),
        ("datetime=2005-05-10", {"tower"}),
        ("datetime=2019-12-31/..", {"ship"}),
        ("datetime=../2009-01-01", {"tower"}),
        ("limit=100000", {"tower", "air", "ship"}),
        ("f=json&datetime=1990-01-01", set()),
    ],
)
def test_features_are_chosen_by_place_and_time(portal, ids, query, names):
    page = said(portal, f"/api/collections/stations/items?{query}")
    assert {f["id"] for f in page["features"]} == {ids[n] for n in names}


@pytest.mark.parametrize(
    "query",
    [
        "bbox=1,2,3",
        "bbox=a,b,c,d",
        "bbox=0,50,1,40",
        "datetime=../..",
        "datetime=x",
        "limit=0",
        "foo=1",
        "f=xml",
    ],
)
def test_bad_questions_are_400_as_ogc_asks(portal, query):
    assert said(portal, f"/api/collections/stations/items?{query}", 400)["detail"]


def test_one_feature_and_its_collection(portal, ids):
    one = said(portal, f"/api/collections/stations/items/{ids['ship']}")
    assert one["geometry"]["type"] == "LineString"
    assert {"self", "collection"} <= {link["rel"] for link in one["links"]}
    assert one["properties"]["domain"] == "ocean"
    shelf = said(portal, "/api/collections/stations")
    assert shelf["itemType"] == "feature"
    assert shelf["id"] == "stations"
    assert said(portal, "/api/collections/stations/items/nobody", 404)


def test_bytes_that_are_gone_are_410(portal, ids, shelf):
    path = folder_of(shelf[0], ids["old"])
    away = path.with_name("away")
    path.rename(away)
    try:
        for rest in ("", "/series?variable=fco2", "/page"):
            assert said(portal, f"/api/stations/{ids['old']}{rest}", 410)["detail"]
    finally:
        away.rename(path)


def test_every_route_tells_its_failures(portal):
    paths = portal.get("/api/openapi.json").json()["paths"]
    own = {p: r["get"] for p, r in paths.items() if "/stations" in p}
    assert len(own) == 8
    assert len({r["operationId"] for r in own.values()}) == 8
    for path, route in own.items():
        assert any(code.startswith("4") for code in route["responses"]), path
        assert "200" in route["responses"]
