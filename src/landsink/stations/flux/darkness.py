"""When it is day and when it is night, as tools for partitioning see it."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import xarray as xr

from landsink.stations.flux.clock import elevation_sine, hour, place, step_seconds
from landsink.stations.flux.gaps import measured


class DayNight(NamedTuple):
    """Where it is surely day and surely night, each (time). A record may be neither, never both."""

    day: np.ndarray
    night: np.ndarray


class Darkness(Protocol):
    """A rule that tells day from night."""

    def __call__(self, ds: xr.Dataset) -> DayNight: ...


def filled(ds: xr.Dataset, name: str) -> xr.DataArray:
    """A variable without gaps where the record has it so (`<name>_F`), else as it stands, else NaN throughout."""
    for known in (f"{name}_F", name):
        if known in ds:
            return ds[known]
    return xr.full_like(ds["time"], np.nan, dtype=float)


def _measured_light(ds: xr.Dataset) -> np.ndarray:
    return measured(ds, "SW_IN").values if "SW_IN" in ds else np.full(ds.sizes["time"], np.nan)


@dataclass(frozen=True)
class Light:
    """By SW_IN alone, filled where it was not measured: night up to `threshold` [W m-2], day above."""

    threshold: float = 4.0

    def __call__(self, ds: xr.Dataset) -> DayNight:
        light = filled(ds, "SW_IN").values
        return DayNight(light > self.threshold, light <= self.threshold)


@dataclass(frozen=True)
class LightAndSun:
    """Night where measured SW_IN is below `threshold` [W m-2] and the sun, mid-interval, below the horizon.

    Where SW_IN was not measured the sun decides alone. Reichstein et al. 2005; so in REddyProc.
    """

    threshold: float = 10.0

    def __call__(self, ds: xr.Dataset) -> DayNight:
        up, light = elevation_sine(ds) > 0, _measured_light(ds)
        return DayNight(up & ~(light <= self.threshold), ~up & ~(light >= self.threshold))


@dataclass(frozen=True)
class LightAndSunset:
    """Night where measured SW_IN is below `threshold` [W m-2] and the interval ends outside sunrise … sunset.

    Sunrise and sunset follow from latitude and date alone, as though noon stood at 12:00 of the station's clock: so in
    ONEFlux (Linacre 1992). Which twilight counts as night thus depends on how far the station lies from its time zone's
    meridian. It moves annual GPP by per cents: docs/explanation/partitioning.md.
    """

    threshold: float = 10.0

    def __call__(self, ds: xr.Dataset) -> DayNight:
        end = hour(ds) + step_seconds(ds) / 3600
        date = ds["time"].dt.dayofyear.values + (end >= 24)
        tilt = np.deg2rad(23.45) * np.sin(2 * np.pi / 365 * (date - 80))
        latitude = np.deg2rad(place(ds)[0])
        half = (
            np.arccos(np.clip(-np.tan(latitude) * np.tan(tilt), -1, 1)) * 12 / np.pi
        )  # h; polar day 12, polar night 0
        up = (np.abs(end % 24 - 12) < half) | (half >= 12)  # at midnight of a polar day too
        light = _measured_light(ds)
        return DayNight(up & ~(light <= self.threshold), ~up & ~(light >= self.threshold))
