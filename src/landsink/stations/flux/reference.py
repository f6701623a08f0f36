"""Which of a flux's versions, each with its own u* threshold, stands for all: the one most like the others.

Model efficiency (Nash & Sutcliffe 1970) between every two versions, for each aggregation by itself, as in the
FLUXNET chain (Pastorello et al. 2020, 10.1038/s41597-020-0534-3). See docs/explanation/gap-filling.md.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from numba import njit

from landsink.core.errors import DataError
from landsink.stations.flux.clock import per_day

AGGREGATIONS = ("HH", "DD", "WW", "MM", "YY")


class Reference(NamedTuple):
    """The version that stands for all at one aggregation: its label, its place, and the scores of all."""

    label: float
    index: int
    scores: Float[np.ndarray, " version"]


@dataclass(frozen=True)
class LongGaps:
    """What is too poorly filled to help choose: stretches longer than `days` filled worse than class `worst`.

    Stretches with less than `island` [d] of better records between them count as one.
    """

    worst: int = 2
    days: float = 15.0
    island: float = 5.0

    def __call__(self, quality: Float[np.ndarray, " time"], daily: int) -> np.ndarray:
        """True (time) within a long gap; `daily` is steps in a day."""
        poor = ~(quality <= self.worst)
        starts, ends = _runs(~poor)
        for start, end in zip(starts, ends, strict=True):
            between = start > 0 and end < poor.size
            if between and end - start < self.island * daily:
                poor[start:end] = True
        inside = np.zeros(poor.size, bool)
        for start, end in zip(*_runs(poor), strict=True):
            inside[start:end] = end - start > self.days * daily
        return inside


def _runs(flags: np.ndarray) -> tuple[Int[np.ndarray, " run"], Int[np.ndarray, " run"]]:
    """First and one past the last index of each stretch of True."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def groups(time: xr.DataArray, aggregation: str) -> np.ndarray:
    """A label for each step (time), the same within one day, week, month or year; weeks are 52 a year, the last longer.

    Raises DataError for an aggregation other than HH, DD, WW, MM, YY.
    """
    year, day = time.dt.year.values, time.dt.dayofyear.values
    labels = {
        "HH": lambda: np.arange(time.size),
        "DD": lambda: year * 1000 + day,
        "WW": lambda: year * 100 + np.minimum((day - 1) // 7, 51),
        "MM": lambda: year * 100 + time.dt.month.values,
        "YY": lambda: year,
    }
    if aggregation not in labels:
        raise DataError(f"'{aggregation}' is no aggregation.", f"One of {', '.join(labels)}.")
    return labels[aggregation]()


def averaged(
    values: Float[np.ndarray, "time version"], labels: np.ndarray
) -> Float[np.ndarray, "group version"]:
    """Mean of each group of steps, by version; NaN where a group holds a NaN."""
    _, group = np.unique(labels, return_inverse=True)
    count = np.bincount(group)
    return np.stack([np.bincount(group, column) / count for column in values.T], axis=1)


@njit(cache=True)
def _apart(values):
    """Sum of squared differences between every two columns; equal columns get equal sums to the last bit."""
    steps, versions = values.shape
    apart = np.zeros((versions, versions))
    for t in range(steps):
        for i in range(versions):
            for j in range(versions):
                difference = values[t, i] - values[t, j]
                apart[i, j] += difference * difference
    return apart


def efficiencies(values: Float[np.ndarray, "time version"]) -> Float[np.ndarray, "version version"]:
    """Model efficiency of version j (column) as a model of version i (row), NaN where i does not vary.

    It is 1 - sum (i - j)^2 / sum (i - mean i)^2.
    """
    spread = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    return 1 - _apart(np.ascontiguousarray(values)) / np.where(spread > 0, spread, np.nan)[:, None]


def reference_version(
    versions: xr.DataArray,
    quality: xr.DataArray | None = None,
    dim: str = "percentile",
    long_gaps: LongGaps | None = None,
) -> dict[str, Reference]:
    """The version that stands for all, for each of HH, DD, WW, MM, YY.

    `versions` (time, `dim`) is the filled flux, `quality` its classes in the same shape. Steps that lie
    within a long gap of any version (`long_gaps`; needs `quality`), or are not filled in every version, take
    no part. The first wins a tie. Where a single period is left, as the year of a one-year record, the next
    finer aggregation decides. Raises DataError where no step is left.
    """
    values = versions.transpose("time", dim).values.astype(float)
    kept = np.isfinite(values).all(axis=1)
    if long_gaps is not None:
        if quality is None:
            raise DataError(
                "Long gaps are told by quality, and none was given.", "Classes 0 … 3 of every version."
            )
        classes, daily = quality.transpose("time", dim).values, per_day(versions.to_dataset(name="flux"))
        for column in classes.T:
            kept &= ~long_gaps(column, daily)
    if kept.sum() < 2 or not np.ptp(values[kept], axis=0).any():
        raise DataError(
            f"{int(kept.sum())} steps are filled in all {values.shape[1]} versions and outside long gaps.",
            "Two at least, with different values.",
        )
    chosen: dict[str, Reference] = {}
    before = None
    for aggregation in AGGREGATIONS:
        means = averaged(values[kept], groups(versions["time"][kept], aggregation))
        if means.shape[0] > 1 or before is None:
            scores = efficiencies(means).sum(axis=1)
            best = int(np.nanargmax(scores))
            before = Reference(float(versions[dim].values[best]), best, scores)
        chosen[aggregation] = before
    return chosen
