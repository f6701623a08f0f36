"""A source of cells in memory, GENERATED, that answers as a release does."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import xarray as xr

LAT, LON = np.arange(-35.0, 40, 10), np.arange(-55.0, 60, 10)


@dataclass
class Grid:
    """Members (time, member, lat, lon) of one variable 'x'; `kept`: whether a release would have them."""

    each: np.ndarray
    land: np.ndarray
    unit: str = "kg m-2 s-1"
    kept: bool = True
    told: bool = True
    time: np.ndarray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self):
        if not self.time.size:
            self.time = (np.datetime64("2003-01") + np.arange(len(self.each))).astype("datetime64[ns]")

    @property
    def variables(self):
        row = {"unit": self.unit, "sign": "+ up", "sd": "x_sd" if self.told else "", "members": self.kept}
        return {"x": SimpleNamespace(**row)}

    def block(self, variable, rows, cols, times):
        part = self.each[times, :, rows, cols]
        return part.std(1, ddof=1) if variable == "x_sd" else part.mean(1)

    def members(self, variable, rows, cols, times):
        return self.each[times, :, rows, cols]

    def area(self):
        return self.land

    def region(self, variable, region):
        raise KeyError(region)

    def direct(self, weight: np.ndarray) -> xr.DataArray:
        """Area means of the members, (time, member), by xarray."""
        dims = ("time", "member", "lat", "lon")
        array = xr.DataArray(self.each, {"time": self.time}, dims)
        return array.weighted(xr.DataArray(weight, dims=("lat", "lon"))).mean(("lat", "lon"))


def grid(steps: int = 30, members: int = 12, seed: int = 0, **how) -> Grid:
    """Random members over random land, with sea."""
    draw = np.random.default_rng(seed)
    each = draw.gamma(3.0, 1e-8, (steps, members, len(LAT), len(LON)))
    each[:, :, draw.random((len(LAT), len(LON))) < 0.2] = np.nan
    return Grid(each, draw.uniform(1e11, 1e12, (len(LAT), len(LON))), **how)
