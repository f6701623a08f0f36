"""Means and sums of a region with their standard deviation, step by step, by year and over the period.

The standard deviation of a region is that of the members' own means over it, so that errors which cells share do not
average out and those which they do not share do. Where no members are kept it is the mean of the cells' standard
deviations: what they come to if all err together, the most that they can; it is told as `bound`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np

from landsink.core.errors import DataError

from .regions import Share
from .units import Scale, mean_scale, sum_scale

BLOCK = 32  # cells along latitude and longitude that are read together
AT_ONCE = 16_000_000  # numbers that are held together
Aggregate = Literal["mean", "sum"]
Uncertainty = Literal["ensemble", "bound", "none"]


class Cells(Protocol):
    """What is read: a release, or whatever gives the same."""

    variables: Mapping[str, Any]
    time: np.ndarray

    def block(self, variable: str, rows: slice, cols: slice, times: slice) -> np.ndarray:
        """(time, rows, columns)."""
        ...

    def members(self, variable: str, rows: slice, cols: slice, times: slice) -> np.ndarray:
        """(time, member, rows, columns)."""
        ...

    def area(self) -> np.ndarray:
        """(lat, lon) m2 of land."""
        ...

    def region(self, variable: str, region: str) -> Any:
        """What was summed over a region before; KeyError where it was not."""
        ...


@dataclass(frozen=True)
class Year:
    """A calendar year; `whole` is False where the period holds only a part of it."""

    year: int
    value: float
    sd: float
    whole: bool


@dataclass(frozen=True)
class Statistic:
    """What a region comes to, in `unit`, which of a sum is such that the period's value or error reads well.

    value, sd: (time,), NaN where no cell has a value, and sd NaN where uncertainty is 'none'. annual: means of the
    calendar years' rates or stocks. period: value and sd of the whole. uncertainty: 'ensemble' (spread of the members'
    means), 'bound' (cells and steps err together) or 'none'. area: m2 of land with a value, mean over the period;
    coverage: its share of the region's land in the grid. cells: how many with land have part in the region. inside:
    share of the region's area that lies within the grid at all.
    """

    time: np.ndarray
    value: np.ndarray
    sd: np.ndarray
    annual: tuple[Year, ...]
    period: tuple[float, float]
    unit: str
    sign: str
    uncertainty: Uncertainty
    members: int
    area: float
    coverage: float
    cells: int
    inside: float


@dataclass(frozen=True)
class Sums:
    """Means over a region: members (time, member), or (time, 1) of the mean; bound and area (time,); land in m2."""

    members: np.ndarray
    bound: np.ndarray
    area: np.ndarray
    land: float
    cells: int
    inside: float


def account(
    source: Cells,
    variable: str,
    region: Share | str,
    times: slice = slice(None),
    aggregate: Aggregate = "mean",
) -> Statistic:
    """The mean or the sum of a variable over a region, weighted by the land of every cell that lies inside.

    region: the share of every cell, or the name of a region that was summed when the release was published (KeyError
    where it was not). times: the steps. Cells without a value are left out and their land is missing in `coverage`; a
    sum is of the cells that have one. Steps weigh as long as they last. Raises DataError where the region holds no
    land of the grid, and for a sum of what has none.
    """
    row = source.variables[variable]
    start, stop, _ = times.indices(len(source.time))
    if stop <= start:
        raise DataError("The period holds no step.", "One at least.")
    at = slice(start, stop)
    sums = (
        _known(source, variable, region, at)
        if isinstance(region, str)
        else _summed(source, variable, region, at)
    )
    if not sums.land > 0:
        raise DataError("The region holds no land of the product's grid.", "A region within the grid.")
    days = lengths(source.time)[at]
    if aggregate == "mean":
        return _told(source, row, sums, days, at, mean_scale(variable, row.unit))
    total = replace(sums, members=sums.members * sums.area[:, None], bound=sums.bound * sums.area)
    return _told(source, row, total, days, at, sum_scale(variable, row.unit, _size(total, days)))


def lengths(time: np.ndarray) -> np.ndarray:
    """How long every step lasts, (time,) in days: calendar months or years where all steps begin with one.

    Else until the next step; the last as long as the one before, a single one a day.
    """
    for unit in ("Y", "M"):
        whole = time.astype(f"datetime64[{unit}]")
        if (
            (whole == time).all()
            and (unit == "M" or len(time) > 1)
            and (np.diff(whole).astype(int) == 1).all()
        ):
            ends = (whole + 1).astype("datetime64[D]")
            return (ends - whole.astype("datetime64[D]")).astype(float)
    steps = np.diff(time) / np.timedelta64(1, "D")
    return np.append(steps, steps[-1]) if len(steps) else np.ones(1)


def _size(total: Sums, days: np.ndarray) -> float:
    """How large the period's value or its error is, else a step: a net flux is small beside its seasons."""
    period = np.abs(_over(total.members, total.bound, days))
    size = float(np.nanmax(period, initial=0.0))
    return size or float(np.nanmax(np.abs(total.members.mean(1)), initial=0.0))


def _told(source: Cells, row: Any, sums: Sums, days: np.ndarray, at: slice, scale: Scale) -> Statistic:
    time = source.time[at]
    members, bound = sums.members * scale.factor, sums.bound * scale.factor
    count = members.shape[1]
    kind: Uncertainty = "ensemble" if count > 1 else "bound" if np.isfinite(bound).any() else "none"
    years = time.astype("datetime64[Y]").astype(int) + 1970
    annual = []
    for year in np.unique(years):
        chosen = years == year
        value, sd = _over(members[chosen], bound[chosen], days[chosen])
        full = 366 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 365
        annual.append(Year(int(year), value, sd, bool(days[chosen].sum() >= full - 0.5)))
    sd = members.std(1, ddof=1) if count > 1 else bound
    area = float(np.average(sums.area, weights=days))
    return Statistic(
        time, members.mean(1), sd, tuple(annual), _over(members, bound, days), scale.unit, row.sign, kind,
        count if count > 1 else 0, area, min(1.0, area / sums.land), sums.cells,
        sums.inside,
    )  # fmt: skip


def _over(members: np.ndarray, bound: np.ndarray, days: np.ndarray) -> tuple[float, float]:
    """Mean over steps and its standard deviation: of the members' own means, or the bound's mean."""
    there = np.isfinite(members[:, 0])
    if not there.any():
        return np.nan, np.nan
    means = np.average(members[there], axis=0, weights=days[there])
    spread = np.std(means, ddof=1) if len(means) > 1 else np.average(bound[there], weights=days[there])
    return float(means.mean()), float(spread)


def _known(source: Cells, variable: str, region: str, times: slice) -> Sums:
    found = source.region(variable, region)
    return Sums(
        found.members[times], found.sd[times], found.area[times], found.land, found.cells, found.inside
    )


def _summed(source: Cells, variable: str, region: Share, times: slice) -> Sums:
    row = source.variables[variable]
    land = source.area().ravel()[region.cells] * region.part
    steps = times.stop - times.start
    area, bound, total = np.zeros(steps), np.zeros(steps), np.zeros(1)
    for rows, cols, weight in _blocks(region, land):
        portion = max(1, AT_ONCE // (weight.size * 16))
        for first in range(times.start, times.stop, portion):
            part = slice(first, min(first + portion, times.stop))
            here = slice(part.start - times.start, part.stop - times.start)
            mean = source.block(variable, rows, cols, part)
            valid = np.isfinite(mean)
            area[here] += _weighted(valid, weight)
            if row.sd:
                bound[here] += _weighted(np.where(valid, source.block(row.sd, rows, cols, part), 0.0), weight)
            each = source.members(variable, rows, cols, part) if row.members else mean[:, None]
            if total.ndim == 1:
                total = np.zeros((steps, each.shape[1]))
            total[here] += _weighted(np.where(valid[:, None], each, 0.0), weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = bound / area if row.sd else np.full(steps, np.nan)
        means = total / area[:, None] if total.ndim == 2 else np.full((steps, 1), np.nan)
    return Sums(means, spread, area, float(land.sum()), int((land > 0).sum()), region.inside)


def _weighted(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    flat = values.reshape(-1, weight.size)
    chosen = np.flatnonzero(weight)
    return (flat[:, chosen].astype(float) @ weight.ravel()[chosen]).reshape(values.shape[:-2])


def _blocks(region: Share, land: np.ndarray) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Boxes of cells that hold land of the region, with the land of each cell."""
    row, col = np.divmod(region.cells[land > 0], region.shape[1])
    kept = land[land > 0]
    block = row // BLOCK * (region.shape[1] // BLOCK + 1) + col // BLOCK
    for one in np.unique(block):
        chosen = block == one
        r, c = row[chosen], col[chosen]
        rows, cols = slice(int(r.min()), int(r.max()) + 1), slice(int(c.min()), int(c.max()) + 1)
        weight = np.zeros((rows.stop - rows.start, cols.stop - cols.start))
        weight[r - rows.start, c - cols.start] = kept[chosen]
        yield rows, cols, weight
