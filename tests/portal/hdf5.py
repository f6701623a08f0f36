"""NetCDF-4 files whose variable lies in another file: by external storage, a virtual dataset, or an external link.

Written with the HDF5 library that netCDF4 brings; netCDF4 itself cannot write such files, and reads them.
"""

import ctypes
from pathlib import Path

import netCDF4

WAYS = ("external", "virtual", "link")
Number = ctypes.c_int64


class Library:
    """The functions of HDF5 that are needed, each of which must succeed."""

    def __init__(self) -> None:
        self.held = ctypes.CDLL(netCDF4._netCDF4.__file__)
        self("H5open")

    def __call__(self, name: str, *arguments: object) -> int:
        asked = getattr(self.held, name)
        asked.restype = Number
        done = asked(*arguments)
        assert done >= 0, name
        return done

    def constant(self, name: str) -> Number:
        return Number(Number.in_dll(self.held, name).value)


def outward(path: Path, way: str, other: Path, shape: tuple[int, ...] = (2, 3, 4)) -> Path:
    """Let the variable `nee` of a NetCDF-4 file lie in `other`: its bytes, or as an HDF5 file its variable `nee`."""
    lib, sizes = Library(), (ctypes.c_uint64 * len(shape))(*shape)
    file = Number(lib("H5Fopen", str(path).encode(), 1, Number(0)))
    lib("H5Ldelete", file, b"nee", Number(0))
    there = str(other).encode()
    if way == "link":
        lib("H5Lcreate_external", there, b"/nee", file, b"nee", Number(0), Number(0))
        lib("H5Fclose", file)
        return path
    space = Number(lib("H5Screate_simple", len(shape), sizes, None))
    plan = Number(lib("H5Pcreate", lib.constant("H5P_CLS_DATASET_CREATE_ID_g")))
    kind = lib.constant("H5T_NATIVE_UINT8_g" if way == "external" else "H5T_NATIVE_DOUBLE_g")
    if way == "external":
        count = 1
        for size in shape:
            count *= size
        lib("H5Pset_external", plan, there, ctypes.c_long(0), ctypes.c_uint64(count))
    else:
        lib("H5Pset_virtual", plan, space, there, b"/nee", space)
    made = Number(lib("H5Dcreate2", file, b"nee", kind, space, Number(0), plan, Number(0)))
    for at, name in enumerate((b"time", b"lat", b"lon")):
        scale = Number(lib("H5Dopen2", file, name, Number(0)))
        lib("H5DSattach_scale", made, scale, at)
        lib("H5Dclose", scale)
    lib("H5Dclose", made)
    lib("H5Fclose", file)
    with netCDF4.Dataset(path, "a") as ds:
        ds["nee"].units = "kg m-2 s-1"
    return path
