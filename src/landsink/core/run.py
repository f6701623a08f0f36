"""Time: simulation over many steps and cells, and spin-up to the periodic steady state."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .engine.xla import Xla
from .errors import WiringError, near
from .flow import flow
from .model import Model, Named
from .quantity import quantity, within
from .step import TINY, Stepper
from .windows import Packed, Windows

XLA = Xla()


@runtime_checkable
class Engine(Protocol):
    """What carries a run out; `cells` is the shape that all cells share."""

    def __call__(
        self, model: Model, stepper: Stepper, state: Named, forcing: Named, want: tuple[str, ...],
        windows: Windows, every: str, cells: tuple[int, ...],
    ) -> tuple[Named, Named]:  # fmt: skip
        """(means over windows, or every step, of `want`; the end state)."""
        ...


def simulate(
    model: Model,
    stepper: Stepper,
    state: Named,
    forcing: Named,
    want: tuple[str, ...],
    windows: Windows,
    every: str = "window",
    engine: Engine = XLA,
) -> tuple[dict[str, Float[Array, " time *cell"]], Named]:
    """Step through time, vectorised over cells, keeping means of `want` over windows or every step.

    forcing: name -> (time, cell) or (time, 1); constants (cell,); `dt` among them. state: name -> (cell,).
    every: 'window' gives (windows, cell), weighted by dt; 'step' gives (time, cell).
    Each window is recomputed in the backward pass, so that memory grows with windows, not with steps.
    """
    _check(model, state, forcing, want, windows)
    return engine(model, stepper, state, forcing, want, windows, every, _cells(model, state, forcing))


def _check(model: Model, state: Named, forcing: Named, want: tuple[str, ...], windows: Windows) -> None:
    """Say at once what is missing, before time begins."""
    for name in want:
        if not model.offers(name):
            raise WiringError(f"this model does not compute '{name}'.", remedy=near(name, _offered(model)))
    for name in (*model.forcing, "dt"):
        if name not in forcing:
            raise WiringError(f"the model reads '{name}', which no process and no forcing gives.")
    for name in model.state:
        if name not in state:
            raise WiringError(f"the state lacks '{name}'.", "Expected a start for every pool and memory.")
    steps = jnp.shape(forcing["dt"])[0]
    if (
        not isinstance(windows.index, Tracer)
        and windows.index.size
        and int(np.asarray(windows.index).max()) >= steps
    ):
        raise WiringError(
            f"the windows reach step {int(windows.index.max())}.", f"The forcing has {steps} steps."
        )


def _cells(model: Model, state: Named, forcing: Named) -> tuple[int, ...]:
    """The shape that all cells share: (cell,), or (lane, cell) where lanes share the forcing."""
    parameters = [jnp.shape(leaf) for leaf in jax.tree.leaves(model)]
    shapes = {k: v.shape if isinstance(v, Packed) else jnp.shape(v) for k, v in forcing.items()}
    places = [s if quantity(k).constant else s[1:] for k, s in shapes.items()]
    return jnp.broadcast_shapes(*parameters, *places, *(jnp.shape(v) for v in state.values()))


def _offered(model: Model) -> list[str]:
    return [*model.wiring.values, *model.state, *(flow(k).label for k in model.wiring.flows)]


def spinup(
    model: Model,
    stepper: Stepper,
    state: Named,
    forcing: Named,
    windows: Windows,
    rounds: int = 4,
    seed: float = 1e-4,
    warm: int = 2,
    differentiable: bool = True,
    engine: Engine = XLA,
) -> tuple[Named, Float[Array, "*cell"]]:
    """The state that a cycle of forcing brings back to itself, by Newton, per cell.

    rounds: Newton rounds (one is exact where the cycle map is affine). seed: floor of a vegetation pool,
    kg m-2, from which it can start. warm: plain cycles first. Returns the state and, per cell,
    the largest relative change over one more cycle. differentiable: the result carries the derivative
    of the fixed point, by the implicit function theorem, without differentiating the search.
    """
    names = tuple(model.state)
    cells = _cells(model, state, forcing)
    floor = jnp.array([seed if n in model.wiring.pools and within(n, "cVeg") else 0.0 for n in names])
    floor = floor.reshape(-1, *(1,) * len(cells))

    def cycle(model: Model, x: Array) -> Array:
        _, end = simulate(
            model, stepper, dict(zip(names, x, strict=True)), forcing, (), windows, engine=engine
        )
        return jnp.stack([end[n] for n in names])

    frozen = jax.lax.stop_gradient(model)
    x = jnp.stack([jnp.broadcast_to(jnp.asarray(state[n], float), cells) for n in names])
    x = jax.lax.stop_gradient(jnp.maximum(x, floor))
    last = warm + rounds

    def improve(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        # one body for warming up, searching and the last look, since compiling it is what costs
        x, _, _ = carry
        end, inverse = _newton(lambda x: cycle(frozen, x), x)
        step = jnp.einsum("...ij,j...->i...", inverse, end - x)
        bound = jnp.maximum(x, 10 * floor + TINY)
        moved = x + jnp.where(jnp.isfinite(step), step, 0.0)
        moved = jnp.maximum(jnp.clip(moved, 0.1 * bound, 10.0 * bound + 1.0), floor)
        new = jnp.where(i < warm, jnp.maximum(end, floor), jnp.where(i < last, moved, x))
        return new, inverse, jnp.max(jnp.abs(end - x) / (jnp.abs(x) + 1e-3), 0)

    nothing = jnp.zeros((*cells, len(names), len(names)))
    x, inverse, change = jax.lax.fori_loop(0, last + 1, improve, (x, nothing, jnp.zeros(cells)))
    x, inverse, change = jax.lax.stop_gradient((x, inverse, change))
    if differentiable:
        inverse = jnp.where(jnp.isfinite(inverse), inverse, 0.0)
        live = cycle(model, x)
        x = x + jnp.einsum("...ij,j...->i...", inverse, live - jax.lax.stop_gradient(live))
    return dict(zip(names, x, strict=True)), change


def _newton(cycle: Callable[[Array], Array], x: Array) -> tuple[Array, Array]:
    """The cycle's end, and (I - d end/d x)^-1 per cell: (names, cell), (cell, names, names)."""
    size = x.shape[0]
    basis = jnp.broadcast_to(jnp.eye(size).reshape(size, size, *(1,) * (x.ndim - 1)), (size, *x.shape))
    end, slope = jax.vmap(lambda t: jax.jvp(cycle, (x,), (t,)), out_axes=(None, 0))(basis)
    matrix = jnp.eye(size) - jnp.moveaxis(slope, (0, 1), (-1, -2))
    # a pool that nothing changes has an empty row: it is where it should be
    still = jnp.all(jnp.abs(matrix) < 1e-14, -1)
    return end, jnp.linalg.inv(matrix + still[..., None] * jnp.eye(size))
