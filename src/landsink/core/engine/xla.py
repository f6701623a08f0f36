"""The reference engine: a scan over windows and steps, compiled by XLA for whatever device JAX has."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from landsink.core.model import Model, Named
from landsink.core.quantity import quantity
from landsink.core.step import Stepper
from landsink.core.windows import Packed, Windows


@dataclasses.dataclass(frozen=True)
class Xla:
    """Runs anything that JAX can trace, on processors, graphics cards and clusters."""

    def __call__(
        self, model: Model, stepper: Stepper, state: Named, forcing: Named, want: tuple[str, ...],
        windows: Windows, every: str, cells: tuple[int, ...],
    ) -> tuple[Named, Named]:  # fmt: skip
        """Means over windows or every step of `want`, and the end state."""
        series = {
            k: v.values if isinstance(v, Packed) else v
            for k, v in forcing.items()
            if not quantity(k).constant
        }
        fixed = {k: v for k, v in forcing.items() if quantity(k).constant}
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
