"""Air and ocean files to folders of products: what is told of a world whose truth is known, and of real records."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from landsink import case
from landsink.case import station_page, station_record
from landsink.case.station_sheet import shown
from landsink.core.errors import CaseError, DataError, LandsinkError, UnknownName
from landsink.stations.flux.stage import Settings, quiet
from tests.case import station_files as made


def process(path, out, pages=True, overwrite=False, **asked):
    return case.station(case.StationFiles(path, **asked), out, Settings(), quiet, overwrite, pages)


def facts(folder):
    return json.loads((folder / "station.json").read_text())


def series(folder, resolution):
    return xr.open_zarr(folder / "series.zarr", group=resolution, consolidated=False).load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("made")


@pytest.fixture(scope="module")
def months(folder):
    return process(made.months(folder), folder / "months")


@pytest.fixture(scope="module")
def hours(folder):
    return process(made.hours(folder), folder / "hours", latitude=50.0, longitude=0.0)


@pytest.fixture(scope="module")
def cruise(folder):
    return process(made.cruise(folder), folder / "cruise", site="AA2019")


def test_growth_and_season_of_a_known_world_are_found(months):
    year = series(months.folder, "year")
    growth = year["co2_growth"].values
    assert year.sizes["time"] == 6  # the first 1 January lies before the first month's middle
    np.testing.assert_allclose(growth, made.RATE, atol=4 * float(year["co2_growth_sd"].max()) + 0.05)
    np.testing.assert_allclose(year["co2_amplitude"], made.SWING, atol=0.5)
    assert (year["co2_growth_sd"] > 0).all()
    assert (year["co2_growth_sd"] < 0.3).all()
    told = {h.name: h for h in months.sheet.headlines}
    assert told["co2, growth in 2016"].value == pytest.approx(float(growth[-1]))
    assert told["co2, growth in 2016"].unit == "umol mol-1 yr-1"


def test_a_month_keeps_its_value_error_and_flag(months):
    native, rows = series(months.folder, "native"), pd.read_csv(months.folder.parent / "co2_mm_mlo.csv")
    np.testing.assert_array_equal(native["co2"], rows["Average"])
    flag = native["co2_flag"]
    words = dict(zip(flag.attrs["flag_values"], flag.attrs["flag_meanings"].split(), strict=True))
    assert [words[int(c)] for c in flag.values[:4]] == [
        "not_flagged",
        "not_flagged",
        "interpolated",
        "not_flagged",
    ]
    assert "sd" in native["co2"].attrs["uncertainty"]
    counts = {row["flag"]: row["count"] for row in facts(months.folder)["quality"]}
    assert counts == {"not_flagged": 95, "interpolated": 1}
    first = facts(months.folder)["coverage"][0]
    assert (first["year"], first["expected"], first["present"], first["good"]) == (2010, 12, 12, 11)


def test_hours_are_chosen_by_the_sun_and_averaged_by_the_house(hours, folder):
    day, month = series(hours.folder, "day"), series(hours.folder, "month")
    truth = made.mole_fraction(day["time"].values.astype("datetime64[s]").astype("int64") / 86400 + 14 / 24)
    there = np.isfinite(day["co2"].values)
    assert there.sum() == 800
    np.testing.assert_allclose(day["co2"].values[there], truth[there], atol=1.5)
    assert month["co2"].notnull().sum() == 27  # eleven days of March 2017 are enough
    assert set(facts(hours.folder)["variables"][0]["resolutions"]) == {"native", "day", "month"}
    whole = process(
        folder / "hours.csv", folder / "whole", latitude=50.0, longitude=0.0, hours="all", pages=False
    )
    above = float((series(whole.folder, "day")["co2"] - day["co2"]).mean())
    assert above == pytest.approx(20 * 20 / 24, abs=0.3)
    assert whole.record != hours.record


def test_without_a_longitude_the_hours_stay_and_the_reason_is_told(folder):
    found = process(
        folder / "hours.csv" if (folder / "hours.csv").exists() else made.hours(folder), folder / "nowhere"
    )
    assert "longitude" in found.warnings[0]
    assert set(found.sheet.series) == {"native"}
    assert found.sheet.place == {"intake_height": 100.0}


def test_fco2_of_a_known_cruise_is_recomputed_and_flagged(cruise):
    native = series(cruise.folder, "native")
    np.testing.assert_allclose(native["fco2_recomputed"], native["fco2"], rtol=1e-9)
    np.testing.assert_allclose(native["dfco2"], native["fco2"] - native["fco2_air"], rtol=1e-12)
    assert "positive: the water" in native["dfco2"].attrs["sign"]
    assert "fco2_sd" not in native  # nobody says how good it is
    counts = {(r["variable"], r["flag"]): r["count"] for r in facts(cruise.folder)["quality"]}
    assert counts[("fco2", "bad")] == 6
    assert counts[("fco2", "good")] == 54
    good = native["fco2"].values[native["fco2_flag"].values == 2]
    assert cruise.sheet.headlines[0].value == pytest.approx(good.mean())
    years = {r["year"]: (r["present"], r["good"]) for r in facts(cruise.folder)["coverage"]}
    assert years == {2019: (24, 22), 2020: (36, 32)}


def test_the_operators_error_stands_beside_every_value(cruise, folder):
    found = process(folder / "cruise.csv", folder / "error", site="AA2019", fco2_error=2.5, pages=False)
    native = series(found.folder, "native")
    assert set(np.unique(native["fco2_sd"])) == {2.5}
    assert "operator" in native["fco2"].attrs["uncertainty"]
    assert found.sheet.headlines[0].sd == 2.5
    with pytest.raises(DataError, match="nought"):
        process(folder / "cruise.csv", folder / "no", site="AA2019", fco2_error=-1.0)
    assert not (folder / "no").exists()


@pytest.mark.parametrize("kind", ["months", "hours", "cruise"])
def test_products_say_what_they_are_and_agree(kind, request):
    found = request.getfixturevalue(kind)
    page = facts(found.folder)
    assert page["record"] == found.record == json.loads((found.folder / "record.json").read_text())["hash"]
    assert (found.folder / f"{found.site}.html").read_text().startswith("<!doctype html>")
    for resolution in found.sheet.series:
        path = found.folder / f"{found.site}_{resolution}.nc"
        with xr.open_dataset(path) as ds:
            assert ds.attrs["Conventions"] == "CF-1.11"
            assert ds.attrs["record"] == found.record
            assert ds.attrs["featureType"] == ("trajectory" if kind == "cruise" else "timeSeries")
            numbers = series(found.folder, resolution)
            for name in shown(numbers):
                np.testing.assert_array_equal(ds[name], numbers[name])
                assert ds[name].attrs["units"] == numbers[name].attrs["units"]
            table = pd.read_csv(path.with_suffix(".csv"))
            assert len(table) == ds.sizes["time"]
            assert any(
                c.startswith(("co2 [umol mol-1]", "fco2 [uatm]", "co2_trend [", "co2_growth ["))
                for c in table.columns
            )


def test_the_page_says_all_in_words_too(months, cruise):
    text = (months.folder / f"{months.site}.html").read_text()
    for word in ("Season of co2.", "co2, growth.", "interpolated", "Thoning", "± 1 sd", months.record[:12]):
        assert word in text
    assert "could not be drawn" not in text
    assert "<script" not in text
    assert "Track." in (cruise.folder / "AA2019.html").read_text()
    assert station_page.unit_words("umol mol-1 yr-1") == "µmol mol⁻¹ yr⁻¹"


def test_a_picture_that_fails_keeps_the_page(months, monkeypatch):
    def broken(*_):
        raise ValueError("<b>no</b>")

    monkeypatch.setattr(station_page, "_over_time", broken)
    text = station_page.page(months.sheet, months.steps, months.record)
    assert "could not be drawn: ValueError: &lt;b&gt;no&lt;/b&gt;" in text
    assert "Coverage" in text


def test_what_a_user_must_say_is_asked_for(folder, cruise):
    with pytest.raises(DataError, match="--site"):
        process(folder / "cruise.csv", folder / "x")
    with pytest.raises(DataError, match="cannot name"):
        process(folder / "cruise.csv", folder / "x", site="../x")
    with pytest.raises(UnknownName, match="atmosphere"):
        process(folder / "cruise.csv", folder / "x", domain="air")
    with pytest.raises(UnknownName, match="afternoon"):
        process(folder / "hours.csv", folder / "x", hours="noon")
    with pytest.raises(DataError, match="latitude"):
        process(folder / "hours.csv", folder / "x", latitude=91.0)
    with pytest.raises(CaseError, match="no file"):
        process(folder, folder / "x", domain="ocean")
    with pytest.raises(DataError, match="no ocean record"):
        process(folder / "hours.csv", folder / "x", domain="ocean")
    with pytest.raises(CaseError, match="not empty"):
        process(folder / "cruise.csv", folder / "cruise", site="AA2019")
    assert not (folder / "x").exists()


def test_a_file_without_any_value_is_refused_in_words(folder):
    rows = pd.read_csv(made.cruise(folder, name="empty.csv"))
    rows.loc[:, [c for c in rows if "CO2" in c and "Flag" not in c]] = np.nan
    rows.to_csv(folder / "empty.csv", index=False)
    with pytest.raises(DataError, match="None of the 60 samples"):
        process(folder / "empty.csv", folder / "x", site="AA2019")


def test_an_interruption_leaves_no_product_and_keeps_old_ones(folder, cruise, monkeypatch):
    before = {p.name: p.read_bytes() for p in cruise.folder.iterdir() if p.is_file()}

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(station_record.station_sheet, "write", interrupt)
    for out in (cruise.folder, folder / "half"):
        with pytest.raises(KeyboardInterrupt):
            process(folder / "cruise.csv", out, site="AA2019", overwrite=True)
    assert {p.name: p.read_bytes() for p in cruise.folder.iterdir() if p.is_file()} == before
    assert not (folder / "half").exists()
    assert not [p for p in folder.iterdir() if "unfinished" in p.name]


@settings(max_examples=8)
@given(st.data())
def test_broken_files_end_in_a_product_or_in_words(folder, cruise, months, data):
    """Bytes of a sound file changed, cut out or cut off: nothing hangs, and no traceback."""
    process_spoiled(folder, data)


@pytest.mark.slow
@settings(max_examples=150)
@given(st.data())
def test_many_broken_files_end_in_a_product_or_in_words(folder, cruise, months, data):
    process_spoiled(folder, data)


def process_spoiled(folder, data) -> None:
    """Spoil a copy of a file and process it: it must end in products, or in an error in words."""
    source = data.draw(st.sampled_from(["cruise.csv", "co2_mm_mlo.csv"]))
    raw = bytearray((folder / source).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at, size = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(1, 400))
        how = data.draw(st.sampled_from(["flip", "cut", "double", "end"]))
        if how == "flip":
            raw[at] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del raw[at : at + size]
        elif how == "double":
            raw[at:at] = raw[at : at + size]
        else:
            del raw[at:]
        raw = raw or bytearray(b"\n")
    (folder / "broken.csv").write_bytes(bytes(raw))
    try:
        found = process(folder / "broken.csv", folder / "broken", site="AA", pages=False, overwrite=True)
    except LandsinkError as error:
        assert str(error)
        return
    assert facts(found.folder)["record"] == found.record


REAL = {
    "flux/atmosphere_co2/noaa_co2-mm-mlo.csv": ("atmosphere", "MLO-co2-monthly"),
    "flux/openghg_atm/ch4_esp_surface-flask_2_representative.nc": ("atmosphere", "ESP-ch4-40m-samples"),
    "flux/icos_format_samples/realatc.CO2": ("atmosphere", "GAT-co2-341m-hourly"),
    "flux/ocean_pco2/26NA20050107_CO2_underway_SOCATv3.tab": ("ocean", "26NA20050107"),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_told_apart_and_processed(data, tmp_path, name):
    domain, label = REAL[name]
    found = process(data / name, tmp_path / "out", pages=False)
    assert (found.domain, found.site) == (domain, label)
    assert not found.empty


def test_growth_at_mauna_loa_is_noaas(data, tmp_path):
    """NOAA's own annual increases, made another way (months around 1 January): the same within both errors."""
    found = process(data / "flux/atmosphere_co2/noaa_co2-mm-mlo.csv", tmp_path / "out", pages=False)
    ours = series(found.folder, "year")["co2_growth"].to_pandas()
    rows = pd.read_csv(data / "flux/atmosphere_co2/noaa_co2-gr-mlo.csv")
    theirs = rows.set_index(rows.columns[0])[rows.columns[1]]
    years = [y for y in ours.index.year if 1975 <= y <= 2024]
    apart = np.array([ours[f"{y}"].iloc[0] - theirs[y] for y in years])
    assert abs(apart.mean()) < 0.05
    assert apart.std() < 0.35


def test_socat_own_fco2_of_a_real_cruise_is_met(data, tmp_path):
    found = process(
        data / "flux/ocean_pco2/26NA20050107_CO2_underway_SOCATv3.tab", tmp_path / "out", pages=False
    )
    native = series(found.folder, "native")
    np.testing.assert_allclose(native["fco2_recomputed"], native["fco2"], atol=0.2)
    assert set(np.unique(native["fco2_sd"])) == {5.0}  # the cruise's flag is C
    assert facts(found.folder)["licence"].startswith("Creative Commons Attribution 3.0")
