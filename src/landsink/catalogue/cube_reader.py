"""Read a NetCDF file or a Zarr folder in a process of its own, and print what it holds as JSON.

Parsers written in C meet files that nobody has seen before; where one dies, or eats all memory, only this process goes.
"""

import json
import resource
import sys
from typing import Any

import numpy as np
import xarray as xr


def main(arguments: list[str]) -> None:
    """Arguments: path, format, most seconds of processor time, most bytes of memory."""
    path, kind, seconds, memory = arguments[0], arguments[1], int(arguments[2]), int(arguments[3])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    engine: Any = "zarr" if kind == "zarr" else "netcdf4"
    options = {"consolidated": False} if kind == "zarr" else {}
    try:
        with xr.open_dataset(path, engine=engine, chunks={}, backend_kwargs=options) as ds:
            found: dict[str, Any] = described(ds)
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {error}"[:500]}
    sys.stdout.write(json.dumps(found))


def described(ds: xr.Dataset) -> dict[str, Any]:
    """Sizes, variables with units and range, box and time of a Dataset."""
    rows = {str(n): _variable(v) for n, v in ds.variables.items()}
    box = None
    for lat, lon in (("latitude", "longitude"), ("lat", "lon")):
        if lat in rows and lon in rows:
            box = [rows[lon].get("low"), rows[lat].get("low"), rows[lon].get("high"), rows[lat].get("high")]
    time = ds.variables.get("time")
    span: list[str | None] = [None, None]
    if time is not None and time.size and np.issubdtype(time.dtype, np.datetime64):
        span = [
            np.datetime_as_string(t.astype("datetime64[s]")) + "Z"
            for t in (time.values.min(), time.values.max())
        ]
    return {
        "sizes": {str(k): int(n) for k, n in ds.sizes.items()},
        "variables": rows,
        "bbox": box,
        "time": span,
    }


def _variable(v: xr.Variable) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "unit": str(v.attrs.get("units", "")),
        "dims": [str(d) for d in v.dims],
        "description": str(v.attrs.get("long_name", v.attrs.get("standard_name", ""))),
        "type": "time" if np.issubdtype(v.dtype, np.datetime64) else "number",
    }
    if not np.issubdtype(v.dtype, np.number):
        return facts if facts["type"] == "time" else facts | {"type": "text"}
    low, high = (
        float(v.min(skipna=True)) if v.size else np.nan,
        float(v.max(skipna=True)) if v.size else np.nan,
    )
    missing = int(v.isnull().sum()) if v.size else 0
    return facts | {"low": _plain(low), "high": _plain(high), "missing": missing, "size": int(v.size)}


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None


if __name__ == "__main__":
    main(sys.argv[1:])
