"""A problem: a model, a prior, terms and forcing, seen as a log-probability over standard normal coordinates."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol, Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from landsink.core.model import Model, Named
from landsink.core.prior import ParameterSpace
from landsink.core.run import XLA, Engine, simulate, spinup
from landsink.core.step import Stepper
from landsink.core.term import Seen, Term
from landsink.core.windows import Windows


class Origin(Protocol):
    """Where a run starts."""

    def __call__(self, model: Model, stepper: Stepper, engine: Engine) -> Named:
        """The starting state of every cell."""
        ...


class Given(eqx.Module):
    """Start from a known state, name -> (cell,)."""

    state: Named

    def __call__(self, model: Model, stepper: Stepper, engine: Engine) -> Named:
        """The state as given."""
        return self.state


class Steady(eqx.Module):
    """Start from the periodic steady state of a cycle of forcing, under the parameters at hand."""

    guess: Named
    cycle: Named
    windows: Windows
    rounds: int = eqx.field(static=True, default=4)

    def __call__(self, model: Model, stepper: Stepper, engine: Engine) -> Named:
        """The steady state, differentiable in the parameters."""
        return spinup(model, stepper, self.guess, self.cycle, self.windows, self.rounds, engine=engine)[0]


class Problem(eqx.Module):
    """Unknowns z (dimension, ..., group) under a standard normal prior; cells of one group share their parameters.

    `group` (cell,) says to which group each cell belongs: all different for parameters per pixel, or the
    plant functional type. Lanes (starts, members) stand between dimension and group and share the forcing.
    """

    model: Model
    stepper: Stepper
    space: ParameterSpace = eqx.field(static=True)
    terms: tuple[Term, ...]
    forcing: Named
    windows: Windows
    origin: Origin
    group: Array
    groups: int = eqx.field(static=True)
    every: str = eqx.field(static=True, default="step")
    engine: Engine = eqx.field(static=True, default=XLA)

    @property
    def z0(self) -> Float[Array, "dim group"]:
        """The prior's centre."""
        return jnp.zeros((self.space.size, self.groups))

    def draw(self, key: Array, n: int) -> Float[Array, "dim n group"]:
        """Draws from the prior."""
        return jax.random.normal(key, (self.space.size, n, self.groups))

    def predict(self, z: Float[Array, "dim *lane group"]) -> Seen:
        """Run the model at z and show what the terms need."""
        return self.run(z[..., self.group], tuple(dict.fromkeys(n for t in self.terms for n in t.needs)))

    def run(self, xi: Float[Array, "dim *lane cell"], want: tuple[str, ...]) -> Seen:
        """Run the model with coordinates given for every cell."""
        model = self.space.model(self.model, xi)
        start = self.space.start(self.origin(model, self.stepper, self.engine), xi)
        lanes = xi.shape[1:]
        start = {k: jnp.broadcast_to(v, jnp.broadcast_shapes(jnp.shape(v), lanes)) for k, v in start.items()}
        out, end = simulate(
            model, self.stepper, start, self.forcing, want, self.windows, self.every, self.engine
        )
        values = {n: jnp.asarray(p.default) for n, p in self.model.parameters.items()} | self.space.values(xi)
        return Seen(out, values, start, end)

    def residuals(self, z: Float[Array, "dim *lane group"]) -> Float[Array, "k *lane cell"]:
        """Whitened residuals of all terms; a run that failed numerically leaves a large one, not a NaN."""
        seen = self.predict(z)
        weight = 1.0 / jnp.sqrt(jnp.bincount(self.group, length=self.groups)[self.group])
        lanes = (*z.shape[1:-1], self.group.shape[0])
        rows = [t.residual(seen) * (weight if t.shared else 1.0) for t in self.terms]
        rows = [jnp.broadcast_to(r, (r.shape[0], *lanes)) for r in rows]
        return jnp.nan_to_num(jnp.concatenate(rows), nan=1e6, posinf=1e6, neginf=-1e6)

    def noise(self, key: Array, lanes: int) -> Float[Array, "k lane cell"]:
        """Draws of the observations' errors, whitened; nothing where nothing was observed."""
        keys = jax.random.split(key, len(self.terms))
        shape = (lanes, self.group.shape[0])
        return jnp.concatenate([t.noise(k, shape) for t, k in zip(self.terms, keys, strict=True)])

    def cost(
        self, z: Float[Array, "dim *lane group"], noise: Array | float = 0.0, centre: Array | float = 0.0
    ) -> Float[Array, "*lane group"]:
        """Minus the log-probability of each lane and group, up to a constant."""
        misfit = jnp.sum((self.residuals(z) + noise) ** 2, 0)
        return 0.5 * self.gather(misfit) + 0.5 * jnp.sum((z - centre) ** 2, 0)

    def logp(self, z: Float[Array, "dim *lane group"]) -> Float[Array, "*lane"]:
        """Log-probability, up to a constant, of all groups together."""
        return -jnp.sum(self.cost(z), -1)

    def gather(self, values: Float[Array, "... cell"]) -> Float[Array, "... group"]:
        """Sum over the cells of each group."""
        return jnp.moveaxis(jax.ops.segment_sum(jnp.moveaxis(values, -1, 0), self.group, self.groups), 0, -1)

    def with_terms(self, terms: Sequence[Any]) -> Self:
        """The same problem with other terms, say after their errors were estimated."""
        return dataclasses.replace(self, terms=tuple(terms))
