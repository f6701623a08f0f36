"""Rot of releases: every file that is not what was published is named, and what a dead writer left goes."""

import fcntl
import os
import shutil

import pytest

from landsink.catalogue import verify
from landsink.catalogue.releases import Releases
from tests.catalogue.releases.cubes import catalogued, cube


@pytest.fixture
def held(tmp_path):
    """A catalogue with a release, its identifier and its folder."""
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    Releases(store).publish(item, cube(8, 9, 3))
    return store, item.id, store.root / "releases" / item.id


def told(store):
    """What verify says of releases: which, where, what."""
    return [(f.id, f.where, f.found) for f in verify(store).faults if f.where.startswith("release")]


def test_a_whole_release_is_hashed_and_has_no_fault(held):
    store, name, folder = held
    shutil.copytree(folder, store.root.parent / "aside")
    whole = verify(store)
    assert not [f for f in whole.faults if f.where.startswith("release")]
    shutil.rmtree(folder)
    size = sum(p.stat().st_size for p in (store.root.parent / "aside").rglob("*") if p.is_file())
    facts = (store.root.parent / "aside" / "release.json").stat().st_size
    assert whole.size - verify(store).size == size - facts


@pytest.mark.parametrize("key", ["map/gpp/c/1/0/0", "series/gpp/c/0/0/0", "map/zarr.json"])
def test_one_bit_that_is_another_is_named(held, key):
    store, name, folder = held
    path = folder / key
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    ((found, where, what),) = told(store)
    assert (found, where) == (name, f"release, {key}") and "its bytes have" in what


def test_what_is_gone_and_what_nobody_lists_is_named(held):
    store, name, folder = held
    (folder / "map/gpp/c/0/0/0").unlink()
    (folder / "map/gpp/c/99").mkdir(parents=True)
    (folder / "map/gpp/c/99/0").write_bytes(b"forged")
    assert {w for _, w, _ in told(store)} == {"release, map/gpp/c/0/0/0", "release, map/gpp/c/99/0"}


@pytest.mark.parametrize("spoil", ["manifest.json", "release.json"])
@pytest.mark.parametrize("how", ["gone", "other"])
def test_a_manifest_that_is_not_its_own_is_named(held, spoil, how):
    store, name, folder = held
    (folder / spoil).chmod(0o644)
    (folder / spoil).unlink() if how == "gone" else (folder / spoil).write_text("{}")
    assert [(i, w) for i, w, _ in told(store)] == [(name, f"release, {spoil}")]


def test_a_release_without_its_object_is_named(held):
    store, name, _ = held
    (store.root / "items" / f"{name}.json").unlink()
    store.sweep()
    assert [(i, w) for i, w, _ in told(store)] == [(name, "release")]


def test_a_sweep_takes_a_dead_writers_half_and_leaves_a_living_ones(held):
    store, name, folder = held
    half = store.root / "releases" / ".new-half"
    half.mkdir()
    (half / "chunk").write_bytes(b"half")
    lock = os.open(store.root / "releases" / ".lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert Releases(store).sweep() == 0 and half.is_dir()
    os.close(lock)
    assert Releases(store).sweep() == 1 and not half.exists()
    assert [r.id for r in Releases(store).list()] == [name]
