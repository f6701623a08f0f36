"""Describe a run, a file that was taken in, or a collection as a STAC item."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pystac

from landsink.catalogue.checksums import SHA256, checksum, short, size
from landsink.catalogue.metadata import Metadata, instant
from landsink.catalogue.objects import MEDIA, NAMES
from landsink.catalogue.report import Facts, Report
from landsink.core.errors import DataError
from landsink.core.record import Input

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
    inputs: Sequence[str | Path | Input] = (),
) -> pystac.Item:
    """A STAC item for a run folder, a Zarr folder or a file, with a checksum an asset.

    `record` is the record's hash in hex; its first 12 digits are the identifier. `bbox` is west, south, east,
    north in degrees, or None for what has no place. `licence` is an SPDX name or 'other'. `inputs` are identifiers,
    paths or a record's inputs, and become `derived_from` links; a record's carry their checksum and licence.
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
            "landsink:kind": "run",
            "landsink:record": record,
            "landsink:variables": sorted(variables),
        },
        stac_extensions=[FILE, SCIENTIFIC],
    )
    for key, asset in _assets(path).items():
        item.add_asset(key, asset)
    for source in inputs:
        item.add_link(_source(source))
    return item


def _source(source: str | Path | Input) -> pystac.Link:
    if not isinstance(source, Input):
        return pystac.Link("derived_from", str(source), title=Path(source).name)
    facts = {
        "landsink:sha256": source.sha256,
        "license": source.licence,
        "landsink:citation": source.citation,
    }
    extra = {k: v for k, v in facts.items() if v}
    return pystac.Link("derived_from", source.name, title=source.name, extra_fields=extra)


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


def describe_object(report: Report, metadata: Metadata, kind: str, form: str, made: datetime) -> pystac.Item:
    """A STAC item for a file that passed its trial; its identifier is its content's.

    `kind` is the specification's, `form` one of csv, netcdf and zarr, `made` the moment of ingest. What the
    description says of place and time stands before what the file says.
    """
    facts = report.facts
    start, end = metadata.start or facts.start, metadata.end or metadata.start or facts.end
    box = _bbox(metadata.bbox or facts.bbox or None)
    day = made.isoformat(timespec="seconds").replace("+00:00", "Z")
    known = {
        "title": metadata.title,
        "description": metadata.description,
        "created": day,
        "license": metadata.licence,
        "keywords": list(metadata.keywords),
        "sci:doi": metadata.doi,
        "landsink:kind": kind,
        "landsink:specification": report.specification,
        "landsink:format": form,
        "landsink:sha256": report.sha256,
        "landsink:variables": sorted(facts.columns),
        "landsink:columns": facts.columns | {},
        "landsink:sizes": facts.sizes,
        "landsink:creators": [asdict(c) for c in metadata.creators],
        "landsink:embargo": metadata.embargo and _stamp(metadata.embargo),
        "landsink:previous": metadata.previous,
        "landsink:file": report.path.name,
    }
    for name in ("rights", "station", "method", "contact", "funding", "publisher"):
        known[f"landsink:{name}"] = getattr(metadata, name)
    item = pystac.Item(
        id=report.id,
        geometry=_rectangle(box),
        bbox=box,
        # STAC asks for a moment; what has no time of its own has that of its ingest.
        datetime=None if start and end else made,
        start_datetime=_moment(_stamp(start)[:19]) if start and end else None,
        end_datetime=_moment(_stamp(end)[:19]) if start and end else None,
        properties={k: v for k, v in known.items() if v not in ("", [], {}, None)},
        stac_extensions=[FILE, SCIENTIFIC],
    )
    extra = {"file:checksum": SHA256 + report.sha256, "file:size": report.size}
    href = f"../objects/{report.id}/{NAMES[form]}"
    item.add_asset("data", pystac.Asset(href, report.path.name, None, MEDIA[form], ["data"], extra))
    for name in metadata.uses:
        item.add_link(pystac.Link("derived_from", name, title=name))
    if metadata.previous:
        item.add_link(pystac.Link("predecessor-version", metadata.previous))
    return item


def describe_collection(
    digest: str, members: Sequence[pystac.Item], metadata: Metadata, made: datetime
) -> pystac.Item:
    """A STAC item for a collection: place and time are its members' together; it has no bytes of its own."""
    boxes = np.array([m.bbox for m in members if m.bbox])
    box = [*boxes[:, :2].min(0).tolist(), *boxes[:, 2:].max(0).tolist()] if len(boxes) else None
    starts = sorted(m.properties["start_datetime"] for m in members if m.properties.get("start_datetime"))
    ends = sorted(m.properties["end_datetime"] for m in members if m.properties.get("end_datetime"))
    names = {v for m in members for v in m.properties.get("landsink:variables", [])}
    facts = Facts(
        {n: {} for n in sorted(names)},
        tuple(box) if box else None,
        starts[0] if starts else None,
        ends[-1] if ends else None,
    )
    report = Report(Path(), "", digest, short(digest), 0, facts, ())
    item = describe_object(report, metadata, "collection", "csv", made)
    item.assets.clear()
    for key in ("landsink:columns", "landsink:file", "landsink:format"):
        item.properties.pop(key, None)
    item.properties["landsink:members"] = sorted(m.id for m in members)
    return item


def _stamp(word: str) -> str:
    moment = instant(word)
    if moment is None:
        raise DataError(f"'{word}' is no date.", "A day as 2024-05-31.")
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
