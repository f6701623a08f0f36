"""Gap filling by gradient-boosted trees, with intervals that hold what they promise in long gaps as in short ones.

Trees learn a flux from weather, season and time of day. Blocks of days are left out in turn, and what the
trees then miss says how wide an interval must be: blocks of a day speak for short gaps, blocks of a month for
long ones. Studentised split-conformal prediction (Lei et al. 2018, 10.1080/01621459.2017.1307116) across
folds; see docs/explanation/gap-filling.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from landsink.core.errors import DataError
from landsink.stations.flux.clock import hour, per_day
from landsink.stations.flux.gaps import DRIVERS, Driver, drivers_of, measured


@dataclass(frozen=True)
class BlockConformal:
    """How trees are checked: `blocks` [d], rising, are the lengths left out, each in `folds` turns."""

    blocks: tuple[int, ...] = (1, 7, 30)
    folds: int = 5


class Calibration(NamedTuple):
    """For gaps as long as one block: a model of the error's size, its least value, the interval's reach in sizes."""

    scale: HistGradientBoostingRegressor
    least: float
    reach: float


def features(ds: xr.Dataset, drivers: Sequence[Driver] = DRIVERS) -> Float[np.ndarray, "time feature"]:
    """What the trees see: measured drivers, their means over the day and week around, hour, season, elapsed days.

    NaN where a driver is missing, which the trees take as it is.
    """
    daily = per_day(ds)
    weather, _ = drivers_of(ds, drivers)
    angle = 2 * np.pi * (ds["time"].dt.dayofyear.values - 1 + hour(ds) / 24) / 365.25
    columns = [hour(ds), np.sin(angle), np.cos(angle), np.arange(ds.sizes["time"]) / daily]
    for values in weather:
        columns += [values, _around(values, daily), _around(values, 7 * daily)]
    return np.stack(columns, axis=1)


def _around(values: np.ndarray, width: int) -> np.ndarray:
    """Mean of the finite values in a window of `width` steps about each step; NaN where there is none."""
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    at = np.arange(values.size)
    low, high = np.maximum(at - width // 2, 0), np.minimum(at + width // 2 + 1, values.size)
    number = counts[high] - counts[low]
    return np.divide(sums[high] - sums[low], number, out=np.full(values.size, np.nan), where=number > 0)


def gap_days(known: np.ndarray, daily: int) -> Int[np.ndarray, " time"]:
    """How many days in a row without any measurement each step belongs to; 0 on days that have some (time)."""
    day = np.arange(known.size) // daily
    empty = np.bincount(day, known) == 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], empty.astype(np.int8), [0]])))
    length = np.zeros(empty.size, int)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        length[start:end] = end - start
    return length[day]


def _learnt(x: np.ndarray, y: np.ndarray, seed: int) -> HistGradientBoostingRegressor:
    """Trees that have learnt y (time) from x (time, feature); a feature that is always missing tells them nothing."""
    told = np.where(np.isfinite(x).any(axis=0), x, 0.0)
    return HistGradientBoostingRegressor(early_stopping=False, random_state=seed).fit(told, y)


def _left_out(
    x: np.ndarray, y: np.ndarray, fold: np.ndarray, seed: int, loss: str = "squared_error"
) -> np.ndarray:
    """Prediction of each record by trees that never saw its fold."""
    out = np.empty(y.size)
    for k in np.unique(fold):
        held = fold == k
        out[held] = _learnt(x[~held], y[~held], seed).predict(x[held])
    return out


def _calibrated(
    x: np.ndarray,
    y: np.ndarray,
    days: np.ndarray,
    block: int,
    coverage: float,
    method: BlockConformal,
    seed: int,
) -> Calibration:
    """Leave blocks of days out in turn; the size of what is then missed, and the reach that covers the wanted share."""
    labels, group = np.unique(days // block, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(labels.size)[group] % method.folds
    missed = np.abs(y - _left_out(x, y, fold, seed))
    least = float(np.quantile(missed, 0.1))  # trees may predict a size of nought or less
    size = np.maximum(_left_out(x, missed, fold, seed), least)
    share = min(coverage * (1 + 1 / y.size), 1.0)
    reach = float(np.quantile(missed / size, share, method="higher"))
    return Calibration(_learnt(x, missed, seed), least, reach)


def _check(
    ds: xr.Dataset, values: xr.DataArray, target: str, coverage: float, method: BlockConformal
) -> None:
    if values.dims != ("time",):
        raise DataError(
            f"'{target}' lies on {values.dims}.",
            "One series on time.",
            "Choose a version first (reference.reference_version).",
        )
    if not 0 < coverage < 1:
        raise DataError(f"A coverage of {coverage}.", "A share between 0 and 1.")
    days = np.flatnonzero(np.isfinite(values.values)) // per_day(ds)
    groups = np.unique(days // method.blocks[0]).size
    if groups < method.folds:
        raise DataError(
            f"'{target}' was measured in {groups} blocks of {method.blocks[0]} d.",
            f"At least {method.folds}, to leave one out and learn from the rest.",
            "Fill by marginal distribution sampling (gaps.filled).",
        )


def boosted(
    ds: xr.Dataset,
    target: str = "NEE",
    drivers: Sequence[Driver] = DRIVERS,
    coverage: float = 0.9,
    seed: int = 0,
    method: BlockConformal | None = None,
) -> xr.Dataset:
    """The record with `target`'s gaps filled by boosted trees, with intervals that cover a share `coverage`.

    `target` lies on `time`; what is missing or of quality other than 0 is a gap. Adds, in the target's unit,
    `<target>_F` (measured where it was), `<target>_HAT` (the trees everywhere), `<target>_HAT_LOW` and
    `_HAT_HIGH` (the interval of a *measurement* at that step, chance included), and `<target>_F_QC`: 0
    measured, else the class of the gap's length, 1 for the shortest of `method.blocks`. A block of which the
    record holds fewer than `method.folds` is left out, and the next shorter one speaks for it, which is said
    in the attribute `longest_block` [d]. Equal inputs and seeds give equal results. Raises DataError where
    the target was measured on too few days.
    """
    method = method or BlockConformal()
    values = measured(ds, target)
    _check(ds, values, target, coverage, method)
    daily, x, y = per_day(ds), features(ds, drivers), values.values.astype(float)
    known = np.isfinite(y)
    days = np.flatnonzero(known) // daily
    blocks = [b for b in method.blocks if np.unique(days // b).size >= method.folds]
    place = np.minimum(np.searchsorted(blocks, gap_days(known, daily)), len(blocks) - 1)
    half = np.empty(y.size)
    with threadpool_limits(
        1, user_api="openmp"
    ):  # trees this small lose more by waiting for other threads than they gain
        hat = _learnt(x[known], y[known], seed).predict(x)
        for at, block in enumerate(blocks):
            fit, here = _calibrated(x[known], y[known], days, block, coverage, method, seed), place == at
            if here.any():
                half[here] = fit.reach * np.maximum(fit.scale.predict(x[here]), fit.least)
    notes = {"gap_filling": "gradient-boosted trees", "coverage": coverage, "longest_block": blocks[-1]}
    products = {
        "F": np.where(known, y, hat), "F_QC": np.where(known, 0, place + 1).astype(np.float32),
        "HAT": hat, "HAT_LOW": hat - half, "HAT_HIGH": hat + half,
    }  # fmt: skip
    return ds.assign({f"{target}_{n}": ("time", a, notes) for n, a in products.items()})
