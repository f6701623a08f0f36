"""The shapes in which a release is laid out, and the attributes by which maps find their place.

Source of the attributes: the zarr conventions proj, spatial and multiscales, version 0.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

FRAME = 1_100_000  # cells that a browser takes as one chunk: 0.25 degrees of the globe
TILE = 512
COARSEST = 8
TOGETHER = 131_072  # numbers that a browser takes at once: so many small frames lie in one file
FEWEST = 4  # frames for which a common file is worth it
STEPS = 360
POINT = 16
MEMBER_POINT = 4
SHARD = 256
GZIP_LEVEL = 4
ZSTD_LEVEL = 3

CONVENTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        name: MappingProxyType(
            {
                "uuid": uuid,
                "name": name,
                "schema_url": f"https://raw.githubusercontent.com/zarr-conventions/{name}/refs/tags/v0.1/schema.json",
                "spec_url": f"https://github.com/zarr-conventions/{name}/blob/v0.1/README.md",
            }
        )
        for name, uuid in (
            ("proj", "f17cb550-5864-4468-aeb7-f3180cfb622f"),
            ("spatial", "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4"),
            ("multiscales", "d35379db-88df-4056-af3a-620245f8e347"),
        )
    }
)


@dataclass(frozen=True)
class Shape:
    """How an array is cut: chunks that are packed alone, shards that are files (None: every chunk is one)."""

    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None
    packing: Literal["gzip", "zstd"]


def frame(steps: int, rows: int, cols: int, tiled: bool) -> Shape:
    """Of maps: a whole frame, small ones with their neighbours in one file, or tiles of 512 cells.

    In gzip, which browsers unpack without code of ours.
    """
    if tiled:
        return Shape((1, TILE, TILE), None, "gzip")
    many = min(steps, TOGETHER // (rows * cols))
    return Shape((1, rows, cols), (many, rows, cols) if many >= FEWEST else None, "gzip")


def series(steps: int, rows: int, cols: int) -> Shape:
    """Of series: a month's 30 years of 16 by 16 cells."""
    deep, tall, wide = min(STEPS, steps), min(POINT, rows), min(POINT, cols)
    shard = (deep, _whole(rows, tall), _whole(cols, wide))
    return Shape((deep, tall, wide), shard, "zstd")


def members(steps: int, count: int, rows: int, cols: int) -> Shape:
    """Of ensembles: all members of 30 years of 4 by 4 cells."""
    deep, tall, wide = min(STEPS, steps), min(MEMBER_POINT, rows), min(MEMBER_POINT, cols)
    shard = (deep, count, _whole(rows, tall, 64), _whole(cols, wide, 64))
    return Shape((deep, count, tall, wide), shard, "zstd")


def _whole(size: int, part: int, most: int = SHARD) -> int:
    return min(-(-size // part), most // part) * part


def levels(rows: int, cols: int) -> int:
    """How many coarser maps are written: none where a frame is one chunk, else 2 or more, to the size of a screen."""
    if rows * cols <= FRAME:
        return 0
    return min(COARSEST, max(2, int(np.ceil(np.log2(max(rows, cols) / (2 * TILE))))))


def place(lat: np.ndarray, lon: np.ndarray) -> dict[str, Any]:
    """Attributes that say where a grid of cell centres lies: from (column, row) to degrees."""
    down, right = float(lat[1] - lat[0]), float(lon[1] - lon[0])
    west, top = float(lon[0]) - right / 2, float(lat[0]) - down / 2
    south, north = sorted((top, top + down * len(lat)))
    return {
        "zarr_conventions": [dict(CONVENTIONS["proj"]), dict(CONVENTIONS["spatial"])],
        "proj:code": "EPSG:4326",
        "spatial:dimensions": ["lat", "lon"],
        "spatial:shape": [len(lat), len(lon)],
        "spatial:transform": [right, 0.0, west, 0.0, down, top],
        "spatial:bbox": [west, south, west + right * len(lon), north],
        "spatial:registration": "pixel",
    }


def scales(count: int) -> dict[str, Any]:
    """Attributes that name the coarser maps of a group, each half as fine as the one before."""
    rows: list[dict[str, Any]] = [{"asset": "."}]
    for level in range(1, count + 1):
        finer = "." if level == 1 else str(level - 1)
        step = {"scale": [2.0, 2.0], "translation": [0.0, 0.0]}
        rows.append({"asset": str(level), "derived_from": finer, "transform": step})
    return {"multiscales": {"layout": rows, "resampling_method": "average"}}
