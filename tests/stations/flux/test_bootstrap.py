"""Draws and pools: reproducible, true to their strata, and the percentiles that ONEFlux takes."""

import time

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux.bootstrap import PERCENTILES, bootstrapped, nearest_rank, pooled
from landsink.stations.flux.changepoint import ChangePoint
from landsink.stations.flux.threshold import MovingPoint
from tests.stations.flux.nights import oneflux, oneflux_draws, reddyproc


def _draws(values: dict[int, np.ndarray]) -> xr.Dataset:
    return xr.Dataset(
        {"USTAR_THRESHOLD": (("year", "draw"), np.stack(list(values.values())))}, {"year": list(values)}
    )


def test_percentiles_of_the_draws_are_those_of_oneflux(data):
    draws = np.nanmax(oneflux_draws(data, "DE-Tha", 1998), axis=1)
    theirs = pd.read_csv(data / "flux/reference/oneflux/DE-Tha/DE-Tha_USTAR_percentiles_y.csv").iloc[0, 1:]
    found = pooled(_draws({1998: draws}))
    ours = [found["VUT"].sel(year=1998, percentile=float(p)) for p in theirs.index]
    np.testing.assert_array_equal(ours, theirs.to_numpy(float))


def test_forty_slices_and_their_middle():
    assert PERCENTILES.size == 41
    assert PERCENTILES[:2].tolist() == [1.25, 3.75] and PERCENTILES[20] == 50 and PERCENTILES[-1] == 98.75


def test_a_year_takes_its_neighbours_and_all_years_make_one():
    values = {y: np.full(10, float(y)) for y in (2001, 2002, 2003, 2005)}
    found = pooled(_draws(values))
    assert found["DRAWS"].values.tolist() == [20, 30, 20, 10]
    assert found["VUT"].sel(year=2002).min() == 2001 and found["VUT"].sel(year=2002).max() == 2003
    assert (found["VUT"].sel(year=2005) == 2005).all()
    assert found["CUT"].sel(percentile=98.75) == 2005 and found["CUT"].sel(percentile=50) == 2002
    assert "CUT" not in pooled(_draws({y: values[y] for y in (2001, 2002)}))


def test_methods_are_pooled_where_they_give_something():
    a = _draws({2001: np.full(4, 0.1), 2002: np.full(4, np.nan)})
    b = _draws({2001: np.full(2, 0.3)})
    found = pooled(a, b)
    assert found["DRAWS"].values.tolist() == [6, 6]
    assert found["VUT"].max() == 0.3 and found["VUT"].min() == 0.1
    with pytest.raises(DataError, match="No u"):
        pooled(_draws({2001: np.full(4, np.nan)}))


def test_nearest_rank_is_a_member():
    values = np.array([3.0, np.nan, 1.0, 2.0])
    assert nearest_rank(values, np.array([1.0, 50.0, 99.0])).tolist() == [1, 2, 3]


def test_a_seed_gives_the_same_draws(data):
    ds = oneflux(data, "DE-Geb", 2004)
    first, again, other = (bootstrapped(ds, MovingPoint.oneflux(), 5, seed) for seed in (4, 4, 5))
    xr.testing.assert_identical(first, again)
    assert not first["USTAR_THRESHOLD"].equals(other["USTAR_THRESHOLD"])


def test_seasons_vary_in_size_with_the_draw(data):
    ds = reddyproc(data, "DE-Tha")
    size = int((np.isfinite(ds["NEE"] + ds["TA"] + ds["USTAR"]) & (ds["SW_IN"] < 10)).sum())
    for method in (MovingPoint.oneflux(), MovingPoint.reddyproc()):
        records = bootstrapped(ds, method, 50)["NIGHT_RECORDS"].isel(year=0)
        assert (records.std("draw") > 0).all()
        assert abs(float(records.sum("season").mean()) - size) < 30  # 50 draws' mean: standard error below 10


@pytest.mark.slow
@pytest.mark.parametrize("method", [MovingPoint.oneflux(), MovingPoint.reddyproc(), ChangePoint.oneflux()])
def test_a_hundred_bootstraps_of_a_year_in_a_second(data, method):
    ds = reddyproc(data, "DE-Tha")
    bootstrapped(ds, method, 1)  # compiles
    took = []
    for _ in range(3):
        start = time.process_time()
        bootstrapped(ds, method, 100)
        took.append(time.process_time() - start)
    assert min(took) < 1.0
