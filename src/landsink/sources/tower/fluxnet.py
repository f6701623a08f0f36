"""FLUXNET2015, ICOS ETC Level 2 and ONEFlux half-hours and hours: FULLSET, SUBSET, FLUXMET, FLUXES, METEO.

Times are local standard time; -9999 is missing. `_QC` of half-hours is 0 for measured and 1 to 3 for filled. Where a
variable comes in several shapes the consolidated `_F` is taken before `_F_MDS` before the bare measurement, and NEE
with the yearly u* threshold before the constant one. See Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3.
"""

from pathlib import Path

from landsink.sources.tower.clock import interval
from landsink.sources.tower.place import site_named
from landsink.sources.tower.record import Reading
from landsink.sources.tower.request import Request
from landsink.sources.tower.table import Sheet
from landsink.sources.tower.wishes import fulfilled

NAME = "FLUXNET"
CITATION = (
    "Pastorello, G. et al. (2020), The FLUXNET2015 dataset and the ONEFlux processing pipeline for eddy covariance"
    " data, Scientific Data 7, 225, doi:10.1038/s41597-020-0534-3."
)


KINDS = ("FULLSET", "SUBSET", "FLUXMET", "FLUXES", "METEOSENS", "METEO")
HUBS = {"ICOSETC": "ICOS ETC L2", "FLX_": "FLUXNET2015", "AMF_": "AmeriFlux FLUXNET"}


def _filled(name: str) -> tuple[str, ...]:
    return (f"{name}_F", f"{name}_F_MDS", name)


WISHES = {
    "NEE": ("NEE_VUT_REF", "NEE_CUT_REF", "NEE_VUT_USTAR50", "NEE_CUT_USTAR50", "NEE"),
    "FC": ("FC",), "SC": ("SC",),
    "LE": ("LE_F_MDS", "LE"), "H": ("H_F_MDS", "H"), "SLE": ("SLE",), "SH": ("SH",), "USTAR": ("USTAR",),
    "TA": _filled("TA"), "VPD": _filled("VPD"), "RH": ("RH",), "SW_IN": _filled("SW_IN"), "SW_IN_POT": ("SW_IN_POT",),
    "SW_OUT": ("SW_OUT",), "LW_IN": _filled("LW_IN"), "LW_OUT": ("LW_OUT",), "NETRAD": ("NETRAD",),
    "G": ("G_F_MDS", "G"), "PPFD_IN": ("PPFD_IN",), "PPFD_OUT": ("PPFD_OUT",), "P": _filled("P"), "PA": _filled("PA"),
    "WS": _filled("WS"), "WD": ("WD",), "TS": ("TS_F_MDS", "TS"), "SWC": ("SWC_F_MDS", "SWC"),
    "CO2": ("CO2_F_MDS", "CO2"), "TAU": ("TAU",), "MO_LENGTH": ("MO_LENGTH",), "ZL": ("ZL",),
    "V_SIGMA": ("V_SIGMA",), "W_SIGMA": ("W_SIGMA",),
}  # fmt: skip


def fits(sheet: Sheet) -> bool:
    """True for a table with FLUXNET's time stamps."""
    return sheet.has("TIMESTAMP_START") or sheet.has("TIMESTAMP_END")


def read(sheet: Sheet, request: Request) -> Reading:
    """One table. Raises DataError where no stamp can be read or `also` names a column that is not there."""
    times, side, seconds = interval(sheet)
    columns = fulfilled(sheet, WISHES, request.also)
    product = product_named(sheet.label)
    return Reading(
        sheet.label, times, side, columns, product, sheet.notes, seconds, site_named(sheet.label),
        licence="CC-BY-4.0" if product != NAME else "", citation=CITATION if product != NAME else "",
    )  # fmt: skip


def product_named(label: str) -> str:
    """Which of FLUXNET's products a file is, by its name."""
    name = Path(label).name.upper()
    kind = next((kind for kind in KINDS if kind in name), "")
    hub = next((hub for mark, hub in HUBS.items() if mark in name), NAME)
    return f"{hub} {kind}".strip()
