"""Hourly series of the ICOS Atmosphere Thematic Centre: `.CO2`, `.CH4` …, several gases in one file, and csv exports.

Times are UTC at the interval's start even where a near-real-time header says 'TIME ZONE: UTC +1' (its own comment says
so). Missing is -999.99; instrument 82 is a dummy between two instruments. Flags: U and O are correct before and after
manual control, N and K incorrect.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.air import table
from landsink.sources.air.record import FLAG, FLAGS, UNITS, Gas, record

LETTERS = MappingProxyType(
    {"U": FLAGS[1], "O": FLAGS[2], "N": FLAGS[3], "K": FLAGS[4], "": FLAGS[5], ".": FLAGS[5]}
)
DUMMY_INSTRUMENT = 82
EXTRAS = ("LTR", "CMR", "STTB", "QcBias", "QcBiasUncertainty")
DATE = ("Year", "Month", "Day", "Hour", "Minute")
STEPS = MappingProxyType({"hourly": "PT1H", "monthly": "P1M", "daily": "P1D", "minutely": "PT1M"})


def header(lines: Sequence[str]) -> dict[str, str]:
    """`# KEY: value` lines."""
    pairs = (re.match(r"#\s*([A-Z][A-Z/ ]+?):\s*(.*)", line) for line in lines)
    return {m.group(1).strip(): m.group(2).strip() for m in pairs if m}


def first_number(text: str) -> float:
    """The first number in a text; NaN where there is none."""
    found = re.search(r"-?\d+(?:\.\d+)?", text)
    return float(found.group()) if found else np.nan


def position(text: str, negative: str) -> float:
    """Degrees of '53.0657 N' or '2.5 W'."""
    value = first_number(text)
    return -abs(value) if text.strip().upper().endswith(negative) and value > 0 else value


def flags(cells: np.ndarray) -> np.ndarray:
    """The house's flags of ATC's letters (row)."""
    names = [LETTERS.get(str(letter).strip().upper(), "unknown_flag") for letter in cells]
    return np.array([FLAG[name] for name in names], dtype=np.int8)


def blocks(names: Sequence[str]) -> dict[str, range]:
    """Where each gas's columns stand: from the gas's own name to the next gas's. Names such as Stdev repeat in each."""
    starts = [i for i, name in enumerate(names) if name.strip().lower() in UNITS]
    found: dict[str, range] = {}
    for a, b in zip(starts, [*starts[1:], len(names)][: len(starts)], strict=True):
        found.setdefault(names[a].strip().lower(), range(a, b))
    return found


def gas_of(cells: list[list[str]], names: Sequence[str], block: range, unit: str, scale: str) -> Gas:
    """The gas whose columns stand in `block`."""

    def pick(name: str) -> np.ndarray | None:
        at = next((i for i in block if names[i].strip().lower() == name.lower()), None)
        return None if at is None else table.column(cells, at)

    def number(name: str) -> np.ndarray | None:
        text = pick(name)
        return None if text is None else table.numbers(text)

    letters = pick("Flag")
    instrument = (
        number("InstrumentId") if "InstrumentId" in [names[i] for i in block] else shared(cells, names)
    )
    value = table.numbers(table.column(cells, block.start))
    if instrument is not None:
        value = np.where(instrument == DUMMY_INSTRUMENT, np.nan, value)
    extra = {name: column for name in EXTRAS if (column := number(name)) is not None}
    return Gas(
        value,
        unit,
        number("Stdev"),
        number("NbPoints"),
        None if letters is None else flags(letters),
        scale,
        extra,
    )


def shared(cells: list[list[str]], names: Sequence[str]) -> np.ndarray | None:
    """Instruments (row) told once for all gases of a file, or None."""
    return (
        table.numbers(table.column(cells, names.index("InstrumentId"))) if "InstrumentId" in names else None
    )


def units(told: dict[str, str], gases: Sequence[str]) -> dict[str, str]:
    """The unit of each gas: the header's for a file of one gas, else the centre's custom (ppm, and ppb)."""
    written = told.get("MEASUREMENT UNIT", "")
    if len(gases) == 1 and written:
        return {gases[0]: written}
    return {gas: UNITS[gas] for gas in gases}


def read_atc(path: Path, lines: Sequence[str]) -> xr.Dataset:
    """An ATC file: one or more gases at one intake height."""
    marked = next(
        (i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines)
    )
    if not marked:
        raise DataError(f"'{path}' has no header.", "Lines that begin with '#'.")
    told, names = header(lines[:marked]), [name.strip() for name in lines[marked - 1].lstrip("#").split(";")]
    found = blocks(names)
    absent = [name for name in DATE if name not in names]
    if not found or absent:
        raise DataError(
            f"'{path}' names the columns {', '.join(names)[:200]}.",
            f"{', '.join(DATE)} and a gas ({', '.join(UNITS)}).",
            "Is the last header line lost?",
        )
    cells, odd = table.rows(lines[marked:], ";", len(names))
    if not cells:
        raise DataError(f"'{path}' holds no line of {len(names)} columns.", "Measurements below the header.")
    time = table.calendar(*(table.numbers(table.column(cells, names.index(name))) for name in DATE))
    unit, scale = units(told, list(found)), told.get("MEASUREMENT SCALE", "")
    gases = {gas: gas_of(cells, names, block, unit[gas], scale) for gas, block in found.items()}
    attrs = {
        "station": told.get("STATION CODE") or cells[0][0],
        "station_name": told.get("STATION NAME"),
        "latitude": position(told.get("LATITUDE", ""), "S"),
        "longitude": position(told.get("LONGITUDE", ""), "W"),
        "elevation": first_number(told.get("ALTITUDE", "")),
        "intake_height": first_number(told.get("SAMPLING HEIGHTS", "")),
        "time_zone_note": f"header says '{told['TIME ZONE']}'; times are UTC"
        if "TIME ZONE" in told
        else None,
        "data_version": told.get("PROJECT DATA VERSION"),
        "source": "ICOS Atmosphere Thematic Centre",
        "odd_lines": odd,
    }
    return record(time, gases, attrs, STEPS.get(told.get("TIME INTERVAL", "hourly").lower(), "PT1H"))


def read_atc_csv(path: Path, lines: Sequence[str]) -> xr.Dataset:
    """A csv export of ATC data: DateTime (UTC), #Site, SamplingHeight, InstrumentId and the gas; it tells no scale."""
    names = [name.strip() for name in lines[0].split(",")]
    found = blocks(names)
    if "DateTime" not in names or not found:
        raise DataError(f"'{path}' names the columns {', '.join(names)[:200]}.", "DateTime and a gas.")
    cells, odd = table.rows(lines[1:], ",", len(names))
    if not cells:
        raise DataError(f"'{path}' holds no line of {len(names)} columns.", "Measurements below the header.")
    gases = {gas: gas_of(cells, names, block, UNITS[gas], "") for gas, block in found.items()}

    def told(name: str) -> str | None:
        return cells[0][names.index(name)] if name in names else None

    attrs = {
        "station": told("#Site"),
        "intake_height": first_number(told("SamplingHeight") or ""),
        "time_zone_note": "the file names no zone; the centre's exports are UTC",
        "source": "ICOS Atmosphere Thematic Centre, csv export",
        "odd_lines": odd,
    }
    return record(table.instants(table.column(cells, names.index("DateTime"))), gases, attrs, "PT1H")
