"""A growing product: one commit an update, the old or the new whole, one writer, and releases frozen from a state."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from landsink.catalogue import Catalogue
from landsink.catalogue.growing import Growing
from landsink.catalogue.releases import Releases
from landsink.cli import app
from landsink.core.errors import DataError, UnknownName
from tests.catalogue.grown import months
from tests.house import tree
from tests.portal.s3 import s3, s3_server

__all__ = ["s3", "s3_server"]
pytest.importorskip("icechunk")
ABOUT = """
title = "Fluxes that grow"
creators = [{ name = "Doe, Jane" }]
licence = "CC-BY-4.0"
description = "Made up for a test."
"""


@pytest.fixture
def grown(tmp_path: Path) -> Growing:
    """Two years of a product."""
    made = Growing(Catalogue(tmp_path / "home"), "fluxes")
    made.update(months("2001-01", 24), "two years")
    return made


def test_what_went_in_comes_out_and_steps_are_added_and_revised(grown):
    xr.testing.assert_equal(grown.open().load(), months("2001-01", 24))
    new = months("2002-11", 5)
    new["nee"][0] *= 2
    state = grown.update(new)
    assert state.message == "3 steps added, 1 revised"
    found = grown.open()
    assert found.sizes["time"] == 27
    want = xr.concat(
        [months("2001-01", 22), new],
        "time",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="override",
    )
    xr.testing.assert_equal(found.load(), want)
    assert found["nee"].attrs["units"] == "kg m-2 s-1"


def test_history_and_tags_lead_back_to_every_state(grown):
    first = grown.tag("v1")
    grown.update(months("2003-01", 1), "a month more")
    assert [s.message for s in grown.history()] == ["a month more", "two years"]
    assert [s.tags for s in grown.history()] == [(), ("v1",)]
    assert grown.open("v1").sizes["time"] == grown.open(first.id).sizes["time"] == 24
    assert grown.open().sizes["time"] == 25
    with pytest.raises(DataError, match="'v1' of 'fluxes' is given away"):
        grown.tag("v1")
    with pytest.raises(UnknownName, match="Near: v1"):
        grown.open("v2")


def test_a_reader_keeps_the_state_that_it_opened(grown):
    before = grown.open()
    grown.update(months("2002-01", 24, 2e-8))
    xr.testing.assert_equal(before.load(), months("2001-01", 24))
    assert grown.open().sizes["time"] == 36


WRONG = [
    (months("2000-01", 3), "2000-01-01 is not among the steps"),
    (months("2003-01", 2).rename(nee="gpp"), "variables differ: gpp, nee"),
    (months("2003-01", 2).assign_coords(lat=[45.0, 46.0, 47.5]), "'lat' has other values"),
    (
        months("2003-01", 2).assign(areacella=(("lat", "lon"), np.ones((3, 4)), {"units": "m2"})),
        "'areacella'",
    ),
    (months("2003-01", 2).astype("f8"), "'nee' is float64"),
    (months("2003-01", 2).isel(time=[1, 0]), "does not go forward"),
    (months("2003-01", 2).isel(lat=0), "no variable over time, lat and lon"),
    (months("2002-06", 3), "holds all of this already"),
]


@pytest.mark.parametrize(("ds", "said"), WRONG)
def test_what_does_not_fit_is_refused_and_changes_nothing(grown, ds, said):
    with pytest.raises(DataError, match=said):
        grown.update(ds)
    assert len(grown.history()) == 1
    xr.testing.assert_equal(grown.open().load(), months("2001-01", 24))


def test_units_may_not_change(grown):
    new = months("2003-01", 2)
    new["nee"].attrs["units"] = "g m-2 d-1"
    with pytest.raises(DataError, match="units differ"):
        grown.update(new)


def test_names(tmp_path, grown):
    with pytest.raises(DataError, match="is no name"):
        Growing(grown.catalogue, "../x")
    with pytest.raises(UnknownName, match="Near: fluxes"):
        Growing(grown.catalogue, "fluxe").open()


def test_without_icechunk_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr("landsink.catalogue.growing.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install 'landsink\[icechunk\]'"):
        Growing(Catalogue(tmp_path), "fluxes")


# --- who dies, and who comes at once

CHILD = """
import os, sys
from pathlib import Path
from landsink.catalogue import Catalogue
from landsink.catalogue.growing import Growing
from tests.catalogue.grown import months
made = Growing(Catalogue(Path(sys.argv[1])), "fluxes")
print("ready", flush=True)
for year in range(2003, 2100):
    made.update(months(f"{year}-01", 12, float(sys.argv[2])))
    print(year, flush=True)
"""


def writer(grown: Growing, size: float) -> subprocess.Popen:
    """A process that adds year after year."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tree.SOURCE.parent), str(tree.ROOT)])}
    line = [sys.executable, "-c", CHILD, str(grown.catalogue.root), str(size)]
    return subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_killed_at_any_moment_of_an_update_it_is_the_old_or_the_new_whole(grown):
    with writer(grown, 1e-8) as child:
        assert child.stdout.readline() == "ready\n"
        child.stdout.readline()
        for pause in (0.013, 0.029, 0.05):
            # Readers beside it see whole years only, and the numbers of each.
            time.sleep(pause)
            seen = grown.open()
            xr.testing.assert_equal(seen.load(), months("2001-01", seen.sizes["time"]))
            assert seen.sizes["time"] % 12 == 0
        child.send_signal(signal.SIGKILL)
    found = grown.open()
    count = found.sizes["time"]
    assert count % 12 == 0
    assert count >= 36
    xr.testing.assert_equal(found.load(), months("2001-01", count))
    assert len(grown.history()) == 1 + count // 12 - 2
    # What the dead one held is free again.
    assert grown.update(months(str(found["time"].to_numpy()[-1].astype("M8[M]") + 1), 1)).message.startswith(
        "1 "
    )


def test_of_two_who_update_at_once_one_is_refused_and_one_enters(grown):
    def enter(size: float) -> str:
        try:
            return Growing(grown.catalogue, "fluxes").update(months("2001-01", 30, size)).message
        except DataError as error:
            assert "Another update of 'fluxes' runs" in str(error)
            return ""

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(enter, (2e-8, 3e-8)))
    assert any(said)
    entered = len([s for s in said if s])
    assert len(grown.history()) == 1 + entered
    found = grown.open().load()
    assert any(found.equals(months("2001-01", 30, size)) for size in (2e-8, 3e-8))


def test_who_comes_while_a_writer_holds_it_is_refused(grown):
    with grown._alone(), pytest.raises(DataError, match="do it again"):
        Growing(grown.catalogue, "fluxes").update(months("2003-01", 1))
    assert len(grown.history()) == 1


def test_in_a_store_the_second_of_two_commits_is_refused(tmp_path, s3):
    made = Growing(Catalogue(tmp_path / "home", store=s3), "fluxes")
    made.update(months("2001-01", 24))
    other = Growing(Catalogue(tmp_path / "other", store=s3), "fluxes")
    xr.testing.assert_equal(other.open().load(), months("2001-01", 24))
    plainly = Growing._grown

    def slowly(self: Growing, ds: xr.Dataset, session: object) -> str:
        said = plainly(self, ds, session)
        if self.catalogue.root.name == "home":
            other.update(months("2003-01", 1))
        return said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Growing, "_grown", slowly)
        with pytest.raises(DataError, match="came between"):
            made.update(months("2003-01", 3))
    assert made.open().sizes["time"] == 25


# --- by commands, to a release


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LANDSINK_HOME", str(tmp_path / "home"))
    (tmp_path / "about.toml").write_text(ABOUT)
    months("2001-01", 24).to_netcdf(tmp_path / "first.nc")
    months("2002-07", 12, 5e-9).to_zarr(tmp_path / "next.zarr", zarr_format=3, consolidated=False)
    yield tmp_path


def said(*words: object) -> str:
    """What a command says, which must go well."""
    found = CliRunner().invoke(app, [str(w) for w in words])
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.mark.slow
def test_a_state_is_frozen_as_a_release_with_its_numbers_and_what_follows_is_its_next_version(home):
    about = ("--about", home / "about.toml")
    said("growing", "update", "fluxes", home / "first.nc", "-m", "begun")
    said("growing", "tag", "fluxes", "v1")
    said("growing", "update", "fluxes", home / "next.zarr", "-m", "a summer revised")
    first = said("growing", "freeze", "fluxes", "--at", "v1", *about).split()[-1].strip(".")
    second = said("growing", "freeze", "fluxes", *about).split()[-1].strip(".")
    assert said("growing", "freeze", "fluxes", "--at", "v1", *about).split()[-1].strip(".") == first != second
    store = Catalogue.configured()
    rows = json.loads(said("growing", "history", "fluxes", "--json"))
    assert [(r["message"], r["tags"]) for r in rows] == [("a summer revised", []), ("begun", ["v1"])]
    assert store.get(first).properties["landsink:snapshot"] == rows[1]["snapshot"]
    assert [i.id for i in store.versions(first)] == [first, second]
    for name, want in ((first, months("2001-01", 24)), (second, Growing(store, "fluxes").open().load())):
        release = Releases(store).get(name)
        for step in range(want.sizes["time"]):
            np.testing.assert_array_equal(release.step("nee", step), want["nee"].to_numpy()[step])


def test_commands_say_what_is_wrong(home):
    found = CliRunner().invoke(app, ["growing", "update", "fluxes", str(home / "about.toml")])
    assert found.exit_code == 2
    assert "cannot be read" in found.output
    found = CliRunner().invoke(app, ["growing", "history", "nothing"])
    assert found.exit_code == 2
