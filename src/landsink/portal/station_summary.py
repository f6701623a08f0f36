"""Stations as the portal shows them: from the catalogue's items, and from what their folders say of themselves."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

import pystac
from fastapi import Path
from pydantic import BaseModel, Field

from landsink.catalogue import Query
from landsink.catalogue.station_item import KIND
from landsink.catalogue.station_item import read as facts
from landsink.core.errors import DataError, UnknownName
from landsink.portal.context import Context
from landsink.portal.problems import Refusal

Domain = Literal["ecosystem", "atmosphere", "ocean"]
Named = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Identifier of a station's object.",
        examples=["d3e12e335f09"],
    ),
]
PAGE = 500


class Measured(BaseModel):
    """A variable of a station."""

    name: str = Field(examples=["nee"])
    title: str = Field(examples=["net ecosystem exchange, without fire"])
    unit: str = Field(examples=["kg m-2 s-1"])


class Coverage(BaseModel):
    """How many values there are."""

    variable: str = Field(examples=["nee"])
    expected: int | None = Field(description="A whole year's (or all years') values; null for samples.")
    present: int = Field(description="Values that are there, filled ones among them.")
    good: int = Field(description="Values that were measured, and are sound by their flag.")


class Place(BaseModel):
    """Where a station stands. A ship has none; its way is in the feature's geometry."""

    latitude: float | None = Field(None, description="Degrees north.")
    longitude: float | None = Field(None, description="Degrees east.")
    elevation: float | None = Field(None, description="Metres above the sea.")
    intake_height: float | None = Field(None, description="Metres above ground.")
    utc_offset: float | None = Field(None, description="Hours of local standard time from UTC.")


class Summary(BaseModel):
    """A station's processed record."""

    id: str = Field(examples=["d3e12e335f09"])
    station: str = Field(description="Its code.", examples=["DE-Tha"])
    name: str = Field(examples=["DE-Tha"])
    domain: Domain
    title: str = Field(examples=["DE-Tha: fluxes of an ecosystem by eddy covariance"])
    place: Place
    bbox: list[float] | None = Field(description="West, south, east, north in degrees; null without a place.")
    period: list[str] = Field(description="First and last moment, UTC; empty without series.")
    interval: str = Field(description="Of native values, ISO 8601; '' for samples.", examples=["PT30M"])
    variables: list[Measured]
    coverage: list[Coverage] = Field(description="Over all years.")
    licence: str = Field(examples=["CC-BY-4.0"])
    created: str
    generated: bool = Field(description="True for data that nobody observed.")
    href: str = Field(description="The object's page, under this server.", examples=["/objects/d3e12e335f09"])


def summary(item: pystac.Item) -> Summary:
    """A station's item in short."""
    p = item.properties
    columns = p.get("landsink:columns", {})
    made = [Measured(name=n, title=f["description"], unit=f["unit"]) for n, f in columns.items()]
    period = [p["start_datetime"], p["end_datetime"]] if p.get("start_datetime") else []
    return Summary(
        id=item.id,
        station=p["landsink:station"],
        name=p.get("landsink:name", p["landsink:station"]),
        domain=p["landsink:domain"],
        title=p["title"],
        place=Place(**p.get("landsink:place", {})),
        bbox=item.bbox,
        period=period,
        interval=p.get("landsink:interval", ""),
        variables=made,
        coverage=[Coverage(**row) for row in p.get("landsink:coverage", [])],
        licence=p.get("license", "other"),
        created=p["created"],
        generated=bool(p.get("landsink:generated", False)),
        href=f"/objects/{item.id}",
    )


def stations(here: Context, asked: Query) -> Iterator[pystac.Item]:
    """All stations that a query finds, page by page."""
    offset, count = 0, PAGE
    while count == PAGE:
        page = here.catalogue.search(replace(asked, kinds=(KIND,), limit=PAGE, offset=offset))
        yield from page.items
        offset, count = offset + PAGE, len(page.items)


def station(here: Context, name: str) -> pystac.Item:
    """A station's item by its whole identifier or the beginning of one. UnknownName where it is none."""
    item = here.catalogue.get(name)
    if item.properties.get("landsink:kind") != KIND:
        raise UnknownName(
            f"'{item.id}' is no station.", "An object of the kind 'station'.", "See /api/stations."
        )
    return item


def told(here: Context, item: pystac.Item) -> dict[str, Any]:
    """What the station's folder says of itself. Refusal 410 where its bytes are gone."""
    return facts_at(part(here, item, "facts"))


def facts_at(path: FilePath) -> dict[str, Any]:
    """What a station.json says. Refusal 410 where it cannot be read."""
    try:
        return facts(path)
    except DataError as error:
        raise Refusal(410, error.found, "The station's folder.", "Process it again.") from error


def part(here: Context, item: pystac.Item, key: str) -> FilePath:
    """Where an asset of a station lies on this machine. Refusal 404 where it has none, 410 where it is gone."""
    if key not in item.assets:
        raise Refusal(404, f"'{item.id}' has no {key}.", f"One of {', '.join(item.assets)}.")
    try:
        path = here.catalogue.asset(item, key)
    except DataError as error:
        raise Refusal(410, error.found, "The station's folder.", "Process it again.") from error
    if not path.exists():
        raise Refusal(410, f"The {key} of '{item.id}' is gone.", "The station's folder.", "Process it again.")
    return path
