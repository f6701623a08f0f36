"""What of a Dataset can be published: the variables that lie on a regular latitude-longitude grid with time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from landsink.core.errors import DataError
from landsink.core.late import Late

# Half of what a server answers needs no labelled arrays, and they take a second to load.
xr = Late("xarray")

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
RESERVED = ("time", "lat", "lon", "member", "region")
EARTH_RADIUS = 6_371_007.2  # m, of the sphere with the Earth's area
HELD = 400_000_000  # bytes of a product that is read once and held, rather than read for every layout
UNEVEN = 1e-3  # departure from even steps, in steps, that float32 coordinates may have
SHARES: Mapping[str, float] = MappingProxyType({"%": 0.01, "1": 1.0})  # what a unit of sftlf is of a cell
EXPECTED = "A grid with even steps of latitude and longitude, and time."


@dataclass(frozen=True)
class Gridded:
    """A Dataset with dimensions time, lat and lon; longitude rises within -180…180; what else it held is left out.

    names: variables on (time, lat, lon) that are no standard deviation of another. sd, members: name -> name of the
    standard deviation, or of the ensemble on (time, member, lat, lon).
    """

    ds: xr.Dataset
    names: tuple[str, ...]
    sd: Mapping[str, str]
    members: Mapping[str, str]

    @classmethod
    def of(cls, ds: xr.Dataset) -> Self:
        """Raises DataError with the reason where nothing of `ds` can be published."""
        lat, lon = (
            _axis(ds, "latitude", "degrees_north", "lat"),
            _axis(ds, "longitude", "degrees_east", "lon"),
        )
        if "time" not in ds.dims or ds["time"].dtype.kind != "M":
            raise DataError("There is no time axis with dates of the common calendar.", EXPECTED)
        time = ds["time"].to_numpy()
        if len(time) > 1 and not (np.diff(time) > np.timedelta64(0)).all():
            raise DataError("Time does not rise.", EXPECTED)
        renames = {a: b for a, b in ((lat, "lat"), (lon, "lon")) if a != b and a in ds.variables}
        ds = _turned(ds.rename(renames))
        _even(ds["lat"].to_numpy(), "latitude", 90.0)
        _even(ds["lon"].to_numpy(), "longitude", 180.0)
        series = [n for n in map(str, ds.data_vars) if _fits(ds, n, {"time", "lat", "lon"})]
        sd = {n: s for n in series if (s := _spread(ds, n)) in series and s != n}
        names = tuple(sorted(n for n in series if n not in sd.values()))
        if not names:
            raise DataError("No variable lies on time, latitude and longitude.", EXPECTED)
        members = {
            n: f"{n}_members" for n in names if _fits(ds, f"{n}_members", {"time", "member", "lat", "lon"})
        }
        return cls(ds, names, sd, members)

    def held(self) -> Self:
        """The same in memory where it is small; a large one is read part by part."""
        fixed = [n for n in map(str, self.ds.data_vars) if _fits(self.ds, n, {"lat", "lon"})]
        used = self.ds[[*self.layers, *self.members.values(), *fixed]]
        return replace(self, ds=used.compute(scheduler="threads")) if used.nbytes <= HELD else self

    @property
    def layers(self) -> tuple[str, ...]:
        """All names on (time, lat, lon), each variable before its standard deviation."""
        return tuple(n for name in self.names for n in (name, self.sd.get(name, "")) if n)

    def field(self, name: str) -> np.ndarray:
        """A field of (lat, lon), or an empty array where there is none."""
        if not _fits(self.ds, name, {"lat", "lon"}):
            return np.empty(0)
        return self.ds[name].transpose("lat", "lon").to_numpy()

    def land(self) -> np.ndarray:
        """Land of every cell, (lat, lon) in m2: areacella times sftlf; the sphere's cells where they are not told."""
        lat, lon = self.ds["lat"].to_numpy(), self.ds["lon"].to_numpy()
        area, share = self.field("areacella"), self.field("sftlf")
        area = area.astype(float) if area.size else np.repeat(cell_area(lat, lon)[:, None], len(lon), 1)
        return np.nan_to_num(area * (share * self.share if share.size else 1.0))

    @property
    def share(self) -> float:
        """What one unit of `sftlf` is of a cell: a hundredth where it is told in %."""
        unit = str(self.ds["sftlf"].attrs.get("units", "%")) if "sftlf" in self.ds else "%"
        return SHARES.get(unit, 0.01)


def cell_area(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Area of the cells of each row, (lat,) in m2; rows end at the poles."""
    half, width = abs(float(lat[1] - lat[0])) / 2, abs(float(lon[1] - lon[0]))
    north, south = np.deg2rad(np.clip(lat + half, -90, 90)), np.deg2rad(np.clip(lat - half, -90, 90))
    return EARTH_RADIUS**2 * np.deg2rad(width) * (np.sin(north) - np.sin(south))


def attributes(array: xr.DataArray) -> dict[str, Any]:
    """CF attributes of a variable that JSON can hold."""
    plain = {str(k): v.item() if isinstance(v, np.generic) else v for k, v in array.attrs.items()}
    return {
        k: v
        for k, v in plain.items()
        if isinstance(v, str | int | float | bool) and np.isfinite(0.0 if isinstance(v, str) else v)
    }


def _axis(ds: xr.Dataset, standard: str, unit: str, short: str) -> str:
    found = [
        str(n)
        for n, v in ds.coords.items()
        if v.attrs.get("standard_name") == standard or v.attrs.get("units") == unit or n in (short, standard)
    ]
    if not found:
        raise DataError(f"There is no {standard}.", EXPECTED)
    if ds[found[0]].dims != (found[0],):
        raise DataError(f"{found[0]} is no axis of the grid.", EXPECTED, "Bring it onto such a grid first.")
    return found[0]


def _turned(ds: xr.Dataset) -> xr.Dataset:
    lon = ds["lon"].to_numpy().astype(float)
    turned = np.where(lon > 180.0, lon - 360.0, lon)
    if (turned == lon).all() and (np.diff(lon) > 0).all():
        return ds
    # Each 0 … 360 is cut at 180; a cell that stands there already stays in the east.
    return ds.assign_coords(lon=("lon", turned, ds["lon"].attrs)).sortby("lon")


def _even(values: np.ndarray, what: str, most: float) -> None:
    values = values.astype(float)
    if len(values) < 2:
        raise DataError(f"The {what} has {len(values)} values.", "Two at least.")
    steps = np.diff(values)
    mean = (values[-1] - values[0]) / (len(values) - 1)
    if not np.isfinite(values).all() or mean == 0 or (np.abs(steps / mean - 1) > UNEVEN).any():
        raise DataError(f"The {what} has uneven steps.", EXPECTED, "Bring it onto such a grid first.")
    if np.abs(values).max() > most + UNEVEN:
        raise DataError(
            f"The {what} reaches {values[np.abs(values).argmax()]:g}.", f"Degrees, up to ±{most:g}."
        )


def _fits(ds: xr.Dataset, name: str, dims: set[str]) -> bool:
    good = name in ds.data_vars and NAME.fullmatch(name) and name not in RESERVED
    return bool(good) and set(ds[name].dims) == dims and ds[name].dtype.kind in "fiu"


def _spread(ds: xr.Dataset, name: str) -> str:
    """The name of a variable's standard deviation, as CF says it or as the house does."""
    said = str(ds[name].attrs.get("ancillary_variables", "")).split()
    for other in (*said, f"{name}_sd"):
        if other == f"{name}_sd" or (
            other in ds and "standard_error" in str(ds[other].attrs.get("standard_name", ""))
        ):
            return other
    return ""
