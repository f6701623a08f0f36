"""Night-time partitioning (Reichstein et al. 2005): respiration learnt at night, carried into the day by temperature.

At night NEE is respiration. Its sensitivity to temperature, E0, is taken from those windows that tell it best;
its size, Rref, from short windows all along. GPP = RECO - NEE. Conventions: docs/explanation/partitioning.md.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux.clock import year
from landsink.stations.flux.darkness import Darkness, LightAndSun, LightAndSunset, filled
from landsink.stations.flux.gaps import measured
from landsink.stations.flux.respiration import (
    Fate,
    Fits,
    Moving,
    Trim,
    Windows,
    fit_windows,
    lloyd_taylor,
    scale_windows,
)  # fmt: skip


@dataclass(frozen=True)
class Sensitivity:
    """How one E0 [K] is found: the mean of the `best` windows in range, by their standard error.

    A window needs `records` and `span` [K] of temperature. With `by_error` E0 must stay in `low` … `high` with its
    standard error added and taken away. With fewer than `at_least` such windows one fit of all nights stands in, E0
    held in `fallback`.
    """

    windows: Moving
    trim: Trim
    by_error: bool
    records: int = 7
    span: float = 5.0
    low: float = 30.0
    high: float = 350.0
    best: int = 3
    at_least: int = 2
    fallback: tuple[float, float] = (0.0, 450.0)

    def sound(self, fits: Fits) -> np.ndarray:
        """True (version, window) where E0 is believed."""
        slack = fits.sensitivity_se if self.by_error else 0.0
        inside = (fits.sensitivity - slack > self.low) & (fits.sensitivity + slack < self.high)
        return (fits.fate == Fate.SOUND) & inside


@dataclass(frozen=True)
class NightTime:
    """A convention of night-time partitioning.

    `darkness` tells night from day; `sensitivity` finds E0; Rref comes from windows `reference` with at least
    `records`, no less than `floor` [umol m-2 s-1], each placed at the mean position of its records. A window so cold
    that its warmest record respires less than `faintest` of what it would at 15 degC tells nothing of Rref. With
    `by_year` every calendar year is treated apart, else one E0 holds throughout.
    """

    darkness: Darkness
    sensitivity: Sensitivity
    reference: Moving
    by_year: bool
    records: int = 3
    floor: float = 1e-6
    faintest: float = 1e-3

    @classmethod
    def oneflux(cls) -> "NightTime":
        """As ONEFlux: E0 from 14 days every 5, a tenth of residuals trimmed; Rref from 8 every 4, noon to noon."""
        sensitivity = Sensitivity(Moving(14, 5), Trim(always=0.10), by_error=False)
        return cls(LightAndSunset(10.0), sensitivity, Moving(8, 4, -0.5), by_year=True)

    @classmethod
    def reddyproc(cls) -> "NightTime":
        """As REddyProc: E0 from 15 days every 5, one refit within the 5-95 % residuals; Rref from 7 days every 4."""
        sensitivity = Sensitivity(Moving(15, 5, 1), Trim(once=0.10), by_error=True, at_least=1)
        return cls(LightAndSun(10.0), sensitivity, Moving(7, 4, -3), by_year=False)


class Origin(IntEnum):
    """Where an E0 comes from."""

    WINDOWS = 0
    ALL_NIGHTS = 1
    OTHER_YEARS = 2
    NOWHERE = 3


class Versions(NamedTuple):
    """Series of a record with all dimensions but time made one: (version, time); `dims` and `shape` lead back."""

    values: np.ndarray
    dims: tuple[Hashable, ...]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, array: xr.DataArray, like: xr.DataArray | None = None) -> "Versions":
        """The versions of an array; time goes last. With `like`, one for each version of that."""
        if like is not None:
            array = array.broadcast_like(like).transpose(*like.dims)
        array = array.transpose(..., "time")
        values = np.ascontiguousarray(array.values.reshape(-1, array.sizes["time"]), dtype=float)
        return cls(values, array.dims[:-1], array.shape[:-1])

    def back(
        self, values: np.ndarray, own: str, notes: dict[str, object] | None = None
    ) -> tuple[tuple[Hashable, ...], np.ndarray, dict[str, object]]:
        """`values` (version, own) as a variable on the record's dimensions and `own`, with `notes` as attributes."""
        return (*self.dims, own), values.reshape(*self.shape, *values.shape[1:]), notes or {}


def segments(years: np.ndarray, by_year: bool) -> list[slice]:
    """Stretches (record positions) that are treated apart: each calendar year, or all as one."""
    if not by_year:
        return [slice(0, years.size)]
    edges = np.flatnonzero(np.diff(years)) + 1
    return [slice(a, b) for a, b in zip([0, *edges], [*edges, years.size], strict=True)]


def days_of(ds: xr.Dataset) -> np.ndarray:
    """Days (time) since a midnight, as floating numbers."""
    return (ds["time"].values - np.datetime64("2000-01-01")) / np.timedelta64(1, "D")


def meanings(flags: type[IntEnum]) -> dict[str, object]:
    """CF attributes that spell out a flag's values."""
    return {"flag_values": [int(f) for f in flags], "flag_meanings": " ".join(f.name.lower() for f in flags)}


def _choose(
    fits: Fits, windows: Windows, whole: Fits, how: Sensitivity
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """E0, its SE and Origin (version, segment); marks in `fits.fate` what was chosen and what was out of range.

    `whole` holds one fit of all nights of each segment.
    """
    sound = how.sound(fits)
    fits.fate[(fits.fate == Fate.SOUND) & ~sound] = Fate.OUT_OF_RANGE
    error = np.where(sound, fits.sensitivity_se, np.inf)
    value, spread = np.full((2, *whole.records.shape), np.nan)
    origin = np.full(whole.records.shape, Origin.NOWHERE, np.int8)
    for v, y in np.ndindex(value.shape):
        own = np.flatnonzero(windows.segment == y)
        best = own[np.argsort(error[v, own], kind="stable")][: how.best]
        best = best[np.isfinite(error[v, best])]
        if best.size >= how.at_least:
            value[v, y], spread[v, y] = fits.sensitivity[v, best].mean(), fits.sensitivity_se[v, best].mean()
            origin[v, y] = Origin.WINDOWS
            fits.fate[v, best] = Fate.CHOSEN
        elif whole.fate[v, y] == Fate.SOUND:
            value[v, y], spread[v, y] = (
                np.clip(whole.sensitivity[v, y], *how.fallback),
                whole.sensitivity_se[v, y],
            )
            origin[v, y] = Origin.ALL_NIGHTS
    for v in range(len(value)):
        told, bare = origin[v] == Origin.WINDOWS, origin[v] == Origin.NOWHERE
        if told.any():
            value[v, bare], origin[v, bare] = value[v, told].mean(), Origin.OTHER_YEARS
    return value, spread, origin


def _reference(
    steps: np.ndarray, windows: Windows, parts: list[slice], size: int, floor: float
) -> np.ndarray:
    """Rref (version, time): windows' values held above `floor`, straight lines between them, level at the ends."""
    value, place = np.maximum(steps[0], floor), np.floor(steps[3])
    series = np.full((value.shape[0], size), np.nan)
    for v in range(value.shape[0]):
        for number, part in enumerate(parts):
            use = (windows.segment == number) & np.isfinite(value[v])
            if use.any():
                series[v, part] = np.interp(np.arange(part.start, part.stop), place[v, use], value[v, use])
    return series


def _nights(ds: xr.Dataset, convention: NightTime) -> tuple[Versions, np.ndarray]:
    """Night-time NEE (version, time), NaN elsewhere, and measured TA [degC]. Raises DataError where there is none."""
    nee, warmth = Versions.of(measured(ds, "NEE")), measured(ds, "TA").values.astype(float)
    night = convention.darkness(ds).night & np.isfinite(warmth)
    if not np.isfinite(nee.values[:, night]).any():
        found = "no night" if not night.any() else "no measured NEE in any night"
        raise DataError(
            f"The record has {found} with measured TA.",
            "Some, to learn respiration from.",
            "A record that reaches into darker seasons.",
        )
    return nee._replace(values=np.where(night, nee.values, np.nan)), warmth


def nighttime(ds: xr.Dataset, convention: NightTime | None = None) -> xr.Dataset:
    """The record with RECO_NT and GPP_NT [umol m-2 s-1], and every window's parameters.

    Reads NEE and TA as measured (see gaps.measured; NEE on time and any further dimensions, as percentile), NEE_F and
    TA_F as filled (without them NEE and TA as they stand), SW_IN where it is there; latitude, longitude, utc_offset.
    Adds on `nt_window` NT_WINDOW_E0 [K], _E0_SE, _RREF, _RREF_SE, _N (records used), _FATE; on `nt_part` (years, or all
    as one) NT_E0, NT_E0_SE, NT_E0_ORIGIN; on `nt_step` NT_RREF, NT_RREF_SE, NT_RREF_N. What cannot be partitioned is
    NaN, and its ORIGIN says so. Raises DataError where there is no night, or nothing to learn from.
    Reichstein et al. 2005, 10.1111/j.1365-2486.2005.001002.x.
    """
    convention = convention or NightTime.oneflux()
    nee, warmth = _nights(ds, convention)
    parts, days, how = segments(year(ds), convention.by_year), days_of(ds), convention.sensitivity
    windows = how.windows.over(days, parts)
    starts, stops = (np.array([getattr(p, edge) for p in parts]) for edge in ("start", "stop"))
    whole = Windows(starts, stops, np.arange(len(parts)))
    fits, all_nights = (
        fit_windows(nee.values, warmth, w, how.records, how.span, how.trim) for w in (windows, whole)
    )
    e0, spread, origin = _choose(fits, windows, all_nights, how)
    if not np.isfinite(e0).any():
        raise DataError(
            "No window and no year tells how respiration depends on temperature.",
            f"Some with {how.records} nightly records over {how.span} K.",
            "Look at the range of TA at night.",
        )
    steps_at = convention.reference.over(days, parts)
    by_record = np.repeat(e0, stops - starts, axis=1)
    steps = scale_windows(
        nee.values, lloyd_taylor(warmth, 1.0, by_record), steps_at, convention.records, convention.faintest
    )
    reference = _reference(steps, steps_at, parts, days.size, convention.floor)
    if not np.isfinite(reference).any():
        raise DataError("All nights are too cold to tell respiration at 15 degC.", "Some warmer ones.")
    reco = lloyd_taylor(filled(ds, "TA").values, reference, by_record)
    flux = Versions.of(filled(ds, "NEE"), measured(ds, "NEE")).values
    unit = {"units": "umol m-2 s-1", "method": "night-time partitioning"}
    products = {"RECO_NT": nee.back(reco, "time", unit), "GPP_NT": nee.back(reco - flux, "time", unit)}
    return _with_windows(
        ds.assign(products), nee, (windows, fits), (whole, e0, spread, origin), (steps_at, steps)
    )


def _with_windows(ds: xr.Dataset, nee: Versions, wide: tuple, parts: tuple, short: tuple) -> xr.Dataset:
    """The record with the parameters of wide windows, of the parts that share an E0, and of short windows."""
    (windows, fits), (whole, e0, spread, origin), (steps_at, steps) = wide, parts, short
    kelvin, flux = {"units": "K"}, {"units": "umol m-2 s-1"}
    begins = pd.DatetimeIndex(ds["time"].values)
    at = {"nt_window": windows.lo, "nt_part": whole.lo, "nt_step": steps_at.lo}
    bare = ds.drop_dims(at, errors="ignore")
    return bare.assign_coords(
        {own: begins[np.minimum(lo, begins.size - 1)] for own, lo in at.items()}
    ).assign(
        NT_WINDOW_E0=nee.back(fits.sensitivity, "nt_window", kelvin),
        NT_WINDOW_E0_SE=nee.back(fits.sensitivity_se, "nt_window", kelvin),
        NT_WINDOW_RREF=nee.back(fits.reference, "nt_window", flux),
        NT_WINDOW_RREF_SE=nee.back(fits.reference_se, "nt_window", flux),
        NT_WINDOW_N=nee.back(fits.records, "nt_window"),
        NT_WINDOW_FATE=nee.back(fits.fate, "nt_window", meanings(Fate)),
        NT_E0=nee.back(e0, "nt_part", kelvin),
        NT_E0_SE=nee.back(spread, "nt_part", kelvin),
        NT_E0_ORIGIN=nee.back(origin, "nt_part", meanings(Origin)),
        NT_RREF=nee.back(steps[0], "nt_step", flux),
        NT_RREF_SE=nee.back(steps[1], "nt_step", flux),
        NT_RREF_N=nee.back(steps[2].astype(np.int32), "nt_step"),
    )
