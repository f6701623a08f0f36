"""Try a file: its name, its bytes, its description and its contents, all defects at once."""

from dataclasses import replace
from pathlib import Path

from landsink.catalogue.checksums import sha256, short, size
from landsink.catalogue.containment import contained
from landsink.catalogue.cube import read_cube
from landsink.catalogue.limits import Limits, kind_of, look, unpack
from landsink.catalogue.metadata import Metadata
from landsink.catalogue.objects import Objects
from landsink.catalogue.report import Defect, Facts, Report
from landsink.catalogue.specification import Specification
from landsink.catalogue.table import read_table
from landsink.core.errors import DataError


def examine(
    path: Path,
    specification: Specification,
    metadata: Metadata,
    limits: Limits,
    folder: Path,
    objects: Objects | None,
) -> tuple[Report, Path | None, str]:
    """A report on `path`, the copy that was tried, and its format.

    With `objects` the file is copied into `folder` first, and the copy is tried: what is stored is what was seen.
    Without, only an archive is unpacked there. What cannot even be opened is reported without hash or contents.
    """
    said = metadata.defects(specification)
    empty = Report(path, specification.name, "", "", 0, Facts(), ())
    early = _opened(path, specification, limits)
    if early:
        return replace(empty, defects=(*early, *said)), None, ""
    try:
        if objects is not None:
            held, form = objects.stage(path, folder)
        elif kind_of(path) == "zip":
            held, form = unpack(path, folder, limits), "zarr"
        else:
            held, form = path, kind_of(path)
    except DataError as error:
        if objects is not None and kind_of(path) != "zip":
            raise
        defect = Defect("archive", error.found, error.expected or "A zip of one Zarr store.", "Pack it anew.")
        return replace(empty, defects=(defect, *said)), None, ""
    digest = sha256(held)
    if metadata.sha256 and metadata.sha256 != digest:
        said.append(
            Defect(
                "description, sha256",
                f"the bytes have {digest}.",
                f"{metadata.sha256}, as described.",
                "Send the file again, or mend the description.",
            )
        )
    if form == "csv":
        facts, inside = read_table(held, specification, metadata)
    elif outward := contained(held, form, limits):
        # Not looked into: whoever reads it would read something else as well.
        facts, inside = Facts(), outward
    else:
        facts, inside = read_cube(held, form, specification, limits)
    said += _placed(facts, specification, metadata) if not _unread(facts, inside) else []
    report = Report(path, specification.name, digest, short(digest), size(held), facts, (*inside, *said))
    return report, held, form


def _opened(path: Path, specification: Specification, limits: Limits) -> list[Defect]:
    if not path.exists() and not path.is_symlink():
        return [Defect(str(path.name), "is not there.", "A file or a Zarr folder.", "Mend the path.")]
    form = kind_of(path)
    if (form.replace("zip", "zarr")) not in specification.formats:
        endings = {"csv": ".csv", "netcdf": ".nc", "zarr": ".zarr or .zip"}
        said = ", ".join(endings[f] for f in specification.formats)
        return [
            Defect(
                path.name[-80:],
                f"is no {' or '.join(specification.formats)} by its ending.",
                f"Expected: {said}.",
                "Save it as such, or choose another specification.",
            ),
            *look(path, limits),
        ]
    if found := look(path, limits):
        return found
    if path.is_dir() != (form == "zarr"):
        return [
            Defect(
                path.name,
                "is a folder." if path.is_dir() else "is a file.",
                "A CSV or NetCDF file, or a Zarr folder.",
                "Rename it for what it is.",
            )
        ]
    return []


def _unread(facts: Facts, defects: list[Defect]) -> bool:
    return bool(defects) and not facts.columns


def _placed(facts: Facts, specification: Specification, metadata: Metadata) -> list[Defect]:
    found = []
    # Columns that are there and cannot be read have been told already.
    if specification.place and not (metadata.bbox or facts.bbox or {"lat", "lon"} <= set(facts.columns)):
        found.append(
            Defect(
                "place",
                "is not known.",
                "Coordinates lat and lon, or a box.",
                "Say bbox = [west, south, east, north].",
            )
        )
    timed = any(c["type"] == "time" for c in facts.columns.values())
    if specification.time and not (metadata.start or facts.start or timed):
        found.append(Defect("time", "is not known.", "A column of dates, or a span.", "Say start and end."))
    return found
