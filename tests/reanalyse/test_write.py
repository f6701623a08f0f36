"""Products: what the map says is what the members said, and old years stay as they are."""

import numpy as np
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.reanalyse import Grid, append, write
from landsink.reanalyse.runner import compute
from tests.reanalyse.plans import content, forcing, plan, run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("product")
    return folder, plan(forcing()), run(plan(forcing()), folder)[0]


def test_the_product_speaks_cf(made):
    with xr.open_zarr(made[0] / "product.zarr") as ds:
        assert ds["rh"].attrs["units"] == "kg m-2 s-1"
        assert ds["rh"].attrs["ancillary_variables"] == "rh_sd"
        assert ds.attrs["Conventions"].startswith("CF-")
        assert ds.attrs["title"] == "a test"
        assert "units" not in ds.attrs
        assert ds["lat"].attrs["standard_name"] == "latitude"
        assert ds["areacella"].attrs["units"] == "m2"
        assert ds["time"].to_numpy()[0] == np.datetime64("2001-01-01")
        np.testing.assert_array_equal(ds["rh"], made[2]["rh"])


def test_the_region_is_the_weighted_mean_of_the_map(made):
    ds = made[2]
    mean = ds["rh"].weighted(ds["areacella"]).mean(("lat", "lon"))
    np.testing.assert_allclose(ds["rh_regional"], mean, rtol=1e-5)
    members = ds["rh_regional_members"]
    np.testing.assert_allclose(ds["rh_regional_sd"], members.std("member", ddof=1), rtol=1e-10)


def test_the_steady_state_is_steady(made):
    ends = compute(made[1])
    assert not ends["flag"].any()
    year = made[2]["cSoil"].to_numpy()
    np.testing.assert_allclose(year[12:], year[:12], rtol=5e-3)


def test_the_end_of_every_member_is_kept(made):
    ends = compute(made[1])
    assert ends["end/cSoilOld"].shape == (3, 12)
    assert ends["end/cSoilOld"].dtype == np.float64


def test_a_list_of_places_stays_a_list(tmp_path):
    ds = forcing().isel(cell=[0, 5, 11]).rename(cell="site").assign_coords(site=["a", "bb", "c"])
    product, _ = run(plan(ds), tmp_path, tile=2)
    assert product["rh"].dims == ("time", "site")
    assert "rh_regional" not in product
    with xr.open_zarr(tmp_path / "product.zarr") as back:
        assert back["site"].to_numpy().tolist() == ["a", "bb", "c"]
        assert back["quality"].to_numpy().tolist() == [0, 0, 0]


def test_the_same_content_gives_the_same_bytes(made, tmp_path):
    write(made[2], tmp_path / "again.zarr")
    assert content(tmp_path / "again.zarr") == content(made[0] / "product.zarr")


def test_appending_leaves_old_chunks_as_they_were(made, tmp_path):
    folder = tmp_path / "product.zarr"
    write(made[2], folder)
    before = content(folder)
    later = (
        made[2]
        .isel(time=slice(0, 12))
        .assign_coords(time=made[2]["time"].to_numpy()[:12] + np.timedelta64(730, "D"))
    )
    append(later, folder, "a year more")
    after = content(folder)
    changed = [name for name, body in before.items() if after[name] != body]
    assert all(name.endswith("zarr.json") for name in changed), changed
    assert set(after) > set(before)
    with xr.open_zarr(folder) as ds:
        assert ds.sizes["time"] == 36
        np.testing.assert_array_equal(ds["rh"][:24], made[2]["rh"])
        np.testing.assert_array_equal(ds["rh"][24:], later["rh"])
        assert "a year more" in ds.attrs["history"]
        np.testing.assert_array_equal(ds["quality"], made[2]["quality"])


def test_appending_refuses_what_would_rewrite(made, tmp_path):
    folder = tmp_path / "product.zarr"
    write(made[2], folder)
    with pytest.raises(DataError, match="Later than"):
        append(made[2].isel(time=slice(0, 12)), folder, "the past")
    write(made[2].isel(time=slice(0, 7)), folder)
    with pytest.raises(DataError, match="not whole years"):
        append(made[2].isel(time=slice(12, 24)), folder, "after a broken year")


def test_a_grid_with_holes_is_laid_with_gaps():
    cells = forcing().isel(cell=[0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]).coords.to_dataset().drop_vars("time")
    grid = Grid.of(cells)
    laid = grid.lay(np.arange(11.0))
    assert laid.shape == (3, 4)
    assert np.isnan(laid[1, 1])
    assert laid[1, 2] == 5.0
    assert grid.lay(np.zeros(11, np.int8))[1, 1] == -1
