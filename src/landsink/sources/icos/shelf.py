"""The shelf: what was fetched, kept by identifier, whole and checked or not at all.

    root/objects/<id>/<file name>   the file, as the portal keeps it
    root/objects/<id>/object.json   what is known of it, its SHA-256, when it came, under which licence
    root/objects/<id>/part          what an interrupted download left; the next one goes on from there
    root/answers/<hash>.json        the portal's last answers to questions, for days without a network

A file gets its name only after its SHA-256 has been found right, in one step: a reader never sees half of it. Of
several processes that want one object the first fetches it and the others wait; one that dies lets go of the lock.
"""

import errno
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from landsink.core.errors import DataError, LandsinkError
from landsink.sources.icos.client import BEYOND_THE_END, LOST, Answer, Unreachable, host
from landsink.sources.icos.query import DataObject, id_of

BLOCK = 1 << 18
# Room that a disk must have left beside the file.
RESERVE = 16 << 20
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
PART, FACTS, LOCK = "part", "object.json", "lock.sqlite"

Progress = Callable[[int, int], None]
Opener = Callable[[int], Answer]


@dataclass(frozen=True)
class Kept:
    """A file on the shelf: what the portal says of it, where it lies, its SHA-256 (hex), and how it came."""

    object: DataObject
    path: Path
    sha256: str
    fetched: str
    licence: str = ""


@dataclass(frozen=True)
class Shelf:
    """Files and answers under `root`; safe for several processes at once.

    `tries` downloads may break off before one gives up, `pause` [s] lies between them; `patience` [s] is how long one
    process waits for another that fetches the same object.
    """

    root: Path
    tries: int = 4
    pause: float = 1.0
    patience: float = 6 * 3600.0

    def find(self, key: str, verify: bool = False) -> Kept | None:
        """What the shelf holds under an id, or None.

        A file whose size or date changed since it came, and with `verify` any file, is summed up again: DataError where
        it is no longer what the portal gave.
        """
        folder = self._folder(key)
        try:
            facts = json.loads((folder / FACTS).read_text("utf-8"))
            kept = _kept(folder, facts)
            stat = kept.path.stat()
            untouched = [stat.st_size, stat.st_mtime_ns] == [facts["size"], facts["modified"]]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{folder / FACTS} cannot be read.", "JSON.", f"Remove {folder}.") from None
        if verify or not untouched:
            found = sha256(kept.path)
            if found != kept.sha256:
                raise DataError(
                    f"{kept.path} was changed after it was fetched: its SHA-256 is {found}.",
                    f"{kept.sha256}.",
                    "Remove it, and it is fetched again.",
                )
        return kept

    def all(self) -> list[Kept]:
        """Everything on the shelf, by id."""
        ids = sorted(p.parent.name for p in (self.root / "objects").glob(f"*/{FACTS}"))
        return [kept for i in ids if (kept := self.find(i)) is not None]

    def keep(
        self, item: DataObject, source: Opener, progress: Progress | None = None, licence: str = ""
    ) -> Kept:
        """Fetch an object and put it on the shelf; what lies there already is given back at once.

        `source(n)` opens the object's bytes from the n-th on; `progress(done, total)` hears of bytes. Raises DataError
        (checksum, size), Unreachable (broken off too often: the part stays), LandsinkError (disk full, lock).
        """
        folder = self._folder(item.id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise LandsinkError(
                f"{folder} cannot be made: {err.strerror}.",
                remedy="Give another place as home=… or LANDSINK_HOME.",
            ) from None
        with self._lock(folder, item):
            if kept := self.find(item.id):
                return kept
            part = folder / PART
            with _room(folder, item):
                digest = self._download(item, part, source, progress or (lambda *_: None))
                return _shelve(folder, item, digest, licence)

    def answer(self, question: str) -> tuple[bytes, datetime] | None:
        """The last answer to a question and when (UTC) it was given, or None."""
        path = self._answer(question)
        try:
            return path.read_bytes(), datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError:  # not there, or not to be read: it is then asked for
            return None

    def remember(self, question: str, answer: bytes) -> None:
        """Keep an answer."""
        path = self._answer(question)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, answer)

    def _answer(self, question: str) -> Path:
        return self.root / "answers" / f"{hashlib.sha256(question.encode()).hexdigest()[:24]}.json"

    def _folder(self, key: str) -> Path:
        return self.root / "objects" / key

    def _download(self, item: DataObject, part: Path, source: Opener, progress: Progress) -> str:
        """Fill `part` until it is whole and right; gives its SHA-256."""
        reason: Exception | None = None
        for attempt in range(self.tries):
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1))
            begun = _size(part)
            if begun < item.size:
                reason = _pull(item, part, begun, source, progress)
            if (got := _size(part)) < item.size:
                continue
            found = sha256(part)
            if got == item.size and _right(item, found):
                return found
            part.unlink()
            if not begun:
                raise _wrong(item, got, found)
            # what an earlier run left was not of this file: once more from its first byte
        raise Unreachable(
            f"The download of {item.name} broke off at {_size(part)} of {item.size} bytes, {self.tries} times"
            + (f" ({reason})." if reason else "."),
            remedy="Run it again: it goes on where it stopped.",
        )

    @contextmanager
    def _lock(self, folder: Path, item: DataObject) -> Iterator[None]:
        """Hold an object's lock. SQLite's file locks work on every system and end with the process that holds them."""
        end = time.monotonic() + self.patience
        with closing(sqlite3.connect(folder / LOCK, timeout=0.2, isolation_level=None)) as lock:
            while True:
                try:
                    lock.execute("begin exclusive")
                    break
                except sqlite3.OperationalError as err:
                    if "locked" not in str(err):
                        raise LandsinkError(f"{folder} cannot be locked: {err}.") from None
                if time.monotonic() > end:
                    raise LandsinkError(
                        f"Another process has been fetching {item.name} for {self.patience:.0f} s.",
                        remedy="Wait for it, or end it.",
                    )
            yield


def sha256(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pull(item: DataObject, part: Path, begun: int, source: Opener, progress: Progress) -> Exception | None:
    """Append what comes; gives the reason where it broke off before its end, and None where it did not."""
    with closing(source(begun)) as answer:
        first = _first_byte(answer, begun)
        if first is None:
            part.unlink(missing_ok=True)
            return DataError(f"{host(answer.url)} gives no byte {begun} of {item.name}")
        begun = first
        done = begun
        with part.open("ab" if begun else "wb") as file:
            progress(done, item.size)
            while True:
                try:
                    # what has come is written at once: a plain read would wait for a whole block, and lose it
                    block = answer.body.read1(BLOCK)
                except LOST as err:
                    return err
                if not block:
                    return None
                file.write(block)
                done += len(block)
                progress(done, item.size)
                if done > item.size:
                    return None


def _first_byte(answer: Answer, begun: int) -> int | None:
    """Where an answer to a request from byte `begun` on begins: there, at 0 (range ignored), or nowhere useful."""
    if answer.status == 206:
        return begun if answer.headers.get("Content-Range", "").startswith(f"bytes {begun}-") else None
    return None if answer.status == BEYOND_THE_END else 0


def _right(item: DataObject, digest: str) -> bool:
    # The id holds 18 of the sum's 32 bytes, which is much; the whole sum, where the portal tells it, is all.
    return digest == item.sha256 if item.sha256 else id_of(digest) == item.id


def _wrong(item: DataObject, got: int, digest: str) -> DataError:
    if got != item.size:
        return DataError(f"{item.name} came with {got} bytes or more.", f"{item.size}, as the portal says.")
    return DataError(
        f"{item.name} came with the SHA-256 {digest}.",
        f"{item.sha256 or item.id}, as the portal says.",
        "Something on the way changed it, or the portal's own copy did; nothing was kept. Try again.",
    )


def _shelve(folder: Path, item: DataObject, digest: str, licence: str) -> Kept:
    """Give the checked part its name, with its facts beside it."""
    path = folder / _safe(item.name)
    with (folder / PART).open("r+b") as file:
        os.fsync(file.fileno())
    stat = (folder / PART).stat()
    fetched = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {
        "object": asdict(item), "file": path.name, "sha256": digest, "size": stat.st_size,
        "modified": stat.st_mtime_ns, "fetched": fetched, "licence": licence,
    }  # fmt: skip
    # facts without their file are no find: this order leaves no moment at which half a find could be seen
    _write(folder / FACTS, json.dumps(facts, indent=1, ensure_ascii=False).encode())
    os.replace(folder / PART, path)
    return Kept(item, path, digest, fetched, licence)


def _kept(folder: Path, facts: dict) -> Kept:
    known = {**facts["object"], "previous": tuple(facts["object"]["previous"])}
    path = folder / _safe(facts["file"])
    return Kept(DataObject(**known), path, facts["sha256"], facts["fetched"], facts["licence"])


def _safe(name: str) -> str:
    """The file's own name: a name from afar leads to no other folder and hides none of the shelf's files."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return f"object-{last}" if last in ("", "..", PART, FACTS, LOCK) or last.startswith(".") else last


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _write(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=".new-", delete=False) as file:
        file.write(content)
    os.replace(file.name, path)


@contextmanager
def _room(folder: Path, item: DataObject) -> Iterator[None]:
    """See that the disk has room for an object, and say so where it has none after all."""
    need = item.size - _size(folder / PART)
    free = shutil.disk_usage(folder).free
    full = LandsinkError(
        f"The disk of {folder} is full: {free / 1e6:.0f} MB are free.",
        f"{(need + RESERVE) / 1e6:.0f} MB for {item.name}.",
        "Make room, or give another folder as home=… or LANDSINK_HOME; what has come stays and is gone on from.",
    )
    if free < need + RESERVE:
        raise full
    try:
        yield
    except OSError as err:
        if err.errno in FULL:
            raise full from err
        raise
