"""How people read a unit: g C m⁻² d⁻¹ for a flux of carbon; the API's own numbers stay in the product's unit."""

import re
from dataclasses import dataclass

from landsink.account.units import mean_scale
from landsink.catalogue.releases import Variable
from landsink.core.quantity import vocabulary
from landsink.core.units import convert

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Reading:
    """shown = value × factor + offset; a standard deviation takes the factor alone."""

    unit: str
    factor: float
    offset: float


def reading(variable: Variable) -> Reading:
    """The readable unit of a variable: that in which its means are told, and °C for K."""
    offset = float(convert(0.0, "K", "degC")) if variable.unit == "K" else 0.0
    scale = mean_scale(variable.name, variable.unit)
    return Reading("°C" if offset else label(variable, scale.unit), scale.factor, offset)


def label(variable: Variable, unit: str) -> str:
    """A unit in which a variable is told, as people write it: with the element where it is carbon."""
    row = vocabulary().get(variable.name)
    words = f"{variable.standard_name} {variable.title}".lower()
    return pretty(unit, row.substance if row else "carbon" if "carbon" in words else "")


def pretty(unit: str, substance: str = "") -> str:
    """A CF unit as people write it: 'g C m⁻² d⁻¹'. A kilogram of water on a square metre stands a millimetre high."""
    if unit == "1":
        return "–"
    if substance == "water" and unit.startswith("kg m-2"):
        unit = "mm" + unit.removeprefix("kg m-2")
    if substance == "carbon":
        unit = re.sub(r"^([kMGTP]?g)\b", r"\1 C", unit)
    unit = unit.replace("degC", "°C").replace("degrees_", "° ")
    return re.sub(r"(?<=[a-zA-Z])-?\d+", lambda found: found.group().translate(SUPERSCRIPT), unit)
