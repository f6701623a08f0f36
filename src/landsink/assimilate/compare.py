"""Two posteriors held against each other where it matters: in what they predict."""

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from landsink.core.quantity import quantity

from . import lanes
from .posterior import Posterior
from .problem import Problem

YEAR = 365.2425 * 86400.0
FLUX = "kg m-2 s-1"


@dataclasses.dataclass(frozen=True)
class Row:
    """One cell's annual sum under both posteriors, in the unit of its `Agreement`: means and standard deviations."""

    cell: str
    group: int
    first_mean: float
    first_sd: float
    second_mean: float
    second_sd: float

    @property
    def shift(self) -> float:
        """Difference of the means as a share of the second's size."""
        return (self.first_mean - self.second_mean) / abs(self.second_mean)

    @property
    def shift_in_sd(self) -> float:
        """Difference of the means in standard deviations of the second."""
        return (self.first_mean - self.second_mean) / self.second_sd

    @property
    def ratio(self) -> float:
        """Standard deviation of the first over that of the second."""
        return self.first_sd / self.second_sd

    def within(self, mean: float, sd: float) -> bool:
        """Whether the means differ by at most a share `mean`, and the standard deviations by a share `sd`."""
        return bool(abs(self.shift) <= mean and abs(self.ratio - 1.0) <= sd)


@dataclasses.dataclass(frozen=True)
class Agreement:
    """A row for every cell; members are those behind each posterior, so that chance can be judged.

    Of n independent members a mean is known to sd/sqrt(n) and a standard deviation to sd/sqrt(2 n).
    """

    name: str
    unit: str
    members: tuple[int, int]
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        """A table in plain text."""
        head = f"{self.name} ({self.unit}), {self.members[0]} against {self.members[1]} members"
        columns = (
            f"{'cell':<12}{'mean':>12}{'mean':>12}{'shift':>9}{'in sd':>8}{'sd':>12}{'sd':>12}{'ratio':>8}"
        )
        lines = [
            f"{r.cell:<12}{r.first_mean:>12.4g}{r.second_mean:>12.4g}{r.shift:>9.1%}{r.shift_in_sd:>8.2f}"
            f"{r.first_sd:>12.4g}{r.second_sd:>12.4g}{r.ratio:>8.2f}"
            for r in self.rows
        ]
        return "\n".join((head, columns, *lines))


def agreement(
    problem: Problem, first: Posterior, second: Posterior, predict: str, cells: Sequence[str] = ()
) -> Agreement:
    """Mean and standard deviation of the annual sum of `predict` over members, cell by cell.

    A flux of matter is summed over the year, the mean over the run's years; any other quantity is averaged. Raises
    `UnknownName` for what the vocabulary lacks and `WiringError` for what the model does not compute.
    """
    unit = quantity(predict).unit
    rate = unit == FLUX
    shown = "kg m-2 yr-1" if rate else unit
    names = cells or [str(i) for i in range(problem.group.shape[0])]
    seen = [np.asarray(_annual(problem, p.ensemble, predict, rate)) for p in (first, second)]
    stats = np.stack([f(s, axis=0) for s in seen for f in (np.mean, _sd)])
    groups = np.asarray(problem.group)
    rows = tuple(Row(names[i], int(groups[i]), *map(float, stats[:, i])) for i in range(len(groups)))
    return Agreement(predict, shown, (len(seen[0]), len(seen[1])), rows)


def _sd(values: np.ndarray, axis: int) -> np.ndarray:
    return np.std(values, axis=axis, ddof=1)


@eqx.filter_jit
def _annual(problem: Problem, z: Array, name: str, rate: bool) -> Array:
    """Annual sum or mean over the run: (member, cell)."""
    index, real = problem.windows
    dt = jnp.broadcast_to(problem.forcing["dt"], (problem.forcing["dt"].shape[0], problem.group.shape[0]))
    weight = jnp.sum(jnp.where(real[..., None], dt[index], 0.0), 1)
    whole = dataclasses.replace(problem, every="window")

    def one(part: Array) -> Array:
        out = whole.run(part[..., problem.group], (name,)).out[name]
        return jnp.einsum("wlc,wc->lc", out, weight) / jnp.sum(weight, 0)

    found = lanes.parts(one, z, lanes.width(problem, z.shape[1], False))
    return found * YEAR if rate else found
