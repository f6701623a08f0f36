"""Every refusal of an upload, once and often: nothing of it remains, in no folder and in no table."""

import base64
import contextlib
import functools
import hashlib
import http.client
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.testclient import TestClient

from landsink.catalogue import Catalogue, Limits, objects
from landsink.portal import Context, Settings, create, uploads
from landsink.portal.accounts import Accounts
from tests.catalogue.plots import DAY, SAID, table
from tests.portal import hdf5, hostile
from tests.portal.fingerprint import fingerprint
from tests.portal.small import built, client, cube

TABLE, MOST, MEMBERS = 4000, 2 << 20, 300
NOBODY = "A" * 32


@dataclass(frozen=True)
class Ground:
    """A portal that holds an object of Jane's; `root` is the folder of its home, and of all that is temporary."""

    root: Path
    app: FastAPI
    context: Context
    ask: TestClient
    who: dict[str, dict[str, str]]
    sent: Path
    first: str

    @property
    def jane(self) -> dict[str, str]:
        return self.who["jane"]

    def place(
        self, filename: str = "stocks.csv", specification: str = "soil-stocks", **metadata: object
    ) -> str:
        body = {"filename": filename, "specification": specification, "metadata": SAID | metadata}
        answer = self.ask.post("/api/uploads", json=body, headers=self.jane)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    def put(self, where: str, data: object, **more: str) -> int:
        headers = self.jane | {k.replace("_", "-"): v for k, v in more.items()}
        return self.ask.put(f"{where}/content", content=data, headers=headers).status_code

    def brought(self, data: bytes, *place: str, **metadata: object) -> int:
        """A whole upload up to its ingest; the status of that."""
        where = self.place(*place, **metadata)
        assert self.put(where, data) == 200
        answer = self.ask.post(f"{where}/ingest", headers=self.jane)
        assert str(self.root) not in answer.text
        return answer.status_code


@pytest.fixture(scope="module")
def ground(tmp_path_factory) -> Iterator[Ground]:
    root, aside = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("aside")
    (root / "tmp").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(root / "tmp"))
        patch.setattr("tempfile.tempdir", str(root / "tmp"))
        limits = Limits(size=MOST, table=TABLE, members=MEMBERS, seconds=60)
        catalogue = Catalogue(root / "home", clock=lambda: DAY, limits=limits)
        context = Context(
            catalogue, Settings(page=built(aside / "page"), patience=0.4, slowest=2000, uploads=3)
        )
        context.__dict__["accounts"] = Accounts(catalogue.database, hasher=PasswordHasher(1, 8, 1))
        who = {}
        for name, role, scopes in (
            ("jane", "contributor", ("read", "write")), ("john", "contributor", ("read", "write")),
            ("rita", "reader", ("read",)), ("runa", "contributor", ("read", "run")),
            ("gone", "contributor", ("write",)), ("old", "contributor", ("write",)),
        ):  # fmt: skip
            context.accounts.add(name, role, "a few plain words")
            secret, token = context.accounts.make_token(name, "t", scopes)
            who[name] = {"Authorization": f"Bearer {secret}"}
            if name == "gone":
                context.accounts.revoke(token.id)
            if name == "old":
                context.accounts.remove(name)
        app = create(context)
        made = Ground(root, app, context, client(app), who, aside, "")
        where = made.place()
        assert made.put(where, table(aside / "first").read_bytes()) == 200
        first = made.ask.post(f"{where}/ingest", headers=made.jane).json()["id"]
        yield Ground(root, app, context, made.ask, who, aside, first)


# --- how uploads are refused: each returns the status of the refusal


def oversized(g: Ground) -> int:
    return g.put(g.place(), bytes(TABLE + 1))


def oversized_unsaid(g: Ground) -> int:
    return g.put(g.place(), (bytes(100) for _ in range(100)))


def empty(g: Ground) -> int:
    return g.put(g.place(), b"")


def other_digest(g: Ground) -> int:
    digest = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    return g.put(g.place(), b"plot\n", Repr_Digest=f"sha-256=:{digest}:")


def other_sha256(g: Ground) -> int:
    return g.brought(table(g.sent, first=1).read_bytes(), sha256="0" * 64)


def no_sha256(g: Ground) -> int:
    return g.brought(table(g.sent, first=1).read_bytes(), sha256="../../etc/passwd")


def defects(g: Ground) -> int:
    return g.brought(b"plot,date\nA,yesterday\n")


def no_licence(g: Ground) -> int:
    return g.brought(table(g.sent, first=1).read_bytes(), licence="mine")


def unknown_source(g: Ground) -> int:
    return g.brought(table(g.sent, first=1).read_bytes(), uses=["nobodynobody"])


def unknown_previous(g: Ground) -> int:
    return g.brought(table(g.sent, first=1).read_bytes(), previous="nobodynobody")


def wrong_form(g: Ground) -> int:
    return g.brought(table(g.sent, first=1).read_bytes(), "stocks.csv", "gridded-fluxes")


def no_netcdf(g: Ground) -> int:
    return g.brought(b"\x89HDF\r\n\x1a\n" + os.urandom(3000), "a.nc", "gridded-fluxes")


def elsewhere(g: Ground, way: str) -> int:
    path = cube(g.sent / way)
    other = cube(g.sent / "other")
    (g.sent / "canary").write_bytes(b"secret" * 20)
    hdf5.outward(path, way, g.sent / "canary" if way == "external" else other)
    return g.brought(path.read_bytes(), "a.nc", "cube")


def another_describes(g: Ground) -> int:
    return _as(g, "john", table(g.sent / "x").read_bytes(), title="Mine now")


def another_follows(g: Ground) -> int:
    return _as(g, "john", table(g.sent, first=1).read_bytes(), previous=g.first)


def _as(g: Ground, name: str, data: bytes, **metadata: object) -> int:
    return Ground(g.root, g.app, g.context, g.ask, {"jane": g.who[name]}, g.sent, g.first).brought(
        data, **metadata
    )


def zipped(g: Ground, name: str) -> int:
    where = g.place("a.zip", "gridded-fluxes")
    status = g.put(where, hostile.zips()[name])
    if status == 200:
        answer = g.ask.post(f"{where}/ingest", headers=g.jane)
        assert str(g.root) not in answer.text
        status = answer.status_code
    return status


def posted(g: Ground, who: str, status: int, **body: object) -> int:
    asked = {"filename": "a.csv", "metadata": SAID} | body
    answer = g.ask.post("/api/uploads", json=asked, headers=g.who.get(who, {}))
    assert answer.status_code == status, answer.text
    return answer.status_code


def forged(g: Ground) -> int:
    for name in (NOBODY, "..%2f..%2fhome", "..%5c..", "%00" * 32, "lock", "A" * 5000, "*"):
        where = f"/api/uploads/{name}"
        for verb, path in (("get", ""), ("delete", ""), ("post", "/try"), ("post", "/ingest")):
            assert g.ask.request(verb, where + path, headers=g.jane).status_code in (404, 405, 422), (
                name,
                path,
            )
        assert g.ask.put(f"{where}/content", content=b"plot\n", headers=g.jane).status_code in (404, 405, 422)
    return 404


def strangers(g: Ground) -> int:
    """Somebody else's upload, for those who may not: untouched, and in the end its owner's to remove."""
    where = g.place()
    for who, status in (("john", 404), ("rita", 403), ("runa", 403), ("gone", 401), ("old", 401), ("", 401)):
        headers = g.who.get(who, {})
        for verb, path in (("DELETE", ""), ("POST", "/try"), ("POST", "/ingest"), ("PUT", "/content")):
            assert g.ask.request(verb, where + path, headers=headers).status_code == status, (who, verb, path)
    assert g.ask.delete(where, headers=g.jane).status_code == 204
    return 404


def quota(g: Ground) -> int:
    places = [g.place() for _ in range(3)]
    status = g.ask.post(
        "/api/uploads", json={"filename": "a.csv", "metadata": SAID}, headers=g.jane
    ).status_code
    for where in places:
        g.ask.delete(where, headers=g.jane)
    return status


def described_wrongly(g: Ground) -> int:
    where = g.place()
    answers = [
        g.ask.put(where, json=body, headers=g.jane)
        for body in ({"metadata": {"licens": "x"}}, {"metadata": SAID, "specification": "/etc/passwd"}, {})
    ]
    assert [a.status_code for a in answers] == [422, 404, 422]
    g.ask.delete(where, headers=g.jane)
    return answers[0].status_code


def tried_and_left(g: Ground) -> int:
    """A trial with defects, then nothing more: it goes when its time is over."""
    where = g.place()
    g.put(where, b"plot,date\n")
    assert not g.ask.post(f"{where}/try", headers=g.jane).json()["accepted"]
    return expired(g)


def never_sent(g: Ground) -> int:
    g.place()
    return expired(g)


def expired(g: Ground) -> int:
    for state in (g.context.catalogue.root / "uploads").glob("*/state.json"):
        page = json.loads(state.read_text())
        state.write_text(json.dumps(page | {"created": time.time() - 25 * 3600}))
    assert uploads.sweep(g.context) == 1
    return 404


def full_at_once(g: Ground) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("landsink.portal.quarantine.Quarantine.write", _no_room)
        return g.ask.post(
            "/api/uploads", json={"filename": "a.csv", "metadata": SAID}, headers=g.jane
        ).status_code


def full_while_it_comes(g: Ground) -> int:
    where = g.place()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uploads, "_write", _no_room)
        return g.put(where, b"plot\n")


def full_at_the_end(g: Ground) -> int:
    where = g.place()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("landsink.portal.quarantine.Quarantine.write", _no_room)
        return g.put(where, b"plot\n")


def full_while_taken_in(g: Ground) -> int:
    """What the server has no room for stays for another try, as an upload: its owner lets go of it."""
    where = g.place()
    g.put(where, table(g.sent, first=1).read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects, "_copy", _no_room)
        status = g.ask.post(f"{where}/ingest", headers=g.jane).status_code
    assert g.ask.delete(where, headers=g.jane).status_code == 204
    return status


def _no_room(*_: object) -> None:
    raise OSError(28, "No space left on device")


# --- senders that take their time, or go


def silent(g: Ground) -> int:
    def parts() -> Iterator[bytes]:
        yield b"plot,"
        time.sleep(0.9)
        yield b"date"

    return stream(g, g.place(), parts())


def trickling(g: Ground) -> int:
    def parts() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.05)
            yield b"x"

    return stream(g, g.place(), parts())


def too_long_in_parts(g: Ground) -> int:
    return stream(g, g.place(), (bytes(500) for _ in range(40)))


def cut_off(g: Ground) -> int:
    """The connection breaks in the middle of a file: its half goes at once, the place when its time is over."""
    where = g.place()
    folder = g.context.catalogue.root / "uploads" / where.rpartition("/")[2]
    with served(g) as asked:
        asked.putrequest("PUT", f"{where}/content")
        for name, value in (g.jane | {"Content-Length": "3000"}).items():
            asked.putheader(name, value)
        asked.endheaders()
        asked.send(b"plot,date\n" * 100)
        until(lambda: (folder / "content.csv").exists())
        asked.close()
        until(lambda: not (folder / "content.csv").exists())
    return expired(g)


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextlib.contextmanager
def served(g: Ground) -> Iterator[http.client.HTTPConnection]:
    """A connection to a real server, since a client in the process hands over all at once."""
    server = uvicorn.Server(uvicorn.Config(g.app, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    asked = http.client.HTTPConnection("127.0.0.1", server.servers[0].sockets[0].getsockname()[1], timeout=20)
    try:
        yield asked
    finally:
        asked.close()
        server.should_exit = True
        thread.join()


def stream(g: Ground, where: str, parts: Iterator[bytes]) -> int:
    with served(g) as asked:
        asked.putrequest("PUT", f"{where}/content")
        for name, value in (g.jane | {"Transfer-Encoding": "chunked"}).items():
            asked.putheader(name, value)
        asked.endheaders()
        with contextlib.suppress(OSError):
            # The server may have answered and closed; the answer is still to be read.
            for part in parts:
                asked.send(b"%x\r\n%s\r\n" % (len(part), part))
            asked.send(b"0\r\n\r\n")
        return asked.getresponse().status


NAMES = ("", "../a.csv", "/etc/passwd", "..\\a.csv", "C:\\a.csv", "a\x00.csv", "\u202ea.csv", "a" * 300 + ".csv",
         "a.exe", "..", "\\\\host\\a.csv", "file:///etc/passwd", "http://127.0.0.1/a.csv")  # fmt: skip
REFUSALS: dict[str, tuple[Callable[[Ground], int], int]] = {
    f.__name__: (f, status)
    for f, status in (
        (oversized, 413), (oversized_unsaid, 413), (empty, 422), (other_digest, 422), (other_sha256, 422),
        (no_sha256, 422), (defects, 422), (no_licence, 422), (unknown_source, 422), (unknown_previous, 422),
        (wrong_form, 422), (no_netcdf, 422), (another_describes, 403), (another_follows, 403), (forged, 404),
        (strangers, 404), (quota, 409), (described_wrongly, 422), (tried_and_left, 404), (never_sent, 404),
        (full_at_once, 507), (full_while_it_comes, 507), (full_at_the_end, 507), (full_while_taken_in, 507),
        (silent, 408), (trickling, 408), (too_long_in_parts, 413), (cut_off, 404),
    )
} | {
    f"elsewhere by {way}": (functools.partial(elsewhere, way=way), 422) for way in hdf5.WAYS
} | {
    f"zip {name}": (functools.partial(zipped, name=name), 413 if name == "huge member" else 422)
    for name in hostile.zips()
} | {
    f"name {name[:20]!r}": (functools.partial(posted, who="jane", status=422, filename=name), 422) for name in NAMES
} | {
    f"by {who or 'nobody'}": (functools.partial(posted, who=who, status=status), status)
    for who, status in (("", 401), ("rita", 403), ("runa", 403), ("gone", 401), ("old", 401))
} | {
    f"specification {name}": (functools.partial(posted, who="jane", status=404, specification=name), 404)
    for name in ("nobody's", "../../soil-stocks", "/etc/passwd", "http://127.0.0.1/a.toml")
}  # fmt: skip


def refused(ground: Ground, name: str, times: int) -> None:
    """Refuse so often, and compare all that there is before and after."""
    how, expected = REFUSALS[name]
    shutil.rmtree(ground.sent / "x", ignore_errors=True)
    before = fingerprint(ground.root)
    for _ in range(times):
        assert how(ground) == expected
    assert not Path("/var/tmp/escaped").exists()
    after = fingerprint(ground.root)
    assert after == before, {
        k: (before.get(k), after.get(k)) for k in before | after if before.get(k) != after.get(k)
    }


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_leaves_nothing(ground, name):
    refused(ground, name, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_twenty_times_leaves_nothing(ground, name):
    refused(ground, name, 20)


def test_the_fingerprint_sees_what_it_must(ground, tmp_path):
    shutil.copytree(ground.root, tmp_path / "twin")
    before = fingerprint(tmp_path / "twin")
    assert before == fingerprint(ground.root) and len([k for k in before if " " in k]) > 10
    twin = Catalogue(tmp_path / "twin" / "home")
    (twin.root / "objects" / "left").mkdir()
    Accounts(twin.database, hasher=PasswordHasher(1, 8, 1)).remove("rita")
    (twin.root / "items" / f"{ground.first}.json").write_text("{}")
    after = fingerprint(tmp_path / "twin")
    changed = {k for k in before | after if before.get(k) != after.get(k)}
    assert changed == {
        "home/objects/left", "home/portal.sqlite portal_account", "home/portal.sqlite portal_token",
        f"home/items/{ground.first}.json",
    }  # fmt: skip
