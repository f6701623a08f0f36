"""A small HTTP client: time-outs, retries, and cookies that never leave the host that they belong to.

Redirects are followed here, one by one, since the standard library's own follower sends every header on to any host.
"""

import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from random import random
from typing import Protocol
from urllib.parse import urlencode, urljoin, urlsplit

from landsink.core.errors import DataError, LandsinkError

# What a server answers when it is busy or restarting: asking again may help, and nothing else does.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
MOVED = frozenset({301, 302, 303, 307, 308})
BEYOND_THE_END = (
    416  # a range that starts past a file's last byte: whoever asked for it knows what that means
)
ANSWERED = frozenset({200, 203, 206, BEYOND_THE_END})
HOPS = 8
LOST = (urllib.error.URLError, http.client.HTTPException, OSError)


class Unreachable(LandsinkError):
    """A host that does not answer, or only to say that it is busy."""


class Refused(LandsinkError):
    """A host that asks for a login or for a licence to be accepted."""


class Body(Protocol):
    """The bytes of an answer."""

    def read(self, amount: int = ..., /) -> bytes:
        """At most `amount` bytes; none at the end."""
        ...

    def read1(self, amount: int = ..., /) -> bytes:
        """What has come, at most `amount` bytes, waiting only where nothing has; none at the end."""
        ...

    def close(self) -> None:
        """Let the connection go."""
        ...


@dataclass(frozen=True)
class Answer:
    """What came back, its body still unread: `url` is where redirects led, `cookies` what the first host has set."""

    url: str
    status: int
    headers: Message
    body: Body
    cookies: Mapping[str, str]

    def close(self) -> None:
        """Let the connection go."""
        self.body.close()

    @property
    def is_page(self) -> bool:
        """Whether the body is a page for people."""
        return self.headers.get_content_type() in ("text/html", "application/xhtml+xml")


class _Still(urllib.request.HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True)
class Client:
    """Asks and asks again: `timeout` [s] of silence, `tries` in all, `pause` [s] before the second, doubled each time.

    A server that names its own pause (Retry-After) is obeyed, up to `longest` seconds. Proxies come from the
    environment, as everywhere (https_proxy, no_proxy).
    """

    timeout: float = 60.0
    tries: int = 4
    pause: float = 1.0
    longest: float = 120.0
    agent: str = "landsink"

    def open(
        self,
        url: str,
        cookies: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to a GET, or to a POST of a `form`; close it. `cookies` go to the host of `url` and to no other.

        Raises Unreachable (no network, or still busy after all tries), Refused (401, 403) and DataError (any other
        answer than a success or 416).
        """
        lost: Unreachable | None = None
        for attempt in range(self.tries):
            if attempt:
                time.sleep(self._pause(attempt, lost.wait if isinstance(lost, _Busy) else None))
            try:
                answer = self._follow(url, dict(cookies or {}), form, dict(headers or {}))
            except LOST as err:
                lost = _lost(url, err)
                if _hopeless(err):
                    break
                continue
            if answer.status not in PASSING:
                return _checked(answer)
            answer.close()
            lost = _Busy.of(answer, self.tries)
        assert lost is not None
        raise lost

    def read(
        self,
        url: str,
        cookies: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Answer, bytes]:
        """The answer and its whole body; a body that breaks off is asked for again. Raises as `open` does."""
        for attempt in range(self.tries):
            if attempt:
                time.sleep(self._pause(attempt, None))
            answer = self.open(url, cookies, form, headers)
            try:
                body = answer.body.read()
            except LOST:
                continue
            finally:
                answer.close()
            promised = answer.headers.get("Content-Length", "")
            if len(body) >= (int(promised) if promised.isdigit() else 0):
                return answer, body
        raise Unreachable(
            f"The answer of {host(url)} broke off {self.tries} times.", remedy="Try again later."
        )

    def _pause(self, attempt: int, told: float | None) -> float:
        """Seconds to wait: what the server told, or a doubled pause, a little uneven so that a crowd thins out."""
        own = self.pause * 2 ** (attempt - 1) * (0.75 + 0.5 * random())
        return min(own if told is None else told, self.longest)

    def _follow(
        self, url: str, cookies: dict[str, str], form: Mapping[str, str] | None, headers: dict
    ) -> Answer:
        jars: dict[tuple[str, str], dict[str, str]] = {origin(url): cookies}
        first, here = url, url
        for _ in range(HOPS):
            jar = jars.setdefault(origin(here), {})
            answer = self._once(here, jar, form, headers)
            jar.update(_set_cookies(answer.headers))
            target = answer.headers.get("Location")
            if answer.status not in MOVED or not target:
                return Answer(here, answer.status, answer.headers, answer.body, jars[origin(first)])
            answer.close()
            there = urljoin(here, target)
            _check_move(here, there)
            # a form may hold a password: it follows no redirect
            here, form = there, None
        raise DataError(f"{host(first)} redirected {HOPS} times.", "An answer.", "Try again later.")

    def _once(
        self, url: str, jar: Mapping[str, str], form: Mapping[str, str] | None, headers: dict
    ) -> Answer:
        sent = {"User-Agent": self.agent, **headers}
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        data = urlencode(form).encode() if form is not None else None
        opener = urllib.request.build_opener(_Still())
        try:
            request = urllib.request.Request(url, data=data, headers=sent)
            reply = opener.open(request, timeout=self.timeout)
        except urllib.error.HTTPError as err:
            reply = err
        except (ValueError, http.client.InvalidURL):
            raise DataError(f"'{url}' cannot be asked.", "An address that begins with https://.") from None
        return Answer(url, reply.status or 0, reply.headers, reply, {})


def host(url: str) -> str:
    """The host that a URL names."""
    return urlsplit(url).hostname or url


def origin(url: str) -> tuple[str, str]:
    """Scheme and host with port: cookies belong to it."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


class _Busy(Unreachable):
    """A busy host, with the pause [s] that it asks for."""

    wait: float | None = None

    @classmethod
    def of(cls, answer: Answer, tries: int) -> "_Busy":
        busy = cls(
            f"{host(answer.url)} answered {answer.status} {tries} times.",
            remedy="It is busy or being mended; try again later. What is on the shelf can be used meanwhile.",
        )
        busy.wait = _told(answer.headers.get("Retry-After"))
        return busy


def _told(text: str | None) -> float | None:
    """Seconds of a Retry-After header, which are a number or a date; None where it says neither."""
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _lost(url: str, err: Exception) -> Unreachable:
    reason = getattr(err, "reason", err)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Unreachable(
            f"The certificate of {host(url)} is not trusted: {reason.verify_message}.",
            remedy="A proxy may stand between; give its certificate in SSL_CERT_FILE.",
        )
    silence = isinstance(reason, TimeoutError)
    return Unreachable(
        f"{host(url)} cannot be reached: {'no answer in time' if silence else reason}.",
        remedy="Is there a network, or a proxy to be named in https_proxy? What is on the shelf works without.",
    )


def _hopeless(err: Exception) -> bool:
    """Whether asking again would give the same: a name that nobody knows, a certificate that is not trusted."""
    reason = getattr(err, "reason", err)
    unknown = isinstance(reason, socket.gaierror) and reason.errno == socket.EAI_NONAME
    return unknown or isinstance(reason, ssl.SSLCertVerificationError)


def _checked(answer: Answer) -> Answer:
    if answer.status in ANSWERED:
        return answer
    said = b""
    with closing(answer), suppress(*LOST):
        said = said if answer.is_page else answer.body.read(300)
    words = f"{host(answer.url)} answered {answer.status}" + (
        f": {said.decode(errors='replace')}" if said else ""
    )
    if answer.status in (401, 403):
        raise Refused(
            f"{words.rstrip('.')}.",
            "A valid login.",
            "Get a fresh token from https://cpauth.icos-cp.eu (My Account) and give it as token=…",
        )
    raise DataError(f"{words.rstrip('.')}.", f"An answer at {urlsplit(answer.url).path}.")


def _check_move(here: str, there: str) -> None:
    parts = urlsplit(there)
    if parts.scheme not in ("http", "https") or (urlsplit(here).scheme, parts.scheme) == ("https", "http"):
        raise DataError(
            f"{host(here)} redirects from a safe connection to {parts.scheme}://{parts.netloc}.",
            "https throughout.",
        )


def _set_cookies(headers: Message) -> dict[str, str]:
    pairs = (line.split(";")[0].strip().partition("=") for line in headers.get_all("Set-Cookie") or [])
    return {name: value for name, sign, value in pairs if sign and name}
