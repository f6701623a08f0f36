"""Checks: each sees what it must, says so, keeps the raw value, and lets real and Arctic records pass."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux import checks, clock

THARANDT = {"latitude": 50.9626, "longitude": 13.5651, "utc_offset": 1.0}
ABISKO = {"latitude": 68.36, "longitude": 18.79, "utc_offset": 1.0}


def record(
    days: int, start: str = "2001-04-01", place: dict = THARANDT, step: int = 1800, **columns
) -> xr.Dataset:
    size = days * 86400 // step
    time = pd.date_range(start, periods=size, freq=f"{step}s").values.astype("datetime64[ns]")
    made = {k: ("time", np.broadcast_to(np.asarray(v, float), size).copy()) for k, v in columns.items()}
    return xr.Dataset(made, {"time": time}, dict(place))


def sunny(days: int, start: str = "2001-04-01", place: dict = THARANDT, step: int = 1800) -> xr.Dataset:
    """A record whose sunlight is three quarters of what lies above the air; every third day is dull."""
    ds = record(days, start, place, step, SW_IN=0.0)
    dull = np.where(np.arange(ds.sizes["time"]) * step // 86400 % 3 == 0, 0.2, 0.75)
    return ds.assign(SW_IN=("time", dull * clock.potential_radiation(ds)))


def late(ds: xr.Dataset, hours: float) -> xr.Dataset:
    """The same light on a clock that is ahead by some hours."""
    return ds.assign_coords(time=ds["time"] + np.timedelta64(int(hours * 3600), "s"))


def text(ds: xr.Dataset) -> str:
    return " ".join(ds.attrs["findings"])


def test_values_out_of_range_are_withdrawn_flagged_told_and_kept():
    ds = record(1, TA=10.0, NEE=1.0)
    ds["TA"].values[[3, 7]] = [80.0, np.inf]
    out = checks.ranges(ds)
    assert np.flatnonzero(np.isnan(out["TA"].values)).tolist() == [3, 7]
    assert np.flatnonzero(out["TA_CHECK"].values == 1).tolist() == [3, 7]
    assert out["TA_RAW"].values[3] == 80.0
    assert "NEE_RAW" not in out and not out["NEE_CHECK"].values.any()
    assert "TA: 2 values outside -50 … 50 degC" in text(out)


def test_a_record_in_the_wrong_unit_is_asked_for_it():
    assert "is the unit kPa?" in text(checks.ranges(record(1, PA=1013.0)))


def test_flags_are_cf():
    flag = checks.ranges(record(1, TA=10.0))["TA_CHECK"]
    assert flag.dtype == np.int8
    assert len(flag.attrs["flag_meanings"].split()) == len(flag.attrs["flag_values"])


def test_the_first_verdict_stays():
    ds = record(1, TA=10.0)
    ds = checks.judge(ds, "TA", np.ones(48, bool), "stuck")
    ds = checks.judge(ds, "TA", np.ones(48, bool), "out_of_plausible_range")
    assert (ds["TA_CHECK"] == checks.VERDICTS["stuck"]).all()


def test_runs_end_at_gaps():
    assert checks.runs(np.array([1.0, 1.0, np.nan, 1.0, 2.0, 2.0, 2.0])).tolist() == [2, 2, 0, 1, 3, 3, 3]


def test_a_stuck_flux_is_withdrawn_whole():
    ds = record(2, NEE=np.arange(96.0))
    ds["NEE"].values[10:18] = 0.695
    out = checks.stuck(ds)
    assert np.flatnonzero(np.isnan(out["NEE"].values)).tolist() == list(range(10, 18))
    assert "stuck at one value for more than 3 h, once (8 values" in text(out)


@pytest.mark.parametrize(
    "columns", [{"SW_IN": "night"}, {"RH": 100.0}, {"VPD": 0.0}, {"P": 0.0}, {"WD": 180.0}]
)
def test_what_may_rest_is_left_alone(columns):
    ds = sunny(3) if "SW_IN" in columns else record(3, **columns)
    assert checks.stuck(ds).attrs["findings"] == []


def test_polar_night_is_not_stuck():
    assert checks.stuck(record(20, "2001-12-10", ABISKO, SW_IN=0.0)).attrs["findings"] == []


def test_hourly_values_written_twice_are_seen():
    rng = np.random.default_rng(1)
    hourly = rng.normal(size=24 * 5)
    out = checks.twins(record(5, TA=np.repeat(hourly, 2), NEE=rng.normal(size=240), P=0.0))
    assert out.attrs["hourly"] == "TA"
    assert "TA: hourly values, each written twice" in text(out)


@pytest.mark.parametrize("hours", [-6.0, -1.0, 0.5, 1.0, 2.0, 9.0])
@pytest.mark.parametrize("step", [900, 1800, 3600])
def test_a_wrong_clock_is_stated_with_its_hours(hours, step):
    out = checks.time_shift(late(sunny(45, step=step), hours))
    expected = 0.0 if abs(hours) < step / 3600 else hours
    assert out.attrs["time_shift"] == pytest.approx(expected, abs=0.25)
    assert bool(out.attrs["findings"]) == bool(expected)


def test_a_right_clock_says_nothing():
    out = checks.time_shift(sunny(45))
    assert out.attrs["time_shift"] == 0.0 and out.attrs["findings"] == []


def test_a_spell_of_summer_time_is_dated():
    ds = sunny(180)
    light = ds["SW_IN"].values
    light[60 * 48 : 120 * 48] = np.roll(light, 2)[60 * 48 : 120 * 48]
    out = checks.time_shift(ds)
    assert out.attrs["time_shift"] == 0.0
    assert "from about 2001-05-31 to 2001-07-29 the clock is +1 h off" in text(out)


def test_what_was_stated_can_be_mended():
    ds = checks.time_shift(late(sunny(45), 2.0))
    mended = checks.moved(ds, ds.attrs["time_shift"])
    assert checks.time_shift(mended).attrs["time_shift"] == 0.0
    np.testing.assert_array_equal(mended["time"], sunny(45)["time"])


@pytest.mark.parametrize(("start", "known"), [("2001-12-05", False), ("2001-06-05", True)])
def test_polar_night_tells_nothing_and_arctic_summer_still_does(start, known):
    table = checks.shifts(sunny(30, start, ABISKO))
    assert table["hours"].notna().all() == known
    out = checks.time_shift(late(sunny(30, start, ABISKO), 3.0))
    assert ("3 h later" in text(out)) == known


def test_at_the_pole_the_sun_tells_nothing():
    pole = {"latitude": 89.9, "longitude": 0.0, "utc_offset": 0.0}
    assert "no block of days tells" in text(checks.time_shift(sunny(30, "2001-06-05", pole)))


def test_the_clock_at_tharandt_was_right_in_1998(data):
    path = data / "flux/reddyproc_de_tha_98/Example_DETha98_lf.txt"
    if not path.exists():
        pytest.skip("no raw file of 1998 here")
    raw = pd.read_csv(path, sep="\t", skiprows=[1], na_values=[-9999])
    ds = record(
        365, "1998-01-01", SW_IN=raw["Rg"], NEE=raw["NEE"], VPD=raw["VPD"], RH=raw["rH"], TA=raw["Tair"]
    )
    out = checks.checked(ds)
    assert out.attrs["time_shift"] == 0.0
    # Two winter nights hold one number for hours on end: values that were filled in before they were handed on.
    assert out.attrs["findings"] == [
        "NEE: stuck at one value for more than 3 h, 4 times (32 values withdrawn)."
    ]
    assert checks.time_shift(late(ds, 1.0)).attrs["time_shift"] == 1.0


def test_light_in_the_dark_is_withdrawn_unless_the_clock_is_wrong():
    ds = sunny(30)
    ds["SW_IN"].values[0] = 300.0
    out = checks.radiation(checks.time_shift(ds))
    assert np.isnan(out["SW_IN"].values[0]) and "1 values lie above" in text(out)
    shifted = checks.radiation(checks.time_shift(late(sunny(30), 4.0)))
    assert (shifted["SW_IN_CHECK"] == 3).any() and np.isfinite(shifted["SW_IN"]).all()
    assert "the clock itself seems wrong" in text(shifted)


def test_saturation_pressure_is_the_published_one():
    # WMO's guide to meteorological instruments: 6.112 hPa at 0 degC, 23.37 at 20, 73.8 at 40 over water.
    np.testing.assert_allclose(
        checks.saturation(np.array([0.0, 20.0, 40.0])), [6.112, 23.37, 73.8], rtol=2e-3
    )


def test_missing_vpd_is_derived():
    out = checks.humidity(record(1, TA=20.0, RH=50.0))
    np.testing.assert_allclose(out["VPD"], 11.68, rtol=2e-3)
    assert "derived" in text(out)


def test_disagreeing_humidity_is_flagged_and_stays():
    ds = record(1, TA=20.0, RH=50.0, VPD=11.7)
    ds["VPD"].values[5] = 2.0
    out = checks.humidity(ds)
    assert (
        np.flatnonzero(out["RH_CHECK"].values).tolist()
        == [5]
        == np.flatnonzero(out["VPD_CHECK"].values).tolist()
    )
    assert np.isfinite(out["VPD"]).all()


def test_vpd_in_kilopascal_is_recognised():
    assert "Is it in kPa?" in text(checks.humidity(record(2, TA=20.0, RH=50.0, VPD=1.17)))


def test_net_radiation_is_held_against_its_parts():
    ds = record(1, SW_IN=500.0, SW_OUT=50.0, LW_IN=300.0, LW_OUT=400.0, NETRAD=350.0)
    assert not checks.net_radiation(ds)["NETRAD_CHECK"].any()
    out = checks.net_radiation(ds.assign(NETRAD=("time", np.full(48, 500.0))))
    assert (out["NETRAD_CHECK"] == 5).all() and "+150.0 W m-2" in text(out)


def test_without_light_the_checks_say_so():
    out = checks.checked(record(2, TA=np.arange(96.0) / 10))
    assert "could not be held against the sun" in text(out)
    with pytest.raises(DataError, match="SW_IN"):
        checks.shifts(record(2, TA=1.0))


def test_all_missing_passes():
    out = checks.checked(record(20, NEE=np.nan, SW_IN=np.nan, TA=np.nan, RH=np.nan, VPD=np.nan))
    assert np.isnan(out["NEE"]).all()


def test_daily_records_do_not_show_the_sun():
    assert "no block of days tells" in text(checks.time_shift(record(60, step=86400, SW_IN=100.0)))
