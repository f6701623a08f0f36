"""What a cell and a day of the default model take by hand: C in both precisions, on one thread and on two, and NumPy.

`python -m benchmarks.reference [cells] [days]`, from the repository's root. Wall time and processor time of
single runs; the processor time tells whether the machine was busy with other things.
"""

import sys
import time
from collections.abc import Callable
from typing import get_args

import numpy as np

from landsink.core.model import Model
from landsink.core.quantity import quantity
from landsink.core.windows import Windows

from . import Inputs, gather, native, numpy_step
from .named import PROCESSES

CELLS, DAYS, WINDOW, NUMPY_DAYS = 1000, 3600, 30, 200


def case(cells: int, days: int, seed: int = 0) -> Inputs:
    """A run with random temperate weather, generated, not observed; the default parameters, cell by cell."""
    model, random = Model.of(*(kind() for kind in PROCESSES)), np.random.default_rng(seed)
    day = np.arange(days)[:, None] % 365 + 1.0
    season = -np.cos(2 * np.pi * (day - 20.0) / 365.0)
    noise = lambda: random.standard_normal((days, cells))  # noqa: E731
    tas = 282.0 + 9.0 * season + 3.0 * noise()
    span = 6.0 + np.abs(noise())
    rain = np.where(
        random.uniform(size=(days, cells)) < 0.4, -np.log(random.uniform(size=(days, cells))), 0.0
    )
    forcing = {
        "tas": tas, "tasmin": tas - span / 2, "tasmax": tas + span / 2, "pr": 6e-5 * rain,
        "rsds": (130.0 + 100.0 * season) * random.uniform(0.4, 1.2, (days, cells)),
        "vpd": (500.0 + 300.0 * season) * random.uniform(0.2, 1.8, (days, cells)),
        "co2": 4.0e-4 + 1e-6 * noise(), "ps": 1.0e5 + 500.0 * noise(), "dayOfYear": day,
        "dt": np.full((days, 1), 86400.0), "lat": np.linspace(35.0, 70.0, cells),
    }  # fmt: skip
    state = {}
    for name in model.state:
        low, high = quantity(name).span or (0.0, 1.0)
        part = 0.05 if quantity(name).kind == "pool" else 0.5
        state[name] = np.full(cells, low + part * (high - low))
    return gather(model, state, forcing, Windows.blocks(days, WINDOW))


def row(what: str, run: Callable[[], object], cell_days: int) -> str:
    """One line: nanoseconds a cell and a day, wall and processor."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    spent = (time.perf_counter() - wall, time.process_time() - processor)
    return f"{what:<24} {spent[0] / cell_days * 1e9:>10.1f} {spent[1] / cell_days * 1e9:>10.1f}"


def main(cells: int = CELLS, days: int = DAYS) -> None:
    """Print the table."""
    inputs = case(cells, days)
    print(f"{cells} cells, {days} days: nanoseconds a cell and a day, of single runs")
    print(f"{'':<24} {'wall':>10} {'processor':>10}")
    for precision in get_args(native.Precision):
        ready = native.Native(inputs, precision)
        ready.run()  # touch every page once
        for threads in range(1, min(2, ready.library.threads) + 1):
            print(
                row(f"C {precision} {threads} thread(s)", lambda r=ready, n=threads: r.run(n), cells * days)
            )
    few = case(cells, min(days, NUMPY_DAYS))
    print(row("NumPy float64", lambda: numpy_step.simulate(few), few.cells * few.steps))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
