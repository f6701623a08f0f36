"""What was taken in is published by a process of its own, and what keeps it from the map is told by its item."""

import shutil
import sys
import time
from pathlib import Path

import pystac
import pytest

from landsink.case.publication import UNPUBLISHED, Apart
from landsink.catalogue import Catalogue, Specification
from landsink.catalogue.releases import Releases
from landsink.cli.portal import COMMAND
from tests.portal import small

SLEEPS = (sys.executable, "-c", "import time; time.sleep(60)")


def taken(store: Catalogue, folder: Path) -> pystac.Item:
    """A cube in a catalogue."""
    return store.ingest(small.cube(folder), Specification.read("cube"), small.said())


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pystac.Item]:
    """A catalogue that took a cube in, not yet published; to be copied."""
    root = tmp_path_factory.mktemp("held")
    return root / "home", taken(Catalogue(root / "home"), root)


def shown(store: Catalogue) -> list[str]:
    return [release.id for release in Releases(store).list()]


def test_an_uploaded_cube_gets_its_release_by_a_process_of_its_own(tmp_path, held, monkeypatch):
    home, item = held
    monkeypatch.setenv("LANDSINK_HOME", str(shutil.copytree(home, tmp_path / "home")))
    store = Catalogue.configured()
    assert Apart((*COMMAND, "--publish"))(store, item) == ""
    assert shown(store) == [item.id]
    assert UNPUBLISHED not in store.get(item.id).properties


def test_a_table_starts_no_process(tmp_path):
    store = Catalogue(tmp_path / "home")
    item = store.ingest(small.table(tmp_path), Specification.read("soil-stocks"), small.said())
    assert Apart(("/no/such/program",))(store, item) == ""


@pytest.mark.parametrize(
    ("apart", "words"),
    [
        (Apart(SLEEPS, seconds=0.3), "longer than"),
        (Apart(SLEEPS, gigabytes=0.0001), "more than 0.0001 GiB"),
        (Apart((sys.executable, "-c", "import os; os.abort()")), "broke down"),
    ],
)
def test_a_process_that_breaks_or_takes_too_much_is_ended_and_the_item_says_so(tmp_path, held, apart, words):
    home, item = held
    store = Catalogue(Path(shutil.copytree(home, tmp_path / "home")))
    begun = time.monotonic()
    assert words in apart(store, item)
    assert time.monotonic() - begun < 30
    assert words in store.get(item.id).properties[UNPUBLISHED]
    assert shown(store) == []
