"""Units as CF writes them ('kg m-2 s-1'), converted by pint."""

import re
from functools import cache
from typing import Any

import numpy as np

from .errors import DataError
from .late import Late

# Reading units takes a quarter of a second to load, and most commands convert none.
pint = Late("pint")


@cache
def _registry() -> Any:
    registry: Any = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    for degrees in ("degrees_north", "degrees_east"):
        registry.define(f"{degrees} = degree")
    return registry


@cache
def parse(unit: str) -> Any:
    """A pint unit from a CF or UDUNITS string; `DataError` when it cannot be read."""
    words = [re.sub(r"^([A-Za-z_%]+)\^?(-?\d+)$", r"\1**\2", word) for word in unit.replace("·", " ").split()]
    text = "*".join(words).replace("*/*", "/") or "1"
    text = {"1": "dimensionless", "degC": "degree_Celsius", "deg*C": "degree_Celsius"}.get(text, text)
    try:
        return _registry().parse_units(text)
    except Exception as error:
        raise DataError(
            f"'{unit}' is not a unit that can be read ({error}).", "CF units such as 'kg m-2 s-1'."
        ) from None


def convert(values: np.ndarray | float, source: str, target: str, water: bool = False) -> np.ndarray | float:
    """Values in `source` units, as `target` units; `DataError` when they measure different things.

    water: a depth of liquid water ('mm d-1') may stand for its mass, 1000 kg m-3.
    """
    if source == target:
        return values
    try:
        found: Any = _registry().Quantity(values, parse(source))
        if water and (found.check("[length]") or found.check("[length]/[time]")):
            found = found * _registry().Quantity(1000.0, "kg/m**3")
        return found.to(parse(target)).magnitude
    except pint.DimensionalityError:
        raise DataError(f"the unit is '{source}'.", f"Expected one that converts to '{target}'.") from None


def factor(unit: str) -> float:
    """What one `unit` is in SI base units ('g m-2' is 0.001); offsets are not carried."""
    return float(_registry().Quantity(1.0, parse(unit)).to_base_units().magnitude)
