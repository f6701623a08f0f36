"""Members of every cell: they are kept where asked, and the means and totals are theirs."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from landsink.reanalyse import append, write
from tests.reanalyse.plans import MEMBERS, forcing, plan, run


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    return folder, run(dataclasses.replace(plan(forcing()), keep=True), folder)[0]


def test_mean_spread_and_total_are_the_members(kept):
    with xr.open_zarr(kept[0] / "product.zarr") as ds:
        for name in ("rh", "cSoil"):
            members = ds[f"{name}_members"]
            assert members.dims == ("time", "member", "lat", "lon")
            assert members.dtype == np.float32
            assert members.sizes["member"] == MEMBERS
            assert members.attrs["units"] == ds[name].attrs["units"]
            np.testing.assert_allclose(members.mean("member"), ds[name], rtol=1e-6)
            np.testing.assert_allclose(members.std("member", ddof=1), ds[f"{name}_sd"], rtol=1e-3)
            total = members.weighted(ds["areacella"]).mean(("lat", "lon"))
            np.testing.assert_allclose(total, ds[f"{name}_regional_members"], rtol=1e-6)


def test_nothing_else_changes(kept, tmp_path):
    without = run(plan(forcing()), tmp_path)[0]
    assert not [n for n in without.data_vars if without[n].ndim == 4]
    for name in without.data_vars:
        np.testing.assert_array_equal(without[name], kept[1][name], err_msg=str(name))


def test_a_cell_that_fails_has_no_members(tmp_path):
    ds = forcing()
    ds["tas"][5, 6] = np.nan
    product = run(dataclasses.replace(plan(ds), keep=True), tmp_path)[0]
    assert np.isnan(product["rh_members"][:, :, 1, 2]).all()
    assert int(np.isfinite(product["rh_members"][0, 0]).sum()) == 11


def test_members_are_appended_with_the_rest(kept, tmp_path):
    write(kept[1], tmp_path / "product.zarr")
    later = kept[1].isel(time=slice(0, 12))
    later = later.assign_coords(time=later["time"].to_numpy() + np.timedelta64(730, "D"))
    append(later, tmp_path / "product.zarr", "a year more")
    with xr.open_zarr(tmp_path / "product.zarr") as ds:
        np.testing.assert_array_equal(ds["rh_members"][24:], later["rh_members"])


def test_a_list_of_places_keeps_none(tmp_path):
    ds = forcing().isel(cell=[0, 5, 11]).rename(cell="site").assign_coords(site=["a", "bb", "c"])
    product = run(dataclasses.replace(plan(ds), keep=True), tmp_path)[0]
    assert "rh_members" not in product
