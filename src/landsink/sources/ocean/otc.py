"""Surface-ocean csv of the ICOS Ocean Thematic Centre: each variable with flag, comment and type beside it."""

import csv
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.air import table
from landsink.sources.ocean.record import record

# The column's name without its unit, and the unit that it must bear ('' where the file names none).
NAMES = MappingProxyType(
    {
        "Longitude": ("longitude", ""),
        "Latitude": ("latitude", ""),
        "Depth": ("depth", "m"),
        "Temp": ("sst", "degC"),
        "P_sal": ("salinity", "psu"),
        "Temperature of Equilibration": ("t_equ", "degC"),
        "Equilibrator Pressure": ("p_equ", "hPa"),
        "xCO2 In Water - Calibrated In Dry Air": ("xco2_water_equ", "umol mol-1"),
        "xCO2 in atmosphere": ("xco2_air", "umol mol-1"),
        "Atmospheric Pressure": ("p_air", "hPa"),
        "pCO2": ("pco2", "uatm"),
        "fCO2": ("fco2", "uatm"),
        "pCO2 in atmosphere": ("pco2_air", "uatm"),
        "fCO2 in atmosphere": ("fco2_air", "uatm"),
    }
)
FLAG = " QC Flag"


def split(name: str) -> tuple[str, str]:
    """A column's name and unit: 'Temp [degC]' is ('Temp', 'degC')."""
    bare, _, unit = name.partition("[")
    return bare.strip(), unit.rstrip("] ").strip()


def cells(path: Path, lines: Sequence[str]) -> tuple[list[str], list[list[str]], int]:
    """Column names, rows of that width, and how many rows had another."""
    try:
        rows = [row for row in csv.reader(lines) if row]
    except csv.Error as problem:
        raise DataError(f"'{path}' is no csv table: {problem}.", "Cells between commas.") from problem
    names = [name.strip() for name in rows[0]]
    fit = [row for row in rows[1:] if len(row) == len(names)]
    return names, fit, len(rows) - 1 - len(fit)


def read_otc(path: Path, lines: Sequence[str]) -> xr.Dataset:
    """An OTC csv file, with or without flags of the position."""
    names, rows, odd = cells(path, lines)
    if names[0] != "Date/Time" or not rows:
        raise DataError(
            f"'{path}' begins with '{names[0]}' and has {len(rows)} whole rows.", "Date/Time, and rows."
        )
    values, flags, unnamed = {}, {}, []
    for i, name in enumerate(names):
        bare, unit = split(name)
        if bare not in NAMES or name.endswith((FLAG, " QC Comment", " Type")):
            continue
        ours, expected = NAMES[bare]
        if unit and unit != expected:
            raise DataError(f"'{name}' in '{path}' is in '{unit}'.", f"'{expected}'.", "Convert the column.")
        if expected and not unit:
            unnamed.append(f"{name} taken as {expected}")
        values[ours] = table.numbers(table.column(rows, i))
        if name + FLAG in names:
            flags[ours] = table.numbers(table.column(rows, names.index(name + FLAG)))
    attrs = {"source": "ICOS Ocean Thematic Centre", "unit_notes": "; ".join(unnamed), "odd_lines": odd}
    return record(table.instants(table.column(rows, 0)), values, flags, attrs)
