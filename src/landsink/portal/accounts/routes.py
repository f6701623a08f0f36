"""Sessions of browsers and tokens of programs."""

import math
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from landsink.portal.accounts.roles import COOKIE, Anyone, Reader, Visitor
from landsink.portal.accounts.store import SESSION_HOURS, Token, csrf
from landsink.portal.buckets import asker
from landsink.portal.context import Here
from landsink.portal.problems import Refusal, answers

router = APIRouter(prefix="/api", tags=["accounts"])

Scope = Literal["read", "write", "run", "curate"]
TokenId = Annotated[str, Path(max_length=64, examples=["0123456789abcdef"])]


class Login(BaseModel):
    """A name and its password."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=100, examples=["jane"])
    password: str = Field(max_length=200, examples=["a few plain words"])


class Who(BaseModel):
    """Who asks, and what may be done."""

    account: str = Field(description="The name; empty for anybody.")
    role: str = Field(description="reader, contributor or curator; empty for anybody.")
    scopes: list[str]
    csrf: str = Field("", description="A browser sends it as X-CSRF-Token with every write.")
    may_run: bool = Field(description="Whether runs may be submitted.")


class TokenAsked(BaseModel):
    """What a new token shall be."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=100, examples=["notebook"])
    scopes: list[Scope] = Field(min_length=1, max_length=4, examples=[["read", "run"]])
    days: int | None = Field(
        None, ge=1, le=36_500, description="Days that it lives; without end if not given."
    )


class TokenShown(BaseModel):
    """A token, without its secret."""

    id: str
    account: str
    name: str
    scopes: list[str]
    created: str
    expires: str = Field(description="Empty for a token without end.")
    used: str = Field(description="When it was last used, to ten minutes; empty for never.")


class TokenMade(TokenShown):
    """A new token with its secret, which is told this once."""

    token: str = Field(description="Sent as 'Authorization: Bearer …'.")


class Tokens(BaseModel):
    """The tokens of an account."""

    tokens: list[TokenShown]


@router.post("/session", operation_id="login", responses=answers(401, 403, 422, 429))
def login(asked: Login, here: Here, request: Request, response: Response) -> Who:
    """Log a browser in. The session is a cookie that scripts cannot read; it ends after twelve hours."""
    for key in (f"from {asker(request.scope)}", f"name {asked.name}"):
        if wait := request.app.state.logins.take(key):
            seconds = math.ceil(wait)
            raise Refusal(
                429, "Too many tries.", "", f"Wait {seconds} seconds.", {"Retry-After": str(seconds)}
            )
    found = here.accounts.login(asked.name, asked.password)
    if found is None:
        raise Refusal(401, "Name or password is wrong.", "", "'landsink account password' sets a new one.")
    secret, holder = found
    response.set_cookie(
        COOKIE,
        secret,
        max_age=SESSION_HOURS * 3600,
        path="/",
        secure="https" in (request.url.scheme, here.settings.address.partition(":")[0]),
        httponly=True,
        samesite="lax",
    )
    return _who(here, Visitor(holder.account, holder.role, holder.scopes, secret))


@router.get("/session", operation_id="whoami", responses=answers(401))
def whoami(here: Here, who: Anyone) -> Who:
    """Who asks, and what may be done."""
    return _who(here, who)


@router.delete("/session", operation_id="logout", status_code=204, responses=answers(401, 403))
def logout(here: Here, who: Anyone, response: Response) -> None:
    """Log the browser out."""
    if who.session:
        here.accounts.logout(who.session)
    response.delete_cookie(COOKIE, path="/")


@router.get("/tokens", operation_id="tokens", responses=answers(401, 403))
def tokens(here: Here, who: Reader) -> Tokens:
    """The tokens of one's own account."""
    owner = _owner(who)
    return Tokens(tokens=[_shown(t) for t in here.accounts.tokens(owner)])


@router.post("/tokens", operation_id="make_token", status_code=201, responses=answers(401, 403, 422))
def make_token(asked: TokenAsked, here: Here, who: Reader) -> TokenMade:
    """A new token of one's own account; its secret is told this once."""
    secret, made = here.accounts.make_token(_owner(who), asked.name, asked.scopes, asked.days)
    return TokenMade(token=secret, **_shown(made).model_dump())


@router.delete(
    "/tokens/{id}", operation_id="revoke_token", status_code=204, responses=answers(401, 403, 404, 422)
)
def revoke(id: TokenId, here: Here, who: Reader) -> None:
    """Take a token of one's own account away; it is refused from now on."""
    here.accounts.revoke(id, _owner(who))


def _owner(who: Visitor) -> str:
    """The account of a session: a token cannot make another, so that a stolen one dies with its revocation."""
    if not who.account:
        raise Refusal(401, "You are not known here.", "A session.", "POST /api/session.")
    if not who.session:
        raise Refusal(403, "A token cannot look after tokens.", "A session.", "POST /api/session.")
    return who.account


def _who(here: Here, who: Visitor) -> Who:
    settings = here.settings
    open_jobs = settings.open_jobs and settings.local and not who.account and here.accounts.empty
    return Who(
        account=who.account,
        role=who.role,
        scopes=sorted(who.scopes),
        csrf=csrf(who.session) if who.session else "",
        may_run=who.may("run") or open_jobs,
    )


def _shown(token: Token) -> TokenShown:
    return TokenShown(
        id=token.id,
        account=token.account,
        name=token.name,
        scopes=list(token.scopes),
        created=token.created,
        expires=token.expires,
        used=token.used,
    )
