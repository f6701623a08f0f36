"""Scores: each takes observed and predicted values and gives one number.

Missing values are dropped in pairs. Where a score cannot be given it is NaN, and `why_not` says why in words.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr

LEAST = 10
LEAST_BINS = 6

Values = np.ndarray | xr.DataArray


def bias(obs: Values, pred: Values, least: int = LEAST) -> float:
    """Mean of predicted minus observed, in the variable's unit."""
    return _scored(obs, pred, least, lambda o, p: np.mean(p - o))


def rmse(obs: Values, pred: Values, least: int = LEAST) -> float:
    """Root of the mean squared difference, in the variable's unit."""
    return _scored(obs, pred, least, lambda o, p: np.sqrt(np.mean((p - o) ** 2)))


def nse(obs: Values, pred: Values, least: int = LEAST) -> float:
    """Nash-Sutcliffe efficiency, 1 - SSE/SST: 1 is perfect, 0 no better than the observed mean.

    Source: Nash and Sutcliffe 1970, doi:10.1016/0022-1694(70)90255-6.
    """
    return _scored(obs, pred, least, lambda o, p: 1.0 - np.sum((p - o) ** 2) / _spread(o))


def correlation(obs: Values, pred: Values, least: int = LEAST) -> float:
    """Pearson's correlation; NaN also where the prediction does not vary."""
    return _scored(obs, pred, least, _pearson)


def r2(obs: Values, pred: Values, least: int = LEAST) -> float:
    """Square of Pearson's correlation (variance explained after a linear fit; blind to bias, unlike `nse`)."""
    return correlation(obs, pred, least) ** 2


def coverage90(obs: Values, low: Values, high: Values, least: int = LEAST) -> float:
    """Share of observations inside the predictive interval [low, high]; 0.90 is right for a 90 % interval.

    The interval must include the observation error, or the share is too small by construction.
    """
    o, lo, hi = _flat(obs, low, high)
    known = np.isfinite(o) & np.isfinite(lo) & np.isfinite(hi)
    if known.sum() < least:
        return float("nan")
    return float(np.mean((o[known] >= lo[known]) & (o[known] <= hi[known])))


def seasonal_correlation(obs: Values, pred: Values, bins: np.ndarray, least: int = LEAST) -> float:
    """Correlation of the two mean annual cycles; `bins` gives each value's month (any integer labels)."""
    return _scored(*_cycles(obs, pred, bins), _bins_needed(obs, pred, least), _pearson)


def seasonal_rmse(obs: Values, pred: Values, bins: np.ndarray, least: int = LEAST) -> float:
    """RMSE between the two mean annual cycles, in the variable's unit; `bins` as in `seasonal_correlation`."""
    cycles = _cycles(obs, pred, bins)
    return _scored(*cycles, _bins_needed(obs, pred, least), lambda o, p: np.sqrt(np.mean((p - o) ** 2)))


def why_not(obs: Values, pred: Values, least: int = LEAST) -> str:
    """In words, why scores of this pair would be NaN; empty where they can be given."""
    o, p = _pairs(obs, pred)
    if o.size < least:
        return f"{o.size} pairs, {least} needed"
    if _constant(o):
        return "the observations do not vary"
    return "the prediction does not vary" if _constant(p) else ""


def _scored(
    obs: Values, pred: Values, least: int, formula: Callable[[np.ndarray, np.ndarray], float]
) -> float:
    o, p = _pairs(obs, pred)
    return float(formula(o, p)) if o.size >= least else float("nan")


def _pairs(obs: Values, pred: Values) -> tuple[np.ndarray, np.ndarray]:
    o, p = _flat(obs, pred)
    known = np.isfinite(o) & np.isfinite(p)
    return o[known], p[known]


def _flat(obs: Values, *others: Values) -> list[np.ndarray]:
    # Two DataArrays with their dims in another order would pair the wrong values, in silence.
    if isinstance(obs, xr.DataArray):
        others = tuple(x.transpose(*obs.dims) if isinstance(x, xr.DataArray) else x for x in others)
    arrays = [np.asarray(x, dtype=float) for x in (obs, *others)]
    if any(a.shape != arrays[0].shape for a in arrays):
        raise ValueError(f"observed and predicted differ in shape: {[a.shape for a in arrays]}")
    return [a.ravel() for a in arrays]


def _constant(x: np.ndarray) -> bool:
    return bool(np.ptp(x) <= 1e-12 * np.max(np.abs(x))) if x.size else True


def _spread(o: np.ndarray) -> float:
    return float("nan") if _constant(o) else float(np.sum((o - o.mean()) ** 2))


def _pearson(o: np.ndarray, p: np.ndarray) -> float:
    return float("nan") if _constant(o) or _constant(p) else float(np.corrcoef(o, p)[0, 1])


def _cycles(obs: Values, pred: Values, bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    o, p = _flat(obs, pred)
    known = np.isfinite(o) & np.isfinite(p)
    _, place = np.unique(np.asarray(bins).ravel()[known], return_inverse=True)
    count = np.bincount(place)
    return np.bincount(place, o[known]) / count, np.bincount(place, p[known]) / count


def _bins_needed(obs: Values, pred: Values, least: int) -> int:
    # A cycle is compared only where the values behind it would themselves be scored, and half the year is seen.
    too_few = _pairs(obs, pred)[0].size < least
    return np.iinfo(np.int64).max if too_few else LEAST_BINS
