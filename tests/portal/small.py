"""A small catalogue made up for the portal's tests: a table, a cube, a run; and a built map's stand-in."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from fastapi import FastAPI
from starlette.testclient import TestClient

from landsink.catalogue import Catalogue, Specification, describe
from tests.catalogue.plots import said, table

BASE = "http://127.0.0.1:8350"
LAT, LON = [45.0, 46.0, 47.0], [5.0, 6.0, 7.0, 8.0]
MONTHS = np.arange("2001-01", "2003-01", dtype="datetime64[M]").astype("datetime64[ns]")


def cube(folder: Path) -> Path:
    """A NetCDF file: two months of a flux on three by four cells."""
    values = np.linspace(-1e-7, 1e-7, 24).reshape(2, 3, 4)
    facts = {"units": "kg m-2 s-1", "long_name": "net exchange"}
    ds = xr.Dataset(
        {"nee": (("time", "lat", "lon"), values, facts)}, coords={"lat": LAT, "lon": LON, "time": MONTHS[:2]}
    )
    folder.mkdir(parents=True, exist_ok=True)
    ds.to_netcdf(folder / "fluxes.nc")
    return folder / "fluxes.nc"


def product() -> xr.Dataset:
    """The product of a run as `landsink run` writes it: two years of months, three by four cells, one of them sea."""
    months, rng = len(MONTHS), np.random.default_rng(3)
    season = np.sin(2 * np.pi * np.arange(months) / 12)[:, None, None]
    dims, shape = ("time", "lat", "lon"), (months, len(LAT), len(LON))
    land = np.ones(shape[1:])
    land[0, 0] = np.nan
    units = {"units": "kg m-2 s-1", "cell_methods": "time: mean"}
    rows = {}
    for name, size, long, sign in (
        ("nee", -2e-8, "net ecosystem exchange, without fire", "+ to the atmosphere"),
        ("gpp", 6e-8, "gross primary production", "+ into the land"),
    ):
        values = (size * (1 + season) * land + 1e-9 * rng.normal(size=shape)).astype("f4")
        rows[name] = (dims, values, units | {"long_name": long, "comment": f"Sign: {sign}.",
                                            "ancillary_variables": f"{name}_sd"})  # fmt: skip
        rows[f"{name}_sd"] = (
            dims,
            (np.abs(values) * 0.2).astype("f4"),
            units | {"long_name": f"error of {long}"},
        )
        members = np.nanmean(values, (1, 2))[:, None] + 1e-9 * rng.normal(size=(months, 4))
        rows[f"{name}_regional"] = ("time", members.mean(1), units)
        rows[f"{name}_regional_members"] = (("time", "member"), members, units)
        rows[f"{name}_regional_sd"] = ("time", members.std(1), units)
    area = np.repeat(1.2e10 * np.cos(np.radians(LAT))[:, None], len(LON), 1)
    rows["areacella"] = (("lat", "lon"), area, {"units": "m2"})
    rows["sftlf"] = (("lat", "lon"), np.where(np.isnan(land), 0.0, 100.0), {"units": "%"})
    facts = {"Conventions": "CF-1.11", "title": "A small run", "generated": "true", "licence": "CC-BY-4.0"}
    return xr.Dataset(rows, {"lat": LAT, "lon": LON, "time": MONTHS}, facts)


def run(folder: Path) -> Path:
    """The folder of a finished run."""
    folder.mkdir(parents=True, exist_ok=True)
    product().to_zarr(folder / "product.zarr", mode="w", consolidated=False)
    record = {"case": {"title": "A small run"}, "code": "0.1.0", "inputs": []}
    (folder / "record.json").write_text(json.dumps(record | {"hash": RECORD}))
    (folder / "scores.csv").write_text("variable,score\nnee,0.5\n")
    (folder / "map.html").write_text("<!doctype html><title>A small run</title>")
    return folder


RECORD = hashlib.sha256(b"a small run").hexdigest()


@dataclass(frozen=True)
class Ids:
    """Identifiers of what the small catalogue holds."""

    table: str
    newer: str
    cube: str
    run: str
    held: str
    collection: str


def fill(catalogue: Catalogue, folder: Path) -> Ids:
    """A table and its newer version, a cube, a run, a table under embargo, and a collection."""
    soil, grid = Specification.read("soil-stocks"), Specification.read("gridded-fluxes")
    old = catalogue.ingest(table(folder / "old"), soil, said())
    new = catalogue.ingest(
        table(folder / "new", first=8300), soil, said(title="Soil stocks, mended", previous=old.id)
    )
    flux = catalogue.ingest(cube(folder / "cube"), grid, said(title="Fluxes of a hill", keywords=["flux"]))
    held = catalogue.ingest(
        table(folder / "held", first=9000), soil, said(title="Stocks kept back", embargo="2099-01-01")
    )
    made = describe(
        run(folder / "run"),
        record=RECORD,
        title="A small run",
        bbox=[4.5, 44.5, 8.5, 47.5],
        start="2001-01-01",
        end="2002-12-01",
        variables=["nee", "gpp"],
        licence="CC-BY-4.0",
        citation="Generated for tests.",
        inputs=[flux.id, "weather.nc"],
    )
    catalogue.add(made)
    group = catalogue.collect([new.id, flux.id], said(title="Both of them"))
    return Ids(old.id, new.id, flux.id, made.id, held.id, group.id)


def client(app: FastAPI) -> TestClient:
    """A client that asks the application in this process, under a name that the portal knows itself by."""
    return TestClient(app, base_url=BASE, raise_server_exceptions=False, client=("127.0.0.1", 50000))


def built(folder: Path) -> Path:
    """What stands in for a built map: a page, a script with a hash in its name, and a plain file."""
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(
        "<!doctype html><html lang='en'><head><title>landsink</title></head><body><div id='app'></div></body></html>"
    )
    (folder / "assets" / "index-B4x9Qz1a.js").write_text("export const answer = 42;\n" * 100)
    (folder / "regions.json").write_text('{"type": "FeatureCollection", "features": []}')
    return folder
