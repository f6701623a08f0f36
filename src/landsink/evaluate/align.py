"""Bring a prediction and its observations onto the same times and places."""

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError

OUTER = ("site", "cell")


def align(predicted: xr.Dataset, observed: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Keep the times and places that both datasets have, in the same order.

    Both come back with dims (time, site) or (time, cell); a dataset without an outer dim is taken as one site.
    Raises DataError where a time axis is missing, the outer dims differ, or nothing overlaps.
    """
    pair = [_with_outer(ds, what) for ds, what in ((predicted, "prediction"), (observed, "observations"))]
    _require_same_outer(*pair)
    try:
        first, second = xr.align(*pair, join="inner")
    except ValueError as clash:
        raise DataError(
            found=f"Prediction and observations do not fit ({clash}).",
            expected="Expected the same number of places, or a coordinate that names each.",
            remedy="Give both a 'site' coordinate.",
        ) from clash
    if 0 in (first.sizes["time"], first.sizes[outer_dim(first)]):
        raise DataError(
            found=f"The prediction covers {_extent(pair[0])}; the observations {_extent(pair[1])}.",
            expected="Expected a time and a place in common.",
            remedy="Check the time stamps (a month is stamped at its first day) and the site names.",
        )
    return first, second


def outer_dim(ds: xr.Dataset | xr.DataArray) -> str:
    """Name of the outer dim ('site' or 'cell'); DataError where there is none."""
    for dim in OUTER:
        if dim in ds.dims:
            return dim
    raise DataError(
        found=f"The dims are {', '.join(map(str, ds.dims))}.",
        expected=f"Expected one of {', '.join(OUTER)} beside 'time'.",
        remedy="Stack a map to (time, cell) before scoring it.",
    )


def calendar(values: xr.Dataset | xr.DataArray) -> np.ndarray:
    """True dates of each value, datetime64 of shape (time, place).

    Sites observed in different years share a position axis; their own dates then stand in the coord `date`.
    """
    dim = outer_dim(values)
    if "date" in values.coords:
        return values["date"].transpose("time", dim).values
    return np.broadcast_to(values["time"].values[:, None], (values.sizes["time"], values.sizes[dim]))


def months(values: xr.Dataset | xr.DataArray) -> np.ndarray:
    """Calendar month of each value, 0 to 11, shape (time, place); padding without a date counts as January."""
    dates = calendar(values)
    return np.where(np.isnat(dates), 0, dates.astype("datetime64[M]").astype(int) % 12)


def days_of_year(values: xr.Dataset | xr.DataArray) -> np.ndarray:
    """Day of the year of each value, 0 to 365, shape (time, place); padding without a date counts as the first."""
    dates = calendar(values)
    days = dates.astype("datetime64[D]")
    since = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)
    return np.where(np.isnat(dates), 0, since)


def step_days(values: xr.Dataset | xr.DataArray) -> float:
    """Median length of a step in days; NaN for a single time."""
    steps = np.diff(values["time"].values) / np.timedelta64(1, "D")
    return float(np.median(steps)) if steps.size else float("nan")


def _with_outer(ds: xr.Dataset, what: str) -> xr.Dataset:
    if "time" not in ds.dims:
        raise DataError(
            found=f"The {what} has the dims {', '.join(map(str, ds.dims))}.",
            expected="Expected a 'time' dim, since scores compare series.",
        )
    if {"lat", "lon"} <= set(ds.dims):
        ds = ds.stack(cell=("lat", "lon"))
    if not any(dim in ds.dims for dim in OUTER):
        name = str(ds.coords["site"].values) if "site" in ds.coords else "here"
        ds = ds.drop_vars("site", errors="ignore").expand_dims(site=[name])
    return ds.transpose("time", outer_dim(ds), ...)


def _require_same_outer(predicted: xr.Dataset, observed: xr.Dataset) -> None:
    if outer_dim(predicted) != outer_dim(observed):
        raise DataError(
            found=f"The prediction is by {outer_dim(predicted)}, the observations by {outer_dim(observed)}.",
            expected="Expected the same outer dim in both.",
            remedy="Predict at the observed sites, or put the observations on the cells first.",
        )


def _extent(ds: xr.Dataset) -> str:
    times = pd.DatetimeIndex(ds["time"].values)
    span = f"{times[0]:%Y-%m-%d} to {times[-1]:%Y-%m-%d}" if len(times) else "no time"
    return f"{span}, {ds.sizes[outer_dim(ds)]} {outer_dim(ds)}(s)"
