"""Steppers: ways to move matter over one step, chosen outside the processes."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .flow import flow
from .model import Model, Named

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
