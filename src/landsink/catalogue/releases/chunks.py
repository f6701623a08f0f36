"""A small reader of the Zarr v3 arrays that releases are written as.

It knows what the house writes and no more: regular chunks, little-endian numbers, gzip or zstd, and shards with their
index at the end. zarr-python reads any array but spends most of a point's time on its own way there; here a chunk
costs its bytes and its decoding. Source: Zarr core specification 3.0 and its sharding codec 1.0.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numcodecs import Zstd

from landsink.core.errors import DataError

Get = Callable[[str, int, int | None], bytes]
Size = Callable[[str], int]
ABSENT = np.uint64(2**64 - 1)
CHECK = 4  # bytes of CRC-32C after the index of a shard
GZIP = 31  # what zlib calls a gzip header with the widest window
_PLAIN: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {"gzip": lambda packed: zlib.decompress(packed, GZIP), "zstd": lambda packed: Zstd().decode(packed)}
)


@dataclass(frozen=True, eq=False)
class Chunked:
    """One array. `get` gives the bytes of a key, `size` how many it has; both raise FileNotFoundError.

    outer: shape of a file's part of the array; inner: of the part that is packed by itself, the same without shards.
    sharded: whether files begin with chunks and end with their index; also a shard of one chunk does.
    """

    get: Get
    size: Size
    place: str
    shape: tuple[int, ...]
    outer: tuple[int, ...]
    inner: tuple[int, ...]
    dtype: np.dtype
    packing: str
    fill: float
    sharded: bool
    indices: dict[tuple[int, ...], np.ndarray | None] = field(default_factory=dict)

    @classmethod
    def open(cls, get: Get, size: Size, place: str) -> Self:
        """The array at `place`; FileNotFoundError where there is none, DataError where it is packed another way."""
        meta = json.loads(get(f"{place}/zarr.json", 0, None))
        outer = inner = tuple(meta["chunk_grid"]["configuration"]["chunk_shape"])
        codecs = meta["codecs"]
        sharded = codecs[0]["name"] == "sharding_indexed"
        if sharded:
            shard = codecs[0]["configuration"]
            _index_known(shard, place)
            inner, codecs = tuple(shard["chunk_shape"]), shard["codecs"]
        fill = float(meta["fill_value"]) if meta["fill_value"] is not None else 0.0
        dtype = np.dtype(meta["data_type"]).newbyteorder("<")
        return cls(
            get,
            size,
            place,
            tuple(meta["shape"]),
            outer,
            inner,
            dtype,
            _packing(codecs, place),
            fill,
            sharded,
        )

    def read(self, *where: slice) -> np.ndarray:
        """A box of the array; slices with a start and a stop within it, one a dimension."""
        out = np.empty([w.stop - w.start for w in where], self.dtype.newbyteorder("="))
        spans = [range(w.start // c, -(-w.stop // c)) for w, c in zip(where, self.inner, strict=True)]
        for at in product(*spans):
            low = [i * c for i, c in zip(at, self.inner, strict=True)]
            ends = list(zip(where, low, self.inner, strict=True))
            there = tuple(slice(max(o, w.start) - w.start, min(o + c, w.stop) - w.start) for w, o, c in ends)
            here = tuple(slice(max(o, w.start) - o, min(o + c, w.stop) - o) for w, o, c in ends)
            part = self.chunk(at)
            out[there] = self.fill if part is None else part[here]
        return out

    def chunk(self, at: tuple[int, ...]) -> np.ndarray | None:
        """One chunk, of shape `inner` also at the array's end; None where it was never written."""
        packed = self._packed(at)
        if packed is None:
            return None
        try:
            plain = packed if not self.packing else _PLAIN[self.packing](packed)
        except (zlib.error, RuntimeError) as error:
            # Where a release was replaced while it was read, the index is of the old one and the bytes are of the new.
            raise DataError(
                f"A chunk of {self.place} cannot be unpacked ({error}).", "", "Ask again."
            ) from error
        return np.frombuffer(plain, self.dtype).reshape(self.inner)

    def volume(self, *where: slice) -> int:
        """How many numbers are unpacked to read a box."""
        parts = [-(-w.stop // c) - w.start // c for w, c in zip(where, self.inner, strict=True)]
        return prod(parts) * prod(self.inner)

    def _packed(self, at: tuple[int, ...]) -> bytes | None:
        if not self.sharded:
            try:
                return self.get(self._key(at), 0, None)
            except FileNotFoundError:
                return None
        many = tuple(o // i for o, i in zip(self.outer, self.inner, strict=True))
        shard = tuple(a // n for a, n in zip(at, many, strict=True))
        if shard not in self.indices:
            self.indices[shard] = self._index(shard, prod(many))
        index = self.indices[shard]
        if index is None:
            return None
        start, count = index[np.ravel_multi_index([a % n for a, n in zip(at, many, strict=True)], many)]
        if start == ABSENT:
            return None
        return self.get(self._key(shard), int(start), int(start + count))

    def _index(self, shard: tuple[int, ...], many: int) -> np.ndarray | None:
        try:
            size = self.size(self._key(shard))
        except FileNotFoundError:
            return None
        found = self.get(self._key(shard), size - 16 * many - CHECK, size - CHECK)
        return np.frombuffer(found, "<u8").reshape(many, 2)

    def _key(self, at: tuple[int, ...]) -> str:
        return f"{self.place}/c/{'/'.join(map(str, at))}" if at else f"{self.place}/c"


def _index_known(shard: dict[str, Any], place: str) -> None:
    names = [c["name"] for c in shard["index_codecs"]]
    if names != ["bytes", "crc32c"] or shard.get("index_location", "end") != "end":
        raise DataError(f"{place} has an index of {names}.", "bytes and crc32c, at the end of the shard.")


def _packing(codecs: list[dict[str, Any]], place: str) -> str:
    names = [c["name"] for c in codecs]
    little = codecs[0].get("configuration", {}).get("endian", "little") == "little"
    if names[0] != "bytes" or not little or names[1:] not in ([], ["gzip"], ["zstd"]):
        raise DataError(
            f"{place} is packed with {', '.join(names)}.", "Little-endian bytes, and gzip or zstd."
        )
    return names[1] if names[1:] else ""
