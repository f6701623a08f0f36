"""Stations in the catalogue: a finished folder of a tower's, an air or an ocean station as an object of kind 'station'.

A folder holds `station.json` (what it says of itself), `record.json` (what made it), `series.zarr`, products and pages.
Its bytes are kept under <root>/stations/<id>/, linked where the disk allows it, so that a folder which is processed
anew takes nothing from an older version.
"""

import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pystac

from landsink.catalogue.checksums import checksum, size
from landsink.catalogue.item import FILE, SCIENTIFIC, identifier
from landsink.catalogue.metadata import LICENCES
from landsink.catalogue.search import Query
from landsink.catalogue.store import Catalogue
from landsink.core.errors import DataError, near

KIND = "station"
DOMAINS = ("ecosystem", "atmosphere", "ocean")
FACTS, RECORD, SERIES = "station.json", "record.json", "series.zarr"
MEDIA = {
    ".nc": "application/netcdf",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".txt": "text/plain",
    ".zarr": "application/vnd+zarr",
}
# Licences that data name in words or in other forms than SPDX's.
CREATIVE = re.compile(r"(?:creative commons|\bCC)[\s-]*(attribution|BY)\D{0,24}?([2-4]\.0)", re.IGNORECASE)


@dataclass(frozen=True)
class Terms:
    """What whoever processed a station says of the products: licence (SPDX or 'other'), and words on what is allowed.

    Empty: the data's own licence where they name one that is known, else 'other' with the data's own words.
    """

    licence: str = ""
    rights: str = ""

    def checked(self) -> "Terms":
        """The same; DataError where the licence is not known, or 'other' goes without words."""
        if self.licence and self.licence not in LICENCES:
            raise DataError(
                f"'{self.licence}' is no licence known here.",
                f"One of {', '.join(LICENCES)}.",
                near(self.licence, LICENCES),
            )
        if self.licence == "other" and not self.rights:
            raise DataError("The licence is 'other'.", "Words on what may be done.", "Say --rights '…'.")
        return self


def facts(folder: Path) -> dict[str, Any]:
    """What a station's folder says of itself. DataError where it is no finished station's folder."""
    return read(Path(folder) / FACTS)


def read(path: Path) -> dict[str, Any]:
    """What a station says of itself, from its station.json. DataError where that is none."""
    folder = path.parent
    try:
        page = json.loads(path.read_text("utf-8"))
        missing = [k for k in ("station", "domain", "title", "record", "label", "variables") if k not in page]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{folder} holds no {FACTS} that can be read ({error}).",
            "The folder of a finished station.",
            "Process it with 'landsink station'.",
        ) from None
    if missing or page["domain"] not in DOMAINS:
        raise DataError(
            f"{path} says nothing of {', '.join(missing) or 'its domain'}.", "A finished station."
        )
    return page


def enter(catalogue: Catalogue, folder: Path, terms: Terms, made: datetime | None = None) -> pystac.Item:
    """Enter a finished station's folder; returns its item.

    The same record replaces itself and keeps its date. Another processing of the same station and series becomes the
    next version of the newest. Raises DataError where the folder is not finished, or the licence is not known.
    """
    page, terms = facts(folder), terms.checked()
    name = identifier(page["record"])
    fresh = not folder_of(catalogue, name).exists()
    place = _kept(catalogue, folder, name)
    try:
        item = describe_station(place, page, terms, made or datetime.now(UTC))
        previous = _previous(catalogue, item)
        if previous:
            item.properties["landsink:previous"] = previous
            item.add_link(pystac.Link("predecessor-version", previous))
        return catalogue.add(item)
    except BaseException:
        # Bytes that nobody describes help nobody.
        if fresh and place.resolve() != Path(folder).resolve():
            shutil.rmtree(place, ignore_errors=True)
        raise


def describe_station(folder: Path, page: dict[str, Any], terms: Terms, made: datetime) -> pystac.Item:
    """A STAC item for a station's folder: a point, or a ship's way with its box; series, products and pages as assets.

    Source: SpatioTemporal Asset Catalog 1.1.
    """
    start, end = (_moment(m) for m in page["period"]) if all(page.get("period", [""])) else (None, None)
    geometry, box = _place(page)
    licence, rights = _licence(page, terms)
    item = pystac.Item(
        id=identifier(page["record"]),
        geometry=geometry,
        bbox=box,
        datetime=None if start else made,
        start_datetime=start,
        end_datetime=end,
        properties={
            k: v
            for k, v in {
                "title": page["title"],
                "description": _description(page),
                "created": made.isoformat(timespec="seconds").replace("+00:00", "Z"),
                "license": licence,
                "landsink:rights": rights,
                "keywords": [page["domain"], page["name"]],
                "sci:citation": _citation(page),
                "landsink:kind": KIND,
                "landsink:station": page["station"],
                "landsink:series": f"{page['domain']}/{page['label']}",
                "landsink:domain": page["domain"],
                "landsink:name": page["name"],
                "landsink:interval": page.get("interval", ""),
                "landsink:place": page.get("place", {}),
                "landsink:coverage": _coverage(page),
                "landsink:columns": {
                    v["name"]: {"unit": v["unit"], "description": v["title"]}
                    | ({"sign": v["sign"]} if v["sign"] else {})
                    for v in page["variables"]
                },
                "landsink:record": page["record"],
                "landsink:variables": sorted(v["name"] for v in page["variables"]),
                "landsink:method": page.get("method", ""),
            }.items()
            if v not in ("", [], {})
        },
        stac_extensions=[FILE, SCIENTIFIC],
    )
    for key, asset in _assets(folder, page).items():
        item.add_asset(key, asset)
    for source in json.loads((folder / RECORD).read_text("utf-8"))["inputs"]:
        extra = {
            "landsink:sha256": source["sha256"],
            "license": source["licence"],
            "landsink:citation": source["citation"],
        }
        kept = {k: v for k, v in extra.items() if v}
        item.add_link(pystac.Link("derived_from", source["name"], title=source["name"], extra_fields=kept))
    return item


def folder_of(catalogue: Catalogue, name: str) -> Path:
    """Where the bytes of the station `name` (a whole identifier) lie."""
    return catalogue.root / "stations" / name


def _kept(catalogue: Catalogue, folder: Path, name: str) -> Path:
    """The folder linked (or copied) to its place in one step; what lay there of the same record goes."""
    place = folder_of(catalogue, name).absolute()
    if Path(folder).resolve() == place.resolve():
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=place.parent) as draft:
            fresh, old = Path(draft) / "fresh", Path(draft) / "old"
            shutil.copytree(folder, fresh, copy_function=_link)
            if place.exists():
                place.rename(old)
            fresh.rename(place)
    except OSError as error:
        # Of a tree, the first of what went wrong says enough.
        why = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror
        raise DataError(
            f"{why} while keeping {folder}.",
            "A disk with room.",
            "Nothing was entered; do it again.",
        ) from error
    return place


def _link(source: str, target: str) -> str:
    """A second name for the bytes; a copy where the disk is another one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _previous(catalogue: Catalogue, item: pystac.Item) -> str:
    """The version that an item follows: its own where it is known already, else the newest of its station."""
    own = item.properties["landsink:series"]
    offset, page = 0, None
    found: list[pystac.Item] = []
    while page is None or len(page.items) == 500:
        page = catalogue.search(Query(kinds=(KIND,), latest=False, limit=500, offset=offset))
        found += [i for i in page.items if i.properties.get("landsink:series") == own]
        offset += 500
    known = next((i for i in found if i.id == item.id), None)
    if known is not None:
        return known.properties.get("landsink:previous", "")
    followed = {i.properties.get("landsink:previous") for i in found}
    return next((i.id for i in found if i.id not in followed), "")


def _assets(folder: Path, page: dict[str, Any]) -> dict[str, pystac.Asset]:
    titles = {FACTS: "What the station says of itself", RECORD: "Record: case, code version and inputs"}
    titles |= {SERIES: "Series at each resolution, with uncertainty and quality", "log.txt": "Log"}
    titles |= {p["name"]: p["title"] for p in page.get("products", ())}
    pages = sorted(p.name for p in folder.glob("*.html"))
    made = {}
    for path in sorted(folder.iterdir()):
        roles = ["data"] if path.suffix in (".nc", ".csv", ".zarr") else ["metadata"]
        # The newest page stands for the object.
        roles = ["overview"] if pages and path.name == pages[-1] else roles
        facts_of = {"file:checksum": checksum(path), "file:size": size(path)}
        title, media = titles.get(path.name, path.name), MEDIA.get(path.suffix)
        made[_key(path)] = pystac.Asset(str(path), title, None, media, roles, facts_of)
    return dict(sorted(made.items(), key=lambda pair: (pair[0] != "series", pair[0])))


def _key(path: Path) -> str:
    known = {FACTS: "facts", RECORD: "record", SERIES: "series", "log.txt": "log"}
    return known.get(path.name, path.name)


def _place(page: dict[str, Any]) -> tuple[dict | None, list[float] | None]:
    """GeoJSON and box of a point, or of a way; a way over the date line has a box whose east is beyond 180."""
    place, track = page.get("place", {}), page.get("track", [])
    if "latitude" in place and "longitude" in place:
        lon, lat = float(place["longitude"]), float(place["latitude"])
        return {"type": "Point", "coordinates": [lon, lat]}, [lon, lat, lon, lat]
    if not track:
        return None, None
    lons, lats = [round((float(p[0]) + 180) % 360 - 180, 5) for p in track], [float(p[1]) for p in track]
    if max(lons) - min(lons) > 180:
        lons = [round(x % 360, 5) for x in lons]
    points = [[x, y] for x, y in zip(lons, lats, strict=True)]
    box = [min(lons), min(lats), max(lons), max(lats)]
    if len(points) == 1:
        return {"type": "Point", "coordinates": points[0]}, box
    return {"type": "LineString", "coordinates": points}, box


def _licence(page: dict[str, Any], terms: Terms) -> tuple[str, str]:
    """Licence and words: what the operator says, else what the data say. Words always tell the data's own licence."""
    own = str(page.get("licence", "")).strip()
    of_data = f"The input data: {own}." if own else "The input files name no licence; ask who measured them."
    if terms.licence:
        return terms.licence, " ".join(w for w in (terms.rights, of_data) if w)
    if own in LICENCES:
        return own, terms.rights
    found = CREATIVE.search(own)
    if found and "NC" not in own and "ND" not in own and "SA" not in own:
        return f"CC-BY-{found.group(2)}", " ".join(w for w in (terms.rights, of_data) if w)
    return "other", " ".join(w for w in (terms.rights, of_data) if w)


def _coverage(page: dict[str, Any]) -> list[dict[str, Any]]:
    """Coverage of each variable over all years."""
    rows: dict[str, dict[str, Any]] = {}
    for year in page.get("coverage", ()):
        row = rows.setdefault(
            year["variable"], {"variable": year["variable"], "expected": 0, "present": 0, "good": 0}
        )
        for key in ("present", "good"):
            row[key] += year[key]
        known = row["expected"] is not None and year["expected"] is not None
        row["expected"] = row["expected"] + year["expected"] if known else None
    return list(rows.values())


def _description(page: dict[str, Any]) -> str:
    said = "; ".join(_number(h) for h in page.get("headlines", ()) if h["value"] is not None)
    source = f"From {page['source'].rstrip('.')}. " if page.get("source") else ""
    return f"{page['title']}. {source}{f'{said}.' if said else ''}".strip()


def _citation(page: dict[str, Any]) -> str:
    return f"Made from: {page['citation'].rstrip('.')}." if page.get("citation") else ""


def _moment(word: str) -> datetime:
    return datetime.fromisoformat(word.replace("Z", "+00:00")).astimezone(UTC)


def _number(headline: dict[str, Any]) -> str:
    spread = "" if headline["sd"] is None else f" ± {headline['sd']:.2g}"
    return f"{headline['name']} {headline['value']:.4g}{spread} {headline['unit']}"
