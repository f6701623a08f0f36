"""What a threshold of friction velocity takes from NEE."""

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux.bootstrap import radiation
from landsink.stations.flux.seasons import Seasons


@dataclass(frozen=True)
class Calm:
    """What differs between tools in taking calm records away.

    by_day: records of the day lose NEE as those of the night do; else only those that SW_IN does not show to be day, at
    `night_below` [W m-2] or more. next_too: so does the record after a calm one. seasons: which year's threshold holds
    for a record. A record without u* counts as calm.
    """

    by_day: bool = True
    next_too: bool = True
    night_below: float = 10.0
    seasons: Seasons = field(default_factory=Seasons.quarters)

    @classmethod
    def oneflux(cls) -> "Calm":
        """Day and night alike, and the record that follows [Pastorello2020]."""
        return cls()

    @classmethod
    def reddyproc(cls) -> "Calm":
        """At night alone [Wutzler2018]; the year begins with December."""
        return cls(by_day=False, next_too=False, seasons=Seasons.meteorological())


def calm(ds: xr.Dataset, threshold: xr.DataArray | float, convention: Calm | None = None) -> xr.DataArray:
    """True (time, …) where a record is too calm for its NEE to be believed.

    ds: a record with USTAR [m s-1] on `time`, and SW_IN or PPFD_IN where day and night differ. threshold [m s-1]: one
    number, or by `year`, or by whatever else, as `percentile`; its dims follow `time`.

    Raises DataError where u* is absent or empty, or where a year has no threshold.
    """
    rule = convention or Calm.oneflux()
    if "USTAR" not in ds or not np.isfinite(ds["USTAR"].values).any():
        raise DataError("The record has no USTAR.", "m s-1 on `time`.", "Skip the u* filter, and say so.")
    limit = xr.DataArray(threshold)
    if "year" in limit.dims:
        label, _ = rule.seasons.of(ds["time"].values)
        absent = sorted(set(np.unique(label).tolist()) - set(limit["year"].values.tolist()))
        if absent:
            raise DataError(
                f"No u* threshold for {absent}.",
                f"One for each year; there are {limit['year'].values.tolist()}.",
                "Use a threshold constant over years.",
            )
        limit = limit.sel(year=xr.DataArray(label, dims="time")).drop_vars("year")
    if not np.isfinite(limit.values).all():
        raise DataError(
            "A u* threshold is missing for some year.",
            "A number everywhere.",
            "Use a threshold constant over years, or of neighbouring years.",
        )
    low = ~(ds["USTAR"] >= limit)
    if not rule.by_day:
        low = low & xr.DataArray(~(radiation(ds) >= rule.night_below), dims="time")
    if rule.next_too:
        low = low | low.shift(time=1, fill_value=False)
    return low.transpose("time", ...)


def without_turbulence(
    ds: xr.Dataset, threshold: xr.DataArray | float, convention: Calm | None = None
) -> xr.Dataset:
    """`ds` with NEE [umol m-2 s-1] lost where the air was too calm, for every threshold at once.

    NEE gets the dims of `threshold` beside `time`: all percentiles of a pool in one step, as (time, percentile). Its
    attribute `ustar_filter` says what was done. Raises DataError as `calm` does.
    """
    rule = convention or Calm.oneflux()
    if "NEE" not in ds:
        raise DataError("NEE is absent.", "NEE [umol m-2 s-1] on `time`.", "Add storage to FC first.")
    nee = ds["NEE"].where(~calm(ds, threshold, rule)).transpose("time", ...)
    nee.attrs = ds["NEE"].attrs | {"ustar_filter": str(rule)}
    return ds.assign(NEE=nee)
