"""Bytes by key in a folder and in S3; death in the middle of an ingest into S3 and PostgreSQL; copies and sweeps."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from landsink.catalogue import Catalogue, verify
from landsink.catalogue.blobs import blobs, download, upload
from landsink.core.errors import DataError
from tests.catalogue import plots
from tests.catalogue.plots import GRID, SOIL, cube, said, shelf, table
from tests.catalogue.test_catalogue import described, item, run_folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["folder", "s3"])
def held(request, tmp_path):
    return blobs("" if request.param == "folder" else request.getfixturevalue("s3"), tmp_path / "blobs")


def test_what_is_put_is_got_whole_or_in_parts(held, tmp_path):
    held.put("a/one", b"0123456789")
    (tmp_path / "file").write_bytes(b"abc")
    held.put("a/b/two", tmp_path / "file")
    held.put("ab", b"")
    assert held.get("a/one") == b"0123456789"
    assert [held.get("a/one", 2, 5), held.get("a/one", 7), held.get("a/one", 5, 5)] == [b"234", b"789", b""]
    assert sorted((b.key, b.size) for b in held.list("a")) == [("a/b/two", 3), ("a/one", 10)]
    assert (held.size("a/one"), held.has("a/one"), held.has("a"), held.has("none")) == (
        10,
        True,
        False,
        False,
    )
    held.put("a/one", b"new")
    assert held.get("a/one") == b"new"
    held.delete(["a/one", "ab"])
    held.delete([])
    assert [b.key for b in held.list("")] == ["a/b/two"]
    for ask in (held.get, held.size):
        with pytest.raises(FileNotFoundError):
            ask("a/one")


def test_many_files_go_up_and_come_down(held, tmp_path):
    files = {f"many/{n}": tmp_path / f"up-{n}" for n in range(20)}
    for n, path in enumerate(files.values()):
        path.write_bytes(bytes([n]) * n)
    upload(held, files)
    down = {key: tmp_path / "down" / key for key in files}
    download(held, down)
    assert [p.read_bytes() for p in down.values()] == [p.read_bytes() for p in files.values()]


def test_a_store_that_is_none_or_not_there_is_said(tmp_path, s3, monkeypatch):
    for wrong in ("http://host/a", "s3://", "/folder", "file:///etc"):
        with pytest.raises(DataError, match="LANDSINK_STORE"):
            blobs(wrong, tmp_path)
    with pytest.raises((DataError, FileNotFoundError)):
        blobs("s3://bucket-that-nobody-made", tmp_path).put("a", b"")


@pytest.fixture
def far(postgres, s3, monkeypatch):
    monkeypatch.setenv("LANDSINK_DATABASE", postgres)
    monkeypatch.setenv("LANDSINK_STORE", s3)


@pytest.fixture
def far_by_sqlite(s3, monkeypatch):
    monkeypatch.setenv("LANDSINK_STORE", s3)


def keys(store: Catalogue) -> list[str]:
    return sorted(b.key.split("/")[0] for b in store.blobs.list(""))


def test_what_one_machine_takes_in_the_other_reads(tmp_path, far, monkeypatch):
    one, two = shelf(tmp_path / "one"), shelf(tmp_path / "two")
    path = table(tmp_path)
    made = one.ingest(path, SOIL, said())
    cube(tmp_path).to_zarr(tmp_path / "flux.zarr", consolidated=False)
    folder = one.ingest(tmp_path / "flux.zarr", GRID, said())
    assert [i.id for i in two.list()] == [i.id for i in one.list()]
    assert two.path(made.id).read_bytes() == path.read_bytes()
    content = two.content(made.id)
    assert (content.size, content.media) == (path.stat().st_size, "text/csv")
    assert content.read(5, 9) == path.read_bytes()[5:9]
    assert b"".join(content.blocks()) == path.read_bytes()
    assert sorted(p.name for p in two.path(folder.id).iterdir()) == sorted(
        p.name for p in (tmp_path / "flux.zarr").iterdir()
    )
    with pytest.raises(DataError, match="folder of many files"):
        two.content(folder.id)
    assert verify(two).faults == () and verify(two).objects == 2
    # Both copies are in use, until they were not asked for long enough.
    assert two.objects.trim(0) == 0
    monkeypatch.setattr("landsink.catalogue.copies.LEASE_SECONDS", 0.0)
    assert two.objects.trim(0) > 0
    assert not list((tmp_path / "two/home/objects/copies").rglob("data.*"))
    assert two.path(made.id).is_file()


def test_an_embargo_holds_for_bytes_in_s3(tmp_path, far):
    store = shelf(tmp_path)
    name = store.ingest(table(tmp_path), SOIL, said(embargo="2999-01-01")).id
    for ask in (store.path, store.content):
        with pytest.raises(DataError, match="embargo"):
            ask(name)


@pytest.mark.parametrize("how", ["far", "far_by_sqlite"])
def test_a_run_goes_to_the_store_with_its_bytes(tmp_path, how, request):
    request.getfixturevalue(how)
    store = plots.store(tmp_path / "home")
    first = store.add(item(tmp_path))
    shutil.rmtree(tmp_path / "one")
    read = store.get(first.id)
    assert store.asset(read, "scores").read_text() == "variable,score\n"
    assert (store.path(first.id) / "nee" / "c0").read_bytes() == b"\x01\x02"
    (run_folder(tmp_path) / "scores.csv").write_text("variable,score\nnee,1\n")
    (tmp_path / "one" / "record.json").write_text("{}")
    store.add(described(tmp_path / "one"))
    assert store.asset(store.get(first.id), "scores").read_text().endswith("nee,1\n")
    assert store.get(first.id).properties["created"] == first.properties["created"]
    assert verify(store).faults == ()
    # What was replaced (three files) stays for its readers, for a while.
    assert len(list(store.blobs.list("objects"))) == 3 + 4
    assert store.sweep() == []


def test_rot_and_loss_in_s3_are_named(tmp_path, far):
    store = shelf(tmp_path)
    names = [store.ingest(table(tmp_path, first=n), SOIL, said()).id for n in range(4)]
    found = {b.key.split("/")[1]: b.key for b in store.blobs.list("objects")}
    store.blobs.put(found[names[0]], b"rot")
    store.blobs.delete([found[names[1]]])
    store.blobs.delete([f"manifests/{names[2]}.json"])
    assert {f.id for f in verify(store).faults} == set(names[:3])
    store.blobs.delete([f"items/{names[3]}.json"])
    assert store.sweep() == [
        f"removed {names[3]}, which nobody describes",
        f"forgot {names[3]}, whose description is gone",
    ]
    assert names[3] not in {b.key.split("/")[1] for b in store.blobs.list("objects")}


def test_what_is_refused_leaves_nothing_in_the_store(tmp_path, far):
    store = shelf(tmp_path)
    first = store.ingest(table(tmp_path, first=1), SOIL, said()).id
    store.ingest(table(tmp_path, first=2), SOIL, said(previous=first))
    before = keys(store)
    forged = store.get(first).clone()
    forged.id, forged.properties["landsink:previous"] = "f" * 24, first
    for work in (
        lambda: store.ingest(table(tmp_path, first=3), SOIL, said(previous=first)),
        lambda: store.add(forged),
        lambda: store.ingest(table(tmp_path, first=4), SOIL, said(title="")),
    ):
        with pytest.raises(DataError):
            work()
    assert keys(store) == before
    assert not verify(store).faults


KILLED = """
import os, signal, sys, time
from pathlib import Path
import sqlalchemy as sa
from sqlalchemy import event
from landsink.catalogue import verify
from landsink.catalogue.blobs import Bucket
from tests.catalogue.plots import SOIL, said, shelf, table
root, step = Path(sys.argv[1]), int(sys.argv[2])

def dying(kill_at):
    count = 0
    def moment(*_):
        nonlocal count
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
    for name in ("get", "size", "put", "list", "delete"):
        def wrapped(self, *given, told=getattr(Bucket, name)):
            moment()
            made = told(self, *given)
            moment()
            return made
        setattr(Bucket, name, wrapped)
    event.listen(sa.Engine, "before_cursor_execute", moment)
    event.listen(sa.Engine, "commit", moment)

def ingest(kill_at):
    dying(kill_at)
    shelf(root).ingest(root / "stocks.csv", SOIL, said())

def whole(_):
    # Before anything is swept, a reader sees the object whole or not at all.
    store = shelf(root)
    for item in store.list():
        assert store.content(item.id).read(0, 10**6) == (root / "stocks.csv").read_bytes()

def swept(_):
    store = shelf(root)
    for _ in range(100):
        store.sweep()
        if not list(store.blobs.list("incoming")):
            break
        time.sleep(0.1)  # until the database has seen the death
    found = store.list()
    tops = sorted(b.key.split("/")[0] for b in store.blobs.list(""))
    assert tops == sorted(["items", "manifests", "objects"] * len(found)), tops
    assert not verify(store).faults, verify(store)
    sys.exit(10 + len(found))

def gone(_):
    store = shelf(root)
    for item in store.list():
        store.blobs.delete([f"items/{item.id}.json"])
    store.sweep()
    assert not list(store.blobs.list(""))

def forked(work, at=0):
    # This process itself talks to nobody, so that its children begin clean.
    child = os.fork()
    if child == 0:
        try:
            work(at)
            os._exit(0)
        except SystemExit as end:
            os._exit(end.code)
        except BaseException as error:
            sys.stderr.write(f"{work.__name__} at {at}: {error!r}\\n")
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

table(root)
at, died, after = 1, 0, 0
while True:
    ended = forked(ingest, at)
    assert ended in (0, -signal.SIGKILL), (at, ended)
    assert forked(whole) == 0, at
    left = forked(swept)
    assert left in (10, 11), (at, left)
    after += left == 11
    if ended == 0:
        assert left == 11
        break
    died += 1
    assert forked(gone) == 0, at
    at += step
print(died, after)
"""


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_in_the_middle_nothing_half_written_is_seen_and_the_next_sweep_cleans(tmp_path, far, step):
    env = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])}
    line = [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path), str(step)]
    ended = subprocess.run(line, env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    died, after = map(int, ended.stdout.split())
    assert died >= 3
    assert 1 <= after <= died
