"""Whole cases and experiments asked of a real `landsink serve`: queued, run by its workers on a dask cluster, shown."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import xarray as xr

from landsink.case import run
from landsink.case.page import Case
from landsink.catalogue import Catalogue
from landsink.portal import Context
from tests.case import little
from tests.portal.test_jobs import children, gone, needs_proc

distributed = pytest.importorskip("distributed")
# A server, its workers, a cluster, and jobs that each load the model: a minute and a half.
pytestmark = [pytest.mark.slow, needs_proc]
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 240.0
STAGES = {"", "forcing", "best fit", "ensemble", "sites", "scores", "map", "picture"}


class Served:
    """A server with two workers over a home of its own, asked by a contributor."""

    def __init__(self, root: Path, scheduler: str) -> None:
        self.root, self.home = root, root / "home"
        accounts = Context(Catalogue(self.home)).accounts
        accounts.add("jane", "contributor", "a long word of hers")
        secret, _ = accounts.make_token("jane", "test", ("read", "write", "run"))
        env = os.environ | {"LANDSINK_HOME": str(self.home), "LANDSINK_SCHEDULER": scheduler,
                            "PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])}  # fmt: skip
        words = ["-c", "from landsink.cli import app; app()", "serve", "--port", "0", "--no-browser"]
        self.said = root / "said"
        with open(self.said, "w") as file:
            line = [sys.executable, "-W", "ignore", *words, "--workers", "2"]
            self.process = subprocess.Popen(line, env=env, stdout=file, stderr=file)
        until(lambda: re.search(r"http://[\d.:]+(?=/api\n)", self.said.read_text()))
        found = re.search(r"http://[\d.:]+(?=/api\n)", self.said.read_text())
        assert found
        who = {"Authorization": f"Bearer {secret}"}
        self.client = httpx.Client(base_url=found[0], timeout=60, headers=who)

    def end(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(60)

    def post(self, process: str, **inputs: Any) -> httpx.Response:
        return self.client.post(f"/api/processes/{process}/execution", json={"inputs": inputs})

    def get(self, path: str) -> Any:
        return self.client.get(path).raise_for_status().json()

    def job(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 201, answer.text
        return self.get(f"/api/jobs/{answer.json()['jobID']}")

    def follow(self, name: str) -> list[dict[str, Any]]:
        """Every state that a job was seen in, the end last."""
        seen = [self.get(f"/api/jobs/{name}")]
        until_ = time.monotonic() + PATIENCE_SECONDS
        while seen[-1]["status"] in ("accepted", "running"):
            assert time.monotonic() < until_, seen[-1]
            time.sleep(0.1)
            seen.append(self.get(f"/api/jobs/{name}"))
        return seen

    def log(self, name: str) -> str:
        return "\n".join(line["text"] for line in self.get(f"/api/jobs/{name}/log")["lines"])

    def shown(self) -> set[str]:
        return {product["id"] for product in self.get("/api/products")}


def until(what: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A dask worker of this machine."""
    made = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0",
                                    host="127.0.0.1", protocol="tcp")  # fmt: skip
    with made:
        yield made


@pytest.fixture(scope="module")
def served(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("served"), cluster.scheduler_address)
    yield made
    made.end()


@pytest.fixture(scope="module")
def product(served: Served) -> tuple[list[dict[str, Any]], str]:
    """The little case as a job: what was seen of it, and its product."""
    seen = served.follow(served.job(served.post("case", case=little.case()))["jobID"])
    assert seen[-1]["status"] == "successful", (seen[-1], served.log(seen[-1]["jobID"]))
    return seen, seen[-1]["result"]


def test_a_posted_case_is_followed_to_its_end(served, product):
    seen, _ = product
    assert {job["message"] for job in seen} <= STAGES
    assert len({job["message"] for job in seen}) >= 4
    running = [job for job in seen if job["status"] == "running"]
    assert [job["progress"] for job in running] == sorted(job["progress"] for job in running)
    assert all(job["estimate_s"] >= 0 and job["position"] == 0 for job in running)
    log = served.log(seen[-1]["jobID"])
    assert "Tiles of the map run on the dask cluster at tcp://127.0.0.1" in log
    assert "gpp" in log
    assert seen[-1]["progress"] == 100
    until(lambda: not (served.home / "jobs" / seen[-1]["jobID"]).exists())


def test_it_is_the_product_that_landsink_run_makes(served, product, tmp_path, monkeypatch):
    monkeypatch.setenv("LANDSINK_HOME", str(tmp_path / "alone"))
    here = run(Case.model_validate(little.case()), tmp_path / "out", None, lambda what, share: None)
    _, name = product
    where = next(served.home.glob("runs/*/product.zarr"))
    made, asked = (json.loads((p / "record.json").read_text()) for p in (tmp_path / "out", where.parent))
    assert {k: made[k] for k in ("case", "inputs")} == {k: asked[k] for k in ("case", "inputs")}
    # Under one code version they are one record, thus one identifier.
    assert (made["hash"] == asked["hash"]) == (made["code"] == asked["code"])
    assert (here.record, asked["hash"][:12]) == (made["hash"], name)
    with xr.open_zarr(tmp_path / "out" / "product.zarr") as want, xr.open_zarr(where) as found:
        # Cells, members and months of both: every digit.
        xr.testing.assert_equal(found.load(), want.load())
    assert served.shown() == {name}
    series = served.get(f"/api/products/{name}/series?lat=50&lon=10&variable=gpp")
    assert len(series["value"]) == 36


def test_it_has_its_lineage_and_citation(served, product):
    _, name = product
    assert "A little Europe" in served.client.get(f"/api/objects/{name}/citation?form=text").text
    record = served.get(f"/api/objects/{name}/lineage")
    assert name in str(record)
    assert served.get(f"/api/objects/{name}")["properties"]["landsink:generated"] is True


def test_the_same_case_posted_again_is_the_same_job(served, product):
    seen, name = product
    again = served.job(served.post("case", case=little.case()))
    assert (again["jobID"], again["result"]) == (seen[-1]["jobID"], name)


def test_a_hostile_case_is_a_problem_and_no_job(served, product):
    before = served.get("/api/jobs")["total"]
    for case, said in (
        (little.case(domain={"towers": 6, "source": {"kind": "Fluxnet", "path": "/etc"}}), "/etc"),
        (little.case(model={"step": "month", "soil": "os:path"}), "os:path"),
        (little.case(title=""), "'title' has 0 characters"),
    ):
        answer = served.post("case", case=case)
        assert answer.status_code == 422
        assert said in answer.json()["found"]
        assert answer.json()["expected"]
    assert served.get("/api/jobs")["total"] == before


def test_two_experiments_on_one_base_at_once_and_one_dismissed_while_it_waits(served, product):
    _, base = product
    ask = [{"PModel.yield_scale": {"factor": f}} for f in (0.9, 1.1, 0.95)]
    jobs = [served.job(served.post("experiment", base=base, parameters=p))["jobID"] for p in ask]
    last = served.get(f"/api/jobs/{jobs[2]}")
    assert last["status"] == "accepted"
    assert last["estimate_s"] > 0
    assert served.client.delete(f"/api/jobs/{jobs[2]}").json()["status"] == "dismissed"
    ends = [served.follow(name)[-1] for name in jobs]
    assert [job["status"] for job in ends] == ["successful", "successful", "dismissed"], ends
    low, high = (job["result"] for job in ends[:2])
    assert {base, low, high} == served.shown()
    at = "series?lat=50&lon=10&variable=gpp"
    mean = [sum(served.get(f"/api/products/{n}/{at}")["value"]) for n in (low, base, high)]
    assert mean == sorted(mean)
    assert mean[2] > 1.1 * mean[0]
    assert not served.log(jobs[2])


def test_a_case_dismissed_while_it_runs_ends_its_process_and_leaves_nothing(served, product):
    _, base = product
    shown, kept = served.shown(), sorted((served.home / "runs").iterdir())
    name = served.job(served.post("case", case=little.case(title="Another")))["jobID"]
    until(lambda: served.get(f"/api/jobs/{name}")["message"] not in ("", "forcing"))
    inner = [c for worker in children(served.process.pid) for c in children(worker)]
    assert inner
    assert served.client.delete(f"/api/jobs/{name}").json()["status"] == "dismissed"
    until(lambda: all(map(gone, inner)))
    until(lambda: not (served.home / "jobs" / name).exists())
    assert served.shown() == shown
    assert sorted((served.home / "runs").iterdir()) == kept
    assert served.client.get(f"/api/jobs/{name}/results").status_code == 410


def test_without_its_cluster_a_job_is_tried_twice_and_fails_clearly(served, product, cluster):
    _, base = product
    cluster.close()
    asked = served.post("experiment", base=base, parameters={"PModel.yield_scale": {"factor": 0.8}})
    end = served.follow(served.job(asked)["jobID"])[-1]
    assert end["status"] == "failed"
    assert re.search(r"dask scheduler at .* does not answer.* It happened 2 times", end["message"])
    assert "does not answer" in served.log(end["jobID"])


def test_a_base_that_was_deleted_is_told_before_the_queue(served, product):
    _, base = product
    shutil.rmtree(next(served.home.glob("runs/*")))
    answer = served.post("experiment", base=base, parameters={"PModel.yield_scale": {"factor": 0.7}})
    assert answer.status_code == 422
    assert "is gone" in answer.json()["found"] or "holds no record" in answer.json()["found"]
