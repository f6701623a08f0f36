"""Small files made up for tests: a table of soil stocks, a cube of fluxes, and what is said of them."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import xarray as xr

from landsink.catalogue import Catalogue, Metadata, Specification

SOIL = Specification.read("soil-stocks")
GRID = Specification.read("gridded-fluxes")
HEAD = "plot,date,lat,lon,top [cm],bottom [cm],cSoil [g m-2]\n"
SAID = {
    "title": "Soil stocks of a valley",
    "creators": [{"name": "Doe, Jane", "orcid": "0000-0002-1825-0097", "affiliation": "Forest office"}],
    "licence": "CC-BY-4.0",
    "description": "Carbon of the upper soil at two plots, made up.",
    "method": "Soil cores, dry combustion.",
    "keywords": ["soil", "valley"],
}
DAY = datetime(2024, 5, 31, 12, tzinfo=UTC)


def said(**other: object) -> Metadata:
    """A whole description, with some fields of it otherwise."""
    return Metadata.of(SAID | other)


def table(folder: Path, name: str = "stocks.csv", first: int = 8200) -> Path:
    """A table without defects; another `first` makes another object."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(HEAD + f"A,2019-06-01,51.0,13.5,0,30,{first}\nB,2019-06-02,51.1,13.6,0,30,\n")
    return path


def cube(folder: Path, unit: str = "kg m-2 s-1") -> xr.Dataset:
    """Two months of a flux on three by four cells."""
    time = np.array(["2001-01-16", "2001-02-15"], "datetime64[ns]")
    values = np.linspace(-1e-7, 1e-7, 24).reshape(2, 3, 4)
    return xr.Dataset(
        {"nee": (("time", "lat", "lon"), values, {"units": unit, "long_name": "net exchange"})},
        coords={"lat": [45.0, 46.0, 47.0], "lon": [5.0, 6.0, 7.0, 8.0], "time": time},
    )


def shelf(root: Path, day: datetime = DAY) -> Catalogue:
    """A catalogue whose clock stands at `day`; where LANDSINK_DATABASE and LANDSINK_STORE say, if they do."""
    return replace(store(root / "home"), clock=lambda: day)


def store(root: Path) -> Catalogue:
    """A catalogue; its clock goes."""
    said = os.environ
    return Catalogue(root, server=said.get("LANDSINK_DATABASE", ""), store=said.get("LANDSINK_STORE", ""))


def left(root: Path) -> list[str]:
    """What lies in a catalogue's folders, but for its index and its locks."""
    places = (p.relative_to(root) for p in root.rglob("*") if p.is_file())
    return sorted(p.as_posix() for p in places if not p.name.startswith("index.sqlite") and p.name != "lock")
