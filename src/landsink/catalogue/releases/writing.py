"""Lay a product out as a release: maps, series, ensemble and regions, in a folder that nobody reads yet."""

import base64
import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import layout, pyramid
from .arrays import Array, Group, Tree, boxes
from .chunks import Chunked
from .grid import Gridded, attributes
from .layout import Shape
from .regional import Weights, means

AT_ONCE = 32_000_000  # numbers of one variable that are held together
FIXED = ("areacella", "sftlf", "quality")
NOTHING = base64.b64encode(struct.pack("<d", np.nan)).decode()  # NaN as xarray writes _FillValue into Zarr v3

Progress = Callable[[float], None]  # is told the share that is done, 0 … 1


@dataclass
class Laying:
    """A release that is being laid out: from what, where to, with what attributes, and how far it is.

    parts: digest of the numbers of each variable, as its maps were made of them.
    """

    grid: Gridded
    tree: Tree
    said: dict[str, Any]
    progress: Progress
    done: int = 0
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int, int]:
        sizes = self.grid.ds.sizes
        return sizes["time"], sizes["lat"], sizes["lon"]

    def step(self, numbers: int) -> None:
        """So many numbers more are written."""
        steps, rows, cols = self.shape
        members = self.grid.ds.sizes["member"] * len(self.grid.members) if self.grid.members else 0
        self.done += numbers
        self.progress(min(1.0, self.done / (steps * rows * cols * (2 * len(self.grid.layers) + members))))


def lay_out(
    grid: Gridded, tree: Tree, said: dict[str, Any], weights: Weights | None, progress: Progress
) -> int:
    """Write all layouts into `tree`; `said` are attributes of every group. Returns the number of coarser maps."""
    work = Laying(grid, tree, said, progress)
    _, rows, cols = work.shape
    count = layout.levels(rows, cols)
    _maps(work, count)
    _series(work, count > 0)
    if grid.members:
        _members(work)
    if weights and weights.names:
        _regions(work, weights)
    return count


def _maps(work: Laying, count: int) -> None:
    grid, (steps, *_) = work.grid, work.shape
    lat, lon = grid.ds["lat"].to_numpy(), grid.ds["lon"].to_numpy()
    top = _group(work, "map", lat, lon, layout.scales(count) if count else {})
    cut = layout.frame(steps, len(lat), len(lon), count > 0)
    _fixed(top, grid, cut.chunks[1:])
    groups, sizes = [top], [(len(lat), len(lon))]
    for level in range(1, count + 1):
        lat, lon = pyramid.halved_axis(lat), pyramid.halved_axis(lon)
        groups.append(_group(work, f"map/{level}", lat, lon, {}))
        sizes.append((len(lat), len(lon)))
    land = grid.land()
    for name in grid.layers:
        arrays = []
        for level, (group, size) in enumerate(zip(groups, sizes, strict=True)):
            how = f"mean of {2**level} by {2**level} cells weighted by land" if level else ""
            arrays.append(_array(group, grid, name, (steps, *size), cut, how))
        _variable(work, name, arrays, land)
    for group in groups[1:]:
        group.close()
    top.close(*groups[1:])


def _variable(work: Laying, name: str, arrays: Sequence[Array], land: np.ndarray) -> None:
    """All maps of one variable, from the finest level to the coarsest."""
    many = (arrays[0].cut.shards or arrays[0].cut.chunks)[0]
    seen = hashlib.sha256()
    for times in _portions(work.shape, many):
        values = _values(work.grid, name, times)
        digest = hashlib.sha256(values).hexdigest()
        seen.update(digest.encode())
        with work.tree.part(f"map/{name}/{times.start}", digest) as fresh:
            for first in range(times.start, times.stop, many) if fresh else ():
                _steps(first // many, values[first - times.start :][:many], arrays, land)
        work.step(values.size)
    work.parts[name] = seen.hexdigest()


def _steps(number: int, values: np.ndarray, arrays: Sequence[Array], land: np.ndarray) -> None:
    for level, array in enumerate(arrays):
        if level:
            values, land = pyramid.halved(values, land)
        inner = boxes(values.shape, Shape((len(values), *array.cut.chunks[1:]), None, "gzip"))
        files = [((number, *at[1:]), values[box]) for at, box in inner]
        # Tiles are many, and each is one chunk: they are packed side by side.
        run = map if array.cut.shards else array.tree.pool.map
        for at, content in zip(
            [at for at, _ in files], run(array.packed, [v for _, v in files]), strict=True
        ):
            array.put(at, content)


def _series(work: Laying, tiled: bool) -> None:
    grid = work.grid
    lat, lon = grid.ds["lat"].to_numpy(), grid.ds["lon"].to_numpy()
    group = _group(work, "series", lat, lon, {})
    _fixed(group, grid, None)
    cut = layout.series(*work.shape)
    for name in grid.layers:
        array = _array(group, grid, name, work.shape, cut)
        for at, box in _blocks(work.shape, cut, tiled):
            with work.tree.part(f"{array.place}/{'/'.join(map(str, at))}", work.parts[name]) as fresh:
                if fresh:
                    _cells(array, box, _laid(work, name, box) if tiled else _values(grid, name, *box))
            work.step(int(np.prod([b.stop - b.start for b in box])))
    group.close()


def _blocks(
    shape: Sequence[int], cut: Shape, tiled: bool
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Boxes that are read together: a tile of the map where there are such, else what is one file of the series."""
    outer = cut.shards or cut.chunks
    return boxes(shape, Shape((outer[0], layout.TILE, layout.TILE), None, "zstd") if tiled else cut)


def _laid(work: Laying, name: str, box: tuple[slice, ...]) -> np.ndarray:
    """A box out of the maps that were written: a source that holds map by map is not read again for every tile."""

    def get(key: str, start: int, end: int | None) -> bytes:
        with open(work.tree.root / key, "rb") as file:
            file.seek(start)
            return file.read() if end is None else file.read(end - start)

    return Chunked.open(get, lambda key: (work.tree.root / key).stat().st_size, f"map/{name}").read(*box)


def _cells(array: Array, box: tuple[slice, ...], values: np.ndarray) -> None:
    """The files of the series that lie in a box."""
    outer = array.cut.shards or array.cut.chunks
    low = [b.start // o for b, o in zip(box, outer, strict=True)]
    for at, part in boxes(values.shape, array.cut):
        array.write([a + b for a, b in zip(at, low, strict=True)], values[part], empty=False)


def _members(work: Laying) -> None:
    grid, (steps, rows, cols) = work.grid, work.shape
    count = grid.ds.sizes["member"]
    group = _group(work, "members", grid.ds["lat"].to_numpy(), grid.ds["lon"].to_numpy(), {})
    number = {"standard_name": "realization", "units": "1"}
    _axis(group, "member", np.arange(count, dtype=np.int32), number)
    shape = (steps, count, rows, cols)
    cut = layout.members(*shape)
    for name, ensemble in grid.members.items():
        array = _array(group, grid, name, shape, cut, "by member of the ensemble")
        for at, (times, _, down, across) in boxes(shape, cut):
            part = grid.ds[ensemble].isel(time=times, lat=down, lon=across)
            values = _numbers(part.transpose("time", "member", "lat", "lon"))
            with work.tree.part(
                f"{array.place}/{'/'.join(map(str, at))}", hashlib.sha256(values).hexdigest()
            ) as fresh:
                if fresh:
                    array.write(at, values, empty=False)
            work.step(values.size)
    group.close()


def _regions(work: Laying, weights: Weights) -> None:
    """Float64: sums over many cells have more digits than any one of them."""
    grid = work.grid
    group = Group(work.tree, "regions", work.said | {"regions": weights.names})
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
        bound = "mean of the standard deviation: that of the mean if cells err together"
        rows = (
            (name, found.members, unit, "mean over the land of the region, by member"),
            (f"{name}_bound", found.sd, unit, bound),
            (f"{name}_area", found.area, "m2", "land of the region that holds a value"),
        )
        for key, values, units, words in rows:
            cut = Shape((1, *values.shape[1:]), values.shape, "zstd")
            dims = ("region", "time", "member")[: values.ndim]
            said = {"units": units, "long_name": words}
            array = group.array(key, values.shape, "float64", cut, dims, said)
            array.write((0,) * values.ndim, values, empty=False)
    group.close()


def _group(work: Laying, name: str, lat: np.ndarray, lon: np.ndarray, scales: dict[str, Any]) -> Group:
    place = layout.place(lat, lon)
    if scales:
        place["zarr_conventions"].append(dict(layout.CONVENTIONS["multiscales"]))
    group = Group(work.tree, name, work.said | scales | place)
    _time(group, work.grid)
    north = {"units": "degrees_north", "standard_name": "latitude", "long_name": "latitude", "axis": "Y"}
    east = {"units": "degrees_east", "standard_name": "longitude", "long_name": "longitude", "axis": "X"}
    _axis(group, "lat", lat.astype(np.float64), north)
    _axis(group, "lon", lon.astype(np.float64), east)
    return group


def _time(group: Group, grid: Gridded) -> None:
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


def _axis(group: Group, name: str, values: np.ndarray, said: dict[str, Any], dim: str = "") -> None:
    cut = Shape(values.shape, None, "gzip")
    group.array(name, values.shape, values.dtype, cut, (dim or name,), said).whole(values)


def _fixed(group: Group, grid: Gridded, tile: tuple[int, ...] | None) -> None:
    """The fields that do not change: area, share of land and quality."""
    for name in FIXED:
        values = grid.field(name)
        if not values.size:
            continue
        whole = values.dtype.kind in "iu"
        said = attributes(grid.ds[name]) | ({} if whole else {"_FillValue": NOTHING})
        values = values if whole else values.astype(np.float64)
        cut = Shape(tile or values.shape, None, "gzip")
        group.array(name, values.shape, values.dtype, cut, ("lat", "lon"), said).whole(values)


def _array(
    group: Group, grid: Gridded, name: str, shape: Sequence[int], cut: Shape, words: str = ""
) -> Array:
    said = attributes(grid.ds[name])
    if words:
        said["long_name"] = f"{said.get('long_name', name)}, {words}"
    dims = ("time", "member", "lat", "lon") if len(shape) == 4 else ("time", "lat", "lon")
    return group.array(name, shape, "float32", cut, dims, said | {"_FillValue": NOTHING})


def _values(
    grid: Gridded, name: str, times: slice, rows: slice = slice(None), cols: slice = slice(None)
) -> np.ndarray:
    return _numbers(grid.ds[name].isel(time=times, lat=rows, lon=cols).transpose("time", "lat", "lon"))


def _numbers(part: Any) -> np.ndarray:
    # Threads, whatever cluster there may be: what is read here is written here.
    return np.ascontiguousarray(part.compute(scheduler="threads").to_numpy(), np.float32)


def _portions(shape: Sequence[int], many: int) -> Iterator[slice]:
    """Steps that are held together, in whole files of `many` steps."""
    steps, rows, cols = shape
    size = max(1, AT_ONCE // (rows * cols * many)) * many
    for start in range(0, steps, size):
        yield slice(start, min(start + size, steps))
