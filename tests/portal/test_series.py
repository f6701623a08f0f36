"""Series of a place and numbers of a map: the product's own, to the last bit."""

import numpy as np
import pytest

from landsink.portal.series import Series
from tests.portal.gridded import shelf


@pytest.fixture(scope="module")
def at(tmp_path_factory):
    return shelf(tmp_path_factory.mktemp("series"))


def same(listed, values):
    """A JSON list holds the same float32 bits, null where there is none."""
    found = np.array([np.nan if v is None else v for v in np.ravel(np.array(listed, object))], np.float32)
    return np.array_equal(found, np.ravel(values), equal_nan=True)


def test_series_is_the_cell_that_holds_the_place(at):
    found = at.get("/series?variable=gpp&lat=47.4&lon=8.1").json()
    cell = at.ds.sel(lat=45.0, lon=5.0)
    assert found["cell"] == {"lat": 45.0, "lon": 5.0}
    assert same(found["value"], cell.gpp) and same(found["sd"], cell.gpp_sd)
    assert found["time"][0] == "2001-01-01" and len(found["time"]) == 24
    assert (found["unit"], found["sign"]) == ("kg m-2 s-1", "+ into the vegetation")
    assert found["source"]["id"] == at.id and found["source"]["generated"] is True


def test_series_of_the_sea_is_null_and_of_a_variable_without_sd_says_so(at):
    assert at.get("/series?variable=gpp&lat=45&lon=-15").json()["value"] == [None] * 24
    assert at.get("/series?variable=cVeg&lat=45&lon=5").json()["sd"] is None
    spread = at.get("/series?variable=gpp_sd&lat=45&lon=5").json()
    assert same(spread["value"], at.ds.gpp_sd.sel(lat=45, lon=5)) and spread["sd"] is None


def test_longitudes_are_places_on_the_globe(at):
    west = at.get("/series?variable=nee&lat=5&lon=-170.5").json()
    assert at.get("/series?variable=nee&lat=5&lon=189.5").json() == west
    assert same(west["value"], at.ds.nee.sel(lat=5, lon=-175))


@pytest.mark.parametrize("share", [0.9, 0.5])
def test_the_band_is_the_quantiles_of_the_members(at, share):
    found = at.get(f"/series?variable=gpp&lat=47.4&lon=8.1&band={share}").json()
    cell = at.ds.gpp_members.sel(lat=45.0, lon=5.0).transpose("time", "member").values.astype(float)
    low, high = np.quantile(cell, [(1 - share) / 2, (1 + share) / 2], axis=1)
    np.testing.assert_allclose(found["band"]["low"], low, rtol=1e-6)
    np.testing.assert_allclose(found["band"]["high"], high, rtol=1e-6)
    assert found["band"]["low"] != found["band"]["high"]
    assert (found["band"]["share"], found["band"]["members"]) == (share, cell.shape[1])
    assert found["band"]["method"] == "linear"
    Series.model_validate(found, strict=True)


def test_the_band_is_asked_for_and_null_where_no_members_are_kept(at):
    plain = at.get("/series?variable=gpp&lat=47.4&lon=8.1").json()
    assert "band" not in plain
    asked = at.get("/series?variable=gpp&lat=47.4&lon=8.1&band=0.9").json()
    assert {name: asked[name] for name in plain} == plain
    for variable in ("nee", "cVeg", "gpp_sd"):
        assert at.get(f"/series?variable={variable}&lat=47.4&lon=8.1&band=0.9").json()["band"] is None
    sea = at.get("/series?variable=gpp&lat=45&lon=-15&band=0.9").json()["band"]
    assert sea["low"] == sea["high"] == [None] * 24


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("variable=gp&lat=45&lon=5", 404),
        ("variable=gpp&lat=91&lon=5", 422),
        ("variable=gpp&lat=nan&lon=5", 422),
        ("variable=gpp&lat=45", 422),
        ("variable=&lat=45&lon=5", 404),
        ("variable=gpp&lat=45&lon=5&band=0", 422),
        ("variable=gpp&lat=45&lon=5&band=1", 422),
        ("variable=gpp&lat=45&lon=5&band=nan", 422),
    ],
)
def test_wrong_questions_are_told_what_to_do(at, question, status):
    said = at.get(f"/series?{question}", status)
    assert said.headers["content-type"] == "application/problem+json"
    assert said.json()["found"]


def test_step_tells_the_numbers_of_a_map_and_their_area_mean(at):
    found = at.get("/step?variable=gpp&time=2001-07").json()
    month, area = at.ds.gpp.sel(time="2001-07-01"), at.ds.areacella * at.ds.sftlf / 100
    assert same(found["value"], month) and same(found["sd"], at.ds.gpp_sd.sel(time="2001-07-01"))
    assert (found["step"], found["time"], found["thinning"]) == (6, "2001-07-01", 1)
    assert found["minimum"] == float(month.min()) and found["maximum"] == float(month.max())
    assert found["median"] == pytest.approx(float(month.astype(float).median()), rel=1e-12)
    mean = float(month.astype(float).weighted(area.where(month.notnull(), 0)).mean())
    assert found["mean"] == pytest.approx(mean, rel=1e-6)
    assert found["text"].startswith("GENERATED") and "kg m-2 s-1" in found["text"]


def test_step_takes_a_box_across_the_180th_meridian_and_thins(at):
    found = at.get("/step?variable=nee&time=2002-03-10&bbox=160,-20,-160,20").json()
    assert found["lon"] == [165.0, 175.0, 185.0, 195.0] and found["lat"] == [-15.0, -5.0, 5.0, 15.0]
    expected = at.ds.nee.sel(time="2002-03-01", lat=slice(-20, 20), lon=[165, 175, -175, -165])
    assert same(found["value"], expected)
    thin = at.get("/step?variable=nee&thin=2").json()
    assert thin["time"] == "2002-12-01" and same(thin["value"], at.ds.nee[-1, ::2, ::2])


@pytest.mark.parametrize(
    "question",
    [
        "time=1999",
        "time=2003-02",
        "time=yesterday",
        "time=2001-02-30",
        "bbox=1,2,3",
        "bbox=5,60,8,40",
        "bbox=1,1,2,2",
    ],
)
def test_a_map_that_is_not_there_is_refused(at, question):
    assert at.get(f"/step?variable=gpp&{question}", 422).json()["expected"]
