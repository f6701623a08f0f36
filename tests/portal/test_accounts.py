"""Accounts, sessions, tokens: what they may do, and what they never tell."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from typer.testing import CliRunner

from landsink.catalogue import Catalogue
from landsink.cli import app as commands
from landsink.core.errors import DataError, UnknownName
from landsink.portal import problems
from landsink.portal.accounts import Accounts, Contributor, Curator, Reader, Runner
from landsink.portal.accounts import routes as accounts
from landsink.portal.buckets import Buckets
from landsink.portal.context import Context
from landsink.portal.settings import Settings
from tests.portal.small import client

WORDS = "a few plain words"


@pytest.fixture
def held(tmp_path) -> Accounts:
    """Accounts whose passwords cost nothing to check."""
    return Accounts(Catalogue(tmp_path / "home").database, hasher=PasswordHasher(1, 8, 1))


def gate(tmp_path, **settings):
    """An application with one route for each role, and its accounts."""
    context = Context(Catalogue(tmp_path / "home"), Settings(**settings))
    context.__dict__["accounts"] = Accounts(context.catalogue.database, hasher=PasswordHasher(1, 8, 1))
    app = FastAPI()
    app.state.context = context
    app.state.logins = Buckets(6, 10)
    problems.install(app)
    app.include_router(accounts.router)
    for name, role in (("read", Reader), ("write", Contributor), ("curate", Curator), ("run", Runner)):
        app.add_api_route(f"/{name}", _told(role), methods=["GET", "POST"])
    return client(app), context.accounts


def _told(role):
    def told(who: role) -> str:
        return who.account

    return told


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


ROLES = {
    "reader": {"read"},
    "contributor": {"read", "write", "run"},
    "curator": {"read", "write", "run", "curate"},
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_may_and_no_more(tmp_path, role):
    asked, held = gate(tmp_path)
    held.add("jane", role, WORDS)
    secret, _ = held.make_token("jane", "all", sorted(ROLES[role]))
    for scope in ("read", "write", "curate", "run"):
        answer = asked.get(f"/{scope}", headers=bearer(secret))
        assert answer.status_code == (200 if scope in ROLES[role] else 403), (role, scope)


@pytest.mark.parametrize("scope", ["read", "write", "run", "curate"])
def test_a_token_does_what_its_scopes_say_whatever_its_role(tmp_path, scope):
    asked, held = gate(tmp_path)
    held.add("carl", "curator", WORDS)
    secret, _ = held.make_token("carl", scope, [scope])
    for other in ("write", "run", "curate"):
        answer = asked.get(f"/{other}", headers=bearer(secret))
        assert answer.status_code == (200 if scope == other else 403)


def test_anybody_reads_and_nobody_writes(tmp_path):
    asked, held = gate(tmp_path)
    assert [asked.get(f"/{s}").status_code for s in ("read", "write", "curate")] == [200, 401, 401]
    assert asked.get("/write").headers["www-authenticate"] == "Bearer"


def test_a_closed_portal_is_read_by_the_known(tmp_path):
    asked, held = gate(tmp_path, open_reads=False)
    held.add("jane", "reader", WORDS)
    assert asked.get("/read").status_code == 401
    assert asked.get("/read", headers=bearer(held.make_token("jane", "t", ["read"])[0])).status_code == 200


def test_runs_are_open_on_ones_own_machine_until_somebody_has_an_account(tmp_path):
    asked, held = gate(tmp_path)
    assert asked.get("/run").status_code == 200
    held.add("jane", "reader", WORDS)
    assert asked.get("/run").status_code == 401


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"host": "192.0.2.7"}, {"open_jobs": False}])
def test_runs_are_closed_where_others_can_ask(tmp_path, settings):
    asked, _ = gate(tmp_path, **settings)
    assert asked.get("/run").status_code == 401


@pytest.mark.parametrize("secret", ["", "landsink_", "landsink_" + "A" * 43, "x" * 5000, "é", "' or 1=1 --"])
def test_a_forged_token_is_refused_even_where_none_is_needed(tmp_path, secret):
    asked, held = gate(tmp_path)
    held.add("jane", "curator", WORDS)
    held.make_token("jane", "real", ["read"])
    answer = asked.get("/read", headers=[(b"authorization", b"Bearer " + secret.encode())])
    assert answer.status_code == (401 if secret else 200)


def test_a_revoked_and_an_expired_token_are_refused(tmp_path):
    asked, held = gate(tmp_path)
    held.add("jane", "contributor", WORDS)
    secret, token = held.make_token("jane", "t", ["write"])
    assert asked.get("/write", headers=bearer(secret)).status_code == 200
    held.revoke(token.id)
    assert asked.get("/write", headers=bearer(secret)).status_code == 401
    late = Accounts(held.database, clock=lambda: datetime.now(UTC) + timedelta(days=31))
    secret, _ = held.make_token("jane", "month", ["write"], 30)
    assert held.token(secret) is not None and late.token(secret) is None
    forever, _ = held.make_token("jane", "long", ["write"])
    assert late.token(forever) is not None


def test_a_lowered_role_lowers_its_tokens_and_a_removed_account_ends_them(held):
    held.add("carl", "curator", WORDS)
    secret, _ = held.make_token("carl", "t", ["curate"])
    session, _ = held.login("carl", WORDS)
    held.remove("carl")
    assert held.token(secret) is None and held.session(session) is None and held.empty
    with pytest.raises(UnknownName):
        held.remove("carl")


def test_a_token_cannot_be_given_more_than_the_role_has(held):
    held.add("jane", "contributor", WORDS)
    with pytest.raises(DataError, match="curate"):
        held.make_token("jane", "t", ["read", "curate"])
    with pytest.raises(UnknownName, match="jane"):
        held.make_token("jan", "t", ["read"])


def test_last_use_is_told_to_ten_minutes(held):
    held.add("jane", "reader", WORDS)
    secret, token = held.make_token("jane", "t", ["read"])
    assert token.used == ""
    held.token(secret)
    assert held.tokens("jane")[0].used != ""


def test_no_secret_is_kept(held):
    held.add("jane", "reader", WORDS)
    token, _ = held.make_token("jane", "t", ["read"])
    session, _ = held.login("jane", WORDS)
    files = list(Path(held.database.name).parent.glob("portal.sqlite*"))
    stored = b"".join(p.read_bytes() for p in files)
    assert stored
    for secret in (token, session, WORDS):
        assert secret.encode() not in stored
    assert b"$argon2id$" in stored


@pytest.mark.parametrize(
    ("name", "role", "password"),
    [("J", "reader", WORDS), ("../x", "reader", WORDS), ("jane", "king", WORDS), ("jane", "reader", "short"),
     ("jane", "reader", "x" * 201), ("Jane Doe", "reader", WORDS)],
)  # fmt: skip
def test_names_roles_and_passwords_that_cannot_be(held, name, role, password):
    with pytest.raises((DataError, UnknownName)):
        held.add(name, role, password)
    assert held.empty


def test_a_name_is_given_once(held):
    held.add("jane", "reader", WORDS)
    with pytest.raises(DataError, match="has an account"):
        held.add("jane", "curator", WORDS)
    assert [a.role for a in held.list()] == ["reader"]


# --- sessions


def session(asked, name="jane", password=WORDS):
    return asked.post("/api/session", json={"name": name, "password": password})


def test_a_browsers_session(tmp_path):
    asked, held = gate(tmp_path)
    held.add("jane", "contributor", WORDS)
    answer = session(asked)
    assert answer.status_code == 200 and answer.json()["role"] == "contributor"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/" in cookie and WORDS not in cookie
    word = {"X-CSRF-Token": answer.json()["csrf"]}
    assert asked.get("/api/session").json()["csrf"] == answer.json()["csrf"]
    assert asked.get("/write").json() == "jane"
    assert asked.post("/write").status_code == 403
    assert asked.post("/write", headers={"X-CSRF-Token": "other"}).status_code == 403
    assert asked.post("/write", headers=word).status_code == 200
    kept = asked.cookies["landsink_session"]
    assert asked.delete("/api/session", headers=word).status_code == 204
    asked.cookies.set("landsink_session", kept)
    assert asked.post("/write", headers=word).status_code == 401
    assert asked.get("/api/session").json()["account"] == ""


def test_a_session_ends_after_its_hours_and_with_a_new_password(held):
    held.add("jane", "reader", WORDS)
    secret, _ = held.login("jane", WORDS)
    late = Accounts(held.database, clock=lambda: datetime.now(UTC) + timedelta(hours=13))
    assert held.session(secret) is not None and late.session(secret) is None
    token, _ = held.make_token("jane", "t", ["read"])
    held.password("jane", "other plain words")
    assert held.session(secret) is None and held.token(token) is not None
    assert held.login("jane", WORDS) is None and held.login("jane", "other plain words") is not None


def test_a_wrong_name_and_a_wrong_password_are_told_alike(tmp_path):
    asked, held = gate(tmp_path)
    held.add("jane", "reader", WORDS)
    first, second = session(asked, "jane", "wrong words"), session(asked, "nobody", WORDS)
    assert first.status_code == second.status_code == 401
    assert first.json() == second.json() and "set-cookie" not in first.headers


def test_a_wrong_name_takes_the_time_of_a_wrong_password(tmp_path):
    held = Accounts(Catalogue(tmp_path / "home").database, hasher=PasswordHasher(2, 16384, 1))
    held.add("jane", "reader", WORDS)
    held.login("nobody", WORDS)

    def took(name: str) -> float:
        start = time.process_time()
        assert held.login(name, "wrong words here") is None
        return time.process_time() - start

    known, unknown = (min(took(n) for _ in range(5)) for n in ("jane", "nobody"))
    assert unknown > 0.5 * known


def test_guessing_is_slowed(tmp_path):
    asked, held = gate(tmp_path)
    held.add("jane", "reader", WORDS)
    answers = [session(asked, "jane", "wrong") for _ in range(12)]
    assert [a.status_code for a in answers] == [401] * 10 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert session(asked).status_code == 429


def test_tokens_are_looked_after_by_a_session_alone(tmp_path):
    asked, held = gate(tmp_path)
    held.add("jane", "contributor", WORDS)
    held.add("john", "contributor", WORDS)
    other = held.make_token("john", "his", ["read"])[1]
    secret, _ = held.make_token("jane", "hers", ["read", "write"])
    body = {"name": "more", "scopes": ["read"], "days": 30}
    assert asked.post("/api/tokens", json=body).status_code == 401
    assert asked.post("/api/tokens", json=body, headers=bearer(secret)).status_code == 403
    word = {"X-CSRF-Token": session(asked).json()["csrf"]}
    made = asked.post("/api/tokens", json=body, headers=word)
    assert made.status_code == 201 and made.json()["expires"] and made.json()["token"].startswith("landsink_")
    assert asked.post("/api/tokens", json=body | {"scopes": ["curate"]}, headers=word).status_code == 422
    listed = asked.get("/api/tokens")
    assert {t["name"] for t in listed.json()["tokens"]} == {"hers", "more"}
    assert made.json()["token"] not in listed.text
    assert asked.delete(f"/api/tokens/{other.id}", headers=word).status_code == 404
    assert asked.delete(f"/api/tokens/{made.json()['id']}", headers=word).status_code == 204
    assert held.token(made.json()["token"]) is None and len(held.tokens("john")) == 1


def test_buckets_fill_again():
    moment = [0.0]
    buckets = Buckets(per_minute=6, size=2, clock=lambda: moment[0])
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 10.0]
    assert buckets.take("b") == 0.0
    moment[0] = 10.0
    assert buckets.take("a") == 0.0 and buckets.take("a") == 10.0


# --- the command line


def say(*words: str, typed: str = ""):
    return CliRunner().invoke(commands, list(words), input=typed)


def test_accounts_and_tokens_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setenv("LANDSINK_HOME", str(tmp_path / "home"))
    made = say("account", "add", "jane", "--role", "contributor", typed=WORDS + "\n")
    assert made.exit_code == 0, made.output
    assert WORDS not in made.output
    assert [a["name"] for a in json.loads(say("account", "list", "--json").output)] == ["jane"]
    token = json.loads(say("token", "make", "jane", "--name", "notebook", "--scope", "read", "--json").output)
    held = Accounts(Catalogue(tmp_path / "home").database)
    assert held.token(token["token"]).account == "jane"
    assert held.login("jane", WORDS) is not None
    assert token["id"] in say("token", "list").output
    assert say("token", "revoke", token["id"]).exit_code == 0
    assert held.token(token["token"]) is None
    assert say("account", "password", "jane", typed="other plain words\n").exit_code == 0
    assert held.login("jane", "other plain words") is not None
    assert say("account", "remove", "jane").exit_code == 0 and held.empty
    assert say("account", "remove", "jane").exit_code == 2
    assert say("account", "add", "x y", typed=WORDS + "\n").exit_code == 2
