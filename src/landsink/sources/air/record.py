"""The form of every air record, whatever file it came from.

A Dataset on `time` (UTC). `ds.attrs['time_stamp']` says what a time marks: 'interval start' with `interval` as an ISO
8601 duration (PT1H, P1M, P1Y), or 'sample' for a flask. For each gas: `<gas>` in the unit of `UNITS`, `<gas>_sd` in
the same unit, how many values it was made of (`n`) and its quality (`flag`); the gas's `ancillary_variables` name
those that belong to it (a second gas of one file has `<gas>_n` and `<gas>_flag`).
Attributes: station, latitude, longitude [degrees], elevation [m above the sea], intake_height [m above ground],
calibration_scale, time_zone, source; those that the file does not tell are absent, and a scale is 'not stated'.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import xarray as xr

from landsink.core.errors import DataError

UNITS = MappingProxyType(
    {
        "co2": "umol mol-1",
        "ch4": "nmol mol-1",
        "co": "nmol mol-1",
        "n2o": "nmol mol-1",
        "sf6": "pmol mol-1",
        "co2c13": "permil",
        "co2_trend": "umol mol-1",
        "co2_deseasonalized": "umol mol-1",
        "co2_growth": "umol mol-1 yr-1",
    }
)
LONG_NAMES = MappingProxyType(
    {
        "co2": "mole fraction of carbon dioxide in dry air",
        "ch4": "mole fraction of methane in dry air",
        "co": "mole fraction of carbon monoxide in dry air",
        "n2o": "mole fraction of nitrous oxide in dry air",
        "sf6": "mole fraction of sulfur hexafluoride in dry air",
        "co2c13": "delta 13C of carbon dioxide in air",
        "co2_trend": "provider's trend of the mole fraction of carbon dioxide",
        "co2_deseasonalized": "provider's mole fraction of carbon dioxide, season removed",
        "co2_growth": "increase of the mole fraction of carbon dioxide within the year",
    }
)
FRACTION = MappingProxyType({"mol": 1.0, "mmol": 1e-3, "umol": 1e-6, "nmol": 1e-9, "pmol": 1e-12})
WORDS = MappingProxyType({"ppm": "umol", "ppb": "nmol", "ppt": "pmol", "micromol": "umol", "nanomol": "nmol"})

FLAGS = (
    "missing",
    "correct_before_manual_control",
    "correct_after_manual_control",
    "incorrect_before_manual_control",
    "incorrect_after_manual_control",
    "not_flagged",
    "not_background",
    "interpolated",
    "unknown_flag",
)
FLAG = MappingProxyType({name: np.int8(code) for code, name in enumerate(FLAGS)})
SOUND = tuple(FLAG[name] for name in (FLAGS[1], FLAGS[2], FLAGS[5], FLAGS[6]))
FLAG_ATTRS = MappingProxyType(
    {
        "long_name": "quality of the value",
        "flag_values": np.arange(len(FLAGS), dtype=np.int8),
        "flag_meanings": " ".join(FLAGS),
    }
)
SCALE = re.compile(
    r"(WMO|NOAA|SIO|CSIRO|TU|VPDB)[\s\-_]*(?:CO2|CH4|CO|N2O|SF6)?[\s\-_]*(X?\d{2,4}[A-Z]?)", re.IGNORECASE
)


@dataclass(frozen=True)
class Gas:
    """One gas's columns, each (time): value and spread in `unit`, how many values, quality codes."""

    value: np.ndarray
    unit: str
    sd: np.ndarray | None = None
    n: np.ndarray | None = None
    flag: np.ndarray | None = None
    scale: str = ""
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)  # further columns in the gas's own unit


def scale_name(text: str) -> str:
    """A calibration scale as the house writes it: 'WMO CO2 X2019' is 'WMO-X2019'; several are joined by '; '."""
    found = [f"{lab.upper()}-{mark.upper()}" for lab, mark in SCALE.findall(text)]
    unknown = ["unknown"] if re.search("unknown", text, re.IGNORECASE) else []
    return "; ".join(dict.fromkeys(found + unknown)) or "not stated"


def factor(unit: str, name: str) -> float:
    """What turns a mole fraction in a file's `unit` into that of `UNITS[name]`. Raises DataError on an unknown unit."""
    if UNITS[name].startswith("permil"):
        return 1.0
    plain = unit.strip().lower().replace("µ", "u").replace("μ", "u")
    plain = re.split(r"[\s./]", plain)[0]
    prefix = WORDS.get(plain, plain)
    if prefix not in FRACTION:
        raise DataError(
            f"A mole fraction comes in '{unit}'.", f"One of {', '.join([*FRACTION, *WORDS])} per mol."
        )
    return FRACTION[prefix] / FRACTION[UNITS[name].split()[0]]


def present(value: np.ndarray, name: str) -> np.ndarray:
    """Values (time) with the marks of absence as NaN: no mole fraction is negative, and no isotope ratio below -90."""
    floor = {"permil": -90.0, "umol mol-1 yr-1": -90.0}.get(UNITS[name], 0.0)
    value = np.asarray(value, float)
    return np.where(np.isfinite(value) & (value > floor), value, np.nan)


def columns(name: str, gas: Gas, first: bool) -> dict[str, tuple[str, np.ndarray, dict]]:
    """The variables of one gas."""
    turn, unit, value = factor(gas.unit, name), UNITS[name], present(gas.value, name)
    flag = np.full(value.shape, FLAG["not_flagged"]) if gas.flag is None else np.asarray(gas.flag, np.int8)
    flag = np.where(np.isnan(value) & np.isin(flag, SOUND), FLAG["missing"], flag).astype(np.int8)
    n_name, flag_name = ("n", "flag") if first else (f"{name}_n", f"{name}_flag")
    parts = {flag_name: (flag, dict(FLAG_ATTRS))}
    spreads = {f"{name}_sd": gas.sd, **{f"{name}_{key}": column for key, column in gas.extra.items()}}
    for key, column in spreads.items():
        if column is not None:
            # a spread is not negative; a bias may be, and the marks of its absence lie below -90
            column = np.asarray(column, float) * turn
            column = np.where(column >= (0.0 if key.endswith("_sd") else -90.0), column, np.nan)
            parts[key] = (column, {"units": unit})
    if gas.n is not None:
        count = np.where(np.asarray(gas.n, float) >= 0, gas.n, np.nan)
        parts[n_name] = (count, {"units": "1", "long_name": "number of values averaged"})
    attrs = {
        "units": unit,
        "long_name": LONG_NAMES[name],
        "ancillary_variables": " ".join(parts),
        "calibration_scale": scale_name(gas.scale),
    }
    if gas.scale.strip():
        attrs["calibration_scale_as_written"] = gas.scale.strip()
    return {name: ("time", value * turn, attrs), **{k: ("time", v, a) for k, (v, a) in parts.items()}}


def record(
    time: np.ndarray, gases: Mapping[str, Gas], attrs: Mapping[str, object], interval: str = ""
) -> xr.Dataset:
    """The record of `gases` at `time` (time; UTC; NaT rows are dropped and counted).

    interval: ISO 8601 duration of an averaging interval that begins at `time`; none for samples. Raises DataError
    where no row has a time, or no value could be read.
    """
    variables: dict[str, tuple[str, np.ndarray, dict]] = {}
    for position, (name, gas) in enumerate(gases.items()):
        variables |= columns(name, gas, position == 0)
    ds = xr.Dataset(variables, coords={"time": np.asarray(time, "datetime64[ns]")})
    dated = ~np.isnat(ds["time"].values)
    known = [str(name) for name in gases]
    if not dated.any() or all(ds[name].isel(time=dated).isnull().all() for name in known):
        raise DataError(
            f"No line gives both a time and a value of {' or '.join(known)} ({time.size} lines read).",
            "At least one measurement.",
        )
    undated = int((~dated).sum())
    ds = ds.isel(time=dated).sortby("time")
    repeated = int(ds.indexes["time"].duplicated().sum())
    if interval and repeated:
        ds = ds.drop_duplicates("time")  # an interval has one mean: the first stands
    first = ds[known[0]].attrs["calibration_scale"]
    ds.attrs = {
        "calibration_scale": first,
        "time_stamp": "interval start" if interval else "sample",
        "interval": interval,
        "time_zone": "UTC",
        "lines_without_time": undated,
        "repeated_times": repeated,
    } | {key: value for key, value in attrs.items() if value is not None and value == value}
    ds["time"].attrs = {"standard_name": "time", "long_name": f"{ds.attrs['time_stamp']}, UTC"}
    return ds
