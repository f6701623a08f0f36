"""Crowds, sudden death, full disks, rot and malice: nothing half-written is seen, what is rejected leaves nothing."""

import fcntl
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pystac
import pytest

from landsink.catalogue import Catalogue, Limits, Rejected, verify
from landsink.core.errors import DataError, UnknownName
from tests.catalogue.plots import GRID, SOIL, cube, left, said, shelf, table

ROOT = Path(__file__).resolve().parents[2]
START = """
import os, resource, shutil, signal, sys
from pathlib import Path
from tests.catalogue.plots import SOIL, cube, left, said, shelf, table
from landsink.catalogue import verify
from landsink.core.errors import DataError
root = Path(sys.argv[1])
"""


def start(code: str, root: Path) -> subprocess.Popen:
    env = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", START + code, str(root)], env=env, stdout=pipe, stderr=pipe, text=True
    )


def ended(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


KILLED = """
place = str(root / "home")

def ingest(kill_at):
    # Every opening, renaming and removing below the catalogue is a moment to die at.
    count = 0
    def hook(event, arguments):
        nonlocal count
        if any(isinstance(a, (str, Path)) and str(a).startswith(place) for a in arguments[:2]):
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    shelf(root).ingest(root / "stocks.csv", SOIL, said())
    return count

def forked(kill_at):
    child = os.fork()
    if child == 0:
        ingest(kill_at)
        os._exit(0)
    return os.waitpid(child, 0)[1]

store = shelf(root)
store.ingest(table(root, "other.csv", first=1), SOIL, said())
table(root)
moments = died = after = 0
while True:
    moments += 1
    status = forked(moments)
    # Before anything is swept, a reader sees the object whole or not at all.
    seen = [i.id for i in store.list()]
    for name in seen:
        assert store.path(name).stat().st_size > 0
    # Trying again at once, before any sweep, trusts no half of what the dead one left.
    shutil.copytree(root / "home", root / "twin" / "home")
    twin = shelf(root / "twin")
    twin.ingest(root / "stocks.csv", SOIL, said())
    assert not verify(twin).faults, (moments, verify(twin))
    shutil.rmtree(root / "twin")
    store.sweep()
    assert not verify(store).faults, (moments, verify(store))
    found = store.list()
    assert len(left(root / "home")) == 2 * len(found), (moments, left(root / "home"))
    after += len(found) == 2
    died += status == signal.SIGKILL
    if status != signal.SIGKILL:
        assert status == 0 and len(found) == 2, status
        break
    made = store.ingest(root / "stocks.csv", SOIL, said())
    assert store.path(made.id).is_file()
    # Away with it, for the next death.
    (root / "home" / "items" / f"{made.id}.json").unlink()
    store.sweep()
    assert len(store.list()) == 1
print(moments, died, after)
"""


def test_killed_at_any_moment_of_an_ingest_nothing_half_written_is_seen(tmp_path):
    moments, died, after = map(int, ended(start(KILLED, tmp_path)).split())
    assert died == moments - 1
    assert moments > 10, moments
    # Some deaths come before the object counts as taken in, and some after.
    assert 1 <= after < moments


FULL = """
table(root, "large.csv")
with (root / "large.csv").open("a") as out:
    for n in range(3000):
        out.write(f"P{n},2019-06-01,51.0,13.5,0,30,{n}\\n")
table(root, "small.csv")
# The large table does not fit; the small one does, and the index does not.
cases = [("large.csv", n) for n in (0, 1, 100, 4096, 20000, 60000)]
cases += [("small.csv", n) for n in (0, 1000, 20000, 40000, 60000)]
told = 0
for name, limit in cases:
    for known in (False, True):
        home = root / f"{name}-{limit}-{known}"
        if known:
            shelf(home).ingest(table(root, "other.csv", first=1), SOIL, said())
        before = left(home / "home")
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                shelf(home).ingest(root / name, SOIL, said())
            except DataError as error:
                os._exit(7 if "room" in str(error) and "othing" in str(error) else 8)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 7, (name, limit, known, status)
        told += 1
        assert left(home / "home") == before, (limit, left(home / "home"))
        assert len(shelf(home).list()) == known
        made = shelf(home).ingest(root / name, SOIL, said())
        assert not verify(shelf(home)).faults
print(told)
"""


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    assert int(ended(start(FULL, tmp_path))) == 22


CROWD = """
made = [shelf(root).ingest(root / name, SOIL, said()).id for name in ("a.csv", "b.csv", "a.csv")]
print(*made)
"""


def test_processes_that_take_in_the_same_object_agree(tmp_path):
    table(tmp_path, "a.csv", 1), table(tmp_path, "b.csv", 2)
    said_ids = {ended(p) for p in [start(CROWD, tmp_path) for _ in range(3)]}
    assert len(said_ids) == 1
    store = shelf(tmp_path)
    assert len(store.list()) == 2
    assert not verify(store).faults
    assert len(left(tmp_path / "home")) == 4


def test_threads_that_take_in_the_same_objects_agree(tmp_path):
    store, failed = shelf(tmp_path), []
    paths = [table(tmp_path, f"{n}.csv", n) for n in range(3)]

    def work() -> None:
        try:
            for path in paths:
                store.ingest(path, SOIL, said())
                store.sweep()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert failed == []
    assert len(store.list()) == 3
    assert not verify(store).faults
    assert len(left(tmp_path / "home")) == 6


def test_a_sweep_leaves_alone_who_is_about_to_lock(tmp_path, monkeypatch):
    store, swept, held = shelf(tmp_path), [], fcntl.flock

    def flock(handle: int, how: int) -> None:
        if how == fcntl.LOCK_EX and not swept:  # the moment between making the lock and holding it
            swept.append(1)
            store.objects.sweep()
        held(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with store.objects.staging() as folder:
        assert swept and folder.is_dir()


def test_a_sweep_leaves_the_living_alone(tmp_path):
    store = shelf(tmp_path)
    with store.objects.staging() as folder:
        (folder / "object").mkdir()
        assert store.sweep() == []
        assert (folder / "object").is_dir()
    assert not folder.exists()


def test_verify_names_what_is_not_what_it_was(tmp_path):
    store = shelf(tmp_path)
    good = store.ingest(table(tmp_path, first=1), SOIL, said()).id
    bad = store.ingest(table(tmp_path, first=2), SOIL, said()).id
    gone = store.ingest(table(tmp_path, first=3), SOIL, said()).id
    retold = store.ingest(table(tmp_path, first=4), SOIL, said()).id
    cube(tmp_path).to_zarr(tmp_path / "flux.zarr", consolidated=False)
    folder = store.ingest(tmp_path / "flux.zarr", GRID, said()).id
    assert verify(store).faults == ()
    path = store.path(bad)
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    shutil.rmtree(store.path(gone).parent)
    (store.path(folder) / "more").write_text("x")
    page = tmp_path / "home" / "items" / f"{retold}.json"
    page.write_text(page.read_text().replace("valley", "alley"))
    (tmp_path / "home" / "objects" / "stray").mkdir()
    result = verify(store)
    assert result.objects == 5
    assert sorted(f.id for f in result.faults) == sorted([bad, gone, folder, retold, "stray"])
    assert good not in {f.id for f in result.faults}
    assert store.sweep() == ["removed stray, which nobody describes"]


def test_an_object_under_a_forged_name_is_named(tmp_path):
    store = shelf(tmp_path)
    item = store.ingest(table(tmp_path), SOIL, said())
    forged = "A" * 24
    (tmp_path / "home" / "objects" / item.id).rename(tmp_path / "home" / "objects" / forged)
    page = tmp_path / "home" / "items" / f"{item.id}.json"
    (tmp_path / "home" / "items" / f"{forged}.json").write_text(page.read_text().replace(item.id, forged))
    page.unlink()
    store.sweep()
    (fault,) = verify(store).faults
    assert fault.id == forged
    assert "does not follow" in fault.found
    copied, rotten = "B" * 24, "C" * 24
    (tmp_path / "home" / "items" / f"{copied}.json").write_text(page.with_stem(forged).read_text())
    (tmp_path / "home" / "items" / f"{rotten}.json").write_text("{")
    assert [w.split(":")[0] for w in store.sweep()] == [f"left out {copied}", f"left out {rotten}"]
    assert store.reindex() == 1
    assert {f.id for f in verify(store).faults} == {forged, copied, rotten}


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..", "%", "_" * 24, "a' or '1'='1", "\x00", "é"]
)
def test_a_forged_identifier_finds_nothing(tmp_path, name):
    store = shelf(tmp_path)
    store.ingest(table(tmp_path), SOIL, said())
    for ask in (store.get, store.path, store.versions, store.lineage):
        with pytest.raises(UnknownName):
            ask(name)


@pytest.mark.parametrize("name", ["../outside", "a/b", "x" * 65, "short", "a b c d e f g h", "..", "i\n" * 6])
def test_an_item_of_a_forged_identifier_is_not_entered(tmp_path, name):
    item = pystac.Item(name, None, None, shelf(tmp_path).clock(), {"title": "t"})
    with pytest.raises(DataError, match="no identifier"):
        shelf(tmp_path).add(item)
    assert left(tmp_path) == []


def rejected(root: Path, path: Path, spec=SOIL, limits: Limits | None = None) -> str:
    """Why a path is kept out, by trial and by ingest; neither leaves a thing behind."""
    store = Catalogue(root / "home", limits=limits or Limits())
    report = store.try_ingest(path, spec, said())
    assert not report.accepted
    with pytest.raises((Rejected, DataError)):
        store.ingest(path, spec, said())
    assert left(root / "home") == []
    assert not list((root / "home" / "objects").glob("*/*"))
    assert store.list() == []
    return str(report)


def test_links_devices_and_odd_names_stay_out(tmp_path):
    real = table(tmp_path, "real.csv")
    (tmp_path / "link.csv").symlink_to(real)
    assert "symbolic link" in rejected(tmp_path, tmp_path / "link.csv")
    # One that is put there after the look is refused by the system itself.
    objects = shelf(tmp_path).objects
    with pytest.raises(DataError, match="symbolic links"), objects.staging() as folder:
        objects.stage(tmp_path / "link.csv", folder)
    (tmp_path / "lost.csv").symlink_to(tmp_path / "nowhere")
    assert "symbolic link" in rejected(tmp_path, tmp_path / "lost.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "device or a pipe" in rejected(tmp_path, tmp_path / "pipe.csv")
    for name in ("a\nb.csv", "a\u202eb.csv", "a\\b.csv", "x" * 220 + ".csv"):
        shutil.copy(real, tmp_path / name)
        assert "cannot be kept" in rejected(tmp_path, tmp_path / name)
    cube(tmp_path).to_zarr(tmp_path / "flux.zarr", consolidated=False)
    (tmp_path / "flux.zarr" / "secret").symlink_to("/etc/passwd")
    assert "flux.zarr/secret: is a symbolic link" in rejected(tmp_path, tmp_path / "flux.zarr", GRID)
    assert "is not there" in rejected(tmp_path, tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in rejected(tmp_path, tmp_path / "folder.csv")
    assert "by its ending" in rejected(tmp_path, tmp_path / "flux.zarr")


def test_what_is_too_large_stays_out(tmp_path):
    assert "At most 50" in rejected(tmp_path, table(tmp_path), limits=Limits(table=50))
    cube(tmp_path).to_zarr(tmp_path / "flux.zarr", consolidated=False)
    assert "members" in rejected(tmp_path, tmp_path / "flux.zarr", GRID, Limits(members=3))
    assert "bytes" in rejected(tmp_path, tmp_path / "flux.zarr", GRID, Limits(size=100))
    assert "chunks of" in rejected(tmp_path, tmp_path / "flux.zarr", GRID, Limits(chunk=10))


def packed(root: Path, members: dict[str, bytes], mode: int = 0) -> Path:
    path = root / "store.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zarr.json", json.dumps({"zarr_format": 3, "node_type": "group"}))
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return path


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "C:\\evil", "a\\..\\..\\evil"])
def test_a_zip_writes_nothing_outside(tmp_path, name):
    (tmp_path / "in").mkdir()
    assert "below the archive's own top" in rejected(
        tmp_path / "in", packed(tmp_path / "in", {name: b"x"}), GRID
    )
    assert not [p for p in tmp_path.rglob("*") if "evil" in p.name]


def test_zips_that_swell_link_or_lie_stay_out(tmp_path):
    assert "swells" in rejected(tmp_path, packed(tmp_path, {"zeros": bytes(20_000_000)}), GRID)
    assert "link or a device" in rejected(
        tmp_path, packed(tmp_path, {"l": b"/etc/passwd"}, stat.S_IFLNK | 0o777), GRID
    )
    many = {f"m{n}": b"" for n in range(30)}
    assert "31 members" in rejected(tmp_path, packed(tmp_path, many), GRID, Limits(members=20))
    (tmp_path / "store.zip").write_bytes(b"PK\x03\x04 no zip")
    assert "cannot be unpacked" in rejected(tmp_path, tmp_path / "store.zip", GRID)
    with zipfile.ZipFile(tmp_path / "store.zip", "w") as archive:
        archive.writestr("readme", "no store")
    assert "0 Zarr stores" in rejected(tmp_path, tmp_path / "store.zip", GRID)
