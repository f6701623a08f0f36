"""Hours to days and months: which hours of an air record speak for a wide landscape.

A tall tower feels the well-mixed boundary layer in the afternoon; a mountain stands in the free air at night, when no
upslope wind brings the valley's air. Hours are of local mean solar time (UTC + longitude / 15).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from landsink.core.errors import DataError

# Quality that a product may rest on, by the meanings of CF flags, from the best to the least.
GOOD = ("correct_after_manual_control", "correct_before_manual_control", "not_flagged")
STEP_HOURS = {"PT1H": 1.0, "PT1M": 1 / 60}


@dataclass(frozen=True)
class Hours:
    """Hours of the local solar day from `first` up to `last` [h]; past midnight where `last` is the smaller."""

    first: float
    last: float
    name: str = ""

    Afternoon: ClassVar["Hours"]
    MountainNight: ClassVar["Hours"]
    WholeDay: ClassVar["Hours"]

    @property
    def length(self) -> float:
        """Hours from first to last."""
        return (self.last - self.first) % 24 or 24.0

    def within(self, hour: np.ndarray) -> np.ndarray:
        """Whether each `hour` (any shape) lies between."""
        return (hour - self.first) % 24 < self.length


# The windows that inverse models use: 12-16 for towers, 0-4 for mountains (as in ObsPack's assimilation windows).
Hours.Afternoon = Hours(12, 16, "afternoon")
Hours.MountainNight = Hours(0, 4, "mountain night")
Hours.WholeDay = Hours(0, 24, "whole day")


def gas_of(ds: xr.Dataset) -> str:
    """The record's (first) gas: the variable that says which others belong to it."""
    named = [str(name) for name in ds.data_vars if "ancillary_variables" in ds[name].attrs]
    if not named:
        raise DataError(
            f"The record's variables are {', '.join(map(str, ds.data_vars))}.",
            "A gas with 'ancillary_variables'.",
            "Open the file with landsink.sources.air.open_air, or name the gas.",
        )
    return named[0]


def flag_of(ds: xr.Dataset, gas: str) -> str | None:
    """The name of a gas's flag variable, or None."""
    belonging = str(ds[gas].attrs.get("ancillary_variables", "flag")).split()
    return next((name for name in belonging if name in ds and "flag_meanings" in ds[name].attrs), None)


def codes(flag: xr.DataArray) -> dict[str, int]:
    """Code of each meaning of a CF flag variable."""
    meanings = str(flag.attrs["flag_meanings"]).split()
    return dict(zip(meanings, (int(v) for v in flag.attrs["flag_values"]), strict=True))


def sound(ds: xr.Dataset, gas: str, accept: Sequence[str] = GOOD) -> np.ndarray:
    """True (time) where the gas has a value and its flag, if any, a meaning in `accept`."""
    valid = np.isfinite(ds[gas].values)
    name = flag_of(ds, gas)
    if name is None:
        return valid
    known = codes(ds[name])
    return valid & np.isin(ds[name].values, [known[meaning] for meaning in accept if meaning in known])


def solar_time(ds: xr.Dataset) -> np.ndarray:
    """Local mean solar time (time) [datetime64[ns]]. Raises DataError where the longitude is not known."""
    longitude = ds.attrs.get("longitude", np.nan)
    if not np.isfinite(longitude):
        raise DataError(
            "The record does not say its longitude.",
            "Degrees east.",
            "Set ds.attrs['longitude'] (sun's time rests on it).",
        )
    return ds["time"].values + np.timedelta64(round(float(longitude) / 15 * 3600), "s")


def grouped(values: np.ndarray, group: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, spread (n - 1) and count of `values` in each of `size` groups; NaN where none, spread NaN below two."""
    n = np.bincount(group, minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(group, values, size) / n
        spread = np.sqrt(np.bincount(group, (values - mean[group]) ** 2, size) / (n - 1))
    return mean, np.where(n > 1, spread, np.nan), n


def worst(flags: np.ndarray, group: np.ndarray, size: int, order: Sequence[int], missing: int) -> np.ndarray:
    """The least trusted flag in each group; `order`: codes from the best to the least."""
    rank = np.full(size, -1)
    np.maximum.at(rank, group, np.array([list(order).index(f) for f in flags], dtype=int))
    return np.append(np.asarray(order), missing)[rank].astype(np.int8)


def gathered(
    ds: xr.Dataset, gas: str, use: np.ndarray, group: np.ndarray, times: np.ndarray, least: np.ndarray
) -> xr.Dataset:
    """One record of `gas` at `times` from the rows where `use`; groups with fewer than `least` values are missing.

    Flags and the calibration scale go along: a mean bears the least trusted flag among what it was made of.
    """
    size = times.size
    mean, spread, n = grouped(ds[gas].values[use].astype(float), group[use], size)
    enough = n >= np.maximum(least, 1)
    variables = {
        gas: ("time", np.where(enough, mean, np.nan), dict(ds[gas].attrs)),
        f"{gas}_sd": ("time", np.where(enough, spread, np.nan), {"units": ds[gas].attrs.get("units", "")}),
        "n": ("time", n, {"units": "1", "long_name": "number of values averaged"}),
    }
    name = flag_of(ds, gas)
    if name is not None:
        known = codes(ds[name])
        order = [known[m] for m in (*GOOD, *(m for m in known if m not in GOOD)) if m in known]
        flag = worst(ds[name].values[use], group[use], size, order, known.get("missing", 0))
        flag = np.where(enough, flag, known.get("missing", 0)).astype(np.int8)
        variables["flag"] = ("time", flag, dict(ds[name].attrs))
    out = xr.Dataset(variables, coords={"time": times}, attrs=dict(ds.attrs))
    out[gas].attrs["ancillary_variables"] = " ".join(key for key in variables if key != gas)
    return out


def daily(
    ds: xr.Dataset,
    hours: Hours = Hours.Afternoon,
    gas: str | None = None,
    least: float = 0.5,
    accept: Sequence[str] = GOOD,
) -> xr.Dataset:
    """Days of local solar time: the mean of the `hours` chosen, where at least a share `least` of them is sound.

    ds: an hourly (or minutely) air record with a longitude. Returns a record with `interval` P1D: the gas, its spread
    between hours `<gas>_sd`, `n` hours, `flag`. Raises DataError where no day has enough hours.
    """
    gas = gas or gas_of(ds)
    interval = ds.attrs.get("interval", "")
    if interval not in STEP_HOURS:
        raise DataError(
            f"The record's interval is '{interval or 'samples'}'.", "Hours (PT1H).", "Fit it as it is."
        )
    local = solar_time(ds) + np.timedelta64(int(STEP_HOURS[interval] * 1800), "s")
    day = local.astype("datetime64[D]")
    hour = (local - day) / np.timedelta64(3600, "s")
    times = np.arange(day.min(), day.max() + 1)
    use = sound(ds, gas, accept) & hours.within(hour)
    expected = np.full(times.size, least * hours.length / STEP_HOURS[interval])
    out = gathered(ds, gas, use, (day - times[0]).astype(int), times.astype("datetime64[ns]"), expected)
    if not out[gas].notnull().any():
        raise DataError(
            f"No day has {100 * least:.0f} % of the hours {hours.first:g}-{hours.last:g} sound.",
            f"Flags among {', '.join(accept)}.",
            "Choose other hours, a smaller share, or look at the flags.",
        )
    out.attrs |= {
        "interval": "P1D",
        "selection": f"{hours.name or 'hours'}: {hours.first:g}-{hours.last:g} h local mean solar time",
        "selection_flags": " ".join(accept),
        "day_note": "days of local mean solar time",
    }
    return out


def monthly(
    ds: xr.Dataset, gas: str | None = None, least: int = 10, accept: Sequence[str] = GOOD
) -> xr.Dataset:
    """Months as the mean of at least `least` days; `<gas>_sd` is the spread between days, `n` counts them.

    ds: a daily record, as `daily` gives it. Raises DataError where no month has enough days.
    """
    gas = gas or gas_of(ds)
    if ds.attrs.get("interval") != "P1D":
        raise DataError(
            f"The record's interval is '{ds.attrs.get('interval')}'.", "Days (P1D).", "Take `daily` first."
        )
    month = ds["time"].values.astype("datetime64[M]")
    times = np.arange(month.min(), month.max() + 1)
    group = (month - times[0]).astype(int)
    enough = np.full(times.size, least)
    out = gathered(ds, gas, sound(ds, gas, accept), group, times.astype("datetime64[ns]"), enough)
    if not out[gas].notnull().any():
        raise DataError(f"No month has {least} sound days.", remedy="Ask for fewer days.")
    out.attrs["interval"] = "P1M"
    out["time"].attrs = {"standard_name": "time", "long_name": "interval start"}
    return out
