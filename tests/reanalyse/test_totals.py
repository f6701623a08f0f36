"""Sums over a region: land alone counts, months by their length."""

import numpy as np
import pytest
import xarray as xr

from landsink.core.door import NOT_LAND, NOT_STEADY
from landsink.reanalyse import annual_totals
from landsink.reanalyse.totals import SECONDS_A_YEAR


def product(rates: list[list[float]], quality: list[int], land: list[float]) -> xr.Dataset:
    """Two months (31 and 28 days) of two members' means over three cells of a million square kilometres."""
    time = np.array(["2001-01-01", "2001-02-01"], "datetime64[ns]")
    return xr.Dataset(
        {
            "gpp_regional_members": (("time", "member"), np.array(rates), {"units": "kg m-2 s-1"}),
            "lai_regional_members": (("time", "member"), np.ones((2, 2)), {"units": "1"}),
            "areacella": ("lat", np.full(3, 1e12)),
            "sftlf": ("lat", np.array(land)),
            "quality": ("lat", np.array(quality, np.int8)),
        },
        {"time": time},
    )


def test_land_and_the_length_of_months_by_hand():
    ds = product([[1e-8, 3e-8], [2e-8, 2e-8]], [0, 0, NOT_LAND], [100.0, 50.0, 0.0])
    area = 1.5e12
    members = np.array([(31 * 1e-8 + 28 * 2e-8) / 59, (31 * 3e-8 + 28 * 2e-8) / 59])
    pg = members * area * SECONDS_A_YEAR * 1e-12
    mean, sd = annual_totals(ds)["gpp"]
    assert mean == pytest.approx(pg.mean(), rel=1e-12)
    assert sd == pytest.approx(pg.std(ddof=1), rel=1e-12)


def test_what_is_no_flux_has_no_total():
    assert set(annual_totals(product([[1e-8] * 2] * 2, [0, 0, 0], [100.0] * 3))) == {"gpp"}


def test_a_cell_that_is_not_quite_steady_counts_as_it_does_in_the_means():
    whole = annual_totals(product([[1e-8] * 2] * 2, [0, 0, 0], [100.0] * 3))["gpp"][0]
    unsteady = annual_totals(product([[1e-8] * 2] * 2, [0, NOT_STEADY, 0], [100.0] * 3))["gpp"][0]
    failed = annual_totals(product([[1e-8] * 2] * 2, [0, NOT_STEADY | 4, 0], [100.0] * 3))["gpp"][0]
    outside = annual_totals(product([[1e-8] * 2] * 2, [0, -1, 0], [100.0] * 3))["gpp"][0]
    assert unsteady == pytest.approx(whole)
    assert failed == outside == pytest.approx(whole * 2 / 3)
