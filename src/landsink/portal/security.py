"""What stands between the world and the application: hosts, origins, sizes, speed, counts, headers."""

import asyncio
import math
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from landsink.portal.buckets import Buckets, asker
from landsink.portal.problems import Refusal, failure, problem
from landsink.portal.settings import Settings

# What a page may load: this server's own, and nothing else.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "font-src 'self'",
        "manifest-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self), payment=()",
}
# What other sites' pages may read: everything public, but nothing of accounts.
PRIVATE = ("/api/session", "/api/tokens", "/api/uploads")
EXPOSED = (
    "Link, Location, ETag, Content-Range, Accept-Ranges, Content-Disposition, Content-Length, Retry-After"
)
# Bytes that are packed already, or that a client reads by ranges; and secrets, whose length packing would tell.
UNPACKED = ("/zarr/", "/assets/", "/api/session", "/api/tokens")
UNPACKED_ENDS = (".png", "/data", "/crate", "/subset")
# What may be long: the bytes of an upload, which its route counts itself.
LONG = ("/api/uploads/", "/content")


HOST = re.compile(r"(?:(?P<name>[a-z0-9._-]+)|\[(?P<six>[0-9a-f:.]+)\])(?::\d{1,5})?")


class Guard:
    """The outermost layer: refuses before the application is asked, and dresses every answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.hosts = settings.names
        rate = settings.per_minute
        # A page asks for many things at once: a third of a minute's questions may come together.
        self.buckets = Buckets(rate, max(rate / 3, 1)) if rate else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def dressed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                _dress(scope, headers)
                if not self.settings.open_reads and headers.get("cache-control", "").startswith("public"):
                    headers["Cache-Control"] = headers["Cache-Control"].replace("public", "private", 1)
            await send(message)

        try:
            early = self._refusal(scope) or _preflight(scope)
            if early is None and not _long(scope["path"]):
                receive = await _whole(scope, receive, self.settings)
            await (early or self.app)(scope, receive, dressed)
        except Refusal as error:
            await problem(error.status, error, error.headers)(scope, receive, dressed)
        except Exception as error:
            if begun:
                # Half an answer is out: the connection must break, so that nobody takes it for whole.
                raise
            await failure(error, scope["path"])(scope, receive, dressed)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self.hosts and _name(headers.get("host", "")) not in self.hosts:
            said = Refusal(
                400, "This portal is not known by that name.", "Its own name in Host.", "See 'hosts'."
            )
            return problem(400, said)
        if self.buckets is not None and (wait := self.buckets.take(asker(scope))):
            seconds = str(math.ceil(wait))
            said = Refusal(
                429, "Too many questions.", f"{self.settings.per_minute} a minute.", f"Wait {seconds} s."
            )
            return problem(429, said, {"Retry-After": seconds})
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and _foreign(headers):
            said = Refusal(
                403, "Another site's page cannot write here.", "A page of this portal, or a program."
            )
            return problem(403, said)
        return None


class Packing:
    """gzip for what it makes smaller, and for nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.packed = app, GZipMiddleware(app, minimum_size=1000, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        plain = (
            scope["type"] != "http"
            or path.startswith(UNPACKED)
            or path.endswith(UNPACKED_ENDS)
            or any(name == b"range" for name, _ in scope["headers"])
        )
        await (self.app if plain else self.packed)(scope, receive, send)


async def _whole(scope: Scope, receive: Receive, settings: Settings) -> Receive:
    """The body of a question read whole before it is answered, within its size and time."""
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    if length == "0" and "transfer-encoding" not in headers:
        return receive
    if length.isdigit() and int(length) > settings.body:
        raise _large(settings.body)
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(settings.patience):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return receive
                parts.append(message.get("body", b""))
                size, more = size + len(parts[-1]), message.get("more_body", False)
                if size > settings.body:
                    raise _large(settings.body)
    except TimeoutError:
        raise Refusal(
            408,
            f"The question did not arrive within {settings.patience:g} s.",
            headers={"Connection": "close"},
        ) from None
    waiting = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _long(path: str) -> bool:
    return path.startswith(LONG[0]) and path.endswith(LONG[1])


def _large(most: int) -> Refusal:
    return Refusal(
        413, "The question is too long.", f"At most {most} bytes.", headers={"Connection": "close"}
    )


def _name(host: str) -> str:
    """The name in a Host header, without its port; '' where it is none."""
    found = HOST.fullmatch(host.lower())
    return (found["name"] or found["six"]) if found else ""


def _foreign(headers: Headers) -> bool:
    """Whether a page of another site asks. Programs send no Origin; a token is never sent by a browser unasked."""
    if headers.get("authorization", "").lower().startswith("bearer "):
        return False
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def _open(path: str) -> bool:
    return path.startswith(("/api", "/zarr/")) and not path.startswith(PRIVATE)


def _preflight(scope: Scope) -> Response | None:
    """The answer to a browser that asks whether another site's page may read."""
    headers = Headers(scope=scope)
    asked = headers.get("access-control-request-method")
    if scope["method"] != "OPTIONS" or asked is None:
        return None
    if not _open(scope["path"]) or asked not in ("GET", "HEAD"):
        return problem(403, Refusal(403, "Another site's page may only read here.", "GET of what is public."))
    allowed = {"Access-Control-Allow-Methods": "GET, HEAD", "Access-Control-Allow-Headers": "Range, Accept"}
    return Response(status_code=204, headers=allowed | {"Access-Control-Max-Age": "86400"})


def _dress(scope: Scope, headers: MutableHeaders) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    path = scope["path"]
    if _open(path) and scope["method"] in ("GET", "HEAD", "OPTIONS"):
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Access-Control-Expose-Headers"] = EXPOSED
        headers.setdefault("Cross-Origin-Resource-Policy", "cross-origin")
    else:
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if path.startswith(PRIVATE):
        headers["Cache-Control"] = "no-store"


def asked_by(request: Request) -> str:
    """The address of who asks, as the server sees it."""
    return request.client.host if request.client else ""
