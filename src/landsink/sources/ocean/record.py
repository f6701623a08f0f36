"""The form of every surface-ocean record, whatever file it came from.

A Dataset on `time` (UTC, moments of samples along a track; a moment may stand twice). `latitude`, `longitude` [degrees]
and `depth` [m] change with it. Water: `sst`, `t_equ` [degC] of sea and equilibrator, `salinity`, `p_equ` [hPa],
`xco2_water_equ` [umol mol-1, dry], `pco2_…`, `fco2_…` [uatm] as the file names them, and `fco2` [uatm], the value that
the provider recommends. Air: `p_air` [hPa], `xco2_air` [umol mol-1, dry]. WOCE flags: `flag` for `fco2`, or
`<name>_flag` where each variable has its own; the variable's `ancillary_variables` name them.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import xarray as xr

from landsink.core.errors import DataError

UNITS = MappingProxyType(
    {
        "latitude": "degrees_north",
        "longitude": "degrees_east",
        "depth": "m",
        "bottom_depth": "m",
        "distance_to_land": "km",
        "sst": "degC",
        "t_equ": "degC",
        "salinity": "1",
        "p_equ": "hPa",
        "p_air": "hPa",
        "xco2_water_equ": "umol mol-1",
        "xco2_water_sst": "umol mol-1",
        "xco2_air": "umol mol-1",
        "pco2_water_equ": "uatm",
        "pco2_water_sst": "uatm",
        "fco2_water_equ": "uatm",
        "fco2_water_sst": "uatm",
        "pco2_air": "uatm",
        "fco2_air": "uatm",
        "pco2": "uatm",
        "fco2": "uatm",
        "algorithm": "1",
    }
)
WOCE = MappingProxyType({2: "good", 3: "questionable", 4: "bad", 9: "not_generated"})
FLAG_ATTRS = MappingProxyType(
    {
        "long_name": "WOCE quality flag",
        "flag_values": np.array([0, *WOCE], dtype=np.int8),
        "flag_meanings": " ".join(["not_flagged", *WOCE.values()]),
    }
)
MISSING = (-999.0, -9999.0, -999.9)


def woce(numbers: np.ndarray) -> np.ndarray:
    """WOCE flags (time) as int8, 0 where the file gives none that is known."""
    return np.where(np.isin(numbers, list(WOCE)), np.nan_to_num(numbers), 0).astype(np.int8)


def record(
    time: np.ndarray,
    values: Mapping[str, np.ndarray],
    flags: Mapping[str, np.ndarray],
    attrs: Mapping[str, object],
) -> xr.Dataset:
    """The record of `values` (time) with `flags` (time) of some of them, sorted by time; rows without a time are
    dropped and counted. Raises DataError where no row has a time and a place."""
    variables: dict[str, tuple[str, np.ndarray, dict]] = {}
    for name, value in values.items():
        there = np.where(np.isin(value, MISSING), np.nan, value)
        variables[name] = ("time", there, {"units": UNITS[name]})
    for name, flag in flags.items():
        key = "flag" if name == "fco2" else f"{name}_flag"
        variables[key] = ("time", woce(flag), dict(FLAG_ATTRS))
        variables[name][2]["ancillary_variables"] = key
    ds = xr.Dataset(variables, coords={"time": np.asarray(time, "datetime64[ns]")})
    for name, limit in (("latitude", 90.0), ("longitude", 360.0)):
        if name in ds:
            ds[name] = ds[name].where(np.abs(ds[name]) <= limit).assign_attrs(ds[name].attrs)
    placed = ~np.isnat(ds["time"].values)
    for name in ("latitude", "longitude"):
        placed &= np.isfinite(ds[name].values) if name in ds else False
    if not placed.any():
        raise DataError(
            f"No row has a time and a place ({len(time)} rows read).", "Time, latitude and longitude."
        )
    dropped = int((~placed).sum())
    ds = ds.isel(time=placed).sortby("time")
    empty = [str(name) for name in ds.data_vars if name in UNITS and ds[name].isnull().all()]
    ds.attrs = {
        "time_stamp": "sample",
        "time_zone": "UTC",
        "rows_without_time_or_place": dropped,
        "repeated_times": int(ds.indexes["time"].duplicated().sum()),
        "empty_variables": " ".join(empty),
    } | {key: value for key, value in attrs.items() if value not in (None, "")}
    ds["time"].attrs = {"standard_name": "time", "long_name": "moment of the sample, UTC"}
    return ds
