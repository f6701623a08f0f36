"""How fast the full daily model runs, forward and with its gradient, and what memory the gradient needs.

Prints one row per size: cells, site-years a second forward, the same with the gradient, seconds to compile, and
the temporary memory of the gradient. The last row is compiled only, at the size of a continental tile.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from landsink.core.model import Model
from landsink.core.quantity import quantity
from landsink.core.run import simulate
from landsink.core.step import Decay
from landsink.core.windows import Windows
from landsink.models.light import Canopy, PModel, Sun
from landsink.models.plant import Dalec, LeafArea, Phenology
from landsink.models.soil import LitterSoil, SoilClimate
from landsink.models.water import NetRadiation, Snow, SoilMoisture, SoilWater

MODEL = Model.of(
    Sun(), Canopy(), PModel(), NetRadiation(), Snow(), SoilMoisture(), SoilWater(),
    Phenology(), Dalec(), LeafArea(), SoilClimate(), LitterSoil(),
)  # fmt: skip
FREE = "PModel.yield_scale"
YEARS, SIZES = 4, (1, 64, 512)
FULL_YEARS, FULL_CELLS = 30, 1000


def weather(days: int, cells: int) -> dict[str, jax.Array]:
    """A temperate year over and over, a little warmer from cell to cell."""
    day = np.arange(days)[:, None] % 365 + 1.0
    season = -np.cos(2 * np.pi * (day - 20.0) / 365.0)
    tas = 282.0 + 9.0 * season + np.linspace(-3.0, 3.0, cells)[None, :]
    series = {
        "tas": tas, "tasmin": tas - 4.0, "tasmax": tas + 5.0, "rsds": 130.0 + 100.0 * season,
        "vpd": 500.0 + 300.0 * season, "pr": 2.5e-5 + 0.0 * day, "co2": 4.0e-4 + 0.0 * day,
        "ps": 1.0e5 + 0.0 * day, "dayOfYear": day, "dt": 86400.0 + 0.0 * day, "lat": np.full(cells, 50.0),
    }  # fmt: skip
    return {name: jnp.asarray(series[name]) for name in (*MODEL.forcing, "dt")}


def start(cells: int) -> dict[str, jax.Array]:
    """Every pool a little filled; memories in the middle of their spans."""
    spans = {name: quantity(name).span or (0.0, 1.0) for name in MODEL.state}
    part = {name: 0.05 if quantity(name).kind == "pool" else 0.5 for name in MODEL.state}
    return {n: jnp.full(cells, low + part[n] * (high - low)) for n, (low, high) in spans.items()}


def uptake(value: jax.Array, state: dict[str, jax.Array], forcing: dict[str, jax.Array]) -> jax.Array:
    """Mean of photosynthesis and water use, as a function of one parameter."""
    windows = Windows.blocks(forcing["dt"].shape[0], 30)
    model = MODEL.with_parameters({FREE: value})
    out, _ = simulate(model, Decay(), state, forcing, ("gpp", "evspsbl"), windows)
    return out["gpp"].mean() + out["evspsbl"].mean()


def seconds(call: Callable[[], Any]) -> float:
    """Wall time of one call, the result waited for."""
    begin = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - begin


def compiled(function: Callable[..., jax.Array], cells: int, years: int) -> Any:
    """The function, compiled for one size."""
    inputs = (jnp.asarray(0.8), start(cells), weather(365 * years, cells))
    return jax.jit(function).lower(*inputs).compile()


def row(cells: int) -> str:
    """Measure one size."""
    inputs = (jnp.asarray(0.8), start(cells), weather(365 * YEARS, cells))
    begin = time.perf_counter()
    forward, gradient = compiled(uptake, cells, YEARS), compiled(jax.grad(uptake), cells, YEARS)
    compiling = time.perf_counter() - begin
    best = [min(seconds(lambda run=run: run(*inputs)) for _ in range(3)) for run in (forward, gradient)]
    rates = [cells * YEARS / t for t in best]
    return f"{cells:>6} {rates[0]:>12.0f} {rates[1]:>12.0f} {compiling:>10.1f} {megabytes(gradient):>12.0f}"


def megabytes(program: Any) -> float:
    """Temporary memory of a compiled function."""
    return program.memory_analysis().temp_size_in_bytes / 1e6


if __name__ == "__main__":
    print(f"{'cells':>6} {'forward/s':>12} {'gradient/s':>12} {'compile s':>10} {'gradient MB':>12}")
    for size in SIZES:
        print(row(size))
    full = compiled(jax.grad(uptake), FULL_CELLS, FULL_YEARS)
    print(f"{FULL_CELLS} cells, {FULL_YEARS} years of days: gradient {megabytes(full):.0f} MB")
