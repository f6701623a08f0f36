"""Tables of loggers with one column `TIMESTAMP`, such as ICOS's raw biomet: steps of seconds to an hour.

Steps shorter than a quarter of an hour become half-hours. The stamp is the logger's at the end of its interval, in
local standard time.
"""

from landsink.sources.tower import fluxnet, stamps
from landsink.sources.tower.place import site_named
from landsink.sources.tower.record import Reading
from landsink.sources.tower.request import Request
from landsink.sources.tower.table import Sheet
from landsink.sources.tower.variables import positions
from landsink.sources.tower.wishes import fulfilled

NAME = "Logger table"
WISHES = {base: (base,) for base in fluxnet.WISHES}


def fits(sheet: Sheet) -> bool:
    """True for one column TIMESTAMP beside a quantity under FLUXNET's name."""
    known = set(sheet.names) & set(WISHES) or positions(sheet.names, WISHES)
    return sheet.has("TIMESTAMP") and bool(known)


def read(sheet: Sheet, request: Request) -> Reading:
    """One table. Raises DataError where no stamp can be read or nothing known is measured."""
    times = stamps.as_written(sheet.written_columns(["TIMESTAMP"])["TIMESTAMP"])
    columns = fulfilled(sheet, WISHES, request.also)
    sheet.notes.append("TIMESTAMP taken as the end of its interval.")
    return Reading(sheet.label, times, "end", columns, NAME, sheet.notes, 0, site_named(sheet.label))
