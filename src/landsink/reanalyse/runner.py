"""Run a posterior ensemble over tiles: forcing in, means and spreads out."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from landsink.core.door import NOT_FINITE, NOT_STEADY, OK, Entry, month_labels
from landsink.core.model import Model, Named
from landsink.core.prior import ParameterSpace
from landsink.core.run import XLA, Engine, simulate, spinup
from landsink.core.step import Stepper
from landsink.core.windows import Windows

from .cluster import computed
from .tiles import TileStore

Report = Callable[[str, float], None]
STEADY = 0.05  # relative change over one more cycle above which a cell is flagged


class Noise(Protocol):
    """What an instrument adds to a prediction."""

    def spread(self, predicted: np.ndarray) -> Any:
        """Standard deviation of a value about `predicted`, (step, cell)."""
        ...


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything that a tile needs.

    members (dim, member, cell): the ensemble in the space's coordinates. start: name -> (cell,) or (member, cell);
    cycle: forcing that is repeated to the steady state first, None to start as given.
    every: 'window' for monthly means, 'step' for every step. noise: the instruments whose values the quantiles of
    the same name are to hold. area: (cell,) m2 for regional totals by member. keep: every cell keeps its members, so
    that the spread of any area can be told later; costs `members` times the room of the mean.
    """

    model: Model
    stepper: Stepper
    space: ParameterSpace
    members: np.ndarray
    entry: Entry
    want: tuple[str, ...]
    start: Mapping[str, np.ndarray]
    cycle: Entry | None = None
    every: str = "window"
    noise: Mapping[str, Noise] = dataclasses.field(default_factory=dict)
    area: np.ndarray | None = None
    keep: bool = False
    seed: int = 0
    engine: Engine = XLA

    def part(self, tile: slice) -> "Plan":
        """The plan of one tile."""
        cut = {"members": self.members[..., tile], "entry": self.entry.cut(tile),
               "cycle": self.cycle and self.cycle.cut(tile),
               "start": {k: v[..., tile] for k, v in self.start.items()},
               "area": None if self.area is None else self.area[tile], "seed": self.seed + tile.start}  # fmt: skip
        return dataclasses.replace(self, **cut)

    @property
    def windows(self) -> Windows:
        """Months, or blocks that only save memory."""
        steps = len(self.entry.time)
        if self.every == "window":
            return Windows.of(month_labels(self.entry.time))
        return Windows.blocks(steps, max(1, int(np.sqrt(steps))))


def run_tiles(
    plan: Plan, tiles: Sequence[slice], store: TileStore, span: str, report: Report, scheduler: str = ""
) -> int:
    """Compute the tiles that the store lacks; returns how many were computed now.

    scheduler: '' for this process, or the address of a dask.distributed scheduler.
    """
    todo = [t for t in tiles if not store.has(t, span)]
    done = len(tiles) - len(todo)
    report("tiles", done / len(tiles))
    # XLA already uses every core inside one tile: here tiles run one after another.
    if scheduler and todo:
        found = computed(scheduler, compute, plan.part, todo)
    else:
        found = ((t, compute(plan.part(t))) for t in todo)
    for tile, arrays in found:
        store.save(tile, arrays, span)
        done += 1
        report("tiles", done / len(tiles))
    return len(todo)


def compute(plan: Plan) -> dict[str, np.ndarray]:
    """Run one tile: '<name>', '<name>_sd', quantiles where noise is given, 'end/<state>', 'total/<name>', 'flag'.

    With `keep` also 'member/<name>', (time, member, cell) of float32.
    """
    forcing = {k: jnp.asarray(v) for k, v in plan.entry.arrays.items()}
    start = {k: jnp.asarray(v) for k, v in plan.start.items()}
    cycle = {k: jnp.asarray(v) for k, v in plan.cycle.arrays.items()} if plan.cycle else None
    out, end, change = _ensemble(plan.model, plan.stepper, plan.space, jnp.asarray(plan.members), start, forcing, cycle,
                                 plan.want, plan.windows, plan.every, plan.engine)  # fmt: skip
    result = _statistics(plan, {k: np.asarray(v) for k, v in out.items()})
    result |= {f"member/{k}": np.asarray(v) for k, v in out.items() if plan.keep}
    flag = plan.entry.flag.copy()
    failed = ~np.all([np.isfinite(v).all((0, 1)) for v in (np.asarray(o) for o in out.values())], axis=0)
    flag[failed & (flag == OK)] |= NOT_FINITE
    flag[(np.median(np.asarray(change), 0) > STEADY) & (flag == OK)] |= NOT_STEADY
    result = {
        k: np.where(failed | (plan.entry.flag != OK), np.nan, v).astype(np.float32) for k, v in result.items()
    }
    totals = _totals(plan, out, failed)
    return result | totals | {f"end/{k}": np.asarray(v) for k, v in end.items()} | {"flag": flag}


@eqx.filter_jit
def _ensemble(
    model: Model, stepper: Stepper, space: ParameterSpace, xi: Array, start: Named, forcing: Named,
    cycle: Named | None, want: tuple[str, ...], windows: Windows, every: str, engine: Engine,
) -> tuple[Named, Named, Array]:  # fmt: skip
    tuned = space.model(model, xi)
    start = {
        k: jnp.broadcast_to(v, xi.shape[1:]) for k, v in start.items()
    }  # members differ even where nothing is free
    change = jnp.zeros(xi.shape[1:])
    if cycle is not None:
        steps = next(v.shape[0] for k, v in cycle.items() if k == "dt")
        start, change = spinup(
            tuned,
            stepper,
            start,
            cycle,
            Windows.blocks(steps, max(1, int(np.sqrt(steps)))),
            differentiable=False,
            engine=engine,
        )
    out, end = simulate(tuned, stepper, space.start(start, xi), forcing, want, windows, every, engine)
    return out, end, change


def _statistics(plan: Plan, out: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    result = {}
    draw = np.random.default_rng(plan.seed)
    for name, members in out.items():  # (time, member, cell)
        result[name] = members.mean(1)
        result[f"{name}_sd"] = (
            members.std(1, ddof=1) if members.shape[1] > 1 else np.zeros_like(members[:, 0])
        )
        if name in plan.noise:
            seen = members + np.asarray(plan.noise[name].spread(result[name]))[
                :, None
            ] * draw.standard_normal(members.shape)
            for level in (5, 95):
                result[f"{name}_p{level:02d}"] = np.quantile(seen, level / 100.0, axis=1, method="weibull")
    return result


def _totals(plan: Plan, out: Mapping[str, Array], failed: np.ndarray) -> dict[str, np.ndarray]:
    """Sums over the tile's area by member, which carry the errors that cells share."""
    if plan.area is None:
        return {}
    weight = np.where(failed | (plan.entry.flag != OK), 0.0, plan.area)
    totals = {f"total/{k}": np.nan_to_num(np.asarray(v)) @ weight for k, v in out.items()}
    return totals | {"weight": weight.sum()}
