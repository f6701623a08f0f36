"""The part of a release that a question asks for: cells whose centre lies in a box or an area, and steps of a time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from landsink.catalogue.releases import Release
from landsink.core.errors import DataError

TIME = re.compile(
    r"(?!0000)\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3])(:[0-5]\d(:[0-5]\d(\.\d{1,9})?)?)?Z?)?)?)?"
)
NEARLY = 1e-9


@dataclass(frozen=True)
class Box:
    """Degrees; where `west` is greater than `east` the box crosses the 180th meridian."""

    west: float = -180.0
    south: float = -90.0
    east: float = 180.0
    north: float = 90.0

    @property
    def width(self) -> float:
        """Degrees from west to east, 360 at most."""
        span = self.east - self.west
        return 360.0 if span >= 360.0 else span % 360.0


GLOBE = Box()


def box(text: str) -> Box:
    """'west,south,east,north' in degrees; '' is the globe. DataError where it is not such a box."""
    if not text:
        return GLOBE
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 6:
        numbers = [numbers[0], numbers[1], numbers[3], numbers[4]]
    expected = "Four numbers in degrees, 'west,south,east,north', such as -5,42,8,51."
    if len(numbers) != 4 or not np.isfinite(numbers).all():
        raise DataError(f"The box is '{text[:100]}'.", expected)
    west, south, east, north = numbers
    if not (-90 <= south <= north <= 90 and -180 <= west <= 360 and -180 <= east <= 360):
        raise DataError(
            f"The box is '{text[:100]}'.",
            expected,
            "Latitudes lie in -90…90, south first; longitudes in -180…360. "
            "A box across the 180th meridian has its west greater than its east.",
        )
    return Box(west, south, east, north)


def instant(text: str) -> tuple[np.datetime64, np.datetime64]:
    """The first and the last nanosecond of a time as precise as it is written: '2001' is a whole year."""
    if TIME.fullmatch(text):
        try:
            first = np.datetime64(text.removesuffix("Z"))
            last = (first + 1).astype("datetime64[ns]") - np.timedelta64(1, "ns")
            begin = first.astype("datetime64[ns]")
        except (ValueError, OverflowError):
            begin = last = np.datetime64("NaT")
        # Nanoseconds end in the year 2262, and an overflow comes back as another century.
        if begin <= last and begin.astype("datetime64[Y]") == first.astype("datetime64[Y]"):
            return begin, last
    raise DataError(
        f"The time is '{text[:60]}'.",
        "A date of ISO 8601 in UTC between 1678 and 2261: 2001, 2001-07, 2001-07-15 or 2001-07-15T06:00:00Z.",
    )


def interval(text: str) -> tuple[str, str]:
    """OGC's datetime, 'a', 'a/b', '../b' or 'a/..', as (from, to); an open end is ''."""
    parts = text.split("/")
    if (
        len(parts) > 2
        or (len(parts) == 2 and all(p in ("", "..") for p in parts))
        and text not in ("../..", "/")
    ):
        raise DataError(f"The datetime is '{text[:80]}'.", "One time, or two with '/' between; '..' is open.")
    begin, end = (parts[0], parts[-1])
    return ("" if begin == ".." else begin, "" if end == ".." else end)


def steps(time: np.ndarray, begin: str, end: str) -> slice:
    """The steps from `begin` to `end`, both included and as precise as written; '' is open.

    DataError where there is none, or where `begin` is after `end`.
    """
    low = instant(begin)[0] if begin else time[0]
    high = instant(end)[1] if end else time[-1]
    first, last = int(np.searchsorted(time, low, "left")), int(np.searchsorted(time, high, "right"))
    if first >= last:
        raise DataError(
            f"No step lies between {begin or 'the first'} and {end or 'the last'}.",
            f"A time within {str(time[0])[:10]} … {str(time[-1])[:10]}.",
        )
    return slice(first, last)


def step(time: np.ndarray, text: str) -> int:
    """The number of the first step in a time as precise as written, else of the step that runs then; '' is the last.

    DataError where the time is before the first step or after the last one.
    """
    if not text:
        return len(time) - 1
    begin, end = instant(text)
    found = int(np.searchsorted(time, begin, "left"))
    if found < len(time) and time[found] <= end:
        return found
    length = time[-1] - time[-2] if len(time) > 1 else np.timedelta64(1, "D")
    if begin < time[0] or begin >= time[-1] + length:
        raise DataError(
            f"The time {text} is not in the product.",
            f"A time within {str(time[0])[:10]} … {str(time[-1])[:10]}.",
        )
    return found - 1


@dataclass(frozen=True)
class Window:
    """Rows, columns and steps of a release; `inside` (rows, columns) is True for the cells that are asked for."""

    release: Release
    rows: slice
    cols: tuple[slice, ...]
    times: slice
    inside: np.ndarray | None = None

    @cached_property
    def lat(self) -> np.ndarray:
        """Latitude of the rows in degrees."""
        return self.release.lat[self.rows]

    @cached_property
    def lon(self) -> np.ndarray:
        """Longitude of the columns in degrees, rising from west to east even across the 180th meridian."""
        found = np.concatenate([self.release.lon[part] for part in self.cols])
        turns = np.concatenate([[0], np.cumsum(np.diff(found) < 0)])
        return found + 360.0 * turns

    @property
    def time(self) -> np.ndarray:
        """The steps' instants."""
        return self.release.time[self.times]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Steps, rows, columns."""
        return len(self.time), len(self.lat), len(self.lon)

    @property
    def cells(self) -> int:
        """How many cells."""
        return self.shape[1] * self.shape[2]

    def field(self, values: np.ndarray) -> np.ndarray:
        """The window's part of a (lat, lon) field of the release."""
        return np.concatenate([values[self.rows, part] for part in self.cols], -1)

    def values(self, variable: str, times: slice | None = None) -> np.ndarray:
        """(time, rows, columns) of float32; NaN outside the area that is asked for."""
        times = self.times if times is None else times
        parts = [self.release.block(variable, self.rows, part, times) for part in self.cols]
        found = parts[0] if len(parts) == 1 else np.concatenate(parts, -1)
        return found if self.inside is None else np.where(self.inside, found, np.float32(np.nan))

    def parts(self, values: int) -> Iterator[slice]:
        """The steps in portions of at most about `values` numbers of one variable."""
        size = max(1, values // max(self.cells, 1))
        for start in range(self.times.start, self.times.stop, size):
            yield slice(start, min(start + size, self.times.stop))


def window(release: Release, asked: Box, times: slice) -> Window:
    """The cells whose centre lies in a box. DataError where none does."""
    rows = np.flatnonzero((release.lat >= asked.south - NEARLY) & (release.lat <= asked.north + NEARLY))
    past = (release.lon - asked.west + NEARLY) % 360.0
    cols = np.flatnonzero(past <= asked.width + 2 * NEARLY)
    if not len(rows) or not len(cols):
        west, south, east, north = edges(release)
        raise DataError(
            f"No cell of '{release.id}' has its centre in the box.",
            f"A box within {west:g},{south:g},{east:g},{north:g}.",
            "Widen the box, or ask /series for the cell of one place.",
        )
    cols = cols[np.argsort(past[cols], kind="stable")]
    return Window(release, slice(int(rows[0]), int(rows[-1]) + 1), _runs(cols), times)


def runs(lon: np.ndarray, hit: np.ndarray) -> tuple[slice, ...]:
    """The shortest way around the globe over all columns that are hit: one run of columns, or two across its seam."""
    cols = np.flatnonzero(hit)
    gaps = np.append(np.diff(lon[cols]), lon[cols[0]] + 360.0 - lon[cols[-1]])
    widest = int(np.argmax(gaps))
    if gaps[widest] <= gaps[-1] + NEARLY:
        return (slice(int(cols[0]), int(cols[-1]) + 1),)
    return slice(int(cols[widest + 1]), len(lon)), slice(0, int(cols[widest]) + 1)


def _runs(numbers: np.ndarray) -> tuple[slice, ...]:
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    return tuple(slice(int(run[0]), int(run[-1]) + 1) for run in np.split(numbers, breaks))


def edges(release: Release) -> tuple[float, float, float, float]:
    """West, south, east and north edges of a release in degrees: those of its outer cells."""
    (south, north), (west, east) = _ends(release.lat), _ends(release.lon)
    return west, max(south, -90.0), east, min(north, 90.0)


def _ends(centres: Sequence[float] | np.ndarray) -> tuple[float, float]:
    half = abs(float(centres[1] - centres[0])) / 2 if len(centres) > 1 else 0.5
    return round(float(min(centres)) - half, 9), round(float(max(centres)) + half, 9)
