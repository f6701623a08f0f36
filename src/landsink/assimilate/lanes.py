"""Costs and slopes of many lanes, a few at a time, so that chains never need more memory than there is."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from landsink.core.engine import Xla

from .problem import Problem

BYTES = 4e8
# lanes times cells beyond which a whole land model gains nothing more, without and with a gradient
COLUMNS = {False: 512, True: 128}
LEAST = 4  # lanes at a time, even where there are many cells
# arrays as large as the residuals that live at once, without and with a gradient
COPIES = {False: 6, True: 24}
Found = TypeVar("Found")


def width(problem: Problem, lanes: int, slope: bool) -> int:
    """How many lanes at a time fit in memory and are worth while, as equal parts of `lanes`.

    Compiled C runs best with all of them; on XLA a step's arithmetic soon costs more than calling it.
    """
    rows = jax.eval_shape(problem.residuals, jnp.zeros((problem.space.size, 1, problem.groups))).shape[0]
    cells = problem.group.shape[0]
    fits = int(BYTES / (8.0 * COPIES[slope] * max(rows, 1) * cells))
    most = max(LEAST, COLUMNS[slope] // cells) if isinstance(problem.engine, Xla) else lanes
    at_once = max(1, min(fits, most))
    turns = -(-lanes // at_once)
    return -(-lanes // turns)


def costs(problem: Problem, z: Float[Array, "dim lane group"], at_once: int) -> Float[Array, "lane group"]:
    """The cost of every lane and group."""
    return parts(problem.cost, z, at_once)


def slopes(
    problem: Problem, z: Float[Array, "dim lane group"], at_once: int
) -> tuple[Float[Array, "lane group"], Float[Array, "dim lane group"]]:
    """The cost of every lane and group, and its gradient, zero where the model has none.

    No group sees another's numbers, so the gradient of the sum is that of every group at once.
    """

    def both(part: Array) -> tuple[Array, Array]:
        cost, back = jax.vjp(problem.cost, part)
        slope = back(jnp.ones_like(cost))[0]
        return cost, jnp.moveaxis(jnp.where(jnp.isfinite(slope), slope, 0.0), 1, 0)

    cost, slope = parts(both, z, at_once)
    return cost, jnp.moveaxis(slope, 0, 1)


def residuals(
    problem: Problem, z: Float[Array, "dim lane group"], at_once: int
) -> Float[Array, "lane k cell"]:
    """Whitened residuals of every lane."""
    return parts(lambda part: jnp.moveaxis(problem.residuals(part), 1, 0), z, at_once)


def parts(function: Callable[[Array], Found], z: Array, at_once: int) -> Found:
    """A function of (dim, lane, group) whose results lead with the lane, over equal parts of the lanes."""
    lanes = z.shape[1]
    turns = -(-lanes // at_once)
    if turns == 1:
        return function(z)
    index = jnp.minimum(jnp.arange(turns * at_once), lanes - 1).reshape(turns, at_once)
    found = jax.lax.map(lambda i: function(z[:, i]), index)
    return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:])[:lanes], found)
