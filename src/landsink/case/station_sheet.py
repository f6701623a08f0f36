"""What a station's folder says of itself, whatever the domain: `station.json` for facts, `series.zarr` for numbers.

`series.zarr` has a group for each resolution there is (native, day, month, year). In a group stand, on `time`, the
variables that are shown, each in the unit of its attributes, and beside a variable `x` what belongs to it: `x_sd` (one
standard deviation, whose meaning `x` tells in `uncertainty`), `x_flag` (a CF flag) or `x_share` (the share of good
values in a mean, 0-1). Native times are UTC; days, months and years bear the date of the station's own calendar.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

RESOLUTIONS = ("native", "day", "month", "year")
BELONGING = ("_sd", "_flag", "_share")
FACTS, SERIES = "station.json", "series.zarr"
LONGEST_TRACK = 200
CLOCK = {"units": "seconds since 1970-01-01 00:00:00", "calendar": "standard", "dtype": "int64"}


@dataclass(frozen=True)
class Headline:
    """A number that says most: value ± one standard deviation (NaN where not known), unit, sign, whence it is."""

    name: str
    value: float
    sd: float
    unit: str
    sign: str = ""
    says: str = ""


@dataclass(frozen=True)
class Sheet:
    """A station's facts and numbers.

    station: its code; series: datasets by resolution, as the module says. coverage: rows of variable, year, expected,
    present, good. quality: rows of variable, flag, count. track: (longitude, latitude) of a ship's way.
    """

    station: str
    name: str
    domain: str
    title: str
    place: Mapping[str, float]
    series: Mapping[str, xr.Dataset]
    coverage: Sequence[Mapping[str, Any]] = ()
    quality: Sequence[Mapping[str, Any]] = ()
    headlines: Sequence[Headline] = ()
    notes: Sequence[str] = ()
    track: Sequence[tuple[float, float]] = ()
    interval: str = ""
    method: str = ""
    source: str = ""
    licence: str = ""
    citation: str = ""
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def period(self) -> tuple[str, str]:
        """The first and the last moment, UTC to the second; empty where there are no series."""
        times = [ds["time"].values[i] for ds in self.series.values() if ds.sizes["time"] for i in (0, -1)]
        native = self.series.get("native")
        if native is not None and native.sizes["time"]:
            times = [native["time"].values[i] for i in (0, -1)]
        return (_stamp(min(times)), _stamp(max(times))) if times else ("", "")


def shown(ds: xr.Dataset) -> list[str]:
    """The variables of a series that stand for themselves."""
    names = [str(n) for n in ds.data_vars]
    parts = {f"{n}{end}" for n in names for end in BELONGING}
    return [n for n in names if n not in parts]


def write(sheet: Sheet, folder: Path, facts: Mapping[str, Any]) -> None:
    """`series.zarr` and `station.json` in `folder`; `facts` are what only the caller knows: record, products, steps."""
    held = {r: sheet.series[r] for r in RESOLUTIONS if r in sheet.series and shown(sheet.series[r])}
    for resolution, ds in held.items():
        bare = ds.drop_vars([c for c in ds.coords if c != "time"])
        packed = {str(n): {"chunks": (max(1, ds.sizes["time"]),)} for n in bare.data_vars}
        plain = bare.assign_attrs(resolution=resolution, station=sheet.station)
        plain.to_zarr(
            folder / SERIES,
            group=resolution,
            mode="w",
            zarr_format=3,
            consolidated=False,
            encoding=packed | {"time": CLOCK},
        )
    content = described(sheet, held) | dict(facts)
    (folder / FACTS).write_text(json.dumps(_plain(content), indent=1, ensure_ascii=False) + "\n", "utf-8")


def described(sheet: Sheet, held: Mapping[str, xr.Dataset]) -> dict[str, Any]:
    """The facts of a sheet as plain data."""
    return {
        "station": sheet.station,
        "name": sheet.name,
        "domain": sheet.domain,
        "title": sheet.title,
        "place": dict(sheet.place),
        "track": [list(p) for p in thinned(sheet.track)],
        "period": list(sheet.period),
        "interval": sheet.interval,
        "variables": variables(held),
        "coverage": list(sheet.coverage),
        "quality": list(sheet.quality),
        "headlines": [asdict(h) for h in sheet.headlines],
        "notes": list(sheet.notes),
        "method": sheet.method,
        "source": sheet.source,
        "licence": sheet.licence,
        "citation": sheet.citation,
        "attributes": dict(sheet.attrs),
    }


def variables(held: Mapping[str, xr.Dataset]) -> list[dict[str, Any]]:
    """Each variable shown: name, title, unit, sign, meaning of its uncertainty and flags, and steps by resolution."""
    made: dict[str, dict[str, Any]] = {}
    for resolution, ds in held.items():
        for name in shown(ds):
            attrs = ds[name].attrs
            row = made.setdefault(
                name,
                {
                    "name": name,
                    "title": str(attrs.get("long_name", name)),
                    "unit": str(attrs.get("units", "1")),
                    "sign": str(attrs.get("sign", "")),
                    "resolutions": {},
                },
            )
            there = np.isfinite(ds[name].values)
            row["resolutions"][resolution] = {
                "steps": int(ds.sizes["time"]),
                "present": int(there.sum()),
                "uncertainty": str(attrs.get("uncertainty", "")) if f"{name}_sd" in ds else "",
                "product": str(attrs.get("product", "")),
            }
    return list(made.values())


def thinned(track: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A way with at most LONGEST_TRACK points, its ends among them."""
    if len(track) <= LONGEST_TRACK:
        return list(track)
    return [track[i] for i in np.linspace(0, len(track) - 1, LONGEST_TRACK).round().astype(int)]


def flag_counts(ds: xr.Dataset, name: str) -> list[dict[str, Any]]:
    """How many values of `name` bear which flag: rows of variable, flag, count; the flag's code -1 is left out."""
    flag = ds.get(f"{name}_flag")
    if flag is None or "flag_meanings" not in flag.attrs:
        return []
    meanings = str(flag.attrs["flag_meanings"]).split()
    codes = np.ravel(flag.attrs["flag_values"]).astype(int)
    counts = [(word, int((flag.values == code).sum())) for word, code in zip(meanings, codes, strict=True)]
    return [{"variable": name, "flag": word, "count": n} for word, n in counts if n]


def yearly(name: str, years: np.ndarray, present: np.ndarray, good: np.ndarray, expected: Any) -> list[dict]:
    """Coverage of `name` by year: `years`, `present` and `good` (time); `expected` gives a year's values, or None."""
    rows = []
    for year in np.unique(years):
        at = years == year
        rows.append(
            {
                "variable": name,
                "year": int(year),
                "expected": expected(int(year)),
                "present": int((present & at).sum()),
                "good": int((good & at).sum()),
            }
        )
    return rows


def write_table(ds: xr.Dataset, path: Path) -> Path:
    """The dataset as CSV, a column a variable with its unit in brackets; missing cells are empty."""
    table = ds.drop_vars([c for c in ds.coords if c != "time"]).to_dataframe()
    units = {n: str(ds[n].attrs.get("units", "")) for n in table.columns}
    table.columns = [f"{n} [{units[n]}]" if units[n] else str(n) for n in table.columns]
    table.index = pd.DatetimeIndex(table.index).strftime("%Y-%m-%dT%H:%M:%SZ")
    table.to_csv(path, float_format="%.9g", lineterminator="\n")
    return path


def _stamp(time: np.datetime64) -> str:
    return f"{np.datetime64(time, 's')}Z"


def _plain(value: Any) -> Any:
    """Plain data that JSON holds: numbers that are none become null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)
