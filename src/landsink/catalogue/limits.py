"""How much the catalogue takes in, and what it never takes."""

import errno
import lzma
import os
import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from landsink.catalogue.checksums import BLOCK
from landsink.catalogue.report import Defect
from landsink.core.errors import DataError

LONGEST_NAME = 200
# What the system says of names in an archive that cannot be together, or at all; bzip2 gives no number.
TWISTED = (None, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)


@dataclass(frozen=True)
class Limits:
    """`size` in bytes of an object; `table` in bytes of a table; `members` of a folder; `ratio` of an archive's
    unpacked to packed bytes; `chunk` in bytes of a Zarr chunk in memory; `seconds` and `memory` of reading."""

    size: int = 100 << 30
    table: int = 1 << 30
    members: int = 100_000
    ratio: int = 100
    chunk: int = 512 << 20
    seconds: int = 600
    memory: int = 16 << 30


def kind_of(path: Path) -> str:
    """csv, netcdf, zarr or zip, by how the name ends; '' for anything else."""
    endings = {".csv": "csv", ".nc": "netcdf", ".nc4": "netcdf", ".zarr": "zarr", ".zip": "zip"}
    return endings.get(path.suffix.lower(), "")


def look(path: Path, limits: Limits) -> list[Defect]:
    """What keeps a path out before a byte of it is read: its name, links, what is no file, and size."""
    found = _name(path.name)
    total, count = 0, 0
    for place in [path, *(_walk(path) if path.is_dir() and not path.is_symlink() else [])]:
        facts = place.lstat()
        count += 1
        if stat.S_ISLNK(facts.st_mode):
            found.append(
                Defect(
                    _under(path, place),
                    "is a symbolic link.",
                    "Only real files and folders.",
                    "Give the file itself.",
                )
            )
        elif stat.S_ISREG(facts.st_mode):
            total += facts.st_size
        elif not stat.S_ISDIR(facts.st_mode):
            found.append(
                Defect(
                    _under(path, place), "is a device or a pipe.", "Only files and folders.", "Leave it out."
                )
            )
        if count > limits.members or total > limits.size or len(found) > 20:
            break
    if count > limits.members:
        found.append(
            Defect(
                path.name,
                f"holds more than {limits.members} members.",
                "Fewer.",
                "Use larger chunks or shards.",
            )
        )
    most = limits.table if kind_of(path) == "csv" else limits.size
    if total > most:
        found.append(
            Defect(path.name, f"has {total} bytes.", f"At most {most}.", "Split it, or write a cube.")
        )
    return found


def _walk(folder: Path):
    for root, folders, files in os.walk(folder, followlinks=False):
        yield from (Path(root) / n for n in (*folders, *files))


def _under(top: Path, place: Path) -> str:
    return top.name if place == top else f"{top.name}/{place.relative_to(top).as_posix()}"


def _name(name: str) -> list[Defect]:
    odd = [c for c in name if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    if odd or len(name) > LONGEST_NAME or "\\" in name:
        shown = name[:40].encode("unicode_escape").decode()
        return [
            Defect(
                shown,
                "is a name that cannot be kept.",
                f"At most {LONGEST_NAME} plain characters.",
                "Rename it.",
            )
        ]
    return []


def unpack(archive: Path, folder: Path, limits: Limits) -> Path:
    """Unpack a zip that holds one Zarr store into `folder`; returns the store.

    Nothing is written outside `folder`, whatever the members are called. DataError for absolute, climbing, doubled,
    linked or encrypted members, for too many, for what swells beyond the limits, and for what is no zip.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            members = packed.infolist()
            _fit(members, archive, limits)
            room = min(limits.size, limits.ratio * max(archive.stat().st_size, 1))
            for member in members:
                room = _extract(packed, member, folder, room)
    except (zipfile.BadZipFile, RuntimeError, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in TWISTED:
            raise
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{archive.name} cannot be unpacked ({reason}).", "A plain zip of one Zarr store."
        ) from None
    stores = sorted(
        p.parent
        for n in ("zarr.json", ".zgroup", ".zarray")
        for p in [*folder.glob(n), *folder.glob(f"*/{n}")]
    )
    top = [s for s in stores if s == folder] or stores
    if len(set(top)) != 1:
        raise DataError(
            f"{archive.name} holds {len(set(top))} Zarr stores.",
            "Expected one, at its top or one folder below.",
        )
    return top[0]


def _fit(members: list[zipfile.ZipInfo], archive: Path, limits: Limits) -> None:
    if len(members) > limits.members:
        raise DataError(f"{archive.name} holds {len(members)} members.", f"At most {limits.members}.")
    names = [m.filename for m in members]
    if len(set(names)) < len(names):
        raise DataError(f"{archive.name} names a member twice.", "Every member once.")
    for member in members:
        name = PurePosixPath(member.filename)
        mode = member.external_attr >> 16
        climbs = name.is_absolute() or ".." in name.parts or "\\" in member.filename or ":" in member.filename
        if climbs or not name.parts:
            raise DataError(
                f"{archive.name} names a member '{member.filename}'.", "Names below the archive's own top."
            )
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise DataError(
                f"'{member.filename}' in {archive.name} is a link or a device.", "Only files and folders."
            )
        if member.flag_bits & 1:
            raise DataError(f"'{member.filename}' in {archive.name} is encrypted.", "A zip without password.")


def _extract(packed: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, room: int) -> int:
    target = folder.joinpath(*PurePosixPath(member.filename).parts)
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return room
    target.parent.mkdir(parents=True, exist_ok=True)
    # What the archive says of sizes is not believed: the bytes are counted as they come.
    with packed.open(member) as source, target.open("xb") as out:
        while block := source.read(BLOCK):
            room -= len(block)
            if room < 0:
                raise DataError(
                    f"{Path(str(packed.filename)).name} swells beyond its limit while it is unpacked.",
                    "A zip whose contents are not many times its size.",
                )
            out.write(block)
    return room
