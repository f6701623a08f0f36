"""What a threshold takes away: record by record what ONEFlux and REddyProc take."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux.filtering import Calm, calm, without_turbulence
from landsink.stations.flux.threshold import MovingPoint, moving_point
from tests.stations.flux.nights import oneflux, reddyproc


@pytest.fixture
def record():
    time = pd.date_range("2001-06-01 10:00", periods=6, freq="30min")
    ustar, light = [0.5, 0.1, 0.5, 0.5, np.nan, 0.5], [100.0, 100, 100, 0, 0, 0]
    return xr.Dataset(
        {"NEE": ("time", np.arange(6.0)), "USTAR": ("time", ustar), "SW_IN": ("time", light)}, {"time": time}
    )


def test_the_next_record_and_the_missing_one_are_lost_too(record):
    assert calm(record, 0.3).values.tolist() == [False, True, True, False, True, True]
    assert calm(record, 0.3, Calm(next_too=False)).values.tolist() == [False, True, False, False, True, False]


def test_by_night_alone(record):
    assert calm(record, 0.3, Calm.reddyproc()).values.tolist() == [False, False, False, False, True, False]
    assert calm(record, 0.6, Calm.reddyproc()).values.tolist() == [False, False, False, True, True, True]
    unknown = record.assign(SW_IN=record["SW_IN"].where([False] * 2 + [True] * 4))
    assert calm(unknown, 0.3, Calm.reddyproc()).values[:2].tolist() == [False, True]


def test_all_thresholds_at_once_are_each_by_itself(data):
    ds = oneflux(data, "DE-Geb", 2004)
    limits = xr.DataArray(
        np.linspace(0.05, 0.5, 41), dims="percentile", coords={"percentile": np.arange(41.0)}
    )
    every = without_turbulence(ds, limits.expand_dims(year=[2004]))["NEE"]
    assert every.dims == ("time", "percentile") and every.attrs["ustar_filter"].startswith("Calm(")
    for i in (0, 20, 40):
        alone = without_turbulence(ds, float(limits[i]))["NEE"]
        np.testing.assert_array_equal(every.isel(percentile=i), alone)
    left = every.notnull().sum("time")
    assert (left.diff("percentile") <= 0).all() and left[-1] < left[0]


def test_oneflux_loses_the_same_records(data):
    theirs = pd.read_parquet(data / "flux/reference/oneflux/DE-Tha/DE-Tha_NEE_hh.parquet")
    found = without_turbulence(oneflux(data, "DE-Tha", 1998), 0.502118)["NEE"]
    np.testing.assert_array_equal(np.isfinite(found), theirs["NEE_ust50_qc_y"] == 0)


@pytest.mark.parametrize("site", ["DE-Tha", "DE-Geb"])
def test_reddyproc_loses_the_same_records(data, site):
    theirs = pd.read_parquet(data / f"flux/reference/REddyProc/{site}.parquet")
    ds = reddyproc(data, site)
    found = moving_point(ds, MovingPoint.reddyproc())["USTAR_THRESHOLD"]
    np.testing.assert_array_equal(calm(ds, found, Calm.reddyproc()), theirs["Ustar_uStar_fqc"] > 0)


def test_a_year_without_threshold_says_so(record):
    with pytest.raises(DataError, match=r"No u\* threshold for \[2001\]"):
        calm(record, xr.DataArray([0.3], dims="year", coords={"year": [2000]}))
    with pytest.raises(DataError, match="missing for some year"):
        calm(record, xr.DataArray([np.nan], dims="year", coords={"year": [2001]}))
    with pytest.raises(DataError, match="no USTAR"):
        calm(record.drop_vars("USTAR"), 0.3)
