"""Time: steppers, simulation over many steps and cells, and spin-up to the periodic steady state."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .errors import WiringError, near
from .flow import flow
from .model import Model, Named
from .quantity import quantity, within

TINY = 1e-30
ROUNDING = 1e-12  # kg m-2, below which a negative stock is rounding


@runtime_checkable
class Stepper(Protocol):
    """A way to move matter over one step."""

    def __call__(self, model: Model, state: Named, forcing: Named) -> tuple[Named, Named]:
        """(state, forcing with dt) -> (new state, values and the flows that really ran)."""
        ...


class Euler(eqx.Module):
    """Flows run at the rate of the step's start; a donor that would run dry is shared out to its last gram."""

    def __call__(self, model: Model, state: Named, forcing: Named) -> tuple[Named, Named]:
        def share(stock: Array, asked: Array) -> Array:
            return jnp.minimum(1.0, stock / jnp.maximum(asked, TINY))

        return _limited(model, state, forcing, share)


class Decay(eqx.Module):
    """Each pool loses 1 - exp(-r dt), r = outflow/pool, shared in proportion to its flows.

    Positive, conservative and stable for stiff pools. With a monthly step this is RothC's own scheme.
    """

    def __call__(self, model: Model, state: Named, forcing: Named) -> tuple[Named, Named]:
        def share(stock: Array, asked: Array) -> Array:
            q = asked / jnp.maximum(stock, TINY)
            # (1 - exp(-q))/q, by its series where the quotient would lose its digits
            safe = jnp.where(q > 1e-5, q, 1.0)
            return jnp.where(q > 1e-5, -jnp.expm1(-safe) / safe, 1.0 - 0.5 * q)

        return _limited(model, state, forcing, share)


class Matrix(eqx.Module):
    """The exact exponential of the linear generator that differentiating the rates yields.

    Exact where rates are linear in the pools (with yearly steps this is Yasso's own scheme); of second
    order elsewhere. Flows are the step's means, so that mass closes to rounding. Where rates are so far from linear
    that their tangents would take more than there is, that cell's step is the one of `Decay`.
    """

    def __call__(self, model: Model, state: Named, forcing: Named) -> tuple[Named, Named]:
        pools = model.wiring.pools
        shape = jnp.broadcast_shapes(*(jnp.shape(v) for v in state.values()))
        x0 = jnp.stack([jnp.broadcast_to(state[p], shape) for p in pools])

        def flows(x: Array) -> Array:
            out = model.rates({**state, **dict(zip(pools, x, strict=True))}, forcing)
            return jnp.stack([jnp.broadcast_to(out[k], shape) for k in model.wiring.flows])

        eye = jnp.eye(len(pools), dtype=x0.dtype)
        tangents = jnp.broadcast_to(eye.reshape(eye.shape + (1,) * len(shape)), eye.shape + shape)
        f0, slope = jax.vmap(lambda t: jax.jvp(flows, (x0,), (t,)), out_axes=(None, -1))(tangents)
        moves = jnp.asarray(_incidence(model), x0.dtype)
        mean = _mean_over_step(x0, jnp.tensordot(moves, f0, 1), jnp.tensordot(moves, slope, 1), forcing["dt"])
        ran = f0 + jnp.einsum("f...p,p...->f...", slope, mean - x0)
        out = model.rates(state, forcing) | dict(zip(model.wiring.flows, ran, strict=True))
        return self._guarded(model, state, forcing, out)

    def _guarded(self, model: Model, state: Named, forcing: Named, out: Named) -> tuple[Named, Named]:
        """The exponential's step where no pool and no arrow runs below nothing; elsewhere that of `Decay`."""
        new, dt = _apply(model, state, out, forcing["dt"]), forcing["dt"]
        least = [new[p] for p in model.wiring.pools] + [out[k] * dt for k in model.wiring.flows]
        fits = jnp.all(
            jnp.stack([(v >= -ROUNDING) & jnp.isfinite(v) for v in jnp.broadcast_arrays(*least)]), 0
        )
        safe, ran = Decay()(model, state, forcing)
        flows = {k: jnp.where(fits, out[k], ran[k]) for k in model.wiring.flows}
        return {k: jnp.where(fits, new[k], safe[k]) for k in new}, out | flows


def _mean_over_step(x0: Array, net: Array, slope: Array, dt: Array) -> Array:
    """Mean over the step of x' = net + slope (x - x0), by one augmented exponential."""
    n = x0.shape[0]
    slope = jnp.moveaxis(slope, 0, -2)
    net, start = jnp.moveaxis(net, 0, -1), jnp.moveaxis(x0, 0, -1)
    dt = jnp.broadcast_to(dt, start.shape[:-1])[..., None, None]
    # y = x - x0 obeys y' = slope y + net; z collects the integral of y over the unit step
    top = jnp.concatenate([slope * dt, net[..., None] * dt, jnp.zeros_like(slope)], -1)
    middle = jnp.zeros((*start.shape[:-1], 1, 2 * n + 1), start.dtype)
    identity = jnp.broadcast_to(jnp.eye(n, dtype=start.dtype), slope.shape)
    bottom = jnp.concatenate([identity, jnp.zeros_like(net)[..., None], jnp.zeros_like(slope)], -1)
    power = jax.scipy.linalg.expm(jnp.concatenate([top, middle, bottom], -2))
    return jnp.moveaxis(start + power[..., n + 1 :, n], -1, 0)


def _incidence(model: Model) -> np.ndarray:
    """+1 where an arrow enters a pool, -1 where it leaves one: (pools, arrows)."""
    pools = model.wiring.pools
    return np.array(
        [[(flow(k).receiver == p) * 1.0 - (flow(k).donor == p) for k in model.wiring.flows] for p in pools]
    )


def _limited(
    model: Model, state: Named, forcing: Named, share: Callable[[Array, Array], Array]
) -> tuple[Named, Named]:
    """Scale the arrows of every pool by share(stock, asked), carry ports on, and move the matter."""
    out, dt = model.rates(state, forcing), forcing["dt"]
    for pool in model.wiring.pools:
        leaving = [k for k in model.wiring.flows if flow(k).donor == pool]
        if leaving:
            part = share(state[pool], sum(out[k] for k in leaving) * dt)
            out |= {k: out[k] * part for k in leaving}
    for port in model.wiring.ports:
        asked, brought = sum(out[k] for k in port.out), sum(out[k] for k in port.into)
        part = jnp.where(asked > 0, brought / jnp.where(asked > 0, asked, 1.0), 0.0)
        out |= {k: out[k] * part for k in port.out}
    return _apply(model, state, out, dt), out


def _apply(model: Model, state: Named, out: Named, dt: Array) -> Named:
    new = {**state, **{m: out[f"next {m}"] for m in model.wiring.memories}}
    for key in model.wiring.flows:
        donor, receiver, _ = flow(key)
        if donor in model.wiring.pools:
            new[donor] = new[donor] - out[key] * dt
        if receiver in model.wiring.pools:
            new[receiver] = new[receiver] + out[key] * dt
    return new


class Windows(NamedTuple):
    """Steps gathered into windows of equal length: `index` (windows, length), `real` False where padded."""

    index: Array  # pyright: ignore[reportIncompatibleMethodOverride]
    real: Array

    @classmethod
    def of(cls, labels: np.ndarray) -> "Windows":
        """One window per run of equal `labels` (time,), say the month of every day."""
        edges = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1], True])
        length = int(np.diff(edges).max())
        index = edges[:-1, None] + np.arange(length)
        return cls(jnp.asarray(np.minimum(index, edges[1:, None] - 1)), jnp.asarray(index < edges[1:, None]))

    @classmethod
    def blocks(cls, steps: int, length: int) -> "Windows":
        """Windows of `length` steps, only for saving memory: results are kept step by step."""
        return cls.of(np.arange(steps) // length)


def simulate(
    model: Model,
    stepper: Stepper,
    state: Named,
    forcing: Named,
    want: tuple[str, ...],
    windows: Windows,
    every: str = "window",
) -> tuple[dict[str, Float[Array, " time *cell"]], Named]:
    """Step through time, vectorised over cells, keeping means of `want` over windows or every step.

    forcing: name -> (time, cell) or (time, 1); constants (cell,); `dt` among them. state: name -> (cell,).
    every: 'window' gives (windows, cell), weighted by dt; 'step' gives (time, cell).
    Each window is recomputed in the backward pass, so that memory grows with windows, not with steps.
    """
    _check(model, state, forcing, want, windows)
    series = {k: v for k, v in forcing.items() if not quantity(k).constant}
    fixed = {k: v for k, v in forcing.items() if quantity(k).constant}
    cells = _cells(model, state, forcing)
    dtype = jnp.result_type(*state.values())
    state = {k: jnp.broadcast_to(jnp.asarray(v, dtype), cells) for k, v in state.items()}

    def one(state: Named, now: tuple[Array, Array]) -> tuple[Named, tuple[Named, Array]]:
        index, real = now
        drive = fixed | {k: v[index] for k, v in series.items()}
        new, out = stepper(model, state, drive)
        kept = {n: jnp.broadcast_to(model.count(n, new, out), cells).astype(dtype) for n in want}
        new = {k: jnp.where(real, v, state[k]).astype(dtype) for k, v in new.items()}
        return new, (kept, real * drive["dt"][..., 0])

    def window(state: Named, at: Windows) -> tuple[Named, Named]:
        if every == "step":
            state, (kept, _) = jax.lax.scan(one, state, at)
            return state, kept
        zero = ({n: jnp.zeros(cells, dtype) for n in want}, jnp.zeros((), dtype))

        def add(carry: Any, now: Any) -> tuple[Any, None]:
            state, (sums, weight) = carry
            state, (kept, w) = one(state, now)
            sums = {n: sums[n] + w * kept[n] for n in want}
            return (state, (sums, weight + w)), None

        (state, (sums, weight)), _ = jax.lax.scan(add, (state, zero), at)
        return state, {n: v / weight for n, v in sums.items()}

    final, kept = jax.lax.scan(jax.checkpoint(window), state, windows)
    if every == "step":
        kept = _unpadded(kept, windows, series["dt"].shape[0])
    return kept, final


def _unpadded(kept: Named, windows: Windows, steps: int) -> Named:
    """From (windows, length, cell) to (time, cell): padded steps fall out again."""
    rows = jnp.flatnonzero(windows.real, size=steps)
    return {n: v.reshape(-1, *v.shape[2:])[rows] for n, v in kept.items()}


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
    places = [jnp.shape(v) if quantity(k).constant else jnp.shape(v)[1:] for k, v in forcing.items()]
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
        _, end = simulate(model, stepper, dict(zip(names, x, strict=True)), forcing, (), windows)
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
