"""Values of a station over time, as its folder holds them: nothing is averaged here."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.errors import GroupNotFoundError

from landsink.catalogue.metadata import instant
from landsink.core.errors import DataError, unknown
from landsink.portal.problems import Refusal

MOST = 100_000
RESOLUTIONS = ("native", "day", "month", "year")
DIGITS = 7
FORMS = {"native": "s", "day": "D", "month": "D", "year": "D"}


@dataclass(frozen=True)
class Span:
    """A stretch of one variable at one resolution."""

    resolution: str
    time: np.ndarray
    value: np.ndarray
    sd: np.ndarray | None
    flag: np.ndarray | None
    meanings: dict[int, str]
    share: np.ndarray | None
    attrs: dict[str, Any]

    def times(self) -> list[str]:
        """ISO 8601: moments in UTC for native values, dates of the station's calendar for means."""
        unit = FORMS[self.resolution]
        words = np.datetime_as_string(self.time.astype("datetime64[s]"), unit=unit).tolist()
        return [f"{w}Z" for w in words] if unit == "s" else words


def read(store: Path, page: dict[str, Any], variable: str, resolution: str, start: str, end: str) -> Span:
    """The values of `variable` from `start` to `end` (ISO dates, each may be empty; the end's day is included).

    store: the station's series.zarr. resolution: native, day, month or year, or '' for the finest with at most MOST
    values. Raises UnknownName for another variable, Refusal 404 where it has no such resolution, 413 beyond MOST.
    """
    row = next((v for v in page["variables"] if v["name"] == variable), None)
    if row is None:
        names = [v["name"] for v in page["variables"]]
        raise unknown(variable, names, f"the variables of {page['station']} ({', '.join(names)})")
    there = [r for r in RESOLUTIONS if r in row["resolutions"]]
    if resolution and resolution not in there:
        raise Refusal(
            404,
            f"{variable} of {page['station']} has no series of resolution '{resolution}'.",
            f"One of {', '.join(there)}.",
            "Means are those that were made when the station was processed.",
        )
    bounds = _bounds(start, end)
    beyond: list[str] = []
    for chosen in [resolution] if resolution else there:
        rows = _range(store, chosen, bounds)
        if rows.stop - rows.start <= MOST:
            return _span(store, chosen, variable, rows)
        beyond.append(f"{rows.stop - rows.start} values of {variable} at resolution '{chosen}'.")
    raise Refusal(
        413, beyond[0], f"At most {MOST}.", _coarser(store, there[there.index(chosen) + 1 :], bounds)
    )


def _coarser(store: Path, there: list[str], bounds: tuple[float, float]) -> str:
    """Which coarser resolutions fit, in words."""
    rows = {r: _range(store, r, bounds) for r in there}
    sizes = {r: at.stop - at.start for r, at in rows.items()}
    fit = [f"{r} ({n} values)" for r, n in sizes.items() if n <= MOST]
    return f"Ask for {' or '.join(fit)}, or for a shorter time." if fit else "Ask for a shorter time."


def _group(store: Path, resolution: str) -> zarr.Group:
    try:
        return zarr.open_group(store / resolution, mode="r", zarr_format=3)
    except (OSError, GroupNotFoundError) as error:
        raise Refusal(410, "The station's series are gone.", "", "Process it again.") from error


def _array(group: zarr.Group, name: str, where: slice) -> np.ndarray:
    array = group[name]
    assert isinstance(array, zarr.Array)
    return np.asarray(array[where])


def _range(store: Path, resolution: str, bounds: tuple[float, float]) -> slice:
    """The rows whose time lies within."""
    time = _array(_group(store, resolution), "time", slice(None))
    return slice(int(np.searchsorted(time, bounds[0])), int(np.searchsorted(time, bounds[1])))


def _span(store: Path, resolution: str, variable: str, where: slice) -> Span:
    group = _group(store, resolution)
    time = _array(group, "time", where).astype("datetime64[s]")
    pieces = {end: f"{variable}_{end}" for end in ("sd", "flag", "share")}
    found = {end: _array(group, name, where) for end, name in pieces.items() if name in group}
    meanings: dict[int, str] = {}
    if "flag" in found:
        attrs = dict(group[pieces["flag"]].attrs)
        codes = np.ravel(np.asarray(attrs.get("flag_values", []), int)).tolist()
        meanings = dict(zip(codes, str(attrs.get("flag_meanings", "")).split(), strict=True))
    own = dict(group[variable].attrs)
    value = _array(group, variable, where)
    return Span(
        resolution, time, value, found.get("sd"), found.get("flag"), meanings, found.get("share"), own
    )


def numbers(values: np.ndarray) -> list[float | None]:
    """Numbers to seven digits; null where there is none."""
    return [float(f"{x:.{DIGITS}g}") if x - x == 0 else None for x in values.astype(float).tolist()]


def _bounds(start: str, end: str) -> tuple[float, float]:
    """Seconds since 1970 from the start to the end; a mere day as end is included whole."""
    low = _moment(start).timestamp() if start else -np.inf
    high = np.inf
    if end:
        whole = timedelta(days=1) if len(end) == 10 else timedelta(seconds=1)
        moment = _moment(end)
        high = moment.timestamp() + whole.total_seconds() if moment.year < 9999 else np.inf
    if low >= high:
        raise DataError(f"From {start} to {end}.", "An end after the start.")
    return low, high


def _moment(word: str) -> datetime:
    moment = instant(word)
    if moment is None:
        raise DataError(f"'{word}' is no date.", "A day as 2024-05-31, or a moment as 2024-05-31T12:00:00Z.")
    return max(moment, datetime(1, 1, 2, tzinfo=UTC))
