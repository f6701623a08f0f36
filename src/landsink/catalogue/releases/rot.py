"""Rot: what of a release is not what its manifest says."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from landsink.catalogue.blobs import Blobs

from .release import FACTS, MANIFEST


@dataclass(frozen=True)
class Rotten:
    """A file of a release, and what is wrong with it."""

    key: str
    found: str
    expected: str


def rot(blobs: Blobs, place: str) -> tuple[int, list[Rotten]]:
    """Bytes that were hashed, and every file below the key `place` that is not what was published there.

    A file that nobody lists is named too: a reader of Zarr would take it for a chunk.
    """
    try:
        facts = json.loads(blobs.get(f"{place}/{FACTS}"))
        said = facts["digest"]
        manifest = blobs.get(f"{place}/{MANIFEST}")
    except FileNotFoundError as error:
        name = FACTS if FACTS in str(error) else MANIFEST
        return 0, [Rotten(name, "is gone.", "what says which files there are")]
    except (ValueError, KeyError, TypeError):
        return 0, [Rotten(FACTS, "cannot be read.", "what says which files there are")]
    found = hashlib.sha256(manifest).hexdigest()
    if found != said:
        return len(manifest), [Rotten(MANIFEST, f"its bytes have {found}.", said)]
    listed = json.loads(manifest)
    wrong = list(_files(blobs, place, listed))
    held = {blob.key.removeprefix(f"{place}/") for blob in blobs.list(f"{place}/")}
    for key in sorted(held - set(listed) - {FACTS, MANIFEST}):
        wrong.append(Rotten(key, "is a file that nobody lists.", "the files of the manifest alone"))
    return len(manifest) + sum(size for size, _ in listed.values()), wrong


def _files(blobs: Blobs, place: str, listed: dict[str, list]) -> Iterator[Rotten]:
    for key, (_, said) in listed.items():
        try:
            found = hashlib.sha256(blobs.get(f"{place}/{key}")).hexdigest()
        except FileNotFoundError:
            yield Rotten(key, "is gone.", said)
            continue
        except OSError as error:
            yield Rotten(key, f"cannot be read ({error.strerror or error}).", said)
            continue
        if found != said:
            yield Rotten(key, f"its bytes have {found}.", said)
