"""A small gridded product made up for tests, published as a release, and a portal over it.

The globe in cells of 10 degrees, two years of months: large enough to cross the 180th meridian and to hold seas.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr
from fastapi.testclient import TestClient

from landsink import account
from landsink.catalogue import Catalogue, describe
from landsink.catalogue.releases import Releases
from landsink.portal import Context, Settings, create

DAY = datetime(2026, 5, 31, 12, tzinfo=UTC)
BASE = "http://127.0.0.1:8350"
LAT, LON = np.arange(-85.0, 90, 10), np.arange(-175.0, 180, 10)
MONTHS = np.arange("2001-01", "2003-01", dtype="datetime64[M]").astype("datetime64[ns]")
MEMBERS = 5
FLUX = {"units": "kg m-2 s-1", "cell_methods": "time: mean"}


def product(seed: int = 3) -> xr.Dataset:
    """gpp with members, nee with its standard deviation, cVeg without; a sea from 30 W to the Greenwich meridian."""
    rng, dims = np.random.default_rng(seed), ("time", "lat", "lon")
    shape = (len(MONTHS), len(LAT), len(LON))
    land = np.where((LON > -30) & (LON < 0), np.nan, 1.0) * np.ones(shape[1:])
    season = 1 + np.sin(2 * np.pi * np.arange(len(MONTHS)) / 12)[:, None, None]
    gpp = 6e-8 * season * land + 1e-9 * rng.random(shape)
    nee = -2e-8 * (season - 1) * land + 1e-9 * rng.normal(size=shape)
    members = gpp[:, None] * (1 + 0.2 * rng.normal(size=(1, MEMBERS, 1, 1)))
    members += 5e-9 * rng.normal(size=members.shape)
    gpp = members.mean(1)
    rows = {
        "gpp_members": (("time", "member", "lat", "lon"), members.astype("f4"), FLUX),
        "gpp": (dims, gpp.astype("f4"), FLUX | {"long_name": "gross primary production"}),
        "gpp_sd": (dims, members.std(1, ddof=1).astype("f4"), FLUX),
        "nee": (dims, nee.astype("f4"), FLUX | {"long_name": "net ecosystem exchange"}),
        "nee_sd": (dims, (np.abs(nee) + 1e-9).astype("f4"), FLUX),
        "cVeg": (dims, (5 * land + rng.random(shape)).astype("f4"), {"units": "kg m-2"}),
        "areacella": (("lat", "lon"), _area(), {"units": "m2"}),
        "sftlf": (("lat", "lon"), np.where(np.isnan(land), 0.0, 80.0), {"units": "%"}),
    }
    said = {"title": "Made up for tests", "generated": "true", "licence": "CC-BY-4.0"}
    return xr.Dataset(rows, {"time": MONTHS, "lat": LAT, "lon": LON}, said)


def polygon(*boxes: tuple[float, float, float, float]) -> dict:
    """Boxes of west, south, east, north as a MultiPolygon of GeoJSON."""
    rings = [[[[w, s], [e, s], [e, n], [w, n], [w, s]]] for w, s, e, n in boxes]
    return {"type": "MultiPolygon", "coordinates": rings}


# Two cells by two; a part of a cell and the sea beside it; eight cells about the 180th meridian; a corner of a cell.
COUNTRIES = {
    "AAA": ("Aland", polygon((0, 40, 20, 60))),
    "BBB": ("Beland", polygon((-20, 40, 4, 50))),
    "DDD": ("Deland", polygon((1, 41, 2, 42))),
    "CCC": ("Celand", polygon((160, -20, 180, 0), (-180, -20, -160, 0))),
}


def countries(path: Path) -> Path:
    """The made-up countries as the map's build writes real ones."""
    rows = [
        {"type": "Feature", "id": k, "properties": {"id": k, "a2": k[:2], "name": name}, "geometry": border}
        for k, (name, border) in COUNTRIES.items()
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    return path


def _area() -> np.ndarray:
    radius, half = 6_371_007.2, np.radians(5.0)
    band = np.sin(np.radians(LAT) + half) - np.sin(np.radians(LAT) - half)
    return np.repeat((radius**2 * 2 * half * band)[:, None], len(LON), 1)


@dataclass(frozen=True)
class Shelf:
    """A portal over one release, and what the release was made from."""

    client: TestClient
    catalogue: Catalogue
    id: str
    ds: xr.Dataset

    def get(self, path: str, status: int = 200):
        """The answer to a question about the product, whose path begins at /api/products/<id>."""
        answer = self.client.get(f"/api/products/{self.id}{path}")
        assert answer.status_code == status, answer.text
        return answer


def shelf(root: Path, made: xr.Dataset | None = None) -> Shelf:
    """A catalogue with one run, its release, and a client of the portal in this process; `made`: another product."""
    catalogue, page = Catalogue(root / "home", clock=lambda: DAY), root / "page"
    page.mkdir()
    name, ds = publish(catalogue, root, page, product() if made is None else made)
    app = create(Context(catalogue, Settings(page=page)))
    return Shelf(TestClient(app, BASE, client=("127.0.0.1", 50000)), catalogue, name, ds)


def publish(catalogue: Catalogue, root: Path, page: Path, ds: xr.Dataset) -> tuple[str, xr.Dataset]:
    """A run in the folder `root`, entered and published; countries in the folder `page`. Its identifier and product."""
    folder = root / "run"
    folder.mkdir()
    ds.to_zarr(folder / "product.zarr", mode="w", consolidated=False)
    (folder / "record.json").write_text("{}")
    item = describe(
        folder,
        record=hashlib.sha256(b"made up").hexdigest(),
        title="Made up for tests",
        bbox=[-180, -90, 180, 90],
        start="2001-01-01",
        end="2002-12-01",
        variables=["gpp", "nee", "cVeg"],
        licence="CC-BY-4.0",
        citation="Made up for tests.",
    )
    catalogue.add(item)
    borders = account.read(countries(page / "regions.json"))
    # One country is left to be summed when asked for.
    summed = {name: area for name, area in borders.items() if name != "BBB"}
    Releases(catalogue).publish(item, ds, partial(account.shares, summed))
    return item.id, ds
