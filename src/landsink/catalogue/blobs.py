"""Bytes by key: files below a folder, or objects below a prefix of an S3 store. What is put is there whole, or not."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, S3Store

from landsink.core.errors import DataError

# What is half-written bears this before its name, and is in no list.
NEW = ".new-"
AT_ONCE = 8
BLOCK = 8 << 20


@dataclass(frozen=True)
class Blob:
    """A key, its size in bytes and when it was written, in UTC."""

    key: str
    size: int
    modified: datetime


class Blobs(Protocol):
    """Bytes by key; keys are parts with '/' between. A key that is not there is a FileNotFoundError."""

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """The bytes of a key from `start` to before `end`."""
        ...

    def size(self, key: str) -> int:
        """How many bytes."""
        ...

    def has(self, key: str) -> bool:
        """Whether a key is there."""
        ...

    def put(self, key: str, content: bytes | Path) -> None:
        """Write a key: a reader sees what was there or the whole of `content`, never half of it."""
        ...

    def list(self, prefix: str) -> Iterator[Blob]:
        """All keys below a prefix, in no order."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Take keys out; what is not there is no error."""
        ...

    def path(self, key: str) -> Path | None:
        """Where a key (or what begins with it) lies on this machine; None where it does not."""
        ...

    def store(self, prefix: str) -> ObjectStore:
        """The same below a prefix, as obstore's, for readers and writers of Zarr."""
        ...


def blobs(place: str, root: Path) -> Blobs:
    """Those of a URL ('s3://bucket/prefix', with AWS_… of the environment), or the folder `root` for ''."""
    if not place:
        return Folder(root)
    if not place.startswith("s3://") or len(place) < 8:
        raise DataError(
            f"LANDSINK_STORE is '{place}'.", "s3://bucket/prefix, or nothing for the home folder."
        )
    return Bucket(place.rstrip("/"))


@dataclass(frozen=True)
class Folder:
    """Files below `root`."""

    root: Path

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """The bytes of a key from `start` to before `end`."""
        with (self.root / key).open("rb") as stream:
            stream.seek(start)
            return stream.read(-1 if end is None else max(end - start, 0))

    def size(self, key: str) -> int:
        """How many bytes."""
        return (self.root / key).stat().st_size

    def has(self, key: str) -> bool:
        """Whether a key is there."""
        return (self.root / key).is_file()

    def put(self, key: str, content: bytes | Path) -> None:
        """Write a key and have the disk keep it, then rename it to its place."""
        place, made = self.root / key, ""
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.NamedTemporaryFile("wb", dir=place.parent, prefix=NEW, delete=False) as file:
                made = file.name
                if isinstance(content, Path):
                    with content.open("rb") as source:
                        shutil.copyfileobj(source, file, BLOCK)
                else:
                    file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # A reader sees the old file or the new one, never half of it.
            os.replace(made, place)
        except OSError as error:
            with suppress(OSError):
                os.unlink(made)
            raise DataError(
                f"{error.strerror} while writing {key}.", "A disk with room.", "Nothing was kept."
            ) from error

    def list(self, prefix: str) -> Iterator[Blob]:
        """All keys below a prefix, in no order; without what is half-written."""
        folder = self.root / prefix
        for path in folder.rglob("*") if folder.is_dir() else ():
            if not path.name.startswith(NEW) and path.is_file():
                facts = path.stat()
                when = datetime.fromtimestamp(facts.st_mtime).astimezone()
                yield Blob(path.relative_to(self.root).as_posix(), facts.st_size, when)

    def delete(self, keys: Sequence[str]) -> None:
        """Take keys out."""
        for key in keys:
            (self.root / key).unlink(missing_ok=True)

    def path(self, key: str) -> Path | None:
        """Where a key lies."""
        return self.root / key

    def store(self, prefix: str) -> ObjectStore:
        """The same below a prefix, as obstore's."""
        return LocalStore(self.root / prefix, mkdir=True)


@dataclass(frozen=True)
class Bucket:
    """Objects of an S3 store below `url`; AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID … say where and who."""

    url: str

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """The bytes of a key from `start` to before `end`."""
        with _told(key):
            if start == 0 and end is None:
                return bytes(obstore.get(self._top(), key).bytes())
            stop = self.size(key) if end is None else end
            return bytes(obstore.get_range(self._top(), key, start=start, end=stop)) if stop > start else b""

    def size(self, key: str) -> int:
        """How many bytes."""
        with _told(key):
            return obstore.head(self._top(), key)["size"]

    def has(self, key: str) -> bool:
        """Whether a key is there."""
        try:
            self.size(key)
        except FileNotFoundError:
            return False
        return True

    def put(self, key: str, content: bytes | Path) -> None:
        """Write a key; S3 shows it when it has all of it. Large files go up in parts."""
        with _told(key):
            obstore.put(self._top(), key, content)

    def list(self, prefix: str) -> Iterator[Blob]:
        """All keys below a prefix, in no order."""
        with _told(prefix):
            for rows in obstore.list(self._top(), prefix.rstrip("/")):
                for row in rows:
                    yield Blob(row["path"], row["size"], row["last_modified"])

    def delete(self, keys: Sequence[str]) -> None:
        """Take keys out."""
        with _told(keys[0] if keys else ""):
            for first in range(0, len(keys), 1000):
                obstore.delete(self._top(), list(keys[first : first + 1000]))

    def path(self, key: str) -> Path | None:
        """None: nothing lies on this machine."""
        return None

    def store(self, prefix: str) -> ObjectStore:
        """The same below a prefix, as obstore's."""
        return _s3(f"{self.url}/{prefix}", os.getpid())

    def _top(self) -> ObjectStore:
        return _s3(self.url, os.getpid())


def upload(to: Blobs, files: dict[str, Path]) -> None:
    """Put files by key, several at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda row: to.put(*row), files.items()))


def download(source: Blobs, files: dict[str, Path]) -> None:
    """Write keys to new files, several at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda row: _download(source, *row), files.items()))


def read(source: Blobs, key: str) -> Iterator[bytes]:
    """The bytes of a key, block by block."""
    size = source.size(key)
    for start in range(0, size, BLOCK):
        yield source.get(key, start, min(start + BLOCK, size))


def _download(source: Blobs, key: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as out:
        for block in read(source, key):
            out.write(block)


@lru_cache(maxsize=256)
def _s3(url: str, process: int) -> S3Store:
    """One client for each process and prefix."""
    plain = os.environ.get("AWS_ENDPOINT_URL", os.environ.get("AWS_ENDPOINT", "")).startswith("http://")
    try:
        return S3Store.from_url(url, client_options={"allow_http": plain})
    except (BaseError, ValueError) as error:
        raise DataError(f"LANDSINK_STORE '{url}' cannot be used ({error}).", "s3://bucket/prefix.") from error


@contextmanager
def _told(key: str) -> Iterator[None]:
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise FileNotFoundError(f"Nothing lies at '{key}'.") from error
    except BaseError as error:
        reason = str(error).splitlines()[0][:300]
        raise DataError(
            f"The S3 store cannot be used ({reason}).",
            "A store as LANDSINK_STORE and AWS_… say, with room and rights.",
            "Nothing half-written can be seen; mend it and do it again.",
        ) from error
