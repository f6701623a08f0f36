"""Checksums of files and folders, as STAC's file extension writes them, and the short names that follow."""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

from landsink.core.errors import DataError

# Multihash prefix of a SHA-256: the code 0x12 and the length 0x20 (32 bytes).
SHA256 = "1220"
BLOCK = 1 << 20
# 18 bytes are 24 letters of base64 without padding, and 144 bits: no two objects will ever share them.
SHORT_BYTES = 18


def checksum(path: Path) -> str:
    """Multihash (SHA-256, hex) of a file, or of a folder's sorted relative names and contents.

    Moving or copying a folder leaves its checksum as it is; renaming a file inside changes it.
    Raises DataError where nothing lies at `path`.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"Nothing lies at {path}.", "Expected a file or a folder.")
    return SHA256 + (_folder(path) if path.is_dir() else _file(path)).hex()


def sha256(path: Path) -> str:
    """SHA-256 in hex of a file, or of a folder as `checksum` counts it."""
    return checksum(path)[len(SHA256) :]


def short(digest: str) -> str:
    """The identifier of content: the first 18 bytes of its SHA-256 (hex) as base64url, as ICOS writes them."""
    return base64.urlsafe_b64encode(bytes.fromhex(digest)[:SHORT_BYTES]).decode()


def united(digests: Iterable[str]) -> str:
    """SHA-256 (hex) of a collection: over its members' SHA-256, sorted, each once."""
    return hashlib.sha256(b"".join(bytes.fromhex(d) for d in sorted(set(digests)))).hexdigest()


def size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    path = Path(path)
    return sum(f.stat().st_size for f in _files(path)) if path.is_dir() else path.stat().st_size


def _file(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.digest()


def _folder(path: Path) -> bytes:
    digest = hashlib.sha256()
    for file in _files(path):
        digest.update(file.relative_to(path).as_posix().encode() + b"\0" + _file(file))
    return digest.digest()


def _files(path: Path) -> list[Path]:
    return sorted((f for f in path.rglob("*") if f.is_file()), key=lambda f: f.relative_to(path).as_posix())
