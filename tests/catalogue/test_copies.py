"""Copies of a distant store's objects: within their room, the longest unasked first, and none that is in use."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from landsink.catalogue import Limits
from landsink.catalogue.blobs import Folder
from landsink.catalogue.copies import GIB, configured
from landsink.catalogue.database import Database
from landsink.catalogue.distant import DistantObjects
from landsink.core.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
HOLDS = """
import sys
from pathlib import Path
from landsink.catalogue.copies import Copies
print(Copies(Path(sys.argv[1])).use(sys.argv[2]), flush=True)
sys.stdin.read()
"""


def distant(root: Path, room: int) -> DistantObjects:
    """Objects of a store that is a folder, as if it were far; their copies take so many bytes."""
    (root / "index").mkdir(exist_ok=True)
    database = Database.file(root / "index" / "index.sqlite")
    return DistantObjects(root / "objects", Limits(), Folder(root / "far"), database, room)


def put(objects: DistantObjects, root: Path, name: str, size: int) -> None:
    """An object of one file."""
    (root / "new").write_bytes(name[:1].encode() * size)
    with objects.offer({"data.csv": root / "new"}, name) as token:
        objects.put(token, name)


def kept(root: Path) -> set[str]:
    """Names of objects that have a copy here."""
    return {p.name for p in (root / "objects" / "copies").glob("*") if p.name[0] != "."}


@pytest.fixture
def ended(monkeypatch):
    """What was asked for is not in use any more."""
    monkeypatch.setattr("landsink.catalogue.copies.LEASE_SECONDS", 0.0)


def test_copies_stay_within_their_room_and_the_longest_unasked_goes(tmp_path, ended):
    objects = distant(tmp_path, 1000)
    for moment, name in enumerate(("aaaa", "bbbb", "cccc"), 1):
        put(objects, tmp_path, name, 300)
        objects.path(name, "data.csv")
        os.utime(tmp_path / "objects/copies/.used" / name, (moment, moment))
    assert kept(tmp_path) == {"aaaa", "bbbb", "cccc"}
    # Asked for again, though it is the oldest: so the second goes, and it alone.
    assert objects.path("aaaa", "data.csv").read_bytes() == b"a" * 300
    put(objects, tmp_path, "dddd", 300)
    assert objects.path("dddd", "data.csv").read_bytes() == b"d" * 300
    assert kept(tmp_path) == {"aaaa", "cccc", "dddd"}
    assert not list((tmp_path / "objects/copies").glob(".gone-*"))
    # What went is fetched anew.
    assert objects.path("bbbb", "data.csv").read_bytes() == b"b" * 300


def test_what_is_larger_than_all_room_is_read_nonetheless(tmp_path, ended):
    objects = distant(tmp_path, 100)
    for name in ("aaaa", "bbbb"):
        put(objects, tmp_path, name, 300)
        assert objects.path(name, "data.csv").stat().st_size == 300
    assert kept(tmp_path) == {"bbbb"}


def test_what_this_process_uses_stays_until_it_was_not_asked_for_long(tmp_path, monkeypatch):
    objects = distant(tmp_path, 500)
    for name in ("aaaa", "bbbb", "cccc"):
        put(objects, tmp_path, name, 300)
        objects.path(name, "data.csv")
    assert kept(tmp_path) == {"aaaa", "bbbb", "cccc"} and objects.trim(0) == 0
    monkeypatch.setattr("landsink.catalogue.copies.LEASE_SECONDS", 0.0)
    assert objects.trim(500) == 600 and kept(tmp_path) == {"cccc"}


def test_what_another_process_uses_stays_until_it_dies(tmp_path, ended):
    objects = distant(tmp_path, 1000)
    for name in ("aaaa", "bbbb"):
        put(objects, tmp_path, name, 300)
        objects.path(name, "data.csv")
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])}
    asked = [sys.executable, "-c", HOLDS, str(tmp_path / "objects/copies"), "aaaa"]
    with subprocess.Popen(asked, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline().strip().endswith("aaaa")
        assert objects.trim(0) == 300 and kept(tmp_path) == {"aaaa"}
        other.kill()
    assert objects.trim(0) == 300 and kept(tmp_path) == set()


def test_a_crowd_reads_whole_files_while_copies_come_and_go(tmp_path, ended):
    objects = distant(tmp_path, 700)
    names = ["aaaa", "bbbb", "cccc", "dddd"]
    for name in names:
        put(objects, tmp_path, name, 300)
    wrong: list[object] = []

    def read(own: int) -> None:
        for turn in range(30):
            name = names[(own + turn) % 4]
            try:
                data = objects.path(name, "data.csv").read_bytes()
            except FileNotFoundError:
                # With no time to live, a copy may go between its name and its opening; it never goes by halves.
                continue
            if data != name[:1].encode() * 300:
                wrong.append((name, data))

    crowd = [threading.Thread(target=read, args=(n,)) for n in range(4)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert not wrong


@pytest.mark.parametrize("verb", ["mkdir", "rename"])
def test_a_folder_that_is_taken_away_at_the_last_moment_is_made_again(tmp_path, ended, monkeypatch, verb):
    objects, failed = distant(tmp_path, 1000), []
    put(objects, tmp_path, "aaaa", 300)
    owner = Path if verb == "mkdir" else os
    plain = getattr(owner, verb)

    def once(path, *rest, **options):
        if "copies/aaaa" in str(path if verb == "mkdir" else rest[0]) and not failed:
            failed.append(path)
            raise FileExistsError(17, "File exists")
        return plain(path, *rest, **options)

    monkeypatch.setattr(owner, verb, once)
    assert objects.path("aaaa", "data.csv").read_bytes() == b"a" * 300
    assert failed


@pytest.mark.parametrize(("word", "room"), [("", 50 * GIB), ("2.5", int(2.5 * GIB)), ("0", 0)])
def test_the_room_is_as_the_keeper_says(monkeypatch, word, room):
    monkeypatch.setenv("LANDSINK_COPIES", word)
    assert configured() == room


@pytest.mark.parametrize("word", ["much", "-1", "nan", "inf", "1e30"])
def test_a_room_that_is_none_is_told(monkeypatch, word):
    monkeypatch.setenv("LANDSINK_COPIES", word)
    with pytest.raises(DataError, match="LANDSINK_COPIES"):
        configured()
