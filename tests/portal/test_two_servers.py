"""Two servers, each a process with a folder of its own, on one PostgreSQL and one S3 store: one catalogue."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from landsink.catalogue import Catalogue, Specification, verify
from landsink.portal import Context
from tests.portal.postgres import postgres, postgres_server
from tests.portal.s3 import s3, s3_server
from tests.portal.small import SAID, said, table

__all__ = ["postgres", "postgres_server", "s3", "s3_server"]
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120.0


@pytest.fixture
def start(tmp_path: Path, postgres: str, s3: str) -> Iterator[Callable[[str, str], subprocess.Popen]]:
    """Starts a process ('serve', 'work') of a machine ('one', 'two'), which says a line when it is ready."""
    begun: list[subprocess.Popen] = []

    def begin(machine: str, what: str) -> subprocess.Popen:
        env = os.environ | {
            "LANDSINK_DATABASE": postgres,
            "LANDSINK_STORE": s3,
            "LANDSINK_HOME": str(tmp_path / machine / "home"),
            "PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)]),
        }
        line = [sys.executable, "-W", "ignore", "-m", "tests.portal.two_servers", what]
        begun.append(subprocess.Popen(line, env=env, stdout=subprocess.PIPE, text=True))
        return begun[-1]

    yield begin
    for process in begun:
        process.terminate()
    for process in begun:
        process.wait(30)
        process.stdout.close()


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


def runs(client: httpx.Client, text: str) -> dict:
    """Ask one server for a job, and wait until it has ended."""
    asked = client.post("/api/processes/note/execution", json={"inputs": {"text": text}})
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
    begun = [start("one", "serve"), start("two", "serve"), start("two", "work")]
    where = [process.stdout.readline().strip() for process in begun]
    who = {"Authorization": f"Bearer {secret}"}
    with (
        httpx.Client(base_url=where[0], timeout=60, headers=who) as one,
        httpx.Client(base_url=where[1], timeout=60, headers=who) as two,
    ):
        for client in (one, two):
            reads(client, taken.id, "soil vall", path.read_bytes())
        content = table(tmp_path, first=8300).read_bytes()
        reads(two, uploads(one, content), "brought", content)
        told = runs(one, "by the other")
        assert two.get(f"/api/jobs/{told['job']}").json()["status"] == "successful"
        # It was made in the folder of the second machine, and the first hands its bytes out.
        product = told["product"]["href"].rsplit("/", 1)[1]
        reads(one, product, "note", b"by the other\ntwo\n")
    assert verify(shelf).faults == ()
    assert verify(shelf).objects == 3
