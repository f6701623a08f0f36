"""Hold a NetCDF file or a Zarr folder against its specification."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from landsink.catalogue.limits import Limits
from landsink.catalogue.report import Defect, Facts
from landsink.catalogue.specification import Specification, Variable
from landsink.core.errors import DataError, near
from landsink.core.quantity import vocabulary
from landsink.core.units import convert

NETCDF = (b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF")
# What a chunk may be packed with; anything else could run code that nobody has read.
CODECS = {
    "bytes",
    "gzip",
    "blosc",
    "zstd",
    "crc32c",
    "transpose",
    "sharding_indexed",
    "vlen-utf8",
    "zlib",
    "lz4",
    "shuffle",
    "numcodecs.zlib",
    "numcodecs.shuffle",
    "fixedscaleoffset",
    "bitround",
}
WIDTHS = {
    "bool": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "float16": 2,
    "int32": 4,
    "uint32": 4,
    "float32": 4,
    "int64": 8,
    "uint64": 8,
    "float64": 8,
    "string": 64,
}


def read_cube(
    path: Path, kind: str, specification: Specification, limits: Limits
) -> tuple[Facts, list[Defect]]:
    """What a cube says of itself, and its defects: container, codecs, coordinates, units and spans."""
    shape = _netcdf(path) if kind == "netcdf" else _zarr(path, limits)
    if shape:
        return Facts(), shape
    found = _reader(path, kind, limits)
    if "error" in found:
        return Facts(), [
            Defect(
                "cube",
                f"cannot be read ({found['error']}).",
                "CF-conformant NetCDF or Zarr.",
                "Open it with xarray.open_dataset and mend what it complains of.",
            )
        ]
    rows = found["variables"]
    facts = Facts(
        {n: {k: str(r[k]) for k in ("unit", "description", "type")} for n, r in rows.items()},
        tuple(found["bbox"]) if found["bbox"] and None not in found["bbox"] else None,
        *found["time"],
        found["sizes"],
    )
    return facts, _held(rows, specification)


def _netcdf(path: Path) -> list[Defect]:
    with path.open("rb") as stream:
        start = stream.read(4)
    if start not in NETCDF:
        return [
            Defect(
                "cube", f"begins with {start!r}.", "NetCDF-3 or NetCDF-4.", "Write it with xarray.to_netcdf."
            )
        ]
    return []


def _zarr(path: Path, limits: Limits) -> list[Defect]:
    pages = [p for n in ("zarr.json", ".zarray", ".zgroup") for p in path.rglob(n)]
    if not any(p.parent == path for p in pages):
        return [
            Defect(
                "cube",
                "has no zarr.json at its top.",
                "A Zarr store.",
                "Give the folder that holds zarr.json.",
            )
        ]
    found = []
    for page in pages:
        where = f"cube, {page.relative_to(path).as_posix()}"
        try:
            node = json.loads(page.read_text("utf-8"))
            codes, width, chunk = _node(node)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            found.append(
                Defect(where, f"cannot be read ({error}).", "Zarr version 2 or 3.", "Write the store anew.")
            )
            continue
        for code in sorted(codes - CODECS):
            found.append(
                Defect(
                    where,
                    f"uses the codec '{code}'.",
                    f"One of {', '.join(sorted(CODECS))}.",
                    "Write it with gzip.",
                )
            )
        if width is None:
            found.append(
                Defect(
                    where,
                    "holds values that are neither numbers nor text.",
                    "Plain numbers.",
                    "Convert them.",
                )
            )
        elif width * chunk > limits.chunk:
            found.append(
                Defect(
                    where,
                    f"has chunks of {width * chunk} bytes.",
                    f"At most {limits.chunk}.",
                    "Chunk it smaller.",
                )
            )
    return found


def _node(node: dict[str, Any]) -> tuple[set[str], int | None, int]:
    """Codecs, bytes a value and values a chunk of an array; nothing of a group."""
    if node.get("node_type") == "group" or ("zarr_format" in node and "shape" not in node):
        return set(), 1, 0
    if node["zarr_format"] == 3:
        sort = node["data_type"] if isinstance(node["data_type"], str) else node["data_type"]["name"]
        codes = {c["name"] for c in node["codecs"]}
        for codec in node["codecs"]:
            codes |= {c["name"] for c in codec.get("configuration", {}).get("codecs", [])}
        fixed = sort if sort not in ("fixed_length_utf32", "numpy.datetime64") else "string"
        return codes, WIDTHS.get(fixed), _product(node["chunk_grid"]["configuration"]["chunk_shape"])
    codecs = [c for c in (node.get("compressor"), *(node.get("filters") or [])) if c]
    codes = {c["id"] for c in codecs}
    text = str(node["dtype"])
    width = (
        64
        if text == "|O" and "vlen-utf8" in codes
        else None
        if "O" in text or "[" in text
        else int(text[2:] or 1)
    )
    return codes, width, _product(node["chunks"])


def _product(sizes: list[int]) -> int:
    total = 1
    for n in sizes:
        total *= int(n)
    return total


def _reader(path: Path, kind: str, limits: Limits) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "landsink.catalogue.cube_reader",
        str(path.resolve()),
        kind,
        str(limits.seconds),
        str(limits.memory),
    ]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    try:
        done = subprocess.run(command, env=env, capture_output=True, timeout=2 * limits.seconds, check=False)
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"error": f"reading took more than {2 * limits.seconds} s"}
    except ValueError:
        return {"error": f"the reader ended with code {done.returncode}"}


def _held(rows: dict[str, Any], spec: Specification) -> list[Defect]:
    found = [
        Defect("cube", f"lacks '{v.name}'.", f"Expected: {v.doc}.", f"Add or rename it. {near(v.name, rows)}")
        for v in spec.variables
        if v.required and v.name not in rows
    ]
    named = {v.name: v for v in spec.variables}
    for name, row in rows.items():
        v = named.get(name) or (Variable(name, quantity=name) if name in vocabulary() else None)
        if v is not None:
            found += _variable(v, row)
    return found


def _variable(v: Variable, row: dict[str, Any]) -> list[Defect]:
    where = f"variable {v.name}"
    if v.type != row["type"]:
        return [
            Defect(
                where,
                f"holds {row['type']}.",
                f"Expected: {v.type}.",
                "Give it CF units, e.g. 'days since 2000-01-01'." if v.type == "time" else "Write numbers.",
            )
        ]
    if v.type != "number":
        return []
    if row["low"] is None:
        return [Defect(where, "holds no finite value.", "At least one.", "Leave it out, or mend it.")]
    found = []
    if v.complete and row["missing"]:
        found.append(
            Defect(where, f"lacks {row['missing']} of {row['size']} values.", "All of them.", "Fill them.")
        )
    plain = v.canonical.startswith("degrees_")
    if not row["unit"] and not plain and v.canonical != "1":
        return [
            *found,
            Defect(
                where,
                "says no unit.",
                f"Expected: one that converts to {v.canonical}.",
                "Set attrs['units'].",
            ),
        ]
    try:
        low, high = (
            float(convert(row[k], v.canonical if plain or not row["unit"] else row["unit"], v.canonical))
            for k in ("low", "high")
        )
    except DataError as error:
        return [*found, Defect(where, str(error.found), error.expected, "Mend attrs['units'].")]
    if v.sane and not (v.sane[0] <= low and high <= v.sane[1]):
        found.append(
            Defect(
                where,
                f"spans {low:g} to {high:g} {v.canonical}.",
                f"Expected: {v.sane[0]:g} to {v.sane[1]:g}.",
                "Look at its unit and at its fill value.",
            )
        )
    return found
