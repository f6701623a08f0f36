"""Gridded products: what there is, and what a map needs to know of each."""

from collections.abc import Mapping
from functools import lru_cache
from time import monotonic
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from landsink.catalogue import Catalogue
from landsink.catalogue.releases import Release, Variable
from landsink.core.errors import unknown
from landsink.portal import window
from landsink.portal.context import Context, Here
from landsink.portal.numbers import stamps
from landsink.portal.problems import Refusal, answers
from landsink.portal.shown import reading

router = APIRouter(tags=["products"])
# What never changes, and what may: a run that is made anew under its record takes the place of the old one. So an
# address that names the edition may be kept for ever, and one that does not is asked for anew by its ETag.
IMMUTABLE: Mapping[str, str] = MappingProxyType({"Cache-Control": "public, max-age=31536000, immutable"})
PRESENT: Mapping[str, str] = MappingProxyType({"Cache-Control": "public, no-cache"})
# Numbers by question.
RECENT: Mapping[str, str] = MappingProxyType({"Cache-Control": "public, max-age=300"})

Named = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Identifier of a product.", examples=["a32a8b785439"]),
]
Editions = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9_-]{1,64}(@[0-9a-f]{12})?$",
        description="Identifier of a product; with '@' and its edition, it is that or 410.",
        examples=["a32a8b785439", "a32a8b785439@5e884898da28"],
    ),
]
Variables = Annotated[
    str, Path(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$", description="Name of a variable.", examples=["gpp"])
]
OneVariable = Annotated[str, Query(max_length=64, description="A variable of the product.", examples=["gpp"])]
Begin = Annotated[
    str, Query(alias="from", max_length=40, description="First time, included.", examples=["2001"])
]
End = Annotated[
    str, Query(alias="to", max_length=40, description="Last time, included.", examples=["2002-12"])
]
Bbox = Annotated[
    str,
    Query(
        max_length=200,
        description="west,south,east,north in degrees; west greater than east crosses the 180th meridian.",
        examples=["-5,42,8,51"],
    ),
]


class Source(BaseModel):
    """Where numbers come from."""

    id: str = Field(examples=["a32a8b785439"])
    title: str = Field(examples=["Virtual Europe 1991-2020: a demonstration on generated data"])
    licence: str = Field(examples=["CC-BY-4.0"])
    generated: bool = Field(description="True for data that nobody observed.")
    href: str = Field(description="The object's page, under this server.", examples=["/objects/a32a8b785439"])


class Shown(BaseModel):
    """How people read a variable: shown = value × factor + offset."""

    unit: str = Field(examples=["g C m⁻² d⁻¹"])
    factor: float = Field(examples=[86400000.0])
    offset: float = Field(examples=[0.0])


class Told(BaseModel):
    """A variable of a product."""

    name: str = Field(examples=["gpp"])
    title: str = Field(examples=["gross primary production"])
    unit: str = Field(description="Of all numbers of the API.", examples=["kg m-2 s-1"])
    sign: str = Field(description="Which way is positive.", examples=["+ into the vegetation"])
    standard_name: str = Field(description="CF standard name, or ''.")
    kind: str = Field(description="flux, stock or state.", examples=["flux"])
    sd: str = Field(description="Variable with the standard deviation, or ''.", examples=["gpp_sd"])
    members: bool = Field(description="Whether the members of the ensemble are kept.")
    span: tuple[float, float] = Field(description="Between them lie 96 of 100 values; ends of the colours.")
    colours: str = Field(description="Colour table.", examples=["viridis"])
    diverging: bool = Field(description="True where the colours part at zero.")
    shown: Shown


class Product(BaseModel):
    """A gridded product as it was published."""

    id: str = Field(examples=["a32a8b785439"])
    title: str
    family: str = Field(description="Products of one family are versions of one another.")
    generated: bool = Field(description="True for data that nobody observed.")
    licence: str
    created: str = Field(examples=["2026-11-21T09:25:17Z"])
    latest: str = Field(description="The newest product of the family; may be itself.")
    period: tuple[str, str] = Field(
        description="First and last step.", examples=[("1991-01-01", "2020-12-01")]
    )
    steps: int = Field(examples=[360])
    bbox: tuple[float, float, float, float] = Field(
        description="Edges of the outer cells: west, south, east, north."
    )
    resolution: tuple[float, float] = Field(description="Degrees of latitude and of longitude.")
    variables: list[Told]
    edition: str = Field(
        description="Beginning of the SHA-256 of all its content: a run that is made anew under the same identifier "
        "has another.",
        examples=["5e884898da28"],
    )
    levels: int = Field(description="Coarser maps, each half as fine as the one before.", examples=[0])
    zarr: str = Field(
        description="Where the bytes of this edition lie, as Zarr; they may be kept for ever. "
        "/zarr/{id} is always the present one.",
        examples=["/zarr/a32a8b785439@5e884898da28"],
    )
    tiles: str = Field(
        description="Where the tiles of this edition lie: {tiles}/{variable}/{step}/{z}/{x}/{y}.png.",
        examples=["/api/products/a32a8b785439@5e884898da28/tiles"],
    )


class Detail(Product):
    """A product with its axes."""

    time: list[str] = Field(description="Begin of each step, ISO 8601.")
    lat: list[float] = Field(description="Centres, in degrees.")
    lon: list[float] = Field(description="Centres, in degrees.")


def _moment() -> int:
    return int(monotonic() / 30)


@lru_cache(maxsize=1024)
def _open(catalogue: Catalogue, name: str, moment: int) -> str:
    # An embargo is looked up twice a minute, not at every question; `moment` makes the answer age.
    until = catalogue.embargoed(catalogue.get(name))
    return f"{until:%Y-%m-%d}" if until else ""


def found(here: Context, name: str) -> Release:
    """A release by its identifier; UnknownName where there is none, Refusal 403 while its embargo lasts."""
    release = here.releases.get(name)
    if until := _open(here.catalogue, release.id, _moment()):
        raise Refusal(
            403,
            f"'{release.id}' is under embargo until {until}.",
            "",
            "Its description is free at /api/objects; wait for that day.",
        )
    return release


def edition(here: Context, name: str) -> tuple[Release, Mapping[str, str]]:
    """A release by its identifier, or by that with '@' and its edition, and how long its bytes may be kept.

    Refusal 410 where another edition has taken its place.
    """
    identifier, _, wanted = name.partition("@")
    release = found(here, identifier)
    if not wanted:
        return release, PRESENT
    if wanted != release.edition:
        raise _replaced(release, wanted)
    return release, IMMUTABLE


def present(here: Context, release: Release, kept: Mapping[str, str]) -> None:
    """Ask this after bytes were read: Refusal where the release was replaced meanwhile."""
    now = here.releases.get(release.id)
    if now.edition == release.edition:
        return
    if kept is IMMUTABLE:
        raise _replaced(now, release.edition)
    raise Refusal(
        503, f"'{release.id}' was made anew just now.", "", "Ask again.", headers={"Retry-After": "1"}
    )


def _replaced(release: Release, wanted: str) -> Refusal:
    return Refusal(
        410,
        f"The edition {wanted} of '{release.id}' was replaced: it was made anew.",
        f"The present one, {release.edition}.",
        f"Ask /api/products/{release.id} for its addresses; /zarr/{release.id} is always the present one.",
        headers={"Cache-Control": "no-store"},
    )


def variable_of(release: Release, name: str) -> Variable:
    """A variable of a release, by its name or that of its standard deviation; UnknownName with the near misses."""
    for row in release.variables.values():
        if name in (row.name, row.sd) and name:
            return row
    raise unknown(name, names(release), f"the variables of '{release.id}' ({', '.join(release.variables)})")


def names(release: Release) -> list[str]:
    """All names that can be asked for: each variable, followed by its standard deviation where it has one."""
    return [name for row in release.variables.values() for name in (row.name, row.sd) if name]


def names_of(release: Release, text: str) -> list[str]:
    """The names in a list with commas, each once; all of the release for ''. UnknownName at one that it lacks."""
    asked = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in asked:
        variable_of(release, name)
    return asked or names(release)


def source(release: Release) -> Source:
    """Where the numbers of a release come from."""
    return Source(
        id=release.id,
        title=release.title,
        licence=release.licence,
        generated=release.generated,
        href=f"/objects/{release.id}",
    )


def told(row: Variable) -> Told:
    """A variable as the API tells it."""
    shown = reading(row)
    return Told(
        **row.facts(),
        diverging=row.span[0] == -row.span[1],
        shown=Shown(unit=shown.unit, factor=shown.factor, offset=shown.offset),
    )


@lru_cache(maxsize=256)
def _facts(release: Release) -> dict[str, Any]:
    time = stamps(release.time)
    return {
        "id": release.id,
        "title": release.title,
        "family": release.family,
        "generated": release.generated,
        "licence": release.licence,
        "created": str(release.facts().get("created", "")),
        "period": (time[0], time[-1]),
        "steps": len(release.time),
        "bbox": window.edges(release),
        "resolution": (_spacing(release.lat), _spacing(release.lon)),
        "variables": [told(row) for row in release.variables.values()],
        "edition": release.edition,
        "levels": release.levels,
        "zarr": f"/zarr/{release.id}@{release.edition}",
        "tiles": f"/api/products/{release.id}@{release.edition}/tiles",
    }


def _spacing(centres: np.ndarray) -> float:
    return round(abs(float(centres[1] - centres[0])), 9) if len(centres) > 1 else 1.0


def _newest(here: Context) -> dict[str, str]:
    # The newest come first, so that an older one does not replace them.
    newest: dict[str, str] = {}
    for release in here.releases.list():
        newest.setdefault(release.family, release.id)
    return newest


@router.get(
    "/api/products",
    operation_id="products",
    summary="All gridded products, the newest first",
    response_model=list[Product],
    responses=answers(422),
)
def products(here: Here) -> list[Product]:
    """What a map can show. Products of one family are versions of one another; `latest` names the newest."""
    newest = _newest(here)
    shown = [r for r in here.releases.list() if not _open(here.catalogue, r.id, _moment())]
    return [Product(**_facts(r), latest=newest[r.family]) for r in shown]


@router.get(
    "/api/products/{id}",
    operation_id="product",
    summary="One product with its axes",
    response_model=Detail,
    responses=answers(403, 404, 422),
)
def product(here: Here, id: Named) -> Detail:
    """The product, its steps as ISO dates, and the centres of its cells."""
    release = found(here, id)
    return Detail(
        **_facts(release),
        latest=_newest(here).get(release.family, release.id),
        time=stamps(release.time),
        lat=release.lat.tolist(),
        lon=release.lon.tolist(),
    )
