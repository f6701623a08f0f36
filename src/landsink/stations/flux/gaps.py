"""Gap filling by marginal distribution sampling (Reichstein et al. 2005, App. A; Falge et al. 2001).

A missing flux is the mean of fluxes that were measured nearby in time under like weather. Where too few are
found, the search widens along a cascade: all drivers alike, radiation alike, the same time of day. Equations
and conventions: docs/explanation/gap-filling.md.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from numba import njit

from landsink.core.errors import DataError
from landsink.stations.flux.clock import per_day

CHUNK = 16  # versions that one pass of the kernel holds in memory


class Likeness(IntEnum):
    """What a gap shares with the records that fill it. The numbers are those that FLUXNET's METHOD columns bear."""

    WEATHER = 1  # every driver within its tolerance
    LIGHT = 2  # the first driver within its tolerance
    CLOCK = 3  # the time of day


class Driver(NamedTuple):
    """A driver's name and how far it may differ: less than its own value at the gap, held within `low` and `high`."""

    name: str
    low: float
    high: float


DRIVERS = (Driver("SW_IN", 20.0, 50.0), Driver("TA", 2.5, 2.5), Driver("VPD", 5.0, 5.0))  # W m-2, K, hPa


class Side(NamedTuple):
    """Mean and number of like records that stand on one side of the gap's radiation, each (time, version)."""

    mean: np.ndarray
    count: np.ndarray


class Averaging(Protocol):
    """How like records become one value (time, version): from the mean of all and what lies on either side."""

    def __call__(self, mean: np.ndarray, dim: Side, bright: Side) -> np.ndarray: ...


@dataclass(frozen=True)
class PlainMean:
    """The mean of all like records (Reichstein et al. 2005)."""

    def __call__(self, mean: np.ndarray, dim: Side, bright: Side) -> np.ndarray:
        return mean


@dataclass(frozen=True)
class SymmetricMean:
    """Mean of the means below and above the gap's radiation, so that a lopsided sample weighs no side more.

    Where one side is empty it is the plain mean. Vekuri et al. 2023, 10.1038/s41598-023-28827-2.
    """

    def __call__(self, mean: np.ndarray, dim: Side, bright: Side) -> np.ndarray:
        both = (dim.count > 0) & (bright.count > 0)
        return np.where(both, (dim.mean + bright.mean) / 2, mean)


def _cascade(like: Likeness, halves: Sequence[int]) -> tuple[tuple[Likeness, int], ...]:
    return tuple((like, half) for half in halves)


@dataclass(frozen=True)
class MarginalDistribution:
    """A convention of marginal distribution sampling.

    `cascade` lists (likeness, half window [d]) in the order tried; of one likeness, half windows grow. With
    `whole_record` the last half window goes on growing, by its last step, until it spans the record. A record
    is filled from at least `samples` like ones; `reach` [h] is how far the time of day may differ. `quality`
    gives, by likeness, the full windows [d] above which the class of a filled value falls from 1 to 2 and to
    3. `closed` says whether a record that lies exactly half a window away still counts where weather or light
    is compared.
    """

    cascade: tuple[tuple[Likeness, int], ...]
    whole_record: bool
    closed: bool
    samples: int = 2
    reach: float = 1.0
    averaging: Averaging = PlainMean()
    quality: dict[Likeness, tuple[int, int]] = field(
        default_factory=lambda: {Likeness.WEATHER: (14, 56), Likeness.LIGHT: (14, 28), Likeness.CLOCK: (1, 5)}
    )

    @classmethod
    def oneflux(cls) -> "MarginalDistribution":
        """As ONEFlux: like weather up to 77 days away, then the time of day within the whole record."""
        return cls(cls._from(77, (3, 6)), whole_record=True, closed=False)

    @classmethod
    def reddyproc(cls) -> "MarginalDistribution":
        """As REddyProc: like weather up to 70 days away, then the time of day within 210 days."""
        return cls(cls._from(70, range(7, 211, 7)), whole_record=False, closed=True)

    @staticmethod
    def _from(last: int, clock: Sequence[int]) -> tuple[tuple[Likeness, int], ...]:
        weather, light, time = Likeness.WEATHER, Likeness.LIGHT, Likeness.CLOCK
        near = _cascade(weather, (7, 14)) + _cascade(light, (7,)) + _cascade(time, (0, 1, 2))
        far = _cascade(weather, range(21, last + 1, 7)) + _cascade(light, range(14, last + 1, 7))
        return near + far + _cascade(time, clock)

    def symmetric(self) -> "MarginalDistribution":
        """This convention with the symmetric mean."""
        return replace(self, averaging=SymmetricMean())

    def stages(self, days: int) -> tuple[Int[np.ndarray, " stage"], Int[np.ndarray, " stage"]]:
        """(likeness, half window [d]) of every stage for a record of so many days."""
        stages = list(self.cascade)
        if self.whole_record:
            like, last = stages[-1]
            step = last - stages[-2][1]
            stages += _cascade(like, range(last + step, days + step, step))
        kinds, halves = zip(*stages, strict=True)
        return np.array(kinds, np.int64), np.array(halves, np.int64)


class Sampled(NamedTuple):
    """What like records say of every record and version, each (time, version); 0 in `method` where there was none."""

    mean: np.ndarray
    sd: np.ndarray
    count: np.ndarray
    method: np.ndarray
    window: np.ndarray  # full width [d]


def measured(ds: xr.Dataset, name: str) -> xr.DataArray:
    """A variable where it was measured: finite, and of quality 0 where `<name>_QC` is there; NaN elsewhere.

    Raises DataError where the record has no such variable.
    """
    if name not in ds:
        raise DataError(f"The record has no '{name}'.", f"It has {', '.join(map(str, ds.data_vars))}.")
    quality, finite = ds.get(f"{name}_QC"), ds[name].where(np.isfinite(ds[name]))
    return finite if quality is None else finite.where(quality == 0)


def columns(
    values: xr.DataArray, others: Sequence[Hashable]
) -> tuple[Float[np.ndarray, "time version"], tuple[int, ...]]:
    """A variable as one column a version, and its shape on time and the `others`."""
    first = values.transpose("time", *others)
    return np.array(first.values.reshape(first.shape[0], -1), float, order="C"), first.shape


def drivers_of(
    ds: xr.Dataset, drivers: Sequence[Driver]
) -> tuple[Float[np.ndarray, "driver time"], list[str]]:
    """Measured drivers, NaN where missing, and the names of those that the record lacks altogether."""
    empty = np.full(ds.sizes["time"], np.nan)
    values = [measured(ds, d.name).values.astype(float) if d.name in ds else empty for d in drivers]
    return np.array(values), [
        d.name for d, v in zip(drivers, values, strict=True) if not np.isfinite(v).any()
    ]


def tolerances(
    values: Float[np.ndarray, "driver time"], drivers: Sequence[Driver]
) -> Float[np.ndarray, "driver time"]:
    """How far each driver may differ from its value at each record; NaN where the driver is missing."""
    return np.array([np.clip(v, d.low, d.high) for v, d in zip(values, drivers, strict=True)])


@njit(cache=True)
def _add(sums, side, shift, row):
    """Add one record's versions to (numbers below and above, sums below and above, sum, shifted sum of squares).

    Squares are taken about `shift` so that they do not cancel; the plain sum keeps the order of time, so that
    its last bit, on which ties hang, is that of the tools' means.
    """
    for v in range(row.size):
        x = row[v]
        if x == x:
            if shift[v] != shift[v]:
                shift[v] = x
            sums[side, v] += 1.0
            sums[2 + side, v] += x
            sums[4, v] += x
            sums[5, v] += (x - shift[v]) ** 2


@njit(cache=True)
def _add_span(sums, shift, first, last, at, width, weather, targets, used):
    """Add the pool's records first … last-1 whose first `used` drivers lie nearer to `at` than `width`."""
    for p in range(first, last):
        alike = True
        for k in range(used):
            if not abs(weather[k, p] - at[k]) < width[k]:
                alike = False
                break
        if alike:
            _add(sums, 1 if weather[0, p] > at[0] else 0, shift, targets[p])


@njit(cache=True)
def _add_clock(sums, shift, i, days, reach, daily, before, targets):
    """Add the pool's records `days` away from i at its time of day, `reach` steps to either side."""
    steps = before.size - 1
    for j in range(max(0, i + days * daily - reach), min(steps, i + days * daily + reach + 1)):
        if before[j + 1] > before[j]:
            _add(sums, 0, shift, targets[before[j]])


@njit(cache=True)
def _widen(sums, shift, i, kind, old, new, daily, reach, closed, before, at, width, weather, targets):
    """Add to `sums` what a half window of `new` days holds and one of `old` days (-1: none) did not."""
    if kind == 3:
        for days in range(old + 1, new + 1):
            _add_clock(sums, shift, i, days, reach, daily, before, targets)
            if days > 0:
                _add_clock(sums, shift, i, -days, reach, daily, before, targets)
        return
    steps = before.size - 1
    used = at.size if kind == 1 else 1
    left, right = max(0, i - new * daily + 1 - closed), min(steps, i + new * daily + closed)
    inner_left = max(0, i - old * daily + 1 - closed) if old > 0 else i
    inner_right = min(steps, i + old * daily + closed) if old > 0 else i
    _add_span(sums, shift, before[left], before[inner_left], at, width, weather, targets, used)
    _add_span(sums, shift, before[inner_right], before[right], at, width, weather, targets, used)


@njit(cache=True)
def _settle(i, sums, shift, samples, kind, half, open_, mean, sides, counts, sd, method, window):
    """Give record i its value in every open version that has enough like records; how many stay open."""
    left = 0
    for v in range(open_.size):
        if not open_[v]:
            continue
        n = sums[0, v] + sums[1, v]
        if n < samples:
            left += 1
            continue
        open_[v] = False
        mean[i, v] = sums[4, v] / n
        spread = sums[5, v] - n * (mean[i, v] - shift[v]) ** 2
        sd[i, v] = np.sqrt(max(spread, 0.0) / (n - 1)) if n > 1 else np.nan
        method[i, v] = kind
        window[i, v] = 2 * half + (1 if kind == 3 else 0)
        for side in range(2):
            counts[side, i, v] = sums[side, v]
            if sums[side, v] > 0:
                sides[side, i, v] = sums[2 + side, v] / sums[side, v]
    return left


@njit(cache=True)
def _sample(
    wanted, kinds, halves, samples, daily, reach, closed, before, drivers, width, weather, targets, out
):
    """Walk the cascade for every record and version in `wanted` (time, version)."""
    steps, versions = wanted.shape
    possible = np.empty(4, np.bool_)
    for i in range(steps):
        if not wanted[i].any():
            continue
        possible[2] = width[0, i] == width[0, i]
        possible[1] = not np.isnan(width[:, i]).any()
        possible[3] = True
        open_ = wanted[i].copy()
        sums = np.zeros((4, 6, versions))
        shift = np.full(versions, np.nan)
        reached = np.full(4, -1, np.int64)
        for s in range(kinds.size):
            kind, half = kinds[s], halves[s]
            if not possible[kind]:
                continue
            _widen(
                sums[kind], shift, i, kind, reached[kind], half, daily, reach, closed, before,
                drivers[:, i], width[:, i], weather, targets,
            )  # fmt: skip
            reached[kind] = half
            if _settle(i, sums[kind], shift, samples, kind, half, open_, *out) == 0:
                break


def sampled(
    targets: Float[np.ndarray, "time version"],
    drivers: Float[np.ndarray, "driver time"],
    widths: Float[np.ndarray, "driver time"],
    wanted: np.ndarray,
    daily: int,
    convention: MarginalDistribution,
) -> Sampled:
    """Sample like records for every `wanted` (time, version), `daily` steps a day; versions share all comparisons.

    A record without a driver cannot be alike by it (NaN in `drivers`, `widths`). NaN and 0 where nothing was
    found.
    """
    steps, versions = targets.shape
    known = np.isfinite(targets).any(axis=1)
    before = np.concatenate([[0], np.cumsum(known)]).astype(np.int64)
    kinds, halves = convention.stages(-(-steps // daily))
    reach = int(round(convention.reach * daily / 24))
    sides, counts = np.full((2, steps, versions), np.nan), np.zeros((2, steps, versions), np.int32)
    mean, sd = np.full((2, steps, versions), np.nan)
    method = np.zeros((steps, versions), np.int8)
    window = np.zeros((steps, versions), np.int32)
    _sample(
        np.ascontiguousarray(wanted), kinds, halves, convention.samples, daily, reach, int(convention.closed),
        before, drivers, widths, np.ascontiguousarray(drivers[:, known]), np.ascontiguousarray(targets[known]),
        (mean, sides, counts, sd, method, window),
    )  # fmt: skip
    mean = convention.averaging(mean, Side(sides[0], counts[0]), Side(sides[1], counts[1]))
    return Sampled(mean, sd, counts.sum(axis=0), method, window)


def quality(drawn: Sampled, convention: MarginalDistribution) -> np.ndarray:
    """Class of each sampled value (time, version): 1 good … 3 poor; NaN where nothing was found."""
    classes = np.full(drawn.method.shape, np.nan, np.float32)
    for like, (good, fair) in convention.quality.items():
        here = drawn.method == like
        classes[here] = 1 + (drawn.window[here] > good) + (drawn.window[here] > fair)
    return classes


def filled(
    ds: xr.Dataset,
    target: str = "NEE",
    drivers: Sequence[Driver] = DRIVERS,
    convention: MarginalDistribution | None = None,
    hats: bool = True,
) -> xr.Dataset:
    """The record with `target`'s gaps filled, in every version at once.

    `target` lies on `time` and any further dimensions (as percentile); what is missing or has a `<target>_QC`
    other than 0 is a gap. Adds `<target>_F` [unit of the target] and `<target>_F_QC` (0 measured, 1 good … 3
    poor, NaN not filled); with `hats` also what like records say of every step, measured or not:
    `<target>_HAT`, `_HAT_SD` (n - 1), `_HAT_N`, `_HAT_METHOD` (see Likeness; 0 none) and `_HAT_WINDOW` [d].
    Without `hats` only gaps are sampled, which is quicker. A driver that is missing at a record, or
    throughout, makes likeness by it impossible there. Raises DataError where the target was never measured.
    """
    convention = convention or MarginalDistribution.oneflux()
    values = measured(ds, target)
    others = [d for d in values.dims if d != "time"]
    targets, shape = columns(values, others)
    if not np.isfinite(targets).any():
        raise DataError(
            f"'{target}' was never measured in this record.", "Some measured values to sample from."
        )
    daily = per_day(ds)
    weather, absent = drivers_of(ds, drivers)
    widths = tolerances(weather, drivers)
    wanted = np.ones(targets.shape, bool) if hats else np.isnan(targets)
    parts = [
        sampled(targets[:, c : c + CHUNK], weather, widths, wanted[:, c : c + CHUNK], daily, convention)
        for c in range(0, targets.shape[1], CHUNK)
    ]
    drawn = Sampled(*(np.concatenate(field_, axis=1) for field_ in zip(*parts, strict=True)))
    classes = quality(drawn, convention)
    gap = np.isnan(targets)
    products = {
        f"{target}_F": np.where(gap, drawn.mean, targets),
        f"{target}_F_QC": np.where(gap, classes, np.float32(0)),
    }
    if hats:
        products |= {
            f"{target}_HAT": drawn.mean, f"{target}_HAT_SD": drawn.sd, f"{target}_HAT_N": drawn.count,
            f"{target}_HAT_METHOD": drawn.method, f"{target}_HAT_WINDOW": drawn.window,
        }  # fmt: skip
    notes = {"gap_filling": "marginal distribution sampling", "drivers_absent": ", ".join(absent)}
    return ds.assign({n: (("time", *others), a.reshape(shape), notes) for n, a in products.items()})
