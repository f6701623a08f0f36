"""Two servers, each a process with a folder of its own, on one PostgreSQL and one S3 store: one catalogue."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from landsink.case import load, run
from landsink.catalogue import Catalogue, Specification, verify
from landsink.portal import Context
from tests.case.small import TWIN, page
from tests.catalogue.plots import SAID, said, table
from tests.portal.postgres import postgres, postgres_server
from tests.portal.s3 import s3, s3_server

__all__ = ["postgres", "postgres_server", "s3", "s3_server"]
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120.0


TOYS = ("-m", "tests.portal.two_servers")
LANDSINK = ("-c", "from landsink.cli import app; app()", "serve", "--port", "0", "--no-browser")
FREE = ("assimilate.free=WarmDecay.*", "assimilate.iterations=2", "assimilate.ensemble_iterations=1",
        "assimilate.starts=1", "assimilate.tune=false", "assimilate.folds=0")  # fmt: skip
BOX = [0.0, 40.0, 20.0, 56.0]


@pytest.fixture
def start(tmp_path: Path, postgres: str, s3: str) -> Iterator[Callable[..., Path]]:
    """Starts a process of a machine ('one', 'two'); what it says goes into the file that is returned."""
    begun: list[subprocess.Popen] = []

    def begin(machine: str, *words: str) -> Path:
        env = os.environ | {
            "LANDSINK_DATABASE": postgres,
            "LANDSINK_STORE": s3,
            "LANDSINK_HOME": str(tmp_path / machine / "home"),
            "PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)]),
        }
        path = tmp_path / f"said-{len(begun)}"
        with open(path, "w") as told:
            line = [sys.executable, "-W", "ignore", *words]
            begun.append(subprocess.Popen(line, env=env, stdout=told, stderr=told))
        return path

    yield begin
    for process in begun:
        process.terminate()
    for process in begun:
        assert process.wait(30) in (0, -signal.SIGTERM)


def heard(path: Path, pattern: str) -> str:
    """What a process says that matches, as soon as it is said."""
    until = time.monotonic() + PATIENCE_SECONDS
    while (found := re.search(pattern, path.read_text())) is None:
        assert time.monotonic() < until, path.read_text()
        time.sleep(0.1)
    return found[0]


def patiently(ask: Callable[[], httpx.Response], done: Callable[[dict], bool]) -> dict:
    until = time.monotonic() + PATIENCE_SECONDS
    while not done(page := ask().raise_for_status().json()):
        assert time.monotonic() < until, page
        time.sleep(0.2)
    return page


def reads(client: httpx.Client, name: str, words: str, content: bytes) -> None:
    """A server finds an object by words, lists it, and hands its bytes out, whole and in parts."""
    page = client.get("/api/objects", params={"q": words}).raise_for_status().json()
    assert [i["id"] for i in page["items"]] == [name]
    assert name in {i["id"] for i in client.get("/api/objects").json()["items"]}
    assert client.get(f"/api/objects/{name}").raise_for_status().json()["id"] == name
    assert client.get(f"/api/objects/{name}/data").raise_for_status().content == content
    part = client.get(f"/api/objects/{name}/data", headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, content[5:10])


def uploads(client: httpx.Client, content: bytes) -> str:
    """Take a table in by one server; its identifier."""
    asked = {
        "filename": "stocks.csv",
        "specification": "soil-stocks",
        "metadata": SAID | {"title": "Brought"},
    }
    begun = client.post("/api/uploads", json=asked)
    assert begun.status_code == 201, begun.text
    at = f"/api/uploads/{begun.json()['id']}"
    client.put(f"{at}/content", content=content).raise_for_status()
    made = client.post(f"{at}/ingest")
    assert made.status_code == 201, made.text
    return made.json()["id"]


def runs(client: httpx.Client, process: str, inputs: dict) -> dict:
    """Ask one server for a job, and wait until it has ended."""
    asked = client.post(f"/api/processes/{process}/execution", json={"inputs": inputs})
    assert asked.status_code == 201, asked.text
    job = asked.headers["location"].rsplit("/", 1)[1]
    ended = patiently(
        lambda: client.get(f"/api/jobs/{job}"), lambda p: p["status"] in ("successful", "failed")
    )
    assert ended["status"] == "successful", ended
    return client.get(f"/api/jobs/{job}/results").raise_for_status().json() | {"job": job}


def test_two_servers_are_one_catalogue_and_the_worker_of_one_runs_the_jobs_of_the_other(
    tmp_path, postgres, s3, start
):
    shelf = Catalogue(tmp_path / "third" / "home", server=postgres, store=s3)
    path = table(tmp_path)
    taken = shelf.ingest(path, Specification.read("soil-stocks"), said())
    accounts = Context(shelf).accounts
    accounts.add("jane", "contributor", "a long word of hers")
    secret, _ = accounts.make_token("jane", "test", ("read", "write", "run"))
    begun = [start("one", *TOYS, "serve"), start("two", *TOYS, "serve"), start("two", *TOYS, "work")]
    where = [heard(path, r"http://\S+|working") for path in begun]
    who = {"Authorization": f"Bearer {secret}"}
    with (
        httpx.Client(base_url=where[0], timeout=60, headers=who) as one,
        httpx.Client(base_url=where[1], timeout=60, headers=who) as two,
    ):
        for client in (one, two):
            reads(client, taken.id, "soil vall", path.read_bytes())
        content = table(tmp_path, first=8300).read_bytes()
        reads(two, uploads(one, content), "brought", content)
        told = runs(one, "note", {"text": "by the other"})
        assert two.get(f"/api/jobs/{told['job']}").json()["status"] == "successful"
        # It was made in the folder of the second machine, and the first hands its bytes out.
        product = told["product"]["href"].rsplit("/", 1)[1]
        reads(one, product, "note", b"by the other\ntwo\n")
    assert verify(shelf).faults == ()
    assert verify(shelf).objects == 3


@pytest.mark.slow  # two servers, a worker and a job that load the model, beside the run that is experimented on
def test_an_experiment_asked_of_one_landsink_serve_is_run_by_the_worker_of_the_other(
    tmp_path, postgres, s3, start, monkeypatch
):
    for name, value in (("DATABASE", postgres), ("STORE", s3), ("HOME", str(tmp_path / "third" / "home"))):
        monkeypatch.setenv(f"LANDSINK_{name}", value)
    shelf = Catalogue.configured()
    more = TWIN.replace("[observe.nee]", "[observe.nee]\nsmooth = 1")
    made = run(load(str(page(tmp_path, more)), FREE), tmp_path / "out", None, lambda what, share: None)
    # From here on only the store has it.
    shutil.rmtree(tmp_path / "out")
    base = shelf.get(made.record).id
    accounts = Context(shelf).accounts
    accounts.add("jane", "contributor", "a long word of hers")
    secret, _ = accounts.make_token("jane", "test", ("read", "write", "run"))
    said_by = [start("one", *LANDSINK, "--no-worker"), start("two", *LANDSINK)]
    where = [heard(path, r"http://[\d.:]+(?=/api\n)") for path in said_by]
    who = {"Authorization": f"Bearer {secret}"}
    with (
        httpx.Client(base_url=where[0], timeout=60, headers=who) as one,
        httpx.Client(base_url=where[1], timeout=60, headers=who) as two,
    ):
        content = table(tmp_path, first=8300).read_bytes()
        reads(two, uploads(one, content), "brought", content)
        told = runs(one, "experiment", {"base": base, "bbox": BOX,
                                        "parameters": {"WarmDecay.k_young": {"factor": 1.5}}})  # fmt: skip
        name = told["product"]["href"].rsplit("/", 1)[1]
        for client in (one, two):
            assert {i["id"] for i in client.get("/api/objects").json()["items"]} >= {base, name}
            assert {p["id"] for p in client.get("/api/products").raise_for_status().json()} == {base, name}
        asked = {"bbox": ",".join(map(str, BOX)), "variable": "cSoil"}
        means = [
            [
                c.get(f"/api/products/{n}/statistics", params=asked).raise_for_status().json()["period"]
                for n in (base, name)
            ]
            for c in (one, two)
        ]
        assert means[0] == means[1]
        control, changed = (period["value"] for period in means[0])
        assert changed < 0.95 * control
        raw = [c.get(f"/zarr/{name}/map/cSoil/c/0/0/0").raise_for_status().content for c in (one, two)]
        assert raw[0] == raw[1] != b""
    assert not (tmp_path / "one" / "home" / "jobs").exists()
    assert verify(shelf).faults == ()
