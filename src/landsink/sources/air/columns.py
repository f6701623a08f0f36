"""The columns of a NetCDF file: numbers and flags along `time`, with their attributes.

A broken file must not take the process down with it. The C library falls over broken headers of the classic format, so
that one is read by SciPy, which is plain Python; the newer format (HDF5) by netCDF4. What either raises over a broken
file is anything at all, and is turned into a DataError here and nowhere else.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from scipy.io import netcdf_file

from landsink.core.errors import DataError

QUALITY = ("qc_flag", "qcflag", "flag")
Attributes = dict[str, Any]
Columns = tuple[dict[str, np.ndarray], dict[str, Attributes], Attributes]


def load(path: Path) -> Columns:
    """(values, their attributes, the file's attributes) of all columns along `time`: numbers are float64 with NaN where
    filled, flags are text. Raises DataError on a broken file or one without `time`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # marks of absence that do not fit an integer's type, truncated fields
            classic = Path(path).read_bytes()[:3] == b"CDF"
            return load_classic(path) if classic else load_hdf(path)
    except Exception as problem:
        raise DataError(
            f"'{path}' cannot be read as NetCDF: {type(problem).__name__} {problem}.",
            "A record on 'time'.",
            "Was the download broken off?",
        ) from problem


def wanted(name: str, shape: tuple[int, ...], kind: str, size: int) -> bool:
    """Whether a variable is a column of numbers, or one of the flags, which may be characters."""
    return shape[:1] == (size,) and (len(shape) == 1 and kind in "iuf" or name in QUALITY and len(shape) <= 2)


def numbers(data: np.ndarray, told: Mapping[str, Any]) -> np.ndarray:
    """Numbers as float64, NaN where the attributes mark them as absent."""
    values = np.asarray(data, float)
    absent = [float(np.ravel(told[key])[0]) for key in ("_FillValue", "missing_value") if key in told]
    return np.where(np.isin(values, np.array(absent, np.asarray(data).dtype).astype(float)), np.nan, values)


def text(data: np.ndarray) -> np.ndarray:
    """Characters as text (time)."""
    if data.dtype.kind == "S" and data.ndim == 2:
        data = netCDF4.chartostring(np.ma.filled(data, b""), encoding="bytes")
    return np.array(
        [c.decode("utf-8", "replace") if isinstance(c, bytes) else str(c) for c in np.ravel(data)]
    )


def load_hdf(path: Path) -> Columns:
    """Columns of a NetCDF-4 file."""
    with netCDF4.Dataset(str(path)) as file:
        file.set_auto_mask(False)
        attrs = {name: file.getncattr(name) for name in file.ncattrs()}
        size = file.variables["time"].shape[0]
        kinds = {
            n: getattr(v.dtype, "kind", "U") for n, v in file.variables.items()
        }  # text has a type, no dtype
        flat = {n: v for n, v in file.variables.items() if wanted(n, v.shape, kinds[n], size)}
        told = {name: {key: v.getncattr(key) for key in v.ncattrs()} for name, v in flat.items()}
        values = {n: numbers(v[:], told[n]) if kinds[n] in "iuf" else text(v[:]) for n, v in flat.items()}
    return values, told, attrs


def load_classic(path: Path) -> Columns:
    """Columns of a classic NetCDF file."""

    def plain(attrs: Mapping[str, Any]) -> Attributes:
        return {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for k, v in attrs.items()}

    with netcdf_file(str(path), mmap=False) as file:
        size = file.variables["time"].shape[0]
        flat = {n: v for n, v in file.variables.items() if wanted(n, v.shape, v.data.dtype.kind, size)}
        told = {name: plain(vars(v)["_attributes"]) for name, v in flat.items()}
        values = {
            n: numbers(v.data, told[n]) if v.data.dtype.kind in "iuf" else text(v.data)
            for n, v in flat.items()
        }
        return values, told, plain(vars(file)["_attributes"])
