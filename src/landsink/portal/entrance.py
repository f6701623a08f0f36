"""The way in: what the interface offers, what it conforms to, whether it is well, and its own description."""

import html
import time
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from landsink import __version__
from landsink.catalogue import Query
from landsink.portal.context import Address, Here
from landsink.portal.problems import WORDS, Problem
from landsink.portal.records import Link

router = APIRouter(prefix="/api", tags=["entrance"])

CONFORMS = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landing-page",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
)
OPENAPI = "application/vnd.oai.openapi+json;version=3.1"
METHODS = ("get", "post", "put", "patch", "delete")
# What stands under OGC API Features, EDR and STAC API.
LISTED = ("GET /api/collections", "GET /api/stac")


class Landing(BaseModel):
    """The way in (OGC API Common)."""

    title: str
    description: str
    links: list[Link]


class Conformance(BaseModel):
    """Classes of requirements that the interface meets."""

    model_config = ConfigDict(populate_by_name=True)
    classes: list[str] = Field(alias="conformsTo")


class Health(BaseModel):
    """Whether the server is well."""

    status: str = Field(examples=["ok"])
    version: str
    items: int = Field(description="Data objects, old versions too.")
    milliseconds: float = Field(description="How long the catalogue took to say so.")


@router.get("", operation_id="entrance")
@router.get("/", include_in_schema=False)
def entrance(base: Address, request: Request) -> Landing:
    """What the interface offers."""
    held = request.app.openapi()["paths"]
    offers = [
        ("self", "/api", "application/json", "This page"),
        ("service-desc", "/api/openapi.json", OPENAPI, "OpenAPI"),
        ("service-doc", "/api/docs", "text/html", "What may be asked"),
        ("conformance", "/api/conformance", "application/json", "Conformance"),
        # OGC API Features and EDR name the relation in short, Common in full.
        (
            "http://www.opengis.net/def/rel/ogc/1.0/conformance",
            "/api/conformance",
            "application/json",
            "Conformance",
        ),
        ("data", "/api/collections", "application/json", "Collections (OGC API EDR and Features)"),
        (
            "http://www.opengis.net/def/rel/ogc/1.0/processes",
            "/api/processes",
            "application/json",
            "Processes",
        ),
        ("http://www.opengis.net/def/rel/ogc/1.0/job-list", "/api/jobs", "application/json", "Jobs"),
        ("search", "/api/objects", "application/json", "Data objects"),
        ("items", "/api/products", "application/json", "Gridded products"),
        ("related", "/api/stations", "application/json", "Stations"),
        ("child", "/api/stac", "application/json", "STAC API"),
        ("alternate", "/", "text/html", "The map"),
    ]
    always = ("/api/openapi.json", "/")
    links = [
        Link(rel=rel, href=f"{base}{path}", type=media, title=title)
        for rel, path, media, title in offers
        if path in held or path in always
    ]
    return Landing(
        title="landsink", description="Land carbon: products, stations, data objects, runs.", links=links
    )


@router.get("/conformance", operation_id="conformance")
def conformance(request: Request) -> Conformance:
    """The classes of requirements that the interface meets."""
    return Conformance(classes=list(request.app.state.conforms))


@router.get("/health", operation_id="health")
def health(here: Here) -> Health:
    """Whether the server is well and its catalogue answers."""
    start = time.perf_counter()
    total = here.catalogue.search(Query(latest=False, limit=1)).total
    took = round(1000 * (time.perf_counter() - start), 3)
    return Health(status="ok", version=__version__, items=total, milliseconds=took)


@router.get("/openapi.json", include_in_schema=False)
def document(request: Request) -> Response:
    """The interface's own description: as OpenAPI where that is accepted by name, else as JSON, which browsers show."""
    named = "application/vnd.oai.openapi+json" in request.headers.get("accept", "")
    return JSONResponse(request.app.openapi(), media_type=OPENAPI if named else "application/json")


@router.get("/docs", operation_id="docs", response_class=HTMLResponse)
def docs(request: Request) -> Response:
    """Everything that may be asked, as a plain page."""
    return HTMLResponse(_page(request.app.openapi()))


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, in which every failure is a Problem."""
    if app.openapi_schema:
        return app.openapi_schema
    page = get_openapi(
        title="landsink",
        version=__version__,
        description="Land carbon: products, stations, data objects, runs. Failures are problem documents (RFC 9457).",
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    schemas = page.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    fault = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for name, operation in operations(page):
        told = operation["responses"]
        if name.startswith(LISTED):
            _listed(operation)
        if "HTTPValidationError" in str(told.get("422", "")):
            told["422"] = {"description": "The question has a fault, which is told.", "content": fault}
        for status in _always(name, operation):
            told.setdefault(str(status), {"description": WORDS[status], "content": fault})
    app.openapi_schema = page
    return page


def _listed(operation: dict[str, Any]) -> None:
    """Lists in a question have commas between, as OGC API asks: 'style: form, explode: false'."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            parameter.update(style="form", explode=False)


def _always(name: str, operation: dict[str, Any]) -> tuple[int, ...]:
    """What any route may answer before it is asked: a wrong host, too many questions, a store that fails."""
    writes = () if name.startswith("GET ") else (401, 403)
    return (400, 429, 503, *writes, *((408, 413) if "requestBody" in operation else ()))


def operations(page: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Method and path of every operation of an OpenAPI document, with what is said of it."""
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in page["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def _page(page: dict[str, Any]) -> str:
    tags: dict[str, list[str]] = {}
    for name, operation in operations(page):
        asked = "".join(_parameter(p) for p in operation.get("parameters", []))
        body = "<p>A body is sent: see the OpenAPI document.</p>" if "requestBody" in operation else ""
        about = html.escape(operation.get("description") or operation.get("summary", ""))
        rows = f"<dl>{asked}</dl>" if asked else ""
        entry = f"<details><summary><code>{html.escape(name)}</code></summary><p>{about}</p>{rows}{body}</details>"
        tags.setdefault((operation.get("tags") or ["other"])[0], []).append(entry)
    parts = "".join(f"<h2>{html.escape(tag)}</h2>{''.join(rows)}" for tag, rows in tags.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>landsink: what may be asked</title>'
        '<meta name="viewport" content="width=device-width"></head><body><h1>landsink: what may be asked</h1>'
        '<p>The same for machines: <a href="/api/openapi.json">openapi.json</a>.</p>'
        + parts
        + "</body></html>"
    )


def _parameter(p: dict[str, Any]) -> str:
    schema = p.get("schema", {})
    kind = schema.get("type") or " or ".join(s.get("type", "") for s in schema.get("anyOf", []))
    must = ", required" if p.get("required") else ""
    about = html.escape(p.get("description", ""))
    return f"<dt><code>{html.escape(p['name'])}</code> ({html.escape(kind)}{must})</dt><dd>{about}</dd>"
