"""Cruises of the Surface Ocean CO2 Atlas as PANGAEA hands them out (`.tab`): a header between /* and */, then tabs.

Traps: two columns may bear one name (the provider's fCO2 and SOCAT's own, told apart by a bracket behind it), and a
column 'at equilibrator temperature' may hold the value at sea temperature (cruise 26NA20050107 does).
"""

import re
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.air import table
from landsink.sources.ocean.record import record

NAMES = MappingProxyType(
    {
        "Latitude": "latitude",
        "Longitude": "longitude",
        "Depth water": "depth",
        "Temp": "sst",
        "Tequ": "t_equ",
        "Pequ": "p_equ",
        "Sal": "salinity",
        "PPPP": "p_air",
        "Bathy depth": "bottom_depth",
        "Distance": "distance_to_land",
        "xCO2air": "xco2_air",
        "xCO2water_equ_dry": "xco2_water_equ",
        "xCO2water_SST_dry": "xco2_water_sst",
        "pCO2water_equ_wet": "pco2_water_equ",
        "pCO2water_SST_wet": "pco2_water_sst",
        "fCO2water_equ_wet": "fco2_water_equ",
        "fCO2water_SST_wet": "fco2_water_sst",
        "Algorithm": "algorithm",
    }
)
UNITS = MappingProxyType(
    {"°C": "degC", "hPa": "hPa", "m": "m", "km": "km", "µmol/mol": "umol mol-1", "µatm": "uatm"}
)
INTERPOLATED = re.compile(r"[ _]interp(/grid)?$")


def house_name(title: str) -> str | None:
    """The house's name of a column such as 'Sal interp' or 'fCO2water_SST_wet [µatm] (Recomputed after SOCAT …)'."""
    bare, _, rest = title.partition("[")
    bare = bare.strip()
    if bare == "fCO2water_SST_wet" and "Recomputed" in rest:
        return "fco2"
    return NAMES.get(bare) or NAMES.get(INTERPOLATED.sub("", bare))


def check_unit(path: Path, title: str, name: str) -> None:
    """Raises DataError where a column's unit is none that is known: a pressure in atm must not pass for hPa."""
    found = re.search(r"\[([^\]]*)\]", title)
    if found and found.group(1) not in UNITS:
        raise DataError(
            f"'{title}' in '{path}' is in '{found.group(1)}'.", f"One of {', '.join(UNITS)} for {name}."
        )


def told(head: Sequence[str]) -> dict[str, str]:
    """What the header says of the cruise."""
    text = "\n".join(head)
    wanted = {
        "citation": r"^Citation:\s*(.+?),?\s*$",
        "expocode": r"CAMPAIGN:\s*(\w+)",
        "ship": r"BASIS:\s*([^*\n]+)",
        "cruise_flag": r"Cruise QC flag:\s*([A-E])",
        "licence": r"^License:\s*(.+?)\s*$",
    }
    found = {key: re.search(pattern, text, re.MULTILINE) for key, pattern in wanted.items()}
    return {key: match.group(1).strip() for key, match in found.items() if match}


def read_socat(path: Path, lines: Sequence[str]) -> xr.Dataset:
    """A PANGAEA table of a SOCAT cruise; `interpolated` names what comes from climatology or reanalysis."""
    end = next((i for i, line in enumerate(lines) if line.strip() == "*/"), None)
    if end is None or end + 1 >= len(lines):
        raise DataError(
            f"'{path}' has a header without end.", "A line '*/', then the table.", "Was it broken off?"
        )
    titles = [title.strip() for title in lines[end + 1].split("\t")]
    rows, odd = table.rows(lines[end + 2 :], "\t", len(titles))
    if titles[0] != "Date/Time" or not rows:
        raise DataError(
            f"'{path}' begins with '{titles[0][:40]}' and has {len(rows)} whole rows.", "Date/Time, and rows."
        )
    values, interpolated, flags = {}, [], {}
    for i, title in enumerate(titles):
        name = house_name(title)
        if name is None or name in values:
            continue
        check_unit(path, title, name)
        values[name] = table.numbers(table.column(rows, i))
        if "interp" in title:
            interpolated.append(name)
    if "Flag [#]" in titles and "fco2" in values:
        flags["fco2"] = table.numbers(table.column(rows, titles.index("Flag [#]")))
    attrs = {"source": "SOCAT", **told(lines[:end]), "interpolated": " ".join(interpolated), "odd_lines": odd}
    return record(table.instants(table.column(rows, 0)), values, flags, attrs)
