"""ONEFlux's quality-checked inputs (`…_qca_nee_…`, `…_qca_ustar_…`): a block of metadata, then a FLUXNET table."""

from landsink.sources.tower import fluxnet
from landsink.sources.tower.clock import interval
from landsink.sources.tower.place import place, site_named
from landsink.sources.tower.record import Reading
from landsink.sources.tower.request import Request
from landsink.sources.tower.table import Sheet
from landsink.sources.tower.wishes import fulfilled

NAME = "ONEFlux quality-checked input"


def fits(sheet: Sheet) -> bool:
    """True where a block with lat, lon and timezone stands above FLUXNET stamps."""
    return fluxnet.fits(sheet) and {"lat", "lon", "timezone"} <= set(_block(sheet))


def read(sheet: Sheet, request: Request) -> Reading:
    """One table with its place. Raises DataError as the FLUXNET reader does."""
    block = _block(sheet)
    where = place(
        {"latitude": block["lat"][0], "longitude": block["lon"][0], "utc_offset": block["timezone"][-1]}
    )
    times, side, seconds = interval(sheet)
    columns = fulfilled(sheet, fluxnet.WISHES, request.also)
    notes = [*sheet.notes, *(f"Said in the file: {', '.join(row)}." for row in _rows(sheet, "notes"))]
    if block.get("sc_negl", ["0"])[0] == "1":
        notes.append("Storage was held negligible (sc_negl = 1): NEE is the turbulent flux.")
    return Reading(
        sheet.label, times, side, columns, NAME, notes, seconds, block.get("site", [""])[0] or site_named(sheet.label),
        where.latitude, where.longitude, where.utc_offset,
    )  # fmt: skip


def _block(sheet: Sheet) -> dict[str, list[str]]:
    """The first row of each key above the table; a key without a value is left out."""
    found: dict[str, list[str]] = {}
    for line in sheet.before:
        key, *values = (cell.strip() for cell in line.split(","))
        if values:
            found.setdefault(key, values)
    return found


def _rows(sheet: Sheet, key: str) -> list[list[str]]:
    cells = [[cell.strip() for cell in line.split(",")] for line in sheet.before]
    return [row[1:] for row in cells if row[0] == key and len(row) > 1]
