"""Marginal distribution sampling: its rules by hand, what ONEFlux, REddyProc and FLUXNET2015 filled, and its limits."""

import time

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux.gaps import DRIVERS, Driver, MarginalDistribution, filled
from tests.stations.flux import towers

ONEFLUX, REDDYPROC = MarginalDistribution.oneflux(), MarginalDistribution.reddyproc()


def record(nee, days, step="30min", **drivers):
    """A record of so many days in which drivers are constant unless given."""
    axis = pd.date_range("2001-06-01", periods=len(nee), freq=step)
    assert len(nee) == days * int(pd.Timedelta("1D") / pd.Timedelta(step))
    given = {"SW_IN": 100.0, "TA": 10.0, "VPD": 5.0} | drivers
    columns = {
        n: ("time", np.broadcast_to(v, len(nee)).astype(float)) for n, v in given.items() if v is not None
    }
    return xr.Dataset({"NEE": ("time", np.asarray(nee, float))} | columns, {"time": axis})


def test_a_gap_takes_the_mean_of_what_was_measured_under_like_weather():
    nee = np.arange(48.0)
    nee[10] = np.nan
    temperature = np.full(48, 10.0)
    temperature[20:] = 12.5  # a tolerance is not met by what lies exactly on it
    at = filled(record(nee, 1, TA=temperature)).isel(time=10)
    alike = np.delete(np.arange(20.0), 10)
    assert at.NEE_F.item() == pytest.approx(alike.mean())
    assert at.NEE_HAT_SD.item() == pytest.approx(alike.std(ddof=1))
    assert (at.NEE_HAT_N, at.NEE_HAT_METHOD, at.NEE_HAT_WINDOW, at.NEE_F_QC) == (19, 1, 14, 1)


def test_measured_values_stay():
    nee = np.arange(96.0)
    nee[5:9] = np.nan
    out = filled(record(nee, 2))
    known = np.isfinite(nee)
    np.testing.assert_array_equal(out.NEE_F.values[known], nee[known])
    assert (out.NEE_F_QC.values[known] == 0).all() and (out.NEE_F_QC.values[~known] == 1).all()


def test_radiation_tolerates_its_own_value_between_20_and_50():
    light = np.array([30.0, 30.0 + 29.9, 30.0 - 29.9, 30.0 + 30.1, *[600.0] * 44])
    nee = np.array([np.nan, 1.0, 3.0, 100.0, *[50.0] * 44])
    assert filled(record(nee, 1, SW_IN=light)).NEE_F.values[0] == pytest.approx(2.0)


def test_windows_are_open_in_oneflux_and_closed_in_reddyproc():
    nee = np.full(15 * 48, np.nan)
    nee[[0, 1, 14 * 48]] = 5.0, 7.0, 9.0
    ds = record(nee, 15)
    middle = 7 * 48
    assert (
        filled(ds, convention=ONEFLUX).NEE_HAT_WINDOW.values[middle] == 28
    )  # a week away does not count: one value only
    assert filled(ds, convention=REDDYPROC).NEE_HAT_WINDOW.values[middle] == 14
    assert filled(ds, convention=REDDYPROC).NEE_HAT_N.values[middle] == 3


def test_symmetric_mean_weighs_both_sides_of_the_light_alike():
    light = np.array([100.0, *[80.0] * 9, 120.0, *[900.0] * 37])
    nee = np.array([np.nan, *[0.0] * 9, -10.0, *[3.0] * 37])
    ds = record(nee, 1, SW_IN=light)
    assert filled(ds).NEE_F.values[0] == pytest.approx(-1.0)
    assert filled(ds, convention=ONEFLUX.symmetric()).NEE_F.values[0] == pytest.approx(-5.0)
    one_sided = record(np.where(light > 100, np.nan, nee), 1, SW_IN=light)
    assert filled(one_sided, convention=ONEFLUX.symmetric()).NEE_F.values[0] == pytest.approx(0.0)


def test_the_last_resort_spans_the_record_in_oneflux_and_210_days_in_reddyproc():
    nee = np.full(500 * 48, np.nan)
    nee[:3] = 1.0, 2.0, 3.0
    ds = record(nee, 500, SW_IN=None, TA=None, VPD=None)
    far = filled(ds, convention=ONEFLUX).isel(time=450 * 48 + 1)
    assert far.NEE_F == 2.0 and far.NEE_F_QC == 3 and far.NEE_HAT_METHOD == 3
    assert np.isnan(filled(ds, convention=REDDYPROC).NEE_F.values[450 * 48 + 1])


def test_versions_filled_together_equal_versions_filled_alone():
    rng = np.random.default_rng(1)
    nee = rng.normal(size=(20 * 48, 19))  # more than one pass of the kernel holds
    nee[rng.random(nee.shape) < rng.random(19)] = np.nan
    ds = record(np.zeros(20 * 48), 20, TA=rng.normal(10, 3, 20 * 48), SW_IN=rng.uniform(0, 300, 20 * 48))
    together = filled(ds.assign(NEE=(("percentile", "time"), nee.T)))
    for v in (0, 7, 18):
        alone = filled(ds.assign(NEE=("time", nee[:, v])))
        for name in ("NEE_F", "NEE_F_QC", "NEE_HAT_SD", "NEE_HAT_WINDOW"):
            np.testing.assert_array_equal(together[name].isel(percentile=v).values, alone[name].values)


@pytest.mark.parametrize("step", ["15min", "60min"])
def test_other_steps_reach_an_hour_of_the_clock(step):
    hourly = int(pd.Timedelta("60min") / pd.Timedelta(step))
    clock = np.tile(np.arange(24 * hourly) / hourly, 3)
    nee = np.where(np.arange(clock.size) // (24 * hourly) == 1, np.nan, clock)
    at = filled(record(nee, 3, step, SW_IN=None)).isel(time=24 * hourly + 12 * hourly)
    assert at.NEE_F == 12.0 and at.NEE_HAT_N.item() == 2 * (2 * hourly + 1) and at.NEE_HAT_WINDOW == 3


def test_no_vapour_pressure_deficit_falls_to_light_and_says_so():
    nee = np.arange(48.0)
    nee[3] = np.nan
    out = filled(record(nee, 1, VPD=None))
    assert out.NEE_HAT_METHOD.values[3] == 2 and out.NEE_F.attrs["drivers_absent"] == "VPD"
    assert np.isfinite(out.NEE_F).all()


def test_another_driver_may_stand_for_light():
    light = (Driver("PPFD_IN", 40.0, 100.0),)
    nee = np.arange(48.0)
    nee[3] = np.nan
    assert np.isfinite(filled(record(nee, 1, SW_IN=None, PPFD_IN=200.0), drivers=light).NEE_F.values[3])


def test_nothing_measured_is_an_error():
    with pytest.raises(DataError, match="never measured"):
        filled(record(np.full(48, np.nan), 1))
    poor = record(np.ones(48), 1).assign(NEE_QC=("time", np.full(48, 2.0)))
    with pytest.raises(DataError, match="never measured"):
        filled(poor)
    with pytest.raises(DataError, match="no 'LE'"):
        filled(poor, "LE")


@pytest.mark.parametrize("site", ["CH-Dav", "DE-Geb", "DE-Tha"])
def test_official_input_gives_official_output(data, site):
    ds = towers.official(data, site)
    out = filled(ds, hats=False)
    gap = ds["NEE_QC"].values > 0
    assert np.mean(np.abs(out.NEE_F - ds.NEE).values[gap] <= 0.01) >= 0.97
    assert np.mean(out.NEE_F_QC.values[gap] == ds.NEE_QC.values[gap]) >= 0.998


@pytest.mark.parametrize("name", ["TA", "VPD", "SW_IN"])
def test_official_drivers_are_filled_the_same_way(data, name):
    # FLUXNET keeps sampled drivers of the best class (1) and takes a reanalysis (2) for the others
    apart = []
    for site in ("CH-Dav", "DE-Geb", "DE-Tha"):
        ds = towers.official(data, site)
        out = filled(ds, name, hats=False)
        sampled = ds[f"{name}_QC"].values == 1
        assert (out[f"{name}_F_QC"].values[sampled] == 1).all()
        assert (out[f"{name}_F_QC"].values[ds[f"{name}_QC"].values == 2] > 1).all()
        apart.append(np.abs(out[f"{name}_F"] - ds[name]).values[sampled])
    assert np.mean(np.concatenate(apart) <= max(0.01, towers.PACKING_STEP[name])) > 0.99


def test_oneflux_gap_filling_of_every_record(data):
    theirs = towers.sampled_by_oneflux(data)
    ours = filled(towers.official(data, "DE-Tha", unpack=False))  # as it was given to ONEFlux
    np.testing.assert_array_equal(ours.NEE_HAT_METHOD, theirs["METHOD"])
    np.testing.assert_array_equal(ours.NEE_HAT_WINDOW, theirs["TIMEWINDOW"])
    assert np.mean(ours.NEE_HAT_N.values == theirs["SAMPLE"]) > 0.9999
    assert np.mean(np.abs(ours.NEE_HAT.values - theirs["HAT"]) < 1e-4) > 0.9999
    assert np.mean(np.abs(ours.NEE_HAT_SD.values - theirs["STDDEV"]) < 1e-3) > 0.9999


def test_oneflux_fills_of_its_own_filtered_record(data):
    ds, made = towers.oneflux_versions(data)
    out = filled(ds)
    for percentile, name in ((50.0, "NEE_ust50"), (48.75, "NEE_ref")):
        ours = out.sel(percentile=percentile)
        assert np.abs(ours.NEE_F.values - made[f"{name}_y"]).max() < 1e-4
        np.testing.assert_array_equal(ours.NEE_F_QC.values, made[f"{name}_qc_y"])


@pytest.mark.parametrize(("site", "equal"), [("DE-Tha", 1.0), ("DE-Geb", 0.9998)])
def test_reddyproc_gap_filling_of_every_record(data, site, equal):
    ds, theirs = towers.reddyproc(data, site)
    ours = filled(ds, convention=REDDYPROC)
    np.testing.assert_array_equal(ours.NEE_HAT_METHOD, theirs["NEE_uStar_fmeth"])
    np.testing.assert_array_equal(ours.NEE_HAT_WINDOW, theirs["NEE_uStar_fwin"])
    np.testing.assert_array_equal(ours.NEE_F_QC, theirs["NEE_uStar_fqc"])
    assert np.mean(ours.NEE_HAT_N.values == theirs["NEE_uStar_fnum"]) >= equal
    assert np.mean(np.abs(ours.NEE_F.values - theirs["NEE_uStar_f"]) < 1e-4) >= equal


def test_a_site_year_takes_less_than_a_tenth_of_a_second(data):
    ds, _ = towers.oneflux_versions(data)
    one = ds.sel(percentile=[50.0])
    filled(one.isel(time=slice(0, 960)), drivers=DRIVERS)  # compiles
    start = time.process_time()
    filled(one)
    assert time.process_time() - start < 0.1


def test_a_month_alone_is_filled(data):
    ds, _ = towers.oneflux_versions(data)
    month = ds.sel(percentile=50.0, time="1998-07")
    out = filled(month)
    assert month.sizes["time"] == 31 * 48 and np.isnan(month.NEE.values).any()
    assert np.isfinite(out.NEE_F).all()
