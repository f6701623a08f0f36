"""Zips that mean harm: they swell, climb, link, lie, or name what is none of theirs."""

import io
import json
import os
import stat
import struct
import zipfile
from collections.abc import Mapping

MEGABYTE = 1 << 20


def packed(members: Mapping[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of members by name, whatever they are called."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as archive:
        for name, data in members.items():
            facts = zipfile.ZipInfo("x")
            facts.filename, facts.compress_type = name, kind
            archive.writestr(facts, data)
    return out.getvalue()


def linked(target: str) -> bytes:
    """A zip one of whose members is a symbolic link."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("zarr.json", GROUP)
        facts = zipfile.ZipInfo("nee")
        facts.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(facts, target)
    return out.getvalue()


def lying() -> bytes:
    """A zip whose member says that it has ten bytes unpacked, and has many more."""
    data = bytearray(packed({"zarr.json": GROUP, "c/0": bytes(8 * MEGABYTE)}))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.rfind(mark)
        struct.pack_into("<I", data, place + at, 10)
    return bytes(data)


def smuggled(root: str) -> bytes:
    """A store whose consolidated metadata name an array outside of it."""
    array = {"zarr_format": 3, "node_type": "array", "shape": [2], "data_type": "float64", "fill_value": 0.0,
             "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}}, "attributes": {},
             "chunk_key_encoding": {"name": "default"}, "codecs": [{"name": "bytes"}]}  # fmt: skip
    told = {"kind": "inline", "must_understand": False, "metadata": {root: array}}
    page = json.loads(GROUP) | {"consolidated_metadata": told}
    return packed({"zarr.json": json.dumps(page).encode()})


def pickled() -> bytes:
    """A store of version 2 with a codec that runs what it unpacks, in a page that calls itself a group."""
    array = {"zarr_format": 2, "node_type": "group", "shape": [4], "chunks": [4], "dtype": "|O", "fill_value": "",
             "compressor": {"id": "pickle"}, "filters": [{"id": "vlen-utf8"}], "order": "C"}  # fmt: skip
    page = json.dumps({"zarr_format": 2}).encode()
    said = json.dumps({"_ARRAY_DIMENSIONS": ["x"]}).encode()
    data = b"cos\nsystem\n(S'true'\ntR."
    names = {".zgroup": page, "a/.zarray": json.dumps(array).encode(), "a/.zattrs": said, "a/0": data}
    return packed(names)


def sharded() -> bytes:
    """An array whose shards hold shards that hold an unknown codec."""
    inner = {"name": "sharding_indexed", "configuration": {"codecs": [{"name": "numcodecs.bz2"}]}}
    outer = {"name": "sharding_indexed", "configuration": {"codecs": [inner]}}
    array = {"zarr_format": 3, "node_type": "array", "shape": [2], "data_type": "float64", "fill_value": 0.0,
             "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}}, "codecs": [outer]}  # fmt: skip
    return packed({"zarr.json": GROUP, "nee/zarr.json": json.dumps(array).encode()})


GROUP = json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}}).encode()
CLIMBS = (
    "../../../escaped", "a/../../../escaped", "/var/tmp/escaped", "..\\..\\escaped", "C:\\escaped", "\\\\host\\share",
    "a/..", ".", "a:stream", "\u2025/escaped", "\uff0e\uff0e/escaped", "a\x00/../b", "//host/escaped", "~/escaped",
)  # fmt: skip


def zips() -> dict[str, bytes]:
    """All of them by what they try."""
    nested = packed({"zarr.json": GROUP, "c/0": bytes(8 * MEGABYTE)})
    for _ in range(3):
        nested = packed({"inner.zip": nested})
    climbing = {f"climb {n!r}": packed({"zarr.json": GROUP, n: b"out"}, zipfile.ZIP_STORED) for n in CLIMBS}
    return climbing | {
        "high ratio": packed({"zarr.json": GROUP, "c/0": bytes(16 * MEGABYTE)}),
        "nested": nested,
        "many members": packed({"zarr.json": GROUP} | {f"c/{n}": b"" for n in range(400)}),
        "huge member": packed({"zarr.json": GROUP, "c/0": os.urandom(3 * MEGABYTE)}, zipfile.ZIP_STORED),
        "lying member": lying(),
        "link": linked("/etc/passwd"),
        "link up": linked("../../../../portal.sqlite"),
        "no zip": b"no zip at all",
        "cut off": packed({"zarr.json": GROUP, "c/0": os.urandom(9000)})[:-2000],
        "two stores": packed({"a/zarr.json": GROUP, "b/zarr.json": GROUP}),
        "empty": packed({}),
        "consolidated outside": smuggled("../../elsewhere"),
        "consolidated absolute": smuggled("/etc"),
        "pickle": pickled(),
        "codec within shards": sharded(),
    }
