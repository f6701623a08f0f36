"""Cells on the globe."""

import numpy as np
import pytest
import xarray as xr

from landsink.reanalyse import Grid, cell_area
from landsink.reanalyse.domain import EARTH_RADIUS


def cells(lat: np.ndarray, lon: np.ndarray, **named: object) -> xr.Dataset:
    """A list of places."""
    return xr.Dataset(
        {"lat": ("cell", np.asarray(lat, float)), "lon": ("cell", np.asarray(lon, float))}, **named
    )


def globe(step: float) -> xr.Dataset:
    """All cells of a global grid."""
    lat = np.arange(-90 + step / 2, 90, step)
    lon = np.arange(-180 + step / 2, 180, step)
    south, east = np.meshgrid(lat, lon, indexing="ij")
    return cells(south.ravel(), east.ravel())


@pytest.mark.parametrize("step", [0.5, 2.0, 10.0])
def test_all_cells_together_are_the_sphere(step):
    assert Grid.of(globe(step)).area.sum() == pytest.approx(4 * np.pi * EARTH_RADIUS**2, rel=1e-9)


def test_a_cell_at_the_equator_and_one_near_the_pole():
    equator, north = cell_area(np.array([0.0, 60.0]), 1.0, 1.0)
    assert equator == pytest.approx(111.19e3**2, rel=1e-3)
    assert north / equator == pytest.approx(0.5, rel=1e-3)


def test_every_value_lies_where_its_cell_is():
    ds = globe(30.0).isel(cell=np.random.default_rng(1).permutation(72))
    grid = Grid.of(ds)
    laid = xr.DataArray(grid.lay(np.arange(72.0)), {"lat": grid.lat, "lon": grid.lon}, ("lat", "lon"))
    for i in range(72):
        assert float(laid.sel(lat=ds["lat"][i], lon=ds["lon"][i])) == i


def test_leading_dims_are_kept():
    grid = Grid.of(globe(30.0))
    assert grid.lay(np.zeros((5, 2, 72))).shape == (5, 2, 6, 12)


def test_places_that_lie_on_no_grid():
    random = np.random.default_rng(2)
    assert Grid.of(cells(random.uniform(40, 60, 30), random.uniform(0, 20, 30))) is None
    assert Grid.of(cells([50, 51], [5, 6])) is None
    assert Grid.of(xr.Dataset(coords={"cell": np.arange(9)})) is None
    assert Grid.of(globe(30.0).rename(cell="site")) is None
    assert Grid.of(cells([50.0] * 6, np.arange(6.0))) is None
