"""Moves of Markov chains in lockstep: all chains of all groups at once, each group accepting for itself.

Groups share no unknowns, so one run of the model gives the energies of all of them. A move's own settings (archive,
metric, step size) are fixed while draws are kept, so that what is kept comes from one Markov chain.
"""

from importlib import import_module
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from landsink.core.errors import CaseError

from .lanes import costs, slopes
from .problem import Problem

SNOOKER, LEAP = 0.1, 0.1  # shares of moves along a line through the archive, and of whole differences
JITTER = 1e-3  # prior standard deviations
GAIN, FORGET, DAMPED = 0.05, 0.75, 10.0  # dual averaging: the paper's gamma, kappa and t0
DOUBLINGS = 8  # most of a no-U-turn trajectory


class State(NamedTuple):
    """Where the chains are: z (dim, chain, group), cost (chain, group), slope as z (zeros where none is used)."""

    z: Float[Array, "dim chain group"]
    cost: Float[Array, "chain group"]
    slope: Float[Array, "dim chain group"]


class Move(Protocol):
    """One step of all chains."""

    sloped: ClassVar[bool]

    def step(self, problem: Problem, state: State, key: Array, at_once: int) -> tuple[State, Array]:
        """New state, and the probability (chain, group) with which each move was accepted."""
        ...

    def adapted(self, accepted: Float[Array, " group"], tuning: Array) -> Self:
        """After a step that accepted this share of each group; unchanged unless tuning."""
        ...

    def settled(self) -> Self:
        """With what warm-up found."""
        ...

    def learned(self, draws: Float[Array, "dim draw group"]) -> Self:
        """With the shape of the posterior that draws show."""
        ...


class Differential(eqx.Module):
    """Differences of an archive of states propose the next [ter Braak 2006; ter Braak & Vrugt 2008].

    A tenth of the moves are snooker moves, a tenth of the others whole differences that may leap between modes. The
    archive (dim, slot, group) is fixed while draws are kept. All numbers move at once: crossing over some of them
    halved the acceptance and slowed mixing where the posterior is correlated.
    """

    archive: Array
    sloped: ClassVar[bool] = False

    def step(self, problem: Problem, state: State, key: Array, at_once: int) -> tuple[State, Array]:
        """Propose, run the model once in every lane, accept or not."""
        keys = jax.random.split(key, 4)
        shape = state.cost.shape
        pair = self._pick(keys[0], shape) - self._pick(keys[1], shape)
        along, stretch = self._snooker(state.z, pair, keys[2])
        choose, accept = jax.random.split(keys[3])
        snooker = jax.random.uniform(choose, shape) < SNOOKER
        z = state.z + jnp.where(snooker, along, self._parallel(pair, jax.random.fold_in(choose, 1)))
        cost = costs(problem, z, at_once)
        chance = jnp.exp(jnp.minimum(0.0, state.cost - cost + jnp.where(snooker, stretch, 0.0)))
        chance = jnp.where(jnp.isfinite(cost), jnp.nan_to_num(chance), 0.0)
        taken = jax.random.uniform(accept, shape) < chance
        return State(jnp.where(taken, z, state.z), jnp.where(taken, cost, state.cost), state.slope), chance

    def _pick(self, key: Array, shape: tuple[int, ...]) -> Array:
        index = jax.random.randint(key, shape, 0, self.archive.shape[1])
        return jnp.take_along_axis(self.archive, index[None], 1)

    def _parallel(self, pair: Array, key: Array) -> Array:
        """A scaled difference, symmetric, so that nothing but the cost enters its acceptance."""
        first, second = jax.random.split(key)
        whole = jax.random.uniform(first, pair.shape[1:]) < LEAP
        scale = jnp.where(whole, 1.0, 2.38 / np.sqrt(2.0 * pair.shape[0]))
        return scale * pair + JITTER * jax.random.normal(second, pair.shape)

    def _snooker(self, z: Array, pair: Array, key: Array) -> tuple[Array, Array]:
        """A move along the line to a state of the archive, and the log of how it stretches space."""
        first, second = jax.random.split(key)
        anchor = self._pick(first, z.shape[1:])
        line = z - anchor
        length = jnp.maximum(jnp.sum(line**2, 0), 1e-30)
        scale = jax.random.uniform(second, z.shape[1:], minval=1.2, maxval=2.2)
        move = scale * jnp.sum(pair * line, 0) / length * line
        new = jnp.maximum(jnp.sum((line + move) ** 2, 0), 1e-30)
        return move, 0.5 * (z.shape[0] - 1) * (jnp.log(new) - jnp.log(length))

    def adapted(self, accepted: Array, tuning: Array) -> Self:
        """Nothing to adapt."""
        return self

    def settled(self) -> Self:
        """As it is."""
        return self

    def learned(self, draws: Array) -> Self:
        """The draws become the archive."""
        return eqx.tree_at(lambda m: m.archive, self, draws)


class Pace(eqx.Module):
    """Step size per group by dual averaging towards an acceptance [Hoffman & Gelman 2014, section 3.2]."""

    size: Array
    first: Array
    error: Array
    average: Array
    count: Array
    goal: float = eqx.field(static=True)

    @classmethod
    def of(cls, size: Array, goal: float) -> Self:
        """Begin at a size (group,)."""
        return cls(size, jnp.log(10.0 * size), jnp.zeros_like(size), jnp.log(size), jnp.zeros(()), goal)

    def adapted(self, accepted: Array) -> Self:
        """After one step."""
        n = self.count + 1.0
        error = self.error + (self.goal - accepted - self.error) / (n + DAMPED)
        now = self.first - jnp.sqrt(n) / GAIN * error
        average = self.average + n**-FORGET * (now - self.average)
        return type(self)(jnp.exp(now), self.first, error, average, n, self.goal)

    def settled(self) -> Self:
        """The averaged size."""
        return type(self).of(jnp.exp(self.average), self.goal)


class Hamiltonian(eqx.Module):
    """Leapfrogs through whitened space, as many for all chains [Duane et al. 1987; Neal 2011].

    covariance (group, dim, dim) is the inverse mass; each step takes a number of leapfrogs drawn from 1 … leapfrogs.
    """

    covariance: Array
    pace: Pace
    leapfrogs: int = eqx.field(static=True)
    sloped: ClassVar[bool] = True

    def step(self, problem: Problem, state: State, key: Array, at_once: int) -> tuple[State, Array]:
        """One trajectory of every chain and group."""
        push, accept, length = jax.random.split(key, 3)
        root = jnp.linalg.cholesky(self.covariance)
        p = jax.random.normal(push, state.z.shape)
        size = self.pace.size
        number = jax.random.randint(length, (), 1, self.leapfrogs + 1)

        def pull(p: Array, slope: Array, share: float) -> Array:
            return p - share * size * jnp.einsum("gji,jcg->icg", root, slope)

        def leap(_: Array, carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
            z, p, _, _ = carry
            z = z + size * jnp.einsum("gij,jcg->icg", root, p)
            cost, slope = slopes(problem, z, at_once)
            return z, pull(p, slope, 1.0), cost, slope

        begin = (state.z, pull(p, state.slope, 0.5), state.cost, state.slope)
        z, q, cost, slope = jax.lax.fori_loop(0, number, leap, begin)
        q = pull(q, slope, -0.5)
        energy = state.cost - cost + 0.5 * jnp.sum(p**2 - q**2, 0)
        chance = jnp.where(jnp.isfinite(energy), jnp.exp(jnp.minimum(0.0, energy)), 0.0)
        taken = jax.random.uniform(accept, chance.shape) < chance
        new = State(z, cost, slope)
        return State(*(jnp.where(taken, a, b) for a, b in zip(new, state, strict=True))), chance

    def adapted(self, accepted: Array, tuning: Array) -> Self:
        """Another step size."""
        pace = jax.tree.map(lambda a, b: jnp.where(tuning, a, b), self.pace.adapted(accepted), self.pace)
        return eqx.tree_at(lambda m: m.pace, self, pace)

    def settled(self) -> Self:
        """The averaged step size."""
        return eqx.tree_at(lambda m: m.pace, self, self.pace.settled())

    def learned(self, draws: Array) -> Self:
        """The draws' covariance, held to the old one by as many draws as there are numbers."""
        return eqx.tree_at(lambda m: m.covariance, self, pooled(self.covariance, draws))


class NoUTurn(Hamiltonian):
    """No-U-turn trajectories [Hoffman & Gelman 2014] by blackjax, each chain its own length; one group only."""

    def step(self, problem: Problem, state: State, key: Array, at_once: int) -> tuple[State, Array]:
        """One trajectory of every chain."""
        nuts, hmc = (blackjax(f"mcmc.{name}") for name in ("nuts", "hmc"))
        kernel = nuts.build_kernel()

        def logp(x: Array) -> Array:
            return -problem.cost(x[:, None])[0]

        def one(at: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
            z, cost, slope, key = at
            new, told = kernel(key, hmc.HMCState(z, -cost, -slope), logp, self.pace.size[0],
                               self.covariance[0], DOUBLINGS)  # fmt: skip
            return new.position, -new.logdensity, -new.logdensity_grad, told.acceptance_rate

        keys = jax.random.split(key, state.z.shape[1])
        lanes = (state.z[..., 0].T, state.cost[:, 0], state.slope[..., 0].T, keys)
        z, cost, slope, chance = jax.lax.map(one, lanes, batch_size=at_once)
        return State(z.T[..., None], cost[:, None], slope.T[..., None]), chance[:, None]


def pooled(before: Float[Array, "group dim dim"], draws: Float[Array, "dim draw group"]) -> Array:
    """Covariance of draws, mixed with the one before in proportion to dimensions over draws."""
    off = draws - draws.mean(1, keepdims=True)
    seen = jnp.einsum("img,jmg->gij", off, off) / (draws.shape[1] - 1)
    share = draws.shape[1] / (draws.shape[1] + draws.shape[0])
    return share * seen + (1.0 - share) * before


def blackjax(part: str) -> Any:
    """A module of blackjax; `CaseError` where it is not installed."""
    try:
        return import_module(f"blackjax.{part}")
    except ModuleNotFoundError:
        raise CaseError("the no-U-turn sampler needs blackjax, which is not installed.",
                        remedy="pip install 'landsink[sample]', or kind = 'hmc' or 'demc'.") from None  # fmt: skip
