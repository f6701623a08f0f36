"""Priors: bounded numbers seen as standard normal ones, and the space of a model's free parameters."""

import dataclasses
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .errors import CaseError, near
from .model import Model, Named
from .process import Parameter

START = "start."


@dataclasses.dataclass(frozen=True)
class Prior:
    """A number between two bounds, as a bijection of a standard normal coordinate.

    value = low + (high - low) s, or low (high/low)^s on a logarithmic scale, with s = logistic(centre + spread xi).
    With spread 1.5 to 1.8 the prior is close to flat on that scale; smaller spreads hold it near the centre.
    """

    low: float
    high: float
    centre: float
    spread: float = 1.0
    logarithmic: bool = False

    @classmethod
    def of(cls, parameter: Parameter, spread: float = 1.0) -> Self:
        """A prior around a parameter's own value, between its bounds."""
        return cls(parameter.low, parameter.high, parameter.default, spread, parameter.logarithmic)

    def changed(self, name: str, change: Mapping[str, float]) -> Self:
        """The same prior with other columns ('centre', 'spread' …), checked; `name` is for the error."""
        columns = [f.name for f in dataclasses.fields(self)]
        for column in change:
            if column not in columns:
                raise CaseError(
                    f"'{column}' is not a column of a prior ({name}).", remedy=near(column, columns)
                )
        new = dataclasses.replace(self, **change)
        if not new.low < new.centre < new.high:
            raise CaseError(
                f"{name}: the centre {new.centre:g} is outside its bounds {new.low:g} … {new.high:g}."
            )
        return new

    def value(self, xi: Float[Array, "..."]) -> Float[Array, "..."]:
        """From the standard normal coordinate to the number."""
        share = jax.nn.sigmoid(self._coordinate(self.centre) + self.spread * xi)
        if self.logarithmic:
            return self.low * (self.high / self.low) ** share
        return self.low + (self.high - self.low) * share

    def xi(self, value: float) -> float:
        """From the number to its standard normal coordinate."""
        return (self._coordinate(value) - self._coordinate(self.centre)) / self.spread

    def _coordinate(self, value: float) -> float:
        if not self.low < value < self.high:
            raise CaseError(f"the value {value:g} is outside its bounds {self.low:g} … {self.high:g}.")
        if self.logarithmic:
            share = np.log(value / self.low) / np.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return float(np.log(share / (1.0 - share)))


@dataclasses.dataclass(frozen=True)
class ParameterSpace:
    """The free numbers of a problem: parameters of the model and factors on its starting pools.

    A point is xi (dimension, cell), standard normal under the prior. Names are 'Process.parameter', or
    'start.cWood' for a factor on the pool from which a run starts.
    """

    names: tuple[str, ...]
    priors: tuple[Prior, ...]

    @classmethod
    def of(cls, model: Model, free: Iterable[str], priors: Mapping[str, Mapping[str, float]] | None = None,
           spread: float = 1.0, start_factor: float = 3.0) -> Self:  # fmt: skip
        """Free parameters by name or pattern ('Plant.*', 'start.cWood'); `priors` overrides centre and spread.

        Raises `CaseError` for a pattern that fits nothing.
        """
        known = {name: Prior.of(p, spread) for name, p in model.parameters.items()}
        factor = Prior(1.0 / start_factor**2, start_factor**2, 1.0, spread, logarithmic=True)
        known |= {START + pool: factor for pool in model.state}
        chosen: dict[str, Prior] = {}
        for pattern in free:
            found = {n: p for n, p in known.items() if fnmatch(n, pattern)}
            if not found:
                raise CaseError(f"no parameter fits '{pattern}'.", remedy=near(pattern, known))
            chosen |= found
        for name, change in (priors or {}).items():
            if name not in known:
                raise CaseError(f"'{name}' is not a parameter of this model.", remedy=near(name, known))
            if name in chosen:
                chosen[name] = chosen[name].changed(name, change)
        return cls(tuple(chosen), tuple(chosen.values()))

    @property
    def size(self) -> int:
        """Number of free numbers."""
        return len(self.names)

    def values(self, xi: Float[Array, " dim *cell"]) -> dict[str, Float[Array, "*cell"]]:
        """All numbers by name, in SI."""
        return {
            name: prior.value(xi[i])
            for i, (name, prior) in enumerate(zip(self.names, self.priors, strict=True))
        }

    def model(self, model: Model, xi: Float[Array, " dim *cell"]) -> Model:
        """The model with its free parameters at xi."""
        return model.with_parameters({n: v for n, v in self.values(xi).items() if not n.startswith(START)})

    def start(self, state: Named, xi: Float[Array, " dim *cell"]) -> Named:
        """The starting state, its free pools multiplied by their factors."""
        factors = {n.removeprefix(START): v for n, v in self.values(xi).items() if n.startswith(START)}
        return {k: v * factors[k] if k in factors else v for k, v in state.items()}

    def xi(self, values: Mapping[str, float]) -> Float[Array, " dim"]:
        """The coordinates of given numbers; names left out stay at their prior's centre."""
        for name in values:
            if name not in self.names:
                raise CaseError(f"'{name}' is not a free parameter.", remedy=near(name, self.names))
        return jnp.array(
            [p.xi(values[n]) if n in values else 0.0 for n, p in zip(self.names, self.priors, strict=True)]
        )
