"""What reading a release costs, without a server: processor time of a map, a series and a country. GENERATED data.

    python -m benchmarks.serving.reading [--rows 96]

Chunks are those of 0.25 degrees of the globe and 360 months, which is what a reading costs; the grid around them is
smaller, so that it is made in a minute. The map is one whole frame of 720 by 1440 cells.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pystac
import xarray as xr

from landsink import account
from landsink.catalogue import Catalogue, describe
from landsink.catalogue.releases import Release, Releases

MEMBERS = 16
TARGETS = {"map, raw bytes": 3.0, "series with sd": 2.5, "country, summed before": 50.0}  # ms of processor


def generated(rows: int, cols: int, steps: int, members: int) -> xr.Dataset:
    """A flux with noise over land and sea, with its sd, and its members if asked for."""
    draw = np.random.default_rng(0)
    lat, lon = 30.125 + 0.25 * np.arange(rows), -10.125 + 0.25 * np.arange(cols)
    if rows == 720:
        lat, lon = -89.875 + 0.25 * np.arange(rows), -179.875 + 0.25 * np.arange(cols)
    season = 2e-8 * (1 - np.cos(2 * np.pi * np.arange(steps) / 12))[:, None, None]
    mean = (season + 4e-9 * draw.random((steps, rows, cols))).astype(np.float32)
    sea = np.sin(lat[:, None] / 7) * np.cos(lon / 5) < -0.2
    mean[:, sea] = np.nan
    sd = 0.1 * mean
    dims, unit = ("time", "lat", "lon"), {"units": "kg m-2 s-1"}
    months = (np.datetime64("1991-01") + np.arange(steps)).astype("datetime64[ns]")
    rows_of = {"gpp": (dims, mean, unit), "gpp_sd": (dims, sd, unit)}
    if members:
        lean = draw.standard_normal((members, 1, 1)).astype(np.float32)
        rows_of["gpp_members"] = (("time", "member", "lat", "lon"), mean[:, None] + lean * sd[:, None], unit)
    return xr.Dataset(rows_of, {"time": months, "lat": lat, "lon": lon}, {"generated": "true"})


def published(folder: Path, record: str, ds: xr.Dataset) -> Release:
    """The release of a Dataset, in a catalogue of its own; region 'ALL' is all of it."""
    run = folder / record[:2]
    run.mkdir()
    (run / "record.json").write_text(json.dumps({"generated": True}))
    item: pystac.Item = describe(
        run, record=record, title="GENERATED", bbox=None, start="1991-01-01", end="2020-12-01", variables=["gpp"],
        licence="CC0-1.0", citation="",
    )  # fmt: skip
    store = Catalogue(folder / "home")
    every = np.arange(ds.sizes["lat"] * ds.sizes["lon"])
    return Releases(store).publish(
        store.add(item), ds, lambda lat, lon: {"ALL": (every, np.ones(len(every)), 1.0)}
    )


def cost(work: Callable[[int], object], times: int) -> float:
    """Milliseconds of processor for one; the first is not counted."""
    work(0)
    begin = time.process_time()
    for i in range(1, times + 1):
        work(i)
    return (time.process_time() - begin) / times * 1e3


def measure(rows: int, folder: Path) -> dict[str, float]:
    """Every reading and its cost."""
    globe = published(folder, "aa" * 32, generated(720, 1440, 4, 0))
    local = published(folder, "bb" * 32, generated(rows, rows, 360, MEMBERS))
    country = account.share(account.box(-8, 32, -8 + 9, 32 + 9), local.lat, local.lon)

    def series(i: int) -> object:
        row, col = i * 7 % rows, i * 11 % rows
        return local.series("gpp", row, col), local.series("gpp_sd", row, col)

    return {
        "map, raw bytes": cost(lambda i: globe.raw(f"map/gpp/c/{i % 4}/0/0"), 50),
        "map, unpacked": cost(lambda i: globe.step("gpp", i % 4), 20),
        "series with sd": cost(series, 200),
        "series of all members": cost(
            lambda i: local.members("gpp", slice(i % rows, i % rows + 1), slice(9, 10), slice(None)), 50
        ),
        "country, summed before": cost(lambda _: account.account(local, "gpp", "ALL"), 20),
        f"polygon of {len(country.cells)} cells, members": cost(
            lambda _: account.account(local, "gpp", country), 3
        ),
    }


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=96, help="cells along each side of the smaller grid")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="landsink-reading-") as folder:
        for name, value in measure(asked.rows, Path(folder)).items():
            target = TARGETS.get(name)
            said = "" if target is None else f"   target {target:g}: {'met' if value <= target else 'MISSED'}"
            print(f"{name:42s} {value:8.2f} ms{said}")


if __name__ == "__main__":
    main()
