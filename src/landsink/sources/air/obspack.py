"""NetCDF: ObsPack records of the ICOS and NOAA packages, and the records of OpenGHG.

Trap: what a time marks changed between releases. Some mark the beginning of the averaging interval, later ones its
middle; the variable's comment says which, and `start_time` stands beside it where it is the middle. Here a time is the
interval's start. Times written through a 32-bit day fraction lie up to a second before the hour; they are set on it.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.air.atc import LETTERS, first_number, flags
from landsink.sources.air.columns import QUALITY, load
from landsink.sources.air.record import FLAG, UNITS, Gas, record

EPOCH = re.compile(r"(seconds|minutes|hours|days)\s+since\s+(\d{4}-\d{2}-\d{2})", re.IGNORECASE)
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
PERIODS = {"minute": "M", "hour": "H"}


def seconds(values: np.ndarray, unit: str) -> np.ndarray:
    """UTC [datetime64[ns]] of numbers (time) counted in `unit`, set on the minute where within a second of it."""
    found = EPOCH.match(unit)
    if not found:
        raise DataError(f"Times are counted in '{unit}'.", "Such as 'seconds since 1970-01-01'.")
    count = values * SECONDS[found.group(1).lower()]
    nearest = np.round(count / 60) * 60
    count = np.where(np.abs(count - nearest) <= 1.0, nearest, count)
    sound = np.isfinite(count) & (np.abs(count) < 6e9)  # within two centuries
    stamp = np.where(sound, count, 0).astype("timedelta64[s]").astype("timedelta64[ns]")
    try:
        origin = np.datetime64(found.group(2), "ns")
    except ValueError as problem:
        raise DataError(f"Times are counted in '{unit}'.", "A true date.") from problem
    return np.where(sound, origin + stamp, np.datetime64("NaT", "ns"))


def noaa_flags(cells: np.ndarray) -> np.ndarray:
    """The house's flags of NOAA's three characters (time): rejection, selection, information."""

    def one(mark: str) -> np.int8:
        mark = mark.strip().ljust(3, ".")
        if mark[0] != ".":
            return FLAG["incorrect_after_manual_control"]
        if mark[1] != ".":
            return FLAG["not_background"]
        return FLAG["correct_before_manual_control" if mark[2] == "P" else "correct_after_manual_control"]

    return np.array([one(str(cell)) for cell in cells], dtype=np.int8)


def quality(values: dict[str, np.ndarray]) -> np.ndarray | None:
    """Flags (time) of whichever flag variable the file has; letters or NOAA's three characters."""
    name = next((n for n in QUALITY if n in values), None)
    if name is None:
        return None
    cells = np.array([str(cell).strip() for cell in values[name]], dtype=object)
    if any(len(cell) == 3 and set(cell[1:]) <= set(".PXNAW*SC-") for cell in cells) and not set(cells) <= set(
        LETTERS
    ):
        return noaa_flags(cells)
    return flags(np.array(["" if cell == "-" else cell for cell in cells], dtype=object))


def span(attrs: dict[str, Any]) -> str:
    """ISO duration of the averaging interval, '' for samples."""
    unit, count = str(attrs.get("dataset_data_frequency_unit", "")), attrs.get("dataset_data_frequency")
    if unit in PERIODS and count is not None and first_number(str(count)) == 1:
        return f"PT1{PERIODS[unit]}"
    return "" if "flask" in str(attrs.get("dataset_project", attrs.get("source", ""))) else "PT1H"


def starts(
    values: dict[str, np.ndarray], told: dict[str, dict[str, Any]], interval: str
) -> tuple[np.ndarray, str]:
    """Times (time) of interval starts, and a sentence on how they were had."""
    note = str(told["time"].get("comment", "")).lower()
    time = seconds(values["time"], str(told["time"].get("units", "")))
    if not interval or not re.search(r"at the mid(dle|point)", note):
        return time, "the file's times mark the beginning of the interval" if interval else "times of samples"
    if "start_time" in values:
        unit = str(told["start_time"].get("units", told["time"].get("units", "")))
        return seconds(values["start_time"], unit), "the file's times mark the middle; 'start_time' was taken"
    half = np.timedelta64(1800 if interval == "PT1H" else 30, "s")
    return time - half, "the file's times mark the middle; half an interval was taken off"


def read_obspack(path: Path) -> xr.Dataset:
    """A NetCDF record: ObsPack (`value`, `dataset_parameter`) or OpenGHG (`species`)."""
    values, told, attrs = load(path)
    if values["time"].ndim != 1 or values["time"].dtype.kind not in "iuf":
        raise DataError(f"'{path}' has no numbers in 'time'.", "Seconds since a date.")
    return obspack(path, values, told, attrs) if "value" in values else openghg(path, values, told, attrs)


def obspack(path: Path, values: dict, told: dict, attrs: dict[str, Any]) -> xr.Dataset:
    """An ObsPack record."""
    name = str(attrs.get("dataset_parameter", "")).lower()
    if name not in UNITS or values["value"].dtype.kind != "f":
        raise DataError(f"'{path}' holds the parameter '{name}'.", f"One of {', '.join(UNITS)}.")
    interval = span(attrs)
    time, note = starts(values, told, interval)
    scale = str(attrs.get("dataset_calibration_scale") or told["value"].get("scale_comment", ""))
    spread = values.get("value_std_dev", values.get("value_unc"))
    extra = {key: values[f"icos_{key}"] for key in ("LTR", "SMR", "STTB") if f"icos_{key}" in values}
    # in SMR and LTR a negative number is a mark of absence
    extra = {
        k: np.where(v >= 0, v, np.nan) if k != "STTB" else np.where(v > -9e-6, v, np.nan)
        for k, v in extra.items()
    }
    unit = str(told["value"].get("units", ""))
    gas = Gas(values["value"], unit, spread, values.get("nvalue"), quality(values), scale, extra)
    height = values.get("intake_height", np.full(time.shape, np.nan))
    fixed = np.unique(height[np.isfinite(height)])
    kept = {
        "station": attrs.get("site_code"),
        "station_name": attrs.get("site_name"),
        "latitude": number(attrs.get("site_latitude")),
        "longitude": number(attrs.get("site_longitude")),
        "elevation": number(attrs.get("site_elevation")),
        "intake_height": float(fixed[0]) if fixed.size == 1 else None,
        "utc_offset": number(attrs.get("site_utc2lst")),
        "time_zone_note": note,
        "scale_note": attrs.get("warning_dataset_scale"),
        "source": attrs.get("obspack_name") or "ObsPack",
        "citation": attrs.get("obspack_citation") or attrs.get("dataset_citation"),
    }
    return with_heights(record(time, {name: gas}, kept, interval), time, height if fixed.size > 1 else None)


def with_heights(ds: xr.Dataset, time: np.ndarray, height: np.ndarray | None) -> xr.Dataset:
    """The record with `intake_height` (time) [m above ground] where it changes from row to row."""
    if height is None:
        return ds
    rows = np.argsort(time, kind="stable")
    rows = rows[~np.isnat(time[rows])]
    if rows.size != ds.sizes["time"]:
        rows = rows[np.unique(time[rows], return_index=True)[1]]
    return ds.assign(
        intake_height=("time", height[rows], {"units": "m", "long_name": "height of the intake above ground"})
    )


def openghg(path: Path, values: dict, told: dict, attrs: dict[str, Any]) -> xr.Dataset:
    """An OpenGHG record: the species by its own name, its unit in the file's attributes."""
    name = str(attrs.get("species", "")).lower()
    if name not in UNITS or name not in values or values[name].dtype.kind != "f":
        raise DataError(f"'{path}' holds no air record: species '{name}'.", "An ObsPack or OpenGHG file.")
    unit = next((u for u in (told[name].get("units"), attrs.get("units")) if u and u != "unknown"), "")
    spread, count = values.get(f"{name}_variability"), values.get(f"{name}_number_of_observations")
    gas = Gas(
        values[name], str(unit), spread, count, quality(values), str(attrs.get("calibration_scale", ""))
    )
    kept = {
        "station": str(attrs.get("site", "")).upper() or None,
        "station_name": attrs.get("station_long_name"),
        "latitude": number(attrs.get("station_latitude")),
        "longitude": number(attrs.get("station_longitude")),
        "elevation": number(attrs.get("elevation")),
        "intake_height": number(attrs.get("inlet", attrs.get("sampling_height"))),
        "source": "OpenGHG",
    }
    return record(seconds(values["time"], str(told["time"].get("units", ""))), {name: gas}, kept, "PT1H")


def number(value: Any) -> float:
    """A number that may stand as text; NaN where there is none."""
    return first_number(str(value))
