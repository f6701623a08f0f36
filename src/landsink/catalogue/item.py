"""Describe a product or an input as a STAC item."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pystac

from landsink.catalogue.checksum import checksum, size
from landsink.core.errors import DataError

FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
SCIENTIFIC = "https://stac-extensions.github.io/scientific/v1.0.0/schema.json"
SHORT = 12

# What a run folder may hold: name, STAC roles, media type, title.
PARTS = (
    ("product.zarr", ["data"], "application/vnd+zarr", "Gridded or site series with their uncertainty"),
    ("posterior.zarr", ["data"], "application/vnd+zarr", "Posterior parameters and diagnostics"),
    ("scores.csv", ["metadata"], "text/csv", "Scores against trained and withheld observations"),
    ("record.json", ["metadata"], "application/json", "Record: case, code version and inputs"),
    ("map.html", ["overview"], "text/html", "Maps and series"),
)

Time = str | datetime | np.datetime64


def describe(
    path: Path,
    *,
    record: str,
    title: str,
    bbox: Sequence[float] | None,
    start: Time,
    end: Time,
    variables: Sequence[str],
    licence: str,
    citation: str,
    inputs: Sequence[str | Path] = (),
) -> pystac.Item:
    """A STAC item for a run folder, a Zarr folder or a file, with a checksum an asset.

    `record` is the record's hash in hex; its first 12 digits are the identifier. `bbox` is west, south, east,
    north in degrees, or None for what has no place. `licence` is an SPDX name or 'other'. `inputs` are identifiers
    or paths of what it was made from, and become `derived_from` links.
    Raises DataError where `path` is absent, the record is no hash or the bbox is none.
    Source: SpatioTemporal Asset Catalog 1.1, with its file and scientific extensions.
    """
    path = Path(path).resolve()
    box = _bbox(bbox)
    item = pystac.Item(
        id=identifier(record),
        geometry=_rectangle(box),
        bbox=box,
        datetime=None,
        start_datetime=_moment(start),
        end_datetime=_moment(end),
        properties={
            "title": title,
            "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "license": licence,
            "sci:citation": citation,
            "landsink:record": record,
            "landsink:variables": sorted(variables),
        },
        stac_extensions=[FILE, SCIENTIFIC],
    )
    for key, asset in _assets(path).items():
        item.add_asset(key, asset)
    for source in inputs:
        item.add_link(pystac.Link("derived_from", str(source), title=Path(source).name))
    return item


def identifier(record: str) -> str:
    """The short identifier of a record's hash: its first 12 hex digits. DataError where it is no hash."""
    short = record[:SHORT].lower()
    if len(short) < SHORT or set(short) - set("0123456789abcdef"):
        raise DataError(
            f"'{record}' is not a record's hash.", f"Expected at least {SHORT} hexadecimal digits."
        )
    return short


def _assets(path: Path) -> dict[str, pystac.Asset]:
    if path.is_file() or path.suffix == ".zarr":
        kinds = {name: (roles, media) for name, roles, media, _ in PARTS}
        media = "application/vnd+zarr" if path.suffix == ".zarr" else None
        roles, media = kinds.get(path.name, (["data"], media))
        return {"data": _asset(path, roles, media, path.name)}
    found = {n.split(".")[0]: _asset(path / n, r, m, t) for n, r, m, t in PARTS if (path / n).exists()}
    if not found:
        names = ", ".join(name for name, *_ in PARTS)
        raise DataError(
            f"{path} holds nothing to catalogue.", f"Expected a file, a Zarr folder, or one of {names}."
        )
    return found


def _asset(path: Path, roles: list[str], media: str | None, title: str) -> pystac.Asset:
    facts = {"file:checksum": checksum(path), "file:size": size(path)}
    return pystac.Asset(str(path), title=title, media_type=media, roles=roles, extra_fields=facts)


def _bbox(bbox: Sequence[float] | None) -> list[float] | None:
    if bbox is None:
        return None
    box = [float(x) for x in bbox]
    west, south, east, north = box if len(box) == 4 else (np.nan,) * 4
    if not (-360 <= west <= east <= 360 and -90 <= south <= north <= 90):
        raise DataError(
            f"{list(bbox)} is not a bounding box.",
            "Expected west, south, east, north in degrees, in this order.",
        )
    return box


def _rectangle(box: list[float] | None) -> dict | None:
    if box is None:
        return None
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _moment(time: Time) -> datetime:
    seconds = np.datetime64(time.replace(tzinfo=None) if isinstance(time, datetime) else time, "s")
    return seconds.astype(datetime).replace(tzinfo=UTC)
