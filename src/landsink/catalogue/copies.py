"""Copies on this machine of what lies in a distant store: so many bytes, the longest unasked going first."""

import fcntl
import os
import secrets
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from landsink.core.errors import DataError

GIB = 1 << 30
ROOM_GIB = 50.0
# What a process asked for counts as in use until it ends, or has not asked again for as long as a job may run.
LEASE_SECONDS = 4 * 3600.0


def configured() -> int:
    """Bytes that copies may take, as LANDSINK_COPIES says in GiB; 50 GiB if it says nothing."""
    word = os.environ.get("LANDSINK_COPIES", "") or str(ROOM_GIB)
    try:
        room = float(word)
        if not 0 <= room < 1e9:
            raise ValueError
    except ValueError:
        raise DataError(f"LANDSINK_COPIES is '{word}'.", "GiB that local copies may take, as 50.") from None
    return int(room * GIB)


@dataclass(frozen=True)
class Copies:
    """`root`/<id>/… for every object that was read here; `root`/.used/<id> is locked by all who use it.

    Safe for threads and processes; the system lets go of what a dead one used.
    """

    root: Path

    def use(self, name: str) -> Path:
        """Where the copy of an object is, or shall be; from now on it is in use by this process."""
        _leases(self.root, os.getpid()).take(name)
        return self.root / name

    def trim(self, room: int) -> int:
        """Let copies go, the longest unasked first, none in use, until `room` bytes are left; returns bytes freed."""
        _leases(self.root, os.getpid()).end(LEASE_SECONDS)
        copies = [p for p in self.root.glob("*") if p.is_dir() and p.name[0] != "."]
        sizes = {p: sum(_size(f) for f in p.rglob("*")) for p in copies}
        total, freed = sum(sizes.values()), 0
        for copy in sorted(copies, key=lambda p: _asked(self._mark(p.name))):
            if total - freed <= room:
                break
            freed += sizes[copy] if self._gone(copy) else 0
        return freed

    def _mark(self, name: str) -> Path:
        return self.root / ".used" / name

    def _gone(self, copy: Path) -> bool:
        """Whether a copy went; one that is in use stays."""
        self._mark("").mkdir(parents=True, exist_ok=True)
        lock = os.open(self._mark(copy.name), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Renamed first, so that no half of it is ever read.
            grave = self.root / f".gone-{secrets.token_hex(8)}"
            os.rename(copy, grave)
        except OSError:
            return False
        finally:
            os.close(lock)
        for left in self.root.glob(".gone-*"):
            # With what a process that died here had renamed.
            shutil.rmtree(left, ignore_errors=True)
        return True


@dataclass
class _Leases:
    """What this process uses: a shared lock for each object, and when it was last asked for."""

    root: Path
    held: dict[str, tuple[int, float]] = field(default_factory=dict)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def take(self, name: str) -> None:
        """Use an object; waits while somebody lets its copy go."""
        mark = self.root / ".used" / name
        with self.guard:
            lock = self.held[name][0] if name in self.held else -1
            if lock < 0:
                mark.parent.mkdir(parents=True, exist_ok=True)
                lock = os.open(mark, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
                fcntl.flock(lock, fcntl.LOCK_SH)
            self.held[name] = (lock, time.monotonic())
        with suppress(OSError):
            os.utime(mark)

    def end(self, seconds: float) -> None:
        """Use no longer what was not asked for within so many seconds."""
        with self.guard:
            late = time.monotonic() - seconds
            for name in [n for n, (_, asked) in self.held.items() if asked <= late]:
                os.close(self.held.pop(name)[0])


@lru_cache(maxsize=64)
def _leases(root: Path, process: int) -> _Leases:
    """One for each process and folder: what a child inherits is its parent's."""
    return _Leases(root)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _asked(mark: Path) -> float:
    try:
        return mark.stat().st_mtime
    except OSError:
        return 0.0
