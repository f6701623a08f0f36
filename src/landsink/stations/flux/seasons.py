"""How a year is cut into seasons: months that belong together, and whether a winter begins in the year before."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Seasons:
    """Seasons by month.

    names: one name a season. months: of January to December, the season that each belongs to, an index into `names`.
    winter_from_december: December opens the winter of the next year; at the record's end, where that winter never
    comes, December stays a season of its own (the last of `names`) in its own year.
    """

    names: tuple[str, ...]
    months: tuple[int, ...]
    winter_from_december: bool = False

    @classmethod
    def quarters(cls) -> "Seasons":
        """Calendar quarters within the calendar year, as ONEFlux takes them."""
        return cls(("JFM", "AMJ", "JAS", "OND"), (0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3))

    @classmethod
    def meteorological(cls) -> "Seasons":
        """Winter, spring, summer, autumn, December belonging to the winter that follows, as REddyProc takes them."""
        return cls(("DJF", "MAM", "JJA", "SON", "D"), (0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0), True)

    def of(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(year that it counts for, season as an index into `names`) of each time (n), integers."""
        when = pd.DatetimeIndex(time)
        year, month = when.year.to_numpy(), when.month.to_numpy()
        season = np.asarray(self.months)[month - 1]
        if not self.winter_from_december:
            return year, season
        december = month == 12
        unfinished = december & ~np.isin(year + 1, np.unique(year[~december]))
        year = np.where(december & ~unfinished, year + 1, year)
        return year, np.where(unfinished, len(self.names) - 1, season)
