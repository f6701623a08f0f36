"""NEE, light, dryness and temperature (Lasslop et al. 2010), and its fits within moving windows.

    NEE = -GPP + Rref LT(T; E0),   GPP = alpha b S / (alpha S + b),   b = beta exp(-k max(VPD - 10, 0))

S is SW_IN [W m-2], VPD in hPa, LT the curve of Lloyd & Taylor. Parameters stand in the order alpha, beta, k, Rref.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numba import njit

from landsink.stations.flux.respiration import Windows, fit_curve, quantile

DRY = 10.0  # hPa, the VPD above which dryness may act (Lasslop et al. 2010, eq. 4)
ROUNDS = 100


class Rung(IntEnum):
    """The form of the model that a window took: each leaves out, or holds, what the one before could not tell."""

    FULL = 0
    WITHOUT_VPD = 1
    ALPHA_HELD = 2
    ALPHA_HELD_WITHOUT_VPD = 3
    RESPIRATION_ONLY = 4
    NONE = -1


class Fate(IntEnum):
    """What became of a window."""

    SOUND = 0
    FEW_DAY_RECORDS = 1
    NO_E0 = 2
    NO_OPTIMUM = 3
    OUT_OF_RANGE = 4


class Bounds(NamedTuple):
    """What is believed: alpha and beta below these, beta above `beta_doubt` only if larger than its error."""

    alpha: float = 0.22
    beta: float = 250.0
    beta_doubt: float = 100.0


class Priors(NamedTuple):
    """Standard deviations of the Gaussian priors about the start values (Lasslop et al. 2010, Table A1, made wide)."""

    alpha: float = 10.0
    beta: float = 600.0
    k: float = 50.0
    rref: float = 80.0
    night_rref: float = 800.0
    e0: float = 1000.0


class Series(NamedTuple):
    """What the fits read: (version, time) measured NEE, NaN where not; its sigma; and (time) drivers, day and night."""

    nee: np.ndarray
    sigma: np.ndarray
    light: np.ndarray
    cold: np.ndarray
    dry: np.ndarray
    day: np.ndarray
    night: np.ndarray


@njit(cache=True, error_model="numpy")
def _model(data, n, p, out):
    """Weighted residuals (NEE - model)/sigma of the first n rows; False where alpha S + b is not above 0 throughout."""
    for i in range(n):
        b = p[1] * np.exp(-p[2] * data[4, i])
        below = p[0] * data[2, i] + b
        gpp = 0.0
        if p[0] != 0 or p[1] != 0:
            if not below > 0:
                return False
            gpp = p[0] * data[2, i] * b / below
        out[i] = (data[0, i] + gpp - p[3] * data[3, i]) * data[1, i]
    return True


@njit(cache=True, error_model="numpy")
def _slopes(data, i, p, row):
    """Derivatives of NEE / sigma at row i by alpha, beta, k, Rref."""
    light, weight = data[2, i], data[1, i]
    fade = np.exp(-p[2] * data[4, i])
    b = p[1] * fade
    below = p[0] * light + b
    row[3] = data[3, i] * weight
    if p[0] == 0 and p[1] == 0:
        row[:3] = 0.0
        return
    by_b = (p[0] * light / below) ** 2
    row[0] = -light * (b / below) ** 2 * weight
    row[1] = -by_b * fade * weight
    row[2] = by_b * b * data[4, i] * weight


@njit(cache=True, error_model="numpy")
def _normal(data, n, p, free, prior, widths, residual, normal, gradient):
    """J'J and J'r of the free parameters, prior included; held ones get a unit row."""
    normal[:], gradient[:] = 0.0, 0.0
    row = np.empty(4)
    for i in range(n):
        _slopes(data, i, p, row)
        for a in range(4):
            gradient[a] += row[a] * residual[i]
            for b in range(a + 1):
                normal[a, b] += row[a] * row[b]
    for a in range(4):
        gradient[a] += (prior[a] - p[a]) / widths[a] ** 2
        normal[a, a] += 1 / widths[a] ** 2
        for b in range(a):
            normal[b, a] = normal[a, b]
    for a in range(4):
        if not free[a]:
            normal[a, :], normal[:, a], gradient[a] = 0.0, 0.0, 0.0
            normal[a, a] = 1.0


@njit(cache=True, error_model="numpy")
def cholesky_solve(matrix, right, damping, lower, out):
    """Solve (matrix + damping diag(matrix)) out = right by Cholesky; False where it is not positive definite."""
    n = right.size
    for a in range(n):
        for b in range(a + 1):
            total = matrix[a, b] * (1 + damping) if a == b else matrix[a, b]
            for c in range(b):
                total -= lower[a, c] * lower[b, c]
            if a > b:
                lower[a, b] = total / lower[b, b]
            elif total > 0 and np.isfinite(total):
                lower[a, a] = np.sqrt(total)
            else:
                return False
    for a in range(n):
        out[a] = right[a]
        for c in range(a):
            out[a] -= lower[a, c] * out[c]
        out[a] /= lower[a, a]
    for a in range(n - 1, -1, -1):
        for c in range(a + 1, n):
            out[a] -= lower[c, a] * out[c]
        out[a] /= lower[a, a]
    return True


@njit(cache=True, error_model="numpy")
def _invert(matrix, free, scale, out):
    """out = matrix^-1 scale, 0 where a parameter was held; False where it cannot be inverted."""
    unit, lower = np.zeros(free.size), np.zeros((free.size, free.size))
    for a in range(free.size):
        unit[:] = 0.0
        unit[a] = scale if free[a] else 0.0
        if not cholesky_solve(matrix, unit, 0.0, lower, out[a]):
            return False
    return True


@njit(cache=True, error_model="numpy")
def _cost(residual, n, p, free, prior, widths):
    total = 0.0
    for i in range(n):
        total += residual[i] ** 2
    for a in range(4):
        if free[a]:
            total += ((p[a] - prior[a]) / widths[a]) ** 2
    return total


@njit(cache=True, error_model="numpy")
def fit_light(data, n, start, free, widths, covariance):
    """Parameters (4) by Levenberg-Marquardt with exact derivatives; fills `covariance` (4, 4). NaN without an optimum.

    `data` (5, records): NEE, 1/sigma, light, respiration factor, max(VPD - 10, 0); the first n are used. Start values
    are the priors' means.
    """
    p = start.copy()
    residual, tried = np.empty(n), np.empty(n)
    normal, gradient = np.zeros((4, 4)), np.zeros(4)
    failed = np.full(4, np.nan)
    if n < 3 * free.sum() or not _model(data, n, p, residual):
        return failed
    total = _cost(residual, n, p, free, start, widths)
    damping, settled = 1e-2, False
    move, lower = np.empty(4), np.zeros((4, 4))
    for _ in range(ROUNDS):
        _normal(data, n, p, free, start, widths, residual, normal, gradient)
        better = False
        while damping < 1e12:
            if cholesky_solve(normal, gradient, damping, lower, move) and _model(data, n, p + move, tried):
                new = p + move
                cost = _cost(tried, n, new, free, start, widths)
                if cost < total:
                    better = True
                    break
            damping *= 4
        if not better:
            settled = True
            break
        settled = total - cost < 1e-9 * total
        p, total = new, cost
        residual, tried = tried, residual
        damping = max(damping * 0.1, 1e-9)
        if settled:
            break
    if not (settled and np.isfinite(total)):
        return failed
    _normal(data, n, p, free, start, widths, residual, normal, gradient)
    if not _invert(normal, free, total / max(n - free.sum(), 1), covariance):
        return failed
    return p


@njit(cache=True, error_model="numpy")
def _climb(data, n, moist, start, before, alpha_limit, widths, covariance):
    """One start down the ladder: (parameters, rung). The first `moist` records have a VPD; 0: it tells nothing."""
    free = np.array([True, True, moist > 0, True])
    held = start.copy()
    rung = 0 if moist > 0 else 1
    p = fit_light(data, moist if moist > 0 else n, start, free, widths, covariance)
    if rung == 0 and not p[2] >= 0:
        free[2], rung = False, 1
        p = fit_light(data, n, start, free, widths, covariance)
    if p[0] > alpha_limit and before > 0:
        free[0], held[0] = False, before
        rung += 2
        p = fit_light(data, moist if free[2] else n, held, free, widths, covariance)
        if free[2] and not p[2] >= 0:
            free[2], rung = False, 3
            p = fit_light(data, n, held, free, widths, covariance)
    if p[0] < 0 or p[1] < 0:
        held[:3], free[:3], rung = 0.0, False, 4
        p = fit_light(data, n, held, free, widths, covariance)
    return p, rung


@njit(cache=True, error_model="numpy")
def _believed(p, error, start_alpha, bounds):
    doubtful = p[1] > bounds[2] and p[1] < error
    inside = 0 <= p[0] < bounds[0] and 0 <= p[1] < bounds[1] and p[2] >= 0 and p[3] > 0
    return inside and not doubtful and p[0] != start_alpha


@njit(cache=True, error_model="numpy")
def _roughness(data, n, p):
    """Root mean square of NEE less model, unweighted."""
    total = 0.0
    for i in range(n):
        b = p[1] * np.exp(-p[2] * data[4, i])
        below = p[0] * data[2, i] + b
        gpp = p[0] * data[2, i] * b / below if below > 0 else 0.0
        total += (data[0, i] + gpp - p[3] * data[3, i]) ** 2
    return np.sqrt(total / n)


@njit(cache=True, error_model="numpy")
def _gather(nee, sigma, light, cold, dry, use, lo, hi, e0, data):
    """Rows of a window: those with a VPD first. Returns (records, those with VPD, any dryness, mean position)."""
    n = moist = 0
    parched = False
    place = 0.0
    weighted = True
    for turn in range(2):
        for i in range(lo, hi):
            if (
                not use[i]
                or not np.isfinite(nee[i] + light[i] + cold[i])
                or np.isfinite(dry[i]) != (turn == 0)
            ):
                continue
            weighted = weighted and sigma[i] > 0
            data[0, n], data[1, n], data[2, n] = nee[i], 1 / sigma[i], light[i]
            data[3, n] = np.exp(e0 * cold[i])
            data[4, n] = dry[i] if turn == 0 else 0.0
            parched = parched or data[4, n] > 0
            place += i
            n += 1
        if turn == 0:
            moist = n
    if not weighted:
        data[1, :n] = 1.0
    return n, moist, parched, place / max(n, 1)


@njit(cache=True, error_model="numpy")
def _spread(nee, lo, hi):
    """The range from 3 to 97 % of all NEE of a window."""
    some = nee[lo:hi]
    some = some[np.isfinite(some)]
    return quantile(some, 0.97) - quantile(some, 0.03)


@njit(cache=True, error_model="numpy")
def _fit_days(nee, sigma, light, cold, dry, day, lo, hi, segment, e0, base, records, bounds, priors, out):
    """Fit one version's windows in order. `out`: parameters, errors, covariance, records, rung, fate, position."""
    best, errors, covariances, counts, rungs, fates, places = out
    data, covariance = np.empty((5, (hi - lo).max())), np.zeros((4, 4))
    before = -1.0  # alpha of the last believed window
    for w in range(lo.size):
        if w > 0 and segment[w] != segment[w - 1]:
            before = -1.0
        n, moist, parched, place = _gather(nee, sigma, light, cold, dry, day, lo[w], hi[w], e0[w], data)
        counts[w], places[w] = n, place
        fates[w] = 2 if not np.isfinite(e0[w]) else 1
        if n < records or fates[w] == 2:
            continue
        use = moist if parched and 2 * moist >= n else 0
        reach, least = _spread(nee, lo[w], hi[w]), np.inf
        fates[w] = 3
        for share in (0.5, 1.0, 2.0):
            start = np.array([0.01, max(reach * share, 1e-3), 0.0, base[w]])
            p, rung = _climb(data, n, use, start, before, bounds[0], priors, covariance)
            if not np.isfinite(p.sum()):
                continue
            if fates[w] == 3:
                fates[w] = 4
            error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
            rough = _roughness(data, n, p)
            if rough < least and _believed(p, error[1], start[0], bounds):
                least, fates[w], rungs[w] = rough, 0, rung
                best[w], errors[w], covariances[w] = p, error, covariance
        if fates[w] == 0:
            before = best[w, 0]


@njit(cache=True, error_model="numpy")
def _fit_nights(nee, sigma, cold, night, lo, hi, records, priors, out):
    """E0 and its SE (window) from the nights of one version, their records, and mean NEE as a first Rref."""
    for w in range(lo.size):
        part = slice(lo[w], hi[w])
        use = night[part] & np.isfinite(nee[part]) & np.isfinite(cold[part])
        n = use.sum()
        out[2, w] = n
        if n == 0:
            continue
        flux, error = nee[part][use], sigma[part][use]
        mean = flux.mean()
        out[3, w] = mean
        if n < records:
            continue
        weight = 1 / error if np.all(error > 0) else np.ones(n)
        prior = np.array([mean, 100.0, priors[4], priors[5]])
        found = fit_curve(flux, cold[part][use], weight, (mean, 100.0), prior, 0.0)
        out[0, w], out[1, w] = found[2], found[3]


def fit_nights(
    series: Series, windows: Windows, records: int, priors: Priors
) -> Float[np.ndarray, "4 version window"]:
    """E0 [K], its SE, records used, mean NEE of each window; E0 is NaN below `records` or without optimum."""
    out = np.full((4, series.nee.shape[0], windows.lo.size), np.nan)
    for v in range(series.nee.shape[0]):
        _fit_nights(
            series.nee[v], series.sigma[v], series.cold, series.night, windows.lo, windows.hi, records,
            np.array(priors), out[:, v],
        )  # fmt: skip
    return out


class Days(NamedTuple):
    """Parameters alpha, beta, k, Rref (version, window, 4), their standard errors and covariance (…, 4, 4).

    And of each window (version, window) the day records used, Rung, Fate, and the mean position of its records.
    """

    parameters: np.ndarray
    errors: np.ndarray
    covariance: np.ndarray
    records: np.ndarray
    rung: np.ndarray
    fate: np.ndarray
    place: np.ndarray


def fit_days(
    series: Series,
    windows: Windows,
    e0: Float[np.ndarray, "version window"],
    base: Float[np.ndarray, "version window"],
    records: int,
    bounds: Bounds,
    priors: Priors,
) -> Days:
    """Fit every window, E0 [K] given, `base` a first Rref; in order, since alpha may be held at the one before."""
    shape = e0.shape
    days = Days(
        np.full((*shape, 4), np.nan), np.full((*shape, 4), np.nan), np.zeros((*shape, 4, 4)), np.zeros(shape, np.int32),
        np.full(shape, Rung.NONE, np.int8), np.zeros(shape, np.int8), np.full(shape, np.nan),
    )  # fmt: skip
    for v in range(shape[0]):
        _fit_days(
            series.nee[v], series.sigma[v], series.light, series.cold, series.dry, series.day,
            windows.lo, windows.hi, windows.segment, e0[v], base[v], records,
            np.array(bounds), np.array(priors), tuple(field[v] for field in days),
        )  # fmt: skip
    return days
