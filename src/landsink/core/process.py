"""A process: an equation at one point, for one step, in the vocabulary's words."""

import dataclasses
import inspect
from functools import cache
from typing import Any, ClassVar, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Float

from . import units
from .quantity import quantity

Scalar: TypeAlias = float | Float[Array, "..."]

SECONDS = {"s": 1.0, "d": 86400.0, "yr": 365.2425 * 86400.0}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What is known of a tunable number: bounds in SI, and how to show it as its paper does."""

    name: str
    default: float
    low: float
    high: float
    unit: str
    per: str
    doc: str
    scale: float

    @property
    def shown_unit(self) -> str:
        """The paper's unit, time included."""
        return " ".join(
            w
            for w in ("" if self.unit == "1" and self.per else self.unit, f"{self.per}-1" if self.per else "")
            if w
        )

    @property
    def logarithmic(self) -> bool:
        """Positive numbers known to an order of magnitude live on a logarithmic scale."""
        return self.low > 0 and self.high >= 4 * self.low


def param(value: float, unit: str = "1", *, per: str = "", bounds: tuple[float, float], doc: str) -> Any:
    """A tunable number in its paper's units, converted once, here, to SI.

    `per` ('s', 'd', 'yr') divides by a time. Raises ValueError if the value is outside its bounds.
    """
    low, high = bounds
    if not low < value < high:
        raise ValueError(f"the default {value} is not inside its bounds {bounds}: {doc}")
    scale = units.factor(unit) / (SECONDS[per] if per else 1.0)
    meta = {"bounds": (low * scale, high * scale), "doc": doc, "unit": unit, "per": per, "scale": scale}
    return eqx.field(default=value * scale, metadata=meta)


class Process(eqx.Module):
    """Reads the quantities its signature names; gives the quantities, arrows and memories it returns."""

    cite: ClassVar[str] = ""

    @property
    def title(self) -> str:
        """The name that errors, cards and parameters use."""
        return type(self).__name__

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arguments."""
        return _reads(type(self))

    @property
    def gives(self) -> tuple[str, ...]:
        """Keys of the result, in the order in which they are written; nothing is computed."""
        return _gives(self)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The tunable fields; `default` is this instance's own value."""
        return tuple(
            Parameter(f.name, _plain(getattr(self, f.name)), f.metadata["bounds"][0], f.metadata["bounds"][1],
                      f.metadata["unit"], f.metadata["per"], f.metadata["doc"], f.metadata["scale"])
            for f in dataclasses.fields(self) if "bounds" in f.metadata
        )  # fmt: skip


def _plain(value: Any) -> float:
    """A parameter's value as a number, or NaN while it is an array over cells."""
    return float(value) if jnp.ndim(value) == 0 and not isinstance(value, Tracer) else float("nan")


@cache
def _reads(cls: type[Process]) -> tuple[str, ...]:
    return tuple(inspect.signature(cls.__call__).parameters)[1:]


def _gives(process: Process) -> tuple[str, ...]:
    leaves, structure = jax.tree.flatten(process)
    if all(isinstance(leaf, bool | int | float | str) for leaf in leaves):
        return _keys(structure, tuple(leaves))
    return _traced(process)


@cache
def _keys(structure: Any, leaves: tuple[Any, ...]) -> tuple[str, ...]:
    """The keys of a process of plain numbers: traced once, however often it is composed."""
    return _traced(jax.tree.unflatten(structure, leaves))


def _traced(process: Process) -> tuple[str, ...]:
    blank = {name: jax.ShapeDtypeStruct((), jnp.float64) for name in process.reads}
    for name in blank:
        quantity(name)
    scalars = jax.tree.map(lambda leaf: 1.0 if eqx.is_inexact_array(leaf) else leaf, process)
    keys: list[str] = []

    def trace(read: dict[str, Any]) -> dict[str, Any]:
        given = scalars(**read)
        keys.extend(given)
        return given

    jax.eval_shape(trace, blank)
    return tuple(keys)
