"""Text tables that instruments leave: bytes to lines, cells to numbers, numbers to times."""

import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from landsink.core.errors import DataError

Numbers = np.ndarray | float
LINE_END = re.compile(r"\r\n|\r|\n")
FIRST, LAST = (
    1800,
    2199,
)  # years beyond these are slips of the pen, and would not fit nanoseconds near the ends


def content(path: Path) -> bytes:
    """A file's bytes, unpacked where it is gzip. Raises DataError where it cannot be read or is empty."""
    try:
        raw = Path(path).read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error, ValueError) as problem:
        raise DataError(f"'{path}' cannot be read: {problem}.", "A file of measurements.") from problem
    if not raw.strip():
        raise DataError(f"'{path}' is empty.", "A file of measurements.", "Was the download broken off?")
    return raw


def lines(raw: bytes) -> tuple[list[str], str]:
    """Lines of a text whatever ends them (CR alone too), and the encoding: UTF-8, or Latin-1 where that is broken."""
    if b"\x00" in raw[:4096]:
        raise DataError("The file is binary.", "Text.")
    try:
        text, encoding = raw.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = raw.decode("latin-1"), "latin-1"
    return LINE_END.split(text), encoding


def rows(body: Sequence[str], separator: str | None, width: int) -> tuple[list[list[str]], int]:
    """Cells of each line that has `width` of them, and how many lines had another number (blank lines aside)."""
    split = [line.split(separator) for line in body if line.strip()]
    fit = [[cell.strip() for cell in cells] for cells in split if len(cells) == width]
    return fit, len(split) - len(fit)


def column(cells: Sequence[Sequence[str]], position: int) -> np.ndarray:
    """One column (row) as text."""
    return np.array([row[position] for row in cells], dtype=object)


def numbers(text: np.ndarray) -> np.ndarray:
    """Numbers (row) of cells; NaN where a cell is blank or is no number."""
    values = np.asarray(pd.to_numeric(pd.Series(text, dtype=object), errors="coerce"), dtype=float)
    return np.where(np.isfinite(values), values, np.nan)


def unreadable(text: np.ndarray) -> int:
    """Cells that hold something which is no number."""
    blank = np.isin(text.astype(str), ("", "NaN", "nan", "NA", "null", "None"))
    return int((np.isnan(numbers(text)) & ~blank).sum())


def calendar(
    year: Numbers, month: Numbers = 1, day: Numbers = 1, hour: Numbers = 0, minute: Numbers = 0
) -> np.ndarray:
    """UTC times [datetime64[ns]] of calendar numbers (row); NaT where they make no date."""
    parts = np.broadcast_arrays(*(np.asarray(p, float) for p in (year, month, day, hour, minute)))
    lowest, highest = (FIRST, 1, 1, 0, 0), (LAST, 12, 31, 23, 59)
    sound = np.all(
        [np.isfinite(p) & (p >= a) & (p <= b) for p, a, b in zip(parts, lowest, highest, strict=True)], axis=0
    )
    whole = [np.where(sound, p, a).astype(int) for p, a in zip(parts, lowest, strict=True)]
    frame = pd.DataFrame(dict(zip(("year", "month", "day", "hour", "minute"), whole, strict=True)))
    times = pd.to_datetime(frame, errors="coerce").to_numpy().astype("datetime64[ns]")
    return np.where(sound, times, np.datetime64("NaT", "ns"))


def instants(text: np.ndarray) -> np.ndarray:
    """UTC times [datetime64[ns]] of ISO 8601 cells (row); NaT where a cell is none. A time without a zone is UTC."""
    if not len(text):
        return np.empty(0, "datetime64[ns]")
    times = pd.to_datetime(pd.Series(text, dtype=object), errors="coerce", utc=True, format="ISO8601")
    years = times.dt.year
    naive = times.where((years >= FIRST) & (years <= LAST)).dt.tz_localize(None)
    return naive.to_numpy().astype("datetime64[ns]")
