"""Tiles: nothing is left out, a kill leaves no half tile, and what is finished is never computed again."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landsink.reanalyse import TileStore, split
from tests.reanalyse.plans import content, forcing, plan, run


@given(cells=st.integers(1, 5000), size=st.integers(1, 600))
def test_tiles_hold_every_cell_once_and_evenly(cells, size):
    tiles = split(cells, size)
    assert np.concatenate([np.arange(cells)[t] for t in tiles]).tolist() == list(range(cells))
    lengths = [t.stop - t.start for t in tiles]
    assert max(lengths) <= size
    assert max(lengths) - min(lengths) <= 1


def test_a_tile_comes_back_as_it_went(tmp_path):
    store = TileStore(tmp_path, "r")
    arrays = {"gpp": np.arange(6.0).reshape(2, 3), "flag": np.zeros(3, np.int8)}
    assert not store.has(slice(0, 3))
    store.save(slice(0, 3), arrays)
    assert store.has(slice(0, 3))
    for name, value in store.load(slice(0, 3)).items():
        np.testing.assert_array_equal(value, arrays[name])
        assert value.dtype == arrays[name].dtype


def test_another_record_tile_or_span_is_another_file(tmp_path):
    TileStore(tmp_path, "r").save(slice(0, 3), {"a": np.zeros(1)}, "1990")
    assert not TileStore(tmp_path, "s").has(slice(0, 3), "1990")
    assert not TileStore(tmp_path, "r").has(slice(0, 4), "1990")
    assert not TileStore(tmp_path, "r").has(slice(0, 3), "1991")


def test_a_kill_while_writing_leaves_no_tile(tmp_path, monkeypatch):
    store = TileStore(tmp_path, "r")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        store.save(slice(0, 3), {"a": np.zeros(1)})
    monkeypatch.undo()
    assert list(tmp_path.iterdir())  # the partial file is there, and does not count
    assert not store.has(slice(0, 3))
    store.save(slice(0, 3), {"a": np.ones(1)})
    assert store.load(slice(0, 3))["a"] == 1.0


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    ds, computed = run(plan(forcing()), folder)
    return folder, ds, computed


def test_resuming_computes_only_what_is_missing_and_gives_the_same_bytes(finished):
    folder, _, computed = finished
    assert computed == 3
    before = content(folder / "product.zarr")
    assert run(plan(forcing()), folder)[1] == 0
    assert content(folder / "product.zarr") == before
    tiles = sorted((folder / "tiles").glob("*.npz"))
    stamps = {p.name: p.stat().st_mtime_ns for p in tiles[2:]}
    for path in tiles[:2]:
        path.unlink()
    assert run(plan(forcing()), folder)[1] == 2
    assert content(folder / "product.zarr") == before
    assert {p.name: p.stat().st_mtime_ns for p in tiles[2:]} == stamps


def test_the_size_of_tiles_does_not_show(finished, tmp_path):
    whole, computed = run(plan(forcing()), tmp_path, tile=100)
    assert computed == 1
    for name in finished[1].data_vars:
        np.testing.assert_allclose(whole[name], finished[1][name], rtol=1e-6, err_msg=str(name))


def test_a_cell_with_a_gap_is_missing_and_flagged_and_the_others_are_untouched(finished, tmp_path):
    ds = forcing()
    ds["tas"][5, 6] = np.nan
    holed, _ = run(plan(ds), tmp_path)
    there = np.zeros((3, 4), bool)
    there[1, 2] = True
    np.testing.assert_array_equal(holed["quality"] == 1, there)
    assert "missing_forcing" in holed["quality"].attrs["flag_meanings"]
    for name in ("rh", "rh_sd", "cSoil", "cSoil_sd"):
        values = holed[name].to_numpy()
        assert np.isnan(values[:, there]).all()
        np.testing.assert_array_equal(values[:, ~there], finished[1][name].to_numpy()[:, ~there])
    assert np.isfinite(holed["rh_regional"]).all()
    assert float(holed["rh_regional"].mean()) != float(finished[1]["rh_regional"].mean())


def test_a_member_that_fails_flags_its_cell_alone(finished, tmp_path):
    made = plan(forcing())
    made.start["cSoilOld"][3] = np.nan
    ds, _ = run(made, tmp_path)
    assert ds["quality"].to_numpy().ravel()[3] == 4
    assert np.isnan(ds["cSoil"].to_numpy()[:, 0, 3]).all()
    np.testing.assert_array_equal(ds["cSoil"][:, 1:], finished[1]["cSoil"][:, 1:])


def test_nothing_free_gives_members_without_spread(tmp_path):
    ds, _ = run(plan(forcing(), free=()), tmp_path)
    assert ds["rh"].dims == ("time", "lat", "lon")
    assert np.isfinite(ds["rh"]).all()
    np.testing.assert_allclose(ds["rh_sd"], 0.0, atol=1e-20)
