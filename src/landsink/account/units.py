"""Units that people use: grams a day for a flux, petagrams a year for a country."""

from dataclasses import dataclass

import numpy as np

from landsink.core.errors import DataError
from landsink.core.quantity import vocabulary

YEAR = 365.2425 * 86400.0  # s, the mean year of the calendar
DAY = 86400.0
SIZES = (("Pg", 1e-12), ("Tg", 1e-9), ("Gg", 1e-6))
ENOUGH = 0.1  # the unit is the largest in which the typical number is at least this


@dataclass(frozen=True)
class Scale:
    """Shown = stored times factor, in `unit`."""

    unit: str
    factor: float


def mean_scale(name: str, unit: str) -> Scale:
    """How the mean of a variable is told: a flux of carbon in g m-2 d-1, of water in kg m-2 d-1, all else as it is."""
    if unit != "kg m-2 s-1":
        return Scale(unit, 1.0)
    row = vocabulary().get(name)
    water = row is not None and row.substance == "water"
    return Scale("kg m-2 d-1", DAY) if water else Scale("g m-2 d-1", 1e3 * DAY)


def sum_scale(name: str, unit: str, typical: float) -> Scale:
    """How a sum over an area is told: a flux a year, a stock as it is; Pg, Tg or Gg as its size asks.

    typical: kg s-1 or kg, of what matters most. DataError where a sum has no meaning, as of a temperature.
    """
    if unit not in ("kg m-2 s-1", "kg m-2"):
        raise DataError(
            f"'{name}' in '{unit}' has no sum over an area.",
            "A flux in kg m-2 s-1 or a stock in kg m-2.",
            "Ask for a mean.",
        )
    yearly, words = (YEAR, " yr-1") if unit.endswith("s-1") else (1.0, "")
    size = abs(typical) * yearly if np.isfinite(typical) else 0.0
    word, factor = next((row for row in SIZES if size * row[1] >= ENOUGH), SIZES[-1])
    return Scale(f"{word}{words}", yearly * factor)
