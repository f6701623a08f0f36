"""How long the flux chain's steps take on one core, on real records, beside their targets.

    python benchmarks/stations.py --data DIR [--site DE-Tha] [--whole]

DE-Tha 1998 and DE-Geb 2004–2006, half-hourly, as their stations left them. Each step is called once to compile, then
the quickest of several calls counts, in seconds of processor time (which a busy machine stretches less) and by the
clock, both per year of the record. `--whole` adds the whole chain with forty u* percentiles, as `landsink station` runs
it, without reading and writing.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from landsink.sources.tower import open_tower
from landsink.stations.flux import gaps
from landsink.stations.flux.bootstrap import bootstrapped
from landsink.stations.flux.chain import Settings, process
from landsink.stations.flux.daytime import DayTime, daytime
from landsink.stations.flux.nighttime import NightTime, nighttime
from landsink.stations.flux.threshold import MovingPoint

# file below the data root, latitude, longitude, offset from UTC [h], years
SITES = {
    "DE-Tha": ("flux/reddyproc_de_tha_98/Example_DETha98.txt", 50.96, 13.57, 1.0, 1),
    "DE-Geb": ("flux/reddyproc_de_geb/DEGebExample.csv.gz", 51.10, 10.91, 1.0, 3),
}
DRAWS = 100
PERCENTILES = np.linspace(1.25, 98.75, 40)
ROOM = 6.0  # s that repeating one step may take


@dataclass(frozen=True)
class Step:
    """What is timed, and the target [s a year and version], None where there is none."""

    name: str
    target: float | None
    call: Callable[[], xr.Dataset]


@dataclass(frozen=True)
class Spent:
    """Seconds of the first call, and of the quickest by processor and by clock."""

    first: float
    processor: float
    clock: float


def one_core() -> None:
    """Hold this process to one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def spent(call: Callable[[], xr.Dataset], once: bool = False) -> Spent:
    """Time the first call, then the quickest of at least three more; `once` times the second alone."""
    begin = time.perf_counter()
    call()
    first = time.perf_counter() - begin
    found: list[tuple[float, float]] = []
    while not found or (not once and (len(found) < 3 or sum(c for _, c in found) < ROOM) and len(found) < 30):
        processor, clock = time.process_time(), time.perf_counter()
        call()
        found.append((time.process_time() - processor, time.perf_counter() - clock))
    return Spent(first, min(p for p, _ in found), min(c for _, c in found))


def opened(data: Path, site: str) -> xr.Dataset:
    """A site's record."""
    file, latitude, longitude, offset, _ = SITES[site]
    return open_tower(data / file, site, latitude=latitude, longitude=longitude, utc_offset=offset)


def weather_filled(ds: xr.Dataset) -> xr.Dataset:
    """The record with TA_F, VPD_F and SW_IN_F, which partitioning reads."""
    for name in ("TA", "VPD", "SW_IN"):
        ds = gaps.filled(ds, name, hats=False)
    return ds


def turbulent(ds: xr.Dataset, thresholds: np.ndarray) -> xr.Dataset:
    """The record with NEE (time, percentile) where USTAR reaches each of the thresholds [m s-1]."""
    limit = xr.DataArray(thresholds, dims="percentile")
    return ds.assign(NEE=ds["NEE"].where(ds["USTAR"] >= limit).transpose("time", "percentile"))


def steps(ds: xr.Dataset, middle: float) -> list[Step]:
    """The steps of one version, u* filtered at the bootstrap's median."""
    single = turbulent(ds, np.array([middle])).isel(percentile=0)
    weather = weather_filled(single)
    ready = gaps.filled(weather)
    oneflux, reddyproc = MovingPoint.oneflux(), MovingPoint.reddyproc()
    return [
        Step(f"u* moving point, {DRAWS} bootstraps, ONEFlux", 1.0, lambda: bootstrapped(ds, oneflux, DRAWS)),
        Step(f"u* moving point, {DRAWS} bootstraps, REddyProc", 1.0, lambda: bootstrapped(ds, reddyproc, DRAWS)),
        Step("MDS of NEE, gaps only", 0.1, lambda: gaps.filled(single, hats=False)),
        Step("MDS of NEE, every half-hour", None, lambda: gaps.filled(single)),
        Step("night-time partitioning, ONEFlux", 0.1, lambda: nighttime(ready, NightTime.oneflux())),
        Step("night-time partitioning, REddyProc", 0.1, lambda: nighttime(ready, NightTime.reddyproc())),
        Step("day-time partitioning, ONEFlux", 2.0, lambda: daytime(ready, DayTime.oneflux())),
        Step("day-time partitioning, REddyProc", 2.0, lambda: daytime(ready, DayTime.reddyproc())),
    ]  # fmt: skip


def whole(ds: xr.Dataset) -> Step:
    """The whole chain: checks, both u* methods with their bootstraps, forty percentiles filled and partitioned by
    night and by day, random and joint uncertainty, LE and H, days to years."""

    def call() -> xr.Dataset:
        done = process(ds, Settings(draws=DRAWS))
        failed = [s.name for s in done.steps if s.status == "failed"]
        if failed:
            raise SystemExit(f"These steps failed, so that there is nothing to time: {', '.join(failed)}.")
        return done.record

    return Step("the whole chain, 40 percentiles", 120.0, call)


def say(site: str, step: Step, years: int, once: bool = False) -> None:
    """Time a step and print its line."""
    found = spent(step.call, once)
    target = "" if step.target is None else f"{step.target:8.1f}"
    verdict = (
        "" if step.target is None else "  within" if found.processor / years <= step.target else "  OVER"
    )
    figures = f"{found.processor / years:10.3f}{found.clock / years:10.3f}{found.first:10.2f}"
    print(f"{site:8}{step.name:48}{figures}{target:>9}{verdict}", flush=True)


def main() -> None:
    """Time every step at every site."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=os.environ.get("LANDSINK_DATA"), help="root of the data")
    asked.add_argument("--site", choices=tuple(SITES), help="this site alone")
    asked.add_argument("--whole", action="store_true", help="also forty percentiles at once")
    given = asked.parse_args()
    if given.data is None:
        asked.error("--data or LANDSINK_DATA says where the data lie")
    one_core()
    print("seconds a year, one core; 'first' is the whole first call, compiling or loading its code")
    print(f"{'':8}{'':48}{'processor':>10}{'clock':>10}{'first':>10}{'target':>9}")
    for site in (given.site,) if given.site else SITES:
        years = SITES[site][-1]
        ds = opened(Path(given.data), site)
        drawn = bootstrapped(ds, MovingPoint.oneflux(), DRAWS)["USTAR_THRESHOLD"]
        thresholds = np.nanpercentile(drawn.values, PERCENTILES)
        for step in steps(ds, float(np.nanmedian(thresholds))):
            say(site, step, years)
        if given.whole:
            say(site, whole(ds), years, once=True)


if __name__ == "__main__":
    main()
