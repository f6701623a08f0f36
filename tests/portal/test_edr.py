"""OGC EDR: collections, and the four queries with the product's own numbers."""

import io

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.portal import edr
from tests.portal.gridded import shelf

MEDIA = "application/vnd.cov+json"


@pytest.fixture(scope="module")
def at(tmp_path_factory):
    return shelf(tmp_path_factory.mktemp("edr"))


def asked(at, path, status=200):
    answer = at.client.get(f"/api/collections/{at.id}{path}")
    assert answer.status_code == status, answer.text
    return answer


def values(coverage, name="gpp"):
    """The numbers of a range in its shape, as float32."""
    held = coverage["ranges"][name]
    return np.array([np.nan if v is None else v for v in held["values"]], np.float32).reshape(held["shape"])


def test_collection_tells_extent_parameters_and_queries(at):
    listed = at.client.get("/api/collections").json()["collections"]
    found = asked(at, "").json()
    assert found == next(c for c in listed if c["id"] == at.id)
    assert found["extent"]["spatial"]["bbox"] == [[-180.0, -90.0, 180.0, 90.0]]
    assert found["extent"]["temporal"]["interval"] == [["2001-01-01T00:00:00Z", "2002-12-01T00:00:00Z"]]
    assert set(found["data_queries"]) == {"position", "area", "cube", "locations"}
    assert set(found["parameter_names"]) == {"gpp", "gpp_sd", "nee", "nee_sd", "cVeg"}
    gpp = found["parameter_names"]["gpp"]
    assert gpp["type"] == "Parameter" and gpp["unit"]["symbol"]["value"] == "kg.m-2.s-1"
    assert gpp["observedProperty"]["id"].endswith(
        "gross_primary_productivity_of_biomass_expressed_as_carbon/"
    )
    assert "+ into the vegetation" in gpp["description"]
    for link in found["links"]:
        assert link["href"].startswith("http://127.0.0.1:8350/") and link["rel"]


def test_what_is_claimed_is_told(at):
    claimed = at.client.get("/api/conformance").json()["conformsTo"]
    assert set(edr.CONFORMS) <= set(claimed)


def test_position_is_the_series_of_the_cell(at):
    answer = asked(at, "/position?coords=POINT(8.1 47.4)&parameter-name=gpp,gpp_sd")
    assert answer.headers["content-type"] == MEDIA
    found = answer.json()
    assert (found["type"], found["domain"]["domainType"]) == ("Coverage", "PointSeries")
    assert found["domain"]["axes"]["x"] == {"values": [5.0]} and found["domain"]["axes"]["y"] == {
        "values": [45.0]
    }
    assert found["ranges"]["gpp"]["axisNames"] == ["t"] and set(found["ranges"]) == set(found["parameters"])
    series = at.get("/series?variable=gpp&lat=47.4&lon=8.1").json()
    assert (
        found["ranges"]["gpp"]["values"] == series["value"]
        and found["ranges"]["gpp_sd"]["values"] == series["sd"]
    )
    np.testing.assert_array_equal(values(found), at.ds.gpp.sel(lat=45, lon=5))
    assert found["landsink:source"]["id"] == at.id


@pytest.mark.parametrize(
    ("text", "steps"),
    [("2001-03", 1), ("2001", 12), ("2001-11/2002-02", 4), ("../2001-02", 2), ("2002-11-01/..", 2),
     ("2001-03-01T00:00:00Z", 1), ("../..", 24)],
)  # fmt: skip
def test_datetime(at, text, steps):
    found = asked(at, f"/position?coords=POINT(5 45)&parameter-name=gpp&datetime={text}").json()
    assert len(found["domain"]["axes"]["t"]["values"]) == steps == found["ranges"]["gpp"]["shape"][0]


def test_cube_is_the_part_of_the_product(at):
    found = asked(at, "/cube?bbox=-10,20,30,60&parameter-name=gpp&datetime=2001-03/2001-05").json()
    part = at.ds.gpp.sel(time=slice("2001-03", "2001-05"), lat=slice(20, 60), lon=slice(-10, 30))
    assert found["domain"]["domainType"] == "Grid" and found["ranges"]["gpp"]["axisNames"] == ["t", "y", "x"]
    assert found["domain"]["axes"]["x"]["values"] == part.lon.values.tolist()
    np.testing.assert_array_equal(values(found), part)


def test_cube_crosses_the_180th_meridian(at):
    found = asked(at, "/cube?bbox=160,-20,-160,20&parameter-name=nee&datetime=2001-01").json()
    assert found["domain"]["axes"]["x"]["values"] == [165.0, 175.0, 185.0, 195.0]
    expected = at.ds.nee.sel(lat=slice(-20, 20), lon=[165, 175, -175, -165])[:1]
    np.testing.assert_array_equal(values(found, "nee"), expected)


def test_area_holds_the_cells_whose_centre_lies_inside(at):
    found = asked(
        at, "/area?coords=POLYGON((0 30,40 30,40 70,0 30))&parameter-name=gpp&datetime=2001-01"
    ).json()
    # The diagonal goes through (5, 35), (15, 45), (25, 55) and (35, 65): cells on it count, those above do not.
    expected = at.ds.gpp[:1].sel(lat=slice(30, 70), lon=slice(0, 40))
    inside = expected.lat.values[:, None] - 30 <= expected.lon.values
    np.testing.assert_array_equal(values(found), np.where(inside, expected, np.nan))


def test_area_across_the_180th_meridian_may_be_drawn_beyond_it(at):
    text = "/area?coords=POLYGON((160 -20,200 -20,200 20,160 20,160 -20))&parameter-name=nee&datetime=2001-01"
    cube = asked(at, "/cube?bbox=160,-20,-160,20&parameter-name=nee&datetime=2001-01").json()
    assert asked(at, text).json()["ranges"] == cube["ranges"]


def test_netcdf_and_csv_hold_the_same_numbers(at, tmp_path):
    question = "/cube?bbox=-10,20,30,60&parameter-name=gpp&datetime=2001-03"
    part = at.ds.gpp.sel(time="2001-03-01", lat=slice(20, 60), lon=slice(-10, 30))
    (tmp_path / "cube.nc").write_bytes(asked(at, f"{question}&f=NetCDF").content)
    with xr.open_dataset(tmp_path / "cube.nc") as ds:
        np.testing.assert_array_equal(ds.gpp[0], part)
    rows = pd.read_csv(io.StringIO(asked(at, f"{question}&f=CSV").text), comment="#")
    np.testing.assert_array_equal(rows.gpp.astype("f4"), part.values[np.isfinite(part.values)])


@pytest.mark.parametrize(
    "question",
    ["/position?coords=POINT(8", "/position?coords=LINESTRING(0 0,1 1)", "/position?coords=POINT(8 147)", "/position",
     "/position?coords=POINT(8 47)&parameter-name=gp", "/position?coords=POINT(8 47)&datetime=never",
     "/position?coords=POINT(8 47)&datetime=1999", "/position?coords=POINT(8 47)&f=GRIB",
     "/position?coords=POINT(8 47)&crs=EPSG:3035", "/cube?bbox=1,2,3", "/cube", "/cube?bbox=1,1,2,2",
     "/area?coords=POLYGON((0 0,1 1,0 1,1 0,0 0))", "/area?coords=POLYGON((1 1,2 1,2 2,1 1))",
     "/area?coords=POINT(1 1)", "/area?coords=POLYGON EMPTY"],
)  # fmt: skip
def test_bad_questions_are_told_what_to_do(at, question):
    answer = asked(at, question, 400)
    assert answer.headers["content-type"] == "application/problem+json" and answer.json()["found"]


def test_unknown_collections_and_too_much(at, monkeypatch):
    assert at.client.get("/api/collections/aaaaaaaaaaaa/cube?bbox=0,0,10,10").status_code == 404
    monkeypatch.setattr("landsink.portal.retrieval.MOST_JSON", 1000)
    said = asked(at, "/cube?bbox=-180,-90,180,90&parameter-name=gpp", 413).json()
    assert "15552 numbers" in said["found"] and "NetCDF" in said["remedy"]


def test_too_fine_an_area_is_refused(at, monkeypatch):
    monkeypatch.setattr("landsink.portal.area.MOST_VERTICES", 3)
    assert "4 vertices" in asked(at, "/area?coords=POLYGON((0 0,50 0,50 50,0 0))", 413).json()["found"]


def test_locations_are_the_countries_with_a_cell(at):
    answer = asked(at, "/locations")
    assert answer.headers["content-type"] == "application/geo+json"
    assert [row["id"] for row in answer.json()["features"]] == ["AAA", "BBB", "CCC"]
    assert [row["id"] for row in asked(at, "/locations?bbox=170,-30,190,0").json()["features"]] == ["CCC"]
    found = asked(at, "/locations/AAA?parameter-name=gpp&datetime=2001-01").json()
    np.testing.assert_array_equal(values(found), at.ds.gpp[:1].sel(lat=slice(40, 60), lon=slice(0, 20)))
    assert asked(at, "/locations/CCC?parameter-name=nee&datetime=2001-01").json()["domain"]["axes"]["x"]["values"] == [
        165.0, 175.0, 185.0, 195.0
    ]  # fmt: skip
    asked(at, "/locations/FRA", 404)
    assert "statistics" in asked(at, "/locations/DDD", 400).json()["remedy"]
