"""The descriptions of a catalogue: one STAC item a file, items/<id>.json; they are the truth, all else follows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pystac

from landsink.catalogue.blobs import NEW, Blobs
from landsink.core.errors import DataError


@dataclass(frozen=True)
class Descriptions:
    """Item files in `blobs`."""

    blobs: Blobs

    def names(self) -> set[str]:
        """Identifiers that have a description, readable or not."""
        return {Path(b.key).stem for b in self.blobs.list("items") if b.key.endswith(".json")}

    def content(self, name: str) -> bytes | None:
        """The file as it is; None where there is none."""
        try:
            return self.blobs.get(_key(name))
        except FileNotFoundError:
            return None

    def read(self, name: str) -> pystac.Item:
        """An item from its file. DataError where it cannot be read, or bears another's name."""
        where = self.blobs.path(_key(name)) or _key(name)
        try:
            item = pystac.Item.from_dict(json.loads(self.blobs.get(_key(name)).decode("utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pystac.STACError) as error:
            raise DataError(
                f"{where} cannot be read ({error}).", "A STAC item.", "Mend or remove it."
            ) from error
        if item.id != name:
            raise DataError(f"{where} says that it is '{item.id}'.", "Its own name.", "Mend or remove it.")
        return item

    def write(self, item: pystac.Item) -> None:
        """Write an item's file; DataError where there is no room, or where no database could hold it."""
        self.blobs.put(_key(item.id), _text(item))

    def restore(self, name: str, before: bytes | None) -> None:
        """Have the file of `name` as it was."""
        if before is None:
            self.blobs.delete([_key(name)])
        elif self.content(name) != before:
            self.blobs.put(_key(name), before)

    def sweep(self) -> Sequence[str]:
        """Remove what is half-written: called under the write lock, when no new file has a living writer."""
        folder = self.blobs.path("items")
        done = []
        for half in folder.glob(f"{NEW}*") if folder else ():
            half.unlink()
            done.append(f"removed a half-written description {half.name}")
        return done


def _key(name: str) -> str:
    return f"items/{name}.json"


def _text(item: pystac.Item) -> bytes:
    plain: dict[str, Any] = item.to_dict(include_self_link=False, transform_hrefs=False)
    text = json.dumps(plain, indent=1, ensure_ascii=False)
    try:
        made = text.encode("utf-8")
    except UnicodeEncodeError:
        made = b""
    if not made or "\\u0000" in text:
        raise DataError(f"The description of '{item.id}' holds signs that no text may hold.", "Plain text.")
    return made
