"""World Data Centre for Greenhouse Gases, the older `.dat` tables: lines C01 … of header, then the values."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.air import table
from landsink.sources.air.atc import STEPS, first_number
from landsink.sources.air.record import UNITS, Gas, record

MARK = re.compile(r"C(\d\d)\s?(.*)")


def read_wdcgg(path: Path, lines: Sequence[str]) -> xr.Dataset:
    """A table of one gas at one station; times are the beginnings of the intervals, UTC where the header says so."""
    head = [m.group(2) for line in lines if (m := MARK.fullmatch(line.rstrip()))]
    pairs = (re.match(r"([A-Z][A-Z/ ]+?):\s*(.*)", line) for line in head)
    told = {m.group(1): m.group(2).strip() for m in pairs if m}
    names = head[-1].split() if head else []
    gas = told.get("PARAMETER", "").lower()
    if gas not in UNITS or gas.upper() not in names or names[:2] != ["DATE", "TIME"]:
        raise DataError(
            f"'{path}' tells the parameter '{gas}' and the columns {' '.join(names)[:120]}.",
            f"One of {', '.join(UNITS)}, and the columns DATE TIME DATE TIME and the gas.",
        )
    zone = told.get("TIME ZONE", "")
    if zone.upper() not in ("", "UTC", "GMT"):
        raise DataError(f"'{path}' is in the time zone '{zone}'.", "UTC.", "Shift it before reading.")
    cells, odd = table.rows([line for line in lines if not MARK.fullmatch(line.rstrip())], None, len(names))
    if not cells:
        raise DataError(f"'{path}' holds no line of {len(names)} columns.", "Measurements below the header.")

    def number(name: str) -> np.ndarray | None:
        return table.numbers(table.column(cells, names.index(name))) if name in names else None

    joined = np.array([f"{row[0]}T{row[1]}" for row in cells], dtype=object)
    value = number(gas.upper())
    assert value is not None
    column = Gas(
        value,
        told.get("MEASUREMENT UNIT", "ppm"),
        number("SD"),
        number("ND"),
        None,
        told.get("MEASUREMENT SCALE", ""),
    )
    attrs = {
        "station": Path(path).name[:3].upper(),
        "station_name": told.get("STATION NAME"),
        "latitude": first_number(told.get("LATITUDE", "")),
        "longitude": first_number(told.get("LONGITUDE", "")),
        "elevation": first_number(told.get("ALTITUDE", "")),
        "intake_height": first_number(told.get("SAMPLING HEIGHTS", "")),
        "time_zone_note": f"header says '{zone}'" if zone else "the header names no zone; taken as UTC",
        "source": "World Data Centre for Greenhouse Gases",
        "odd_lines": odd,
    }
    step = STEPS.get(told.get("TIME INTERVAL", "").lower(), "")
    return record(table.instants(joined), {gas: column}, attrs, step)
