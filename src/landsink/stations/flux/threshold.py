"""Threshold of friction velocity by a moving point [Reichstein2005, Papale2006].

At night the ecosystem's release of carbon does not depend on turbulence, but what a tower sees of it does: below some
friction velocity u* it sees too little. Within a season the night's records are cut into classes of air temperature,
each of them into classes of u*; the threshold is the lowest u* class from which on the flux no longer rises.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import xarray as xr
from jaxtyping import Int
from numba import njit

from landsink.stations.flux.bootstrap import NIGHT_BELOW, Year, as_they_are, years
from landsink.stations.flux.seasons import Seasons

TEMPERATURE_CLASSES, USTAR_CLASSES = 7, 20
CLASS_RECORDS = 100  # fewest of a temperature class
YEAR_RECORDS = 3000  # fewest of a year whose seasons stand alone
CORRELATION = 0.5  # highest of temperature and u* within a class
CALM = 0.2  # m s-1, the lowest u* class must lie below
WINDOW = 10  # classes above, whose mean is the plateau
CONSECUTIVE = 2  # classes in a row that must reach it


class Reason(IntEnum):
    """Why a temperature class gave no threshold."""

    FOUND = 0
    SEASON_TOO_SHORT = 1
    CLASS_TOO_SMALL = 2
    TURBULENCE_FOLLOWS_TEMPERATURE = 3
    NEVER_CALM = 4
    NO_PLATEAU = 5


REASON_FLAGS = {
    "flag_values": np.array(list(Reason), np.int8),
    "flag_meanings": " ".join(r.name.lower() for r in Reason),
}


@dataclass(frozen=True)
class MovingPoint:
    """What differs between tools that follow the same papers.

    seasons: how the year is cut. ratio: a class is on the plateau where its flux reaches this share of the mean of
    those above. above: classes that must lie above the threshold. succeeding: share of the temperature classes that
    must give a threshold, else the season gives none. daylight_counts: daytime records help a year to the number from
    which its seasons stand alone (else the year is one season). consecutive_fill: the u* classes are filled one after
    the other, a short rest joining the last; else their bounds lie at fixed ranks. within_season: a bootstrap draws
    each season's records from that season, else from the whole year.
    """

    needs = "A season with some 700 night records, calm and windy ones among them"

    seasons: Seasons = field(default_factory=Seasons.quarters)
    ratio: float = 1.0
    above: int = 2
    succeeding: float = 0.0
    daylight_counts: bool = True
    consecutive_fill: bool = False
    within_season: bool = False

    @classmethod
    def oneflux(cls) -> "MovingPoint":
        """As ONEFlux's forward mode 2 [Pastorello2020]."""
        return cls()

    @classmethod
    def reddyproc(cls) -> "MovingPoint":
        """As REddyProc's default [Wutzler2018]."""
        return cls(Seasons.meteorological(), 0.95, 3, 0.2, False, True, True)

    def label(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(year that a record counts for, season) of each time (n)."""
        return self.seasons.of(time)

    def strata(self, season: np.ndarray) -> np.ndarray:
        """What a bootstrap keeps the size of: the season of each record (n), or one for all."""
        return season if self.within_season else np.zeros_like(season)

    def evaluate(self, year: Year, drawn: Int[np.ndarray, "draw n"]) -> xr.Dataset:
        """Thresholds (draw) of one year from the records `drawn`, indices into `year`; see `moving_point`."""
        usable = year.night(NIGHT_BELOW)
        daylight = np.zeros(len(drawn), np.int64)
        if self.daylight_counts:
            daylight = (~(year.radiation < NIGHT_BELOW))[drawn].sum(axis=1)
        found, why, records = drawn_thresholds(
            year.ta, year.ustar, year.nee, np.where(usable, year.season, -1), drawn, daylight,
            len(self.seasons.names), self.consecutive_fill, self.ratio, self.above,
        )  # fmt: skip
        season = quiet_median(found)
        share = np.isfinite(found).sum(axis=-1) / TEMPERATURE_CLASSES
        season = np.where(share >= self.succeeding, season, np.nan)
        highest = np.fmax.reduce(season, axis=-1)
        return xr.Dataset(
            {
                "USTAR_THRESHOLD": ("draw", highest),
                "USTAR_THRESHOLD_SEASON": (("draw", "season"), season),
                "USTAR_THRESHOLD_CLASS": (("draw", "season", "temperature_class"), found),
                "USTAR_REASON": (("draw", "season", "temperature_class"), why, REASON_FLAGS),
                "NIGHT_RECORDS": (("draw", "season"), records),
                "STATEMENT": ((), statement(why, records, highest)),
            },
            coords={"season": list(self.seasons.names)},
        )


@njit(cache=True)
def equal_classes(values: np.ndarray, classes: int, skip: bool) -> np.ndarray:
    """Bounds (classes + 1) of equally filled classes of ascending `values` (n); class i is bounds[i]:bounds[i+1].

    Equal values never straddle a bound: a class ends where its last value does. Where a run of equal values has eaten
    the next class up, that one stays empty (`skip` False) or takes the next run (`skip` True).
    """
    n = values.size
    size = n // classes
    bounds = np.full(classes + 1, n)
    bounds[0] = 0
    for i in range(classes - 1):
        start, end = bounds[i], size * (i + 1)
        if start >= n:
            break
        last = values[end - 1]
        while end < n and (values[end] == last or (skip and end == start)):
            last = values[end]
            end += 1
        bounds[i + 1] = end
    return bounds


@njit(cache=True)
def consecutive_classes(values: np.ndarray, classes: int) -> np.ndarray:
    """Bounds (classes + 1) of classes of ascending `values` (n) filled one after the other.

    Each takes its equal share of n, and further what equals its last value; a rest smaller than a share joins the class
    before it, and classes beyond stay empty.
    """
    n = values.size
    share = n // classes
    bounds = np.full(classes + 1, n)
    bounds[0] = 0
    for i in range(classes - 1):
        end = bounds[i] + share
        if end >= n:
            break
        while end < n and values[end] == values[end - 1]:
            end += 1
        bounds[i + 1] = n if n - end < share else end
    return bounds


@njit(cache=True)
def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's r of x and y (n); NaN where one of them does not vary."""
    dx, dy = x - x.mean(), y - y.mean()
    spread = np.sqrt((dx * dx).sum()) * np.sqrt((dy * dy).sum())
    return (dx * dy).sum() / spread if spread > 0 else np.nan


@njit(cache=True)
def plateau_start(flux: np.ndarray, ratio: float, above: int) -> int:
    """Lowest class from which `flux` (class, ascending u*) lies on its plateau, or -1.

    Two classes in a row must reach `ratio` times the mean of the up to ten classes above each; `above` classes at least
    must lie above the first.
    """
    k = flux.size
    for i in range(k - max(above, CONSECUTIVE)):
        reached = True
        for j in range(i, i + CONSECUTIVE):
            reached = reached and flux[j] >= ratio * flux[j + 1 : j + 1 + WINDOW].mean()
        if reached:
            return i
    return -1


@njit(cache=True)
def class_threshold(
    ta: np.ndarray, ustar: np.ndarray, nee: np.ndarray, consecutive: bool, ratio: float, above: int
) -> tuple[float, int]:
    """(u* threshold [m s-1] or NaN, Reason) of one temperature class; all arguments (record)."""
    if ta.size < CLASS_RECORDS:
        return np.nan, 2
    r = correlation(ta, ustar)
    if not abs(r) <= CORRELATION:
        return np.nan, 3
    order = np.argsort(ustar)
    u, f = ustar[order], nee[order]
    if consecutive:
        bounds = consecutive_classes(u, USTAR_CLASSES)
    else:
        bounds = equal_classes(u, USTAR_CLASSES, True)
    filled = 0
    mean_u, mean_f = np.empty(USTAR_CLASSES), np.empty(USTAR_CLASSES)
    for i in range(USTAR_CLASSES):
        if bounds[i + 1] > bounds[i]:
            mean_u[filled] = u[bounds[i] : bounds[i + 1]].mean()
            mean_f[filled] = f[bounds[i] : bounds[i + 1]].mean()
            filled += 1
    if mean_u[0] > CALM:
        return np.nan, 4
    at = plateau_start(mean_f[:filled], ratio, above)
    return (mean_u[at], 0) if at >= 0 else (np.nan, 5)


@njit(cache=True)
def season_thresholds(
    ta: np.ndarray, ustar: np.ndarray, nee: np.ndarray, consecutive: bool, ratio: float, above: int
) -> tuple[np.ndarray, np.ndarray]:
    """(thresholds [m s-1], Reasons) of a season's temperature classes (7) from its night records (record)."""
    found, why = np.full(TEMPERATURE_CLASSES, np.nan), np.full(TEMPERATURE_CLASSES, 1, np.int8)
    if ta.size < CLASS_RECORDS * TEMPERATURE_CLASSES:
        return found, why
    order = np.argsort(ta)
    t, u, f = ta[order], ustar[order], nee[order]
    bounds = equal_classes(t, TEMPERATURE_CLASSES, False)
    for i in range(TEMPERATURE_CLASSES):
        a, b = bounds[i], bounds[i + 1]
        found[i], why[i] = class_threshold(t[a:b], u[a:b], f[a:b], consecutive, ratio, above)
    return found, why


@njit(cache=True)
def drawn_thresholds(
    ta: np.ndarray,
    ustar: np.ndarray,
    nee: np.ndarray,
    season: np.ndarray,
    drawn: np.ndarray,
    daylight: np.ndarray,
    seasons: int,
    consecutive: bool,
    ratio: float,
    above: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(thresholds, Reasons, night records) of every draw (draw, season, temperature class | -) of a year's records (n).

    season: of each record (n), negative where it is not usable. drawn: indices (draw, n). daylight: records (draw) that
    help the year to seasons of its own. A year that is one season gives its result to all of them.
    """
    found = np.full((drawn.shape[0], seasons, TEMPERATURE_CLASSES), np.nan)
    why = np.full((drawn.shape[0], seasons, TEMPERATURE_CLASSES), 1, np.int8)
    records = np.zeros((drawn.shape[0], seasons), np.int64)
    for d in range(drawn.shape[0]):
        rows = drawn[d][season[drawn[d]] >= 0]
        of = season[rows]
        for s in range(seasons):
            records[d, s] = (of == s).sum()
        alone = rows.size + daylight[d] >= YEAR_RECORDS
        alone = alone and records[d].max() >= CLASS_RECORDS * TEMPERATURE_CLASSES
        if alone:
            for s in range(seasons):
                r = rows[of == s]
                found[d, s], why[d, s] = season_thresholds(ta[r], ustar[r], nee[r], consecutive, ratio, above)
        else:
            whole, reasons = season_thresholds(ta[rows], ustar[rows], nee[rows], consecutive, ratio, above)
            for s in range(seasons):
                found[d, s], why[d, s] = whole, reasons
    return found, why, records


def quiet_median(values: np.ndarray) -> np.ndarray:
    """Median over the last axis (…, n), NaN left out; NaN where nothing is left."""
    counts = np.isfinite(values).sum(axis=-1)
    ranked = np.sort(values, axis=-1)  # NaN stand last
    low, high = np.maximum((counts - 1) // 2, 0), np.minimum(counts // 2, values.shape[-1] - 1)
    pick = [np.take_along_axis(ranked, k[..., None], axis=-1)[..., 0] for k in (low, high)]
    return np.where(counts > 0, 0.5 * (pick[0] + pick[1]), np.nan)


def statement(why: np.ndarray, records: np.ndarray, highest: np.ndarray) -> str:
    """What became of a year, in a sentence: draws with a threshold, and how its temperature classes ended."""
    count = np.isfinite(highest).sum()
    text = f"{count} of {highest.size} draws gave a threshold"
    if highest.size == 1:
        text = "a threshold" if count else "no threshold"
    counts = np.bincount(why.ravel(), minlength=len(Reason))
    reasons = ", ".join(f"{r.name.lower().replace('_', ' ')} {counts[r]}" for r in Reason if counts[r])
    return f"{text}; {np.median(records.sum(axis=-1)):.0f} night records; temperature classes: {reasons}."


def moving_point(ds: xr.Dataset, convention: MovingPoint | None = None) -> xr.Dataset:
    """Thresholds of u* [m s-1] by the moving point, on the data as they are.

    ds: a record with NEE [umol m-2 s-1], TA [degC], USTAR [m s-1] and SW_IN [W m-2] (or PPFD_IN) on `time`.
    What is filled (`<X>_QC` above 0) takes no part.

    Gives USTAR_THRESHOLD (year), the highest of the seasons; USTAR_THRESHOLD_SEASON (year, season), the median of the
    temperature classes; USTAR_THRESHOLD_CLASS and USTAR_REASON (year, season, temperature_class), and STATEMENT (year).

    Raises DataError where a variable is absent or empty, where there is no night, or where no year gives a threshold.
    Sources: Reichstein et al. 2005, 10.1111/j.1365-2486.2005.001002.x; Papale et al. 2006, 10.5194/bg-3-571-2006.
    """
    result = years(ds, convention or MovingPoint.oneflux(), as_they_are)
    return result.isel(draw=0)
