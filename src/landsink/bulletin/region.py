"""A region's series from a gridded product: area weights, means, sums over a year, and what σ means there."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from landsink.bulletin.display import DAYS_PER_YEAR

EARTH_RADIUS = 6371007.2
UPPER_BOUND = "σ taken as fully correlated between cells and within a year: an upper bound"
ENSEMBLE = "σ of the region from the ensemble itself, taken as fully correlated within a year"


@dataclass(frozen=True)
class Regional:
    """Area-weighted series of one variable in its file's unit, with the area it stands for [m2]."""

    time: pd.DatetimeIndex
    mean: np.ndarray
    sd: np.ndarray
    area: float
    treatment: str

    def annual(self) -> pd.DataFrame:
        """Mean flux of every complete year (columns mean, sd), weighted by the length of each step."""
        days = _step_days(self.time)
        frame = pd.DataFrame(
            {"mean": self.mean * days, "sd": self.sd * days, "days": days}, index=self.time.year
        )
        years = frame.groupby(level=0).sum(min_count=1)
        years = years[(years["days"] > 359) & frame["mean"].groupby(level=0).apply(lambda x: x.notna().all())]
        return years[["mean", "sd"]].div(years["days"], axis=0)

    def total(self, kg_per_unit: float = 1.0) -> pd.DataFrame:
        """Annual sums over the region in kg a year (columns mean, sd), of a flux in kg m-2 s-1."""
        return self.annual() * self.area * DAYS_PER_YEAR * 86400 * kg_per_unit


def regional(product: xr.Dataset, name: str) -> Regional:
    """The regional series of `name`, shape (time,).

    A product that carries `name_regional` and `name_regional_sd` (made from its ensemble) is taken at its word;
    otherwise cells are averaged by area and their σ likewise, which assumes that all cells err together.
    """
    weights = cell_area(product).where(product[name].notnull().any("time"))
    area = float(weights.sum())
    if f"{name}_regional" in product:
        mean, sd, treatment = product[f"{name}_regional"], product[f"{name}_regional_sd"], ENSEMBLE
    else:
        mean = product[name].weighted(weights.fillna(0)).mean(("lat", "lon"))
        sd = _spread(product, name).weighted(weights.fillna(0)).mean(("lat", "lon"))
        treatment = UPPER_BOUND
    return Regional(pd.DatetimeIndex(product["time"].values), mean.values, sd.values, area, treatment)


def cell_area(product: xr.Dataset) -> xr.DataArray:
    """Land area of each cell [m2], shape (lat, lon): `areacella` and `sftlf` [%] where the product has them."""
    if "areacella" in product:
        area = product["areacella"]
    else:
        south, north = (np.sin(np.deg2rad(edge)) for edge in _edges(product["lat"].values))
        west, east = _edges(product["lon"].values)
        square = EARTH_RADIUS**2 * np.abs(north - south)[:, None] * np.deg2rad(np.abs(east - west))[None, :]
        area = xr.DataArray(
            square, dims=("lat", "lon"), coords={"lat": product["lat"], "lon": product["lon"]}
        )
    return area * product["sftlf"] / 100 if "sftlf" in product else area


def borders(centres: np.ndarray) -> np.ndarray:
    """The n + 1 borders of n cells from their centres; a lone cell is taken as one degree wide."""
    centres = np.asarray(centres, dtype=float)
    if centres.size == 1:
        return centres[0] + np.array([-0.5, 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _edges(centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edge = borders(centres)
    return edge[:-1], edge[1:]


def _spread(product: xr.Dataset, name: str) -> xr.DataArray:
    return product[f"{name}_sd"] if f"{name}_sd" in product else product[name] * np.nan


def _step_days(time: pd.DatetimeIndex) -> np.ndarray:
    if len(time) < 2:
        return np.full(len(time), np.nan)
    days = np.diff(time.values) / np.timedelta64(1, "D")
    # The last step has no successor; a month's length is known, another step is like the one before it.
    last = time[-1].days_in_month if np.median(days) > 27 else days[-1]
    return np.append(days, last)
