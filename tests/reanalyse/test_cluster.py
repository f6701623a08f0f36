"""Tiles on a dask cluster: done by its workers, the same numbers, and a cluster that goes away is told."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from landsink.core.errors import DataError
from landsink.reanalyse import ClusterLost, TileStore, cluster, run_tiles, split
from landsink.reanalyse.cluster import computed
from tests.reanalyse.plans import forcing, plan, run

distributed = pytest.importorskip("distributed")
TILES = [slice(i, i + 1) for i in range(6)]


def started(workers: int, processes: bool = True) -> Any:
    """A cluster of this machine."""
    return distributed.LocalCluster(n_workers=workers, threads_per_worker=1, processes=processes,
                                    dashboard_address=":0", host="127.0.0.1", protocol="tcp")  # fmt: skip


@pytest.fixture(scope="module")
def two() -> Iterator[Any]:
    """Two workers, processes of their own."""
    with started(2) as made:
        yield made


def who(part: Any) -> dict[str, np.ndarray]:
    """Which process takes a part."""
    time.sleep(0.05)
    return {"process": np.array(os.getpid()), "part": np.array(part)}


def dies(path: str) -> dict[str, np.ndarray]:
    """Takes its process along, until the file is there."""
    if not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"process": np.array(os.getpid())}


def wrong(part: Any) -> dict[str, np.ndarray]:
    """Fails in a way that a user can mend."""
    raise DataError("the soil is missing.", "A soil.")


def slow(part: Any) -> dict[str, np.ndarray]:
    """Takes a while."""
    time.sleep(0.3)
    return {"part": np.array(part)}


def test_tiles_are_computed_by_the_workers_and_come_back(two):
    found = {t.start: a for t, a in computed(two.scheduler_address, who, lambda t: t.start, TILES)}
    assert sorted(found) == list(range(6))
    assert all(int(a["part"]) == at for at, a in found.items())
    assert os.getpid() not in {int(a["process"]) for a in found.values()}


def test_a_map_has_the_numbers_that_it_has_without_a_cluster(two, tmp_path):
    made = plan(forcing())
    here, _ = run(made, tmp_path / "here")
    told: list[float] = []
    store, tiles = TileStore(tmp_path / "there", "a record"), split(len(made.entry.flag), 5)
    count = run_tiles(made, tiles, store, "all", lambda _, share: told.append(share), two.scheduler_address)
    assert (count, told) == (3, [0.0, pytest.approx(1 / 3), pytest.approx(2 / 3), 1.0])
    for tile in tiles:
        kept = store.load(tile, "all")
        again = TileStore(tmp_path / "here" / "tiles", "a record").load(tile, "all")
        assert kept.keys() == again.keys()
        for name in kept:
            np.testing.assert_array_equal(kept[name], again[name], err_msg=name)
    assert int(here["rh"].notnull().sum()) == here["rh"].size
    assert run_tiles(made, tiles, store, "all", lambda *_: None, "tcp://127.0.0.1:9") == 0


def test_a_tile_whose_worker_dies_is_done_by_another(two, tmp_path):
    path = str(tmp_path / "died")
    found = list(computed(two.scheduler_address, dies, lambda _: path, TILES[:1]))
    assert len(found) == 1
    assert Path(path).exists()


def test_what_a_tile_says_is_wrong_is_said(two):
    with pytest.raises(DataError, match="the soil is missing"):
        list(computed(two.scheduler_address, wrong, lambda t: t.start, TILES))


def test_a_cluster_that_goes_away_is_told_and_what_came_back_is_kept():
    with started(1, processes=False) as made:
        came, found = [], computed(made.scheduler_address, slow, lambda t: t.start, TILES)
        came.append(next(found))
        made.close()
        begun = time.monotonic()
        with pytest.raises(ClusterLost, match="does not answer"):
            came.extend(found)
        assert time.monotonic() - begun < 30
    assert 1 <= len(came) < 6


def test_a_cluster_without_workers_is_not_waited_for_without_end():
    with started(0) as made, pytest.raises(ClusterLost, match=r"no worker for 0 s.*dask worker"):
        list(computed(made.scheduler_address, who, lambda t: t.start, TILES, patience=0.2))


def test_no_scheduler_at_an_address(monkeypatch):
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 1.0)
    for address in ("tcp://127.0.0.1:9", "carrier pigeon"):
        with pytest.raises(ClusterLost, match="does not answer"):
            list(computed(address, who, lambda t: t.start, TILES))
