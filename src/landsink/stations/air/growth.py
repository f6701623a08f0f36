"""How fast a mole fraction grows, and how wide its season swings, year by year.

Two ways to tell a year's growth. From the trend of `curve.fit`: its value at the next 1 January less that at this one;
the long filter spreads a fast year over its neighbours. As NOAA publishes it: monthly means, less the mean of seven
adjacent seasonal cycles (the first and last years use the first and last seven), averaged over the months around
1 January: November to February at Mauna Loa, December and January for the globe; then the difference of two years.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.air.curve import Curve, design, interpolate, middle
from landsink.stations.air.select import GOOD, gas_of, sound


@dataclass(frozen=True)
class NewYear:
    """What stands for 1 January: the mean of `months` around it, season removed by the mean of `cycles` seasons."""

    months: int = 4
    cycles: int = 7

    MaunaLoa: ClassVar["NewYear"]
    Globe: ClassVar["NewYear"]


NewYear.MaunaLoa = NewYear(4)
NewYear.Globe = NewYear(2)


def january(years: np.ndarray) -> np.ndarray:
    """Days since 1970 of 1 January of each of `years`."""
    return (np.asarray(years) - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(float)


def adjacent(size: int, cycles: int) -> list[np.ndarray]:
    """For each of `size` months the months of the same name in the `cycles` nearest years, itself among them."""
    near = []
    for i in range(size):
        same = np.arange(i % 12, size, 12)
        first = int(np.clip(i // 12 - cycles // 2, 0, max(same.size - cycles, 0)))
        near.append(same[first : first + cycles])
    return near


def months_of(ds: xr.Dataset) -> xr.Dataset:
    """The record on every month from its first to its last. Raises DataError where it is not monthly."""
    if ds.attrs.get("interval") != "P1M":
        raise DataError(
            f"The record's interval is '{ds.attrs.get('interval')}'.",
            "Months (P1M).",
            "Take `monthly` first.",
        )
    month = ds["time"].values.astype("datetime64[M]")
    return ds.reindex(time=np.arange(month.min(), month.max() + 1).astype("datetime64[ns]"))


def deseasonalise(
    ds: xr.Dataset,
    gas: str | None = None,
    cycles: int = 7,
    curve: Curve = Curve.Ccgcrv,
    accept: Sequence[str] = (*GOOD, "interpolated"),
) -> xr.DataArray:
    """Monthly values (time) less the mean of `cycles` adjacent seasonal cycles about the trend of `curve`.

    The unit stays; a month without a value stays NaN. Raises DataError where the record is not monthly or too short.
    """
    gas = gas or gas_of(ds)
    made, y = design(ds, gas, curve, accept)
    whole = months_of(ds)
    value = whole[gas].where(xr.DataArray(sound_of(ds, whole, gas, accept), dims="time")).values
    trend = interpolate(middle(whole), made.axis, made.fit(y)["trend"])[0]
    swing = value - trend
    with np.errstate(invalid="ignore"):
        season = np.array([mean(swing[near]) for near in adjacent(value.size, cycles)])
    attrs = {k: v for k, v in ds[gas].attrs.items() if k != "ancillary_variables"}
    out = xr.DataArray(value - season, {"time": whole["time"]}, ("time",), f"{gas}_deseasonalised", attrs)
    out.attrs["long_name"] = f"{gas} less the mean of {cycles} adjacent seasonal cycles"
    return out


def sound_of(ds: xr.Dataset, whole: xr.Dataset, gas: str, accept: Sequence[str]) -> np.ndarray:
    """Where (time of `whole`) the record holds a sound value."""
    good = np.zeros(whole.sizes["time"], bool)
    good[
        np.searchsorted(
            whole["time"].values, ds["time"].values.astype("datetime64[M]").astype("datetime64[ns]")
        )
    ] = sound(ds, gas, accept)
    return good


def mean(x: np.ndarray) -> float:
    """The mean of what is there; NaN where nothing is."""
    there = x[np.isfinite(x)]
    return float(there.mean()) if there.size else float("nan")


def annual_increase(
    ds: xr.Dataset, gas: str | None = None, way: NewYear = NewYear.MaunaLoa, curve: Curve = Curve.Ccgcrv
) -> xr.DataArray:
    """Increase within each year (year) [the gas's unit per year], 1 January to 1 January, as NOAA tells it.

    ds: a monthly record. A year is NaN where one of the months that stand for its two ends has no value; the number of
    such years stands in the attribute `years_without`. Raises DataError where no year is left.
    """
    gas = gas or gas_of(ds)
    series = deseasonalise(ds, gas, way.cycles, curve)
    month = series["time"].values.astype("datetime64[M]").astype(int)
    half = way.months // 2
    years = np.arange(int(np.ceil((month[0] + half) / 12)), (month[-1] - half + 1) // 12 + 1) + 1970
    if years.size < 2:
        raise DataError("The record holds less than two turns of the year.", "At least two.")
    start = (years - 1970) * 12 - half - month[0]
    ends = np.array([series.values[i : i + way.months].mean() for i in start])
    increase = np.diff(ends)
    if not np.isfinite(increase).any():
        raise DataError(
            f"No year of {gas} has its months around both its ends.", "Months without gaps around 1 January."
        )
    attrs = {
        "units": f"{ds[gas].attrs.get('units', '')} yr-1",
        "long_name": f"increase of {gas} from 1 January to 1 January",
        "way": str(way),
        "calibration_scale": ds[gas].attrs.get("calibration_scale", "not stated"),
        "years_without": int(np.isnan(increase).sum()),
    }
    return xr.DataArray(increase, {"year": years[:-1]}, ("year",), f"{gas}_increase", attrs)


def yearly(
    axis: np.ndarray, trend: np.ndarray, season: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(years, growth, amplitude) of rows on a daily axis: whole years only.

    growth (m, year): trend at the next 1 January less that at this one; amplitude (m, year): highest less lowest
    season.
    """
    first, last = (
        int(t.astype("datetime64[Y]").astype(int)) + 1970
        for t in axis[[0, -1]].astype(int).astype("datetime64[D]")
    )
    years = np.arange(first, last + 1)
    years = years[(january(years) >= axis[0]) & (january(years + 1) <= axis[-1])]
    begin, end = (january(years) - axis[0]).astype(int), (january(years + 1) - axis[0]).astype(int)
    growth = trend[:, end] - trend[:, begin]
    swing = [np.ptp(season[:, a:b], axis=1) for a, b in zip(begin, end, strict=True)]
    return years, growth, np.array(swing).reshape(len(years), -1).T
