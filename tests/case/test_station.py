"""A station's files to a folder of products: what it holds, what reads it, and files that are broken."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from landsink import case
from landsink.case import station_folder, station_tower
from landsink.core.errors import CaseError, DataError, LandsinkError, UnknownName
from landsink.sources import Fluxnet
from landsink.sources.tower import open_tower
from landsink.stations.flux.stage import Settings, quiet
from tests.stations.flux.partitioned import generated

QUICK = Settings(draws=4, percentiles=4)
PLACE = {"latitude": 51.0, "longitude": 15.0, "utc_offset": 1.0}


def table(days: int = 60) -> pd.DataFrame:
    """A made-up tower with u* and heat, as FLUXNET rows."""
    ds = generated(days=days, noise=0.5)
    draw = np.random.default_rng(3)
    start = pd.DatetimeIndex(ds["time"].values)
    rows = {
        "TIMESTAMP_START": start.strftime("%Y%m%d%H%M"),
        "TIMESTAMP_END": (start + pd.Timedelta("30min")).strftime("%Y%m%d%H%M"),
    }
    rows |= {name: ds[name].values for name in ("NEE", "TA", "SW_IN", "VPD")}
    rows |= {"LE": 0.3 * ds["SW_IN"].values + draw.normal(0, 5, start.size)}
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("tower") / "AA-Aaa_HH.csv"
    table().to_csv(path, index=False)
    return path


def held(folder) -> dict[str, bytes]:
    """The bytes of every file in a folder and below."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def files(path, site=None) -> case.StationFiles:
    return case.StationFiles(path, site, **PLACE)


@pytest.fixture(scope="module")
def made(file, tmp_path_factory):
    return case.station(files(file), tmp_path_factory.mktemp("out") / "products", QUICK, quiet)


def test_the_folder_holds_every_product(made):
    held = {p.name for p in made.folder.iterdir()}
    tables = {f"AA-Aaa_FLUXNET_{mark}_2005-2005.csv" for mark in ("HH", "DD", "WW", "MM", "YY")}
    sets = {f"AA-Aaa_{mark}.nc" for mark in ("HH", "DD", "WW", "MM", "YY", "windows")}
    others = {f"AA-Aaa_{own}.csv" for own in ("nt_window", "nt_step", "nt_part", "dt_window")}
    assert held == tables | sets | others | {
        "AA-Aaa_SITEINFO.csv",
        "AA-Aaa_2005.html",
        "log.txt",
        "record.json",
        "series.zarr",
        "station.json",
    }
    assert not [p for p in made.folder.parent.iterdir() if "unfinished" in p.name]


def test_the_record_names_inputs_by_checksum_and_its_hash(made, file):
    record = json.loads((made.folder / "record.json").read_text())
    assert record["inputs"][0] | {"licence": "", "citation": ""} == {
        "name": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "licence": "", "citation": "",
    }  # fmt: skip
    station = record["case"]["station"]
    assert (station["seed"], station["draws"], station["percentiles"]) == (0, 4, 4)
    assert "MovingPoint" in station["convention"]
    assert record["hash"] == made.record
    assert "landsink" in record["code"]
    assert {s["name"] for s in record["steps"]} == {s.name for s in made.steps}
    with xr.open_dataset(made.folder / "AA-Aaa_HH.nc") as ds:
        assert ds.attrs["record"] == made.record
        assert ds.attrs["Conventions"].startswith("CF")


def test_the_record_changes_with_what_matters_and_with_nothing_else(made, file, tmp_path):
    same = case.station(files(file), tmp_path / "a", QUICK, quiet, pages=False)
    other = case.station(
        files(file), tmp_path / "b", Settings(draws=4, percentiles=4, seed=1), quiet, pages=False
    )
    assert same.record == made.record != other.record
    name = "AA-Aaa_FLUXNET_HH_2005-2005.csv"
    assert (same.folder / name).read_bytes() == (made.folder / name).read_bytes()


def test_the_log_says_what_became_of_each_step(made):
    log = (made.folder / "log.txt").read_text()
    for step in made.steps:
        assert f"{step.status:8}{step.name}" in log
    assert "USTAR was never measured" in log
    assert made.record in log


def test_our_own_sources_read_the_products(made):
    days = Fluxnet(made.folder).open(["nee", "gpp", "tas", "evspsbl"]).isel(site=0)
    with xr.open_dataset(made.folder / "AA-Aaa_DD.nc") as ds:
        assert days.sizes["time"] == ds.sizes["time"] == 60
        np.testing.assert_allclose(days["nee"].values, ds["nee"].values, rtol=1e-4)
        np.testing.assert_allclose(days["gpp"].values, ds["gpp_night"].values, rtol=1e-4, atol=1e-13)
    assert float(days["lat"]) == PLACE["latitude"]
    night, day = (Fluxnet(made.folder, gpp=way).open(["gpp"])["gpp"] for way in ("night", "day"))
    assert not np.array_equal(night, day)
    again = open_tower(made.folder / "AA-Aaa_FLUXNET_HH_2005-2005.csv")
    assert (again["NEE_QC"].values == 0).mean() == (made.done.record["NEE_VUT_REF_QC"].values == 0).mean()


def test_what_it_says_of_the_carbon(made):
    assert set(made.annual["unit"]) == {"gC m-2 d-1"}  # no year is whole: months
    assert list(made.annual["period"].unique()) == ["2005-05", "2005-06"]
    assert list(made.annual["flux"].unique()) == ["NEE", "GPP_NT", "GPP_DT", "RECO_NT", "RECO_DT"]
    nee = made.annual.query("flux == 'NEE' and period == '2005-05'").iloc[0]
    assert nee["value"] == pytest.approx(made.done.coarse["MM"]["NEE_VUT_REF"].values[0])
    assert nee["random"] > 0
    assert np.isnan(nee["ustar"])
    text = case.statement(made)
    assert "NO u* FILTER" in str(text.title)
    assert "+ to the atmosphere" in str(text.caption)


def test_a_folder_in_use_is_not_touched(made, file, tmp_path):
    with pytest.raises(CaseError, match="not empty"):
        case.station(files(file), made.folder, QUICK, quiet)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(CaseError, match="other things"):
        case.station(files(file), mine, QUICK, quiet, overwrite=True)
    assert (mine / "thesis.txt").exists()
    taken = tmp_path / "taken"
    taken.write_text("")
    with pytest.raises(CaseError, match="is a file"):
        case.station(files(file), taken, QUICK, quiet)


def test_products_are_replaced_where_asked(file, tmp_path):
    first = case.station(files(file), tmp_path / "a", QUICK, quiet)
    (first.folder / "old.txt").write_text("")
    again = case.station(files(file), tmp_path / "a", QUICK, quiet, overwrite=True, pages=False)
    assert not (again.folder / "old.txt").exists()
    assert again.record == first.record


def test_an_interruption_leaves_no_product_and_keeps_old_ones(file, tmp_path, monkeypatch):
    first = case.station(files(file), tmp_path / "a", QUICK, quiet, pages=False)
    before = held(first.folder)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(station_folder.products, "write_netcdf", interrupt)
    for folder in (tmp_path / "a", tmp_path / "b"):
        with pytest.raises(KeyboardInterrupt):
            case.station(files(file), folder, QUICK, quiet, overwrite=True)
    assert held(tmp_path / "a") == before
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_product_that_cannot_be_written_keeps_no_other(file, tmp_path, monkeypatch):
    def refuse(*_):
        raise DataError("No room.")

    monkeypatch.setattr(station_folder.products, "write_netcdf", refuse)
    found = case.station(files(file), tmp_path / "a", QUICK, quiet, pages=False)
    assert found.done.step("CF NetCDF").status == "failed"
    assert (found.folder / "AA-Aaa_FLUXNET_DD_2005-2005.csv").exists()
    assert "failed  CF NetCDF: No room." in found.warnings


def test_steps_too_long_end_in_words(tmp_path):
    rows = table(days=30).iloc[::4].drop(columns="TIMESTAMP_END")
    rows.to_csv(tmp_path / "AA-Aaa_HH.csv", index=False)
    with pytest.raises(DataError, match="2 h apart"):
        case.station(files(tmp_path / "AA-Aaa_HH.csv"), tmp_path / "out", QUICK, quiet)
    assert not (tmp_path / "out").exists()


def test_sites_and_conventions_must_have_names(tmp_path):
    table(days=4).to_csv(tmp_path / "tower.csv", index=False)
    with pytest.raises(DataError, match="--site"):
        case.station(files(tmp_path / "tower.csv"), None, QUICK, quiet)
    with pytest.raises(DataError, match="cannot name"):
        case.station(files(tmp_path / "tower.csv", "../up"), None, QUICK, quiet)
    with pytest.raises(UnknownName, match="reddyproc"):
        case.convention("redyproc")


def test_rows_stated_twice_change_nothing(file, made, tmp_path):
    """Duplicated time stamps: every hundredth row again, at its place and at the end."""
    lines = file.read_text().splitlines()
    body = [line for k, row in enumerate(lines[1:]) for line in ([row, row] if k % 100 == 0 else [row])]
    path = tmp_path / file.name
    path.write_text("\n".join([lines[0], *body, *lines[50:60]]) + "\n")
    found = case.station(files(path), tmp_path / "out", QUICK, quiet, pages=False)
    name = "AA-Aaa_FLUXNET_HH_2005-2005.csv"
    assert (found.folder / name).read_bytes() == (made.folder / name).read_bytes()
    assert "repeat a time" in (found.folder / "log.txt").read_text()


@settings(max_examples=6)
@given(st.data())
def test_broken_files_end_in_a_product_or_in_words(file, tmp_path_factory, data):
    """Bytes of a sound file changed, cut out, doubled or cut off: nothing hangs, and no traceback."""
    process_spoiled(file, tmp_path_factory.mktemp("broken"), data)


@pytest.mark.slow
@settings(max_examples=100)
@given(st.data())
def test_many_broken_files_end_in_a_product_or_in_words(file, tmp_path_factory, data):
    process_spoiled(file, tmp_path_factory.mktemp("broken"), data)


def process_spoiled(file, folder, data) -> None:
    """Spoil a copy of a file and process it: it must end in products without a trace, or in an error in words."""
    raw = bytearray(file.read_bytes()[:40_000])
    for _ in range(data.draw(st.integers(1, 6))):
        at, size = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(1, 3000))
        how = data.draw(st.sampled_from(["flip", "cut", "double", "end", "noise"]))
        if how == "flip":
            raw[at] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del raw[at : at + size]
        elif how == "double":
            raw[at:at] = raw[at : at + size]
        elif how == "noise":
            raw[at : at + 20] = data.draw(st.binary(min_size=20, max_size=20))
        else:
            del raw[at:]
        raw = raw or bytearray(b"\n")
    path = folder / "AA-Aaa_HH.csv"
    path.write_bytes(bytes(raw))
    try:
        found = case.station(files(path), folder / "out", QUICK, quiet, pages=False)
    except LandsinkError as error:
        assert str(error)
        return
    assert not [s.trace for s in found.steps if s.trace]
    assert (found.folder / "record.json").exists()


def test_the_series_are_the_products_numbers_with_their_errors(made):
    page = json.loads((made.folder / "station.json").read_text())
    for resolution, mark in {"native": "HH", "day": "DD", "month": "MM"}.items():
        numbers = xr.open_zarr(made.folder / "series.zarr", group=resolution, consolidated=False).load()
        with xr.open_dataset(made.folder / f"AA-Aaa_{mark}.nc") as ds:
            for name in ("nee", "gpp_night", "reco_day", "tas"):
                np.testing.assert_array_equal(numbers[name], ds[name])
                assert numbers[name].attrs["units"] == ds[name].attrs["units"]
            np.testing.assert_array_equal(numbers["nee_sd"], ds["nee_random_error"])
        assert "chance alone" in numbers["nee"].attrs["uncertainty"]  # no u* was measured
    first = numbers["time"].values[0]
    assert first == np.datetime64("2005-05-01")  # a month bears its own date, not that of its start in UTC
    nee = next(v for v in page["variables"] if v["name"] == "nee")
    assert nee["sign"] == "positive: to the atmosphere"
    assert page["place"] == {"latitude": 51.0, "longitude": 15.0, "utc_offset": 1.0}


def test_coverage_counts_what_was_measured(made):
    page = json.loads((made.folder / "station.json").read_text())
    row = next(r for r in page["coverage"] if r["variable"] == "nee")
    assert (row["year"], row["expected"], row["present"]) == (2005, 365 * 48, 60 * 48)
    assert row["good"] == int((made.done.record["NEE_VUT_REF_QC"].values == 0).sum())
    counts = {r["flag"]: r["count"] for r in page["quality"] if r["variable"] == "nee"}
    assert counts["measured"] == row["good"]
    assert sum(counts.values()) == 60 * 48


def test_errors_by_choice_of_ustar_are_half_the_spread_of_versions(made):
    """The chain's own percentiles, in FLUXNET's unit, are met by the series' error in the vocabulary's."""
    coarse = made.done.coarse["MM"].copy()
    spread = xr.full_like(coarse["GPP_NT_VUT_REF"], 0.25)
    coarse = coarse.assign(
        GPP_NT_VUT_16=coarse["GPP_NT_VUT_REF"] - spread, GPP_NT_VUT_84=coarse["GPP_NT_VUT_REF"] + spread
    )
    numbers = station_tower.series_of(coarse.assign_attrs(made.done.record.attrs | coarse.attrs), "month")
    np.testing.assert_allclose(
        numbers["gpp_night_sd"], 0.25e-3 / 86400, rtol=1e-9
    )  # gC m-2 d-1 to kg m-2 s-1
    assert "u* thresholds" in numbers["gpp_night"].attrs["uncertainty"]


def test_a_tower_without_a_place_keeps_its_products(tmp_path):
    table(days=20).to_csv(tmp_path / "AA-Aaa_HH.csv", index=False)
    asked = case.StationFiles(tmp_path / "AA-Aaa_HH.csv")
    found = case.station(asked, tmp_path / "out", QUICK, quiet, pages=False)
    page = json.loads((found.folder / "station.json").read_text())
    assert page["variables"] == []
    assert any("There are no series" in n for n in page["notes"])
