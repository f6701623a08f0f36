"""The moving point: its rules by hand, thresholds of ONEFlux and REddyProc on real records, and its limits."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux.bootstrap import bootstrapped
from landsink.stations.flux.seasons import Seasons
from landsink.stations.flux.threshold import (
    MovingPoint,
    Reason,
    consecutive_classes,
    equal_classes,
    moving_point,
    plateau_start,
)
from tests.stations.flux.nights import SITE_YEARS, oneflux, oneflux_draws, reddyproc

NONE = np.nan
# what ONEFlux's usmp files say of the data as they are; it prints six digits
ONEFLUX_SEASONS = {
    ("DE-Tha", 1998): [NONE, 0.4, 0.381, 0.575556],
    ("DE-Geb", 2004): [0.205455, 0.1182, 0.1214, 0.14965],
    ("DE-Geb", 2005): [0.127667, NONE, NONE, 0.204771],
    ("DE-Geb", 2006): [0.13, 0.06, 0.0881, 0.103692],
}
ONEFLUX_CLASSES = {  # (temperature class, season) of DE-Geb 2006
    ("DE-Geb", 2006): [
        [0.0471429, 0.10625, 0.069, 0.0606923],
        [NONE, 0.0496, 0.2845, NONE],
        [0.0611429, 0.0607143, NONE, 0.0528333],
        [NONE, 0.0378, 0.0538, NONE],
        [0.13, 0.06, NONE, 0.312583],
        [0.337, 0.05, 0.1072, 0.103692],
        [0.240143, 0.0708333, NONE, 0.2895],
    ],
    ("DE-Tha", 1998): [
        [NONE, 0.52, NONE, NONE],
        [NONE, 0.33, NONE, 0.575556],
        [NONE, 0.332, NONE, NONE],
        [NONE, 0.30625, 0.418, NONE],
        [NONE, 0.418333, 0.38, NONE],
        [NONE, 0.4, 0.382, NONE],
        [NONE, 0.44, 0.20125, NONE],
    ],
}


def test_equal_values_share_a_class():
    values = np.array([1.0, 1, 1, 1, 1, 2, 3, 4, 5])
    assert equal_classes(values, 3, False).tolist() == [0, 5, 6, 9]
    assert equal_classes(np.array([1.0] * 7 + [2, 3]), 3, False).tolist() == [0, 7, 7, 9]
    assert equal_classes(np.array([1.0] * 7 + [2, 3]), 3, True).tolist() == [0, 7, 8, 9]


def test_classes_filled_one_after_the_other_leave_no_small_rest():
    assert consecutive_classes(np.arange(10.0), 3).tolist() == [0, 3, 6, 10]
    assert consecutive_classes(np.array([1.0] * 5 + [2, 3, 4, 5]), 3).tolist() == [0, 5, 9, 9]


def test_plateau_begins_where_two_classes_reach_the_mean_of_those_above():
    flux = np.array([1.0, 2, 3, 4, 4, 4, 4, 4])
    assert plateau_start(flux, 1.0, 2) == 3
    # 3 is not 95 % of 4, but 3.9 is
    assert plateau_start(np.array([1.0, 2, 3.9, 4, 4, 4, 4]), 0.95, 2) == 2
    assert plateau_start(np.arange(1.0, 21), 1.0, 2) == -1
    # what lies more than ten classes above does not count
    assert plateau_start(np.array([1.0] * 12 + [9.0]), 1.0, 2) == 0


@pytest.mark.parametrize("site_year", SITE_YEARS)
def test_oneflux_thresholds_of_the_data_as_they_are(data, site_year):
    found = moving_point(oneflux(data, *site_year)).isel(year=0)
    np.testing.assert_allclose(found["USTAR_THRESHOLD_SEASON"], ONEFLUX_SEASONS[site_year], rtol=5e-6)
    assert found["USTAR_THRESHOLD"] == np.nanmax(found["USTAR_THRESHOLD_SEASON"])
    if site_year in ONEFLUX_CLASSES:
        classes = np.transpose(ONEFLUX_CLASSES[site_year])
        np.testing.assert_allclose(found["USTAR_THRESHOLD_CLASS"], classes, rtol=5e-6)


@pytest.mark.parametrize("site", ["DE-Tha", "DE-Geb"])
def test_reddyproc_thresholds_of_the_data_as_they_are(data, site):
    theirs = pd.read_csv(data / f"flux/reference/REddyProc/{site}_ustar_single.csv")
    found = moving_point(reddyproc(data, site), MovingPoint.reddyproc())
    years = theirs[theirs["aggregationMode"] == "year"].set_index("seasonYear")["uStar"]
    np.testing.assert_allclose(found["USTAR_THRESHOLD"], years.loc[found["year"].values], rtol=1e-12)
    season = {1: "DJF", 3: "MAM", 6: "JJA", 9: "SON", 12: "DJF"}
    compared = 0
    for row in theirs[theirs["aggregationMode"] == "season"].itertuples():
        name, month = season[int(row.season) % 100], int(row.season) % 100
        last = month == 12 and int(row.season) // 1000 == row.seasonYear
        value = found["USTAR_THRESHOLD_SEASON"].sel(year=int(row.seasonYear), season="D" if last else name)
        if np.isfinite(value):  # else REddyProc puts the year's value there
            np.testing.assert_allclose(value, row.uStar, rtol=1e-12)
            compared += 1
        else:
            assert row.uStar == pytest.approx(years[row.seasonYear], rel=1e-12)
    assert compared >= 4


@pytest.mark.parametrize("site_year", SITE_YEARS)
def test_median_lies_within_the_bootstraps_of_oneflux(data, site_year):
    found = bootstrapped(oneflux(data, *site_year), MovingPoint.oneflux(), 100, seed=1)
    theirs = np.nanmax(oneflux_draws(data, *site_year), axis=1)
    low, high = np.percentile(theirs, [5, 95])
    assert low < np.nanmedian(found["USTAR_THRESHOLD"]) < high
    assert found["USTAR_THRESHOLD"].notnull().sum() >= 95


@pytest.mark.parametrize("site", ["DE-Tha", "DE-Geb"])
def test_median_lies_within_the_bootstraps_of_reddyproc(data, site):
    theirs = pd.read_csv(data / f"flux/reference/REddyProc/{site}_ustar_distribution.csv")
    theirs = theirs[theirs["aggregationMode"] == "year"].set_index("seasonYear")
    found = bootstrapped(reddyproc(data, site), MovingPoint.reddyproc(), 100, seed=1)
    for year in found["year"].values:
        median = np.nanmedian(found["USTAR_THRESHOLD"].sel(year=year))
        assert theirs.loc[year, "5%"] < median < theirs.loc[year, "95%"]


def test_scaling_the_flux_leaves_the_threshold(data):
    ds = oneflux(data, "DE-Geb", 2004)
    doubled = ds.assign(NEE=2 * ds["NEE"])
    found = [moving_point(d)["USTAR_THRESHOLD_CLASS"] for d in (ds, doubled)]
    np.testing.assert_array_equal(*found)


def test_a_short_year_is_one_season(data):
    ds = oneflux(data, "DE-Geb", 2004)
    spring = ds.isel(time=slice(0, 48 * 40))  # 40 days: too few records for seasons of their own
    found = moving_point(spring).isel(year=0)
    seasons = found["USTAR_THRESHOLD_SEASON"].values
    assert np.isfinite(seasons[0]) and (seasons == seasons[0]).all()


def test_a_class_without_threshold_says_why(data):
    found = moving_point(oneflux(data, "DE-Tha", 1998)).isel(year=0)
    why, classes = found["USTAR_REASON"], found["USTAR_THRESHOLD_CLASS"]
    np.testing.assert_array_equal(why == Reason.FOUND, np.isfinite(classes))
    assert why.sel(season="JFM").isin([Reason.NEVER_CALM, Reason.NO_PLATEAU]).all()


def test_hourly_records_are_taken(data):
    ds = reddyproc(data, "DE-Geb").isel(time=slice(0, None, 2))
    assert np.isfinite(moving_point(ds)["USTAR_THRESHOLD"]).any()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: d.drop_vars("USTAR"), "USTAR is absent"),
        (lambda d: d.assign(USTAR=d["USTAR"] * np.nan), "USTAR has no measured value"),
        (lambda d: d.assign(NEE=d["NEE"] * np.nan), "NEE has no measured value"),
        (lambda d: d.assign(NEE_QC=xr.ones_like(d["NEE"])), "NEE has no measured value"),
        (lambda d: d.assign(SW_IN=d["SW_IN"] + 20), "no night"),
        (lambda d: d.assign(NEE=d["NEE"].where(d["SW_IN"] > 20)), "No record of the night"),
        (lambda d: d.drop_vars("SW_IN"), "no SW_IN"),
        (lambda d: d.isel(time=slice(0, 48 * 31)), "No year gives a u"),
    ],
)
def test_what_has_no_threshold_says_so(data, spoil, says):
    ds = spoil(oneflux(data, "DE-Geb", 2006))
    for method in (moving_point, lambda d: bootstrapped(d, MovingPoint.reddyproc(), 3)):
        with pytest.raises(DataError, match=says):
            method(ds)


def test_light_stands_in_for_shortwave(data):
    ds = oneflux(data, "DE-Geb", 2004)
    light = ds.drop_vars("SW_IN").assign(PPFD_IN=ds["SW_IN"] * 2.24)
    found = [moving_point(d)["USTAR_THRESHOLD_SEASON"] for d in (ds, light)]
    np.testing.assert_array_equal(*found)


def test_december_leads_the_winter_that_follows():
    time = pd.date_range("2004-11-15", "2005-12-15", freq="MS")  # 1 December 2004 … 1 December 2005
    year, season = Seasons.meteorological().of(time.values)
    assert year.tolist() == [2005] * 13
    names = [Seasons.meteorological().names[s] for s in season]
    assert names == ["DJF"] * 3 + ["MAM"] * 3 + ["JJA"] * 3 + ["SON"] * 3 + ["D"]
    year, season = Seasons.quarters().of(time.values)
    assert year.tolist() == [2004] + [2005] * 12
    assert season.tolist() == [3, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
