"""Failures as problem documents (RFC 9457): what was found, what was expected, what to do."""

import logging
import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from landsink.core.errors import LandsinkError, UnknownName

MEDIA = "application/problem+json"
LOG = logging.getLogger("landsink.portal")
WORDS = {
    400: "The question cannot be understood.",
    401: "The token or password is not valid.",
    403: "This may not be done with what you are.",
    404: "There is no such thing.",
    406: "No form that was asked for can be given.",
    408: "The sender was too slow.",
    409: "It does not fit the present state.",
    410: "It is gone.",
    413: "Too much was sent or asked for.",
    415: "Content of this type is not read.",
    416: "No such part of the bytes.",
    422: "The question has a fault, which is told.",
    429: "Too many questions; Retry-After says when to ask again.",
    503: "For the moment it cannot be answered.",
    507: "The disk is full; nothing was kept.",
}


class Problem(BaseModel):
    """A failure (RFC 9457). `found`, `expected` and `remedy` say in words what to do."""

    type: str = Field("about:blank", description="Kind of the failure.")
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="HTTP status.", examples=[404])
    detail: str = Field("", description="The whole in a sentence.")
    found: str = Field("", description="What was found.", examples=["'abc' is not in the catalogue."])
    expected: str = Field("", description="What was expected.")
    remedy: str = Field("", description="What to do.", examples=["Near: abcdefghijkl."])
    id: str = Field("", description="Under which the server's log knows it; failures of the server only.")


class Refusal(LandsinkError):
    """An answer other than what was asked for, with its HTTP status."""

    def __init__(
        self,
        status: int,
        found: str,
        expected: str = "",
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
        type: str = "about:blank",
    ) -> None:
        super().__init__(found, expected, remedy)
        self.status, self.headers, self.type = status, dict(headers or {}), type


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Failures for a route's `responses`: `responses=answers(404, 422)`."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {s: {"description": WORDS[s], "content": {MEDIA: {"schema": schema}}} for s in statuses}


def problem(
    status: int, error: LandsinkError, headers: Mapping[str, str] | None = None, identity: str = ""
) -> Response:
    """A problem document as a response."""
    page = Problem(
        type=error.type if isinstance(error, Refusal) else "about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=str(error),
        found=error.found,
        expected=error.expected,
        remedy=error.remedy,
        id=identity,
    )
    return JSONResponse(page.model_dump(), status, dict(headers or {}), MEDIA)


def status_of(error: LandsinkError) -> int:
    """The HTTP status of a failure: 404 unknown name, 503 or 507 where the store fails, else 422."""
    if isinstance(error, Refusal):
        return error.status
    if isinstance(error, UnknownName):
        return 404
    cause = error.__cause__
    if isinstance(cause, OSError):
        return 507 if cause.errno in (28, 122) else 503
    return 503 if "OperationalError" in type(cause).__name__ else 422


def install(app: FastAPI) -> None:
    """Let an application answer failures as problems."""
    app.add_exception_handler(LandsinkError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)


def failure(error: Exception, path: str) -> Response:
    """The answer to a fault of ours: a number for the log, and nothing of the inside."""
    identity = secrets.token_hex(6)
    LOG.error("fault %s at %s", identity, path, exc_info=error)
    said = LandsinkError(
        "The server failed.", "", f"It is in the server's log as {identity}: tell its keeper this number."
    )
    return problem(500, said, identity=identity)


def outward(error: LandsinkError, root: str) -> LandsinkError:
    """The same failure without the places of this machine's disk: `root` and what lies below it."""
    inside = re.compile(rf"(?: at)? ?{re.escape(root)}[^\s'\",;)]*")
    error.found, error.expected, error.remedy = (
        inside.sub("", text) for text in (error.found, error.expected, error.remedy)
    )
    return error


def known_only(request: Request) -> None:
    """A dependency of routes that refuse parameters nobody knows, as OGC API Features asks. Refusal 400."""
    said = request.app.openapi()["paths"].get(request.scope["route"].path, {}).get(request.method.lower(), {})
    known = sorted(p["name"] for p in said.get("parameters", ()) if p["in"] == "query")
    odd = sorted(set(request.query_params) - set(known))
    if odd:
        raise Refusal(
            400, f"Nobody knows the parameter {', '.join(odd)[:200]}.", f"{', '.join(known) or 'None'}."
        )


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, LandsinkError)
    headers = error.headers if isinstance(error, Refusal) else {}
    said = outward(error, str(request.app.state.context.catalogue.root))
    return problem(status_of(error), said, headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    rows = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()[:20]]
    # STAC and OGC call a bad question 400.
    status = 400 if request.url.path.startswith(("/api/stac", "/api/collections")) else 422
    said = LandsinkError("; ".join(rows) + ".", "", "See /api/docs for what may be asked.")
    return problem(status, said)


async def _plain(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = LandsinkError(str(error.detail), WORDS.get(error.status_code, ""))
    return problem(error.status_code, said, error.headers)
