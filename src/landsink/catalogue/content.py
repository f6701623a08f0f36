"""The bytes of one asset: where they lie within the store, and reading them in parts wherever that is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pystac

from landsink.catalogue.objects import Objects
from landsink.core.errors import DataError

BLOCK = 1 << 20


@dataclass(frozen=True)
class Content:
    """`size` bytes under the file name `name`, of the media type `media`."""

    name: str
    media: str
    size: int
    sha256: str
    objects: Objects
    id: str
    inner: str
    place: Path | None = None

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`."""
        if self.place is None:
            return self.objects.read(self.id, self.inner, start, end)
        with self.place.open("rb") as stream:
            stream.seek(start)
            return stream.read(max(end - start, 0))

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The same, block by block."""
        stop = self.size if end is None else min(end, self.size)
        for first in range(start, stop, BLOCK):
            yield self.read(first, min(first + BLOCK, stop))


def inside(item: pystac.Item, key: str) -> str:
    """What an asset is called within the store's object; '' where it lies in a folder of its own (a run's)."""
    top, href = f"../objects/{item.id}/", item.assets[key].href
    if not href.startswith(top):
        # What was taken in lies in the store, whatever its description says.
        return PurePosixPath(href).name if "landsink:format" in item.properties else ""
    inner = PurePosixPath(href[len(top) :])
    if ".." in inner.parts or inner.is_absolute():
        raise DataError(f"'{href}' of '{item.id}' leaves the store.", "A place within its object.")
    return inner.as_posix()


def content(objects: Objects, item: pystac.Item, key: str) -> Content:
    """The bytes of an asset that is a file. DataError for a folder, or where it is gone."""
    asset, inner = item.assets[key], inside(item, key)
    place = None if inner else Path(asset.href)
    try:
        if asset.media_type == "application/vnd+zarr" or (place is not None and place.is_dir()):
            raise IsADirectoryError
        size = objects.size(item.id, inner) if place is None else place.stat().st_size
    except IsADirectoryError:
        raise DataError(
            f"'{item.id}' is a folder of many files.", "A file.", "Ask for its crate, or read it as Zarr."
        ) from None
    except FileNotFoundError as error:
        raise DataError(
            f"'{item.id}' is gone.", "The bytes of the object.", "See 'landsink verify'."
        ) from error
    digest = asset.extra_fields.get("file:checksum", "")[4:]
    name = PurePosixPath(inner or asset.href).name
    return Content(name, asset.media_type or "", size, digest, objects, item.id, inner, place)
