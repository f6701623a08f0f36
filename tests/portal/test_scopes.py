"""Who may ask what: every route of the document, for every role, every scope of a token, and every kind of stranger."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from landsink.catalogue import Catalogue
from landsink.portal import Context, Settings, create
from landsink.portal.accounts import Accounts
from landsink.portal.entrance import operations
from landsink.portal.jobs.queue import Limits, Queue
from tests.catalogue.plots import SAID
from tests.portal.labour import Toil
from tests.portal.small import BASE, built, client

WORDS = "a few plain words"
SCOPES = ("read", "write", "run", "curate")
ROLES = {"reader": {"read"}, "contributor": {"read", "write", "run"}, "curator": set(SCOPES)}
# What a route asks of its visitor, by how it begins; the first that fits. Whatever is not named here only reads.
NEEDS = (
    ("POST /api/session", "nothing"), ("GET /api/session", "nothing"), ("DELETE /api/session", "nothing"),
    ("GET /api/tokens", "session"), ("POST /api/tokens", "session"), ("DELETE /api/tokens/", "session"),
    *((f"{verb} /api/uploads", "write") for verb in ("GET", "POST", "PUT", "DELETE")),
    ("POST /api/processes/", "run"), ("DELETE /api/jobs/", "run"),
    ("GET ", "read"), ("POST /api/stac/search", "read"), ("POST /api/products/{id}/statistics", "read"),
)  # fmt: skip
BODIES = {
    "POST /api/session": {"name": "nobody", "password": WORDS},
    "POST /api/tokens": {"name": "t", "scopes": ["read"]},
    "POST /api/uploads": {"filename": "a.csv", "metadata": SAID},
    "PUT /api/uploads/{id}": {"metadata": SAID},
    "POST /api/processes/{id}/execution": {"inputs": {"steps": 1}},
    "POST /api/processes/{id}/estimate": {"inputs": {"steps": 1}},
}


@dataclass(frozen=True)
class Gate:
    """A portal, and the headers of visitors by name with the scopes that they have."""

    ask: TestClient
    accounts: Accounts
    visitors: dict[str, tuple[dict[str, str], set[str]]]


@pytest.fixture(scope="module", params=[True, False], ids=["open", "closed"])
def gate(request, tmp_path_factory) -> Gate:
    root = tmp_path_factory.mktemp("gate")
    catalogue = Catalogue(root / "home")
    context = Context(
        catalogue, Settings(page=built(root / "page"), open_reads=request.param, uploads=1000), Toil()
    )
    accounts = context.__dict__["accounts"] = Accounts(catalogue.database, hasher=PasswordHasher(1, 8, 1))
    visitors = {}
    for role, scopes in ROLES.items():
        accounts.add(role, role, WORDS)
        visitors[role] = _bearer(accounts.make_token(role, "all", sorted(scopes))[0]), scopes
    for scope in SCOPES:
        visitors[f"{scope} alone"] = _bearer(accounts.make_token("curator", scope, [scope])[0]), {scope}
    app = create(context)
    app.state.queue = Queue(catalogue.database, Limits(open_jobs=10_000))
    return Gate(client(app), accounts, visitors)


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def routes(gate: Gate) -> Iterator[tuple[str, str]]:
    """Every route of the document with what it asks of its visitor."""
    reader = gate.visitors["reader"][0]
    document = gate.ask.get("/api/openapi.json", headers=reader).json()
    for label, _ in operations(document):
        needs = next((what for start, what in NEEDS if label.startswith(start)), "")
        assert needs, f"{label}: who may ask this?"
        yield label, needs


def status(gate: Gate, label: str, headers: dict[str, str]) -> int:
    """What a route answers; `label` as 'GET /api/…'."""
    method, path = label.split(" ", 1)
    path = path.replace("/processes/{id}", "/processes/toil")
    path = re.sub(r"\{[^}]+\}", "A" * 32, path)
    return gate.ask.request(method, path, headers=headers, json=BODIES.get(label)).status_code


def test_every_route_and_every_scope(gate, request):
    """A route's documented refusals, and no other: 401 for strangers, 403 for those known without the scope."""
    is_open, count = "open" in request.node.name, 0
    for label, needs in routes(gate):
        for who, (headers, scopes) in gate.visitors.items():
            found = status(gate, label, headers)
            if needs == "session":
                assert found == 403, (label, who)
            elif needs in scopes or needs == "nothing" or (needs == "read" and is_open):
                assert found != 403 and (found != 401 or label == "POST /api/session"), (label, who, found)
            else:
                assert found == 403, (label, who, found)
            count += 1
        stranger = status(gate, label, {})
        if needs == "nothing" or (needs == "read" and is_open):
            assert stranger not in (401, 403) or label == "POST /api/session", (label, stranger)
        else:
            assert stranger == 401, (label, stranger)
    assert count > 500


def test_a_secret_that_holds_no_longer_is_refused_by_every_route(gate):
    secret, token = gate.accounts.make_token("curator", "gone", SCOPES)
    gate.accounts.revoke(token.id)
    for label, _ in routes(gate):
        if label.startswith(("POST /api/session", "GET /api/docs", "GET /api/openapi")):
            continue
        for headers in (_bearer(secret), _bearer("landsink_" + "A" * 43)):
            found = status(gate, label, headers)
            # Where reading is free the route may not look at who asks; where it looks, it refuses.
            assert (
                found == 401 or label.split(" ", 1)[0] == "GET" or "search" in label or "statistics" in label
            ), label


def test_the_document_tells_what_it_refuses(gate):
    document = gate.ask.get("/api/openapi.json", headers=gate.visitors["reader"][0]).json()
    for label, told in operations(document):
        needs = next(what for start, what in NEEDS if label.startswith(start))
        if needs not in ("nothing", "read"):
            assert {"401", "403"} <= set(told["responses"]) and told["security"], label


def test_a_process_may_ask_for_more_than_its_route(gate):
    for who, (headers, scopes) in gate.visitors.items():
        answer = gate.ask.post(
            "/api/processes/case/execution", json={"inputs": {"steps": 1}}, headers=headers
        )
        assert answer.status_code == (201 if {"run", "write"} <= scopes else 403), who


def test_a_session_writes_with_its_word_alone(gate):
    """Cross-site forgery: a browser's cookie does nothing without the word that only this portal's pages know."""
    asked = TestClient(gate.ask.app, base_url=BASE, client=("127.0.0.1", 50000))
    gate.ask.app.state.logins.__dict__["_held"].clear()
    word = asked.post("/api/session", json={"name": "contributor", "password": WORDS}).json()["csrf"]
    for label, needs in routes(gate):
        method, path = label.split(" ", 1)
        if method == "GET" or needs in ("read", "nothing"):
            continue
        path = re.sub(r"\{[^}]+\}", "A" * 32, path.replace("/processes/{id}", "/processes/toil"))
        for headers, forged in (
            ({}, True),
            ({"X-CSRF-Token": word[:-1]}, True),
            ({"X-CSRF-Token": word, "Origin": "https://else.example"}, True),
            ({"X-CSRF-Token": word, "Sec-Fetch-Site": "cross-site"}, True),
            ({"X-CSRF-Token": word, "Origin": BASE}, False),
        ):  # fmt: skip
            answer = asked.request(method, path, headers=headers, json=BODIES.get(label))
            assert (answer.status_code == 403) == forged, (label, headers, answer.text)


def test_every_session_is_new_and_ends_where_it_should(gate):
    asked = TestClient(gate.ask.app, base_url=BASE, client=("127.0.0.1", 50000))
    gate.ask.app.state.logins.__dict__["_held"].clear()
    body, secrets = {"name": "reader", "password": WORDS}, []
    for _ in range(3):
        # Whatever the browser brings along, what it gets is new.
        answer = asked.post("/api/session", json=body)
        secrets.append(asked.cookies["landsink_session"])
        assert answer.json()["csrf"] not in secrets[-1]
    assert len(set(secrets)) == 3
    gate.accounts.password("reader", WORDS)
    for secret in secrets:
        assert gate.accounts.session(secret) is None


@pytest.mark.parametrize(
    ("base", "address", "secure"),
    [
        (BASE, "", False), ("https://carbon.example.org", "", True), (BASE, "https://carbon.example.org", True),
        (BASE, "http://carbon.example.org", False),
    ],
)  # fmt: skip
def test_a_cookies_flags(fresh, base, address, secure):
    asked, context = fresh(address=address, hosts=("127.0.0.1", "carbon.example.org"))
    context.accounts.add("jane", "reader", WORDS)
    at = TestClient(asked.app, base_url=base)
    given = at.post("/api/session", json={"name": "jane", "password": WORDS}).headers["set-cookie"].lower()
    flags = {part.strip().partition("=")[0] for part in given.split(";")}
    assert {"httponly", "samesite", "path", "max-age"} <= flags and "domain" not in flags
    assert "samesite=lax" in given and ("secure" in flags) == secure


def test_unknown_names_cost_what_wrong_passwords_cost(tmp_path):
    """By structure: exactly one check of the same kind, whether there is such a name or not."""
    checked: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str, password: str) -> bool:
            checked.append(hash.rpartition("$")[0].rpartition("$")[0])
            return super().verify(hash, password)

    accounts = Accounts(Catalogue(tmp_path / "home").database, hasher=Counting(1, 8, 1))
    accounts.add("jane", "reader", WORDS)
    for name in ("jane", "nobody", "", "x" * 500):
        assert accounts.login(name, "wrong words here") is None
    assert len(checked) == 4 and len(set(checked)) == 1


def test_no_password_and_no_token_is_written_anywhere(fresh, caplog, capfd):
    caplog.set_level(0)
    asked, context = fresh()
    context.accounts.add("jane", "contributor", WORDS)
    secret, _ = context.accounts.make_token("jane", "t", ["read", "write"])
    long, answers = "word-of-jane " * 20, []
    for body in (
        {"name": "jane", "password": WORDS},
        {"name": "jane", "password": "wrong word-of-jane"},
        {"name": "jane", "password": long},
        {"name": "jane", "password": WORDS, "more": WORDS},
        {"password": WORDS},
        {"name": {"x": WORDS}, "password": [WORDS]},
    ):  # fmt: skip
        answers.append(asked.post("/api/session", json=body))
    cookie = asked.cookies["landsink_session"]
    answers.append(asked.get("/api/uploads", headers=_bearer(secret)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Accounts, "token", lambda *_: 1 / 0)
        answers.append(asked.get("/api/uploads", headers=_bearer(secret)))
    assert answers[-1].status_code == 500 and "ZeroDivisionError" in caplog.text
    written = caplog.text + "".join(capfd.readouterr()) + "".join(a.text for a in answers)
    for word in (WORDS, "word-of-jane", secret, cookie):
        assert word not in written
