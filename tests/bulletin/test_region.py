"""Regional sums against figures worked by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.bulletin.display import display
from landsink.bulletin.maps import limits
from landsink.bulletin.region import EARTH_RADIUS, borders, cell_area, regional

TIME = pd.date_range("2001-01-01", periods=30, freq="MS")


def grid(value=1.0, sd=0.1) -> xr.Dataset:
    lat, lon = np.arange(40.5, 50), np.arange(0.5, 20)
    shape = (len(TIME), len(lat), len(lon))
    ds = xr.Dataset(
        {
            "gpp": (("time", "lat", "lon"), np.full(shape, value)),
            "gpp_sd": (("time", "lat", "lon"), np.full(shape, sd)),
        },
        coords={"time": TIME, "lat": lat, "lon": lon},
    )
    ds["gpp"].attrs["units"] = "kg m-2 s-1"
    return ds


def test_cells_of_the_globe_sum_to_its_surface():
    globe = xr.Dataset(coords={"lat": np.arange(-89.0, 90, 2), "lon": np.arange(-178.0, 180, 4)})
    assert float(cell_area(globe).sum()) == pytest.approx(4 * np.pi * EARTH_RADIUS**2, rel=1e-9)


def test_order_of_latitude_does_not_matter_and_land_share_does():
    ds = grid()
    assert float(cell_area(ds.isel(lat=slice(None, None, -1))).sum()) == pytest.approx(
        float(cell_area(ds).sum())
    )
    ds["sftlf"] = (("lat", "lon"), np.full((10, 20), 25.0))
    assert float(cell_area(ds).sum()) == pytest.approx(float(cell_area(grid()).sum()) / 4)


def test_annual_sum_of_a_uniform_flux():
    per_year = 365.25 * 86400
    series = regional(grid(1.2 / per_year, 0.3 / per_year), "gpp")
    totals = series.total()
    assert list(totals.index) == [2001, 2002]
    # 1.2 kg a year on every square metre, and σ as if all cells and months erred together.
    np.testing.assert_allclose(totals["mean"], 1.2 * series.area)
    np.testing.assert_allclose(totals["sd"], 0.3 * series.area)
    assert "upper bound" in series.treatment


def test_the_mean_weighs_by_area_and_skips_empty_cells():
    ds = grid()
    ds["gpp"][:, 5:, :] = 3.0
    area = cell_area(ds)
    by_hand = float((ds.gpp.isel(time=0) * area).sum() / area.sum())
    np.testing.assert_allclose(regional(ds, "gpp").mean, by_hand)
    ds["gpp"][:, 5:, :] = np.nan
    empty = regional(ds, "gpp")
    np.testing.assert_allclose(empty.mean, 1.0)
    assert empty.area == pytest.approx(float(area[:5].sum()))


def test_the_products_own_regional_sigma_is_preferred():
    ds = grid()
    ds["gpp_regional"] = ("time", np.full(30, 2.0))
    ds["gpp_regional_sd"] = ("time", np.full(30, 0.02))
    series = regional(ds, "gpp")
    assert set(series.mean) == {2.0} and set(series.sd) == {0.02}
    assert "ensemble" in series.treatment


def test_borders_stand_midway():
    np.testing.assert_allclose(borders(np.array([1.0, 2.0, 4.0])), [0.5, 1.5, 3.0, 5.0])
    np.testing.assert_allclose(borders(np.array([7.0])), [6.5, 7.5])


def test_scales_centre_on_zero_where_signs_mix_and_start_at_zero_for_sigma():
    assert limits(np.array([-1.0, 3.0]))[:2] == (
        -limits(np.array([-1.0, 3.0]))[1],
        limits(np.array([-1.0, 3.0]))[1],
    )
    assert limits(np.array([2.0, 3.0]), spread=True)[0] == 0
    low, high, _ = limits(np.full(5, 4.0))
    assert low < 4 < high
    assert limits(np.array([np.nan]))[:2] == (0, 1)


def test_units_are_readable_and_the_sign_is_said():
    nee = display("nee", xr.DataArray(0.0, attrs={"units": "kg m-2 s-1"}))
    assert nee.values(np.array(1e-8)) == pytest.approx(0.864)
    assert nee.values(np.array(1e-8), on_map=True) == pytest.approx(315.576)
    assert (nee.label(), nee.label(on_map=True)) == ("g C m⁻² d⁻¹", "g C m⁻² yr⁻¹")
    assert nee.title.endswith("+ to the atmosphere")
    tas = display("tas", xr.DataArray(0.0, attrs={"units": "K"}))
    assert tas.values(np.array(273.15)) == pytest.approx(0)
    assert tas.spread(np.array(5.0)) == pytest.approx(5)
    assert display("evspsbl", xr.DataArray(0.0, attrs={"units": "kg m-2 s-1"})).label() == "mm d⁻¹"
    assert (
        display("own", xr.DataArray(0.0, attrs={"units": "m", "long_name": "depth"})).title == "Depth (own)"
    )
