"""Markov chains, to validate what faster methods say: every chain a lane, all groups in lockstep.

Draws are kept in rounds. In a round the move is fixed; after it the chains are judged, and unless all have converged
the move learns from the round's draws and the next round is twice as long. Only the last round counts, so nothing
that was drawn while a move was still learning is kept.
"""

import dataclasses
import logging
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from landsink.core.errors import CaseError

from . import lanes
from .convergence import ESS, RHAT, Convergence, judge
from .moves import Differential, Hamiltonian, Move, NoUTurn, Pace, State, blackjax
from .posterior import Posterior
from .problem import Problem
from .variational import Report, Variational, curvature, descend, quiet

WIDEN = 1.5  # spread of the starts over the posterior's
NEGLIGIBLE = 1e-3  # a hill with less than this share of the largest's mass is no place for a chain to start


@dataclasses.dataclass(frozen=True)
class Sampler:
    """Draws from the posterior itself, by differential evolution, Hamiltonian or no-U-turn trajectories.

    chains: of each group, all run at once. warmup: steps before the first round, and before every round where the step
    size is tuned, rounded up to a multiple of `draws`: those kept of each chain in a round. rounds: 1, 2, 4 … steps
    apart, until every number of every group has R-hat < rhat and ESS >= ess, else `Posterior.chains` and a warning say
    who has not. members: draws handed on, taken at random. A chain starts at a member of randomised maximum likelihood
    with perturbations half as large again, each sought from a draw of the prior. Draws of one round stay in memory.
    """

    kind: Literal["demc", "hmc", "nuts"] = "demc"
    chains: int = 32
    warmup: int = 200
    draws: int = 200
    rounds: int = 7
    members: int = 400
    leapfrogs: int = 16
    start_iterations: int = 15
    rhat: float = RHAT
    ess: float = ESS
    best: Variational = Variational()

    def solve(
        self, problem: Problem, key: Array, report: Report = quiet, guess: Array | None = None
    ) -> Posterior:
        """The best point, and draws from the last round; raises `CaseError` for settings that cannot work."""
        self._check(problem)
        keys = jax.random.split(key, 4)
        found = self.best.solve(problem, keys[0], report, guess)
        z = self._starts(problem, found, keys[1], report)
        draws, cost, told = self._rounds(problem, found, z, keys[2], report)
        line = f"sampler ({self.kind}) {told}"
        report(line, 1.0)
        if not told.reached.all():
            # progress is hidden where nobody watches, and this must be seen there too
            logging.getLogger(__name__).warning(line)
        flat = np.moveaxis(draws, 0, 1).reshape(problem.space.size, -1, problem.groups)
        count = flat.shape[1]
        taken = np.asarray(jax.random.permutation(keys[3], count))[: min(self.members, count)]
        cost = cost.reshape(count, problem.groups)[taken]
        return dataclasses.replace(
            found, ensemble=jnp.asarray(flat[:, taken]), cost=jnp.asarray(cost), chains=told
        )

    def _check(self, problem: Problem) -> None:
        """Say at once what cannot work."""
        if self.kind not in ("demc", "hmc", "nuts"):
            raise CaseError(f"there is no sampler '{self.kind}'.", "demc, hmc or nuts.")
        least = {"chains": 4, "draws": 8, "rounds": 1, "members": 1, "warmup": 0, "leapfrogs": 1}
        for name, floor in least.items():
            if getattr(self, name) < floor:
                raise CaseError(f"the sampler's {name} is {getattr(self, name)}.", f"At least {floor}.")
        if self.chains * self.draws < self.ess:
            raise CaseError(f"{self.chains} chains of {self.draws} draws cannot be worth {self.ess:g}.",
                            "chains x draws of at least ess.")  # fmt: skip
        if self.kind == "nuts":
            blackjax("mcmc.nuts")
            if problem.groups > 1:
                raise CaseError(
                    f"the no-U-turn sampler takes one group, and the problem has {problem.groups}.",
                    "Trajectories of different length in every group would run the model for all of them.",
                    "kind = 'hmc' runs all groups in lockstep.",
                )

    def _starts(
        self, problem: Problem, found: Posterior, key: Array, report: Report
    ) -> Float[Array, "dim chain group"]:
        """Over-dispersed starts; those in hills without mass are replaced by others or the best point.

        The mass of the hill under a start is Laplace's: exp(-cost) det(Hessian)^(-1/2) where the search from it ends.
        """
        keys = jax.random.split(key, 3)
        centre = WIDEN * problem.draw(keys[0], self.chains)
        noise = WIDEN * problem.noise(keys[1], self.chains)
        z, _ = descend(problem, centre / WIDEN, self.start_iterations, noise, centre, report, "starts")
        home, _ = descend(problem, z, self.start_iterations, report=report, what="hills")
        # the best point last, so that there is always one to start from
        hessian, cost = curvature(problem, jnp.concatenate([home, found.best[:, None]], 1))
        mass = -cost - 0.5 * jnp.linalg.slogdet(hessian)[1]
        chances = jnp.where(mass >= mass.max(0) + np.log(NEGLIGIBLE), 0.0, -jnp.inf)
        other = jax.random.categorical(keys[2], chances[:, None], 0, shape=(self.chains, problem.groups))
        index = jnp.where(jnp.isfinite(chances[:-1]), jnp.arange(self.chains)[:, None], other)
        return jnp.take_along_axis(jnp.concatenate([z, found.best[:, None]], 1), index[None], 1)

    def _move(self, found: Posterior, z: Array) -> Move:
        """The move with which chains begin."""
        if self.kind == "demc":
            # as many slots as a round will fill, so that learning compiles nothing anew
            return Differential(z[:, jnp.arange(self.draws * self.chains) % self.chains])
        dim, groups = found.best.shape
        pace = Pace.of(jnp.full(groups, 0.5 * dim**-0.25), 0.8)
        kind = NoUTurn if self.kind == "nuts" else Hamiltonian
        return kind(jnp.asarray(found.covariance), pace, self.leapfrogs)

    def _rounds(
        self, problem: Problem, found: Posterior, z: Array, key: Array, report: Report
    ) -> tuple[np.ndarray, np.ndarray, Convergence]:
        """Draws (draw, dim, chain, group) and costs of the last round, and what is to be said of them."""
        move = self._move(found, z)
        at_once = lanes.width(problem, self.chains, move.sloped)
        state, steps = _state(problem, z, at_once, move.sloped), 0
        warm, told = -(-self.warmup // self.draws), None
        draws = cost = np.empty(0)

        def run(number: int, apart: int, tuning: bool) -> tuple[Move, State, Array, Array, Array]:
            what = (jax.random.fold_in(key, number), jnp.asarray(apart), jnp.asarray(tuning))
            return _advance(problem, move, state, *what, self.draws, at_once)

        if warm:
            move, state, kept, _, _ = run(0, warm, True)
            move, steps = _taught(move.settled(), kept), warm * self.draws
        for turn in range(self.rounds):
            report("sampling", (2**turn - 1) / (2**self.rounds - 1))
            if warm and move.sloped:
                move, state, _, _, _ = run(2 * turn + 1, warm, True)
                move, steps = move.settled(), steps + warm * self.draws
            move, state, kept, paid, accepted = run(2 * turn + 2, 2**turn, False)
            steps += 2**turn * self.draws
            draws, cost = np.asarray(kept), np.asarray(paid)
            told = judge(problem.space.names, draws, np.asarray(accepted), steps, self.rhat, self.ess)
            if told.reached.all():
                break
            move = _taught(move, kept)
        report("sampling", 1.0)
        assert told is not None  # there is at least one round
        return draws, cost, told


def _taught(move: Move, kept: Float[Array, "draw dim chain group"]) -> Move:
    """The move with what a round's draws show."""
    return move.learned(jnp.moveaxis(kept, 0, 1).reshape(kept.shape[1], -1, kept.shape[3]))


@eqx.filter_jit
def _state(problem: Problem, z: Array, at_once: int, sloped: bool) -> State:
    """Chains at z."""
    if sloped:
        return State(z, *lanes.slopes(problem, z, at_once))
    return State(z, lanes.costs(problem, z, at_once), jnp.zeros_like(z))


@eqx.filter_jit
def _advance(
    problem: Problem, move: Any, state: State, key: Array, apart: Array, tuning: Array, draws: int, at_once: int,
) -> tuple[Any, State, Array, Array, Array]:  # fmt: skip
    """Run all chains, keeping every `apart`-th state: move, state, draws, their costs, and acceptance (group,)."""

    def step(i: Array, carry: Any) -> Any:
        move, state, key, total = carry
        state, chance = move.step(problem, state, jax.random.fold_in(key, i), at_once)
        share = jnp.mean(chance, 0)
        return move.adapted(share, tuning), state, key, total + share

    def keep(carry: Any, key: Array) -> Any:
        move, state, total = carry
        move, state, _, total = jax.lax.fori_loop(0, apart, step, (move, state, key, total))
        return (move, state, total), (state.z, state.cost)

    begin = (move, state, jnp.zeros(problem.groups))
    (move, state, total), (z, cost) = jax.lax.scan(keep, begin, jax.random.split(key, draws))
    return move, state, z, cost, total / (draws * apart)
