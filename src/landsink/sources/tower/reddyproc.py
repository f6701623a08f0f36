"""Text tables for REddyProc: tabs, a row of units, `Year DoY Hour` or `DateTime`, stamps at the end of the interval.

A file that counts days only (`Day Hour`) needs its year from the user. Tables of a month that other R packages ship
share the names; their hours run from 0 and mark the start. See Wutzler et al. 2018, doi:10.5194/bg-15-5015-2018.
"""

import re
from typing import Literal

import numpy as np

from landsink.core.errors import DataError
from landsink.sources.tower import stamps
from landsink.sources.tower.place import site_named
from landsink.sources.tower.record import Reading
from landsink.sources.tower.request import Request
from landsink.sources.tower.table import Sheet
from landsink.sources.tower.wishes import fulfilled

NAME = "REddyProc table"
WISHES = {
    "NEE": ("NEE", "nee"), "FC": ("FC", "Fc", "FCO2"), "LE": ("LE",), "H": ("H",), "USTAR": ("Ustar", "ustar", "USTAR"),
    "TA": ("Tair", "TA"), "TS": ("Tsoil", "TS"), "RH": ("rH", "RH"), "VPD": ("VPD", "vpd"),
    "SW_IN": ("Rg", "rg", "SW_IN"), "SW_OUT": ("SW_up", "SW_OUT"), "LW_IN": ("LW_down", "LW_IN"),
    "LW_OUT": ("LW_up", "LW_OUT"), "NETRAD": ("Rn", "NETRAD"), "G": ("G",), "PPFD_IN": ("PPFD", "PPFD_IN"),
    "P": ("precip", "Precip", "P"), "PA": ("pressure", "PA"),
    "WS": ("wind", "WS"), "WD": ("WD", "wd"), "SWC": ("SWC",), "CO2": ("Ca", "CO2"),
}  # fmt: skip


def fits(sheet: Sheet) -> bool:
    """True for the clocks that R tables use, with one of their names of a quantity."""
    lower = {name.lower() for name in sheet.names}
    clock = {"year", "doy", "hour"} <= lower or {"day", "hour"} <= lower or "datetime" in lower
    return clock and any(name in sheet.names for names in WISHES.values() for name in names)


def read(sheet: Sheet, request: Request) -> Reading:
    """One table. Raises DataError where the year is not known or no stamp can be read."""
    times, side = _times(sheet, request)
    columns = fulfilled(sheet, WISHES, request.also)
    if "VPD" in columns and sheet.has("pressure", "wind") and not sheet.units:
        # The monthly tables of R packages, which have no row of units, carry VPD in kPa.
        columns["VPD"] = columns["VPD"] * 10
        sheet.notes.append("VPD: from kPa to hPa.")
    # R's tables are named DE_Tha_…, not DE-Tha_….
    site = site_named(re.sub(r"^([A-Z]{2})_([A-Z][A-Za-z0-9]{2})_", r"\1-\2_", sheet.label))
    return Reading(sheet.label, times, side, columns, NAME, sheet.notes, 0, site)


def _times(sheet: Sheet, request: Request) -> tuple[np.ndarray, Literal["start", "end"]]:
    name = {column.lower(): column for column in sheet.names}
    if "datetime" in name:
        sheet.notes.append("DateTime taken as the end of its interval.")
        return stamps.as_written(sheet.written_columns([name["datetime"]])[name["datetime"]]), "end"
    day, hour = name.get("doy", name.get("day", "")), name["hour"]
    if "year" not in name and request.year is None:
        raise DataError(f"{sheet.label}: its clock has days and hours, no year.", "", "Give year=….")
    wanted = [column for column in (name.get("year"), day, hour) if column]
    numbers = sheet.number_columns(wanted)
    year = numbers[name["year"]] if "year" in name else np.full(numbers[day].size, float(request.year or 0))
    times = stamps.from_days(year, numbers[day], numbers[hour])
    side = side_by_hours(numbers[hour][np.isfinite(numbers[hour])])
    sheet.notes.append(f"By the hours of its first and last rows, stamps mark the {side} of an interval.")
    return times, side


def side_by_hours(hours: np.ndarray) -> Literal["start", "end"]:
    """Ends run up to the next midnight (0 or 24); starts begin a day at 0."""
    ends_day = bool(hours.size and (hours[-1] in (0, 24) or (hours == 24).any()))
    return "start" if hours.size and hours[0] == 0 and not ends_day else "end"
