"""Who may have the portal's data: a token of the user's own, or a licence that the user accepts in so many words.

The token is the value of the cookie `cpauthToken`: base64 of `[expiry in ms, user, way of login]` in JSON, the byte
0x1e, and a signature. It lives 100 000 s. Source: README of the Carbon Portal's metadata service ("Authentication") and
of its Python library.
"""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from landsink.core.errors import LandsinkError
from landsink.sources.icos.client import Client, Refused, host

AUTH = "https://cpauth.icos-cp.eu"
COOKIE = "cpauthToken"
VARIABLE = "ICOS_TOKEN"
SEPARATOR = b"\x1e"
# Nothing is begun with a token that ends in so many seconds.
MARGIN = 10.0
LICENCE = "https://data.icos-cp.eu/licence"
HOW = (
    "Either get a token at https://cpauth.icos-cp.eu (My Account) and give it as token=… or in the environment "
    f"variable {VARIABLE}, or read {LICENCE} (CC BY 4.0, with the ICOS data policy) and say accept_licence=True."
)


@dataclass(frozen=True)
class Token:
    """A login that ends: `value` never shows in print. `expires` is None where the token does not tell."""

    value: str = field(repr=False)
    user: str = ""
    expires: datetime | None = None

    @property
    def cookies(self) -> Mapping[str, str]:
        """What to send, to the data host only."""
        return {COOKIE: self.value}

    def check(self) -> None:
        """Raises Refused where the token has ended."""
        left = MARGIN if self.expires is None else (self.expires - datetime.now(UTC)).total_seconds()
        if left < MARGIN:
            raise Refused(
                f"The token ended on {self.expires:%Y-%m-%d %H:%M} UTC.",
                "One that is valid (they live for about 28 hours).",
                "Get a fresh one at https://cpauth.icos-cp.eu (My Account), or with landsink.sources.icos.log_in.",
            )


def token(text: str | Token | None) -> Token | None:
    """A Token from what the portal's account page shows, with or without `cpauthToken=` before it.

    None looks into the environment variable ICOS_TOKEN. Raises LandsinkError where the text is no token.
    """
    given = text if text is not None else os.environ.get(VARIABLE)
    if given is None or isinstance(given, Token):
        return given
    value = given.strip().split(";")[0].removeprefix(COOKIE + "=").strip().strip('"')
    try:
        head, found, _ = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).partition(SEPARATOR)
        millis, user = json.loads(head)[:2]
        expires = datetime.fromtimestamp(millis / 1000, UTC)
        if not found:
            raise ValueError(value)
    except (ValueError, TypeError, binascii.Error, KeyError, OverflowError, OSError):
        raise LandsinkError(
            f"The token ({len(value)} characters) cannot be read.",
            "What the account page of https://cpauth.icos-cp.eu shows: 'cpauthToken=…'.",
            "Copy it whole.",
        ) from None
    return Token(value, str(user), expires)


def log_in(mail: str, password: str, client: Client | None = None, auth: str = AUTH) -> Token:
    """A token for a mail address and a password of the portal's own accounts; nothing is stored.

    Raises Refused where the portal does not know them, Unreachable without a network.
    """
    try:
        answer, _ = (client or Client()).read(
            f"{auth.rstrip('/')}/password/login", form={"mail": mail, "password": password}
        )
    except Refused:
        raise Refused(f"{host(auth)} does not know {mail} with this password.", remedy=HOW) from None
    if COOKIE not in answer.cookies:
        raise Refused(f"{host(auth)} gave no token for {mail}.", remedy=HOW)
    found = token(answer.cookies[COOKIE])
    assert found is not None
    return found
