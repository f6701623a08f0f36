"""How long it takes to invert every pixel of a continent: 1501 European cells, 16 years, best point and 32 members.

The forcing is the European one-degree set. No pixel has observations of its own, so they are GENERATED from a known
truth drawn from the prior: monthly leaf area, net exchange and photosynthesis, with the errors printed. Usage:
`python -m benchmarks.pixels [cells]`, all cells if none is named. Prints pixels a second and the time that the land of
the globe (67 420 half-degree cells, thirty years, daily) would take at the same cost per pixel and step.
"""

import dataclasses
import os
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from landsink.assimilate import RandomisedMaximumLikelihood, Variational, observe_truth
from landsink.case import compose, load
from landsink.case.page import DomainPage, SourcePage
from landsink.case.setup import Setup, prepare, problem
from landsink.core import door
from landsink.core.run import simulate
from landsink.core.windows import Windows

ERRORS = {"lai": (0.15, 0.2), "nee": (0.2, 2e-9), "gpp": (0.15, 2e-9)}

STARTS, ITERATIONS, MEMBERS, MEMBER_ITERATIONS = 2, 12, 32, 4
TILE = 256
GLOBE, DAYS, STEPS = 67_420, 10_950, 192


def setup_of(data: Path, cells: int) -> Setup:
    """The European model on its map's forcing, calibrated pixel by pixel."""
    case = load("europe")
    domain = DomainPage(source=SourcePage(kind="EuropeForcing"), constants=dict(case.domain.constants))
    whole = prepare(case.model_copy(update={"domain": domain, "map": None, "goal": ()}), data)
    land = np.flatnonzero(whole.entry.flag == door.OK)[:cells]
    return part(whole, land)


def part(setup: Setup, cells: Any) -> Setup:
    """The setup at some of its cells."""
    return dataclasses.replace(
        setup,
        entry=setup.entry.cut(cells),
        data=setup.data.isel({setup.entry.outer: cells}),
        labels=[str(i) for i in range(len(np.arange(len(setup.entry.flag))[cells]))],
        start={k: v[..., cells] for k, v in setup.start.items()},
    )


def generated(setup: Setup, truth: Any, seed: int) -> tuple[Any, ...]:
    """What instruments would have seen of the truth, as terms."""
    forcing = {k: jax.numpy.asarray(v) for k, v in setup.entry.arrays.items()}
    steps = len(setup.entry.time)
    model = setup.space.model(setup.model, truth)
    start = setup.space.start(setup.start, truth)
    windows = Windows.blocks(steps, 14)
    run = jax.jit(
        lambda m, s, f: simulate(m, setup.stepper, s, f, tuple(ERRORS), windows, "step", setup.engine)
    )
    out = {k: np.asarray(v) for k, v in run(model, start, forcing)[0].items()}
    seen = observe_truth(out, ERRORS, setup.entry.time, setup.entry.outer, seed)
    return tuple(
        compose.observation("Observation").of(n, seen[n].to_numpy(), seen[f"{n}_sd"].to_numpy())
        for n in ERRORS
    )


def main() -> None:
    """Invert and time."""
    data = Path(os.environ.get("LANDSINK_DATA", ""))
    setup = setup_of(data, int(sys.argv[1]) if len(sys.argv) > 1 else 10**6)
    cells = len(setup.entry.flag)
    print(
        f"{cells} cells, {len(setup.entry.time)} months, {setup.space.size} unknowns a pixel, engine {setup.engine}"
    )
    print(f"GENERATED observations: errors (relative, absolute) {ERRORS}")
    method = RandomisedMaximumLikelihood(MEMBERS, MEMBER_ITERATIONS, Variational(ITERATIONS, STARTS))
    spent = {"best point": 0.0, f"{MEMBERS} members": 0.0}
    chi2: list[np.ndarray] = []
    inside: list[np.ndarray] = []
    for at in range(0, cells, TILE):
        some = part(setup, np.arange(at, min(at + TILE, cells)))
        key = jax.random.PRNGKey(at)
        truth = 0.7 * jax.random.normal(key, (setup.space.size, len(some.entry.flag)))
        posed = problem(some, generated(some, truth, at))
        began = time.perf_counter()
        best = method.best.solve(posed, key)
        np.asarray(best.best)
        middle = time.perf_counter()
        found = method.spread(posed, best, key)
        ensemble = np.asarray(found.ensemble)
        spent["best point"] += middle - began
        spent[f"{MEMBERS} members"] += time.perf_counter() - middle
        chi2.append(np.asarray(best.chi2))
        low, high = np.quantile(ensemble, [0.05, 0.95], axis=1, method="weibull")
        inside.append(((np.asarray(truth) >= low) & (np.asarray(truth) <= high)).mean(0))
        print(f"  {at + len(some.entry.flag)} of {cells} cells: {sum(spent.values()):.0f} s", flush=True)
    _report(cells, spent, np.concatenate(chi2), np.concatenate(inside))


def _report(cells: int, spent: dict[str, float], chi2: np.ndarray, inside: np.ndarray) -> None:
    total = sum(spent.values())
    for what, seconds in spent.items():
        print(f"{what}: {seconds:.0f} s, {cells / seconds:.2f} pixels a second")
    print(f"both: {total:.0f} s (compilation included) on {os.cpu_count()} cores")
    print(f"misfit per observation at the best point, median {np.median(chi2):.2f} (1 is expected), worst tenth from "
          f"{np.quantile(chi2, 0.9):.2f}; true parameters inside their 90 % interval: {inside.mean():.3f}")  # fmt: skip
    globe = total / cells * GLOBE * DAYS / STEPS
    print(
        f"projected, linear in pixels and steps: {GLOBE} cells x {DAYS} days: {globe / 3600:.0f} hours on this machine"
    )


if __name__ == "__main__":
    main()
