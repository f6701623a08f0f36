"""Ecological common sense as smooth constraints [Bloom & Williams 2015, doi:10.5194/bg-12-1299-2015].

Each is one summand of the log-probability: near zero where a parameter set makes ecological sense, falling as a
half-Gaussian where it does not, with gradients everywhere, so that no search has to start from a valid point.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from landsink.core.term import Seen


class Constraint(eqx.Module):
    """A summand that looks at parameters or pools, and at no instrument."""

    @property
    def needs(self) -> tuple[str, ...]:
        """No output of the run."""
        return ()

    @property
    def shared(self) -> bool:
        """It speaks of parameters alone."""
        return True

    @property
    def observed(self) -> Array:
        """Nothing was measured."""
        return jnp.zeros(())

    def noise(self, key: Array, shape: tuple[int, ...]) -> Float[Array, "1 *lane cell"]:
        """Common sense is not perturbed."""
        return jnp.zeros((1, *shape))


def _soft(excess: Array, width: float) -> Array:
    """0 well inside, (excess)/width well outside."""
    return jax.nn.softplus(4.0 * excess / width)[None] / 4.0


class Order(Constraint):
    """`fast` turns over faster than `slow` (both rates, 'Process.parameter'); width in factors of e."""

    fast: str = eqx.field(static=True)
    slow: str = eqx.field(static=True)
    width: float = eqx.field(static=True, default=0.3)

    def residual(self, seen: Seen) -> Float[Array, "1 *lane cell"]:
        """How far, in logarithms, the order is broken."""
        p = seen.parameters
        return _soft(jnp.log(p[self.slow]) - jnp.log(p[self.fast]), self.width)


class Bounded(Constraint):
    """A parameter times a factor stays below a limit, in SI."""

    name: str = eqx.field(static=True)
    high: float = eqx.field(static=True)
    width: float = eqx.field(static=True, default=0.1)

    def residual(self, seen: Seen) -> Float[Array, "1 *lane cell"]:
        """How far, as a share of the limit, it is passed."""
        return _soft(seen.parameters[self.name] / self.high - 1.0, self.width)


class Ratio(Constraint):
    """One parameter over another stays within two bounds; width in factors of e."""

    over: str = eqx.field(static=True)
    under: str = eqx.field(static=True)
    low: float = eqx.field(static=True, default=0.2)
    high: float = eqx.field(static=True, default=5.0)
    width: float = eqx.field(static=True, default=0.2)

    def residual(self, seen: Seen) -> Float[Array, "1 *lane cell"]:
        """How far, in logarithms, the ratio is outside."""
        ratio = jnp.log(seen.parameters[self.over] / seen.parameters[self.under])
        return _soft(ratio - jnp.log(self.high), self.width) + _soft(jnp.log(self.low) - ratio, self.width)


class NearSteady(Constraint):
    """A pool changes by less than a factor over the run: ln(end/start) is Gaussian with spread ln(factor)."""

    pool: str = eqx.field(static=True)
    factor: float = eqx.field(static=True, default=2.0)

    @property
    def shared(self) -> bool:
        """Every cell has its own pools."""
        return False

    def residual(self, seen: Seen) -> Float[Array, "1 *lane cell"]:
        """The change, in logarithms, over the spread."""
        change = jnp.log((seen.end[self.pool] + 1e-6) / (seen.start[self.pool] + 1e-6))
        return (change / jnp.log(self.factor))[None]
