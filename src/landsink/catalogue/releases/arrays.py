"""Zarr v3 as releases are written: metadata that every reader knows, chunks packed and hashed on their way to the disk.

zarr-python writes the same, but takes ten times as long over small chunks, and its gzip bears the time of day: the same
content shall give the same bytes. Source: Zarr core specification 3.0, its sharding codec 1.0, and the consolidated
metadata that zarr-python and xarray read.
"""

import hashlib
import json
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numcodecs import Zstd

from .chunks import ABSENT, GZIP
from .layout import GZIP_LEVEL, ZSTD_LEVEL, Shape

JOURNAL = "journal"
LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
PACKED = {
    "gzip": {"name": "gzip", "configuration": {"level": GZIP_LEVEL}},
    "zstd": {"name": "zstd", "configuration": {"level": ZSTD_LEVEL, "checksum": False}},
}


class Tree:
    """The folder that a release is written into. `files` has size and SHA-256 of what was written, by key.

    A part that a dead writer finished is taken over where it was made of the same numbers; its journal tells.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, list] = {}
        self.taken = 0
        self._folders: set[Path] = set()
        self._made: list[str] = []
        self._known = _journal(root)
        self.pool = ThreadPoolExecutor(min(os.cpu_count() or 1, 8))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.pool.shutdown(cancel_futures=True)
        if kind is None:
            self._finish()

    def put(self, key: str, content: bytes) -> None:
        """Write a file."""
        path = self.root / key
        if path.parent not in self._folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(path.parent)
        with open(path, "wb") as file:
            file.write(content)
        self.files[key] = [len(content), hashlib.sha256(content).hexdigest()]
        self._made.append(key)

    @contextmanager
    def part(self, name: str, digest: str) -> Iterator[bool]:
        """Whether a part, made of numbers with this digest, has still to be written; what is written within is its."""
        held = self._known.get(name)
        if held and held["of"] == digest and all(self._whole(k, *row) for k, row in held["files"].items()):
            self.files |= held["files"]
            self.taken += 1
            yield False
            return
        self._made = []
        yield True
        said = {"part": name, "of": digest, "files": {key: self.files[key] for key in self._made}}
        with (self.root / JOURNAL).open("a") as journal:
            journal.write(json.dumps(said) + "\n")

    def _finish(self) -> None:
        # What a dead writer wrote and this one did not goes.
        for path in [p for p in self.root.rglob("*") if p.is_file()] if self._known else ():
            if path.relative_to(self.root).as_posix() not in self.files:
                path.unlink()
        (self.root / JOURNAL).unlink(missing_ok=True)

    def _whole(self, key: str, size: int, _: str) -> bool:
        try:
            return (self.root / key).stat().st_size == size
        except FileNotFoundError:
            return False


def _journal(root: Path) -> dict[str, dict[str, Any]]:
    """What a dead writer finished; the last line may be half."""
    found: dict[str, dict[str, Any]] = {}
    try:
        lines = (root / JOURNAL).read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return found
    for line in lines:
        if line.endswith("\n"):
            row = json.loads(line)
            found[row["part"]] = row
    return found


@dataclass(frozen=True)
class Array:
    """One array of a group, written file by file."""

    tree: Tree
    place: str
    shape: tuple[int, ...]
    dtype: np.dtype
    cut: Shape
    fill: float

    def write(self, at: Sequence[int], values: np.ndarray, empty: bool = True) -> None:
        """The file `at` (its number along each dimension), of values that may end with the array.

        empty: whether a chunk without any value is written as well. To a browser one that is absent is an error.
        """
        self.put(at, self.packed(values, empty))

    def packed(self, values: np.ndarray, empty: bool = True) -> bytes | None:
        """The bytes of a file; None where nothing is to be written."""
        inner, outer = self.cut.chunks, self.cut.shards or self.cut.chunks
        many = [o // i for o, i in zip(outer, inner, strict=True)]
        chunks = [self._chunk(values, empty, at) for at in np.ndindex(*many)]
        return chunks[0] if self.cut.shards is None else _shard(chunks)

    def put(self, at: Sequence[int], content: bytes | None) -> None:
        """Write the bytes of a file."""
        if content is not None:
            self.tree.put(f"{self.place}/c/{'/'.join(map(str, at))}" if at else f"{self.place}/c", content)

    def whole(self, values: np.ndarray) -> None:
        """All files of the array."""
        for at, box in boxes(self.shape, self.cut):
            self.write(at, values[box])

    def _chunk(self, values: np.ndarray, empty: bool, at: tuple[int, ...]) -> bytes | None:
        part = values[tuple(slice(i * c, (i + 1) * c) for i, c in zip(at, self.cut.chunks, strict=True))]
        if not part.size or not (empty or self._filled(part)):
            return None
        if part.shape != self.cut.chunks:
            rest = [(0, c - n) for c, n in zip(self.cut.chunks, part.shape, strict=True)]
            part = np.pad(part, rest, constant_values=self.fill)
        plain = np.ascontiguousarray(part, self.dtype.newbyteorder("<")).tobytes()
        if self.cut.packing == "gzip":
            return zlib.compress(plain, GZIP_LEVEL, GZIP)
        return Zstd(level=ZSTD_LEVEL).encode(plain)

    def _filled(self, part: np.ndarray) -> bool:
        return not bool(np.isnan(part).all() if np.isnan(self.fill) else (part == self.fill).all())


@dataclass(frozen=True)
class Group:
    """A group, whose metadata are written when all of its arrays are told."""

    tree: Tree
    place: str
    attributes: dict[str, Any]
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def array(
        self,
        name: str,
        shape: Sequence[int],
        dtype: Any,
        cut: Shape,
        dims: Sequence[str],
        attributes: dict[str, Any],
    ) -> Array:
        """An array; numbers with a point are NaN where nothing is written, whole ones 0."""
        kind = np.dtype(dtype)
        fill = np.nan if kind.kind == "f" else 0
        codecs = [LITTLE if kind.itemsize > 1 else {"name": "bytes"}, PACKED[cut.packing]]
        self.nodes[name] = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(shape),
            "data_type": kind.name,
            "chunk_grid": _named("regular", {"chunk_shape": list(cut.shards or cut.chunks)}),
            "chunk_key_encoding": _named("default", {"separator": "/"}),
            "fill_value": "NaN" if kind.kind == "f" else 0,
            "codecs": [_sharding(cut, codecs)] if cut.shards else codecs,
            "dimension_names": list(dims),
            "attributes": attributes,
        }
        return Array(self.tree, f"{self.place}/{name}", tuple(shape), kind, cut, fill)

    def close(self, *within: "Group") -> None:
        """Write the metadata; groups that lie `within` this one are told by it as well."""
        for name, node in self.nodes.items():
            self.tree.put(f"{self.place}/{name}/zarr.json", _json(node))
        listed = dict(self.nodes)
        for group in within:
            name = group.place.removeprefix(f"{self.place}/")
            listed[name] = group.node()
            listed |= {f"{name}/{key}": node for key, node in group.nodes.items()}
        all_ = {"kind": "inline", "must_understand": False, "metadata": listed}
        self.tree.put(f"{self.place}/zarr.json", _json(self.node() | {"consolidated_metadata": all_}))

    def node(self) -> dict[str, Any]:
        """The group's own metadata."""
        return {"zarr_format": 3, "node_type": "group", "attributes": self.attributes}


def boxes(shape: Sequence[int], cut: Shape) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """The files of an array: the number of each along the dimensions, and the part of the array that it holds."""
    outer = cut.shards or cut.chunks
    for at in np.ndindex(*(-(-n // o) for n, o in zip(shape, outer, strict=True))):
        yield at, tuple(slice(i * o, min((i + 1) * o, n)) for i, o, n in zip(at, outer, shape, strict=True))


def _named(name: str, configuration: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "configuration": configuration}


def _sharding(cut: Shape, codecs: list[dict[str, Any]]) -> dict[str, Any]:
    return _named(
        "sharding_indexed",
        {
            "chunk_shape": list(cut.chunks),
            "codecs": codecs,
            "index_codecs": [LITTLE, {"name": "crc32c"}],
            "index_location": "end",
        },
    )


def _json(node: dict[str, Any]) -> bytes:
    return json.dumps(node, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _shard(chunks: Sequence[bytes | None]) -> bytes | None:
    """Chunks, and behind them where each begins and how long it is; None where there is none."""
    if all(chunk is None for chunk in chunks):
        return None
    index, at = np.full((len(chunks), 2), ABSENT, "<u8"), 0
    for number, chunk in enumerate(chunks):
        if chunk is not None:
            index[number], at = (at, len(chunk)), at + len(chunk)
    told = index.tobytes()
    return b"".join([*(c for c in chunks if c is not None), told, struct.pack("<I", crc32c(told))])


def crc32c(content: bytes) -> int:
    """The checksum CRC-32C. Source: RFC 3720, appendix B.4."""
    table, found = _table(), 0xFFFFFFFF
    for byte in content:
        found = (found >> 8) ^ table[(found ^ byte) & 0xFF]
    return found ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        rows.append(byte)
    return tuple(rows)
