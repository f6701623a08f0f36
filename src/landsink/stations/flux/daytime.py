"""Day-time partitioning (Lasslop et al. 2010): a light response learnt by day, respiration's warmth learnt by night.

In short windows NEE by day is fitted as a light response, damped by dry air, plus respiration whose sensitivity to
temperature comes from the nights around. GPP and RECO are both modelled, so NEE is not RECO - GPP. Conventions:
docs/explanation/partitioning.md.
"""

from dataclasses import dataclass
from enum import IntEnum
from itertools import product
from typing import Protocol

import numpy as np
import pandas as pd
import xarray as xr
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from landsink.core.errors import DataError
from landsink.stations.flux.clock import year
from landsink.stations.flux.darkness import Darkness, Light, LightAndSun, filled
from landsink.stations.flux.gaps import measured
from landsink.stations.flux.lightresponse import (
    DRY,
    Bounds,
    Days,
    Fate,
    Priors,
    Rung,
    Series,
    cholesky_solve,
    fit_days,
    fit_nights,
)  # fmt: skip
from landsink.stations.flux.nighttime import Versions, days_of, meanings, segments
from landsink.stations.flux.prediction import predict
from landsink.stations.flux.respiration import Moving, Windows, coldness

NAMES = ("ALPHA", "BETA", "K", "RREF")
UNITS = ("umol J-1", "umol m-2 s-1", "hPa-1", "umol m-2 s-1")


class Weights(Protocol):
    """Errors (sigma) of NEE [umol m-2 s-1] from measured NEE and sampled ones, each (version, time)."""

    def __call__(self, nee: np.ndarray, sampled: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class AsSampled:
    """The spread of like records as it is; a window where any is missing weighs all alike (Lasslop et al. 2010)."""

    def __call__(self, nee: np.ndarray, sampled: np.ndarray) -> np.ndarray:
        return sampled


@dataclass(frozen=True)
class AtLeast:
    """The spread of like records; where missing `share` of the flux, at least `least` [umol m-2 s-1].

    None is below `floor` times the record's median spread, lest a few records rule a fit. Wutzler et al. 2018.
    """

    share: float = 0.2
    least: float = 0.7
    floor: float = 0.1

    def __call__(self, nee: np.ndarray, sampled: np.ndarray) -> np.ndarray:
        guess = np.maximum(np.abs(nee) * self.share, self.least)
        some = np.isfinite(sampled).any(axis=1, keepdims=True)
        middle = np.nanmedian(np.where(some, sampled, 1.0), axis=1, keepdims=True)
        return np.where(np.isfinite(sampled), np.maximum(sampled, self.floor * middle), guess)


class Origin(IntEnum):
    """Where a window's E0 comes from."""

    OWN_NIGHTS = 0
    OTHER_WINDOW = 1
    EDGE_OF_RANGE = 2
    SMOOTHED = 3
    NOWHERE = 4


class E0(Protocol):
    """How E0 [K] of each window follows from the fits to nights: (E0, SE, Origin), each (version, window).

    `place` is the day of each window, `group` (window) its segment.
    """

    def __call__(
        self, e0: np.ndarray, error: np.ndarray, place: np.ndarray, group: np.ndarray, low: float, high: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...


@dataclass(frozen=True)
class Carried:
    """A window whose E0 is out of range, or that has too few nights, takes the last one's that was in range.

    Before any was in range, it is held at the edge of the range; without nights, it takes the first E0 known.
    """

    def __call__(
        self, e0: np.ndarray, error: np.ndarray, place: np.ndarray, group: np.ndarray, low: float, high: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        value, spread = np.clip(e0, low, high), np.where((e0 >= low) & (e0 <= high), error, np.nan)
        origin = np.full(e0.shape, Origin.OWN_NIGHTS, np.int8)
        origin[(e0 < low) | (e0 > high)] = Origin.EDGE_OF_RANGE
        origin[np.isnan(e0)] = Origin.NOWHERE
        for v, part in product(range(len(e0)), np.unique(group)):
            own = np.flatnonzero(group == part)
            known = own[origin[v, own] == Origin.OWN_NIGHTS]
            if not known.size:
                continue
            last = known[np.maximum(np.searchsorted(known, own, side="right") - 1, 0)]
            without = origin[v, own] == Origin.NOWHERE
            take = without | ((origin[v, own] == Origin.EDGE_OF_RANGE) & (own > known[0]))
            value[v, own[take]], spread[v, own[take]] = value[v, last[take]], spread[v, last[take]]
            origin[v, own[take]] = Origin.OTHER_WINDOW
        return value, spread, origin


@dataclass(frozen=True)
class Smoothed:
    """E0 in range, smoothed over each year by the likeliest Gaussian process (Wutzler et al. 2018, sec. 2.3)."""

    def __call__(
        self, e0: np.ndarray, error: np.ndarray, place: np.ndarray, group: np.ndarray, low: float, high: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        value, spread = np.full((2, *e0.shape), np.nan)
        origin = np.full(e0.shape, Origin.NOWHERE, np.int8)
        sound = (e0 >= low) & (e0 <= high) & np.isfinite(error)
        years = (place // 365.25).astype(int)
        for v in range(len(e0)):
            for part in np.unique(years):
                own = np.flatnonzero(years == part)
                known = own[sound[v, own]]
                if known.size:
                    drawn = smooth(place[known], e0[v, known], error[v, known], place[own])
                    value[v, own], spread[v, own] = np.clip(drawn[0], low, high), drawn[1]
                    origin[v, own] = Origin.SMOOTHED
        return value, spread, origin


def smooth(x: np.ndarray, y: np.ndarray, error: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation at `at` of a Gaussian process through y(x) +- error, about the weighted mean.

    Squared-exponential covariance; height and reach [d] maximise the likelihood (Rasmussen & Williams 2006, ch. 5).
    """
    noise = np.maximum(error, 1e-3 * np.abs(y).max()) ** 2
    mean = np.average(y, weights=1 / noise)
    apart = (x[:, None] - x) ** 2

    lower, weight = np.zeros(apart.shape), np.empty(x.size)

    def covariance(log: np.ndarray) -> np.ndarray:
        return np.exp(2 * log[0] - apart / (2 * np.exp(2 * log[1]))) + np.diag(noise)

    # Not SciPy's: on a busy machine its threads wait for each other over such small matrices.
    def cost(log: np.ndarray) -> float:
        if not cholesky_solve(covariance(log), y - mean, 0.0, lower, weight):
            return np.inf
        return float(0.5 * (y - mean) @ weight + np.log(np.diag(lower)).sum())

    spread = max(y.std(), np.sqrt(noise.min()))
    limits = [(np.log(spread) - 4, np.log(spread) + 2), (np.log(2.0), np.log(366.0))]
    log = minimize(
        cost, [np.log(spread), np.log(30.0)], method="Nelder-Mead", bounds=limits, options={"maxiter": 60}
    ).x
    factor = cho_factor(covariance(log), lower=True)
    across = np.exp(2 * log[0] - (at[:, None] - x) ** 2 / (2 * np.exp(2 * log[1])))
    variance = np.exp(2 * log[0]) - np.einsum("ij,ji->i", across, cho_solve(factor, across.T))
    return mean + across @ cho_solve(factor, y - mean), np.sqrt(np.maximum(variance, 0))


@dataclass(frozen=True)
class DayTime:
    """A convention of day-time partitioning.

    Light responses are fitted in `windows`, from at least `records` day records; E0 from as many night records, in
    windows of each length of `nights` [d] about the same middle, the first that gives one within `low` … `high` [K],
    then chosen by `e0`. With `at_mean` parameters stand at the mean position of the window's records, else at its
    middle. With `by_year` nothing passes New Year.
    """

    darkness: Darkness
    weights: Weights
    e0: E0
    nights: tuple[float, ...]
    at_mean: bool
    by_year: bool
    windows: Moving = Moving(4, 2)
    records: int = 11
    low: float = 50.0
    high: float = 400.0
    bounds: Bounds = Bounds()
    priors: Priors = Priors()

    @classmethod
    def oneflux(cls) -> "DayTime":
        """As ONEFlux: calendar years apart, E0 from 12 days or carried on, parameters at the window's middle."""
        return cls(Light(4.0), AsSampled(), Carried(), (12,), at_mean=False, by_year=True)

    @classmethod
    def reddyproc(cls) -> "DayTime":
        """As REddyProc: the whole series, E0 from 12, 24 or 48 days, smoothed; parameters at the records' mean."""
        return cls(LightAndSun(4.0), AtLeast(), Smoothed(), (12, 24, 48), at_mean=True, by_year=False)


def _series(ds: xr.Dataset, convention: DayTime) -> tuple[Versions, Series]:
    """What the fits read. Raises DataError where NEE, TA or SW_IN is missing throughout."""
    nee = Versions.of(measured(ds, "NEE"))
    light, warmth = filled(ds, "SW_IN").values.astype(float), filled(ds, "TA").values.astype(float)
    for name, values in (("NEE", nee.values), ("SW_IN", light), ("TA", warmth)):
        if not np.isfinite(values).any():
            raise DataError(
                f"The record has no {name} at all.", "Measured NEE, with TA and SW_IN, by day and by night."
            )
    sampled = ds.get("NEE_HAT_SD", xr.full_like(measured(ds, "NEE"), np.nan))
    sigma = convention.weights(nee.values, Versions.of(sampled, measured(ds, "NEE")).values)
    time = convention.darkness(ds)
    dry = np.maximum(filled(ds, "VPD").values.astype(float) - DRY, 0.0)
    return nee, Series(nee.values, sigma, light, coldness(warmth), dry, time.day, time.night)


def _sensitivity(
    series: Series, days: np.ndarray, parts: list[slice], windows: Windows, convention: DayTime
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """(E0, SE, Origin), night records used, and a first Rref, each (version, window)."""
    base, own = convention.windows, convention.windows.length / 2
    found = None
    for length in convention.nights:
        before = (length - base.length) / 2
        around = Moving(length, base.step, base.first - before).over(days, parts, own + before)
        fits = fit_nights(series, around, convention.records, convention.priors)
        if found is None:
            found = fits
        else:
            inside = [(f[0] >= convention.low) & (f[0] <= convention.high) for f in (found, fits)]
            found = np.where(~inside[0] & inside[1], fits, found)
    assert found is not None
    place = days[np.minimum((windows.lo + windows.hi) // 2, days.size - 1)]
    e0 = convention.e0(found[0], found[1], place, windows.segment, convention.low, convention.high)
    guess = pd.DataFrame(found[3].T).ffill().bfill().values.T
    return e0, found[2], guess


def _predict(
    series: Series, parts: list[slice], windows: Windows, place: np.ndarray, e0: np.ndarray, fits: Days
) -> np.ndarray:
    """GPP, RECO, their standard errors: (4, version, time)."""
    versions, steps = series.nee.shape
    out = np.full((4, versions, steps), np.nan)
    dry = np.nan_to_num(series.dry)
    for v in range(versions):
        for number, part in enumerate(parts):
            use = np.flatnonzero((fits.fate[v] == Fate.SOUND) & (windows.segment == number))
            if use.size:
                predict(
                    series.light, series.cold, dry, part.start, part.stop, place[v, use],
                    fits.parameters[v, use], e0[v, use], fits.covariance[v, use], out[:, v],
                )  # fmt: skip
    out[:, :, ~np.isfinite(series.light) | np.isnan(series.cold)] = np.nan
    return out


def daytime(ds: xr.Dataset, convention: DayTime | None = None) -> xr.Dataset:
    """The record with GPP_DT, RECO_DT, their errors GPP_DT_SE, RECO_DT_SE [umol m-2 s-1], and all parameters.

    Reads measured NEE (on time and any further dimensions, as percentile); SW_IN, TA, VPD filled (`_F`) where the
    record has them so; NEE_HAT_SD, the spread of like records, for weights: without it all records weigh alike, or as
    the convention fills. Without VPD no window has its effect: DT_RUNG says so. Adds on `dt_window` DT_ALPHA, DT_BETA,
    DT_K, DT_RREF, DT_E0, each with _SE, DT_E0_ORIGIN, DT_N and DT_NIGHT_N (records used), DT_RUNG and DT_FATE. Standard
    errors hold E0, and any held alpha, for known and leave out the model's own error. A version or year without a sound
    window is NaN. Raises DataError where there is none at all. Lasslop et al. 2010, 10.1111/j.1365-2486.2009.02041.x.
    """
    convention = convention or DayTime.oneflux()
    nee, series = _series(ds, convention)
    parts, days = segments(year(ds), convention.by_year), days_of(ds)
    windows = convention.windows.over(days, parts, convention.windows.length / 2)
    if not windows.lo.size:
        raise DataError("The record is shorter than a window.", f"At least {convention.windows.length} days.")
    e0, nights, guess = _sensitivity(series, days, parts, windows, convention)
    fits = fit_days(series, windows, e0[0], guess, convention.records, convention.bounds, convention.priors)
    if not (fits.fate == Fate.SOUND).any():
        counts = {f.name.lower(): int((fits.fate == f).sum()) for f in Fate if f != Fate.SOUND}
        raise DataError(
            f"No window holds a sound light response: {counts}.", "One or more, and nights to learn E0 from."
        )
    middle = np.searchsorted(
        days, days[np.minimum(windows.lo, days.size - 1)] + convention.windows.length / 2 - 1e-9
    )
    place = fits.place if convention.at_mean else np.broadcast_to(middle.astype(float), fits.place.shape)
    gpp, reco, gpp_error, reco_error = _predict(series, parts, windows, place, e0[0], fits)
    notes = {
        "units": "umol m-2 s-1",
        "method": "day-time partitioning",
        "vpd": "used" if np.isfinite(series.dry).any() else "absent: no window has its effect",
        "weights": "sampled spread of NEE"
        if "NEE_HAT_SD" in ds
        else "no sampled spread of NEE in the record",
    }
    series_ = {"GPP_DT": gpp, "RECO_DT": reco, "GPP_DT_SE": gpp_error, "RECO_DT_SE": reco_error}
    products = {name: nee.back(values, "time", notes) for name, values in series_.items()}
    return _with_windows(ds.assign(products), nee, windows, e0, nights, fits)


def _with_windows(
    ds: xr.Dataset, nee: Versions, windows: Windows, e0: tuple, nights: np.ndarray, fits: Days
) -> xr.Dataset:
    """The record with every window's parameters."""
    (value, spread, origin), own = e0, "dt_window"
    begins = pd.DatetimeIndex(ds["time"].values)
    table = {
        "DT_E0": nee.back(value, own, {"units": "K"}),
        "DT_E0_SE": nee.back(spread, own, {"units": "K"}),
        "DT_E0_ORIGIN": nee.back(origin, own, meanings(Origin)),
        "DT_N": nee.back(fits.records, own),
        "DT_NIGHT_N": nee.back(nights.astype(np.int32), own),
        "DT_RUNG": nee.back(fits.rung, own, meanings(Rung)),
        "DT_FATE": nee.back(fits.fate, own, meanings(Fate)),
    }
    for k, (name, unit) in enumerate(zip(NAMES, UNITS, strict=True)):
        table[f"DT_{name}"] = nee.back(fits.parameters[..., k], own, {"units": unit})
        table[f"DT_{name}_SE"] = nee.back(fits.errors[..., k], own, {"units": unit})
    bare = ds.drop_dims([own], errors="ignore")
    return bare.assign_coords({own: begins[np.minimum(windows.lo, begins.size - 1)]}).assign(table)
