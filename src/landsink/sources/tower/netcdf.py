"""Classic netCDF of one tower as the European flux database wrote it: year, month, day and hour beside the time axis.

Its time counts from a day that the Gregorian reform left out, so the clock is taken from the columns.
"""

import io
import struct

import numpy as np
import xarray as xr

from landsink.core.errors import DataError, near
from landsink.sources.tower import stamps, variables
from landsink.sources.tower.place import place
from landsink.sources.tower.record import Reading
from landsink.sources.tower.reddyproc import WISHES, side_by_hours
from landsink.sources.tower.request import Request
from landsink.sources.tower.table import missing

NAME = "European flux database netCDF"
CLOCK = ("year", "month", "day", "hour")
# What the parser of a damaged file may stumble over.
BROKEN = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    MemoryError,
    AssertionError,
    struct.error,
)


def read(data: bytes, label: str, request: Request) -> Reading:
    """One file. Raises DataError where it is broken or lacks the clock's columns."""
    columns, units, attrs = _columns(data, label)
    absent = [name for name in CLOCK if name not in columns]
    if absent:
        raise DataError(
            f"{label}: no {', '.join(absent)} along its time.", "Half-hours with year, month, day, hour."
        )
    lacking = [name for name in request.also if name not in columns]
    if lacking:
        raise DataError(f"{label}: no column {', '.join(lacking)}.", "", near(lacking[0], columns))
    notes: list[str] = []
    found: dict[str, np.ndarray] = {}
    for base, names in WISHES.items():
        name = next((name for name in names if name in columns), "")
        if name:
            found[base] = variables.to_fluxnet(base, columns[name], units[name], notes)
    found |= {name: columns[name] for name in request.also}
    hours = columns["hour"][np.isfinite(columns["hour"])]
    side = side_by_hours(hours)
    notes.append(f"By the hours of its first and last rows, stamps mark the {side} of an interval.")
    where = place({name: attrs.get(theirs) for name, theirs in
                   (("latitude", "Latitude"), ("longitude", "Longitude"), ("utc_offset", "TimeZone"))})  # fmt: skip
    times = _times(*(columns[name] for name in CLOCK))
    return Reading(
        label, times, side, found, NAME, notes, 0, str(attrs.get("Site_ID", "")), where.latitude, where.longitude,
        where.utc_offset, "", str(attrs.get("Citation", "")),
    )  # fmt: skip


def _columns(data: bytes, label: str) -> tuple[dict[str, np.ndarray], dict[str, str], dict[str, object]]:
    """What runs along time alone (time), their units, and the file's attributes."""
    try:
        with xr.open_dataset(io.BytesIO(data), engine="scipy", decode_times=False) as ds:
            long = {str(name): ds[name] for name in ds.data_vars if ds[name].size == ds.sizes["time"]}
            columns = {
                name: missing(np.asarray(one.values, np.float64).ravel()) for name, one in long.items()
            }
            units = {name: str(one.attrs.get("units", "")) for name, one in long.items()}
            return columns, units, {str(key): value for key, value in ds.attrs.items()}
    except BROKEN as error:
        raise DataError(
            f"{label}: not readable as netCDF ({str(error)[:80]}).", "", "Fetch it again."
        ) from None


def _times(year: np.ndarray, month: np.ndarray, day: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """Times (row); the hour may carry halves."""
    parts = (year, month, day, hour)
    known = np.all([np.isfinite(part) & (np.abs(part) < 1e5) for part in parts], axis=0)
    years, months, days = (np.where(known, part, 1).astype(np.int64) for part in (year, month, day))
    midnight = stamps.from_digits(np.where(known, years * 10000 + months * 100 + days, 0))
    return stamps.plausible(midnight + np.round(np.where(known, hour, 0) * 3600).astype("timedelta64[s]"))
