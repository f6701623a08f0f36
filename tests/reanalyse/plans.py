"""A small re-analysis: two pools of soil under a season, a few members, a few cells."""

from pathlib import Path

import numpy as np
import xarray as xr

from landsink.core import door
from landsink.core.model import Model
from landsink.core.prior import ParameterSpace
from landsink.core.step import Decay
from landsink.reanalyse import Grid, Plan, TileStore, assemble, run_tiles, split, write
from tests.core.toys import Input, WarmDecay, Warmth

MEMBERS = 3
WANT = ("rh", "cSoil")


def forcing(months: int = 24, lat: int = 3, lon: int = 4) -> xr.Dataset:
    """A season of temperature on a grid, warmer to the south."""
    time = (np.datetime64("2001-01") + np.arange(months)).astype("datetime64[ns]")
    south, east = np.meshgrid(50.0 + np.arange(lat), 5.0 + np.arange(lon), indexing="ij")
    season = 283.0 + 8.0 * np.sin(2 * np.pi * np.arange(months) / 12)[:, None]
    tas = season - (south.ravel() - 50.0) + 0.1 * east.ravel()
    places = {"lat": ("cell", south.ravel()), "lon": ("cell", east.ravel())}
    return xr.Dataset({"tas": (("time", "cell"), tas, {"units": "K"})}, {"time": time, **places})


def plan(ds: xr.Dataset, free: tuple[str, ...] = ("WarmDecay.k_young", "Warmth.q10")) -> Plan:
    """A plan with members drawn from the prior."""
    model = Model.of(Input(), Warmth(), WarmDecay())
    space = ParameterSpace.of(model, free)
    entry = door.enter(ds, ("tas",), "month")
    cells = len(entry.flag)
    members = 0.5 * np.random.default_rng(1).standard_normal((space.size, MEMBERS, cells))
    grid = Grid.of(entry.cells)
    start = {"cSoilYoung": np.full(cells, 0.4), "cSoilOld": np.full(cells, 5.0)}
    return Plan(
        model,
        Decay(),
        space,
        members,
        entry,
        WANT,
        start,
        entry.cycle("month", 1),
        area=None if grid is None else grid.area,
    )


def quiet(what: str, share: float) -> None:
    """Report nothing."""


def run(made: Plan, folder: Path, tile: int = 5) -> tuple[xr.Dataset, int]:
    """Run a plan in tiles and write its product; returns it with the number of tiles computed now."""
    store, tiles = TileStore(folder / "tiles", "a record"), split(len(made.entry.flag), tile)
    computed = run_tiles(made, tiles, store, "all", quiet)
    ds = assemble(tiles, store, "all", made.entry.time, made.entry.cells, {"title": "a test"})
    write(ds, folder / "product.zarr")
    return ds, computed


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }
