"""Sudden death, full disks and rot, of real servers: nothing half-written is seen, and what is wrong is named."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from landsink.catalogue import Catalogue, verify
from landsink.catalogue import Specification as Specified
from landsink.portal.accounts.store import Accounts
from tests.catalogue.plots import SAID, said, table
from tests.house import tree
from tests.portal import gridded

# A server that dies at the n-th opening, renaming or removing below its home after the file `moment` says n.
MORTAL = """
import os, signal, sys
home, moment, count = os.environ["LANDSINK_HOME"], os.environ["MOMENT"], 0
touches = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "sqlite3.connect"}
def hook(event, arguments):
    global count
    if event in touches and any(os.fsdecode(a).startswith(home) for a in arguments[:2] if type(a) in (str, bytes)):
        try:
            limit = int(os.readlink(moment))
        except OSError:
            return
        count += 1
        if count == limit:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
from landsink.cli import app
app()
"""
# A server whose jobs only wait.
TOILING = """
import sys
from pathlib import Path
from landsink.catalogue import Catalogue
from landsink.portal import Context, Settings, server
from tests.portal.labour import Toil, command
settings, root = Settings(port=0), Path(sys.argv[1])
bound = server.bind(settings)
where = server.address(settings, bound)
said = lambda: print("API", where + "/api", "\\nCtrl-C ends it.", flush=True)
server.serve(Context(Catalogue(root), settings, Toil()), bound, command(root, "worker"), 1, said)
"""


class Served:
    """A server of a home as a process of its own, that can be killed at a moment; `base` is its address."""

    def __init__(self, home: Path, *command: str) -> None:
        self.home, self.moment = home, home.parent / "moment"
        self.moment.unlink(missing_ok=True)
        said = ("-c", MORTAL, "serve", "--port", "0", "--no-browser", "--no-worker", "--home", str(home))
        env = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(tree.SOURCE.parent), str(tree.ROOT)]),
            "LANDSINK_HOME": str(home), "MOMENT": str(self.moment), "COLUMNS": "300",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, *(command or said)],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        (where,) = [line.split()[1] for line in lines if line.startswith("API")]
        self.base = where.removesuffix("/api")
        self.ask = httpx.Client(base_url=self.base, timeout=60)

    def die_at(self, moment: int) -> None:
        """Let it die at the n-th touch of its home from now on."""
        # A link is made in one step, and read without opening anything.
        self.moment.symlink_to(str(moment))

    def kill(self) -> None:
        """End it outright."""
        self.process.kill()
        self.ended()

    def ended(self) -> None:
        """Wait until it is dead, and see that it was killed."""
        assert self.process.wait(60) == -signal.SIGKILL
        self.process.stdout.close()
        self.ask.close()


@pytest.fixture(autouse=True)
def buried():
    """No server outlives its test, however that ends."""
    yield
    for child in psutil.Process().children():
        child.kill()
        child.wait()


def files(home: Path) -> set[str]:
    """Every file of a home but databases, locks and what stands by for an upload."""
    found = {p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file()}
    return {f for f in found if "sqlite" not in f and not f.endswith(("lock", "state.json"))}


def known(home: Path) -> dict[str, str]:
    """The headers of a contributor."""
    accounts = Accounts(Catalogue(home).database)
    accounts.add("jane", "contributor", "a few plain words")
    return {"Authorization": f"Bearer {accounts.make_token('jane', 'test', ('read', 'write', 'run'))[0]}"}


def place(served: Served, who: dict[str, str]) -> str:
    """A place for a table."""
    body = {"filename": "stocks.csv", "specification": "soil-stocks", "metadata": SAID}
    return served.ask.post("/api/uploads", json=body, headers=who).raise_for_status().headers["location"]


def half_sent(served: Served, where: str, who: dict[str, str]) -> None:
    """Send half of a file, and let the server die while the rest is awaited."""
    asked = http.client.HTTPConnection(served.base.removeprefix("http://"))
    asked.putrequest("PUT", f"{where}/content")
    for name, value in (who | {"Content-Length": str(4 << 20)}).items():
        asked.putheader(name, value)
    asked.endheaders()
    asked.send(b"plot,date\n" * (2 << 17))
    folder = served.home / "uploads" / where.rpartition("/")[2]
    deadline = time.monotonic() + 30
    while not (folder / "content.csv").exists() or not (folder / "content.csv").stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    served.kill()
    asked.close()


def killed_at(home: Path, source: bytes, moments: list[int]) -> list[int]:
    """Kill servers at these moments of an ingest; how many objects each successor showed."""
    who, seen = known(home), []
    served = Served(home)
    where = place(served, who)
    half_sent(served, where, who)
    served = Served(home)
    assert files(home) == set(), "the half of the file is still there"
    assert served.ask.get("/api/objects").json()["total"] == 0
    served.ask.put(f"{where}/content", content=source, headers=who).raise_for_status()
    for moment in moments:
        served.die_at(moment)
        try:
            answer = served.ask.post(f"{where}/ingest", headers=who)
            assert answer.status_code in (201, 409)
            served.kill()
        except httpx.TransportError:
            served.ended()
        served = Served(home)
        total = served.ask.get("/api/objects?q=valley").json()["total"]
        seen.append(total)
        kept = {f for f in files(home) if not f.startswith("uploads/")}
        assert len(kept) == 2 * total, kept
        assert not verify(Catalogue(home)).faults
        if served.ask.get(where, headers=who).status_code == 404:
            break
    else:
        answer = served.ask.post(f"{where}/ingest", headers=who)
        assert answer.status_code == 201, answer.text
    (item,) = served.ask.get("/api/objects?q=valley").json()["items"]
    assert served.ask.get(f"/api/objects/{item['id']}/data").content == source
    served.kill()
    return seen


def test_a_server_killed_while_it_takes_a_file_in_leaves_no_half(tmp_path):
    assert killed_at(tmp_path / "home", table(tmp_path / "in").read_bytes(), [12]) == [0]


@pytest.mark.slow
def test_a_server_killed_at_many_moments_of_an_ingest_leaves_no_half(tmp_path):
    seen = killed_at(tmp_path / "home", table(tmp_path / "in").read_bytes(), [*range(2, 60, 4)])
    assert seen == sorted(seen) and seen[0] == 0


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 24 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"No disk can be mounted here: {made.stderr.strip()}.")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill a disk to its last byte."""
    with (folder / "ballast").open("wb", buffering=0) as out:
        for block in (1 << 20, 4096, 1):
            try:
                while out.write(bytes(block)) == block:
                    pass
            except OSError:
                continue
    return folder / "ballast"


def test_a_full_disk_is_told_keeps_nothing_and_heals(small_disk, tmp_path):
    home, source = small_disk / "home", table(tmp_path / "in").read_bytes()
    who = known(home)
    served = Served(home)
    first, second = place(served, who), place(served, who)
    served.ask.put(f"{first}/content", content=source, headers=who).raise_for_status()
    ballast = fill(small_disk)
    for method, path, more in (
        ("PUT", f"{second}/content", {"content": source}),
        ("POST", f"{first}/ingest", {}),
        ("POST", "/api/uploads", {"json": {"filename": "a.csv", "metadata": SAID}}),
    ):
        answer = served.ask.request(method, path, headers=who, **more)
        assert answer.status_code in (503, 507), (path, answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json" and str(home) not in answer.text
    # What is there is read on.
    listed = served.ask.get("/api/objects")
    assert listed.status_code == 200, listed.text
    assert listed.json()["total"] == 0 and served.ask.get("/api/health").status_code == 200
    assert not [f for f in files(home) if f.startswith(("objects", "items"))]
    ballast.unlink()
    assert served.ask.post(f"{first}/ingest", headers=who).status_code == 201
    served.kill()
    assert not verify(Catalogue(home)).faults


def flip(path: Path) -> None:
    """Turn one bit of a file."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_verify_names_the_object_and_the_release_that_rotted(tmp_path):
    catalogue, page = Catalogue(tmp_path / "home"), tmp_path / "page"
    page.mkdir()
    product, _ = gridded.publish(catalogue, tmp_path, page, gridded.product())
    good = catalogue.ingest(table(tmp_path / "a"), Specified.read("soil-stocks"), said())
    bad = catalogue.ingest(table(tmp_path / "b", first=1), Specified.read("soil-stocks"), said())
    flip(catalogue.path(bad.id))
    release = catalogue.root / "releases" / product
    rotten = min(p for p in (release / "map" / "gpp" / "c").rglob("*") if p.is_file())
    flip(rotten)
    env = os.environ | {"PYTHONPATH": str(tree.SOURCE.parent), "LANDSINK_HOME": str(catalogue.root)}
    said_ = [sys.executable, "-c", "from landsink.cli import app; app()", "verify", "--json"]
    done = subprocess.run(said_, env=env, capture_output=True, text=True)
    found = {(f["id"], f["where"]) for f in json.loads(done.stdout)["faults"]}
    assert done.returncode == 3
    assert (
        found == {(bad.id, "data"), (product, f"release, {rotten.relative_to(release).as_posix()}")}
        and good.id != bad.id
    )


def until(ask, path: str, what) -> dict:
    """Wait until what a path answers holds."""
    deadline = time.monotonic() + 60
    while not what(page := ask.get(path).json()):
        assert time.monotonic() < deadline, page
        time.sleep(0.05)
    return page


def test_a_server_killed_during_a_job_goes_on_with_it_or_says_that_it_failed(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    served = Served(home, "-c", TOILING, str(home))
    asked = [
        served.ask.post("/api/processes/toil/execution", json={"inputs": inputs})
        for inputs in ({"steps": 30}, {"steps": 1, "how": "fail"})
    ]
    runs, fails = (urlsplit(answer.headers["location"]).path for answer in asked)
    until(served.ask, runs, lambda job: job["progress"] >= 20)
    served.kill()
    served = Served(home, "-c", TOILING, str(home))
    done = until(served.ask, runs, lambda job: job["status"] in ("successful", "failed"))
    assert done["status"] == "successful", done
    # It went on from the step that it had done, and did not begin anew.
    begun = int((home / "jobs" / f"{done['jobID']}.product").read_text().split()[0])
    assert begun >= 5
    failed = until(served.ask, fails, lambda job: job["status"] in ("successful", "failed"))
    assert failed["status"] == "failed" and "soil is missing" in failed["message"]
    served.kill()
    shutil.rmtree(home, ignore_errors=True)
