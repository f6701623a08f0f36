"""What a route may ask of its visitor: Reader, Contributor, Curator, Runner."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from landsink.portal.accounts.store import Holder, csrf
from landsink.portal.context import Here
from landsink.portal.problems import Refusal

COOKIE = "landsink_session"
HEADER = "X-CSRF-Token"
SAFE = ("GET", "HEAD", "OPTIONS")

_bearer = HTTPBearer(auto_error=False, description="A token of 'landsink token make' or POST /api/tokens.")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="The session of a browser.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
Cookie = Annotated[str | None, Depends(_cookie)]


@dataclass(frozen=True)
class Visitor:
    """Who asks. `account` is '' for anybody; `scopes` are what may be done; `session` is a browser's secret."""

    account: str = ""
    role: str = ""
    scopes: frozenset[str] = frozenset({"read"})
    session: str = ""

    def may(self, scope: str) -> bool:
        """Whether this visitor may do such a thing."""
        return scope in self.scopes


def visitor(request: Request, here: Here, bearer: Bearer, cookie: Cookie) -> Visitor:
    """Who asks, by token or session; anybody without. A secret that holds no longer is refused, not passed over."""
    if bearer is not None:
        return _known(here.accounts.token(bearer.credentials), "This token is not valid.")
    if cookie:
        found = here.accounts.session(cookie)
        if found is None and request.method in SAFE:
            return Visitor()
        known = _known(found, "This session has ended.", cookie)
        if request.method not in SAFE and not hmac.compare_digest(
            request.headers.get(HEADER, "").encode(), csrf(cookie).encode()
        ):
            raise Refusal(
                403,
                f"The header {HEADER} is missing or not this session's.",
                "The word that POST /api/session gave.",
                "Send it with every write of a browser.",
            )
        return known
    return Visitor()


def _known(found: Holder | None, said: str, session: str = "") -> Visitor:
    if found is None:
        raise Refusal(401, said, "", "Log in, or make a new token.", {"WWW-Authenticate": "Bearer"})
    return Visitor(found.account, found.role, found.scopes, session)


Anyone = Annotated[Visitor, Depends(visitor)]


def _asking(scope: str) -> Callable[[Visitor], Visitor]:
    def ask(who: Anyone) -> Visitor:
        if who.may(scope):
            return who
        if not who.account:
            raise Refusal(
                401,
                "You are not known here.",
                f"A token with the scope '{scope}', or a session.",
                "Ask the portal's keeper: landsink token make.",
                {"WWW-Authenticate": "Bearer"},
            )
        raise Refusal(
            403,
            f"'{who.account}' may not do this with what was sent.",
            f"The scope '{scope}'.",
            "A token with that scope, or a higher role.",
        )

    return ask


def reading(here: Here, who: Anyone) -> Visitor:
    """Who reads. Where the portal is closed to strangers: Refusal (401) of one, (403) of a token for other things."""
    if here.settings.open_reads:
        return who
    if who.account:
        return _asking("read")(who)
    raise Refusal(
        401,
        "This portal is read by those who are known to it.",
        "A token, or a session.",
        "",
        {"WWW-Authenticate": "Bearer"},
    )


def _running(here: Here, who: Anyone) -> Visitor:
    settings = here.settings
    # On one's own machine, as long as nobody has an account, whoever sits there may run.
    if settings.open_jobs and settings.local and not who.account and here.accounts.empty:
        return who
    return _asking("run")(who)


Reader = Annotated[Visitor, Depends(reading)]
Contributor = Annotated[Visitor, Depends(_asking("write"))]
Curator = Annotated[Visitor, Depends(_asking("curate"))]
Runner = Annotated[Visitor, Depends(_running)]
