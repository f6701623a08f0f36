"""Trend and season: laws of the fit, and what it finds in real records."""

import numpy as np
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.air import open_air
from landsink.stations.air import (
    Bootstrap,
    Curve,
    Hours,
    NewYear,
    annual_increase,
    daily,
    fit,
    fit_with_errors,
)
from landsink.stations.air.bootstrap import drawn
from landsink.stations.air.curve import YEAR, lowpass, middle
from landsink.stations.air.growth import adjacent, deseasonalise

FLASKS = "flux/atmosphere_co2/co2_{}_surface-flask_1_ccgg_month.txt"


def record(values: np.ndarray, time: np.ndarray, interval: str = "P1D", **attrs) -> xr.Dataset:
    """An air record of given values."""
    ds = xr.Dataset(
        {"co2": ("time", values, {"units": "umol mol-1", "ancillary_variables": ""})}, {"time": time}
    )
    return ds.assign_attrs(interval=interval, **attrs)


def days(first: str, last: str) -> np.ndarray:
    return np.arange(first, last, dtype="datetime64[D]").astype("datetime64[ns]")


def truth(ds: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """A known trend and season at the middle of a record's intervals."""
    y = (middle(ds) - 10957) / YEAR
    phase = 2 * np.pi * middle(ds) / YEAR
    return 370 + 2 * y + 0.03 * y**2, 6 * np.cos(phase) - 2 * np.sin(2 * phase)


def made(first: str = "2000-01-01", last: str = "2010-01-01", **attrs) -> xr.Dataset:
    ds = record(np.zeros(days(first, last).size), days(first, last), **attrs)
    return ds.assign(co2=ds["co2"] + sum(truth(ds)))


def test_the_filter_passes_half_at_its_period_and_keeps_lines():
    t = np.arange(8000.0)
    wave = np.cos(2 * np.pi * t / 400)[None]
    inside = slice(2000, 6000)
    assert lowpass(wave, 400.0, 6, 1334)[0, inside] == pytest.approx(wave[0, inside] / 2, abs=2e-3)
    line = (0.01 * t + 3)[None]
    assert lowpass(line, 667.0, 6, 1334)[0, 700:-700] == pytest.approx(line[0, 700:-700], abs=0.05)


def test_a_trend_and_a_season_of_the_fitted_form_are_found_exactly():
    ds = made()
    found = fit(ds)
    trend, season = truth(found)  # on the axis: 0 h, no interval
    np.testing.assert_allclose(found["trend"], trend, atol=1e-6)
    np.testing.assert_allclose(found["season"], season, atol=2e-3)  # read linearly between noons
    np.testing.assert_allclose(found["smooth"], found["trend"] + found["season"])
    inner = slice("2000-01-03", "2009-12-30")
    slope = (2 + 0.06 * (middle(found) - 10957) / YEAR)[2:]
    np.testing.assert_allclose(
        found["growth"].isel(time=slice(2, None)).sel(time=inner),
        slope[: found.sel(time=inner).sizes["time"]],
        atol=1e-5,
    )


def test_shifting_and_stretching_the_values_shifts_and_stretches_the_curves():
    ds = open_like_noise(0)
    one, other = fit(ds), fit(ds.assign(co2=3 * ds["co2"] + 7))
    np.testing.assert_allclose(other["trend"], 3 * one["trend"] + 7)
    np.testing.assert_allclose(other["season"], 3 * one["season"], atol=1e-8)


def open_like_noise(seed: int, sd: float = 1.0) -> xr.Dataset:
    ds = made()
    return ds.assign(co2=ds["co2"] + np.random.default_rng(seed).normal(0, sd, ds.sizes["time"]))


def test_gaps_are_bridged_and_told():
    ds = made().assign_attrs(scale="kept")
    holes = np.ones(ds.sizes["time"], bool)
    holes[1000:1700] = False
    found = fit_with_errors(ds.isel(time=holes), draws=Bootstrap(members=8))
    assert float(found["gap"].max()) == pytest.approx(701, abs=1)
    np.testing.assert_allclose(found["trend"], truth(found)[0], atol=1e-5)
    hidden = found["year"].values[np.isnan(found["growth_rate"].values)]
    assert list(hidden) == [2002, 2003, 2004]  # 1 January of 2003 and 2004 lie in the gap
    assert list(found["year"].values[np.isnan(found["amplitude"].values)]) == [2002, 2003, 2004]
    assert found.attrs["scale"] == "kept"


def test_flags_decide_what_is_fitted():
    ds = made()
    spoilt = ds["co2"].copy(deep=True)
    spoilt[::7] += 500.0
    flag = np.ones(ds.sizes["time"], np.int8)
    flag[::7] = 2
    meanings = {
        "flag_values": np.array([1, 2], np.int8),
        "flag_meanings": "correct_after_manual_control incorrect_after_manual_control",
    }
    spoilt.attrs["ancillary_variables"] = "flag"
    found = fit(ds.assign(co2=spoilt, flag=("time", flag, meanings)))
    np.testing.assert_allclose(found["trend"], truth(found)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda ds: ds.isel(time=slice(0, 400)), "within 399 days"),
        (lambda ds: ds.where(ds["time"].dt.month.isin([6, 7])), "whole seasons are missing"),
        (lambda ds: ds.assign(co2=ds["co2"] * np.nan), "0 days with sound values"),
        (lambda ds: ds.assign_attrs(interval="P7D"), "interval is 'P7D'"),
        (
            lambda ds: ds.drop_vars("co2").assign(ch4=("time", np.ones(ds.sizes["time"]))),
            "ancillary_variables",
        ),
    ],
)
def test_records_that_cannot_bear_a_fit_say_why(spoil, message):
    with pytest.raises(DataError, match=message):
        fit(spoil(made()))


def test_blocks_keep_their_order():
    got = drawn(np.arange(100.0), 10, 5, 0)
    steps = np.diff(got.reshape(5, 10, 10), axis=2) % 100
    assert got.shape == (5, 100) and (steps == 1).all()


def test_errors_are_those_of_many_worlds():
    """Weather of ten days' memory, sd 1: what the bootstrap states against how far growth is off in twenty worlds."""
    wrong, stated = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        ds = made(last="2008-01-01")
        noise = np.zeros(ds.sizes["time"])
        for i, kick in enumerate(random.normal(0, np.sqrt(1 - 0.9**2), noise.size)):
            noise[i] = 0.9 * noise[i - 1] + kick if i else random.normal()
        found = fit_with_errors(ds.assign(co2=ds["co2"] + noise), draws=Bootstrap(members=40, seed=seed))
        true = 2 + 0.03 * (2 * (found["year"].values - 2000) + 1)
        wrong.append(found["growth_rate"].values - true)
        stated.append(found["growth_rate_sd"].values)
    ratio = np.mean(stated) / np.sqrt(np.mean(np.square(wrong)))
    assert 0.7 < ratio < 1.3, ratio


def test_the_nearest_seasons():
    near = adjacent(120, 7)
    assert all(len(a) == 7 and i in a and (a % 12 == i % 12).all() for i, a in enumerate(near))
    assert list(near[60] // 12) == [2, 3, 4, 5, 6, 7, 8] and list(near[3] // 12) == list(range(7))
    assert [len(a) for a in adjacent(30, 7)][:12] == [3] * 6 + [2] * 6


@pytest.mark.parametrize(("series", "way"), [("gl", NewYear.Globe), ("mlo", NewYear.MaunaLoa)])
def test_growth_rates_are_those_that_noaa_publishes(data, series, way):
    folder = data / "flux/atmosphere_co2"
    months, published = (open_air(folder / f"noaa_co2-{kind}-{series}.csv") for kind in ("mm", "gr"))
    published = published.assign_coords(time=published["time"].dt.year.values).sel(time=slice(1980, 2025))
    found = annual_increase(months, way=way).sel(year=published["time"].values)
    away = np.abs(found.values - published["co2_growth"].values)
    assert away.size == 46
    within = away <= published["co2_growth_sd"].values
    assert within.mean() >= 0.95, dict(zip(found["year"].values[~within], away[~within], strict=True))
    assert away.max() < 0.06  # µmol mol-1 yr-1: half of the smaller uncertainties


def test_a_missing_month_hides_its_years_only(data):
    ds = open_air(data / "flux/atmosphere_co2/noaa_co2-mm-mlo.csv")
    ds["co2"].loc["2001-12"] = np.nan
    found = annual_increase(ds)
    assert (
        list(found["year"].values[np.isnan(found.values)]) == [2001, 2002]
        and found.attrs["years_without"] == 2
    )
    assert np.isnan(deseasonalise(ds).sel(time="2001-12-01"))


@pytest.mark.parametrize(
    ("site", "amplitude", "growth"), [("mhd", (12, 17), (1.7, 2.1)), ("cgo", (0.8, 1.4), (1.6, 2.0))]
)
def test_flask_sites(data, site, amplitude, growth):
    """Mace Head swings by some 15 µmol mol-1, Cape Grim by about 1; both grew by nearly 2 a year."""
    found = fit_with_errors(open_air(data / FLASKS.format(site)), draws=Bootstrap(members=20))
    assert amplitude[0] < float(found["amplitude"].mean()) < amplitude[1]
    assert growth[0] < float(found["growth_rate"].mean()) < growth[1]
    assert found.attrs["residual_sd"] < 0.3


def test_a_tower_of_two_years_gives_a_trend(data):
    ds = open_air(data / "flux/atmosphere_co2/svb_co2.csv")
    with pytest.raises(DataError, match="longitude"):
        daily(ds)
    ds.attrs["longitude"] = 19.775
    found = fit(daily(ds, Hours.Afternoon))
    assert found.attrs["observations"] > 600 and "below three years" in found.attrs["caution"]
    low = found["season"].idxmin().values.astype("datetime64[M]").astype(str)
    assert low in ("2017-08", "2018-08", "2017-07")  # the forest's summer


def test_cabauw_does_not_guess_through_its_gap(data):
    path = data / "ref/icos/samples/co2_cbw_tower-insitu_445_allvalid-207magl.nc"
    if not path.exists():
        pytest.skip("the Cabauw record is not here")
    found = fit_with_errors(daily(open_air(path)), draws=Bootstrap(members=10))
    assert set(found["year"].values[np.isnan(found["growth_rate"].values)]) >= {1997, 1998, 1999}
    assert found["growth_rate"].sel(year=slice(2005, 2021)).mean() == pytest.approx(
        2.2, abs=0.4
    )  # the globe's: 2.2
    assert found.attrs["calibration_scale"] == "WMO-X2019"


def test_a_short_record_is_not_given_errors_that_it_cannot_have():
    with pytest.raises(DataError, match="leave no error"):
        fit_with_errors(made(), draws=Bootstrap(members=4, block=500.0))


def test_fewer_terms_are_another_curve():
    ds = made()
    assert fit(ds, curve=Curve(harmonics=1)).attrs["residual_sd"] > 1e-3 > fit(ds).attrs["residual_sd"]
