"""Records: a product is a pure function of its case, the code, and its inputs; their hash names it."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from landsink import __version__


@dataclasses.dataclass(frozen=True)
class Input:
    """A file that was read: its name (not its place), checksum, licence and citation."""

    name: str
    sha256: str
    licence: str = ""
    citation: str = ""

    @classmethod
    def of(cls, path: Path, licence: str = "", citation: str = "") -> Self:
        """Hash a file."""
        return cls(path.name, _sha256(path), licence, citation)


@dataclasses.dataclass(frozen=True)
class Record:
    """What made a product. Two products with the same hash are the same product."""

    case: Mapping[str, Any]
    code: str
    inputs: tuple[Input, ...]

    @classmethod
    def of(cls, case: Mapping[str, Any], inputs: Iterable[Input]) -> Self:
        """A record of `case` run by the code at hand on `inputs`."""
        return cls(case, code_version(), tuple(sorted(inputs, key=lambda i: (i.name, i.sha256))))

    @property
    def hash(self) -> str:
        """SHA-256 of the record: provenance, cache key, version and identifier at once."""
        return digest(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "case": dict(self.case),
            "code": self.code,
            "inputs": [dataclasses.asdict(i) for i in self.inputs],
        }


def digest(data: Any) -> str:
    """SHA-256 of plain data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()


@functools.cache
def code_version() -> str:
    """Version of landsink with a hash of its sources, and of the libraries that compute."""
    root = Path(str(files("landsink")))
    sources = sorted(p for p in root.rglob("*") if p.suffix in {".py", ".toml"})
    body = hashlib.sha256()
    for path in sources:
        body.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return f"landsink {__version__}+{body.hexdigest()[:12]} jax {version('jax')} numpy {version('numpy')}"


@functools.lru_cache(maxsize=256)
def _hashed(path: str, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256(path: Path) -> str:
    stat = path.stat()
    return _hashed(str(path), stat.st_size, stat.st_mtime_ns)
