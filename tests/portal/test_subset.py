"""Parts of a product as files: the same numbers, with their unit, sign, licence and source."""

import io
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.portal import subset
from tests.portal.gridded import shelf

PART = "from=2001-03&to=2001-05&bbox=-10,20,30,60"


@pytest.fixture(scope="module")
def at(tmp_path_factory):
    return shelf(tmp_path_factory.mktemp("subset"))


def opened(answer, folder: Path) -> xr.Dataset:
    path = folder / "part.nc"
    path.write_bytes(answer.content)
    with xr.open_dataset(path) as ds:
        return ds.load()


def expected(at):
    return at.ds.sel(time=slice("2001-03", "2001-05"), lat=slice(20, 60), lon=slice(-10, 30))


def test_netcdf_holds_the_same_bits_with_their_meaning(at, tmp_path):
    answer = at.get(f"/subset?variable=gpp,gpp_sd&{PART}")
    ds, part = opened(answer, tmp_path), expected(at)
    for name in ("gpp", "gpp_sd"):
        np.testing.assert_array_equal(ds[name], part[name])
    for axis in ("time", "lat", "lon"):
        np.testing.assert_array_equal(ds[axis], part[axis])
    np.testing.assert_allclose(ds.land_area, part.areacella * part.sftlf / 100, rtol=1e-12)
    assert ds.gpp.attrs["units"] == "kg m-2 s-1" and ds.gpp.attrs["comment"] == "Sign: + into the vegetation."
    assert ds.gpp.attrs["ancillary_variables"] == "gpp_sd"
    assert ds.attrs["landsink_id"] == at.id and ds.attrs["license"] == "CC-BY-4.0"
    assert "GENERATED" in ds.attrs["comment"] and "/subset?variable=gpp" in ds.attrs["history"]
    assert answer.headers["content-disposition"] == f'attachment; filename="{at.id}_gpp_gpp_sd.nc"'


@pytest.mark.parametrize("form", ["csv", "netcdf"])
def test_a_question_asked_again_later_has_the_same_file(at, form):
    first = at.get(f"/subset?variable=gpp&{PART}&f={form}").content
    time.sleep(1.1)  # what is told to the second would differ
    assert at.get(f"/subset?variable=gpp&{PART}&f={form}").content == first


def test_netcdf_written_in_portions_is_the_same(at, tmp_path, monkeypatch):
    monkeypatch.setattr("landsink.portal.writing.PORTION", 40)
    ds = opened(at.get(f"/subset?variable=nee&{PART}"), tmp_path)
    np.testing.assert_array_equal(ds.nee, expected(at).nee)


def test_csv_holds_the_same_bits_and_leaves_the_sea_out(at):
    answer = at.get(f"/subset?variable=gpp,nee&{PART}&f=csv")
    rows = pd.read_csv(io.StringIO(answer.text), comment="#", parse_dates=["time"])
    part = expected(at)[["gpp", "nee"]].to_dataframe().dropna().reset_index()
    part = part.sort_values(["time", "lat", "lon"]).reset_index(drop=True)
    assert list(rows.columns) == ["time", "lat", "lon", "gpp", "nee"] and len(rows) == len(part)
    for name in ("gpp", "nee"):
        np.testing.assert_array_equal(rows[name].astype("f4"), part[name])
    np.testing.assert_array_equal(rows[["lat", "lon"]], part[["lat", "lon"]])
    comments = [line for line in answer.text.splitlines() if line.startswith("#")]
    assert any("GENERATED" in line for line in comments) and any(at.id in line for line in comments)
    assert "# units: gpp in kg m-2 s-1; nee in kg m-2 s-1" in comments


def test_a_box_across_the_180th_meridian_is_one_piece(at, tmp_path):
    ds = opened(at.get("/subset?variable=nee&bbox=160,-20,-160,20&from=2002-12"), tmp_path)
    assert ds.lon.values.tolist() == [165.0, 175.0, 185.0, 195.0]
    part = at.ds.nee.sel(lat=slice(-20, 20), lon=[165, 175, -175, -165])[-1:]
    np.testing.assert_array_equal(ds.nee, part)


@pytest.mark.parametrize("form", ["netcdf", "csv"])
def test_size_told_before_is_not_exceeded(at, form):
    told = at.get(f"/subset/size?variable=gpp&{PART}&f={form}").json()
    assert (told["steps"], told["rows"], told["columns"], told["numbers"]) == (3, 4, 4, 48)
    assert len(at.get(f"/subset?variable=gpp&{PART}&f={form}").content) <= told["bytes"]
    whole = at.get(f"/subset/size?f={form}").json()
    assert whole["variables"] == ["cVeg", "gpp", "gpp_sd", "nee", "nee_sd"] and whole["allowed"]
    assert len(at.get(f"/subset?f={form}").content) <= whole["bytes"]


def test_too_much_is_refused_with_its_cost(at, monkeypatch):
    monkeypatch.setitem(subset.MOST, "netcdf", 100)
    said = at.get("/subset?variable=gpp", 413).json()
    assert "15552 numbers" in said["found"] and "/subset/size" in said["remedy"]
    assert at.get("/subset/size?variable=gpp").json()["allowed"] is False


def test_nothing_is_left_on_the_disk(at, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    at.get("/subset?variable=gpp")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("variable=gpp,gp", 404),
        ("from=2003", 422),
        ("from=2002&to=2001", 422),
        ("f=grib", 422),
        ("bbox=1,1,2,2", 422),
    ],
)
def test_wrong_questions_are_refused(at, question, status):
    assert at.get(f"/subset?{question}", status).json()["found"]
