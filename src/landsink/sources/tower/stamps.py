"""Time stamps of a file as they are written: text to local times, mended where there is one way to mend them."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from landsink.core.errors import DataError

HOUR = np.timedelta64(3600, "s")
DAY = np.timedelta64(86400, "s")
NEVER = np.datetime64("NaT", "s")
# Eddy covariance is younger than this; a stamp outside is a slip of the pen.
EARLIEST, LATEST = np.datetime64("1960-01-01", "s"), np.datetime64("2100-01-01", "s")
DIGITS = (8, 10, 12, 14)  # YYYYMMDD, then hours, minutes, seconds
ISO = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"), "%Y-%m-%dT%H:%M:%S"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "%Y-%m-%d %H:%M:%S"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d"), "%Y-%m-%dT%H:%M"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), "%Y-%m-%d %H:%M"),
)
WEEKDAY_ZERO = 3  # 1970-01-01 was a Thursday
LONGEST_SUMMER = np.timedelta64(
    35 * 7 * 86400, "s"
)  # second Sunday of March to first of November, the longest in use


class Jump(NamedTuple):
    """A row at which the clock was moved by an hour: forward (+1) or back (-1)."""

    row: int
    sense: int


def as_written(column: np.ndarray | pd.Series) -> np.ndarray:
    """Times (row) as datetime64[s] of a column of whole numbers such as 201801010030, or of text; else NaT."""
    return from_text(column) if isinstance(column, pd.Series) else from_digits(column)


def from_digits(numbers: np.ndarray) -> np.ndarray:
    """Times (row) of whole numbers YYYYMMDD with or without hh, mm, ss after it, else NaT; hour 24 is midnight."""
    length = np.select([(numbers >= 10 ** (size - 1)) & (numbers < 10**size) for size in DIGITS], DIGITS, 0)
    known = length > 0
    padded = np.where(known, numbers, 19700101) * 10 ** np.where(known, 14 - length, 6)
    date, clock = np.divmod(padded, 1_000_000)
    year, month, day = date // 10000, date // 100 % 100, date % 100
    hour, minute, second = clock // 10000, clock // 100 % 100, clock % 100
    start = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    midnight = start.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    fine = known & (month >= 1) & (month <= 12) & (day >= 1) & (midnight.astype("datetime64[M]") == start)
    fine &= (hour <= 24) & (minute < 60) & (second < 60)
    seconds = (hour * 3600 + minute * 60 + second).astype("timedelta64[s]")
    return plausible(np.where(fine, midnight.astype("datetime64[s]") + seconds, NEVER))


def from_text(stamps: pd.Series) -> np.ndarray:
    """Times (row) as datetime64[s] of stamps such as 201801010030, 2018-01-01 00:30 or 01/01/2018 0:30; else NaT."""
    text = stamps.str.strip("\"' \t")
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    whole = np.isfinite(numbers) & (np.abs(numbers) < 1e15)
    times = from_digits(np.where(whole, numbers, 0).astype(np.int64))
    written = text[~whole & (text != "").to_numpy()]
    if len(written):
        pattern = next((pattern for shape, pattern in ISO if shape.match(written.iloc[0])), "%Y-%m-%d")
        found = pd.to_datetime(written, format=pattern, errors="coerce").to_numpy().astype("datetime64[s]")
        times[written.index] = plausible(found)
    rest = text[np.isnat(times) & (text != "").to_numpy() & ~whole]
    if len(rest):
        parts = rest.str.replace("T", " ", regex=False).str.rstrip("Z").str.split(n=1)
        date, clock = (pd.Series([part[i] if len(part) > i else "00:00" for part in parts]) for i in (0, 1))
        times[rest.index] = plausible(dates(date) + hours(clock))
    return times


def dates(text: pd.Series, pattern: str = "") -> np.ndarray:
    """Midnights (row) of dates; `pattern` as the units row writes it ('dd/mm/yyyy'), or found from the dates."""
    codes, different = pd.factorize(text.str.strip())
    shape = _shape(pd.Series(different, dtype=object), pattern.lower().strip("[] "))
    if not shape or not len(different):
        return np.full(len(text), NEVER)
    times = pd.to_datetime(pd.Series(different, dtype=object), format=shape, errors="coerce")
    return times.to_numpy().astype("datetime64[s]")[codes]


def _shape(text: pd.Series, pattern: str) -> str:
    """A strptime pattern for dates: year first, or day and month in the order that the numbers allow."""
    sign = next((sign for sign in "-/." if text.str.contains(sign, regex=False).any()), "")
    if not sign:
        return "%Y%m%d"
    numbers = text.str.strip().str.split(sign, expand=True)
    if numbers.shape[1] < 3:
        return ""
    first, second = (pd.to_numeric(numbers[i], errors="coerce") for i in (0, 1))
    if pattern.startswith("yyyy") or first.max() > 31:
        return f"%Y{sign}%m{sign}%d"
    year = "%Y" if numbers[2].str.len().max() >= 4 else "%y"
    month_first = pattern.startswith("mm") if pattern else second.max() > 12
    return f"%m{sign}%d{sign}{year}" if month_first else f"%d{sign}%m{sign}{year}"


def hours(text: pd.Series) -> np.ndarray:
    """Time of day (row) as timedelta64[s] of '0:30', '24:00', '00:30:00' or '0030'; else NaT."""
    codes, different = pd.factorize(text.str.strip())
    plain = pd.Series(different, dtype=object)
    colon = plain.str.contains(":", regex=False).astype(bool)
    padded = plain.str.zfill(4)
    plain = plain.where(colon, padded.str[:2] + ":" + padded.str[2:4])
    fields = plain.str.extract(r"^([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.[0-9]*)?)?$").astype(float)
    seconds = fields[0] * 3600 + fields[1] * 60 + fields[2].fillna(0)
    fine = (fields[0] <= 24) & (fields[1] < 60)
    return (
        _seconds(seconds.where(fine).to_numpy())[codes]
        if len(different)
        else _seconds(np.full(len(text), np.nan))
    )


def from_days(year: np.ndarray, day: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """Times (row) of a year, a day of the year from 1 and an hour with decimals (0 … 24)."""
    good = (year >= 1960) & (year <= 2100) & (day >= 0) & (day <= 367) & (hour >= 0) & (hour <= 24)
    whole = np.where(good, year, 1970).astype(int)
    start = (whole - 1970).astype("datetime64[Y]").astype("datetime64[s]")
    seconds = np.round((np.where(good, day, 1.0) - 1) * 86400 + np.where(good, hour, 0.0) * 3600)
    return plausible(np.where(good, start + _seconds(seconds), NEVER))


def _seconds(numbers: np.ndarray) -> np.ndarray:
    known = np.isfinite(numbers)
    whole = np.where(known, numbers, 0).astype("int64").astype("timedelta64[s]")
    return np.where(known, whole, np.timedelta64("NaT", "s"))


def plausible(times: np.ndarray) -> np.ndarray:
    """Times (row) with those before 1960 and after 2100 as NaT."""
    times = times.astype("datetime64[s]")
    with np.errstate(invalid="ignore"):
        return np.where((times >= EARLIEST) & (times < LATEST), times, NEVER)


def step(times: np.ndarray, label: str) -> int:
    """The commonest distance between neighbouring times [s]. Raises DataError where there is none, or over an hour."""
    distances = np.diff(np.unique(times[~np.isnat(times)])) / np.timedelta64(1, "s")
    if not distances.size:
        raise DataError(f"{label}: fewer than two different times.", "Evenly spaced steps.")
    lengths, counts = np.unique(distances.round().astype(int), return_counts=True)
    seconds = int(lengths[np.argmax(counts)])
    if seconds > 3600:
        raise DataError(
            f"{label}: its steps are {seconds / 3600:g} h apart.",
            "An hour or less: fluxes are processed by half-hours.",
            "Take the file marked HH or HR.",
        )
    if 3600 % seconds:
        near = next((whole for whole in (900, 1800, 3600) if abs(seconds - whole) <= 60), 0)
        if not near:
            raise DataError(
                f"{label}: a step of {seconds} s does not divide an hour.", "Such as 900, 1800 or 3600 s."
            )
        return near
    return seconds


def standard_time(times: np.ndarray, seconds: int) -> tuple[np.ndarray, list[str]]:
    """Times (row) with the hour of summer time taken out, where the clock was set back on Sunday nights.

    A clock set back repeats an hour: no gap in a record looks like that. The hour forward in spring before it begins
    the summer time; without one, the file began in it.
    """
    jumps = _jumps(times, seconds)
    summer = np.zeros(times.size, dtype=bool)
    begun: int | None = 0
    found = 0
    for row, sense in jumps:
        if sense > 0:
            begun = begun or row
        elif begun is not None and times[row] - times[begun] <= LONGEST_SUMMER:
            summer[begun:row] = True
            begun, found = None, found + 1
    if not found:
        return times, []
    if begun:
        summer[begun:] = True
    notes = [f"Clocks went back {found} times on Sunday nights: summer time; put back to standard time."]
    return np.where(summer, times - HOUR, times), notes


def _jumps(times: np.ndarray, seconds: int) -> list[Jump]:
    """Where an otherwise even record jumps by an hour at night from Saturday to Sunday, in spring or autumn."""
    distance = np.diff(times) / np.timedelta64(1, "s")
    rows = np.flatnonzero((distance == seconds + 3600) | (distance == seconds - 3600)) + 1
    days = times[rows].astype("datetime64[D]")
    sunday = (days.astype(int) + WEEKDAY_ZERO) % 7 == 6
    season = np.isin(days.astype("datetime64[M]").astype(int) % 12, (2, 3, 8, 9, 10))
    night = (times[rows] - days) <= 4 * HOUR
    return [Jump(int(row), 1 if distance[row - 1] > seconds else -1) for row in rows[sunday & season & night]]


def mistyped(times: np.ndarray, seconds: int) -> tuple[np.ndarray, int]:
    """Times (row) where one out of line between two neighbours a double step apart is set between them; how many."""
    if times.size < 3:
        return times, 0
    one = np.timedelta64(seconds, "s")
    between = times[:-2] + one
    wrong = (times[2:] - times[:-2] == 2 * one) & (times[1:-1] != between)
    mended = times.copy()
    mended[1:-1] = np.where(wrong, between, times[1:-1])
    return mended, int(wrong.sum())
