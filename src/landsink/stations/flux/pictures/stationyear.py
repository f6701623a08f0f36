"""One year of a processed record, and which of its variables stands for what."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float

from landsink.core.errors import DataError
from landsink.stations.flux import clock, gaps
from landsink.stations.flux.aggregate import GRAMS_PER_DAY

FLUXES = ("NEE", "LE", "H")
FAMILIES = ("VUT_REF", "CUT_REF", "VUT_50", "CUT_50")
MIDDLE = 50.0
SHORT = 90  # days, fewer of which do not fill a year's axis
FOLDS = 4  # each day is held against the three of four that are left
ALIKE = 5  # like records at least, to tell what is far


@dataclass(frozen=True)
class StationYear:
    """The year's part of a record, beside what the chain made of the whole: its coarser products, its u* thresholds
    and the parameters of its windows. A variable that is not there is None, never an error."""

    record: xr.Dataset
    coarse: dict[str, xr.Dataset]
    thresholds: xr.Dataset | None
    windows: xr.Dataset | None
    year: int
    of_thresholds: xr.Dataset | None = None

    @classmethod
    def of(
        cls,
        record: xr.Dataset,
        coarse: dict[str, xr.Dataset],
        thresholds: xr.Dataset | None,
        windows: xr.Dataset | None,
        year: int,
        versions: xr.Dataset | None = None,
    ) -> "StationYear":
        """Cuts the year out. Raises DataError where the record has none of it."""
        here = np.flatnonzero(clock.year(record) == year)
        part = record.isel(time=here)
        if part.sizes["time"] < 2:
            first, last = (int(clock.year(record)[i]) for i in (0, -1))
            raise DataError(f"The record has nothing of {year}.", f"A year from {first} to {last}.")
        known = versions is not None and "time" in versions.dims
        return cls(part, coarse, thresholds, windows, year, versions.isel(time=here) if known else None)

    @cached_property
    def time(self) -> np.ndarray:
        """Start of each interval (time), local standard time."""
        return self.record["time"].values

    @cached_property
    def steps(self) -> int:
        """Steps in a day."""
        return clock.per_day(self.record)

    @cached_property
    def hour(self) -> Float[np.ndarray, " time"]:
        """Hour of the day at each interval's middle."""
        return clock.hour(self.record) + 12 / self.steps

    @cached_property
    def month(self) -> np.ndarray:
        """Calendar month (time), 1 … 12."""
        return self.record["time"].dt.month.values

    @cached_property
    def placed(self) -> bool:
        """Whether the record knows its place, and so its sun."""
        known = (self.record.attrs.get(n, np.nan) for n in ("latitude", "longitude", "utc_offset"))
        return all(np.isfinite(value) for value in known)

    @cached_property
    def potential(self) -> Float[np.ndarray, " time"] | None:
        """Sunlight above the air [W m-2] (time)."""
        return clock.potential_radiation(self.record) if self.placed else None

    @property
    def days_of_year(self) -> int:
        """365 or 366."""
        return 366 if pd.Timestamp(self.year, 1, 1).is_leap_year else 365

    def name(self, *names: str) -> str | None:
        """The first of `names` that the record has on time with a number in it."""
        return next((n for n in names if self._has(n)), None)

    def _has(self, name: str) -> bool:
        known = name in self.record and "time" in self.record[name].dims
        return known and bool(np.isfinite(self.record[name].values.astype(float)).any())

    def get(self, *names: str) -> Float[np.ndarray, " time"] | None:
        """Values (time) of the first of `names` that has any; of versions the one nearest the middle."""
        found = self.name(*names)
        if found is None:
            return None
        values = self.record[found]
        if "percentile" in values.dims:
            values = values.isel(percentile=int(np.argmin(np.abs(values["percentile"].values - MIDDLE))))
        return values.values.astype(float) if values.dims == ("time",) else None

    def measured(self, name: str) -> Float[np.ndarray, " time"] | None:
        """A variable (time) where it was measured and not withdrawn; None where it never was."""
        values, quality = self.get(name), self.get(f"{name}_QC")
        if values is None:
            return None
        values = values if quality is None else np.where(quality == 0, values, np.nan)
        return values if np.isfinite(values).any() else None

    @cached_property
    def filled_name(self) -> str | None:
        """What NEE without gaps is called here."""
        return self.name(*(f"NEE_{family}" for family in FAMILIES), "NEE_F", "NEE_F_MDS")

    @cached_property
    def filled(self) -> Float[np.ndarray, " time"] | None:
        """NEE (time) without gaps [umol m-2 s-1], + to the air."""
        return None if self.filled_name is None else self.get(self.filled_name)

    @cached_property
    def quality(self) -> Float[np.ndarray, " time"] | None:
        """Class (time) of filled NEE: 0 measured, 1 … 3 filled, worse."""
        return None if self.filled_name is None else self.get(f"{self.filled_name}_QC")

    @cached_property
    def kept(self) -> Float[np.ndarray, " time"] | None:
        """NEE (time) that was measured and believed, calm air taken out where a threshold was found."""
        if self.filled is not None and self.quality is not None:
            return np.where(self.quality == 0, self.filled, np.nan)
        return self.measured("NEE")

    def partitioned(self, flux: str, method: str) -> Float[np.ndarray, " time"] | None:
        """GPP or RECO (time) [umol m-2 s-1] by method NT or DT."""
        return self.get(*(f"{flux}_{method}_{family}" for family in FAMILIES), f"{flux}_{method}")

    @cached_property
    def random(self) -> Float[np.ndarray, " time"] | None:
        """Random uncertainty of NEE (time), one standard deviation [umol m-2 s-1]."""
        near = [] if self.filled_name is None else [f"{self.filled_name}_RANDUNC"]
        return self.get(*near, *(f"NEE_{family}_RANDUNC" for family in FAMILIES), "NEE_RANDUNC")

    @cached_property
    def _version_pool(self) -> xr.DataArray | None:
        for pool in (self.of_thresholds, self.record):
            if pool is not None and "NEE_VUT" in pool and pool["NEE_VUT"].sizes.get("percentile", 0) >= 3:
                every = pool["NEE_VUT"].transpose("time", "percentile")
                even = np.flatnonzero(every["percentile"].values != MIDDLE)
                # Of an even number of equal slices the middle is none, and stands beside them.
                return every.isel(percentile=even) if even.size % 2 == 0 else every
        return None

    @property
    def versions(self) -> Float[np.ndarray, "time version"] | None:
        """Filled NEE (time, version), a version for each u* threshold; None where there are not three."""
        return None if self._version_pool is None else self._version_pool.values

    @property
    def version_shares(self) -> Float[np.ndarray, " version"]:
        """The percentile of u* thresholds to which each version belongs."""
        return np.empty(0) if self._version_pool is None else self._version_pool["percentile"].values

    @cached_property
    def night(self) -> Bool[np.ndarray, " time"]:
        """Where it is night: SW_IN below 10 W m-2; where that is unknown, the sun down."""
        light = self.get("SW_IN", "SW_IN_F")
        down = clock.sun_is_down(self.record) if self.placed else np.zeros(self.time.size, bool)
        return down if light is None else np.where(np.isfinite(light), light < 10.0, down)

    def sum(self, values: Float[np.ndarray, "time ..."]) -> Float[np.ndarray, "..."]:
        """[umol m-2 s-1] summed over the days at hand [gC m-2], gaps taken for the mean of the rest."""
        return np.nanmean(values, axis=0) * GRAMS_PER_DAY * self.time.size / self.steps

    @cached_property
    def days(self) -> np.ndarray:
        """Every day of the year, datetime64[D]; of a record of a few weeks those days alone."""
        first, last = (self.time[i].astype("datetime64[D]") for i in (0, -1))
        if (last - first).astype(int) >= SHORT:
            first = np.datetime64(f"{self.year}-01-01")
            last = first + self.days_of_year - 1
        return np.arange(first, last + 1)

    @cached_property
    def day(self) -> np.ndarray:
        """Which of `days` each step belongs to (time)."""
        return ((self.time.astype("datetime64[D]") - self.days[0]) / np.timedelta64(1, "D")).astype(int)

    def by_day(self, values: np.ndarray) -> Float[np.ndarray, "day step"]:
        """A series as days by steps of the day, NaN where the record does not reach."""
        slot = (clock.hour(self.record) * self.steps / 24).astype(int)
        grid = np.full((self.days.size, self.steps), np.nan)
        grid[self.day, slot] = values
        return grid

    @cached_property
    def expected(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """What like weather of other days says of each step of NEE, LE and H: mean and spread, each (time).

        NaN where it says nothing; a flux that was never measured is left out.
        """
        known = {name: self.kept if name == "NEE" else self.measured(name) for name in FLUXES}
        return {
            n: self._from_other_days(v) for n, v in known.items() if v is not None and np.isfinite(v).any()
        }

    def _from_other_days(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread (time) by marginal distribution sampling, every FOLDSth day foretold from the rest."""
        weather, _ = gaps.drivers_of(self.record, gaps.DRIVERS)
        widths = gaps.tolerances(weather, gaps.DRIVERS)
        rule = replace(gaps.MarginalDistribution.oneflux(), samples=ALIKE)
        mean, spread = np.full((2, values.size), np.nan)
        for fold in range(FOLDS):
            hidden = self.day % FOLDS == fold
            others = np.where(hidden, np.nan, values)[:, None]
            drawn = gaps.sampled(others, weather, widths, hidden[:, None], self.steps, rule)
            mean[hidden], spread[hidden] = drawn.mean[hidden, 0], drawn.sd[hidden, 0]
        return mean, np.where(spread > 0, spread, np.nan)

    def yearly(self, name: str) -> float:
        """A product of the whole year; NaN where there is none."""
        product = self.coarse.get("YY")
        if product is None or name not in product:
            return np.nan
        here = np.flatnonzero(product["time"].dt.year.values == self.year)
        return float(product[name].values[here[0]]) if here.size else np.nan


def ranks(
    values: Float[np.ndarray, "... version"], shares: tuple[int, ...]
) -> Float[np.ndarray, "share ..."]:
    """Percentiles over versions, each the value nearest in rank, as in the products (see uncertainty.percentile)."""
    ranked = np.sort(values, axis=-1)
    at = [max(int(share / 100 * values.shape[-1] + 0.5) - 1, 0) for share in shares]
    return np.moveaxis(ranked[..., at], -1, 0)
