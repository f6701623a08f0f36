"""Baselines recover what they should, and never look at withheld values."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.evaluate import baselines, nse, regression, seasonal_cycle

DAYS = pd.date_range("2001-01-01", "2004-12-31", freq="D")
MONTHS = pd.date_range("2001-01-01", periods=120, freq="MS")


def series(values, time=DAYS):
    return xr.DataArray(
        np.asarray(values, float)[:, None], dims=("time", "site"), coords={"time": time, "site": ["A"]}
    )


def test_daily_cycle_is_the_smoothed_mean_of_training_years():
    season = np.cos(2 * np.pi * DAYS.day_of_year.to_numpy() / 365.25)
    values = series(season + np.where(DAYS.year > 2002, 100.0, 0.0))
    train = series(DAYS.year <= 2002) > 0
    cycle = seasonal_cycle(values, train)
    assert cycle.sizes == values.sizes
    # A mean over 31 days of a cosine with a period of a year keeps 98.8 % of its height.
    assert np.abs(cycle.values[:, 0] - 0.988 * season).max() < 0.02


def test_monthly_cycle_is_the_mean_of_each_calendar_month():
    rng = np.random.default_rng(0)
    values, train = series(rng.normal(size=120), MONTHS), series(np.arange(120) < 60, MONTHS) > 0
    cycle = seasonal_cycle(values, train).values[:, 0]
    by_hand = values.values[:60, 0].reshape(5, 12).mean(axis=0)
    np.testing.assert_allclose(cycle, np.tile(by_hand, 10))


def test_a_gap_in_the_cycle_is_bridged_and_half_a_cycle_is_none():
    values = series(np.tile(np.arange(12.0), 10), MONTHS)
    bridged = seasonal_cycle(values.where(values != 5), series(np.ones(120), MONTHS) > 0).values[:12, 0]
    np.testing.assert_allclose(bridged, np.arange(12.0))
    assert seasonal_cycle(values.where(values < 4), series(np.ones(120), MONTHS) > 0).isnull().all()


def test_sites_with_their_own_dates_share_a_position_axis():
    season = np.cos(2 * np.pi * DAYS.day_of_year.to_numpy() / 365.25)
    shifted = DAYS + pd.Timedelta(days=180)
    other = np.cos(2 * np.pi * shifted.day_of_year.to_numpy() / 365.25)
    values = xr.DataArray(
        np.stack([season, other], 1),
        dims=("time", "site"),
        coords={
            "time": DAYS,
            "site": ["A", "B"],
            "date": (("time", "site"), np.stack([DAYS.values, shifted.values], 1)),
        },
    )
    cycle = seasonal_cycle(values, xr.ones_like(values, dtype=bool))
    assert np.abs(cycle - values).max() < 0.04
    padded = values.copy()
    padded[-100:, 1] = np.nan
    padded.coords["date"].values[-100:, 1] = np.datetime64("NaT")
    cycle = seasonal_cycle(padded, xr.ones_like(values, dtype=bool))
    assert np.abs(cycle - padded).max() < 0.04


def weather(time, seed=0):
    rng = np.random.default_rng(seed)
    names = {"rsds": 200.0, "tas": 10.0, "vpd": 800.0}
    return xr.Dataset({k: series(v * rng.normal(1, 0.3, len(time)), time) for k, v in names.items()})


def test_regression_finds_a_linear_and_approaches_a_bent_relation():
    forcing, train = weather(DAYS), series(np.arange(len(DAYS)) < 700) > 0
    linear = 0.1 * forcing.rsds - 2 * forcing.tas + 0.01 * forcing.vpd
    held = slice(700, None)
    assert nse(linear[held], regression(forcing, linear, train)[held]) > 0.999
    bent = forcing.rsds * np.minimum(forcing.tas, 10)
    assert nse(bent[held], regression(forcing, bent, train)[held]) > 0.85


def test_no_baseline_looks_at_withheld_values():
    forcing, train = weather(DAYS), series(np.arange(len(DAYS)) < 700) > 0
    values = 0.1 * forcing.rsds
    spoilt = values.where(train, 1e6)
    for a, b in ((values, spoilt),):
        np.testing.assert_array_equal(seasonal_cycle(a, train), seasonal_cycle(b, train))
        np.testing.assert_array_equal(regression(forcing, a, train), regression(forcing, b, train))


def test_pooled_regression_reaches_a_site_that_was_never_trained():
    one, two = weather(DAYS, 0), weather(DAYS, 1).assign_coords(site=["B"])
    forcing = xr.concat([one, two], "site")
    values = 0.1 * forcing.rsds + forcing.tas
    train = xr.ones_like(values, dtype=bool) & (forcing.site == "A")
    assert regression(forcing, values, train).sel(site="B").isnull().all()
    pooled = regression(forcing, values, train, pooled=True)
    assert nse(values.sel(site="B"), pooled.sel(site="B")) > 0.99


def test_missing_forcing_is_named_and_gaps_stay_gaps():
    forcing = weather(DAYS)
    forcing["tas"][5] = np.nan
    values = 0.1 * forcing.rsds
    predicted = regression(forcing, values, xr.ones_like(values, dtype=bool))
    assert predicted.isnull().sum() == 1
    with pytest.raises(DataError, match="no 'vpd'"):
        regression(forcing.drop_vars("vpd"), values, xr.ones_like(values, dtype=bool))


def test_both_baselines_at_real_european_towers():
    root = os.environ.get("LANDSINK_DATA")
    path = Path(root or ".") / "da/cardamom_fluxval/fluxval_sites_monthly_2001_2016.nc"
    if not root or not path.exists():
        pytest.skip("LANDSINK_DATA does not hold da/cardamom_fluxval")
    with xr.open_dataset(path) as file:
        raw = file.load().transpose("time", "site", ...)
    raw = raw.sel(site=["DE-Tha", "FI-Sod", "DK-Sor", "NL-Loo"])
    forcing = xr.Dataset(
        {"rsds": raw.SSRD / 0.0864, "tas": (raw.T2M_MIN + raw.T2M_MAX) / 2 + 273.15, "vpd": 100 * raw.VPD}
    )
    gpp = raw.GPP.fillna(raw.VAL_GPP).astype(float)
    observed = xr.Dataset({"gpp": gpp, "gpp_withheld": raw.GPP.isnull()})
    both = baselines(forcing, observed)
    held = observed.gpp.where(observed.gpp_withheld)
    for name, least in (("seasonal-cycle", 0.8), ("regression", 0.8)):
        assert nse(held, both[name].gpp) > least
