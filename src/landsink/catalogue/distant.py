"""The bytes of data objects in an S3 store: they lie below a prefix of their own until a last small key names it."""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from landsink.catalogue.blobs import Blobs, download, read, upload
from landsink.catalogue.checksums import SHA256
from landsink.catalogue.copies import Copies, configured
from landsink.catalogue.database import Database
from landsink.catalogue.objects import Objects
from landsink.core.errors import DataError

# What was replaced is kept while somebody may still read it.
GRACE_SECONDS = 3600.0
# Between making a folder and filling it, another thread may take it away; not so often in a row.
TRIES = 8


@dataclass(frozen=True)
class DistantObjects(Objects):
    """objects/<id>/<token>/… in `blobs`; manifests/<id>.json names the token, and makes the object be there.

    `root` is a folder of this machine: for files on their way in, and for copies of what was read, which take at most
    `room` bytes: the longest unasked goes first, and none that is in use.
    incoming/<id>.<token> tells a sweep of an upload; its owner holds a claim on the token in `database` while it lives.
    """

    blobs: Blobs
    database: Database
    room: int = field(default_factory=configured)

    @contextmanager
    def offer(self, files: dict[str, Path], name: str, again: bool = False) -> Iterator[str]:
        """Send files (name within the object -> file or folder) ahead, unseen, and yield their token for `put`.

        '' where the object is there already, unless it is to be sent `again`.
        """
        if not again and self.blobs.has(_manifest(name)):
            yield ""
            return
        token = secrets.token_hex(8)
        with self.database.claim(token):
            self.blobs.put(_incoming(name, token), b"")
            try:
                upload(self.blobs, {f"objects/{name}/{token}/{k}": p for k, p in _flat(files).items()})
                yield token
            finally:
                # What no manifest names by now was not wanted.
                self._clear(name, token)

    def put(self, offered: str, name: str, again: bool = False) -> Callable[[], None]:
        """Let an offered object be there, if it is not there already or is sent `again`; returns what undoes it.

        Called under the write lock.
        """
        held = self._token(name)
        if held and not again:
            return lambda: None
        prefix = f"objects/{name}/{offered}/"
        files = {b.key[len(prefix) :]: b.size for b in self.blobs.list(prefix)} if offered else {}
        if not files:
            raise DataError(f"'{name}' was removed while it was described.", "", "Do it again.")
        before = self.blobs.get(_manifest(name)) if held else b""
        if held:
            self.blobs.put(_incoming(name, held), b"")
        page = json.dumps({"token": offered, "files": files}, indent=1)
        self.blobs.put(_manifest(name), page.encode())
        return lambda: self.blobs.put(_manifest(name), before) if held else self.drop(name)

    def drop(self, name: str) -> None:
        """Take an object's bytes out: first the key that makes it be there."""
        token = self._token(name)
        if token:
            self.blobs.put(_incoming(name, token), b"")
            self.blobs.delete([_manifest(name)])
            self._clear(name, token)

    def names(self) -> set[str]:
        """Identifiers whose bytes are there, whole."""
        return {Path(b.key).stem for b in self.blobs.list("manifests")}

    def sweep(self) -> int:
        """Remove what dead processes left on its way in, here and in the store; returns how many."""
        count = Objects.sweep(self)
        for mark in list(self.blobs.list("incoming")):
            name, _, token = mark.key.removeprefix("incoming/").rpartition(".")
            # First whether its owner lives, then what the manifest says: a dead one can no longer write it.
            if self.database.claimed(token) or self._young(name, token, mark.modified):
                continue
            count += self._clear(name, token)
        return count

    def path(self, name: str, inner: str) -> Path:
        """A copy on this machine of an object's file or folder, fetched when first asked for. DataError if gone.

        `inner` is its name within the object, which may begin with a token. The copy stays while this process uses it.
        """
        place = self._copies.use(name) / inner
        if place.exists():
            return place
        files = self._files(name, inner)
        self.trim(max(self.room - sum(size for _, size in files.values()), 0))
        with self.staging() as folder:
            held = folder / "copy"
            download(self.blobs, {key: held / rest if rest else held for key, (rest, _) in files.items()})
            _moved(held, place)
        return place

    def size(self, name: str, inner: str) -> int:
        """Bytes of an object's file."""
        return self.blobs.size(self._key(name, inner))

    def read(self, name: str, inner: str, start: int, end: int) -> bytes:
        """Bytes of an object's file from `start` to before `end`, from the store."""
        return self.blobs.get(self._key(name, inner), start, end)

    def hashed(self, name: str, inner: str) -> tuple[str, int]:
        """Multihash and size of a file or folder as the store has it now; DataError if it is gone."""
        files = self._files(name, inner)
        total, whole = 0, hashlib.sha256()
        for key, (rest, _) in sorted(files.items(), key=lambda row: row[1]):
            digest = hashlib.sha256()
            for block in read(self.blobs, key):
                digest.update(block)
                total += len(block)
            if not rest:
                return SHA256 + digest.hexdigest(), total
            whole.update(rest.encode() + b"\0" + digest.digest())
        return SHA256 + whole.hexdigest(), total

    def trim(self, room: int) -> int:
        """Forget copies, the longest unasked first, none in use, until `room` bytes are left; returns bytes freed."""
        return self._copies.trim(room)

    @property
    def _copies(self) -> Copies:
        return Copies(self.root / "copies")

    def _files(self, name: str, inner: str) -> dict[str, tuple[str, int]]:
        """Keys of a file or folder, what each is called within it ('' for a file), and its bytes."""
        key = self._key(name, inner)
        found = {b.key: (b.key[len(key) + 1 :], b.size) for b in self.blobs.list(key)}
        if not found and self.blobs.has(key):
            found = {key: ("", self.blobs.size(key))}
        if not found:
            raise DataError(
                f"'{inner}' of '{name}' is gone.", "The bytes of the object.", "See 'landsink verify'."
            )
        return found

    def _key(self, name: str, inner: str) -> str:
        if "/" in inner:
            return f"objects/{name}/{inner}"
        token = self._token(name)
        if not token:
            raise DataError(f"The bytes of '{name}' are gone.", "An object.", "See 'landsink verify'.")
        return f"objects/{name}/{token}/{inner}"

    def _token(self, name: str) -> str:
        try:
            return str(json.loads(self.blobs.get(_manifest(name)))["token"])
        except FileNotFoundError:
            return ""
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"The manifest of '{name}' cannot be read ({error}).", "JSON.") from error

    def _young(self, name: str, token: str, modified: datetime) -> bool:
        """Whether a prefix was replaced a moment ago: its readers may not have ended."""
        held = self._token(name)
        age = time.time() - modified.astimezone(UTC).timestamp()
        return held not in ("", token) and age < GRACE_SECONDS

    def _clear(self, name: str, token: str) -> int:
        """Remove a prefix that no manifest names, and the mark that tells of it."""
        unnamed = self._token(name) != token
        if unnamed:
            self.blobs.delete([b.key for b in self.blobs.list(f"objects/{name}/{token}")])
        self.blobs.delete([_incoming(name, token)])
        return int(unnamed)


def _manifest(name: str) -> str:
    return f"manifests/{name}.json"


def _incoming(name: str, token: str) -> str:
    return f"incoming/{name}.{token}"


def _flat(files: dict[str, Path]) -> dict[str, Path]:
    """All files, those of folders by their path within."""
    made: dict[str, Path] = {}
    for key, path in files.items():
        inner = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else []
        made |= {f"{key}/{f.relative_to(path).as_posix()}": f for f in inner} or {key: path}
    return made


def _moved(held: Path, place: Path) -> None:
    """Bring a copy to its place, whoever else brings the same bytes there or takes old copies away meanwhile."""
    for left in reversed(range(TRIES)):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            os.rename(held, place)
            return
        except OSError:
            if place.exists():
                return
            if not left:
                raise
