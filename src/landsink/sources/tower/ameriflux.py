"""AmeriFlux BASE: two comment lines, then FLUXNET stamps and names with positions `_H_V_R`; no quality flags.

The files do not say their offset from UTC; it is in the site's BIF table or has to be given. Columns that a team has
filled (`_PI_F`) bear no flag of what was measured, and are not taken.
"""

import re

from landsink.sources.tower import fluxnet
from landsink.sources.tower.clock import interval
from landsink.sources.tower.place import site_named
from landsink.sources.tower.record import Reading
from landsink.sources.tower.request import Request
from landsink.sources.tower.table import Sheet
from landsink.sources.tower.wishes import fulfilled

NAME = "AmeriFlux BASE"
WISHES = {
    base: (base, f"{base}_PI")
    for base in fluxnet.WISHES
} | {"P": ("P", "P_RAIN")}  # fmt: skip
CITATION = "Cite the site's AmeriFlux BASE digital object identifier (https://ameriflux.lbl.gov)."


def fits(sheet: Sheet) -> bool:
    """True for FLUXNET stamps under comment lines that name the site and the version, or a file named BASE."""
    commented = any(re.match(r"#\s*site", line, re.IGNORECASE) for line in sheet.before)
    return fluxnet.fits(sheet) and (commented or re.search(r"AMF_.*_BASE_", sheet.label) is not None)


def read(sheet: Sheet, request: Request) -> Reading:
    """One table. Raises DataError as the FLUXNET reader does."""
    times, side, seconds = interval(sheet)
    columns = fulfilled(sheet, WISHES, request.also)
    said = " ".join(line for line in sheet.before if "site" in line.lower())
    return Reading(
        sheet.label, times, side, columns, NAME, sheet.notes, seconds, site_named(said) or site_named(sheet.label),
        licence="CC-BY-4.0 or AmeriFlux legacy policy, by site", citation=CITATION,
    )  # fmt: skip
