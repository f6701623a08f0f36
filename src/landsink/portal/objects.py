"""Data objects: search, descriptions, citations, lineage, rows of tables, usage."""

import csv
import math
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from landsink import catalogue
from landsink.catalogue.metadata import instant
from landsink.catalogue.table import HEAD, MISSING
from landsink.core.errors import DataError, unknown
from landsink.portal.context import Address, Context, Here
from landsink.portal.downloads import place
from landsink.portal.problems import Refusal, answers
from landsink.portal.records import Item, Name, json_ld, shown, whole

router = APIRouter(prefix="/api", tags=["objects"])

PLAIN = r"^[^\x00-\x1f]*$"
Word = Annotated[str, Query(max_length=128, pattern=PLAIN)]
Day = Annotated[
    str, Query(max_length=40, examples=["2001-01-01"], description="A day or a moment, ISO 8601.")
]
Form = Literal["text", "bibtex", "ris", "csl", "datacite", "jsonld"]
MEDIA = {
    "text": "text/plain; charset=utf-8",
    "bibtex": "application/x-bibtex",
    "ris": "application/x-research-info-systems",
    "csl": "application/vnd.citationstyles.csl+json",
    "datacite": "application/vnd.datacite.datacite+json",
    "jsonld": "application/ld+json",
}
MOST_ROWS = 10_000


class Found(BaseModel):
    """A page of a search."""

    total: int = Field(description="How many are found in all.")
    offset: int
    facets: dict[str, dict[str, int]] = Field(description="Aspect, value, how many would be left.")
    items: list[Item]


class Column(BaseModel):
    """A column of a table."""

    name: str
    unit: str
    type: str
    description: str


class Rows(BaseModel):
    """Rows of a table, with the units of its columns."""

    id: str
    total: int = Field(description="Rows of the whole table.")
    offset: int
    columns: list[Column]
    rows: list[list[float | str | None]] = Field(description="null where a value is missing.")


class Used(BaseModel):
    """Counts of a day."""

    day: str
    kind: str = Field(description="view or download")
    method: str = Field(description="person or machine")
    total: int
    visitors: int


class UsageShown(BaseModel):
    """How often an object was used. Robots and double clicks are not counted."""

    id: str
    views: int
    downloads: int
    days: list[Used]


class Source(BaseModel):
    """What something was made from, and what that was made from."""

    id: str | None = Field(None, description="Identifier; null for a raw file that is not in the catalogue.")
    name: str | None = Field(None, description="Name of a raw file.")
    title: str | None = None
    kind: str | None = None
    sha256: str = ""
    record: str | None = None
    uses: list["Source"] = []


class SpecificationShown(BaseModel):
    """What a kind of data object must hold."""

    name: str
    title: str
    kind: str
    formats: list[str]
    metadata: list[str] = Field(
        description="What the description must say beyond title, creators and licence."
    )
    place: bool
    time: bool
    others: bool = Field(description="Whether columns may stand that are not named here.")
    variables: list[dict[str, Any]]
    doc: str


@router.get(
    "/objects", operation_id="search_objects", response_model_exclude_unset=True, responses=answers(422)
)
def search(
    here: Here,
    base: Address,
    q: Annotated[
        str, Query(max_length=500, description="Words, or beginnings of words.", examples=["soil"])
    ] = "",
    bbox: Annotated[str, Query(max_length=120, description="West,south,east,north in degrees.")] = "",
    start: Annotated[Day, Query(alias="from")] = "",
    end: Annotated[Day, Query(alias="to")] = "",
    variable: Annotated[list[Word], Query(max_length=50)] = [],  # noqa: B006
    kind: Annotated[list[Word], Query(max_length=20)] = [],  # noqa: B006
    licence: Annotated[list[Word], Query(max_length=20)] = [],  # noqa: B006
    specification: Annotated[list[Word], Query(max_length=20)] = [],  # noqa: B006
    old: Annotated[bool, Query(description="Old versions too.")] = False,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Found:
    """Search data objects. All that is asked must hold; of several names of one aspect any may."""
    asked = catalogue.Query(
        q,
        box(bbox),
        day(start),
        day(end),
        tuple(variable),
        tuple(kind),
        not old,
        limit,
        offset,
        tuple(licence),
        specifications=tuple(specification),
    )
    page = here.catalogue.search(asked)
    items = [shown(here, item, base) for item in page.items]
    return Found(total=page.total, offset=page.offset, facets=page.facets, items=items)


@router.get(
    "/objects/{id}", operation_id="object", response_model_exclude_unset=True, responses=answers(404, 422)
)
def describe(id: Name, here: Here, base: Address) -> Item:
    """The description of an object as a STAC item, with its versions and where its bytes are."""
    return Item(**whole(here, here.catalogue.get(id), base))


@router.get(
    "/doi/{doi:path}",
    operation_id="object_of_doi",
    status_code=307,
    response_class=RedirectResponse,
    responses=answers(404, 422) | {307: {"description": "The object's description."}},
)
def of_doi(
    doi: Annotated[
        str, Path(max_length=300, examples=["10.1234/abcd"], pattern=r"^10\.\d{4,9}/[^\x00-\x20]+$")
    ],
    here: Here,
) -> Response:
    """Where the object of a DOI is described."""
    return RedirectResponse(f"/api/objects/{quote(here.catalogue.get(doi).id)}")


@router.get(
    "/objects/{id}/citation",
    operation_id="citation",
    response_class=Response,
    responses=answers(404, 422)
    | {200: {"description": "The citation.", "content": {m.split(";")[0]: {} for m in MEDIA.values()}}},
)
def citation(id: Name, here: Here, base: Address, form: Form = "text") -> Response:
    """Cite an object: a sentence, BibTeX, RIS, CSL-JSON, DataCite JSON or schema.org JSON-LD."""
    item = here.catalogue.get(id)
    if form == "jsonld":
        return JSONResponse(json_ld(here, item, base), media_type=MEDIA[form])
    return Response(catalogue.cite(item, form), media_type=MEDIA[form])


@router.get("/objects/{id}/lineage", operation_id="lineage", responses=answers(404, 422))
def lineage(id: Name, here: Here) -> Source:
    """What an object was made from, down to raw files."""
    return Source(**here.catalogue.lineage(here.catalogue.get(id).id))


@router.get("/objects/{id}/usage", operation_id="usage", responses=answers(404, 422))
def usage(id: Name, here: Here) -> UsageShown:
    """How often an object was looked at and downloaded, by day."""
    name = here.catalogue.get(id).id
    days = [Used(**{k: row[k] for k in Used.model_fields}) for row in here.usage.of(name)]
    counts = {kind: sum(d.total for d in days if d.kind == kind) for kind in ("view", "download")}
    return UsageShown(id=name, views=counts["view"], downloads=counts["download"], days=days)


@router.get("/objects/{id}/table", operation_id="rows", responses=answers(403, 404, 409, 410, 422))
def rows(
    id: Name,
    here: Here,
    columns: Annotated[list[Word], Query(max_length=200, description="All if none is named.")] = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> Rows:
    """Rows of a table, with the units of its columns."""
    item = here.catalogue.get(id)
    facts = item.properties
    if facts.get("landsink:format") != "csv":
        raise Refusal(
            409, f"'{item.id}' is no table.", "An object that was taken in as CSV.", "Ask for /data."
        )
    known = facts.get("landsink:columns", {})
    for name in columns:
        if name not in known:
            raise unknown(name, known, f"the columns of '{item.id}'")
    names, body = _read(here, item, columns, offset, limit)
    shown_columns = [
        Column(
            name=n,
            unit=known.get(n, {}).get("unit", ""),
            type=known.get(n, {}).get("type", "text"),
            description=known.get(n, {}).get("description", ""),
        )
        for n in names
    ]
    numbers = [c.type == "number" for c in shown_columns]
    cells = [[_cell(text, number) for text, number in zip(row, numbers, strict=True)] for row in body]
    total = facts.get("landsink:sizes", {}).get("rows", 0)
    return Rows(id=item.id, total=total, offset=offset, columns=shown_columns, rows=cells)


@router.get("/specifications", operation_id="specifications")
def specifications() -> list[SpecificationShown]:
    """The kinds of data objects that are taken in, and what each must hold."""
    pages = []
    for spec in catalogue.shipped().values():
        variables = [asdict(v) | {"span": v.sane, "canonical": v.canonical} for v in spec.variables]
        pages.append(SpecificationShown(**(asdict(spec) | {"variables": variables})))
    return pages


def box(text: str) -> tuple[float, float, float, float] | None:
    """West, south, east, north from a list with commas; None for nothing. DataError where it is no box."""
    if not text.strip():
        return None
    try:
        edges = tuple(float(edge) for edge in text.split(","))
    except ValueError:
        edges = ()
    if len(edges) == 6:
        # STAC and OGC boxes may have heights, by which nothing is chosen here.
        edges = (*edges[:2], *edges[3:5])
    if len(edges) != 4 or not all(map(math.isfinite, edges)):
        raise DataError(f"'{text[:80]}' is no box.", "West,south,east,north in degrees, as 5,45,15,55.")
    west, south, east, north = edges
    return (west, south, east + 360 if east < west else east, north)


def day(text: str) -> str:
    """A day or a moment as it was written. DataError where it is none."""
    if not text or instant(text) is not None:
        return text
    raise DataError(f"'{text[:40]}' is no date.", "A day as 2024-05-31.")


def _read(
    here: Context, item: Any, columns: list[str], offset: int, limit: int
) -> tuple[list[str], list[list[str]]]:
    """Names of columns and rows as text; the file is read no further than the last row asked for."""
    with place(here, item, "data").open(encoding="utf-8-sig", newline="") as stream:
        lines = csv.reader(stream, strict=True)
        heads = [HEAD.match(h) for h in next(lines)]
        names = [h["name"] if h else "" for h in heads]
        chosen = [names.index(c) for c in columns] or list(range(len(names)))
        body = islice((row for row in lines if row), offset, offset + limit)
        return [names[i] for i in chosen], [[row[i].strip() for i in chosen] for row in body]


def _cell(text: str, number: bool) -> float | str | None:
    if text in MISSING:
        return None
    return float(text) if number else text
