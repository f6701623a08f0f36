"""Where a tower stands: its name in a file's name, and tables of sites beside or inside an archive."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from landsink.core.errors import DataError

SITE = re.compile(r"(?<![A-Za-z0-9-])([A-Z]{2}-[A-Za-z0-9]{3})(?![A-Za-z0-9-])")
INFO = {"LOCATION_LAT": "latitude", "LOCATION_LONG": "longitude", "UTC_OFFSET": "utc_offset"}


@dataclass(frozen=True)
class Place:
    """Degrees north, degrees east, hours from UTC of local standard time; NaN where not known."""

    latitude: float = np.nan
    longitude: float = np.nan
    utc_offset: float = np.nan

    def over(self, other: "Place") -> "Place":
        """This place, with what it does not know from another."""
        mine = {name: value for name, value in vars(self).items() if np.isfinite(value)}
        return replace(other, **mine)

    @property
    def whole(self) -> bool:
        """True where nothing is unknown."""
        return all(np.isfinite(value) for value in vars(self).values())


def site_named(label: str) -> str:
    """The site (`DE-Tha`) in a file's name, '' where there is none. Underscores part it from the rest."""
    match = SITE.search(label.replace("_", " "))
    return match[1] if match else ""


def number(text: object, low: float, high: float) -> float:
    """A number of a metadata table within its range, NaN otherwise."""
    try:
        value = float(str(text))
    except ValueError:
        return np.nan
    return value if low <= value <= high else np.nan


def place(values: Mapping[str, object]) -> Place:
    """A place from texts or numbers `latitude`, `longitude`, `utc_offset`; what is no number in range is not known."""
    return Place(
        number(values.get("latitude"), -90, 90),
        number(values.get("longitude"), -180, 360),
        number(values.get("utc_offset"), -14, 14),
    )


def asked(latitude: float | None, longitude: float | None, utc_offset: float | None) -> Place:
    """A place that a user gives. Raises DataError where a number is out of range."""
    given = {"latitude": latitude, "longitude": longitude, "utc_offset": utc_offset}
    found = place({name: value for name, value in given.items() if value is not None})
    for name, value in given.items():
        if value is not None and not np.isfinite(getattr(found, name)):
            raise DataError(
                f"{name} = {value}.", "Degrees north -90 … 90, degrees east -180 … 360, hours -14 … 14."
            )
    return found


def from_info(table: pd.DataFrame) -> dict[str, Place]:
    """Places by site from a SITEINFO or BIF table (SITE_ID, GROUP_ID, VARIABLE, DATAVALUE)."""
    if not {"SITE_ID", "VARIABLE", "DATAVALUE"} <= set(table.columns):
        return {}
    known = table[table["VARIABLE"].isin(INFO)].drop_duplicates(["SITE_ID", "VARIABLE"])
    return {
        str(site): place({INFO[str(v)]: d for v, d in zip(rows["VARIABLE"], rows["DATAVALUE"], strict=True)})
        for site, rows in known.groupby("SITE_ID")
    }


def beside(folder: Path, site: str) -> Place:
    """A site's place from `sites.csv` (site, lat, lon) and `utc_offsets.csv` (site, hours) in a folder."""
    found: dict[str, object] = {}
    for name, columns in (("sites.csv", ("lat", "lon")), ("utc_offsets.csv", None)):
        rows = _rows(folder / name)
        if "site" not in rows.columns or rows.shape[1] < 2:
            continue
        own = rows[rows["site"] == site]
        if own.empty:
            continue
        if columns is None:
            found["utc_offset"] = own.iloc[0, 1]
        elif set(columns) <= set(rows.columns):
            found |= {"latitude": own["lat"].iloc[0], "longitude": own["lon"].iloc[0]}
    return place(found)


def _rows(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame()
    try:
        return pd.read_csv(path, dtype=str, encoding="utf-8-sig", encoding_errors="replace")
    except (ValueError, OSError):  # pandas' parser errors are ValueErrors
        return pd.DataFrame()
