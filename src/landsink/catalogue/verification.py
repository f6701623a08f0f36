"""Verify a catalogue: hash every byte again, and name what is not what it was."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pystac

from landsink.catalogue.checksums import SHA256, checksum, short, size, united
from landsink.catalogue.content import inside
from landsink.catalogue.releases import Releases
from landsink.catalogue.store import Catalogue
from landsink.core.errors import DataError


@dataclass(frozen=True)
class Fault:
    """An object that is not what its description says."""

    id: str
    title: str
    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.id} ({self.title}), {self.where}: {self.found} Expected: {self.expected}"


@dataclass(frozen=True)
class Verification:
    """How many objects and bytes were hashed, and what is wrong with which."""

    objects: int
    size: int
    faults: tuple[Fault, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {"objects": self.objects, "size": self.size, "faults": [asdict(f) for f in self.faults]}


def verify(catalogue: Catalogue) -> Verification:
    """Hash everything again: objects that were taken in, runs in their folders, releases, identifiers of collections.

    An identifier that does not follow from the bytes, a description that differs from the index, bytes that nobody
    describes and a description without bytes are faults, each named. Nothing is changed.
    """
    faults: list[Fault] = []
    total = 0
    items = catalogue.list()
    # An extended run is the same folder, described by its next version alone.
    replaced = {i.properties.get("landsink:previous") for i in items if _kind(i) == "run"}
    for item in items:
        faults += _described(catalogue, item)
        if _kind(item) == "collection":
            faults += _united(catalogue, item)
        elif not (_kind(item) == "run" and item.id in replaced):
            # A picture of a run may be drawn anew at any time.
            kept = {
                k: a
                for k, a in item.assets.items()
                if _kind(item) != "run" or "overview" not in (a.roles or [])
            }
            for key, asset in kept.items():
                count, wrong = _hashed(catalogue, item, key, asset)
                total, faults = total + count, [*faults, *wrong]
    for name in sorted(catalogue.objects.names() - {i.id for i in items}):
        faults.append(Fault(name, "", "objects", "bytes that nobody describes.", "a description in items/"))
    for name in sorted(catalogue.described() - {i.id for i in items}):
        faults.append(
            Fault(name, "", "description", "is not in the index.", "a description that can be read")
        )
    titles = {i.id: i.properties["title"] for i in items}
    for name, count, rotten in Releases(catalogue).rot():
        total += count
        faults += [
            Fault(name, titles.get(name, ""), f"release, {r.key}", r.found, r.expected) for r in rotten
        ]
        if name not in titles:
            faults.append(Fault(name, "", "release", "of an object that nobody describes.", "its object"))
    return Verification(len(items), total, tuple(faults))


def _kind(item: pystac.Item) -> str:
    return item.properties.get("landsink:kind", "run")


def _described(catalogue: Catalogue, item: pystac.Item) -> Iterator[Fault]:
    title = item.properties["title"]
    try:
        held = catalogue.read(item.id)
    except DataError as error:
        yield Fault(item.id, title, "description", f"cannot be read ({error}).", f"items/{item.id}.json")
        return
    # Compared as values: a database may write a number otherwise, and means the same.
    plain, row = (i.to_dict(include_self_link=False, transform_hrefs=False) for i in (held, item))
    if plain != row:
        yield Fault(item.id, title, "description", "its file differs from the index.", "one story in both")


def _hashed(
    catalogue: Catalogue, item: pystac.Item, key: str, asset: pystac.Asset
) -> tuple[int, list[Fault]]:
    held, inner = "landsink:format" in item.properties, inside(item, key)
    said, title = asset.extra_fields.get("file:checksum", ""), item.properties["title"]
    path = catalogue.objects.root / item.id / inner if inner else Path(asset.href)
    try:
        found, count = catalogue.objects.hashed(item.id, inner) if inner else (checksum(path), size(path))
    except (OSError, DataError) as error:
        return 0, [Fault(item.id, title, key, f"{error}", f"bytes at {path}")]
    faults = []
    if found != said:
        faults.append(
            Fault(
                item.id, title, key, f"its bytes at {path} have {found[len(SHA256) :]}.", said[len(SHA256) :]
            )
        )
    if held and short(said[len(SHA256) :]) != item.id:
        faults.append(
            Fault(item.id, title, key, "its identifier does not follow from its checksum.", short(said[4:]))
        )
    return count, faults


def _united(catalogue: Catalogue, item: pystac.Item) -> Iterator[Fault]:
    digests = []
    for name in item.properties.get("landsink:members", []):
        try:
            member = catalogue.get(name).properties
        except DataError:
            return
        digests.append(member.get("landsink:sha256") or member["landsink:record"])
    if short(united(digests)) != item.id:
        yield Fault(
            item.id,
            item.properties["title"],
            "members",
            "its identifier does not follow from them.",
            short(united(digests)),
        )
