"""Full models put together in every way, and made-up weather that drives them for thirty years."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from landsink.core import run, step
from landsink.core.model import Model
from landsink.core.process import Process
from landsink.core.quantity import quantity
from landsink.core.windows import Windows
from tests.laws.registry import STEPS, donors, processes, span

STEPPERS = ("Euler", "Decay", "Matrix")
LITTER = {"litterLeaf", "litterRoot", "litterWood"}
SITES = {"lat": (66.0, 51.0, 38.0, -12.0), "mean": (272.0, 282.0, 290.0, 299.0), "swing": (15.0, 9.0, 8.0, 3.0),
         "rain": (500.0, 800.0, 450.0, 1300.0), "clay": (8.0, 23.0, 35.0, 45.0)}  # fmt: skip


def family(name: str) -> list[type[Process]]:
    """The processes of one family of models."""
    return [c for c in processes() if c.__module__.split(".")[2] == name]


def soils() -> list[str]:
    """Soils that take all litter of a plant, at any step (the annual climate of a paper is no weather)."""
    takers = [c for c in family("soil") if set(donors(c, port=True)) >= LITTER]
    return [c.__name__ for c in takers if "tasAmplitude" not in c().reads]


def lights() -> list[str]:
    """Processes that give photosynthesis."""
    return [c.__name__ for c in family("light") if "gpp" in c().gives]


@dataclass(frozen=True)
class Choice:
    """One way to compose and to run."""

    soil: str
    light: str
    fire: bool
    stepper: str
    step: str = "month"

    @property
    def stepping(self) -> Any:
        return getattr(step, self.stepper)()


@cache
def model(soil: str, light: str, fire: bool) -> Model:
    """A full model: every process of light, water and plant, one photosynthesis, one soil, with fire or without."""
    chosen = [c for c in family("light") if c.__name__ not in lights() or c.__name__ == light]
    chosen += family("water") + family("plant")
    chosen += [c for c in family("soil") if c.__name__ in (soil, "SoilClimate")]
    held = {n for c in chosen for n in c().reads if quantity(n).kind == "pool"}
    burns = [c for c in family("disturbance") if {n for n in c().reads if quantity(n).kind == "pool"} <= held]
    return Model.of(*(c() for c in chosen + (burns if fire else [])))


def start(made: Model) -> dict[str, jnp.ndarray]:
    """Pools a tenth full; memories of a mild day."""

    def one(name: str) -> float:
        low, high = span(name)
        return 283.0 if quantity(name).unit == "K" else low + 0.1 * (high - low)

    # With a type of their own: weakly typed numbers would have every model compiled twice.
    return {n: jnp.full(4, one(n), float) for n in made.state}


@cache
def weather(step: str, years: int = 30, seed: int = 7) -> dict[str, jnp.ndarray]:
    """Four places from the Arctic to the savanna: seasons, weather, droughts and a little fire; (time, 4)."""
    rng, per_year = np.random.default_rng(seed), {"day": 365, "month": 12}[step]
    steps, dt = years * per_year, STEPS[step]
    day = ((np.arange(steps) % per_year + 0.5) * 365.0 / per_year + 0.5)[:, None]
    site = {k: np.array(v) for k, v in SITES.items()}
    season = -np.cos(2 * np.pi * (day - 20.0) / 365.0) * np.sign(site["lat"])
    noise = rng.normal(size=(steps, 4)) * (3.0 if step == "day" else 1.5)
    tas = site["mean"] + site["swing"] * season + noise
    wet = rng.gamma(0.3 if step == "day" else 2.0, size=(steps, 4)) / (0.3 if step == "day" else 2.0)
    saturated = 610.8 * np.exp(17.27 * (tas - 273.15) / (tas - 35.85))
    rows = {
        "tas": tas, "tasmin": tas - 4.0, "tasmax": tas + 4.0, "vpd": saturated * rng.uniform(0.05, 0.6, (steps, 4)),
        "rsds": np.maximum(5.0, 150.0 + 2.5 * np.abs(site["lat"]) * season) * rng.uniform(0.6, 1.2, (steps, 4)),
        "pr": wet * site["rain"] / (365.2425 * 86400.0) * (1.0 - 0.6 * season * (site["lat"] < 45.0)),
        "co2": np.full((steps, 4), 4e-4), "ps": np.full((steps, 4), 98000.0),
        "burntFraction": rng.uniform(0.0, 5e-9, (steps, 4)), "dayOfYear": np.broadcast_to(day, (steps, 4)),
        "dt": np.full((steps, 1), dt), "lat": site["lat"], "clay": site["clay"],
    }  # fmt: skip
    return {k: jnp.asarray(v) for k, v in rows.items()}


def forcing(made: Model, step: str) -> dict[str, jnp.ndarray]:
    """The weather that a model reads."""
    known = weather(step)
    missing = set(made.forcing) - set(known)
    assert not missing, f"the made-up weather lacks {missing}"
    return {n: known[n] for n in (*made.forcing, "dt")}


simulate = eqx.filter_jit(run.simulate)


def wanted(made: Model) -> tuple[str, ...]:
    """All states, and the counts that close the books."""
    books = ("nbp", "evspsbl", "mrro", "gpp", "rh", "ra", "fFire", "prra", "prsn")
    return (*made.state, *(n for n in books if made.offers(n)))


@cache
def result(choice: Choice) -> tuple[Model, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A model, its start, and all it gave in thirty years, step by step; computed once."""
    made = model(choice.soil, choice.light, choice.fire)
    out, _ = again(choice, made, start(made), forcing(made, choice.step))
    return made, {k: np.asarray(v) for k, v in start(made).items()}, out


def again(
    choice: Choice, made: Model, state: dict[str, Any], drive: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Thirty years from a state: what was given, (time, cell), and the end."""
    steps = drive["dt"].shape[0]
    windows = Windows.blocks(steps, 12 if choice.step == "month" else 73)
    out, end = simulate(made, choice.stepping, state, drive, wanted(made), windows, "step")
    return {k: np.asarray(v) for k, v in out.items()}, {k: np.asarray(v) for k, v in end.items()}


def stock(rows: dict[str, np.ndarray], pools: Sequence[str], substance: str) -> np.ndarray:
    """All that a substance's pools hold."""
    return sum(rows[p] for p in pools if quantity(p).substance == substance)
