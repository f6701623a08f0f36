"""The files that a path stands for: one, a folder of them, or what a zip archive holds."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from landsink.core.errors import DataError
from landsink.sources.selection import present
from landsink.sources.tower.place import site_named

SUFFIXES = (".csv", ".txt", ".dat", ".tsv", ".gz", ".zip", ".parquet", ".nc")
TABLES = SUFFIXES[:5]  # what an archive may hold
# Days and longer, downscaled reanalysis, auxiliary products and metadata lie in the same archives.
NO_RECORD = re.compile(r"_(DD|WW|MM|YY|AUX\w*|ERA\w*|VARINFO\w*|SITEINFO|BIF\w*|ANCILLARY|BADM\w*)(?=[_.])")
INFO = re.compile(r"(SITEINFO|BIF)")
LARGEST = 2**31  # bytes that a member may unpack to


@dataclass(frozen=True)
class File:
    """A file, or a `member` of an archive."""

    path: Path
    member: str = ""

    @property
    def label(self) -> str:
        """The name by which notes and errors call it."""
        return Path(self.member).name if self.member else self.path.name

    @property
    def site(self) -> str:
        """The site in its name, or in its archive's, '' where there is none."""
        return site_named(self.label) or site_named(self.path.name)

    @property
    def told(self) -> bool:
        """True for a table of metadata about sites."""
        return bool(INFO.search(self.label)) and self.label.lower().endswith(".csv")

    def read(self) -> bytes:
        """Its bytes. Raises DataError where they cannot be had."""
        try:
            if not self.member:
                return self.path.read_bytes()
            with zipfile.ZipFile(self.path) as archive:
                if archive.getinfo(self.member).file_size > LARGEST:
                    raise DataError(f"{self.label}: unpacks to more than 2 GB.", "A site's table.")
                return archive.read(self.member)
        except (
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            RuntimeError,
            KeyError,
        ) as error:
            raise DataError(f"{self.label}: cannot be read ({error}).", "", "Fetch it again.") from None


def within(path: Path) -> list[File]:
    """Every file of a path that may be a record or a table about sites. Raises DataError where there is none."""
    present(path, "A tower's file")
    found = list(_each(path))
    if not found:
        raise DataError(f"{path}: nothing here is a table.", f"Files ending in {', '.join(SUFFIXES)}.")
    return found


def _each(path: Path) -> Iterator[File]:
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            if entry.is_file() and entry.suffix.lower() in SUFFIXES:
                yield from _each(entry)
    elif _is_zip(path):
        yield from (File(path, member) for member in _members(path))
    else:
        yield File(path)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"PK\x03\x04" or path.suffix.lower() == ".zip"


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [name for name in sorted(archive.namelist()) if Path(name).suffix.lower() in TABLES]
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
        raise DataError(f"{path.name} is not a whole zip archive.", "", "Fetch it again.") from None


def is_record(file: File) -> bool:
    """False for what the name says is no half-hourly record."""
    return NO_RECORD.search(file.label) is None
