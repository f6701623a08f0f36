"""Whether a cube keeps to itself: no other file is read along with it, and no page of it tells two things.

HDF5 can name other files: their bytes as a variable's values (external storage, virtual datasets), their variables as
its own (external links). Whoever reads such a file reads what its sender chose of this machine's disk.
Zarr tells an array twice where metadata are consolidated, and readers trust the copy: it has to be one.
Sources: HDF5 File Format Specification 3.0, IV.A.2 (external data files, virtual layout, links); Zarr 2 and 3, core.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from landsink.catalogue.cube import CODECS
from landsink.catalogue.limits import Limits
from landsink.catalogue.report import Defect

HDF5 = b"\x89HDF"
# Run by its path: to import the house first would take longer than to look.
READER = Path(__file__).with_name("hdf5_reader.py")
FORMATS = {"zarr.json": 3, ".zarray": 2, ".zgroup": 2}
TOGETHER = ("consolidated_metadata", ".zmetadata")
# A page inside a page inside a page … is no metadata.
DEEPEST = 20


def contained(path: Path, form: str, limits: Limits) -> list[Defect]:
    """What makes a NetCDF file or a Zarr folder reach beyond itself; nothing for any other form."""
    if form == "zarr":
        return _zarr(path)
    if form == "netcdf":
        with path.open("rb") as stream:
            hdf5 = stream.read(4) == HDF5
        return _hdf5(path, limits) if hdf5 else []
    return []


def _hdf5(path: Path, limits: Limits) -> list[Defect]:
    asked = (str(path.resolve()), str(limits.seconds), str(limits.memory))
    command = [sys.executable, "-P", str(READER), *asked]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    try:
        done = subprocess.run(command, env=env, capture_output=True, timeout=2 * limits.seconds, check=False)
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        found = f"opening it took more than {2 * limits.seconds} s"
    except ValueError:
        found = f"the reader ended with code {done.returncode}"
    if not found:
        return []
    return [
        Defect(
            "cube",
            f"cannot be read by itself ({found}).",
            "One whole file, without links to others or values that lie in others.",
            "Write it anew with xarray.Dataset.to_netcdf.",
        )
    ]


# --- Zarr


def _zarr(path: Path) -> list[Defect]:
    found = []
    for page in sorted(p for n in (*FORMATS, ".zmetadata") for p in path.rglob(n)):
        where = f"cube, {page.relative_to(path).as_posix()}"
        try:
            said = list(_wrong(page))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            said = [f"cannot be read ({type(error).__name__})"]
        found += [
            Defect(where, f"{word}.", "Plain metadata of Zarr 2 or 3.", "Write the store anew.")
            for word in said
        ]
    return found[:20]


def _wrong(page: Path) -> Iterator[str]:
    node = json.loads(page.read_text("utf-8"))
    if page.name == ".zmetadata":
        yield from _copies(page.parent, node["metadata"], plain=True)
        return
    if node["zarr_format"] != FORMATS[page.name]:
        yield f"is of the version {node['zarr_format']!r}"
    if page.name != "zarr.json":
        if "node_type" in node:
            yield "says what it is twice"
        return
    for code in sorted(set(_codecs(node.get("codecs", []))) - CODECS):
        yield f"uses the codec '{code}'"
    yield from _copies(page.parent, _members(node), plain=False)


def _codecs(codecs: Any, depth: int = 0) -> Iterator[str]:
    """Names of all codecs, of those within shards within shards, and of their indexes."""
    if depth > DEEPEST:
        raise ValueError("too deep")
    for codec in codecs:
        yield codec if isinstance(codec, str) else codec["name"]
        inner = {} if isinstance(codec, str) else codec.get("configuration", {})
        for part in ("codecs", "index_codecs"):
            yield from _codecs(inner.get(part, []), depth + 1)


def _members(node: dict[str, Any]) -> dict[str, Any]:
    return (node.get("consolidated_metadata") or {}).get("metadata", {})


def _copies(folder: Path, members: dict[str, Any], plain: bool, depth: int = 0) -> Iterator[str]:
    """Members of consolidated metadata that are no copy of a page in the store. `plain`: keys are names of pages."""
    if depth > DEEPEST:
        raise ValueError("too deep")
    for key, node in members.items():
        parts = PurePosixPath(key).parts
        if not parts or ".." in parts or key.startswith("/") or "\\" in key:
            yield f"names a member '{key[:80]}'"
            continue
        page = folder.joinpath(*parts) if plain else folder.joinpath(*parts, "zarr.json")
        if not page.is_file() or _text(json.loads(page.read_text("utf-8"))) != _text(node):
            yield f"tells of '{key[:80]}' otherwise than its own page"
        elif not plain:
            yield from _copies(page.parent, _members(node), plain, depth + 1)


def _text(node: dict[str, Any]) -> str:
    """A page for comparing, without what it tells of others."""
    return json.dumps({k: v for k, v in node.items() if k not in TOGETHER}, sort_keys=True)
