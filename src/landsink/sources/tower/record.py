"""From a file's columns and stamps to a record: `time` the start of each interval, local standard time, whole days.

A `Reading` is what one file gave; `record` puts it on an even axis and says in notes what it mended.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.tower import stamps, variables

SHORTEST = 900  # s; what is shorter is averaged to half-hours
HALF_HOUR = 1800
SPARSE = 50  # an axis may be so many times longer than the rows on it
FLUXES = ("NEE", "FC", "H", "LE", "USTAR", "TA", "SW_IN")


@dataclass
class Reading:
    """One file's columns (row) under FLUXNET names and units, with its stamps (row) and what is known of its place."""

    label: str
    times: np.ndarray
    side: Literal["start", "end", "middle"]
    columns: dict[str, np.ndarray]
    product: str
    notes: list[str] = field(default_factory=list)
    seconds: int = 0  # 0: found from the times
    site: str = ""
    latitude: float = np.nan
    longitude: float = np.nan
    utc_offset: float = np.nan
    licence: str = ""
    citation: str = ""


def record(reading: Reading) -> xr.Dataset:
    """A record Dataset (time) of a reading, with attributes site, latitude, longitude, utc_offset (where known),
    source, licence, citation and notes. Raises DataError where no even axis comes of the stamps.
    """
    notes = list(reading.notes)
    columns = variables.by_magnitude(
        {name: _sound(name, values, notes) for name, values in reading.columns.items()}, notes
    )
    if not columns:
        raise DataError(
            f"{reading.label}: no column that a tower's record knows.",
            f"Such as {', '.join(list(variables.UNITS)[:6])}, TA, SW_IN.",
            "Is it a file of fluxes or weather?",
        )
    empty = [name for name, values in columns.items() if not np.isfinite(values).any()]
    columns = {name: values for name, values in columns.items() if name not in empty}
    if empty:
        notes.append(f"Without a single number, left out: {', '.join(empty)}.")
    if not columns:
        raise DataError(f"{reading.label}: not one number in its columns.", f"It names {', '.join(empty)}.")
    columns = _with_deficit(columns, notes)
    frame, seconds = _even(reading, columns, notes)
    frame = frame.dropna(axis="columns", how="all")
    if frame.empty:
        raise DataError(
            f"{reading.label}: no number is left on steps of {seconds} s.", "Half of a half-hour's readings."
        )
    if _stated_twice(frame, seconds):
        notes.append("Hourly values, each stated twice: its half-hours are no independent measurements.")
    return _dataset(frame, reading, notes)


def _sound(name: str, values: np.ndarray, notes: list[str]) -> np.ndarray:
    base = next((name.removesuffix(flag) for flag in variables.FLAGS if name.endswith(flag)), name)
    if base != name:
        return np.where(values < 0, np.nan, values)
    return variables.reckoned(name, values, notes)


def _with_deficit(columns: dict[str, np.ndarray], notes: list[str]) -> dict[str, np.ndarray]:
    if "VPD" in columns or not {"TA", "RH"} <= set(columns):
        return columns
    notes.append("VPD from RH and TA (Alduchov & Eskridge 1996).")
    rh = np.where((columns["RH"] < 0) | (columns["RH"] > 110), np.nan, columns["RH"])
    out = columns | {"VPD": variables.vapour_pressure_deficit(columns["TA"], rh)}
    flags = [columns[name] for name in ("TA_QC", "RH_QC") if name in columns]
    return out | {"VPD_QC": np.fmax.reduce(flags)} if flags else out


def _even(reading: Reading, columns: dict[str, np.ndarray], notes: list[str]) -> tuple[pd.DataFrame, int]:
    """The columns on an even axis of whole days of interval starts, and the step [s]."""
    known = ~np.isnat(reading.times)
    if not known.any():
        raise DataError(
            f"{reading.label}: not one readable time stamp.", "Such as 201801010030 or 2018-01-01 00:30."
        )
    if not known.all():
        notes.append(f"{int((~known).sum())} rows have no readable time stamp; left out.")
    times = reading.times[known].astype("datetime64[s]")
    seconds = reading.seconds or stamps.step(times, reading.label)
    times, mistyped = stamps.mistyped(times, seconds)
    if mistyped:
        notes.append(f"{mistyped} time stamps out of line with both neighbours; set between them.")
    times, said = stamps.standard_time(times, seconds)
    notes.extend(said)
    times, kept = _on_grid(times, seconds, reading, notes)
    frame = pd.DataFrame(
        {name: values[known][kept] for name, values in columns.items()}, index=pd.DatetimeIndex(times)
    )
    frame = _single(frame, notes)
    frame = _whole_days(frame, seconds, reading.label, notes)
    if seconds < SHORTEST:
        notes.append(f"Steps of {seconds} s averaged to half-hours (P summed, WD as a direction).")
        return _averaged(frame, seconds), HALF_HOUR
    return frame, seconds


def _on_grid(
    times: np.ndarray, seconds: int, reading: Reading, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Interval starts on multiples of the step from midnight, and which rows (bool) have one."""
    past = (times - times.astype("datetime64[D]")).astype("timedelta64[s]").astype(int) % seconds
    values, counts = np.unique(past, return_counts=True)
    common = int(values[np.argmax(counts)])
    shift = {"start": 0, "end": -seconds, "middle": -seconds // 2}[reading.side]
    if reading.side != "middle" and seconds >= SHORTEST and common * 2 == seconds:
        notes.append("Stamps stand in the middle of their intervals; moved to the start.")
        shift = -seconds // 2
    start = times + np.timedelta64(shift, "s")
    past = (start - start.astype("datetime64[D]")).astype("timedelta64[s]").astype(int) % seconds
    off = np.where(past > seconds // 2, past - seconds, past)
    near = np.abs(off) <= min(60, seconds // 2)
    if not near.any() or near.mean() < 0.5:
        raise DataError(
            f"{reading.label}: its times do not stand on steps of {seconds} s from midnight ({common} s past).",
            "Such as 00:00, 00:30, 01:00.",
        )
    if rounded := int((near & (off != 0)).sum()):
        notes.append(f"{rounded} time stamps were up to a minute off; rounded to the step.")
    if not near.all():
        notes.append(f"{int((~near).sum())} rows stand between steps; left out.")
    return (start - off.astype("timedelta64[s]"))[near], near


def _single(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows in order of time, each time once: the first row, its gaps filled from the others."""
    if not frame.index.is_monotonic_increasing:
        back = int((np.diff(frame.index.to_numpy()) < np.timedelta64(0, "s")).sum())
        notes.append(f"Time ran backward {back} times; put in order.")
        frame = frame.sort_index(kind="stable")
    twice = frame.index.duplicated()
    if not twice.any():
        return frame
    again = frame[twice]
    first = frame[~twice].loc[again.index]
    same = ((again.to_numpy() == first.to_numpy()) | again.isna().to_numpy()).all(axis=1)
    notes.append(
        f"{int(twice.sum())} rows repeat a time; {int(same.sum())} say the same again, of the others the first stays."
    )
    repeated = frame.index.isin(again.index)
    mended = frame[repeated].groupby(level=0).first()
    return pd.concat([frame[~repeated], mended]).sort_index()


def _whole_days(frame: pd.DataFrame, seconds: int, label: str, notes: list[str]) -> pd.DataFrame:
    first, last = frame.index[0].floor("D"), frame.index[-1].floor("D") + pd.Timedelta(days=1)
    steps = int((last - first) / pd.Timedelta(seconds=seconds))
    if steps > SPARSE * len(frame) + 366 * 86400 // seconds:
        raise DataError(
            f"{label}: {len(frame)} rows lie scattered from {first:%Y-%m-%d} to {last:%Y-%m-%d}.",
            f"An even record of steps of {seconds} s.",
            "Look for time stamps with a wrong year.",
        )
    axis = pd.date_range(first, last, freq=f"{seconds}s", inclusive="left", unit="s")
    inner = int((frame.index[-1] - frame.index[0]) / pd.Timedelta(seconds=seconds)) + 1 - len(frame)
    if inner:
        notes.append(f"{inner} steps are absent between the first and the last; missing in the record.")
    return frame.reindex(axis)


def _averaged(frame: pd.DataFrame, seconds: int) -> pd.DataFrame:
    """Half-hours from shorter steps; one needs half of its steps. Flags of steps are left out."""
    kept = frame[[name for name in frame if not str(name).endswith(variables.FLAGS)]]
    bins = kept.resample("30min")
    counts = bins.count()
    out = bins.mean()
    if "P" in kept:
        out["P"] = bins["P"].sum()
    if "WD" in kept:
        angle = np.deg2rad(kept["WD"])
        east, north = (part.resample("30min").mean() for part in (np.sin(angle), np.cos(angle)))
        out["WD"] = np.rad2deg(np.arctan2(east, north)) % 360
    return out.where(counts * 2 >= HALF_HOUR / seconds)


def _stated_twice(frame: pd.DataFrame, seconds: int) -> bool:
    """True for half-hours of which both of every hour agree in all fluxes and weather, over a day or more of change."""
    if seconds != HALF_HOUR:
        return False
    known = [name for name in FLUXES if name in frame and frame[name].notna().sum() >= 96]
    if not known:
        return False
    pairs = frame[known].to_numpy().reshape(-1, 2, len(known))
    both = np.isfinite(pairs).all(axis=1)
    equal = (pairs[:, 0] == pairs[:, 1]) | ~both
    changing = pairs[:, 0][both]
    return bool(both.any(axis=1).sum() >= 24 and equal.all() and np.unique(changing).size > 24)


def _dataset(frame: pd.DataFrame, reading: Reading, notes: list[str]) -> xr.Dataset:
    place = {"latitude": reading.latitude, "longitude": reading.longitude, "utc_offset": reading.utc_offset}
    unknown = [name for name, value in place.items() if not np.isfinite(value)]
    if unknown:
        notes = [*notes, f"The file does not say: {', '.join(unknown)}."]
    attrs: dict[str, object] = {"site": reading.site, "source": f"{reading.product}: {reading.label}"}
    attrs |= {name: float(value) for name, value in place.items() if np.isfinite(value)}
    attrs |= {
        name: text for name, text in (("licence", reading.licence), ("citation", reading.citation)) if text
    }
    attrs["notes"] = notes
    data = {str(name): ("time", frame[name].to_numpy(np.float64), _attributes(str(name))) for name in frame}
    time = frame.index.to_numpy().astype("datetime64[ns]")
    long = {"long_name": "start of the interval, local standard time"}
    return xr.Dataset(data, coords={"time": ("time", time, long)}, attrs=attrs)


def _attributes(name: str) -> dict[str, str]:
    if name.endswith(variables.FLAGS):
        return {"units": "1"}
    return {"units": variables.UNITS[name]} if name in variables.UNITS else {}
