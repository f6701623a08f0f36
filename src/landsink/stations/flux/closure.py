"""Energy balance closure: what LE and H would be if they made up for all available energy, at an unchanged Bowen
ratio.

A factor CF = (NETRAD - G) / (H + LE) is formed wherever all four are there (LE and H measured, or filled well) and
lies within 1.5 interquartile ranges of the record's median. Then, for each step (Pastorello et al. 2020,
doi:10.1038/s41597-020-0534-3):

1. median and quartiles of CF * LE and CF * H over the factors of +-15 days that belong to the hours around midnight
   and noon, when little heat goes into or out of the canopy; five factors at least;
2. else the mean factor of method 1 within +-5 days and +-1 hour;
3. else the same in the years before and after, then in those two years away;
0. else none: no corrected value.

The percentile is the sorted value number floor(p n), as ONEFlux counts: with an even number the upper of the middle
two.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int
from numba import njit

from landsink.core.errors import DataError
from landsink.stations.flux import clock

GOOD = 1  # the worst class of fill from which a factor may be formed
FLUXES = ("LE", "H")


@dataclass(frozen=True)
class Closure:
    """How far each method looks; the defaults are FLUXNET's for half-hours."""

    days: int = 15  # method 1, to either side
    night: tuple[float, float] = (22.0, 2.5)  # ends of intervals [h], both included
    noon: tuple[float, float] = (10.0, 14.5)
    least: int = 5
    near_days: int = 5  # methods 2 and 3
    near_hours: float = 1.0
    spread: float = 1.5  # interquartile ranges
    years: tuple[int, ...] = (1, 2)

    def __post_init__(self) -> None:
        if self.least < 1 or self.days < 1:
            raise DataError(
                f"A window of {self.days} days with {self.least} factors.", "One of each at least."
            )


def balance(ds: xr.Dataset) -> dict[str, float]:
    """How well a record closes: `n` steps with all four terms measured, `ratio` sum(H + LE) / sum(NETRAD - G), and
    the least-squares line of H + LE on NETRAD - G: `slope`, `intercept` [W m-2], `r2` (Wilson et al. 2002).

    Raises DataError where a term is missing or fewer than two steps have all four.
    """
    energy, heat = _terms(ds)
    both = np.isfinite(energy) & np.isfinite(heat)
    x, y = energy[both], heat[both]
    if x.size < 2 or np.ptp(x) == 0:
        raise DataError(f"{x.size} steps have NETRAD, G, H and LE.", "Two different ones at least.")
    slope, intercept = np.polyfit(x, y, 1)
    return {
        "n": float(x.size),
        "ratio": float(y.sum() / x.sum()),
        "slope": float(slope),
        "intercept": float(intercept),
        "r2": float(np.corrcoef(x, y)[0, 1] ** 2) if np.ptp(y) > 0 else np.nan,
    }


def _terms(ds: xr.Dataset) -> tuple[Float[np.ndarray, " time"], Float[np.ndarray, " time"]]:
    """(NETRAD - G, H + LE) [W m-2], NaN where a flux was filled poorly."""
    need = {"NETRAD": ("NETRAD",), "G": ("G_F_MDS", "G"), "LE": ("LE_F_MDS", "LE"), "H": ("H_F_MDS", "H")}
    chosen = {key: next((n for n in names if n in ds), "") for key, names in need.items()}
    absent = [key for key, name in chosen.items() if not name or not np.isfinite(ds[name].values).any()]
    if absent:
        raise DataError(
            f"The energy balance lacks {', '.join(absent)}.",
            "NETRAD, G, LE and H.",
            "Without them LE and H stay as measured.",
        )
    net, ground = ds[chosen["NETRAD"]].values, ds[chosen["G"]].values
    return net - ground, _good(ds, chosen["H"]) + _good(ds, chosen["LE"])


def _good(ds: xr.Dataset, name: str) -> Float[np.ndarray, " time"]:
    quality = f"{name}_QC"
    return np.where(ds[quality].values <= GOOD, ds[name].values, np.nan) if quality in ds else ds[name].values


def factors(
    energy: Float[np.ndarray, " time"], heat: Float[np.ndarray, " time"], spread: float = 1.5
) -> Float[np.ndarray, " time"]:
    """energy / heat where it is no outlier: within `spread` interquartile ranges of the median; else NaN."""
    ratio = np.divide(energy, heat, out=np.full(energy.size, np.nan), where=heat != 0)
    there = np.sort(ratio[np.isfinite(ratio)])
    if there.size == 0:
        return ratio
    low, high = (there[min(int(p * there.size), there.size - 1)] for p in (0.25, 0.75))
    reach = spread * (high - low)
    middle = np.median(there)
    return np.where(np.abs(ratio - middle) <= reach, ratio, np.nan)


@njit(cache=True)
def _enter(ranked, size, value):
    """Puts a value into its place among the first `size` of a sorted array."""
    place = np.searchsorted(ranked[:size], value)
    for k in range(size, place, -1):
        ranked[k] = ranked[k - 1]
    ranked[place] = value


@njit(cache=True)
def _leave(ranked, size, value):
    """Takes a value that is among the first `size` of a sorted array out of it."""
    for k in range(np.searchsorted(ranked[:size], value), size - 1):
        ranked[k] = ranked[k + 1]


@njit(cache=True)
def _windows(factor, flux, before, after, least):
    """(low, middle, high) of factor * flux over the factors of each window, and how many there were."""
    size = flux.size
    out, count = np.full((3, size), np.nan), np.zeros(size, np.int64)
    at = np.flatnonzero(np.isfinite(factor))
    ranked = np.empty(at.size)
    first = last = 0
    for i in range(size):
        while last < at.size and at[last] < i + after:
            _enter(ranked, last - first, factor[at[last]])
            last += 1
        while first < last and at[first] < i - before:
            _leave(ranked, last - first, factor[at[first]])
            first += 1
        n = last - first
        count[i] = n
        if n < least or not np.isfinite(flux[i]):
            continue
        for k, p in enumerate((0.25, 0.5, 0.75)):
            place = min(int(p * n), n - 1)
            # Times a negative flux the order turns round.
            out[k, i] = flux[i] * (ranked[place] if flux[i] >= 0 else ranked[n - 1 - place])
    return out, count


@njit(cache=True)
def _near(ratio, wanted, shifts, days, reach, daily):
    """Mean ratio (and how many) at the same hour, +- `reach`, of the `days` around i + shift, over all shifts."""
    size = ratio.size
    mean, count = np.full(size, np.nan), np.zeros(size, np.int64)
    for i in np.flatnonzero(wanted):
        total, n = 0.0, 0
        for shift in shifts:
            for day in range(-days, days + 1):
                for step in range(-reach, reach + 1):
                    j = i + shift + day * daily + step
                    if 0 <= j < size and np.isfinite(ratio[j]):
                        total += ratio[j]
                        n += 1
        if n > 0:
            mean[i], count[i] = total / n, n
    return mean, count


@dataclass(frozen=True)
class Corrected:
    """A flux corrected: 25th percentile, median and 75th (percentile, time), the method and the number of factors."""

    values: Float[np.ndarray, "percentile time"]
    method: Int[np.ndarray, " time"]
    count: Int[np.ndarray, " time"]


def corrected(
    factor: Float[np.ndarray, " time"],
    flux: Float[np.ndarray, " time"],
    steps: int,
    rule: Closure,
    before: int,
    after: int,
) -> Corrected:
    """One flux by the three methods; `factor` is NaN outside the hours that method 1 takes, `steps` are steps a day."""
    values, count = _windows(factor, flux, before, after, rule.least)
    method = np.where(np.isfinite(values[1]), 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((method == 1) & (flux != 0), values[1] / flux, np.nan)
    reach = round(rule.near_hours * steps / 24) if steps > 1 else 0
    tries = [(2, (0,)), *((3, (-365 * k * steps, 365 * k * steps)) for k in rule.years)]
    for number, shifts in tries:
        open_ = (method == 0) & np.isfinite(flux)
        mean, found = _near(ratio, open_, np.array(shifts), rule.near_days, reach, steps)
        taken = open_ & np.isfinite(mean)
        values[1, taken] = mean[taken] * flux[taken]
        method[taken], count[taken] = number, found[taken]
    count[method == 0] = 0
    return Corrected(values, method, count)


def closed(ds: xr.Dataset, rule: Closure = Closure()) -> xr.Dataset:
    """The record with LE_CORR, H_CORR, their _25 and _75 (method 1 only), EBC_CF_METHOD and EBC_CF_N (all on `time`).

    Filled fluxes (LE_F_MDS, H_F_MDS) are corrected where there are any, else LE and H. Raises DataError where NETRAD,
    G, LE or H is not there at all, or never all four at once.
    """
    steps = clock.per_day(ds)
    energy, heat = _terms(ds)
    factor = np.where(_calm(ds, rule), factors(energy, heat, rule.spread), np.nan)
    _some(factor)
    window = rule.days * steps
    # ONEFlux's window begins a step early and ends a step early, and an hourly one does not begin early.
    before, after = window + (1 if steps > 24 else 0), window
    return _with(
        ds, {name: corrected(factor, _flux(ds, name), steps, rule, before, after) for name in FLUXES}
    )


def closed_days(daily: xr.Dataset, ds: xr.Dataset, rule: Closure = Closure(days=7)) -> xr.Dataset:
    """Days (as `aggregate.days` makes them of `ds`) with daily corrections: factors from the days' means, of days of
    which at least half the steps have all four terms, +-7 days; then methods 2 and 3 in +-5 days. Weeks and months
    are their means.
    """
    energy, heat = _terms(ds)
    whole = np.isfinite(energy) & np.isfinite(heat)
    days = daily["time"].values.astype("datetime64[D]")
    group = np.searchsorted(days, ds["time"].values.astype("datetime64[D]"))
    if days.size == 0 or group.max() >= days.size:
        raise DataError("The days do not cover the record.", "All of aggregate.days(ds).")
    number = np.bincount(group, whole, minlength=days.size)
    enough = number >= 0.5 * clock.per_day(ds)
    sums = [np.bincount(group, np.where(whole, x, 0.0), minlength=days.size) for x in (energy, heat)]
    factor = factors(*(np.where(enough, x / np.maximum(number, 1), np.nan) for x in sums), rule.spread)
    _some(factor)
    return _with(
        daily, {n: corrected(factor, _flux(daily, n), 1, rule, rule.days, rule.days + 1) for n in FLUXES}
    )


def _some(factor: Float[np.ndarray, " time"]) -> None:
    if not np.isfinite(factor).any():
        raise DataError(
            "NETRAD, G, LE and H are never there at once.",
            "Some steps with all four, measured or filled well.",
        )


def _calm(ds: xr.Dataset, rule: Closure) -> Bool[np.ndarray, " time"]:
    """Steps whose END lies in the hours around midnight and noon (what is said of hours in FLUXNET is said of ends)."""
    end = (clock.hour(ds) + clock.step_seconds(ds) / 3600) % 24
    late, early = rule.night
    return (end >= late) | (end <= early) | ((end >= rule.noon[0]) & (end <= rule.noon[1]))


def _flux(ds: xr.Dataset, name: str) -> Float[np.ndarray, " time"]:
    return ds[f"{name}_F_MDS" if f"{name}_F_MDS" in ds else name].values.astype(float)


def _with(ds: xr.Dataset, results: dict[str, Corrected]) -> xr.Dataset:
    made = {}
    for name, result in results.items():
        for k, end in enumerate(("_25", "", "_75")):
            long = f"{name} corrected for the energy balance{f', {end[1:]}th percentile' if end else ''}"
            made[f"{name}_CORR{end}"] = ("time", result.values[k], {"units": "W m-2", "long_name": long})
    # The method is the same for both fluxes except where one of them is missing.
    lead = results["LE"]
    other = results["H"]
    method = np.where(lead.method > 0, lead.method, other.method).astype(np.int8)
    attrs = {
        "long_name": "how the energy balance was closed",
        "flag_values": np.arange(4, dtype=np.int8),
        "flag_meanings": "not_corrected factors_of_the_window factors_near_by factors_of_other_years",
    }
    made["EBC_CF_METHOD"] = ("time", method, attrs)
    made["EBC_CF_N"] = (
        "time",
        np.where(lead.method > 0, lead.count, other.count).astype(np.int32),
        {"long_name": "factors used"},
    )
    return ds.assign(made)
