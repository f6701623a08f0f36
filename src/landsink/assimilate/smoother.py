"""An ensemble smoother: the observations assimilated several times with inflated errors, without any derivative."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from landsink.core.errors import CaseError

from . import lanes
from .posterior import Posterior
from .problem import Problem
from .variational import Report, Variational, diagnose, quiet

FAILED = 1e6  # the residual that a run leaves which failed numerically
FURTHEST = 6.0  # prior standard deviations


@dataclasses.dataclass(frozen=True)
class EnsembleSmoother:
    """ES-MDA [Emerick & Reynolds 2013, doi:10.1016/j.cageo.2012.03.011], for screening: members x assimilations runs.

    Localised by group: a group's numbers see the residuals of its own cells alone. Exact for a linear problem as
    members grow. Too few members for the numbers sought make the spread too small, and where the model is not linear
    predictions may be biased or too wide: check it by `agreement`. best: how the best point is searched, None for the
    member of least cost. The residuals of all members stand in memory at once.
    """

    members: int = 200
    assimilations: int = 4
    best: Variational | None = Variational()

    def solve(
        self, problem: Problem, key: Array, report: Report = quiet, guess: Array | None = None
    ) -> Posterior:
        """The ensemble, moved from the prior; a guess helps the search of the best point alone."""
        if self.members < 3 or self.assimilations < 1:
            raise CaseError(f"an ensemble smoother with {self.members} members and {self.assimilations} assimilations.",
                            "At least 3 members and 1 assimilation.")  # fmt: skip
        first, second, third = jax.random.split(key, 3)
        found = self.best.solve(problem, third, report, guess) if self.best else None
        z = problem.draw(first, self.members)
        at_once = lanes.width(problem, self.members, False)
        for i in range(self.assimilations):
            report("smoother", i / self.assimilations)
            z = _assimilate(problem, z, jax.random.fold_in(second, i), float(self.assimilations), at_once)
        cost = _costs(problem, z, at_once)
        report("smoother", 1.0)
        if found is None:
            lowest = jnp.argmin(cost, 0)
            found = diagnose(problem, jnp.take_along_axis(z, lowest[None, None], 1)[:, 0], z, cost)
        return dataclasses.replace(found, ensemble=z, cost=cost)


@eqx.filter_jit
def _costs(problem: Problem, z: Array, at_once: int) -> Array:
    return lanes.costs(problem, z, at_once)


@eqx.filter_jit
def _assimilate(problem: Problem, z: Array, key: Array, inflation: float, at_once: int) -> Array:
    """One update of (dim, member, group) towards residuals of nothing, with error variance times `inflation`.

    In the space of members: dZ (dR' dR + inflation I)^-1 dR' (noise - residual), dR (observation, member) being the
    departures of whitened residuals, so that no matrix is larger than members by members.
    """
    members = z.shape[1]
    draw, other = jax.random.split(key)
    r = jnp.moveaxis(lanes.residuals(problem, z, at_once), 0, 1)  # (k, member, cell)
    z, r = healed(problem, z, r, other)
    off = (r - r.mean(1, keepdims=True)) / np.sqrt(members - 1)
    wanted = jnp.sqrt(inflation) * problem.noise(draw, members) - r

    def product(a: Array, b: Array) -> Array:
        return jnp.moveaxis(problem.gather(jnp.einsum("kic,kjc->ijc", a, b)), -1, 0)

    weight = jnp.linalg.solve(product(off, off) + inflation * jnp.eye(members), product(off, wanted))
    step = jnp.einsum("dig,gij->djg", (z - z.mean(1, keepdims=True)) / np.sqrt(members - 1), weight)
    return jnp.clip(z + step, -FURTHEST, FURTHEST)


def healed(problem: Problem, z: Array, r: Array, key: Array) -> tuple[Array, Array]:
    """Members whose run failed, each replaced by one of its group that did not: points and residuals."""
    worst = jax.ops.segment_max(jnp.max(jnp.abs(r), 0).T, problem.group, problem.groups).T
    failed = worst >= FAILED
    failed = failed & ~jnp.all(failed, 0)  # where nobody is well there is nobody to take
    chances = jnp.where(failed, -jnp.inf, 0.0)
    other = jax.random.categorical(key, chances[:, None], 0, shape=failed.shape)
    index = jnp.where(failed, other, jnp.arange(z.shape[1])[:, None])
    moved = jnp.take_along_axis(r, index[:, problem.group][None], 1)
    return jnp.take_along_axis(z, index[None], 1), moved
