"""Asking for runs over HTTP: OGC API – Processes, who may what, and what a job tells."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from landsink.catalogue import Catalogue
from landsink.portal import Context, Settings, job_pages, problems, processes
from landsink.portal.jobs.queue import Limits, Queue
from tests.portal.labour import Toil
from tests.portal.small import BASE

SECRET = "a few plain words"


class Portal:
    """A portal of jobs alone, with its queue behind it."""

    def __init__(self, root: Path, runs: object, **settings: object) -> None:
        self.catalogue = Catalogue(root / "home")
        self.context = Context(self.catalogue, Settings(**settings), runs)
        app = FastAPI()
        app.state.context = self.context
        self.queue = app.state.queue = Queue(self.catalogue.database, Limits(open_jobs=3))
        problems.install(app)
        for part in (processes, job_pages):
            app.include_router(part.router)
        self.ask = TestClient(app, base_url=BASE)

    def submit(self, process: str = "toil", token: str = "", **inputs: object):
        """POST an execution."""
        head = {"Authorization": f"Bearer {token}"} if token else {}
        return self.ask.post(f"/api/processes/{process}/execution", json={"inputs": inputs}, headers=head)

    def token(self, name: str, role: str, scopes: list[str]) -> str:
        """An account and a token of it."""
        self.context.accounts.add(name, role, SECRET)
        return self.context.accounts.make_token(name, "t", scopes, None)[0]


@pytest.fixture
def portal(tmp_path: Path) -> Portal:
    return Portal(tmp_path, Toil())


def test_processes_are_described_as_ogc_asks(portal):
    found = portal.ask.get("/api/processes").json()["processes"]
    assert [p["id"] for p in found] == ["toil", "case"]
    assert found[0]["jobControlOptions"] == ["async-execute", "dismiss"]
    assert {link["rel"] for link in found[0]["links"]} >= {
        "self",
        "http://www.opengis.net/def/rel/ogc/1.0/execute",
    }
    one = portal.ask.get("/api/processes/toil").json()
    assert one["inputs"]["steps"]["schema"] == {"type": "integer"}
    assert one["inputs"]["steps"]["minOccurs"] == 1
    assert one["outputs"]["product"]["schema"]
    Draft202012Validator.check_schema(one["inputs"]["steps"]["schema"])
    assert len(portal.ask.get("/api/processes?limit=1").json()["processes"]) == 1
    assert portal.ask.get("/api/processes?limit=0").status_code == 422


def test_choices_of_a_base_and_without_one(portal):
    assert portal.ask.get("/api/processes/toil/inputs").json()["bases"][0]["id"] == "aaaabbbbcccc"
    assert portal.ask.get("/api/processes/toil/inputs?base=aaaabbbbcccc").json()["base"]["generated"] is True
    assert portal.ask.get("/api/processes/toil/inputs?base=nobody").status_code == 404
    assert portal.ask.get("/api/processes/toil/inputs?base=../x").status_code == 422


def test_a_request_becomes_a_job_that_can_be_watched(portal):
    answer = portal.submit(steps=3)
    assert answer.status_code == 201
    said = answer.json()
    assert answer.headers["location"] == f"{BASE}/api/jobs/{said['jobID']}"
    assert (said["status"], said["position"], said["mine"], said["type"]) == ("accepted", 0, True, "process")
    where = f"/api/jobs/{said['jobID']}"
    assert portal.ask.get(f"{where}/results").status_code == 404
    job = portal.queue.claim("w")
    portal.queue.tell(job, 0.42, "tiles", ["one"])
    now = portal.ask.get(where).json()
    assert (now["status"], now["progress"], now["message"]) == ("running", 42, "tiles")
    assert now["estimate_s"] >= 0
    assert [line["text"] for line in portal.ask.get(f"{where}/log").json()["lines"]] == ["one"]
    portal.queue.finish(job, "aaaabbbbcccc")
    done = portal.ask.get(where).json()
    assert (done["status"], done["result"], done["estimate_s"]) == ("successful", "aaaabbbbcccc", None)
    assert portal.ask.get(f"{where}/results").json()["product"]["href"] == f"{BASE}/api/objects/aaaabbbbcccc"


def test_jobs_are_listed_in_pages_with_links(portal):
    names = [portal.submit(steps=n).json()["jobID"] for n in (1, 2, 3)]
    page = portal.ask.get("/api/jobs?limit=2").json()
    assert page["total"] == 3
    assert [j["jobID"] for j in page["jobs"]] == [names[2], names[1]]
    following = next(link["href"] for link in page["links"] if link["rel"] == "next")
    assert [j["jobID"] for j in portal.ask.get(following).json()["jobs"]] == [names[0]]
    assert portal.ask.get("/api/jobs?status=running").json()["total"] == 0
    assert portal.ask.get("/api/jobs?status=lost").status_code == 422


def test_a_result_that_left_the_catalogue_is_made_again(portal):
    first = portal.submit(steps=2).json()["jobID"]
    portal.queue.finish(portal.queue.claim("w"), "gonegonegone")
    assert portal.submit(steps=2).json()["jobID"] != first


@pytest.mark.parametrize(
    ("inputs", "said"),
    [({"steps": 5000}, "5000"), ({"steps": "x"}, "'x'"), ({"steps": 1, "base": "nobody"}, "nobody")],
)
def test_a_wrong_request_is_a_problem_and_no_job(portal, inputs, said):
    answer = portal.submit(**inputs)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["found"]
    assert portal.ask.get("/api/jobs").json()["total"] == 0


def test_requests_have_a_size(portal):
    assert portal.submit(steps=1, long="x" * 200_000).status_code == 413


def test_too_many_open_jobs_are_refused(portal):
    for n in range(3):
        assert portal.submit(steps=n).status_code == 201
    assert portal.submit(steps=9).status_code == 422


def test_unknown_things_are_not_found(portal):
    assert portal.submit("nothing").status_code == 404
    assert portal.ask.get("/api/processes/nothing").status_code == 404
    assert portal.ask.get(f"/api/jobs/{'0' * 32}").status_code == 404
    assert portal.ask.get("/api/jobs/none").status_code == 422


def test_failures_have_the_kinds_that_ogc_names(portal):
    kinds = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"
    name, nobody = portal.submit(steps=3).json()["jobID"], "0" * 32
    asked = {
        "/api/processes/nothing": "no-such-process", f"/api/jobs/{nobody}": "no-such-job",
        f"/api/jobs/{nobody}/results": "no-such-job", f"/api/jobs/{nobody}/log": "no-such-job",
        f"/api/jobs/{name}/results": "result-not-ready",
    }  # fmt: skip
    for path, kind in asked.items():
        answer = portal.ask.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, f"{kinds}/{kind}"), path
    assert portal.submit("nothing").json()["type"] == f"{kinds}/no-such-process"
    assert portal.ask.delete(f"/api/jobs/{nobody}").json()["type"] == f"{kinds}/no-such-job"


def test_dismissal(portal):
    name = portal.submit(steps=1).json()["jobID"]
    assert portal.ask.delete(f"/api/jobs/{name}").json()["status"] == "dismissed"
    assert portal.ask.delete(f"/api/jobs/{name}").status_code == 200
    assert portal.ask.get(f"/api/jobs/{name}/results").status_code == 410
    other = portal.submit(steps=2).json()["jobID"]
    portal.queue.finish(portal.queue.claim("w"), "x")
    assert portal.ask.delete(f"/api/jobs/{other}").status_code == 409


def test_once_there_are_accounts_only_they_run_and_each_dismisses_its_own(portal):
    free = portal.submit(steps=1).json()["jobID"]
    jane = portal.token("jane", "contributor", ["run"])
    joe = portal.token("joe", "contributor", ["run"])
    judge = portal.token("judge", "curator", ["run", "curate"])
    assert portal.submit(steps=2).status_code == 401
    mine = portal.submit(token=jane, steps=2)
    assert mine.status_code == 201
    where = f"/api/jobs/{mine.json()['jobID']}"

    def dismissed(path: str, token: str) -> int:
        return portal.ask.delete(path, headers={"Authorization": f"Bearer {token}"}).status_code

    assert dismissed(where, joe) == 403
    assert not portal.ask.get(where).json()["mine"]
    assert dismissed(where, jane) == 200
    assert dismissed(f"/api/jobs/{free}", judge) == 200


def test_where_others_can_reach_it_nobody_runs_without_an_account(tmp_path):
    assert Portal(tmp_path, Toil(), host="0.0.0.0").submit(steps=1).status_code == 401


def test_cases_are_for_contributors(portal):
    assert portal.submit("case", steps=1).status_code == 403
    runner = portal.token("jane", "contributor", ["run"])
    assert portal.submit("case", token=runner, steps=1).status_code == 403
    writer = portal.token("joe", "contributor", ["run", "write"])
    assert portal.submit("case", token=writer, steps=1).status_code == 201


def test_an_estimate_runs_nothing(portal):
    said = portal.ask.post("/api/processes/toil/estimate", json={"inputs": {"steps": 4}}).json()
    assert said["title"] == "4 steps"
    assert portal.ask.get("/api/jobs").json()["total"] == 0


def test_a_portal_without_a_model_offers_nothing(tmp_path):
    bare = Portal(tmp_path, None)
    assert bare.ask.get("/api/processes").json()["processes"] == []
    assert bare.submit(steps=1).status_code == 404
    assert bare.ask.get("/api/jobs").json()["total"] == 0
