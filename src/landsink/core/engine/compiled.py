"""The native engine, as a run sees it: names in, names out."""

import dataclasses
import math
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from landsink.core.model import Model, Named
from landsink.core.quantity import quantity
from landsink.core.step import Stepper
from landsink.core.windows import Packed, Windows

from .emit import unknown_ops
from .graph import Graph
from .native import STORAGE, Kernel, run_p
from .split import LANE, PLACE, STATE, TIME, TUNED, Names, Split, cut, dynamic, step_of

MANY = 8  # lanes that share a place, from which its weather is worth working out ahead


@dataclasses.dataclass(frozen=True)
class Native:
    """Runs elementwise models on processors as compiled C.

    precision: 'float32' computes rates in single precision and keeps stocks as sums of two such numbers; 'float64' all
    in double.
    """

    precision: str = "float32"

    def check(self, model: Model, stepper: Stepper) -> None:
        """Raise EngineError, naming operation and line, for a model that cannot be written out."""
        leaves, rest = dynamic(model)
        unknown_ops(traced(Traced(rest, len(leaves), stepper, names_of(model, ()))))

    def __call__(
        self, model: Model, stepper: Stepper, state: Named, forcing: Named, want: tuple[str, ...],
        windows: Windows, every: str, cells: tuple[int, ...],
    ) -> tuple[Named, Named]:  # fmt: skip
        """Means over windows or every step of `want`, and the end state."""
        leaves, rest = dynamic(model)
        names = names_of(model, want, tuple(n for n, v in forcing.items() if isinstance(v, Packed)))
        drive = [
            _series(v.integers if isinstance(v, Packed) else v) for v in (forcing[n] for n in names.series)
        ]
        packing = [jnp.asarray(x, float) for n in names.packed for x in (forcing[n].scale, forcing[n].offset)]
        lanes, places = math.prod(cells[:-1]), cells[-1] if cells else 1
        if any(s.ndim > 2 for s in drive):
            # forcing that differs by lane: every lane is a place of its own
            lanes, places = 1, math.prod(cells)
            drive = [_merged(s, cells) for s in drive]
        constants = [jnp.asarray(forcing[n], float) for n in names.constants]
        reach = (*map(_reach, leaves), *(PLACE * bool(c.ndim) for c in constants), *[0] * len(packing),
                 *(TIME | PLACE * (s.shape[1] > 1) for s in drive), *[STATE] * len(names.states))  # fmt: skip
        made = cut_step(Traced(rest, len(leaves), stepper, names), reach, lanes >= MANY)
        single = self.precision == "float32"
        fixed, series = made.ahead([*leaves, *constants, *packing, *drive])
        fixed = [jnp.asarray(v, float) for v in fixed]
        fixed = [jnp.broadcast_to(v, cells).reshape(lanes, places) if v.ndim else v for v in fixed]
        start = [
            jnp.broadcast_to(jnp.asarray(state[n], float), cells).reshape(lanes, places) for n in names.states
        ]
        index, weight = _weights(windows, jnp.asarray(forcing["dt"]))
        rows = drive[0].shape[0] if every == "step" else windows.index.shape[0]
        outs = run_p.bind(
            index, weight, *series, *fixed, *start, kernel=_kernel(made, every == "step", single, rows)
        )
        kept = {n: o.reshape(-1, *cells).astype(float) for n, o in zip(want, outs, strict=False)}
        return kept, {n: o.reshape(cells) for n, o in zip(names.states, outs[len(want) :], strict=True)}


def _reach(number: Any) -> int:
    """A plain number is given once and for all; an array may be tuned, and may differ by column."""
    if isinstance(number, float):
        return 0
    return TUNED | (PLACE | LANE if jnp.ndim(number) else 0)


def _weights(windows: Windows, dt: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Which step stands where, -1 for none, and its share of the window."""
    weight = windows.real * dt.reshape(dt.shape[0], -1)[windows.index, 0]
    index = jnp.where(windows.real, windows.index, -1).astype(jnp.int32)
    return index, weight / jnp.sum(weight, 1, keepdims=True)


def _series(given: Any) -> jax.Array:
    """Forcing as (time, place) or (time, 1), in the type in which it came if a kernel can read that."""
    values = jnp.asarray(given)
    if str(values.dtype) not in STORAGE:
        values = values.astype(float)
    return values.reshape(-1, 1) if values.size == values.shape[0] else values


def _merged(values: jax.Array, cells: tuple[int, ...]) -> jax.Array:
    """Forcing of all lanes and cells side by side, (time, lane * cell); what all share stays (time, 1)."""
    if values.ndim == 2 and values.shape[1] == 1:
        return values
    missing = (1,) * (len(cells) + 1 - values.ndim)
    values = values.reshape(values.shape[0], *missing, *values.shape[1:])
    return jnp.broadcast_to(values, (values.shape[0], *cells)).reshape(values.shape[0], -1)


def names_of(model: Model, want: tuple[str, ...], packed: tuple[str, ...] = ()) -> Names:
    """What a step reads and gives, in the order in which kernels take it."""
    reads = [*model.forcing, *(n for n in ("dt",) if n not in model.forcing)]
    return Names(
        tuple(n for n in reads if quantity(n).constant),
        tuple(n for n in reads if not quantity(n).constant),
        tuple(model.state),
        want,
        tuple(n for n in packed if n in reads),
    )


@dataclasses.dataclass(frozen=True)
class Traced:
    """What a traced step depends on: two that are equal share kernels."""

    rest: Any
    numbers: int
    stepper: Any
    names: Names

    def _key(self) -> tuple[Any, ...]:
        tree, static = self.rest
        leaves, shape = jax.tree.flatten((static, self.stepper))
        plain = tuple(v.tobytes() if isinstance(v, np.ndarray) else v for v in leaves)
        return tree, shape, plain, self.numbers, self.names

    def __hash__(self) -> int:
        return hash(self._key())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Traced) and self._key() == other._key()


@lru_cache(maxsize=256)
def traced(what: Traced) -> Graph:
    """The step, traced. Raises EngineError where it is not made of scalar operations."""
    return step_of(what.rest, what.numbers, what.stepper, what.names)


@lru_cache(maxsize=256)
def cut_step(what: Traced, reach: tuple[int, ...], places_ahead: bool) -> Split:
    """The step, traced and cut."""
    return cut(traced(what), reach, places_ahead)


@lru_cache(maxsize=1024)
def _kernel(made: Split, every: bool, single: bool, rows: int) -> Kernel:
    return Kernel(made.step, every, single, rows)
