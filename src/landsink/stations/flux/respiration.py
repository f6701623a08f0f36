"""Ecosystem respiration and temperature (Lloyd & Taylor 1994), and its fits within moving windows.

R(T) = Rref exp(E0 (1 / (15 - T0) - 1 / (T - T0))),  T0 = -46.02, T and E0 in degrees Celsius
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numba import njit

T_REF, T_ZERO = 15.0, -46.02  # degC, Lloyd & Taylor 1994
ROUNDS = 200  # of one fit; a handful is enough where there is an optimum


def coldness(temperature: np.ndarray) -> np.ndarray:
    """1/(15 - T0) - 1/(T - T0) [K-1] of T [degC], any shape; minus infinity at T0 and below: nothing respires."""
    above = np.asarray(temperature, float) - T_ZERO
    with np.errstate(divide="ignore"):
        return 1 / (T_REF - T_ZERO) - np.where(
            above > 0, 1 / np.where(above > 0, above, 1), np.where(above <= 0, np.inf, np.nan)
        )


def lloyd_taylor(
    temperature: np.ndarray, reference: np.ndarray | float, sensitivity: np.ndarray | float
) -> np.ndarray:
    """Respiration at a temperature [degC]; `reference` at 15 degC [its unit], `sensitivity` E0 [K]. They broadcast.

    Lloyd & Taylor 1994, 10.2307/2389824. At -46.02 degC and below it is 0.
    """
    with np.errstate(invalid="ignore"):  # E0 = 0 at T0
        exponent = np.asarray(sensitivity) * coldness(temperature)
    return reference * np.exp(np.where(np.isneginf(coldness(temperature)), -np.inf, exponent))


class Windows(NamedTuple):
    """Records lo … hi-1 (window) of a series of moving windows, and the segment that each belongs to."""

    lo: np.ndarray
    hi: np.ndarray
    segment: np.ndarray


@dataclass(frozen=True)
class Moving:
    """Windows of `length` [d] that begin every `step` [d], from `first` days after a segment's first midnight."""

    length: float
    step: float
    first: float = 0.0

    def over(self, days: Float[np.ndarray, " time"], segments: list[slice], last: float = 0.0) -> Windows:
        """The windows of each segment; none begins within `last` days of its end. `days` counts from any midnight."""
        lo, hi, of = [], [], []
        for number, part in enumerate(segments):
            own = days[part]
            midnight = np.floor(own[0])
            begins = np.arange(midnight + self.first, np.floor(own[-1]) + 1 - last, self.step)
            lo.append(part.start + np.searchsorted(own, begins - 1e-9))
            hi.append(part.start + np.searchsorted(own, begins + self.length - 1e-9))
            of.append(np.full(begins.size, number))
        return Windows(*(np.concatenate(x).astype(np.int64) for x in (lo, hi, of)))


@dataclass(frozen=True)
class Trim:
    """Shares of the residuals that a fit leaves out.

    The largest `always`, chosen anew at each step of the fit; the outer `once` after the fit, which is then done again.
    """

    always: float = 0.0
    once: float = 0.0


class Fate(IntEnum):
    """What became of a window."""

    CHOSEN = 0
    SOUND = 1
    FEW_RECORDS = 2
    LITTLE_WARMTH = 3
    NO_OPTIMUM = 4
    OUT_OF_RANGE = 5


class Fits(NamedTuple):
    """Parameters (version, window), their standard errors, records used, and the window's Fate."""

    reference: np.ndarray
    reference_se: np.ndarray
    sensitivity: np.ndarray
    sensitivity_se: np.ndarray
    records: np.ndarray
    fate: np.ndarray


@njit(cache=True, error_model="numpy")
def kth(values, k):
    """The k-th smallest (from 0) of finite values, by quickselect. NumPy's own takes half a minute to compile."""
    rest = values.copy()
    low, high = 0, rest.size - 1
    while low < high:
        pivot = rest[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while rest[i] < pivot:
                i += 1
            while rest[j] > pivot:
                j -= 1
            if i <= j:
                rest[i], rest[j] = rest[j], rest[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return rest[k]


@njit(cache=True, error_model="numpy")
def quantile(values, share):
    """The value below which a `share` of finite values lies, straight between neighbours."""
    place = share * (values.size - 1)
    below = int(np.floor(place))
    value = kth(values, below)
    if place > below:
        value += (place - below) * (kth(values, below + 1) - value)
    return value


@njit(cache=True, error_model="numpy")
def _misfit(nee, cold, weight, prior, reference, sensitivity, always, residual):
    """Sum of squares, and the size above which a residual is left out; fills `residual`."""
    n = nee.size
    for i in range(n):
        residual[i] = (nee[i] - reference * np.exp(sensitivity * cold[i])) * weight[i]
    limit = np.inf
    if always > 0:
        keep = min(n, int(np.ceil(n * (1 - always) - 1e-9)))
        sizes = np.abs(residual)
        limit = kth(sizes, keep - 1) if np.isfinite(sizes.sum()) else np.inf
    total = ((reference - prior[0]) / prior[2]) ** 2 + ((sensitivity - prior[1]) / prior[3]) ** 2
    for i in range(n):
        if abs(residual[i]) <= limit:
            total += residual[i] ** 2
    return total, limit


@njit(cache=True, error_model="numpy")
def _normal(cold, weight, prior, reference, sensitivity, limit, residual):
    """J'J (a, b; b, c) and J'r (g, h) of the kept records and the prior."""
    a, c = 1 / prior[2] ** 2, 1 / prior[3] ** 2
    g, h = (prior[0] - reference) * a, (prior[1] - sensitivity) * c
    b = 0.0
    for i in range(cold.size):
        if abs(residual[i]) <= limit:
            by_reference = np.exp(sensitivity * cold[i]) * weight[i]
            by_sensitivity = reference * cold[i] * by_reference
            a += by_reference * by_reference
            b += by_reference * by_sensitivity
            c += by_sensitivity * by_sensitivity
            g += by_reference * residual[i]
            h += by_sensitivity * residual[i]
    return a, b, c, g, h


@njit(cache=True, error_model="numpy")
def fit_curve(nee, cold, weight, start, prior, always):
    """(Rref, its SE, E0, its SE) by Levenberg-Marquardt, NaN without an optimum.

    `prior` holds means and standard deviations (Rref, E0; infinite for none); `always`: see Trim. Standard errors scale
    with the misfit of what was kept over all records less two.
    """
    failed = (np.nan, np.nan, np.nan, np.nan)
    reference, sensitivity = start
    residual, tried = np.empty(nee.size), np.empty(nee.size)
    total, limit = _misfit(nee, cold, weight, prior, reference, sensitivity, always, residual)
    damping, settled = 1.0, False
    for _ in range(ROUNDS):
        a, b, c, g, h = _normal(cold, weight, prior, reference, sensitivity, limit, residual)
        while True:
            p, q = a * (1 + damping), c * (1 + damping)
            down = p * q - b * b
            move, turn = (q * g - b * h) / down, (p * h - b * g) / down
            new, edge = _misfit(nee, cold, weight, prior, reference + move, sensitivity + turn, always, tried)
            if new < total:
                break
            damping *= 4
            if not damping < 1e12:
                settled = True
                break
        if settled:
            break
        settled = total - new < 1e-10 * total
        reference, sensitivity, total, limit = reference + move, sensitivity + turn, new, edge
        residual, tried = tried, residual
        damping = max(damping * 0.1, 1e-9)
        if settled:
            break
    a, b, c, g, h = _normal(cold, weight, prior, reference, sensitivity, limit, residual)
    down = a * c - b * b
    scale = total / max(nee.size - 2, 1)
    if not (settled and down > 1e-12 * a * c and np.isfinite(total)):
        return failed
    return reference, np.sqrt(c / down * scale), sensitivity, np.sqrt(a / down * scale)


@njit(cache=True, error_model="numpy")
def fit_window(nee, cold, weight, start, prior, always, once):
    """As fit_curve, and then once more without the outer residuals where `once` is above 0."""
    found = fit_curve(nee, cold, weight, start, prior, always)
    if once == 0 or not np.isfinite(found[0]):
        return found
    off = (nee - found[0] * np.exp(found[2] * cold)) * weight
    low, high = quantile(off, once / 2), quantile(off, 1 - once / 2)
    kept = (off >= low) & (off <= high)
    return fit_curve(nee[kept], cold[kept], weight[kept], (found[0], found[2]), prior, 0.0)


@njit(cache=True, error_model="numpy")
def _fit_windows(nee, temperature, cold, lo, hi, records, span, always, once, out, fate):
    """Fit every window of every version; `nee` (version, time) is NaN where it shall not be used."""
    prior = np.array([0.0, 0.0, np.inf, np.inf])
    for v in range(nee.shape[0]):
        for w in range(lo.size):
            part = slice(lo[w], hi[w])
            use = np.isfinite(nee[v, part]) & np.isfinite(cold[part])
            n = use.sum()
            out[4, v, w] = n
            fate[v, w] = 2
            if n < records or n < 3:
                continue
            warmth = temperature[part][use]
            fate[v, w] = 3
            if warmth.max() - warmth.min() < span:
                continue
            flux = nee[v, part][use]
            found = fit_window(flux, cold[part][use], np.ones(n), (2.0, 200.0), prior, always, once)
            fate[v, w] = 1 if np.isfinite(found[0] + found[1] + found[2] + found[3]) else 4
            if fate[v, w] == 1:
                for k in range(4):
                    out[k, v, w] = found[k]


def fit_windows(
    nee: Float[np.ndarray, "version time"],
    temperature: Float[np.ndarray, " time"],
    windows: Windows,
    records: int,
    span: float,
    trim: Trim,
) -> Fits:
    """Rref [unit of nee] and E0 [K] of every window and version, from (2, 200).

    `nee` is NaN where it shall not be used. A window needs `records` and a range of `span` [K] in temperature [degC].
    """
    shape = (nee.shape[0], windows.lo.size)
    out, fate = np.full((5, *shape), np.nan), np.zeros(shape, np.int8)
    cold = coldness(temperature)
    cold[np.isneginf(cold)] = np.nan
    _fit_windows(
        nee, temperature, cold, windows.lo, windows.hi, records, span, trim.always, trim.once, out, fate
    )
    return Fits(*out[:4], out[4].astype(np.int32), fate)


@njit(cache=True, error_model="numpy")
def _scale_windows(nee, shape_, lo, hi, records, faintest, out):
    for v in range(nee.shape[0]):
        for w in range(lo.size):
            top = bottom = squares = place = most = 0.0
            n = 0
            for i in range(lo[w], hi[w]):
                f = shape_[v, i]
                if np.isfinite(nee[v, i]) and np.isfinite(f) and f > 0:
                    n += 1
                    top += f * nee[v, i]
                    bottom += f * f
                    squares += nee[v, i] * nee[v, i]
                    place += i
                    most = max(most, f)
            out[2, v, w] = n
            if n >= records and most >= faintest:
                out[0, v, w] = top / bottom
                out[1, v, w] = np.sqrt(max(squares - top * top / bottom, 0.0) / max(n - 1, 1) / bottom)
                out[3, v, w] = place / n


def scale_windows(
    nee: Float[np.ndarray, "version time"],
    curve: Float[np.ndarray, "version time"],
    windows: Windows,
    records: int,
    faintest: float,
) -> Float[np.ndarray, "4 version window"]:
    """The factor by which `curve` best meets `nee` in each window: factor, SE, records used, their mean position.

    NaN below `records`, or where `curve` stays below `faintest`.
    """
    out = np.full((4, nee.shape[0], windows.lo.size), np.nan)
    _scale_windows(nee, curve, windows.lo, windows.hi, records, faintest, out)
    return out
