"""Lay a product out as a release: maps, series, ensemble and regions, in a folder that nobody reads yet."""

import base64
import gzip
import struct
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import GzipCodec, ZstdCodec
from zarr.storage import LocalStore

from . import layout, pyramid
from .grid import Gridded, attributes
from .layout import Shape
from .regional import Weights, means

AT_ONCE = 32_000_000  # numbers of one variable that are held together
FIXED = ("areacella", "sftlf", "quality")
NOTHING = base64.b64encode(struct.pack("<d", np.nan)).decode()  # NaN as xarray writes _FillValue into Zarr v3


def lay_out(grid: Gridded, folder: Path, said: dict[str, Any], weights: Weights | None) -> int:
    """Write all layouts below `folder`; `said` are attributes of every group. Returns the number of coarser maps."""
    rows, cols = len(grid.ds["lat"]), len(grid.ds["lon"])
    count = layout.levels(rows, cols)
    _maps(grid, folder / "map", said, count)
    _series(grid, folder / "series", said)
    if grid.members:
        _members(grid, folder / "members", said)
    if weights and weights.names:
        _regions(grid, folder / "regions", said, weights)
    with warnings.catch_warnings():
        # Consolidated metadata are an extension of Zarr v3 that all readers used here know: no need to warn of them.
        warnings.filterwarnings("ignore", "Consolidated metadata", UserWarning)
        for group in sorted(p for p in folder.iterdir() if p.is_dir()):
            zarr.consolidate_metadata(LocalStore(group))
    return count


def _maps(grid: Gridded, folder: Path, said: dict[str, Any], count: int) -> None:
    lat, lon = grid.ds["lat"].to_numpy(), grid.ds["lon"].to_numpy()
    top = _group(folder, grid, said | (layout.scales(count) if count else {}), lat, lon)
    _fixed(top, grid, layout.frame(len(lat), len(lon)).chunks[1:])
    groups = [(top, lat, lon)]
    for level in range(1, count + 1):
        lat, lon = pyramid.halved_axis(lat), pyramid.halved_axis(lon)
        groups.append((_group(folder / str(level), grid, said, lat, lon), lat, lon))
    land = grid.land()
    for name in grid.layers:
        arrays = []
        for level, (group, lat, lon) in enumerate(groups):
            how = f"mean of {2**level} by {2**level} cells weighted by land" if level else ""
            shape = (len(grid.ds["time"]), len(lat), len(lon))
            arrays.append(_array(group, grid, name, shape, layout.frame(len(lat), len(lon)), how))
        for times in _portions(grid, name):
            values, area = _values(grid, name, times), land
            for level, array in enumerate(arrays):
                if level:
                    values, area = pyramid.halved(values, area), pyramid.halved_area(area)
                place = folder / (str(level) if level else "") / name / "c"
                for step, frame in enumerate(values, times.start):
                    _pack(place / str(step), frame, array.chunks[1:], np.nan)


def _series(grid: Gridded, folder: Path, said: dict[str, Any]) -> None:
    lat, lon = grid.ds["lat"].to_numpy(), grid.ds["lon"].to_numpy()
    group = _group(folder, grid, said, lat, lon)
    _fixed(group, grid, None)
    shape = (len(grid.ds["time"]), len(lat), len(lon))
    cut = layout.series(*shape)
    for name in grid.layers:
        array = _array(group, grid, name, shape, cut)
        for box in _boxes(shape, cut):
            array[box] = _values(grid, name, *box)


def _members(grid: Gridded, folder: Path, said: dict[str, Any]) -> None:
    lat, lon = grid.ds["lat"].to_numpy(), grid.ds["lon"].to_numpy()
    sizes = grid.ds.sizes
    group = _group(folder, grid, said, lat, lon)
    number = {"standard_name": "realization", "units": "1"}
    _axis(group, "member", np.arange(sizes["member"], dtype=np.int32), number)
    shape = (sizes["time"], sizes["member"], sizes["lat"], sizes["lon"])
    cut = layout.members(*shape)
    for name, ensemble in grid.members.items():
        array = _array(group, grid, name, shape, cut, "by member of the ensemble")
        for times, _, rows, cols in _boxes(shape, cut):
            part = grid.ds[ensemble].isel(time=times, lat=rows, lon=cols)
            array[times, :, rows, cols] = (
                part.transpose("time", "member", "lat", "lon").to_numpy().astype(np.float32)
            )


def _regions(grid: Gridded, folder: Path, said: dict[str, Any], weights: Weights) -> None:
    """Float64: sums over many cells have more digits than any one of them."""
    group = zarr.create_group(LocalStore(folder), attributes=said | {"regions": weights.names})
    _time(group, grid)
    for name, values, unit, words in (
        ("cells", weights.cells, "1", "cells with land that have part in the region"),
        ("land", weights.land, "m2", "land of the region within the grid"),
        ("inside", weights.inside, "1", "share of the region's area that lies within the grid"),
    ):
        _axis(group, name, values, {"units": unit, "long_name": words}, "region")
    for name in grid.names:
        found = means(grid, name, weights)
        unit = str(grid.ds[name].attrs.get("units", "1"))
        rows = (
            (name, found.members, unit, "mean over the land of the region, by member"),
            (
                f"{name}_bound",
                found.sd,
                unit,
                "mean of the standard deviation: that of the mean if cells err together",
            ),
            (f"{name}_area", found.area, "m2", "land of the region that holds a value"),
        )
        for key, values, units, words in rows:
            dims = ("region", "time", "member")[: values.ndim]
            array = group.create_array(
                key,
                shape=values.shape,
                dtype="float64",
                chunks=(1, *values.shape[1:]),
                shards=values.shape,
                compressors=ZstdCodec(level=layout.ZSTD_LEVEL),
                fill_value=np.nan,
                dimension_names=dims,
                attributes={"units": units, "long_name": words},
            )
            array[:] = values


def _group(folder: Path, grid: Gridded, said: dict[str, Any], lat: np.ndarray, lon: np.ndarray) -> zarr.Group:
    place = layout.place(lat, lon)
    if "multiscales" in said:
        place["zarr_conventions"].append(dict(layout.CONVENTIONS["multiscales"]))
    group = zarr.create_group(LocalStore(folder), attributes=said | place)
    _time(group, grid)
    north = {"units": "degrees_north", "standard_name": "latitude", "long_name": "latitude", "axis": "Y"}
    east = {"units": "degrees_east", "standard_name": "longitude", "long_name": "longitude", "axis": "X"}
    _axis(group, "lat", lat.astype(np.float64), north)
    _axis(group, "lon", lon.astype(np.float64), east)
    return group


def _time(group: zarr.Group, grid: Gridded) -> None:
    time = grid.ds["time"].to_numpy()
    days = (time.astype("datetime64[D]") == time).all()
    unit, part = ("days", "D") if days else ("seconds", "s")
    numbers = (time.astype(f"datetime64[{part}]") - np.datetime64("1850-01-01", part)).astype(np.int64)
    said = {
        "units": f"{unit} since 1850-01-01",
        "calendar": "proleptic_gregorian",
        "standard_name": "time",
        "long_name": "begin of the step",
        "axis": "T",
    }
    _axis(group, "time", numbers, said)


def _axis(group: zarr.Group, name: str, values: np.ndarray, said: dict[str, Any], dim: str = "") -> None:
    _plain(group, name, values, values.shape, (dim or name,), 0, said)


def _fixed(group: zarr.Group, grid: Gridded, tile: tuple[int, int] | None) -> None:
    """The fields that do not change: area, share of land and quality."""
    for name in FIXED:
        values = grid.field(name)
        if not values.size:
            continue
        whole = values.dtype.kind in "iu"
        said = attributes(grid.ds[name]) | ({} if whole else {"_FillValue": NOTHING})
        values = values if whole else values.astype(np.float64)
        _plain(group, name, values, tile or values.shape, ("lat", "lon"), 0 if whole else np.nan, said)


def _plain(
    group: zarr.Group,
    name: str,
    values: np.ndarray,
    chunks: tuple[int, ...],
    dims: tuple[str, ...],
    fill: float,
    said: dict[str, Any],
) -> None:
    """An array without time, in gzip."""
    group.create_array(
        name,
        shape=values.shape,
        dtype=values.dtype,
        chunks=chunks,
        compressors=GzipCodec(level=layout.GZIP_LEVEL),
        fill_value=fill,
        dimension_names=dims,
        attributes=said,
    )
    _pack(_folder(group) / name / "c", values, chunks, fill)


def _folder(group: zarr.Group) -> Path:
    store = group.store
    assert isinstance(store, LocalStore)
    return store.root / group.path


def _pack(place: Path, values: np.ndarray, chunks: Sequence[int], fill: float) -> None:
    """The chunks of an array, below `place`.

    As zarr-python writes them, but for two things: its gzip bears the time of day, and the same content shall give the
    same bytes; and it takes ten times as long over small chunks. A chunk that is absent would be an error to a
    browser: empty ones are written as well.
    """
    for at in np.ndindex(*(-(-n // c) for n, c in zip(values.shape, chunks, strict=True))):
        part = values[tuple(slice(i * c, (i + 1) * c) for i, c in zip(at, chunks, strict=True))]
        if part.shape != tuple(chunks):
            rest = [(0, c - n) for c, n in zip(chunks, part.shape, strict=True)]
            part = np.pad(part, rest, constant_values=fill)
        key = place.joinpath(*map(str, at))
        key.parent.mkdir(parents=True, exist_ok=True)
        little = part.astype(part.dtype.newbyteorder("<"))
        key.write_bytes(gzip.compress(little.tobytes(), layout.GZIP_LEVEL, mtime=0))


def _array(
    group: zarr.Group,
    grid: Gridded,
    name: str,
    shape: Sequence[int],
    cut: Shape,
    words: str = "",
) -> zarr.Array:
    said = attributes(grid.ds[name])
    if words:
        said["long_name"] = f"{said.get('long_name', name)}, {words}"
    dims = ("time", "member", "lat", "lon") if len(shape) == 4 else ("time", "lat", "lon")
    return group.create_array(
        name,
        shape=tuple(shape),
        dtype="float32",
        chunks=cut.chunks,
        shards=cut.shards,
        compressors=cut.packing,
        fill_value=np.nan,
        dimension_names=dims,
        attributes=said | {"_FillValue": NOTHING},
    )


def _values(
    grid: Gridded, name: str, times: slice, rows: slice = slice(None), cols: slice = slice(None)
) -> np.ndarray:
    part = grid.ds[name].isel(time=times, lat=rows, lon=cols).transpose("time", "lat", "lon")
    return part.to_numpy().astype(np.float32)


def _portions(grid: Gridded, name: str) -> Iterator[slice]:
    sizes = grid.ds.sizes
    step = max(1, AT_ONCE // (sizes["lat"] * sizes["lon"]))
    for start in range(0, sizes["time"], step):
        yield slice(start, min(start + step, sizes["time"]))


def _boxes(shape: Sequence[int], cut: Shape) -> Iterator[tuple[slice, ...]]:
    """The parts of an array that are files: a shard is written whole or not at all."""
    outer = cut.shards or cut.chunks
    for at in np.ndindex(*(-(-n // o) for n, o in zip(shape, outer, strict=True))):
        yield tuple(slice(i * o, min((i + 1) * o, n)) for i, o, n in zip(at, outer, shape, strict=True))
