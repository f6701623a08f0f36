"""Releases in an S3 store, which cannot rename: a new edition lies beside the old one until its mark is there."""

import numpy as np
import pytest

from landsink.catalogue.blobs import blobs
from landsink.catalogue.releases import Releases, collection
from tests.catalogue.releases.cubes import catalogued, cube


@pytest.fixture
def two(s3, tmp_path, monkeypatch):
    """Two servers over one store, an object, and its product."""
    monkeypatch.setattr(collection, "LOOK", 1e-6)
    monkeypatch.setattr(Releases, "blobs", blobs(s3, tmp_path))
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    return Releases(store), Releases(store), item, cube(8, 9, 3)


def test_who_reads_the_old_edition_reads_it_to_the_end(two):
    one, other, item, ds = two
    first = one.publish(item, ds)
    held = other.get(item.id)
    assert held.edition == first.edition and held is other.get(item.id)
    second = one.publish(item, ds + 1e-9)
    assert second.edition != first.edition and other.get(item.id).edition == second.edition
    np.testing.assert_array_equal(held.step("gpp", 1), ds["gpp"][1])
    np.testing.assert_array_equal(other.get(item.id).series("gpp", 1, 2), (ds["gpp"] + 1e-9)[:, 1, 2])
    assert not [wrong for _, _, rotten in other.rot() for wrong in rotten]


def test_two_editions_stay_and_a_drop_takes_all(two):
    one, other, item, ds = two
    made = [one.publish(item, ds * (n + 1)).edition for n in range(3)]
    kept = {blob.key.split("/")[2] for blob in one.blobs.list(f"releases/{item.id}/")}
    assert kept == set(made[1:])
    one.drop(item.id)
    assert not list(one.blobs.list("releases")) and other.list() == []
