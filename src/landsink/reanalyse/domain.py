"""Cells on the globe: their area, and the regular grid that they may lie on."""

import dataclasses
from typing import Self

import numpy as np
import xarray as xr

EARTH_RADIUS = 6_371_007.2  # m, of the sphere with the Earth's area


def cell_area(lat: np.ndarray, height: float, width: float) -> np.ndarray:
    """Area of cells centred at `lat` (degrees), `height` by `width` degrees: m2."""
    north, south = np.deg2rad(lat + 0.5 * height), np.deg2rad(lat - 0.5 * height)
    return EARTH_RADIUS**2 * np.deg2rad(width) * (np.sin(north) - np.sin(south))


@dataclasses.dataclass(frozen=True)
class Grid:
    """A regular grid with the place of every cell in it."""

    lat: np.ndarray
    lon: np.ndarray
    row: np.ndarray
    column: np.ndarray

    @classmethod
    def of(cls, cells: xr.Dataset) -> Self | None:
        """The grid that cell centres lie on, or None if they lie on none (a list of sites)."""
        if (
            "lat" not in cells
            or "lon" not in cells
            or "site" in cells.dims
            or cells.sizes[next(iter(cells.dims))] < 4
        ):
            return None
        lat, row = np.unique(np.round(cells["lat"].to_numpy().astype(float), 6), return_inverse=True)
        lon, column = np.unique(np.round(cells["lon"].to_numpy().astype(float), 6), return_inverse=True)
        if min(len(lat), len(lon)) < 2 or len(lat) * len(lon) > 50 * len(row):
            return None
        step = np.diff(lat).min(), np.diff(lon).min()
        full_lat = np.arange(lat[0], lat[-1] + 0.5 * step[0], step[0])
        full_lon = np.arange(lon[0], lon[-1] + 0.5 * step[1], step[1])
        rows, columns = np.rint((lat[row] - lat[0]) / step[0]), np.rint((lon[column] - lon[0]) / step[1])
        exact = np.allclose(full_lat[rows.astype(int)], lat[row]) and np.allclose(
            full_lon[columns.astype(int)], lon[column]
        )
        return cls(full_lat, full_lon, rows.astype(int), columns.astype(int)) if exact else None

    @property
    def area(self) -> np.ndarray:
        """Area of every cell: (cell,) in m2."""
        return cell_area(self.lat[self.row], float(np.diff(self.lat)[0]), float(np.diff(self.lon)[0]))

    def land(self, cells: xr.Dataset) -> np.ndarray:
        """Area of land in every cell, by its `sftlf` (%) where it has one: (cell,) in m2."""
        return self.area * (cells["sftlf"].to_numpy() / 100.0 if "sftlf" in cells else 1.0)

    def lay(self, values: np.ndarray) -> np.ndarray:
        """(..., cell) laid out as (..., lat, lon); NaN, or 0 for integers, where there is no cell."""
        empty = np.nan if np.issubdtype(values.dtype, np.floating) else -1
        full = np.full((*values.shape[:-1], len(self.lat), len(self.lon)), empty, values.dtype)
        full[..., self.row, self.column] = values
        return full
