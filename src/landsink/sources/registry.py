"""The register of ICOS stations: where they stand, of which kind; a table, and GeoJSON for a map."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from landsink.core.errors import DataError, unknown
from landsink.sources.selection import present

THEMES = {"AS": "atmosphere", "ES": "ecosystem", "OS": "ocean"}
PATH = "ref/icos"
TABLE = "icos_stations_clean.csv"
COLUMNS = (
    "id", "name", "theme", "country", "latitude", "longitude", "elevation", "ecosystem", "station_class", "labelled",
    "climate", "investigator", "uri",
)  # fmt: skip
CITATION = "ICOS RI, station metadata of the ICOS Carbon Portal (https://meta.icos-cp.eu)."
LICENCE = "CC-BY-4.0"


class Box(NamedTuple):
    """West, south, east, north [degrees]; west above east crosses the date line."""

    west: float
    south: float
    east: float
    north: float


def stations(
    root: Path,
    *,
    theme: str | Sequence[str] | None = None,
    country: str | Sequence[str] | None = None,
    ecosystem: str | Sequence[str] | None = None,
    station_class: str | Sequence[str] | None = None,
    name: str | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    labelled: bool = False,
) -> pd.DataFrame:
    """Stations (rows) of the register in the folder `root` (`ref/icos` of the data), those that meet every filter.

    `theme` is atmosphere, ecosystem or ocean, `country` its two letters, `ecosystem` the type of site as the register
    writes it, `name` a part of an id or a name (any case), `bbox` (west, south, east, north) [degrees], `labelled`
    keeps stations that bear ICOS's label. Columns: `COLUMNS`; latitude and longitude [degrees], elevation [m], NaN
    where the register has none (ships). Raises UnknownName with near misses for a filter that no station meets by
    itself, DataError where the register is not there or not what it should be.
    """
    whole = table = _register(root)
    for column, wanted in (
        ("theme", theme), ("country", country), ("ecosystem", ecosystem), ("station_class", station_class),
    ):  # fmt: skip
        if wanted is not None:
            table = table[
                table[column].isin(_chosen(wanted, sorted(whole[column].dropna().unique()), column))
            ]
    if name is not None:
        table = table[_named(whole, name).reindex(table.index)]
    if bbox is not None:
        table = table[_inside(table, box(bbox))]
    if labelled:
        table = table[table["labelled"].notna()]
    return table.reset_index(drop=True)


def station(root: Path, id: str) -> pd.Series:
    """One station by its id (`DE-Tha`, `HTM`). Raises UnknownName with near misses."""
    table = _register(root).set_index("id", drop=False)
    if id not in table.index:
        raise unknown(id, table.index, f"the {len(table)} stations of ICOS")
    return table.loc[id]


def geojson(table: pd.DataFrame) -> dict[str, object]:
    """Stations as a GeoJSON FeatureCollection (RFC 7946: longitude first); without a position, no geometry."""
    return {
        "type": "FeatureCollection",
        "features": [_feature(row) for row in table.to_dict("records")],
        "licence": LICENCE,
        "citation": CITATION,
    }


def inputs(root: Path) -> list[Path]:
    """The files that `stations` reads."""
    return [_file(root)]


def box(bbox: tuple[float, float, float, float]) -> Box:
    """A box of degrees. Raises DataError where its numbers are out of range or north lies under south."""
    if len(bbox) != 4:
        raise DataError(f"A box of {len(bbox)} numbers.", "West, south, east, north.")
    found = Box(*(float(edge) for edge in bbox))
    if not (
        -90 <= found.south <= found.north <= 90 and -180 <= found.west <= 180 and -180 <= found.east <= 180
    ):
        raise DataError(
            f"bbox = {tuple(found)}.", "West, south, east, north in degrees: -180 … 180 and -90 … 90."
        )
    return found


def _feature(row: dict[str, object]) -> dict[str, object]:
    known = {key: None if pd.isna(value) else value for key, value in row.items()}  # type: ignore[call-overload]
    place = [known.pop("longitude"), known.pop("latitude")]
    geometry = {"type": "Point", "coordinates": place} if None not in place else None
    return {"type": "Feature", "id": known["id"], "geometry": geometry, "properties": known}


def _file(root: Path) -> Path:
    folder = present(Path(root), "The station register")
    if folder.is_file():
        return folder
    return present(folder / TABLE, "The station register")


def _register(root: Path) -> pd.DataFrame:
    path = _file(root)
    try:
        rows = pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise DataError(f"{path.name}: not a table ({error}).", "", "Fetch it again.") from None
    table = rows.rename(columns=RENAMED)
    absent = [name for name in COLUMNS if name not in table]
    if absent:
        raise DataError(f"{path.name}: no column {', '.join(absent)}.", "The register of ICOS stations.")
    table["theme"] = table["theme"].map(THEMES)
    for name in ("latitude", "longitude", "elevation"):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    text = [name for name in COLUMNS if name not in ("latitude", "longitude", "elevation")]
    table[text] = table[text].where(table[text] != "")
    return table[list(COLUMNS)]


RENAMED = {
    "domain": "theme", "lat": "latitude", "lon": "longitude", "elevation_m": "elevation", "site_type": "ecosystem",
    "class": "station_class", "labelling_date": "labelled", "climate_zone": "climate", "pi": "investigator",
}  # fmt: skip


def _chosen(wanted: str | Sequence[str], known: Sequence[str], what: str) -> list[str]:
    """What was asked for, each as the register writes it; a case is forgiven, an unknown name is not."""
    plain = {value.lower(): value for value in known}
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    for one in names:
        if one.lower() not in plain:
            some = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
            raise unknown(one, known, f"the register's values of {what} ({some})")
    return [plain[one.lower()] for one in names]


def _named(table: pd.DataFrame, name: str) -> pd.Series:
    found = pd.Series(False, index=table.index)
    for column in ("id", "name"):
        found |= table[column].fillna("").str.contains(name, case=False, regex=False)
    if not found.any():
        raise unknown(name, [*table["id"], *table["name"].dropna()], "the ids and names of ICOS's stations")
    return found


def _inside(table: pd.DataFrame, edges: Box) -> pd.Series:
    high = table["latitude"].between(edges.south, edges.north)
    east, west = table["longitude"] <= edges.east, table["longitude"] >= edges.west
    return high & ((east & west) if edges.west <= edges.east else (east | west))
