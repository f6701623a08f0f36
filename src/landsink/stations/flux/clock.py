"""A tower's clock and sun.

A record is a Dataset on `time`: the start of each averaging interval in local standard time, evenly spaced, without a
step missing. Its attributes say where it stands: `latitude` [degrees north], `longitude` [degrees east] and
`utc_offset` [h, local = UTC + offset]. Variables bear FLUXNET names in FLUXNET units (`names.UNITS`); NaN is missing.
"""

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from landsink.core.errors import DataError

SOLAR_CONSTANT = 1367.0  # W m-2, as ONEFlux and REddyProc take it
DAY = np.timedelta64(1, "D")


def step_seconds(ds: xr.Dataset) -> int:
    """Length of a record's averaging interval [s].

    Raises DataError where steps are missing, uneven, or do not divide a day.
    """
    time = ds["time"].values
    if time.size < 2:
        raise DataError(f"The record has {time.size} time steps.", "At least two, evenly spaced.")
    steps = np.unique(np.diff(time))
    if steps.size != 1 or steps[0] <= np.timedelta64(0, "s"):
        raise DataError(
            f"The record's time steps are uneven: {steps[:3].astype('timedelta64[s]')}.",
            "One length throughout.",
            "Put it on a regular axis with stations.flux.clock.regular.",
        )
    seconds = int(steps[0] / np.timedelta64(1, "s"))
    if 86400 % seconds:
        raise DataError(f"A step of {seconds} s does not divide a day.", "Such as 900, 1800 or 3600 s.")
    return seconds


def per_day(ds: xr.Dataset) -> int:
    """Steps in a day."""
    return 86400 // step_seconds(ds)


def regular(ds: xr.Dataset, seconds: int) -> xr.Dataset:
    """The record on whole days of evenly spaced steps, NaN where there was none; of repeated times the first stays."""
    first = ds.drop_duplicates("time").sortby("time")
    days = pd.DatetimeIndex(first["time"].values).floor("D")
    axis = pd.date_range(days[0], days[-1] + pd.Timedelta(days=1), freq=f"{seconds}s", inclusive="left")
    return first.reindex(time=axis)


def hour(ds: xr.Dataset) -> Float[np.ndarray, " time"]:
    """Hour of the local day at each interval's start [h]."""
    time = ds["time"].values
    return (time - time.astype("datetime64[D]")) / np.timedelta64(1, "h")


def year(ds: xr.Dataset) -> np.ndarray:
    """Calendar year (local) of each step (time), integers."""
    return ds["time"].dt.year.values


def place(ds: xr.Dataset) -> tuple[float, float, float]:
    """(latitude, longitude, utc_offset) of a record. Raises DataError where one is not known."""
    absent = [n for n in ("latitude", "longitude", "utc_offset") if not np.isfinite(ds.attrs.get(n, np.nan))]
    if absent:
        raise DataError(
            f"The record does not say its {', '.join(absent)}.",
            "Degrees north, degrees east and hours from UTC.",
            f"Set ds.attrs['{absent[0]}'].",
        )
    return tuple(float(ds.attrs[n]) for n in ("latitude", "longitude", "utc_offset"))  # type: ignore[return-value]


def declination(day_of_year: np.ndarray) -> np.ndarray:
    """Declination of the sun [rad] by day of year (any shape); Spencer 1971's series."""
    g = 2 * np.pi * (np.asarray(day_of_year, float) - 1) / 365
    return (
        0.006918 - 0.399912 * np.cos(g) + 0.070257 * np.sin(g) - 0.006758 * np.cos(2 * g)
        + 0.000907 * np.sin(2 * g) - 0.002697 * np.cos(3 * g) + 0.00148 * np.sin(3 * g)
    )  # fmt: skip


def equation_of_time(day_of_year: np.ndarray) -> np.ndarray:
    """Apparent minus mean solar time [h] by day of year (any shape); Spencer 1971's series."""
    g = 2 * np.pi * (np.asarray(day_of_year, float) - 1) / 365
    radians = (
        0.000075 + 0.001868 * np.cos(g) - 0.032077 * np.sin(g)
        - 0.014615 * np.cos(2 * g) - 0.040849 * np.sin(2 * g)
    )  # fmt: skip
    return radians * 12 / np.pi


def elevation_sine(ds: xr.Dataset, share: float = 0.5) -> Float[np.ndarray, " time"]:
    """Sine of the sun's elevation at a `share` of each interval (0.5: its middle)."""
    latitude, longitude, offset = place(ds)
    day = ds["time"].dt.dayofyear.values
    clock = hour(ds) + share * step_seconds(ds) / 3600
    solar = clock + equation_of_time(day) + longitude / 15 - offset
    angle, tilt, phi = np.pi / 12 * (solar - 12), declination(day), np.deg2rad(latitude)
    return np.sin(phi) * np.sin(tilt) + np.cos(phi) * np.cos(tilt) * np.cos(angle)


def potential_radiation(ds: xr.Dataset, points: int = 7) -> Float[np.ndarray, " time"]:
    """Sunlight on a horizontal plane above the air [W m-2], the mean of each interval."""
    day = ds["time"].dt.dayofyear.values
    distance = 1 + 0.033 * np.cos(2 * np.pi * day / 365)
    shares = (np.arange(points) + 0.5) / points
    lit = np.mean([np.maximum(elevation_sine(ds, share), 0.0) for share in shares], axis=0)
    return SOLAR_CONSTANT * distance * lit


def sun_is_down(ds: xr.Dataset) -> np.ndarray:
    """True (time) where the middle of the interval lies between sunset and sunrise."""
    return elevation_sine(ds) < np.sin(np.deg2rad(-0.8333))
