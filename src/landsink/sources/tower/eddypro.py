"""EddyPro's full output (three header rows), its biomet output (two) and its FLUXNET-formatted output.

Stamps of the full output and of biomet mark the end of the averaging period. Its quality flags 0, 1, 2 (Foken et al.
2004 as joined by Mauder & Foken) come as `<name>_SSITC_TEST`: they judge a measurement, and are no class of filling.
"""

import numpy as np

from landsink.sources.tower import fluxnet, stamps
from landsink.sources.tower.clock import interval
from landsink.sources.tower.place import place, site_named
from landsink.sources.tower.record import Reading
from landsink.sources.tower.request import Request
from landsink.sources.tower.table import Sheet
from landsink.sources.tower.wishes import fulfilled

NAME = "EddyPro full output"
NAME_FLUXNET = "EddyPro FLUXNET output"
WISHES = {
    "FC": ("co2_flux",), "SC": ("co2_strg",), "H": ("H",), "SH": ("H_strg",), "LE": ("LE",), "SLE": ("LE_strg",),
    "TAU": ("Tau",), "USTAR": ("u*", "us", "u_star"), "TA": ("Ta_1_1_1", "TA_1_1_1", "air_temperature"),
    "PA": ("Pa_1_1_1", "PA_1_1_1", "air_pressure"), "RH": ("RH_1_1_1", "RH"), "VPD": ("VPD",),
    "WS": ("wind_speed",), "WD": ("wind_dir",), "CO2": ("co2_mixing_ratio", "co2_mole_fraction"),
    "MO_LENGTH": ("L",), "ZL": ("(z-d)/L",),
    "SW_IN": ("Rg_1_1_1", "SW_IN_1_1_1", "SWin_1_1_1"), "SW_OUT": ("SWout_1_1_1", "SW_OUT_1_1_1"),
    "LW_IN": ("LWin_1_1_1", "LW_IN_1_1_1"), "LW_OUT": ("LWout_1_1_1", "LW_OUT_1_1_1"),
    "NETRAD": ("Rn_1_1_1", "NETRAD_1_1_1"), "PPFD_IN": ("PPFD_1_1_1", "PPFD_IN_1_1_1"),
    "P": ("P_rain_1_1_1", "P_1_1_1"), "TS": ("Ts_1_1_1", "TS_1_1_1"), "SWC": ("SWC_1_1_1",),
    "G": ("SHF_1_1_1", "G_1_1_1"),
}  # fmt: skip
FLAGS = {"FC": "qc_co2_flux", "H": "qc_H", "LE": "qc_LE", "TAU": "qc_Tau"}
# The FLUXNET output names what EddyPro reckoned itself `_EP`, and the storage by one height `_SINGLE`.
OWN = dict(fluxnet.WISHES) | {
    "SC": ("SC", "SC_SINGLE"), "SH": ("SH", "SH_SINGLE"), "SLE": ("SLE", "SLE_SINGLE"), "TA": ("TA", "TA_EP"),
    "PA": ("PA", "PA_EP"), "RH": ("RH", "RH_EP"), "VPD": ("VPD", "VPD_EP"), "CO2": ("CO2_MIXING_RATIO", "CO2"),
}  # fmt: skip


def fits(sheet: Sheet) -> bool:
    """True for a full output or biomet table (`date`, `time`, `DOY`)."""
    return sheet.has("date", "time") and (
        sheet.has("co2_flux") or sheet.has("file_records") or sheet.has("DOY")
    )


def fits_fluxnet(sheet: Sheet) -> bool:
    """True for FLUXNET stamps with EddyPro's own columns."""
    return fluxnet.fits(sheet) and any(sheet.has(name) for name in ("FILENAME_HF", "EXPECT_NR", "TA_EP"))


def read(sheet: Sheet, request: Request) -> Reading:
    """A full output or biomet table. Raises DataError where no stamp can be read."""
    clock = sheet.text_columns(["date", "time"])
    times = stamps.plausible(stamps.dates(clock["date"], sheet.unit("date")) + stamps.hours(clock["time"]))
    columns = fulfilled(sheet, WISHES, request.also)
    flags = {base: name for base, name in FLAGS.items() if base in columns and name in sheet.names}
    values = sheet.number_columns(list(flags.values())) if flags else {}
    columns |= {f"{base}_SSITC_TEST": values[name] for base, name in flags.items()}
    return Reading(sheet.label, times, "end", columns, NAME, sheet.notes, 0, site_named(sheet.label))


def read_fluxnet(sheet: Sheet, request: Request) -> Reading:
    """A FLUXNET-formatted output, with the tower's latitude and longitude that it carries in columns."""
    times, side, seconds = interval(sheet)
    columns = fulfilled(sheet, OWN, request.also)
    names = [name for name in ("BADM_LOCATION_LAT", "BADM_LOCATION_LONG") if name in sheet.names]
    said = {name: _first(values) for name, values in sheet.number_columns(names).items()} if names else {}
    where = place({"latitude": said.get("BADM_LOCATION_LAT"), "longitude": said.get("BADM_LOCATION_LONG")})
    return Reading(
        sheet.label, times, side, columns, NAME_FLUXNET, sheet.notes, seconds, site_named(sheet.label),
        where.latitude, where.longitude,
    )  # fmt: skip


def _first(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known[0]) if known.size else np.nan
