"""The native engine beside XLA, hand-written C and NumPy: forward, gradient, Jacobian; from one cell to ten thousand.

    python -m benchmarks.engine [--quick]

Everything is measured in one go, in processes that may run on two cores and on one; each number is the best of several
runs, and results are waited for. Nanoseconds are of wall time for one cell and one day, so that runs of different
lengths can be compared: XLA gets fewer days where it is slow. Compiling is timed where it happens: sizes that share a
kernel compile it once. Weather is generated, and not observed. --quick leaves out what takes long: XLA's gradients and
Jacobians, ten thousand cells, and the memory of thirty years.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from benchmarks.reference import WANT, native, numpy_step
from benchmarks.reference.__main__ import WINDOW, case
from benchmarks.reference.named import PROCESSES
from landsink.core.engine import Native, Xla, build
from landsink.core.model import Model
from landsink.core.quantity import quantity
from landsink.core.run import Engine, simulate
from landsink.core.step import Decay
from landsink.core.windows import Windows

MODEL = Model.of(*(kind() for kind in PROCESSES))
DIRECTIONS, AT = 40, 1000  # columns of the Jacobian; cells at which targets are set
# days of a run, by what is run and how many cells: native and C first, XLA second (0: not measured)
DAYS = {
    "forward": {1: (3600, 3600), 100: (3600, 720), 1000: (1080, 180), 10000: (120, 30)},
    "gradient": {1: (3600, 360), 100: (1080, 0), 1000: (360, 60), 10000: (90, 0)},
    "jacobian": {1: (720, 0), 100: (360, 60), 1000: (60, 0), 10000: (0, 0)},
}
NUMPY_DAYS = 60
LONG_YEARS, LONG_CELLS, ROOM = 30, 10_000, 6.0  # the run whose gradient must fit into so many gigabytes


class Job(NamedTuple):
    """A run: parameters cell by cell, start, forcing, windows."""

    tuned: dict[str, jax.Array]
    state: dict[str, jax.Array]
    forcing: dict[str, jax.Array]
    windows: Windows


def job(cells: int, days: int, dtype: str = "float64") -> Job:
    """The reference's weather and default parameters; series in the type that is asked for."""
    held = case(cells, days)
    series = {n: jnp.asarray(v, dtype) for n, v in held.series.items()}
    forcing = series | {"dt": jnp.asarray(held.dt[:, None]), "lat": jnp.asarray(held.lat)}
    tuned, state = ({n: jnp.asarray(v) for n, v in d.items()} for d in (held.parameters, held.state))
    return Job(tuned, state, forcing, Windows.blocks(days, WINDOW))


def program(kind: str, engine: Engine) -> Callable[..., Any]:
    """What is timed, as a function of parameters, state, forcing and windows."""

    def forward(tuned: Any, state: Any, forcing: Any, windows: Any) -> Any:
        model = MODEL.with_parameters(tuned)
        return simulate(model, Decay(), state, forcing, WANT, windows, engine=engine)[0]

    def value(*given: Any) -> Any:
        # squares of order one: what is pulled back differs from month to month, as a misfit does
        return sum(jnp.mean((v / (quantity(n).span or (0, 1))[1]) ** 2) for n, v in forward(*given).items())

    def jacobian(tuned: Any, *given: Any) -> Any:
        along = {
            n: jnp.broadcast_to(v, (DIRECTIONS, *v.shape)) * (1 + i % 7)
            for i, (n, v) in enumerate(tuned.items())
        }
        return jax.vmap(lambda d: jax.jvp(lambda t: forward(t, *given), (tuned,), (d,))[1])(along)

    return {"forward": forward, "gradient": jax.value_and_grad(value), "jacobian": jacobian}[kind]


def best(call: Callable[[], Any], least: int = 3, room: float = 3.0) -> float:
    """Seconds of the quickest of several calls: at least so many, more if there is time."""
    found: list[float] = []
    while len(found) < least or (sum(found) < room and len(found) < 20):
        begin = time.perf_counter()
        jax.block_until_ready(call())
        found.append(time.perf_counter() - begin)
    return min(found)


def measured(kind: str, engine: Engine, cells: int, days: int, dtype: str) -> dict[str, float]:
    """Nanoseconds of a cell and a day, seconds of a call and of compiling."""
    given = job(cells, days, dtype)
    begin = time.perf_counter()
    ready = jax.jit(program(kind, engine)).lower(*given).compile()
    compiling = time.perf_counter() - begin
    spent = best(lambda: ready(*given))
    return {"ns": spent / cells / days * 1e9, "call": spent, "compile": compiling, "days": days}


@contextmanager
def nothing_kept() -> Generator[None]:
    """No compiled code is taken from a cache, so that compiling is timed as it is the first time."""
    jax.config.update("jax_enable_compilation_cache", False)
    build.compiler()
    with tempfile.TemporaryDirectory() as place, build.kept_in(Path(place)):
        yield


def say(what: str, engine: str, cells: int, **found: float) -> None:
    """One measurement, for the process that collects."""
    print(json.dumps({"what": what, "engine": engine, "cells": cells} | found), flush=True)


def measure(threads: int, quick: bool) -> None:
    """All measurements on two cores; on one, what tells whether the second core helps."""
    sizes = [n for n in DAYS["forward"] if (threads > 1 or n == AT) and not (quick and n > AT)]
    with nothing_kept():
        for cells in sizes:
            for precision in ("float32", "float64"):
                by_hand(cells, precision, threads)
            for kind, days in DAYS.items():
                mine, xla = days[cells]
                for precision in precisions(kind, cells, threads) if mine else ():
                    found = measured(kind, Native(precision), cells, mine, precision)
                    say(kind, f"native {precision}", cells, **found)
                if xla and threads > 1 and not (quick and kind != "forward"):
                    say(kind, "xla float64", cells, **measured(kind, Xla(), cells, xla, "float64"))
    if threads > 1:
        few = case(AT, NUMPY_DAYS)
        spent = best(lambda: numpy_step.simulate(few))
        say("forward", "NumPy float64", AT, ns=spent / AT / NUMPY_DAYS * 1e9)


def by_hand(cells: int, precision: native.Precision, threads: int) -> None:
    """The hand-written C."""
    days = DAYS["forward"][cells][0]
    ready = native.Native(case(cells, days), precision)
    say("forward", f"C {precision}", cells, ns=best(lambda: ready.run(threads)) / cells / days * 1e9)


def precisions(kind: str, cells: int, threads: int) -> tuple[str, ...]:
    """Double precision is timed where a target or the hand-written C asks for it: kernels take long to compile."""
    double = kind == "forward" or (kind == "gradient" and cells == AT)
    return ("float32", "float64") if double and threads > 1 else ("float32",)


def memory() -> None:
    """Gigabytes that a process takes at most for the gradient of thirty years of days at ten thousand cells."""
    days, rng = 365 * LONG_YEARS, np.random.default_rng(0)
    year = case(1, 365)
    series = {}
    for name, one in year.series.items():  # year by year, so that no larger array is ever made
        shared = name in ("dayOfYear", "co2", "ps")
        series[name] = np.empty((days, 1 if shared else LONG_CELLS), "float32")
        for at in range(0, days, 365):
            spread = 1.0 if shared else rng.uniform(0.99, 1.01, LONG_CELLS).astype("float32")
            series[name][at : at + 365] = one.astype("float32") * spread
    small = case(LONG_CELLS, 1)
    tuned, state = ({n: jnp.asarray(v) for n, v in d.items()} for d in (small.parameters, small.state))
    forcing = {n: jnp.asarray(series.pop(n)) for n in list(series)}  # one by one, since JAX makes copies
    forcing |= {"dt": jnp.full((days, 1), 86400.0), "lat": jnp.asarray(small.lat)}
    before = peak()
    run = jax.jit(program("gradient", Native("float32")))
    begin = time.perf_counter()
    value, slope = jax.block_until_ready(run(tuned, state, forcing, Windows.blocks(days, WINDOW)))
    finite = all(bool(jnp.isfinite(v).all()) for v in (value, *slope.values()))
    say("memory", "native float32", LONG_CELLS, gigabytes=peak(), forcing=before, finite=finite,
        call=time.perf_counter() - begin)  # fmt: skip


def peak() -> float:
    """The most that this process has held, in gigabytes (Linux counts kilobytes, macOS bytes)."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / (1e9 if sys.platform == "darwin" else 1e6 / 1.024)


def end_to_end() -> None:
    """Zarr to Zarr: a read of float32 forcing, a forward run, a write of monthly means."""
    cells, days = AT, 3600
    given = job(cells, days, "float32")
    run = jax.jit(program("forward", Native("float32"))).lower(*given).compile()
    with tempfile.TemporaryDirectory() as place:
        series = {n: np.asarray(v) for n, v in given.forcing.items() if v.ndim == 2 and v.shape[1] > 1}
        wide = {n: (("time", "cell"), v) for n, v in series.items()}
        xr.Dataset(wide).chunk(time=days, cell=250).to_zarr(f"{place}/in.zarr", consolidated=False)
        parts = {"read": 0.0, "run": 0.0, "write": 0.0}
        for turn in range(3):  # the first warms the file cache; the last one counts
            at = [time.perf_counter()]
            read = xr.open_zarr(f"{place}/in.zarr", consolidated=False).load()
            forcing = given.forcing | {n: jnp.asarray(read[n].to_numpy()) for n in wide}
            at.append(time.perf_counter())
            out = jax.block_until_ready(run(given.tuned, given.state, forcing, given.windows))
            at.append(time.perf_counter())
            made = {n: (("time", "cell"), np.asarray(v, "float32")) for n, v in out.items()}
            xr.Dataset(made).to_zarr(f"{place}/out{turn}.zarr", consolidated=False)
            at.append(time.perf_counter())
            parts = {n: float(s) for n, s in zip(parts, np.diff(at), strict=True)}
    say("end to end", "native float32", cells, days=days, **parts)


PARTS = {"memory": memory, "end_to_end": end_to_end}


def process(threads: int, *words: str) -> list[dict[str, Any]]:
    """What another process measures on so many cores."""
    env = os.environ | {"LANDSINK_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "benchmarks.engine", "--threads", str(threads), *words]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


Found = dict[tuple[str, str, int, int], dict[str, Any]]


def table(found: Found) -> None:
    """Nanoseconds by what was run, engine, cells and threads."""
    print(
        f"{'':<10}{'cells':>6} {'threads':>7}  {'engine':<15}{'ns/cell-day':>12}"
        f"{'days':>6}{'ms/call':>10}{'compile s':>10}"
    )
    for (what, engine, cells, threads), r in sorted(found.items(), key=lambda item: order(*item[0])):
        if "ns" in r:
            more = f"{r['days']:>6}{1e3 * r['call']:>10.2f}{r['compile']:>10.1f}" if "call" in r else ""
            print(f"{what:<10}{cells:>6} {threads:>7}  {engine:<15}{r['ns']:>12.1f}{more}")


def order(what: str, engine: str, cells: int, threads: int) -> tuple[Any, ...]:
    """Like beside like, two threads before one."""
    return list(DAYS).index(what) if what in DAYS else len(DAYS), cells, -threads, engine


def targets(found: Found, two: int) -> None:
    """Ratios within this run beside what they should be."""

    def ns(what: str, engine: str, cells: int = AT, threads: int = two) -> float:
        return found.get((what, engine, cells, threads), {}).get("ns", np.nan)

    f32, f64, xla = "native float32", "native float64", "xla float64"
    rows = [
        ("forward, xla / native", ns("forward", xla) / ns("forward", f32), 8.0, ">="),
        ("gradient, xla / native", ns("gradient", xla) / ns("gradient", f32), 8.0, ">="),
        ("jacobian at 100 cells, xla / native", ns("jacobian", xla, 100) / ns("jacobian", f32, 100), 8.0, ">="),
        ("native / hand-written C, float32", ns("forward", f32) / ns("forward", "C float32"), 1.3, "<="),
        ("native / hand-written C, float64", ns("forward", f64) / ns("forward", "C float64"), 1.3, "<="),
        ("gradient / forward, float32", ns("gradient", f32) / ns("forward", f32), 5.0, "<="),
        ("gradient / forward, float64", ns("gradient", f64) / ns("forward", f64), 5.0, "<="),
        ("two threads over one, forward", ns("forward", f32, AT, 1) / ns("forward", f32), 1.8, ">="),
        ("two threads over one, gradient", ns("gradient", f32, AT, 1) / ns("gradient", f32), 1.8, ">="),
        ("one site, forward, xla / native", ns("forward", xla, 1) / ns("forward", f32, 1), 20.0, ">="),
        ("one site, gradient, xla / native", ns("gradient", xla, 1) / ns("gradient", f32, 1), 20.0, ">="),
    ]  # fmt: skip
    held = found.get(("memory", f32, LONG_CELLS, two))
    if held:
        rows.append(
            (f"GB, gradient of {LONG_YEARS} years x {LONG_CELLS} cells", held["gigabytes"], ROOM, "<")
        )
    print(f"\n{f'at {AT} cells if not said otherwise':<44}{'found':>8}   target")
    for label, value, target, sign in rows:
        reached = value >= target if sign == ">=" else value <= target
        verdict = "not measured" if np.isnan(value) else "reached" if reached else "MISSED"
        print(f"{label:<44}{value:>8.2f}   {sign} {target:<5g} {verdict}")
    print(
        f"{'NumPy / native float32, forward':<44}{ns('forward', 'NumPy float64') / ns('forward', f32):>8.0f}"
    )


def collect(quick: bool) -> None:
    """Measure on two cores and on one, and print."""
    cores = (
        sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    two = min(2, len(cores))
    jobs = [(n, ("measure",)) for n in sorted({two, 1}, reverse=True)] + [(two, ("end_to_end",))]
    jobs += [] if quick else [(two, ("memory",))]
    found: Found = {}
    for threads, words in jobs:
        for r in process(threads, *words, *(["--quick"] if quick else [])):
            found[r["what"], r["engine"], r["cells"], threads] = r
    print(f"{build.compiler().name}; load {os.getloadavg()[0]:.1f} at the end, on {len(cores)} cores")
    table(found)
    targets(found, two)
    r = found["end to end", "native float32", AT, two]
    share = (r["read"] + r["write"]) / (r["read"] + r["run"] + r["write"])
    print(f"\nZarr to Zarr, {r['cells']} cells x {r['days']} days: read {r['read']:.2f} s, run {r['run']:.2f} s,"
          f" write {r['write']:.2f} s; input and output take {100 * share:.0f} %")  # fmt: skip
    if ("memory", "native float32", LONG_CELLS, two) in found:
        r = found["memory", "native float32", LONG_CELLS, two]
        print(f"gradient of {LONG_YEARS} years x {LONG_CELLS} cells: {r['gigabytes']:.2f} GB at most,"
              f" {r['forcing']:.2f} GB before it began;"
              f" {r['call']:.0f} s with compiling; all finite: {bool(r['finite'])}")  # fmt: skip


def main() -> None:
    """Collect, or be one of the processes that measure."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("part", nargs="?", default="collect", choices=("collect", "measure", *PARTS))
    words.add_argument("--threads", type=int, default=0)
    words.add_argument("--quick", action="store_true")
    asked = words.parse_args()
    if asked.threads and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.threads])
    if asked.part == "collect":
        collect(asked.quick)
    elif asked.part == "measure":
        measure(asked.threads, asked.quick)
    else:
        PARTS[asked.part]()


if __name__ == "__main__":
    main()
