"""Products: tiles put together as CF Datasets, written as Zarr v3, and extended without touching old years."""

import shutil
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import xarray as xr

from landsink.core import door
from landsink.core.errors import DataError
from landsink.core.quantity import quantity

from .domain import Grid
from .tiles import TileStore

MONTHS_A_CHUNK = 12  # old chunks stay untouched when whole years are appended
CELLS_A_CHUNK = 64  # of members, along latitude and longitude: 3 MB for a year of 16 members


def assemble(
    tiles: Sequence[slice],
    store: TileStore,
    span: str,
    time: np.ndarray,
    cells: xr.Dataset,
    attrs: Mapping[str, str],
) -> xr.Dataset:
    """All tiles of a span as one Dataset, (time, lat, lon) on a regular grid, else (time, site)."""
    loaded = [store.load(t, span) for t in tiles]
    names = [k for k in loaded[0] if "/" not in k and k not in ("flag", "weight")]
    arrays = {n: np.concatenate([part[n] for part in loaded], -1) for n in names}
    flag = np.concatenate([part["flag"] for part in loaded])
    grid = Grid.of(cells)
    ds = _gridded(arrays, flag, time, grid, cells) if grid else _listed(arrays, flag, time, cells)
    for key in [k for k in loaded[0] if k.startswith("member/")] if grid else []:
        name = key.removeprefix("member/")
        ds[f"{name}_members"] = _ensemble(name, np.concatenate([part.pop(key) for part in loaded], -1), grid)
    weight = sum(float(part["weight"]) for part in loaded) if grid else 0.0
    for key in [k for k in loaded[0] if k.startswith("total/")]:
        name, row = key.removeprefix("total/"), quantity(key.removeprefix("total/"))
        members = np.sum([part[key] for part in loaded], 0) / weight
        said = {"units": row.unit, "long_name": f"{row.long}, mean over the area of the domain"}
        ds[f"{name}_regional"] = ("time", members.mean(1), said)
        ds[f"{name}_regional_sd"] = (
            "time",
            members.std(1, ddof=1),
            {**said, "comment": "standard deviation of the ensemble's means"},
        )
        ds[f"{name}_regional_members"] = (("time", "member"), members, said)
    return ds.assign_attrs({"Conventions": "CF-1.11", **attrs})


def _ensemble(
    name: str, values: np.ndarray, grid: Grid
) -> tuple[tuple[str, ...], np.ndarray, dict[str, str]]:
    row = quantity(name)
    said = {**row.attrs, "long_name": f"{row.long}, by member of the ensemble", "cell_methods": "time: mean"}
    return ("time", "member", "lat", "lon"), grid.lay(values), said


def _quality(flag: np.ndarray) -> dict[str, object]:
    values = sorted(door.FLAGS)
    return {"long_name": "quality flag", "flag_masks": np.array(values[1:], np.int8),
            "flag_meanings": " ".join(door.FLAGS[v] for v in values[1:]),
            "comment": "0: good; -1: not in the domain"}  # fmt: skip


def _listed(
    arrays: Mapping[str, np.ndarray], flag: np.ndarray, time: np.ndarray, cells: xr.Dataset
) -> xr.Dataset:
    ds = door.leave(arrays, time, cells)
    ds["quality"] = (tuple(cells.dims), flag, _quality(flag))
    return ds


def _gridded(
    arrays: Mapping[str, np.ndarray], flag: np.ndarray, time: np.ndarray, grid: Grid, cells: xr.Dataset
) -> xr.Dataset:
    places = xr.Dataset(coords={"cell": np.arange(len(flag))})
    flat = door.leave(arrays, time, places)
    data = {
        str(n): (("time", "lat", "lon"), grid.lay(v.to_numpy()), v.attrs) for n, v in flat.data_vars.items()
    }
    ds = xr.Dataset(data, coords={"time": time, "lat": grid.lat, "lon": grid.lon})
    ds["quality"] = (("lat", "lon"), grid.lay(flag.astype(np.int8)), _quality(flag))
    area = {"units": "m2", "long_name": "area of the cell", "standard_name": "cell_area"}
    ds["areacella"] = (("lat", "lon"), grid.lay(grid.area), area)
    share = dict(quantity("sftlf").attrs)
    if "sftlf" in cells:
        share |= {k: str(v) for k, v in cells["sftlf"].attrs.items() if k == "comment"}
    ds["sftlf"] = (("lat", "lon"), grid.lay(100.0 * grid.land(cells) / grid.area), share)
    ds["lat"].attrs = {"units": "degrees_north", "standard_name": "latitude", "axis": "Y"}
    ds["lon"].attrs = {"units": "degrees_east", "standard_name": "longitude", "axis": "X"}
    return ds


def write(ds: xr.Dataset, path: Path) -> Path:
    """Write a Dataset as Zarr v3, consolidated; the same content gives the same bytes.

    It is written beside its place and moved there when whole, so that a kill leaves no half product.
    """
    texts = {
        n: v.astype(object) for n, v in ds.variables.items() if v.dtype.kind == "U"
    }  # Zarr v3 has no fixed-length text
    ds = ds.assign_coords({n: texts[n] for n in texts if n in ds.coords}).assign(
        {n: texts[n] for n in texts if n not in ds.coords}
    )
    encoding: dict[str, dict[str, object]] = {
        str(n): {"chunks": _chunks(v)} for n, v in ds.data_vars.items() if v.ndim
    }
    if "time" in ds.variables:
        encoding["time"] = {
            "units": "days since 1850-01-01",
            "calendar": "proleptic_gregorian",
            "dtype": "float64",
        }
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with _consolidating():
        ds.to_zarr(partial, mode="w", zarr_format=3, consolidated=True, encoding=encoding)
    shutil.rmtree(path, ignore_errors=True)
    partial.rename(path)
    return path


@contextmanager
def _consolidating() -> Generator[None]:
    """Consolidated metadata are an extension of Zarr v3 that all readers used here know: no need to warn of them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata", UserWarning)
        yield


def _chunks(array: xr.DataArray) -> tuple[int, ...]:
    steps = array.sizes.get("time", 1)
    along = MONTHS_A_CHUNK if steps <= 1200 else 366
    most = {"time": along} | ({"lat": CELLS_A_CHUNK, "lon": CELLS_A_CHUNK} if array.ndim == 4 else {})
    return tuple(min(most.get(str(d), array.sizes[d]), array.sizes[d]) for d in array.dims)


def append(ds: xr.Dataset, path: Path, what: str) -> None:
    """Add later steps to a product; earlier chunks are not rewritten. `what` goes into the product's history."""
    old = xr.open_zarr(path)
    if ds["time"].to_numpy()[0] <= old["time"].to_numpy()[-1]:
        raise DataError(
            f"the new steps begin at {ds['time'].to_numpy()[0]}.", f"Later than {old['time'].to_numpy()[-1]}."
        )
    if old.sizes["time"] % MONTHS_A_CHUNK:
        raise DataError(
            f"the product holds {old.sizes['time']} months, not whole years.", remedy="Run it anew."
        )
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    history = f"{old.attrs.get('history', '')}\n{stamp} {what}".strip()
    moving = ds[[n for n in ds.data_vars if "time" in ds[n].dims]]
    with _consolidating():
        moving.assign_attrs({**ds.attrs, "history": history}).to_zarr(
            path, append_dim="time", consolidated=True
        )
