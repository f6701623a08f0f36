"""How people read a unit: g C m⁻² d⁻¹ for a flux of carbon; the API's own numbers stay in the product's unit."""

from dataclasses import dataclass

from landsink.account.units import mean_scale
from landsink.catalogue.releases import Variable
from landsink.core.display import pretty
from landsink.core.quantity import vocabulary
from landsink.core.units import convert


@dataclass(frozen=True)
class Reading:
    """shown = value × factor + offset; a standard deviation takes the factor alone."""

    unit: str
    factor: float
    offset: float


@dataclass(frozen=True)
class Quantity:
    """What a station measures, as far as its readable unit asks."""

    name: str
    unit: str
    title: str
    standard_name: str = ""


def measured(name: str, unit: str, title: str) -> Quantity:
    """A station's variable by the name of the vocabulary: gpp_night is gpp, parted by the nights."""
    plain = name if name in vocabulary() else name.split("_")[0]
    return Quantity(plain, unit, title)


def reading(variable: Variable | Quantity) -> Reading:
    """The readable unit of a variable: that in which its means are told, and °C for K."""
    offset = float(convert(0.0, "K", "degC")) if variable.unit == "K" else 0.0
    scale = mean_scale(variable.name, variable.unit)
    return Reading("°C" if offset else label(variable, scale.unit), scale.factor, offset)


def label(variable: Variable | Quantity, unit: str) -> str:
    """A unit in which a variable is told, as people write it: with the element where it is carbon."""
    row = vocabulary().get(variable.name)
    words = f"{variable.standard_name} {variable.title}".lower()
    return pretty(unit, row.substance if row else "carbon" if "carbon" in words else "")
