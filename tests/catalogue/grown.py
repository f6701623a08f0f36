"""Months of a product that grows, made up: the numbers of a month follow from the month."""

import numpy as np
import xarray as xr


def months(first: str, count: int, size: float = 1e-8) -> xr.Dataset:
    """Months of a flux on three by four cells, which depend on nothing but the month and `size`."""
    time = np.datetime64(first, "M") + np.arange(count)
    at = (time.astype(int) % 37)[:, None, None] + np.arange(12).reshape(3, 4)
    return xr.Dataset(
        {
            "nee": (("time", "lat", "lon"), (size * at).astype("f4"), {"units": "kg m-2 s-1"}),
            "areacella": (("lat", "lon"), np.full((3, 4), 1e10), {"units": "m2"}),
        },
        coords={
            "time": time.astype("datetime64[ns]"),
            "lat": [45.0, 46.0, 47.0],
            "lon": [5.0, 6.0, 7.0, 8.0],
        },
    )
