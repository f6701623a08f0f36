"""Units as people write them: 'g C m⁻² d⁻¹' for CF's 'g m-2 d-1' of carbon."""

import re

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def pretty(unit: str, substance: str = "") -> str:
    """A CF unit as people write it, with the element where `substance` is carbon, and '–' for no unit.

    A kilogram of water on a square metre stands a millimetre high and is told so.
    """
    if unit == "1":
        return "–"
    if substance == "water" and unit.startswith("kg m-2"):
        unit = "mm" + unit.removeprefix("kg m-2")
    if substance == "carbon":
        unit = re.sub(r"^([kMGTP]?g)\b", r"\1 C", unit)
    return raised(unit.replace("degC", "°C").replace("degrees_", "° "))


def raised(unit: str) -> str:
    """A unit with its powers raised: 'm-2' is 'm⁻²'."""
    return re.sub(r"(?<=[a-zA-Z])-?\d+", lambda found: found.group().translate(SUPERSCRIPT), unit)
