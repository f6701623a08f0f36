"""A GENERATED cube of 0.25 degrees, published as a release into a catalogue of its own."""

import json
from pathlib import Path

import dask.array as da
import numpy as np
import pystac
import shapely
import xarray as xr
from scipy.ndimage import gaussian_filter

from landsink import account
from landsink.catalogue import Catalogue, Metadata, Specification
from landsink.catalogue.releases import Releases
from landsink.portal.settings import Settings

NAME = "gpp"
SPAN = (0.0, 1e-7)
MEMBERS = 4
UNIT = {"units": "kg m-2 s-1"}


def publish(home: Path, steps: int) -> tuple[str, list[str], dict]:
    """The release's identifier, its months, and the outline of France as GeoJSON; made only where it is not there."""
    home.mkdir(parents=True, exist_ok=True)
    regions = account.read(Settings().page / "regions.json")
    kept = home / f"cube-{steps}.json"
    ds = generate(steps)
    if not kept.exists():
        print("publishing the generated cube, some minutes", flush=True)
        releases = Releases(Catalogue(home))
        name = releases.publish(
            entered(home, steps), ds, lambda lat, lon: account.shares(regions, lat, lon)
        ).id
        kept.write_text(json.dumps(name))
    france = max(shapely.get_parts(regions["FRA"]), key=lambda part: part.area)
    outline = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(france)}
    return json.loads(kept.read_text()), [str(t)[:10] for t in ds["time"].to_numpy()], outline


def entered(home: Path, steps: int) -> pystac.Item:
    """An object of the catalogue in whose name the cube is published: a table that says what it is."""
    told = home / "generated.csv"
    told.write_text(f"lat,lon,steps\n0,0,{steps}\n")
    said = {
        "title": "GENERATED cube",
        "licence": "CC0-1.0",
        "creators": ["benchmarks"],
        "description": "Noise.",
    }
    return Catalogue(home).ingest(told, Specification.read("table"), Metadata.of(said))


def generate(steps: int) -> xr.Dataset:
    """Mean, standard deviation and members on 720x1440 cells, a third of them land; the last two lazily."""
    lat, lon = np.arange(-89.875, 90, 0.25), np.arange(-179.875, 180, 0.25)
    draw = np.random.default_rng(0)
    land = gaussian_filter(draw.standard_normal((720, 1440)), 24, mode=("nearest", "wrap"))
    land = np.where(land > np.quantile(land, 0.66), 1.0, np.nan).astype(np.float32)
    way = draw.standard_normal((MEMBERS, 720, 1440)).astype(np.float32)
    time = (np.datetime64("1991-01") + np.arange(steps)).astype("datetime64[ns]")
    season = (1 - np.cos(2 * np.pi * np.arange(steps) / 12)).astype(np.float32)
    held = np.empty((steps, 720, 1440), np.float32)
    for step in range(steps):
        held[step] = 4e-8 * (season[step] + 0.2 * draw.random((720, 1440), np.float32)) * land
    mean = da.from_array(held, chunks=(120, 96, 96))
    way = da.from_array(way, chunks=(MEMBERS, 96, 96))
    sd = 0.1 * mean + np.float32(1e-9)
    members = mean[:, None] + sd[:, None] * way
    rows = {NAME: (("time", "lat", "lon"), mean, UNIT), f"{NAME}_sd": (("time", "lat", "lon"), sd, UNIT),
            f"{NAME}_members": (("time", "member", "lat", "lon"), members, UNIT)}  # fmt: skip
    return xr.Dataset(rows, {"time": time, "lat": lat, "lon": lon}, {"generated": "true"})
