"""NOAA Global Monitoring Laboratory: monthly means, annual means, annual increases, and monthly flask records.

The tables circulate under headings that do not fit their columns (a re-hosted copy heads five columns with three
names), so the columns are known by their number, which differs between the kinds:
  Mauna Loa month:  date, decimal date, mean, season removed, days, spread of days, uncertainty
  global month:     date, decimal date, mean, its uncertainty, trend, its uncertainty
  year:             year, mean or increase, uncertainty
A month whose spread is negative was interpolated by NOAA; before 1974 (Scripps's data) nothing is known of the days.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.air import table
from landsink.sources.air.record import FLAG, Gas, record

# Where NOAA says that its series stand; the tables do not.
PLACES = MappingProxyType(
    {
        "MLO": {"station_name": "Mauna Loa", "latitude": 19.536, "longitude": -155.576, "elevation": 3397.0},
        "GL": {"station_name": "global mean of the marine boundary layer"},
    }
)
NOAA_DAYS_FROM = 1974.37  # May 1974: before that Scripps's record, without days and spread
SOURCE = "NOAA Global Monitoring Laboratory"


def place(path: Path) -> dict[str, object]:
    """What is known of the station from the file's name (…-mlo.csv, …_gl.txt)."""
    found = re.search(r"[-_](mlo|gl)(?=[-_.]|$)", Path(path).name, re.IGNORECASE)
    code = found.group(1).upper() if found else None
    return {"station": code, **PLACES.get(code or "", {})}


def body(lines: Sequence[str]) -> tuple[str, list[list[str]]]:
    """The heading (words of it) and the rows of cells, comments aside; 'YYYY-MM' counts as two cells."""
    kept = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    heading = " ".join(line for line in lines if line.strip() and not re.match(r"\s*\d", line)).lower()
    split = [
        re.split(r"[,\s]+", re.sub(r"^(\d{4})-(\d{2})\b", r"\1,\2", line))
        for line in kept
        if re.match(r"\d", line)
    ]
    return heading, split


def uniform(path: Path, cells: list[list[str]], widths: Sequence[int]) -> tuple[list[list[str]], int]:
    """The rows of the commonest width, which must be one of `widths`, and how many rows had another."""
    if not cells:
        raise DataError(f"'{path}' holds no line that begins with a year.", "NOAA's table.")
    counts = {width: sum(len(row) == width for row in cells) for width in {len(row) for row in cells}}
    width = max(counts, key=lambda w: counts[w])
    if width not in widths:
        raise DataError(f"'{path}' has {width} columns.", f"One of {', '.join(map(str, sorted(widths)))}.")
    return [row for row in cells if len(row) == width], len(cells) - counts[width]


def read_noaa_table(path: Path, lines: Sequence[str]) -> xr.Dataset:
    """Monthly means, annual means or annual increases; the number of columns and the heading tell which."""
    heading, cells = body(lines)
    cells, odd = uniform(path, cells, (3, 7, 8))
    data = np.array([table.numbers(table.column(cells, i)) for i in range(len(cells[0]))])
    attrs = {**place(path), "source": SOURCE, "odd_lines": odd}
    if len(data) == 3:
        year, value, sd = data
        name = "co2_growth" if "increase" in heading or re.search(r"\binc\b", heading) else "co2"
        return record(table.calendar(year), {name: Gas(value, "ppm", sd)}, attrs, "P1Y")
    year, month, decimal, value = data[:4]
    time = table.calendar(year, month)
    if len(data) == 7:
        trend = Gas(data[5], "ppm", data[6])
        return record(time, {"co2": Gas(value, "ppm", data[4]), "co2_trend": trend}, attrs, "P1M")
    days, spread, uncertainty = data[5:]
    interpolated = (spread < 0) & (decimal > NOAA_DAYS_FROM)
    flag = np.where(interpolated, FLAG["interpolated"], FLAG["not_flagged"])
    mean = Gas(
        value,
        "ppm",
        spread,
        days,
        flag,
        extra={"uncertainty": np.where(uncertainty > 0, uncertainty, np.nan)},
    )
    return record(time, {"co2": mean, "co2_deseasonalized": Gas(data[4], "ppm")}, attrs, "P1M")


def read_noaa_flask(path: Path, lines: Sequence[str]) -> xr.Dataset:
    """Monthly values of a flask site (`# data_fields: site year month value`)."""
    matches = (re.match(r"#\s*(\w[\w-]*):\s*(.*\S)", line) for line in lines)
    told: dict[str, str] = {m.group(1): m.group(2) for m in matches if m}
    fields = told.get("data_fields", "").split()
    if not {"year", "month", "value"} <= set(fields):
        raise DataError(f"'{path}' names the fields '{' '.join(fields)[:120]}'.", "site year month value.")
    parameter = re.match(r"\w+", told.get("contact_parameter", "co2"))
    gas = parameter.group().lower() if parameter else "co2"
    if gas not in ("co2", "ch4", "co", "n2o", "sf6", "co2c13"):
        raise DataError(f"'{path}' holds '{gas}'.", "co2, ch4, co, n2o, sf6 or co2c13.")
    cells, odd = table.rows([line for line in lines if not line.startswith("#")], None, len(fields))
    if not cells:
        raise DataError(f"'{path}' holds no line of {len(fields)} fields.", "Measurements below the header.")

    def number(name: str) -> np.ndarray:
        return table.numbers(table.column(cells, fields.index(name)))

    unit = {"co2": "ppm", "co2c13": "permil", "sf6": "ppt"}.get(gas, "ppb")
    attrs = {
        "station": told.get("description_site-code", "").upper() or None,
        "lab_note": told.get("collaborator_name"),
        "strategy": told.get("description_strategy-abbr"),
        "analysis_constraints": told.get("description_analysis-constraints"),
        "source": SOURCE,
        "odd_lines": odd,
    }
    column = Gas(number("value"), unit)
    return record(table.calendar(number("year"), number("month")), {gas: column}, attrs, "P1M")
