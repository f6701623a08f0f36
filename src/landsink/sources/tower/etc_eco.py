"""The older ICOS ecosystem csv: `date,time`, a row of units that writes the clock as "HH:MM (CET)", stamps at the end.

CET is UTC + 1 all year. NEE in these files is already filtered and filled without a flag; Fc is as measured.
The `qc_` columns hold the nine classes of Foken et al. 2004 and are read only when asked for with `also`.
"""

import re

from landsink.core.errors import DataError
from landsink.sources.tower import stamps
from landsink.sources.tower.place import site_named
from landsink.sources.tower.record import Reading
from landsink.sources.tower.request import Request
from landsink.sources.tower.table import Sheet
from landsink.sources.tower.wishes import fulfilled

NAME = "ICOS ecosystem csv"
ZONES = {"CET": 1.0, "UTC": 0.0, "GMT": 0.0, "EET": 2.0, "WET": 0.0}
BASES = {
    "FC": ("Fc", "FC"), "SC": ("Sc", "SC"), "NEE": ("NEE",), "H": ("H",), "LE": ("LE",),
    "USTAR": ("Ustar", "USTAR", "u*"),
    "TA": ("TA", "Ta"), "RH": ("RH", "Rh"), "VPD": ("VPD",), "SW_IN": ("SW_IN", "SWin", "Rg"), "SW_OUT": ("SW_OUT",),
    "LW_IN": ("LW_IN",), "LW_OUT": ("LW_OUT",), "NETRAD": ("NETRAD", "Rn"), "G": ("G",), "PPFD_IN": ("PPFD_IN", "PPFD"),
    "P": ("P",), "PA": ("PA", "Pa"), "WS": ("WS",), "WD": ("WD",), "TS": ("TS", "Ts"), "SWC": ("SWC",), "CO2": ("CO2",),
}  # fmt: skip
POSITION = "_1_1_1"
WISHES = {
    base: tuple(name for stem in stems for name in (stem, stem + POSITION)) for base, stems in BASES.items()
}


def fits(sheet: Sheet) -> bool:
    """True for `date` and `time` with a time zone among the units."""
    return sheet.has("date", "time") and _zone(sheet) != ""


def read(sheet: Sheet, request: Request) -> Reading:
    """One table. Raises DataError where the zone is not a standard time."""
    zone = _zone(sheet)
    if zone not in ZONES:
        raise DataError(f"{sheet.label}: its clock is '{zone}'.", f"A standard time: {', '.join(ZONES)}.")
    clock = sheet.text_columns(["date", "time"])
    times = stamps.plausible(stamps.dates(clock["date"], sheet.unit("date")) + stamps.hours(clock["time"]))
    columns = fulfilled(sheet, WISHES, request.also)
    if {"NEE", "FC"} <= set(columns):
        sheet.notes.append("NEE is filtered and filled by the team, without a flag; FC is as measured.")
    return Reading(
        sheet.label, times, "end", columns, NAME, sheet.notes, 0, site_named(sheet.label), utc_offset=ZONES[zone],
        licence="CC-BY-4.0", citation="ICOS RI; cite the data object's citation string.",
    )  # fmt: skip


def _zone(sheet: Sheet) -> str:
    match = re.search(r"\(([A-Za-z]+)\)", sheet.unit("time"))
    return match[1].upper() if match else ""
