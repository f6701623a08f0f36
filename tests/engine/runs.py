"""Runs that both engines can do: a model with scattered parameters, made-up weather, and what is asked of them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from landsink.case import compose, page
from landsink.core.model import Model
from landsink.core.quantity import quantity
from landsink.core.run import Engine, simulate
from landsink.core.step import Stepper
from landsink.core.windows import Windows
from tests.laws.compose import weather

Named = dict[str, Any]


class Run(NamedTuple):
    """What `simulate` takes; `tuned` are parameters with one value per cell."""

    model: Model
    stepper: Stepper
    tuned: Named
    state: Named
    forcing: Named
    want: tuple[str, ...]
    windows: Windows

    def with_(self, engine: Engine, every: str, tuned: Named, state: Named) -> tuple[Named, Named]:
        """The run on an engine, with its parameters and start as arguments."""
        model = self.model.with_parameters(tuned)
        return simulate(model, self.stepper, state, self.forcing, self.want, self.windows, every, engine)

    def on(self, engine: Engine, every: str = "window") -> tuple[Named, Named]:
        """The run on an engine, compiled."""
        return jax.jit(lambda t, s: self.with_(engine, every, t, s))(self.tuned, self.state)

    def score(self, engine: Engine, tuned: Named, state: Named) -> jax.Array:
        """One number that hangs on all that a run gives, of order one in each."""
        out, end = self.with_(engine, "window", tuned, state)
        size = {k: 1.0 / (1e-30 + np.abs(v).max()) for k, v in self.sizes.items()}
        means = sum(jnp.mean(jnp.sin(3.0 * size[n] * out[n])) for n in self.want)
        return means + sum(jnp.mean(jnp.cos(size[f"end {n}"] * v)) for n, v in end.items())

    @property
    def sizes(self) -> dict[str, np.ndarray]:
        """Typical sizes of what the run gives, from its start, so that no engine is asked for them."""
        span = {n: quantity(n).span or (0.0, 1.0) for n in self.want}
        found = {n: np.asarray(max(abs(low), abs(high)) / 10) for n, (low, high) in span.items()}
        return found | {f"end {n}": np.asarray(v) + 1e-3 for n, v in self.state.items()}


def scattered(model: Model, cells: int, seed: int) -> Named:
    """Every parameter drawn within its bounds, cell by cell."""
    random = np.random.default_rng(seed)
    drawn = {}
    for name, row in model.parameters.items():
        u = random.uniform(0.05, 0.95, cells)
        ratio = row.high / row.low if row.logarithmic else 1.0
        drawn[name] = jnp.asarray(
            row.low * ratio**u if row.logarithmic else row.low + u * (row.high - row.low)
        )
    return drawn


def places(model: Model, step: str, steps: int, cells: int, seed: int) -> Named:
    """Made-up weather at many places; what it lacks is drawn within the vocabulary's span."""
    known, random = weather(step), np.random.default_rng(seed)
    made = {}
    for name in (*model.forcing, "dt"):
        constant = quantity(name).constant
        if name not in known:
            low, high = quantity(name).span or (0.0, 1.0)
            drawn = random.uniform(low, low + 0.2 * (high - low), cells if constant else (steps, cells))
            made[name] = jnp.asarray(drawn)
            continue
        value = np.asarray(known[name]) if constant else np.asarray(known[name])[:steps]
        if value.shape[-1] == 4:
            value = value[..., np.arange(cells) % 4]
            if name in ("tas", "pr", "rsds"):
                value = value * random.uniform(0.995, 1.005, cells)
        made[name] = jnp.asarray(value)
    return made


def start(model: Model, cells: int, seed: int) -> Named:
    """Pools a little filled, differently from cell to cell; memories of a mild day."""
    random = np.random.default_rng(seed)
    made = {}
    for name in model.state:
        low, high = quantity(name).span or (0.0, 1.0)
        at = 283.0 if quantity(name).unit == "K" else low + 0.1 * (high - low)
        made[name] = jnp.asarray(at * random.uniform(0.9, 1.1, cells) if at != 283.0 else np.full(cells, at))
    return made


def run_of(model: Model, stepper: Stepper, step: str, steps: int, cells: int = 5, seed: int = 0) -> Run:
    """A run of a model through generated weather."""
    books = (n for n in ("gpp", "nee", "evspsbl", "lai", "cVeg", "cSoil", "rh") if model.offers(n))
    want = tuple(dict.fromkeys((*books, *model.state)))
    return Run(model, stepper, scattered(model, cells, seed), start(model, cells, seed + 1),
               places(model, step, steps, cells, seed + 2), want,
               Windows.of(np.arange(steps) // (30 if step == "day" else 1)))  # fmt: skip


def case_run(name: str, steps: int, cells: int = 5) -> Run:
    """The model of a shipped case."""
    held = page.load(name).model
    return run_of(compose.compose(held), compose.stepper(held), held.step, steps, cells)
