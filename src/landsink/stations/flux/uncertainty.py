"""How well a flux is known: chance in the measurement, choice of the u* threshold, and both together.

Random part after Hollinger & Richardson 2005 as the FLUXNET chain applies it (Pastorello et al. 2020,
10.1038/s41597-020-0534-3). Equations and conventions: docs/explanation/gap-filling.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numba import njit

from landsink.core.errors import DataError
from landsink.stations.flux.clock import per_day
from landsink.stations.flux.gaps import DRIVERS, Driver, columns, drivers_of, measured, tolerances

FLOORS = {"NEE": 2.0, "LE": 10.0, "H": 10.0}  # least half width of "a like flux" [unit of the flux]


@dataclass(frozen=True)
class RandomUncertainty:
    """A convention of the random uncertainty.

    Method 1 takes the standard deviation of fluxes measured under like weather within `days` and an hour of
    the clock time, of which there must be `samples`. `late` [h] moves that hour: ONEFlux's stored version
    scans -0.5 ... +1.5 h at half-hourly steps and -1 ... +1 h at hourly ones, where it documents -1 ... +1 h;
    whole steps count. Method 2 takes the median of method 1's results within `similar_days` whose flux
    differs by at most `share` of the flux, and at least by a floor.
    """

    days: int = 7
    reach: float = 1.0
    late: float = 0.5
    samples: int = 6
    similar_days: int = 14
    share: float = 0.2

    @classmethod
    def oneflux(cls) -> "RandomUncertainty":
        """What ONEFlux's stored version computes, one record late."""
        return cls()

    @classmethod
    def documented(cls) -> "RandomUncertainty":
        """What the method's papers describe: an hour to either side, five samples, like fluxes within five days."""
        return cls(late=0.0, samples=5, similar_days=5)


@njit(cache=True)
def _by_weather(values, drivers, widths, daily, days, first, last, samples):
    """(sd, number) of the values measured under like weather, NaN and 0 where too few."""
    steps = values.size
    sd, number = np.full(steps, np.nan), np.zeros(steps, np.int32)
    found = np.empty((2 * days + 1) * (last - first + 1))
    for i in range(steps):
        if values[i] != values[i]:
            continue
        n = 0
        for day in range(-days, days + 1):
            for j in range(max(0, i + day * daily + first), min(steps, i + day * daily + last + 1)):
                alike = values[j] == values[j]
                for k in range(drivers.shape[0]):
                    alike = alike and abs(drivers[k, j] - drivers[k, i]) < widths[k, i]
                if alike:
                    found[n] = values[j]
                    n += 1
        if n >= samples:
            sd[i], number[i] = found[:n].std() * np.sqrt(n / (n - 1)), n
    return sd, number


@njit(cache=True)
def _by_flux(fluxes, known, half, share, floor, sd, number, method):
    """Give records without a standard deviation the median of `known` ones of like flux within `half` steps."""
    steps = fluxes.size
    found = np.empty(2 * half)
    for i in range(steps):
        if known[i] == known[i] or fluxes[i] != fluxes[i]:
            continue
        width = max(floor, share * abs(fluxes[i]))
        low, high = fluxes[i] - width, fluxes[i] + width
        n = 0
        for j in range(max(0, i - half), min(steps, i + half)):
            if known[j] == known[j] and low <= fluxes[j] <= high:
                found[n] = known[j]
                n += 1
        if n > 0:
            sd[i], number[i], method[i] = np.median(found[:n]), n, 2


def random_uncertainty(
    ds: xr.Dataset,
    target: str = "NEE",
    drivers: Sequence[Driver] = DRIVERS,
    convention: RandomUncertainty | None = None,
    floor: float | None = None,
) -> xr.Dataset:
    """The record with the random uncertainty of a filled flux.

    Needs `target` (with `<target>_QC` where it holds filled values) and `<target>_F`, on `time` and any
    further dimensions. Adds `<target>_RANDUNC` [unit of the target, one standard deviation],
    `_RANDUNC_METHOD` (1 like weather, 2 like flux, 0 unknown) and `_RANDUNC_N`. `floor` [unit of the target]
    is the least half width of a like flux; known for NEE, LE and H. Where no record is alike the uncertainty
    is NaN. Raises DataError where that is so everywhere, or where the floor is not known.
    """
    convention = convention or RandomUncertainty.oneflux()
    floor = FLOORS.get(target) if floor is None else floor
    if floor is None:
        raise DataError(
            f"No least width of a like flux is known for '{target}'.",
            f"Known: {', '.join(FLOORS)}.",
            "Give floor.",
        )
    observed = measured(ds, target)
    others = [d for d in observed.dims if d != "time"]
    daily = per_day(ds)
    weather, _ = drivers_of(ds, drivers)
    widths = tolerances(weather, drivers)
    reach = int(round(convention.reach * daily / 24))
    late = int(convention.late * daily / 24)
    (values, shape), (fluxes, _) = columns(observed, others), columns(ds[f"{target}_F"], others)
    sd, number = np.full(values.shape, np.nan), np.zeros(values.shape, np.int32)
    method = np.zeros(values.shape, np.int8)
    for v in range(values.shape[1]):
        column = np.ascontiguousarray(values[:, v])
        known, count = _by_weather(
            column, weather, widths, daily, convention.days, late - reach, late + reach, convention.samples
        )
        sd[:, v], number[:, v], method[:, v] = known, count, np.isfinite(known)
        half = convention.similar_days * daily
        _by_flux(
            np.ascontiguousarray(fluxes[:, v]),
            known,
            half,
            convention.share,
            floor,
            sd[:, v],
            number[:, v],
            method[:, v],
        )
    if not np.isfinite(sd).any():
        raise DataError(
            f"Nowhere are {convention.samples} values of '{target}' measured under like weather.",
            "Some, to tell chance from weather.",
        )
    parts = {"": sd, "_METHOD": method, "_N": number}
    return ds.assign(
        {f"{target}_RANDUNC{n}": (("time", *others), a.reshape(shape)) for n, a in parts.items()}
    )


def percentile(versions: xr.DataArray, share: float, dim: str = "percentile") -> xr.DataArray:
    """The value below which a `share` [%] of the versions lie, at each step: the nearest rank, as ONEFlux takes it.

    It is taken step by step, so a series of it belongs to no single threshold.
    """
    rank = max(int(share / 100 * versions.sizes[dim] + 0.5) - 1, 0)

    def at_rank(values: np.ndarray) -> np.ndarray:
        # A copy, not a view: else every percentile would keep all versions in memory.
        return np.partition(values, rank, axis=-1)[..., rank].copy()

    return xr.apply_ufunc(at_rank, versions, input_core_dims=[[dim]]).assign_attrs(versions.attrs)
