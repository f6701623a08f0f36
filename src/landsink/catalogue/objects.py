"""The bytes of data objects: staged beside the store, put in whole by one rename, never half-written."""

import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from landsink.catalogue.checksums import BLOCK, checksum, size
from landsink.catalogue.limits import Limits, kind_of, unpack
from landsink.core.errors import DataError

# What an object's bytes are called on disk, whatever their sender called them.
NAMES = {"csv": "data.csv", "netcdf": "data.nc", "zarr": "data.zarr"}
MEDIA = {"csv": "text/csv", "netcdf": "application/netcdf", "zarr": "application/vnd+zarr"}


@dataclass(frozen=True)
class Objects:
    """`root`/<id>/data.* for every object; `root`/.incoming/<token> for what is on its way in."""

    root: Path
    limits: Limits

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder of one's own that goes when the work is done, or when the next sweep finds its owner dead."""
        try:
            folder, lock = self._locked()
            while not os.fstat(lock).st_nlink:
                # A sweep came between making the lock and holding it, and took the folder for a dead one's.
                os.close(lock)
                folder, lock = self._locked()
        except OSError as error:
            raise _full(error, self.root) from error
        try:
            yield folder
        except OSError as error:
            raise _full(error, self.root) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def _locked(self) -> tuple[Path, int]:
        """A new folder and the lock in it. The system lets go of a lock however its owner ends: no lock, no owner."""
        folder = self._incoming() / secrets.token_hex(8)
        folder.mkdir(parents=True)
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return folder, lock

    def stage(self, source: Path, folder: Path) -> tuple[Path, str]:
        """Copy `source` into a staging folder; returns the copy and its format. A zip is unpacked to its Zarr."""
        kind = kind_of(source)
        held = folder / "object"
        held.mkdir()
        if kind == "zip":
            inner = unpack(source, _made(folder / "unpacked"), self.limits)
            target, kind = held / NAMES["zarr"], "zarr"
            inner.rename(target)
            _settle(target)
        else:
            target = held / NAMES[kind]
            _copy(source, target, self.limits.size)
        _sync(held)
        return target, kind

    @contextmanager
    def offer(self, files: dict[str, Path], name: str, again: bool = False) -> Iterator[str]:
        """What `put` takes of files that were staged (name within the object -> place)."""
        yield str(next(iter(files.values())))

    def put(self, offered: str, name: str, again: bool = False) -> Callable[[], None]:
        """Move a staged object to its place, if it is not there already; returns what undoes it.

        Called under the write lock.
        """
        place = self.root / name
        if place.exists():
            return lambda: None
        os.rename(Path(offered).parent, place)
        _sync(self.root)
        return lambda: self.drop(name)

    def drop(self, name: str) -> None:
        """Take an object's bytes out."""
        if (place := self.root / name).is_dir():
            # Renamed first, so that no half of it is ever seen in its place.
            grave = _made(self._incoming()) / secrets.token_hex(8)
            os.rename(place, grave)
            shutil.rmtree(grave, ignore_errors=True)

    def path(self, name: str, inner: str) -> Path:
        """Where an object's file or folder lies on this machine."""
        return self.root / name / inner

    def size(self, name: str, inner: str) -> int:
        """Bytes of an object's file."""
        return self.path(name, inner).stat().st_size

    def read(self, name: str, inner: str, start: int, end: int) -> bytes:
        """Bytes of an object's file from `start` to before `end`."""
        with self.path(name, inner).open("rb") as stream:
            stream.seek(start)
            return stream.read(max(end - start, 0))

    def hashed(self, name: str, inner: str) -> tuple[str, int]:
        """Multihash and size of a file or folder as it is now; DataError if it is gone."""
        path = self.path(name, inner)
        return checksum(path), size(path)

    def names(self) -> set[str]:
        """Identifiers whose bytes are here."""
        return {p.name for p in self.root.iterdir() if p.name[0] != "."} if self.root.is_dir() else set()

    def sweep(self) -> int:
        """Remove what dead processes left on its way in; returns how many."""
        left = list(self._incoming().iterdir()) if self._incoming().is_dir() else []
        return sum(_dead(folder) for folder in left)

    def _incoming(self) -> Path:
        return self.root / ".incoming"


def _dead(folder: Path) -> bool:
    """Remove a staging folder whose owner is gone; False where it lives."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        # Without a lock: its owner is between two lines, or died there. A rename tells nothing; a minute does.
        if not folder.exists() or _age(folder) < 60:
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _age(folder: Path) -> float:
    """Seconds since a folder changed, by the clock of its own disk."""
    probe = folder.parent / f".age-{secrets.token_hex(4)}"
    probe.touch()
    try:
        return probe.stat().st_mtime - folder.stat().st_mtime
    finally:
        probe.unlink()


def _copy(source: Path, target: Path, room: int) -> int:
    if source.is_dir() and not source.is_symlink():
        target.mkdir()
        for inner in sorted(source.iterdir()):
            room = _copy(inner, target / inner.name, room)
        _sync(target)
        return room
    # A link that was put there after the look is refused by the system itself.
    handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as stream, target.open("xb") as out:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise DataError(f"{source.name} is no file.", "Only files and folders.")
        while block := stream.read(BLOCK):
            room -= len(block)
            if room < 0:
                raise DataError(
                    f"{source.name} grew beyond the limit while it was copied.", "A finished file."
                )
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    target.chmod(0o444)
    return room


def _settle(folder: Path) -> None:
    for place in [folder, *folder.rglob("*")]:
        if place.is_file():
            place.chmod(0o444)
        _sync(place)


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _full(error: OSError, where: Path) -> DataError:
    return DataError(
        f"{error.strerror or error} while storing in {where}.",
        "A folder that can be written, on a disk with room for the object.",
        "Nothing was kept; make room, or set LANDSINK_HOME to another disk, and do it again.",
    )
