"""Small gridded products, GENERATED, and a catalogue that holds them."""

from pathlib import Path

import numpy as np
import pystac
import xarray as xr

from landsink.catalogue import Catalogue, describe

RECORD = "ab" * 32


def cube(
    rows: int = 20, cols: int = 36, steps: int = 26, members: int = 5, seed: int = 0, west: float = -175.0
) -> xr.Dataset:
    """gpp with its sd and members, nee without either; a quarter of the cells is sea."""
    draw = np.random.default_rng(seed)
    time = (np.datetime64("2001-01") + np.arange(steps)).astype("datetime64[ns]")
    lat, lon = -76.0 + 8.0 * np.arange(rows), west + 10.0 * np.arange(cols)
    each = draw.gamma(2.0, 1e-8, (steps, members, rows, cols)).astype(np.float32)
    each[:, :, draw.random((rows, cols)) < 0.25] = np.nan
    dims = ("time", "lat", "lon")
    unit = {"units": "kg m-2 s-1"}
    ds = xr.Dataset(
        {
            "gpp": (
                dims,
                each.mean(1),
                unit | {"ancillary_variables": "gpp_sd", "long_name": "gross primary production"},
            ),
            "gpp_sd": (dims, each.std(1, ddof=1), unit),
            "gpp_members": (("time", "member", "lat", "lon"), each, unit),
            "nee": (dims, draw.normal(0, 1e-8, (steps, rows, cols)).astype(np.float32), unit),
            "areacella": (("lat", "lon"), draw.uniform(1e10, 2e10, (rows, cols)), {"units": "m2"}),
            "sftlf": (("lat", "lon"), draw.uniform(0, 100, (rows, cols)), {"units": "%"}),
        },
        {"time": time, "lat": ("lat", lat), "lon": ("lon", lon)},
        {"generated": "true"},
    )
    return ds if members > 1 else ds.drop_vars(["gpp_members", "gpp_sd"])


def fine(
    rows: int, cols: int, steps: int, south: float, west: float, width: float, seed: int = 0
) -> xr.Dataset:
    """gpp and its sd on a grid of more cells than a browser takes at once; land is a few ragged continents.

    Latitude falls, and areas and shares of land differ from cell to cell.
    """
    draw = np.random.default_rng(seed)
    time = (np.datetime64("2001-01") + np.arange(steps)).astype("datetime64[ns]")
    lat = south + width * (np.arange(rows)[::-1] + 0.5)
    lon = west + width * (np.arange(cols) + 0.5)
    wave = np.sin(np.linspace(0, 9, rows))[:, None] + np.cos(np.linspace(1, 14, cols))
    sea = wave + 0.3 * draw.standard_normal((rows, cols)) < 0.2
    gpp = draw.gamma(4.0, 1e-8, (steps, rows, cols)).astype(np.float32)
    gpp[:, sea] = np.nan
    share = np.where(sea, 0.0, draw.uniform(5, 100, (rows, cols)))
    # A cell may hold land and no value, and a value may stand where there is no land.
    gpp[:, draw.random((rows, cols)) < 0.02] = np.nan
    share[draw.random((rows, cols)) < 0.01] = 0.0
    area = np.cos(np.deg2rad(lat))[:, None] * 1e8 * np.ones(cols)
    dims, unit = ("time", "lat", "lon"), {"units": "kg m-2 s-1"}
    return xr.Dataset(
        {
            "gpp": (dims, gpp, unit | {"ancillary_variables": "gpp_sd"}),
            "gpp_sd": (dims, (0.1 * gpp + np.float32(1e-9)).astype(np.float32), unit),
            "areacella": (("lat", "lon"), area, {"units": "m2"}),
            "sftlf": (("lat", "lon"), share, {"units": "%"}),
        },
        {"time": time, "lat": ("lat", lat), "lon": ("lon", lon)},
        {"generated": "true"},
    )


def catalogued(root: Path, folder: Path, record: str = RECORD) -> tuple[Catalogue, pystac.Item]:
    """A catalogue with one run in it."""
    folder.mkdir(exist_ok=True)
    (folder / "scores.csv").write_text("score\n")
    item = describe(
        folder, record=record, title="A cube", bbox=(-180, -80, 180, 80), start="2001-01-01", end="2003-02-01",
        variables=["gpp"], licence="CC-BY-4.0", citation="Nobody 2001",
    )  # fmt: skip
    item.properties["created"] = "2026-01-01T00:00:00Z"
    store = Catalogue(root)
    return store, store.add(item)


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }
