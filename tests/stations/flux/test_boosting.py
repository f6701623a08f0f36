"""Boosted trees: intervals hold in real records with gaps made on purpose, short and long; and their limits."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux.boosting import BlockConformal, boosted, features, gap_days
from landsink.stations.flux.gaps import filled
from tests.stations.flux import towers

FORTNIGHT = BlockConformal(blocks=(1, 14))
DAY = BlockConformal(blocks=(1,), folds=3)


def blanked(data, site, period):
    """A real record with gaps made on purpose: without them, and the truth in the short ones and in the long ones."""
    ds = towers.official(data, site).sel(time=period)
    nee = ds.NEE.where(ds.NEE_QC == 0).values
    rng = np.random.default_rng(1)
    short, long = np.zeros((2, nee.size), bool)
    for start in (48 * 40, 48 * 120, 48 * 190):
        long[start : start + 14 * 48] = True
    while short.mean() < 0.1:
        start = rng.integers(0, nee.size - 24)
        short[start : start + rng.choice([1, 4, 12, 24])] = True
    short &= ~long
    kept = ds.drop_vars("NEE_QC").assign(NEE=("time", np.where(short | long, np.nan, nee)))
    return kept, np.where(short, nee, np.nan), np.where(long, nee, np.nan)


def synthetic(days=15):
    """A flux that light alone drives, with noise that grows with it: for rules, not for skill."""
    rng, axis = np.random.default_rng(3), pd.date_range("2001-06-01", periods=days * 48, freq="30min")
    light = np.maximum(np.sin((axis.hour.values + axis.minute.values / 60 - 6) * np.pi / 12), 0) * 800
    nee = 3 - 0.02 * light + rng.normal(size=light.size) * (0.2 + light / 400)
    columns = {"SW_IN": light, "TA": light / 50, "VPD": light / 100, "NEE": nee}
    return xr.Dataset({n: ("time", v) for n, v in columns.items()}, {"time": axis})


@pytest.mark.parametrize("site", ["CH-Dav", pytest.param("DE-Tha", marks=pytest.mark.slow)])
def test_intervals_hold_and_trees_beat_sampling(data, site):
    ds, *truths = blanked(data, site, slice("2008-03", "2008-10"))
    out, sampled = boosted(ds, method=FORTNIGHT), filled(ds, hats=False)
    for truth in truths:
        inside = (truth >= out.NEE_HAT_LOW.values) & (truth <= out.NEE_HAT_HIGH.values)
        assert 0.85 <= inside[np.isfinite(truth)].mean() <= 0.95
        assert rms(out.NEE_F.values - truth) < rms(sampled.NEE_F.values - truth)


def rms(values):
    return np.sqrt(np.nanmean(values**2))


def test_equal_seeds_give_equal_results_and_measured_values_stay():
    ds = synthetic()
    gone = np.arange(ds.time.size) % 7 == 0
    ds = ds.assign(NEE=ds.NEE.where(~gone))
    first, again = (boosted(ds, seed=4, method=DAY) for _ in range(2))
    xr.testing.assert_identical(first, again)
    np.testing.assert_array_equal(first.NEE_F.values[~gone], ds.NEE.values[~gone])
    assert (first.NEE_F_QC.values == np.where(gone, 1, 0)).all()


def test_intervals_widen_with_the_noise_and_with_coverage():
    ds = synthetic()
    wide, narrow = boosted(ds, coverage=0.9, method=DAY), boosted(ds, coverage=0.5, method=DAY)
    width = (wide.NEE_HAT_HIGH - wide.NEE_HAT_LOW).values
    assert width[ds.SW_IN.values > 700].mean() > 2 * width[ds.SW_IN.values == 0].mean()
    assert (width > (narrow.NEE_HAT_HIGH - narrow.NEE_HAT_LOW).values).all()


def test_gaps_are_classed_by_their_empty_days():
    known = np.ones(48 * 10, bool)
    known[20:40] = known[48 * 3 : 48 * 6] = False
    days = gap_days(known, 48)
    assert (days[48 * 3 : 48 * 6] == 3).all() and days.sum() == 3 * 3 * 48


def test_a_long_gap_is_judged_by_long_blocks_where_the_record_has_enough():
    ds = synthetic(40)
    gone = (ds.time.dt.dayofyear.values // 8) % 5 == 0
    ds = ds.assign(NEE=ds.NEE.where(~gone))
    out = boosted(ds, method=BlockConformal(blocks=(1, 7), folds=3))
    assert set(out.NEE_F_QC.values[gone]) == {2} and out.NEE_F.attrs["longest_block"] == 7
    assert boosted(ds, method=BlockConformal(blocks=(1, 30), folds=3)).NEE_F.attrs["longest_block"] == 1


def test_a_driver_may_be_missing_altogether():
    ds = synthetic(20).drop_vars("VPD")
    assert np.isnan(features(ds)[:, -1]).all()
    assert np.isfinite(boosted(ds, method=DAY).NEE_HAT).all()


def test_what_cannot_be_learnt_is_an_error():
    ds = synthetic(20)
    with pytest.raises(DataError, match="leave one out"):
        boosted(ds.assign(NEE=ds.NEE.where(ds.time.dt.day < 4)))
    with pytest.raises(DataError, match="between 0 and 1"):
        boosted(ds, coverage=90)
    with pytest.raises(DataError, match="Choose a version"):
        boosted(ds.assign(NEE=ds.NEE.expand_dims(percentile=[16.0, 50.0])))
