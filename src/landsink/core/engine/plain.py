"""What the kernels compute, in JAX alone: for a kernel that no compiler would build after all.

Slower by far, and the same numbers: a run that began on the native engine ends on it.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import Array

from .source import Step


@runtime_checkable
class Kernel(Protocol):
    """What is asked of a `native.Kernel`."""

    @property
    def step(self) -> Step: ...
    @property
    def every(self) -> bool: ...
    @property
    def rows(self) -> int: ...
    @property
    def dtype(self) -> Any: ...
    @property
    def plain(self) -> int: ...
    def parts(self, operands: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """Series, fixed values and states among the operands."""
        ...


def run(*operands: Array, kernel: Kernel) -> list[Array]:
    """The run; operands and results are those of `native.run_p`."""
    series, fixed, states = kernel.parts(operands)
    return _steps(kernel, operands[:2], series, fixed, states)


def tangents(*operands: Array, kernel: Kernel, active: tuple[int, ...]) -> list[Array]:
    """Its tangents in every direction, (direction, ..); as `native.tangents_p`."""
    function, given = _of_moving(kernel, operands, active)
    return jax.vmap(lambda *along: jax.jvp(function, given, along)[1])(*operands[kernel.plain :])


def adjoint(*operands: Array, kernel: Kernel, active: tuple[int, ...]) -> list[Array]:
    """The gradient by active fixed values and starts; as `native.adjoint_p`."""
    function, given = _of_moving(kernel, operands, active)
    _, pull = jax.vjp(function, *given)
    return list(pull(list(operands[kernel.plain :])))


def _of_moving(kernel: Kernel, operands: Sequence[Array], active: tuple[int, ...]) -> tuple[Any, Any]:
    """The run as a function of active fixed values and starts, and those."""
    series, fixed, states = kernel.parts(operands)

    def of(*moving: Array) -> list[Array]:
        held = list(fixed)
        for i, value in zip(active, moving, strict=False):
            held[i] = value
        return _steps(kernel, operands[:2], series, held, moving[len(active) :])

    return of, (*(fixed[i] for i in active), *states)


def _steps(
    kernel: Kernel, clock: Sequence[Array], series: Sequence[Array], fixed: Sequence[Array], states: Sequence[Array]
) -> list[Array]:  # fmt: skip
    """Step by step; the states of windows are kept for the way back, those within are worked out again."""
    index, weight = clock
    grid, steps = states[0].shape, kernel.step.states

    def one(state: list[Array], at: tuple[Array, Array]) -> tuple[list[Array], list[Array]]:
        here, share = at
        drive = [s[here].astype(float) for s in series]
        made = [jnp.broadcast_to(v, grid) for v in kernel.step.apply([*fixed, *drive, *state])]
        moved = [jnp.where(here >= 0, new, old) for new, old in zip(made[:steps], state, strict=True)]
        scale = 1.0 if kernel.every else share
        return moved, [jnp.where(here >= 0, scale * v, 0.0) for v in made[steps:]]

    def window(state: list[Array], at: tuple[Array, Array]) -> tuple[list[Array], list[Array]]:
        state, kept = jax.lax.scan(one, state, at)
        return state, kept if kernel.every else [v.sum(0) for v in kept]

    end, kept = jax.lax.scan(jax.checkpoint(window), list(states), (index, weight))
    if kernel.every:  # rows of padded steps fall off the end
        rows = jnp.where(index >= 0, index, kernel.rows).ravel()
        empty = jnp.zeros((kernel.rows, *grid))
        kept = [empty.at[rows].set(v.reshape(-1, *grid), mode="drop") for v in kept]
    return [v.astype(kernel.dtype) for v in kept] + list(end)
