"""Random, threshold and joint uncertainty: their rules by hand, and ONEFlux's own of DE-Tha 1998."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux import aggregate
from landsink.stations.flux.gaps import filled
from landsink.stations.flux.reference import averaged, groups
from landsink.stations.flux.uncertainty import (
    RandomUncertainty,
    percentile,
    random_uncertainty,
)
from tests.stations.flux import towers

GRAMS = 1.03775  # gC m-2 d-1 in one umol m-2 s-1


def record(nee, step="30min"):
    axis = pd.date_range("2001-06-01", periods=len(nee), freq=step)
    same = {n: ("time", np.full(len(nee), v)) for n, v in {"SW_IN": 100.0, "TA": 10.0, "VPD": 5.0}.items()}
    return xr.Dataset({"NEE": ("time", np.asarray(nee, float))} | same, {"time": axis})


@pytest.fixture(scope="module")
def chain(data):
    ds, made = towers.oneflux_versions(data)
    return filled(ds, hats=False), made


def test_chance_is_the_spread_at_the_same_hour_under_like_weather():
    nee = np.arange(48.0) ** 1.5
    out = random_uncertainty(filled(record(nee)), convention=replace(RandomUncertainty.documented(), days=0))
    at = out.isel(time=20)
    assert at.NEE_RANDUNC.item() == pytest.approx(nee[18:23].std(ddof=1))
    assert (at.NEE_RANDUNC_N, at.NEE_RANDUNC_METHOD) == (5, 1)


@pytest.mark.parametrize(("step", "first", "last"), [("15min", -2, 6), ("30min", -1, 3), ("60min", -1, 1)])
def test_oneflux_looks_half_an_hour_late_except_at_hourly_steps(step, first, last):
    nee = np.arange(96.0) ** 1.5
    convention = replace(RandomUncertainty.oneflux(), days=0, samples=2)
    at = random_uncertainty(filled(record(nee, step)), convention=convention).isel(time=20)
    assert at.NEE_RANDUNC.item() == pytest.approx(nee[20 + first : 20 + last + 1].std(ddof=1))


def test_a_gap_takes_the_median_of_like_fluxes():
    nee = np.concatenate([np.tile([1.0, 1.2], 48), np.tile([9.0, 9.6], 48)])
    nee[50] = np.nan
    ds = filled(record(nee)).assign(NEE_F=("time", np.where(np.isnan(nee), 1.1, nee)))
    out = random_uncertainty(ds)
    like = out.NEE_RANDUNC.values[(nee < 3.2) & (out.NEE_RANDUNC_METHOD.values == 1)]
    assert out.NEE_RANDUNC.values[50] == pytest.approx(np.median(like))
    assert out.NEE_RANDUNC_METHOD.values[50] == 2 and out.NEE_RANDUNC_N.values[50] == like.size


def test_random_uncertainty_is_that_of_oneflux(chain):
    out, made = chain
    ours = random_uncertainty(out.sel(percentile=48.75))
    method, number = made["NEE_ref_randUnc_method_y"].fillna(0), made["NEE_ref_randUnc_n_y"].fillna(0)
    np.testing.assert_array_equal(ours.NEE_RANDUNC_METHOD, method)
    np.testing.assert_array_equal(ours.NEE_RANDUNC_N, number)
    np.testing.assert_allclose(ours.NEE_RANDUNC, made["NEE_ref_randUnc_y"], atol=1e-4)


def test_the_documented_hour_is_not_what_oneflux_computes(chain):
    out, made = chain
    ours = random_uncertainty(
        out.sel(percentile=48.75), convention=replace(RandomUncertainty.oneflux(), late=0.0)
    )
    first = (made["NEE_ref_randUnc_method_y"] == 1).to_numpy()
    assert np.mean((ours.NEE_RANDUNC_N.values == made["NEE_ref_randUnc_n_y"])[first]) < 0.4


def test_joint_uncertainty_is_that_of_oneflux(chain):
    out, made = chain
    random = random_uncertainty(out.sel(percentile=48.75)).NEE_RANDUNC
    versions = out.NEE_F.isel(percentile=slice(0, 40))
    edges = {f"NEE_VUT_{share}": percentile(versions, share) for share in (16, 84)}
    both = aggregate.joint(xr.Dataset({"NEE_VUT_REF_RANDUNC": random.drop_vars("percentile")} | edges))
    np.testing.assert_allclose(both["NEE_VUT_REF_JOINTUNC"], made["NEE_ref_joinUnc_y"], atol=1e-3)


@pytest.mark.parametrize(
    ("file", "aggregation", "days"), [("dd", "DD", 1), ("mm", "MM", 1), ("yy", "YY", 365)]
)
def test_percentiles_of_aggregates_are_those_of_oneflux(data, chain, file, aggregation, days):
    theirs = pd.read_csv(data / f"flux/reference/oneflux/DE-Tha/DE-Tha_NEE_{file}.csv", na_values=[-9999])
    out, _ = chain
    labels = groups(out.time, aggregation)
    means = averaged(out.NEE_F.isel(percentile=slice(0, 40)).values, labels) * GRAMS * days
    versions = xr.DataArray(means, dims=("time", "percentile"))
    for share in (5, 16, 25, 50, 75, 84, 95):
        np.testing.assert_allclose(
            percentile(versions, share), theirs[f"NEE_{share:02d}_y"], rtol=2e-4, atol=1e-3
        )


def test_corrected_energy_fluxes_spread_by_their_quartiles():
    given = {"LE_RANDUNC": 6.0, "LE_CORR_25": 10.0, "LE_CORR_75": 10.0 + 8.0 * 1.349}
    made = aggregate.joint(xr.Dataset({n: ("time", [v]) for n, v in given.items()}))
    assert made["LE_CORR_JOINTUNC"].item() == pytest.approx(10.0)


def test_too_few_measurements_are_an_error():
    nee = np.full(96, np.nan)
    nee[:3] = 1.0, 2.0, 3.0
    with pytest.raises(DataError, match="measured under like weather"):
        random_uncertainty(filled(record(nee)))


def test_an_unknown_flux_needs_a_floor():
    ds = filled(record(np.arange(96.0)).rename(NEE="FCH4"), "FCH4")
    with pytest.raises(DataError, match="Give floor"):
        random_uncertainty(ds, "FCH4")
    assert np.isfinite(random_uncertainty(ds, "FCH4", floor=3.0).FCH4_RANDUNC).any()
