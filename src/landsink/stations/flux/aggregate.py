"""Half-hours to days, weeks, months and years, with FLUXNET's units and quality fractions.

* Carbon becomes g C m-2 d-1 from days on, and g C m-2 yr-1 in a year; rain mm d-1 and mm yr-1; all else is averaged.
* `X_QC` turns round: of half-hours it is a class (0 measured, 1 … 3 filled, worse), of anything longer the share of
  half-hours measured or filled well (0 none … 1 all).
* Random errors average out, sqrt(sum sigma^2) / n; what hangs on the choice of u* does not: a joint error is put
  together anew at each length from that length's own percentiles.

Variables may have further dimensions beside `time` (as the u* percentile); they are kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float, Int

from landsink.core.errors import DataError
from landsink.stations.flux import clock
from landsink.stations.flux.names import UNITS

GRAMS_PER_DAY = 12.0107e-6 * 86400  # umol CO2 m-2 s-1 -> g C m-2 d-1, with the atomic mass that ONEFlux takes
CARBON = ("NEE", "GPP", "RECO", "FC", "SC")
RAIN = ("P", "P_F", "P_ERA")
GOOD = 1  # the worst class of half-hour that counts as measured or filled well
# What one length says of its own steps and no mean can say of a longer one.
NOT_CARRIED = ("_RAW", "_CHECK", "_SPIKE", "_METHOD", "_RANDUNC_N", "_CF_N", "NIGHT", "DAY")
PERCENTILE = re.compile(r"_(05|16|25|50|75|84|95)$")
WIDE = "mean of the half-hours' percentiles: wider than percentiles of versions that were averaged first"
QUARTILES = 1.349  # standard deviations between the quartiles of a normal variable


@dataclass(frozen=True)
class Length:
    """A length of time: its mark in file names, and the units of carbon and of rain over it."""

    mark: str
    carbon: str
    rain: str


DAY = Length("DD", "gC m-2 d-1", "mm d-1")
WEEK = Length("WW", "gC m-2 d-1", "mm d-1")
MONTH = Length("MM", "gC m-2 d-1", "mm d-1")
YEAR = Length("YY", "gC m-2 yr-1", "mm yr-1")
LENGTHS: Mapping[str, Length] = MappingProxyType({one.mark: one for one in (DAY, WEEK, MONTH, YEAR)})


def days(ds: xr.Dataset, share: float = 0.5) -> xr.Dataset:
    """Days of a record of half-hours (or hours, or quarters); a day needs more than `share` of its steps."""
    steps = clock.per_day(ds)
    day = ds["time"].values.astype("datetime64[D]")
    first, group = np.unique(day, return_inverse=True)
    whole = np.full(first.size, steps)
    return _gathered(ds, group, first.astype("datetime64[ns]"), whole, share, DAY, from_steps=True)


def weeks(daily: xr.Dataset, share: float = 0.5) -> xr.Dataset:
    """Weeks from `days`: 52 a year, from 1 January on; the last one takes the remaining one or two days."""
    time = pd.DatetimeIndex(daily["time"].values)
    week = np.minimum((time.day_of_year.to_numpy() - 1) // 7, 51)
    key = time.year.to_numpy() * 100 + week
    keys, group = np.unique(key, return_inverse=True)
    years = [pd.Timestamp(year=int(k // 100), month=1, day=1) for k in keys]
    first = np.array(
        [y + pd.Timedelta(days=7 * int(k % 100)) for y, k in zip(years, keys, strict=True)], "datetime64[ns]"
    )
    whole = np.array([7 if k % 100 < 51 else 8 + y.is_leap_year for y, k in zip(years, keys, strict=True)])
    return _gathered(daily, group, first, whole, share, WEEK)


def months(daily: xr.Dataset, share: float = 0.5) -> xr.Dataset:
    """Calendar months from `days`."""
    month = daily["time"].values.astype("datetime64[M]")
    first, group = np.unique(month, return_inverse=True)
    start = first.astype("datetime64[ns]")
    return _gathered(daily, group, start, pd.DatetimeIndex(start).days_in_month.to_numpy(), share, MONTH)


def years(daily: xr.Dataset, share: float = 0.5) -> xr.Dataset:
    """Calendar years from `days`: carbon and rain summed up, as mean times the year's days."""
    year = daily["time"].values.astype("datetime64[Y]")
    first, group = np.unique(year, return_inverse=True)
    whole = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(int)
    yearly = _gathered(daily, group, first.astype("datetime64[ns]"), whole, share, YEAR)
    summed = {
        name: (yearly[name] * xr.DataArray(whole, dims="time")).assign_attrs(yearly[name].attrs)
        for name in map(str, yearly.data_vars)
        if not name.endswith("_QC") and (is_carbon(name) or name in RAIN)
    }
    return yearly.assign(summed)


def is_carbon(name: str) -> bool:
    """Whether a FLUXNET name is of a carbon flux, or of its error."""
    return name.split("_")[0] in CARBON


def _gathered(
    ds: xr.Dataset,
    group: Int[np.ndarray, " time"],
    first: np.ndarray,
    whole: Int[np.ndarray, " span"],
    share: float,
    length: Length,
    from_steps: bool = False,
) -> xr.Dataset:
    """Every variable over each span: `group` numbers the span of each step, `whole` is how many steps a span has."""
    if not 0 <= share < 1:
        raise DataError(f"A share of {share} of steps.", "From 0 up to, not including, 1.")
    made = {}
    for name, values in ds.data_vars.items():
        if "time" not in values.dims or values.dtype.kind not in "iufb" or str(name).endswith(NOT_CARRIED):
            continue
        across = values.transpose("time", ...)
        numbers = across.values.astype(float)
        result = _span(str(name), numbers, group, whole, share, from_steps)
        made[name] = (across.dims, result, _attrs(str(name), dict(values.attrs), length))
    coords = {k: v for k, v in ds.coords.items() if "time" not in v.dims}
    attrs = ds.attrs | {"resolution": length.mark}
    return joint(xr.Dataset(made, coords=coords | {"time": first}, attrs=attrs))


def _span(
    name: str, values: np.ndarray, group: np.ndarray, whole: np.ndarray, share: float, from_steps: bool
) -> np.ndarray:
    """One variable (time, …) over spans (span, …)."""
    if name.endswith("_QC"):
        # An error of measurement would be to count what is missing as bad here: its own mean says it is missing.
        return _mean(
            np.where(np.isnan(values), np.nan, values <= GOOD) if from_steps else values, group, whole, share
        )
    if name.endswith("UNC"):
        spread = np.sqrt(_mean(values**2, group, whole, share) / _count(values, group, whole.size))
        return spread * (GRAMS_PER_DAY if from_steps and is_carbon(name) else 1.0)
    mean = _mean(values, group, whole, share)
    if not from_steps:
        return mean
    if name in RAIN:
        return mean * whole.reshape(-1, *(1,) * (mean.ndim - 1))
    return mean * GRAMS_PER_DAY if is_carbon(name) else mean


def _count(values: np.ndarray, group: np.ndarray, spans: int) -> Float[np.ndarray, "span ..."]:
    """How many values each span has; NaN for none."""
    count = _sum(np.isfinite(values).astype(float), group, spans)
    return np.where(count > 0, count, np.nan)


def _sum(values: np.ndarray, group: np.ndarray, spans: int) -> np.ndarray:
    total = np.zeros((spans, *values.shape[1:]))
    np.add.at(total, group, values)
    return total


def _mean(
    values: np.ndarray, group: np.ndarray, whole: np.ndarray, share: float
) -> Float[np.ndarray, "span ..."]:
    """Means of what is there, NaN where no more than `share` of a span's `whole` steps are."""
    count = _count(values, group, whole.size)
    enough = count > share * whole.reshape(-1, *(1,) * (values.ndim - 1))
    return np.where(enough, _sum(np.nan_to_num(values), group, whole.size) / count, np.nan)


def _attrs(name: str, attrs: dict[str, object], length: Length) -> dict[str, object]:
    kept = {k: v for k, v in attrs.items() if k not in ("flag_values", "flag_meanings", "units")}
    if name.endswith("_QC"):
        return kept | {"units": "1", "comment": "share of half-hours measured or filled well"}
    if is_carbon(name):
        wide = {"comment": WIDE} if length is DAY and PERCENTILE.search(name) else {}
        return kept | wide | {"units": length.carbon}
    if name in RAIN:
        return kept | {"units": length.rain}
    known = UNITS.get(name) or UNITS.get(base(name))
    unit = attrs.get("units", known.unit if known else None)
    return kept | ({"units": unit} if unit is not None else {})


def base(name: str) -> str:
    """The measured quantity of a FLUXNET name: TA of TA_F_MDS, SW_IN of SW_IN_F_QC; the name itself where unknown."""
    return next(
        (
            known
            for known in sorted(UNITS, key=len, reverse=True)
            if name == known or name.startswith(f"{known}_")
        ),
        name,
    )


def joint(ds: xr.Dataset) -> xr.Dataset:
    """The record with every `<X>_JOINTUNC` put together from what stands beside it; those that cannot be are dropped.

    NEE: sqrt(RANDUNC^2 + ((p84 - p16) / 2)^2) over u* thresholds; LE_CORR and H_CORR: likewise with the quartiles of
    the correction, (CORR_75 - CORR_25) / 1.349. Call it anew once percentiles of a length have been taken across
    versions.
    """
    made = {}
    for random in [str(n) for n in ds.data_vars if str(n).endswith("_RANDUNC")]:
        name, low, high, width = _joint_of(random.removesuffix("_RANDUNC"))
        if low in ds and high in ds:
            attrs = {k: v for k, v in ds[random].attrs.items() if k != "long_name"}
            made[name] = np.hypot(ds[random], (ds[high] - ds[low]) / width).assign_attrs(attrs)
    gone = [str(n) for n in ds.data_vars if str(n).endswith("_JOINTUNC") and n not in made]
    return ds.assign(made).drop_vars(gone)


def _joint_of(flux: str) -> tuple[str, str, str, float]:
    """(name of the joint error, low, high, their distance in standard deviations) of a flux."""
    if flux in ("LE", "H"):
        return f"{flux}_CORR_JOINTUNC", f"{flux}_CORR_25", f"{flux}_CORR_75", QUARTILES
    family = flux.rsplit("_", 1)[0]
    return f"{flux}_JOINTUNC", f"{family}_16", f"{family}_84", 2.0


def coarsened(ds: xr.Dataset, seconds: int = 1800) -> xr.Dataset:
    """A measured record of shorter steps on steps of `seconds`: means of what is there in at least half of a step,
    sums of rain (of all of it). Raises DataError where the record's steps do not fit into the new ones.

    For measured values only, before anything is filled: quality classes are not carried.
    """
    step = clock.step_seconds(ds)
    if seconds % step or 86400 % seconds:
        raise DataError(f"Steps of {step} s do not fit into {seconds} s.", "A whole number of them.")
    if seconds == step:
        return ds
    time = ds["time"].values
    span = np.timedelta64(seconds, "s")
    first, group = np.unique(time - (time - time.astype("datetime64[D]")) % span, return_inverse=True)
    whole = np.full(first.size, seconds // step)
    made = {}
    for name in [
        str(n)
        for n, v in ds.data_vars.items()
        if v.dims == ("time",) and not str(n).endswith(("_QC", *NOT_CARRIED))
    ]:
        values = ds[name].values.astype(float)
        # More than "just under half": half of a step is enough for a mean, while rain must be whole to be summed.
        mean = _mean(values, group, whole, 1 - 1e-9 if name in RAIN else 0.5 - 1e-9)
        made[name] = ("time", mean * (whole if name in RAIN else 1), ds[name].attrs)
    return xr.Dataset(made, coords={"time": first.astype("datetime64[ns]")}, attrs=ds.attrs)
