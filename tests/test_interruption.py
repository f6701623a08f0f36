"""A run that is killed outright goes on from its last tile, and its product is the same to the last byte."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.case.small import page
from tests.house import tree
from tests.reanalyse.plans import content

COMMAND = [sys.executable, "-c", "from landsink.cli import app; app()", "run"]
PATIENCE = 240.0


def start(folder: Path, case: Path, out: Path, *more: str) -> subprocess.Popen:
    """Start a run in a process of its own."""
    paths = os.pathsep.join([str(tree.SOURCE.parent), str(tree.ROOT)])
    env = os.environ | {"PYTHONPATH": paths, "LANDSINK_HOME": str(folder / "home")}
    with open(folder / "log", "ab") as log:
        return subprocess.Popen(
            [*COMMAND, str(case), "--out", str(out), *more], env=env, cwd=folder, stdout=log, stderr=log
        )


def tiles(out: Path) -> dict[str, int]:
    """Finished tiles with the time of their making."""
    return {p.name: p.stat().st_mtime_ns for p in (out / "tiles").glob("*.npz")}


def kill_in_the_middle(run: subprocess.Popen, out: Path) -> None:
    """Kill a run as soon as the first tile of its map is finished (the sites' tile comes before)."""
    deadline = time.monotonic() + PATIENCE
    while len(tiles(out)) < 2 and time.monotonic() < deadline:
        assert run.poll() is None, "the run ended before it could be killed"
        time.sleep(0.002)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path):
    case = page(tmp_path)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert start(tmp_path, case, whole).wait(PATIENCE) == 0, (tmp_path / "log").read_text()
    kill_in_the_middle(start(tmp_path, case, broken), broken)
    kept = tiles(broken)
    assert 2 <= len(kept) < len(tiles(whole))
    assert not (broken / "product.zarr").exists()
    assert start(tmp_path, case, broken, "--resume").wait(PATIENCE) == 0, (tmp_path / "log").read_text()
    done = tiles(broken)
    assert set(done) == set(tiles(whole))
    assert {n: done[n] for n in kept} == kept
    assert content(broken / "product.zarr") == content(whole / "product.zarr")
