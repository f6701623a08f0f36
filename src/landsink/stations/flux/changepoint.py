"""Threshold of friction velocity by a change point [Barr2013].

The year's nights, December first, are cut into four seasons of equally many records, each into strata of air
temperature, each of these into bins of u*. In every stratum the flux is a line that rises to a change point, above
which it is flat; the change point is where that line explains most, and counts where that is more than chance would.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numba import njit
from scipy.interpolate import PchipInterpolator
from scipy.stats import f as fisher
from scipy.stats import t as student

from landsink.stations.flux.bootstrap import Year, as_they_are, years

NIGHT_BELOW = 5.0  # W m-2 of incoming shortwave
USTAR_HIGHEST = 3.0  # m s-1, above is not believed
SEASONS, STRATA_LEAST, STRATA_MOST, BINS = 4, 4, 8, 50
POINTS_LEAST = 10  # bins that a fit needs
OUTLYING = 4.0  # standard deviations of a straight line's residuals
END_SHARE, END_LEAST = 0.05, 3  # a change point this near an end is not believed
SIGNIFICANT = 0.05
ATYPICAL = 5.0  # interquartile ranges
SUCCEEDING = 0.10  # share of strata that must have a change point
MODELS = ("flat above", "sloping above")
STATISTICS = ("n", "Cp", "Fmax", "b0", "b1", "b2", "se0", "se1", "se2")

# Highest F of chance, by the number of points (rows) and the probability not to exceed it (columns).
# Flat above: simulated by Barr et al. 2013 after Wang 2003. Sloping above: Wang 2003, J. Climate 16, 3383-3385.
FLAT_CHANCE = (0.80, 0.90, 0.95, 0.99)
FLAT_F = np.array([
    [10, 3.9293, 6.2992, 9.1471, 18.2659], [15, 3.7734, 5.6988, 7.8770, 13.8100],
    [20, 3.7516, 5.5172, 7.4426, 12.6481], [30, 3.7538, 5.3224, 7.0306, 11.4461],
    [50, 3.7941, 5.3030, 6.8758, 10.6635], [70, 3.8548, 5.3480, 6.8883, 10.5026],
    [100, 3.9798, 5.4465, 6.9184, 10.4527], [150, 4.0732, 5.5235, 6.9811, 10.3859],
    [200, 4.1467, 5.6136, 7.0624, 10.5596], [300, 4.2770, 5.7391, 7.2005, 10.6871],
    [500, 4.4169, 5.8733, 7.3421, 10.6751], [700, 4.5556, 6.0591, 7.5627, 11.0072],
    [1000, 4.7356, 6.2738, 7.7834, 11.2319],
])  # fmt: skip
SLOPING_CHANCE = (0.90, 0.95, 0.99)
SLOPING_F = np.array([
    [10, 11.646, 15.559, 28.412], [20, 9.651, 11.948, 18.043], [30, 9.379, 11.396, 16.249],
    [40, 9.261, 11.148, 15.750], [50, 9.269, 11.068, 15.237], [60, 9.296, 11.072, 15.252],
    [70, 9.296, 11.059, 14.985], [80, 9.341, 11.072, 15.013], [90, 9.397, 11.080, 14.891],
    [100, 9.398, 11.085, 14.874], [150, 9.506, 11.127, 14.828], [200, 9.694, 11.208, 14.898],
    [250, 9.691, 11.310, 14.975], [300, 9.790, 11.406, 14.998], [350, 9.794, 11.392, 15.044],
    [400, 9.840, 11.416, 14.980], [450, 9.872, 11.474, 15.072], [500, 9.929, 11.537, 15.115],
    [550, 9.955, 11.552, 15.086], [600, 9.995, 11.549, 15.164], [800, 10.102, 11.673, 15.292],
    [1000, 10.169, 11.749, 15.154], [2500, 10.478, 12.064, 15.519],
])  # fmt: skip


def chance(
    highest: np.ndarray, points: np.ndarray, table: np.ndarray, known: tuple[float, ...]
) -> np.ndarray:
    """Probability (…) that chance alone gives so `highest` an F (…) from so many `points` (…); NaN where either is.

    Inside `table` monotone cubics in the number of points, then in F; outside the ordinary F distribution of 3 and n
    degrees of freedom, scaled: below to meet the table, above by the third column of either table, as the authors'
    program does (for the flat model that is not the last, so that p falls in a step there, far below any significance).
    """
    p = np.full(np.shape(highest), np.nan)
    for n in np.unique(points[np.isfinite(highest) & (points >= POINTS_LEAST)]):
        here = (points == n) & np.isfinite(highest)
        f = highest[here]
        critical = PchipInterpolator(table[:, 0], table[:, 1:])(np.clip(n, table[0, 0], table[-1, 0]))
        inside = PchipInterpolator(critical, 1 - np.asarray(known))(np.clip(f, critical[0], critical[-1]))
        low = 2 * fisher.sf(fisher.ppf(1 - (1 - known[0]) / 2, 3, n) * f / critical[0], 3, n)
        high = 2 * fisher.sf(fisher.ppf(0.995, 3, n) * f / critical[2], 3, n)
        p[here] = np.where(f < critical[0], np.minimum(low, 1.0), np.where(f > critical[-1], high, inside))
    return p


@njit(cache=True)
def percentile(ranked: np.ndarray, share: float) -> float:
    """Value at a `share` (0 to 1) of ascending `ranked` (n), its points standing in the middle of their n-ths."""
    at = share * ranked.size - 0.5
    if at <= 0:
        return ranked[0]
    if at >= ranked.size - 1:
        return ranked[-1]
    low = int(at)
    return ranked[low] + (at - low) * (ranked[low + 1] - ranked[low])


@njit(cache=True)
def bin_means(ustar: np.ndarray, nee: np.ndarray, per_bin: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean u* and NEE (bin) of bins of `per_bin` records, cut by percentiles of u* (n); both bounds belong to a bin."""
    order = np.argsort(ustar)
    u, f = ustar[order], nee[order]
    bins = u.size // per_bin
    x, y, k = np.empty(bins), np.empty(bins), 0
    for i in range(bins):
        low, high = percentile(u, i / bins), percentile(u, (i + 1) / bins)
        a, b = np.searchsorted(u, low, side="left"), np.searchsorted(u, high, side="right")
        if b - a >= per_bin:
            x[k], y[k] = u[a:b].mean(), f[a:b].mean()
            k += 1
    return x[:k], y[:k]


@njit(cache=True)
def line(z: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    """(b0, b1, sum of squared residuals, spread of z) of y = b0 + b1 z (n); b1 is 0 where z does not vary."""
    dz, mean = z - z.mean(), y.mean()
    spread = (dz * dz).sum()
    slope = (dz * (y - mean)).sum() / spread if spread > 1e-20 * z.size else 0.0
    rest = y - mean - slope * dz
    return mean - slope * z.mean(), slope, (rest * rest).sum(), spread


@njit(cache=True)
def bent(x: np.ndarray, y: np.ndarray, at: int) -> tuple[np.ndarray, float, np.ndarray]:
    """(b0, b1, b2), sum of squared residuals and the three's unit variances of y = b0 + b1 x + b2 max(x - x[at], 0).

    A bend that the points cannot tell from a straight line has b2 = 0 and no variance.
    """
    n = x.size
    w = np.zeros(n)
    w[at + 1 :] = x[at + 1 :] - x[at]
    dx, dw, dy = x - x.mean(), w - w.mean(), y - y.mean()
    xx, ww, xw = (dx * dx).sum(), (dw * dw).sum(), (dx * dw).sum()
    xy, wy = (dx * dy).sum(), (dw * dy).sum()
    det = xx * ww - xw * xw
    if not det > 1e-12 * xx * ww:
        b0, b1, rest, _ = line(x, y)
        return np.array([b0, b1, 0.0]), rest, np.full(3, np.nan)
    b1, b2 = (ww * xy - xw * wy) / det, (xx * wy - xw * xy) / det
    r = dy - b1 * dx - b2 * dw
    mx, mw = x.mean(), w.mean()
    v0 = 1 / n + (mx * mx * ww - 2 * mx * mw * xw + mw * mw * xx) / det
    return np.array([y.mean() - b1 * mx - b2 * mw, b1, b2]), (r * r).sum(), np.array([v0, ww / det, xx / det])


@njit(cache=True)
def within_line(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """True (n) where a point lies within four standard deviations of the straight line through all."""
    b0, b1, _, _ = line(x, y)
    rest = y - b0 - b1 * x
    rest = rest - rest.mean()
    return ~(np.abs(rest) > OUTLYING * np.sqrt((rest * rest).sum() / (x.size - 1)))


@njit(cache=True)
def change_points(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """STATISTICS (model, statistic) of both models on points (n) ascending in x; NaN where nothing is found.

    Fmax is NaN where the change point lies too near an end. se are standard errors of the b.
    """
    out = np.full((2, 9), np.nan)
    if x.size < POINTS_LEAST:
        return out
    keep = within_line(x, y)
    x, y = x[keep], y[keep]
    n = x.size
    if n < POINTS_LEAST:
        return out
    out[:, 0] = n
    straight = line(x, y)[2]
    level = ((y - y.mean()) ** 2).sum()
    best, at = np.full(2, -np.inf), np.zeros(2, np.int64)
    for i in range(n - 1):
        z = x.copy()
        z[i + 1 :] = x[i]
        flat, sloping = line(z, y)[2], bent(x, y, i)[1]
        for model, f in enumerate(
            ((level - flat) / flat * (n - 2), (straight - sloping) / sloping * (n - 3))
        ):
            if f > best[model]:
                best[model], at[model] = f, i
    margin = max(int(END_SHARE * n), END_LEAST)
    for model in range(2):
        i = at[model]
        if not margin < i + 1 < n - margin:
            continue
        out[model, 1], out[model, 2] = x[i], best[model]
        if model == 0:
            z = x.copy()
            z[i + 1 :] = x[i]
            b0, b1, rest, spread = line(z, y)
            scale = np.sqrt(rest / (n - 2))
            out[0, 3], out[0, 4] = b0, b1
            out[0, 6], out[0, 7] = scale * np.sqrt(1 / n + z.mean() ** 2 / spread), scale / np.sqrt(spread)
        else:
            b, rest, variance = bent(x, y, i)
            out[1, 3:6] = b
            out[1, 6:9] = np.sqrt(rest / (n - 3) * variance)
    return out


@njit(cache=True)
def drawn_change_points(
    ta: np.ndarray, ustar: np.ndarray, nee: np.ndarray, usable: np.ndarray, drawn: np.ndarray, per_bin: int
) -> np.ndarray:
    """STATISTICS (draw, season, stratum, model, statistic) of every draw of a year's records (n), in their order.

    drawn: indices (draw, n), ascending. Strata that a season does not have, and draws with too few records, are NaN.
    """
    out = np.full((drawn.shape[0], SEASONS, STRATA_MOST, 2, 9), np.nan)
    for d in range(drawn.shape[0]):
        rows = drawn[d][usable[drawn[d]]]
        if rows.size < SEASONS * STRATA_LEAST * BINS * per_bin:
            continue
        size = int(np.floor(rows.size / SEASONS + 0.5))
        for s in range(SEASONS):
            of = rows[s * size :] if s == SEASONS - 1 else rows[s * size : (s + 1) * size]
            strata = min(max(of.size // (BINS * per_bin), STRATA_LEAST), STRATA_MOST)
            ranked = np.sort(ta[of])
            for k in range(strata):
                low, high = percentile(ranked, k / strata), percentile(ranked, (k + 1) / strata)
                r = of[(ta[of] >= low) & (ta[of] <= high)]
                x, y = bin_means(ustar[r], nee[r], per_bin)
                out[d, s, k] = change_points(x, y)
                out[d, s, k, :, 0] = np.where(np.isnan(out[d, s, k, :, 0]), 0, out[d, s, k, :, 0])
    return out


@dataclass(frozen=True)
class ChangePoint:
    """What differs between the method as ONEFlux runs it and as it is meant.

    each_statistic: an atypical stratum is found by each of change point, slope and the slope's uncertainty against its
    own median; else the change point is held against the medians of all three, as the program in use does.
    """

    each_statistic: bool = False

    @classmethod
    def oneflux(cls) -> "ChangePoint":
        """As ONEFlux runs the program of Barr et al. 2013."""
        return cls()

    @classmethod
    def barr(cls) -> "ChangePoint":
        """As Barr et al. 2013 describe it."""
        return cls(each_statistic=True)

    needs = "Some 4000 night records a year (2400 if hourly), whose NEE rises with u*"

    def label(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(calendar year, 0) of each time (n): the seasons follow from the number of records."""
        year = time.astype("datetime64[Y]").astype(int) + 1970
        return year, np.zeros_like(year)

    def strata(self, season: np.ndarray) -> np.ndarray:
        """A bootstrap draws from the whole year: one group for all records (n)."""
        return np.zeros_like(season)

    def evaluate(self, year: Year, drawn: np.ndarray) -> xr.Dataset:
        """Thresholds (draw) of one year from the records `drawn`, indices into `year`; see `change_point`."""
        december = year.time.astype("datetime64[M]").astype(int) % 12 == 11
        order = np.argsort(~december, kind="stable")  # December leads the winter that it belongs to
        place = np.argsort(order)
        usable = year.night(NIGHT_BELOW) & (year.ustar >= 0) & (year.ustar <= USTAR_HIGHEST)
        per_bin = 3 if year.per_day == 24 else 5
        records, need = int(usable.sum()), SEASONS * STRATA_LEAST * BINS * per_bin
        usable = usable & (records >= need)
        found = drawn_change_points(
            year.ta[order],
            year.ustar[order],
            year.nee[order],
            usable[order],
            np.sort(place[drawn], axis=1),
            per_bin,
        )
        values = {name: found[..., i] for i, name in enumerate(STATISTICS)}
        p = [
            chance(values["Fmax"][..., 0], values["n"][..., 0], FLAT_F, FLAT_CHANCE),
            chance(values["Fmax"][..., 1], values["n"][..., 1], SLOPING_F, SLOPING_CHANCE),
        ]
        values["p"] = np.stack(p, axis=-1)
        kept, said = self.kept(values, len(drawn))
        said += f"; {records} night records with NEE, TA and u*" + (
            "." if records >= need else f", {need} are needed."
        )
        cp = np.where(kept, values["Cp"][..., 0], np.nan)
        count = kept.sum(axis=(1, 2))
        mean = np.where(count > 0, np.nansum(cp, axis=(1, 2)) / np.maximum(count, 1), np.nan)
        dims = ("draw", "season", "stratum", "model")
        return xr.Dataset(
            {"USTAR_THRESHOLD": ("draw", mean), "KEPT": (dims[:-1], kept), "STATEMENT": ((), said)}
            | {name: (dims, value) for name, value in values.items()},
            coords={"model": list(MODELS)},
        )

    def kept(self, values: dict[str, np.ndarray], draws: int) -> tuple[np.ndarray, str]:
        """Strata (draw, season, stratum) whose flat model's change point counts, none if too few; and a sentence."""
        cp, b1, se, p, n = (values[name][..., 0] for name in ("Cp", "b1", "se1", "p", "n"))
        significant = p <= SIGNIFICANT
        rising, falling = significant & (b1 >= 0), significant & (b1 < 0)
        kept = rising if rising.sum() >= falling.sum() else falling
        tried = np.isfinite(n).sum()
        if tried and kept.sum() < SUCCEEDING * tried:
            share = f"{kept.sum()} of {tried} strata have a significant change point"
            return np.zeros_like(kept), f"less than 10 % successful detections: {share}"
        width = se * student.ppf(0.975, np.maximum(n - 2, 1))
        counted = np.where(significant, cp, np.nan)
        far = np.zeros(cp.shape)
        for statistic in (counted, b1, width):
            known = np.sort(statistic[np.isfinite(statistic)])
            if known.size:
                spread = percentile(known, 0.75) - percentile(known, 0.25)
                away = np.abs((statistic if self.each_statistic else counted) - np.median(known))
                far = np.fmax(far, away / spread)
        kept = kept & ~(far > ATYPICAL)
        said = f"selected change points: {kept.sum()} of at least {SEASONS * draws}"
        if kept.sum() < SEASONS * draws:
            return np.zeros_like(kept), "too few " + said
        return kept, said


def change_point(ds: xr.Dataset, convention: ChangePoint | None = None) -> xr.Dataset:
    """Thresholds of u* [m s-1] by change points, on the data as they are.

    ds: a record with NEE [umol m-2 s-1], TA [degC], USTAR [m s-1] and SW_IN [W m-2] (or PPFD_IN) on `time`.
    What is filled (`<X>_QC` above 0) takes no part.

    Gives USTAR_THRESHOLD (year), the mean of the change points that count (KEPT); of each season, stratum and model n,
    Cp [m s-1], Fmax, p, b0, b1, b2 and their standard errors; and STATEMENT (year).

    Raises DataError where a variable is absent or empty, where there is no night, or where no year gives a threshold.
    Source: Barr et al. 2013, 10.1016/j.agrformet.2012.09.023; Lund & Reeves 2002; Wang 2003.
    """
    return years(ds, convention or ChangePoint.oneflux(), as_they_are).isel(draw=0)
