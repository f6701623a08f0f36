"""A publication killed outright at many moments: what a restarted portal shows is whole or not there."""

import os
import subprocess
import sys

import pytest

from landsink import case
from landsink.catalogue import Catalogue, verify
from landsink.catalogue.station_item import Terms, enter
from landsink.stations.flux.stage import Settings as Chain
from landsink.stations.flux.stage import quiet
from tests.case import station_files
from tests.house import tree
from tests.portal.test_faults import flip

# A process that only forks: what a child begins is gone with it. Prints how each moment ended: killed and unseen, or
# killed and whole, or not killed any more.
KILLED = """
import hashlib, os, signal, sys, time
from pathlib import Path
import numpy as np
from landsink.catalogue import Catalogue, describe, verify
from landsink.catalogue.releases import Releases
from landsink.portal import Context, Settings, create
from tests.portal import gridded
from tests.portal.small import client

root, moments = Path(sys.argv[1]), int(sys.argv[2])
page = root / "page"

def catalogue():
    return Catalogue(root / "home", clock=lambda: gridded.DAY)

def first():
    page.mkdir()
    name, _ = gridded.publish(catalogue(), root, page, gridded.product())
    Releases(catalogue()).drop(name)

def publish():
    (item,) = catalogue().list()
    Releases(catalogue()).publish(item, gridded.product(), None)

def look():
    # As a server that starts again: it puts in order, and answers.
    with client(create(Context(catalogue(), Settings(page=page)))) as ask:
        shown = ask.get("/api/products").json()
        for one in shown:
            for month in ("2001-01", "2002-12"):
                at = list(np.datetime_as_string(gridded.MONTHS, "M")).index(month)
                told = ask.get(f"/api/products/{one['id']}/step?variable=gpp&time={month}").json()["value"]
                found = np.array([[np.nan if x is None else x for x in row] for row in told], "f4")
                np.testing.assert_array_equal(found, gridded.product().gpp.values[at])
    faults = verify(catalogue()).faults
    assert not faults, faults
    for one in shown:
        Releases(catalogue()).drop(one["id"])
    os._exit(10 + len(shown))

def forked(what, seconds=None):
    child = os.fork()
    if child == 0:
        try:
            what()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

assert forked(first) == 0
begun = time.monotonic()
assert forked(publish) == 0
whole = time.monotonic() - begun
assert forked(look) == 11
for moment in range(moments):
    died = forked(publish, whole * (moment + 0.5) / moments)
    assert died in (0, -signal.SIGKILL), died
    seen = forked(look)
    assert seen in (10, 11), seen
    print(died, seen - 10, flush=True)
# What the dead left keeps nobody from publishing.
assert forked(publish) == 0 and forked(look) == 11
"""


def killed(tmp_path, moments: int) -> list[tuple[int, int]]:
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tree.SOURCE.parent), str(tree.ROOT)])}
    asked = [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path), str(moments)]
    done = subprocess.run(asked, env=env, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr[-3000:]
    return [(int(died), int(seen)) for died, seen in (line.split() for line in done.stdout.splitlines())]


@pytest.mark.slow
def test_a_publication_killed_at_many_moments_shows_no_half(tmp_path):
    ended = killed(tmp_path, 24)
    assert len(ended) == 24 and sum(died != 0 for died, _ in ended) > 12
    assert (ended[0][1], max(seen for _, seen in ended)) == (0, 1)


def test_verify_names_the_station_that_rotted(tmp_path):
    catalogue = Catalogue(tmp_path / "home")
    files = case.StationFiles(station_files.months(tmp_path), "air")
    made = case.station(files, tmp_path / "air", Chain(draws=2, percentiles=2), quiet)
    item = enter(catalogue, made.folder, Terms("CC-BY-4.0"))
    assert not verify(catalogue).faults
    series = [
        p for p in (catalogue.root / "stations" / item.id).rglob("*") if p.is_file() and "/c/" in p.as_posix()
    ]
    flip(max(series, key=lambda p: p.stat().st_size))
    (fault,) = verify(catalogue).faults
    assert fault.id == item.id and "its bytes" in fault.found
