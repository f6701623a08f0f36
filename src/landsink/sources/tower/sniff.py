"""Which format a table is: each says by the header whether it is its own, the particular before the general."""

from collections.abc import Callable
from typing import NamedTuple

from landsink.core.errors import DataError, near
from landsink.sources.tower import ameriflux, eddypro, etc_eco, fluxnet, icos_raw, oneflux, reddyproc
from landsink.sources.tower.record import Reading
from landsink.sources.tower.request import Request
from landsink.sources.tower.table import Sheet


class Format(NamedTuple):
    """A format's name, how it knows a sheet for its own, and how it reads one."""

    name: str
    fits: Callable[[Sheet], bool]
    read: Callable[[Sheet, Request], Reading]


FORMATS = (
    Format(oneflux.NAME, oneflux.fits, oneflux.read),
    Format(ameriflux.NAME, ameriflux.fits, ameriflux.read),
    Format(etc_eco.NAME, etc_eco.fits, etc_eco.read),
    Format(eddypro.NAME, eddypro.fits, eddypro.read),
    Format(eddypro.NAME_FLUXNET, eddypro.fits_fluxnet, eddypro.read_fluxnet),
    Format(icos_raw.NAME, icos_raw.fits, icos_raw.read),
    Format(reddyproc.NAME, reddyproc.fits, reddyproc.read),
    Format(fluxnet.NAME, fluxnet.fits, fluxnet.read),
)


def recognised(sheet: Sheet) -> Format:
    """The format of a sheet. Raises DataError where none knows it."""
    for one in FORMATS:
        if one.fits(sheet):
            return one
    raise DataError(
        f"{sheet.label}: a table of {', '.join(sheet.names[:6])} is of no format that is known.",
        f"One of {', '.join(one.name for one in FORMATS)}.",
        near(sheet.names[0], ("TIMESTAMP_START", "TIMESTAMP_END", "DateTime", "Year")),
    )
