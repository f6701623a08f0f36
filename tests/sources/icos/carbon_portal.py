"""A Carbon Portal on this machine, for tests.

It replays the documented shapes of the portal's answers (SPARQL JSON results, licence redirect with its cookie, ranges,
login cookie); they were written by hand from documentation and are not recordings. Nothing leaves the machine.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

STATIONS = "http://meta.icos-cp.eu/resources/stations/"
SPECS = "http://meta.icos-cp.eu/resources/cpmeta/"
OBJECTS = "https://meta.icos-cp.eu/objects/"
ONTOLOGY = "http://meta.icos-cp.eu/ontologies/cpmeta/"
XSD = "http://www.w3.org/2001/XMLSchema#"
MAIL, PASSWORD = "someone@example.org", "right & proper = 1"


def identifier(content: bytes) -> str:
    """First 18 bytes of SHA-256 in base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()[:18]).decode()


def token(lives: float = 3600.0, user: str = MAIL) -> str:
    """A token as the account page shows it, ending in `lives` seconds."""
    head = json.dumps([int((time.time() + lives) * 1000), user, "Password"]).encode()
    return "cpauthToken=" + base64.b64encode(head + b"\x1e" + b"signature").decode()


def uri(value: str) -> dict:
    return {"type": "uri", "value": value}


def literal(value: object, kind: str = "") -> dict:
    return {"type": "literal", "value": str(value)} | ({"datatype": XSD + kind} if kind else {})


@dataclass
class Held:
    """A data object of this portal."""

    content: bytes
    name: str
    spec: str = "etcL2Fluxnet"
    station: str = "ES_DE-Tha"
    start: str = "1996-01-01T00:00:00Z"
    end: str = "2020-12-31T23:30:00Z"
    submitted: str = "2024-06-01T12:00:00Z"
    citation: str = ""
    previous: tuple[str, ...] = ()
    sha256: bool = True
    told: bytes | None = None  # what the metadata describe, where the file differs

    @property
    def id(self) -> str:
        return identifier(self.content if self.told is None else self.told)

    def rows(self, superseded: bool) -> list[dict]:
        described = self.content if self.told is None else self.told
        row = {
            "object": uri(OBJECTS + self.id),
            "spec": uri(SPECS + self.spec),
            "station": uri(STATIONS + self.station),
            "name": literal(self.name),
            "size": literal(len(described), "long"),
            "submitted": literal(self.submitted, "dateTime"),
            "start": literal(self.start, "dateTime"),
            "end": literal(self.end, "dateTime"),
            "superseded": literal(str(superseded).lower(), "boolean"),
        }
        if self.sha256:
            row["sha256"] = literal(hashlib.sha256(described).hexdigest(), "hexBinary")
        if self.citation:
            row["citation"] = literal(self.citation)
        return [row | {"previous": uri(OBJECTS + p)} for p in self.previous] or [row]


@dataclass
class CarbonPortal:
    """The replayed portal; `troubles` are taken one by request to the data service, before it is answered."""

    objects: list[Held] = field(default_factory=list)
    stations: list[tuple[str, str, str]] = field(
        default_factory=lambda: [
            ("ES_DE-Tha", "DE-Tha", "Tharandt"),
            ("ES_DE-Hai", "DE-Hai", "Hainich"),
            ("FLUXNET_ES-Agu", "ES-Agu", "Amoladeras"),
            ("AS_HTM", "HTM", "Hyltemossa"),
            ("OS_SOOP-1", "SOOP-1", "A ship"),
        ]
    )
    troubles: deque = field(default_factory=deque)
    requests: list[tuple[str, str, dict]] = field(default_factory=list)
    down: bool = False
    ranges: bool = True
    accepts_tokens: bool = True
    drip: float = 0.0
    url: str = ""

    def asked(self, start: str) -> list[dict]:
        """Headers of the requests whose path starts so."""
        return [headers for _, path, headers in self.requests if path.startswith(start)]

    def superseded(self) -> set[str]:
        return {p for o in self.objects for p in o.previous}

    def sparql(self, text: str) -> list[dict]:
        """Rows for the handful of questions that the connector asks, told apart by what they select."""
        if "?level" in text:
            kinds = (
                ("etcL2Fluxnet", "ETC L2 Fluxnet", 2),
                ("miscFluxnetArchiveProduct", "FLUXNET zip archive", 2),
            )
            return [
                {"spec": uri(SPECS + n), "label": literal(label), "level": literal(level, "integer")}
                for n, label, level in kinds
            ]
        if "isNextVersionOf+" in text:
            return [
                {"object": uri(OBJECTS + i)}
                for i in self._newest(re.findall(r"objects/([\w-]{24})", text)[0])
            ]
        if "SELECT ?station WHERE" in text:
            wanted = re.findall(r'hasStationId "([^"]*)"', text)
            return [{"station": uri(STATIONS + u)} for u, i, _ in self.stations if i in wanted]
        return self._objects(text) if "?object" in text else self._stations(text)

    def _stations(self, text: str) -> list[dict]:
        themes = re.findall(r"cpmeta:(ES|AS|OS)\b", text) or ["ES", "AS", "OS", "FLUXNET"]
        return [
            {
                "station": uri(STATIONS + u),
                "type": uri(ONTOLOGY + u.split("_")[0]),
                "id": literal(i),
                "name": literal(n),
                "country": literal("DE"),
                "lat": literal(50.96, "double"),
                "offset": literal(1, "integer"),
                "ecosystem": uri(ONTOLOGY + "igbp_ENF"),
            }
            for u, i, n in self.stations
            if u.split("_")[0] in themes
        ]

    def _objects(self, text: str) -> list[dict]:
        def values(name: str) -> list[str]:
            block = re.search(rf"VALUES \?{name} {{([^}}]*)}}", text)
            return [u.rsplit("/", 1)[-1] for u in re.findall(r"<([^>]+)>", block[1])] if block else []

        ids, specs, stations = values("object"), values("spec"), values("station")
        old = self.superseded()
        return [
            row
            for o in sorted(self.objects, key=lambda o: o.id)
            if (not ids or o.id in ids)
            and (not specs or o.spec in specs)
            and (not stations or o.station in stations)
            and not ("FILTER NOT EXISTS" in text and o.id in old)
            for row in o.rows(o.id in old)
        ]

    def _newest(self, key: str) -> list[str]:
        follow = [o.id for o in self.objects if key in o.previous]
        return sorted({n for f in follow for n in (self._newest(f) or [f])})


@dataclass(frozen=True)
class Status:
    """Trouble: answer with a status."""

    code: int
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Cut:
    """Trouble: break off after so many bytes of the body."""

    after: int


@dataclass(frozen=True)
class Stall:
    """Trouble: say nothing more after so many bytes of the body."""

    after: int


@dataclass(frozen=True)
class Page:
    """Trouble: a page for people, with status 200."""


@dataclass(frozen=True)
class Move:
    """Trouble: redirect elsewhere."""

    to: str


class _Desk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    @property
    def portal(self) -> CarbonPortal:
        return self.server.portal  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.portal.requests.append(("GET", self.path, dict(self.headers)))
        trouble = self.portal.troubles.popleft() if self.portal.troubles else None
        if isinstance(trouble, Status):
            return self._answer(trouble.code, b"no", dict(trouble.headers))
        if isinstance(trouble, Page):
            return self._page()
        if isinstance(trouble, Move):
            return self._answer(302, b"", {"Location": trouble.to})
        if parts.path == "/licence_accept":
            key = json.loads(parse_qs(parts.query)["ids"][0])[0]
            cookie = f"CpLicenseAcceptedFor={key}; Path=/objects/{key}"
            return self._answer(302, b"", {"Location": f"/objects/{key}", "Set-Cookie": cookie})
        if parts.path.startswith("/objects/"):
            return self._object(parts.path.rsplit("/", 1)[-1], trouble)
        return self._page() if parts.path == "/licence" else self._answer(404, b"nothing here")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.portal.requests.append(("POST", self.path, dict(self.headers)))
        form = {k: v[0] for k, v in parse_qs(body).items()}
        if self.path == "/password/login":
            good = (form.get("mail"), form.get("password")) == (MAIL, PASSWORD)
            cookie = f"{token()}; Domain=.icos-cp.eu; Path=/; Secure; HttpOnly"
            return self._answer(200, b"ok", {"Set-Cookie": cookie}) if good else self._answer(403, b"who?")
        if self.portal.down:
            return self._answer(503, b"being mended")
        rows = self.portal.sparql(form["query"])
        window = re.search(r"LIMIT (\d+) OFFSET (\d+)", form["query"])
        limit, offset = map(int, window.groups()) if window else (len(rows), 0)
        text = json.dumps({"head": {"vars": []}, "results": {"bindings": rows[offset : offset + limit]}})
        return self._answer(200, text.encode(), {"Content-Type": "application/sparql-results+json"})

    def _object(self, key: str, trouble: object) -> None:
        found = next((o for o in self.portal.objects if o.id == key), None)
        if found is None:
            return self._answer(404, b"no such object")
        cookies = self.headers.get("Cookie", "")
        consent = f"CpLicenseAcceptedFor={key}" in unquote(cookies)
        if not consent and not ("cpauthToken=" in cookies and self.portal.accepts_tokens):
            return self._answer(302, b"", {"Location": f"/licence?ids=%5B%22{key}%22%5D"})
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and self.portal.ranges else 0
        total = len(found.content)
        if start and start >= total:
            return self._answer(416, b"", {"Content-Range": f"bytes */{total}"})
        headers = {
            "Content-Type": "application/zip",
            "Content-Disposition": f'attachment; filename="{found.name}"',
        }
        if start:
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        cut = trouble.after if isinstance(trouble, Cut | Stall) else None
        self._answer(206 if start else 200, found.content[start:], headers, cut)
        if isinstance(trouble, Stall):
            time.sleep(1.0)
        return None

    def _page(self) -> None:
        self._answer(200, b"<!DOCTYPE html><p>Please accept", {"Content-Type": "text/html; charset=UTF-8"})

    def _answer(self, code: int, body: bytes, headers: dict | None = None, cut: int | None = None) -> None:
        self.send_response(code)
        for name, value in ({"Content-Type": "text/plain"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = body if cut is None else body[:cut]
        size = 1 << 14 if self.portal.drip else len(sent) or 1
        for start in range(0, len(sent), size):
            self.wfile.write(sent[start : start + size])
            time.sleep(self.portal.drip)
        self.close_connection = self.close_connection or cut is not None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A reader that hangs up is what some tests are about."""


@contextmanager
def serving(portal: CarbonPortal):
    """The portal at work on a free port of this machine."""
    server = _Server(("127.0.0.1", 0), _Desk)
    server.portal = portal  # type: ignore[attr-defined]
    portal.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield portal
    finally:
        server.shutdown()
        server.server_close()
