"""Empirical baselines: what a prediction must beat before it deserves attention.

Both learn from the training values only. A place with too few of them gets NaN from `seasonal_cycle`
and from `regression`, unless the latter is pooled over places.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from sklearn.cluster import KMeans

from landsink.core.errors import DataError, near
from landsink.evaluate.align import days_of_year, months, outer_dim, step_days

WINDOW_DAYS = 15
DAYS = 366
PREDICTORS = ("rsds", "tas", "vpd")
CLUSTERS = 27
LEAST = 12
PER_CLUSTER = 20


def baselines(
    forcing: xr.Dataset, observed: xr.Dataset, variables: Sequence[str] | None = None, *, pooled: bool = False
) -> dict[str, xr.Dataset]:
    """Both baselines of every observed variable: {"seasonal-cycle": Dataset, "regression": Dataset}.

    The regression uses those of rsds, tas and vpd that the forcing has, and is left out where it has none.
    Variables default to those of `observed` that bear no suffix; training excludes `v_withheld`.
    """
    chosen = variables or [str(v) for v in observed.data_vars if _is_series(observed, str(v))]
    masks = {v: _training(observed, v) for v in chosen}
    cycles = xr.Dataset({v: seasonal_cycle(observed[v], masks[v]) for v in chosen})
    drivers = [v for v in PREDICTORS if v in forcing]
    if not drivers:
        return {"seasonal-cycle": cycles}
    fits = {v: regression(forcing, observed[v], masks[v], drivers, pooled=pooled) for v in chosen}
    return {"seasonal-cycle": cycles, "regression": xr.Dataset(fits)}


def seasonal_cycle(observed: xr.DataArray, train_mask: xr.DataArray) -> xr.DataArray:
    """Mean seasonal cycle of the training values, at every time of `observed`, shape (time, place).

    Daily values: the mean over all training days within 15 days of that day of the year. Coarser steps: the mean
    of the calendar month. A gap of the cycle is bridged from its neighbours; less than half a cycle gives NaN.
    """
    values, train = _matrix(observed), _matrix(train_mask).astype(bool)
    daily = not step_days(observed) > 2
    bins = days_of_year(observed) if daily else months(observed)
    size, window = (DAYS, WINDOW_DAYS) if daily else (12, 0)
    out = np.full(values.shape, np.nan)
    for i in range(values.shape[1]):
        use = train[:, i] & np.isfinite(values[:, i])
        out[:, i] = _cycle(values[use, i], bins[use, i], size, window)[bins[:, i]]
    return _like(observed, out, "mean seasonal cycle of the training values")


def regression(
    forcing: xr.Dataset,
    observed: xr.DataArray,
    train_mask: xr.DataArray,
    variables: Sequence[str] = PREDICTORS,
    *,
    pooled: bool = False,
) -> xr.DataArray:
    """Cluster-and-regress on the forcing, shape (time, place): an empirical benchmark without memory or process.

    The training values of `variables` are parted by k-means (at most 27 clusters, at least 20 values each), each
    with its own linear regression. One fit a place; with `pooled`, one fit over all places.
    Raises DataError where the forcing lacks a variable.
    Source: Best et al. 2015, doi:10.1175/JHM-D-14-0158.1, with vapour pressure deficit for relative humidity.
    """
    x = _predictors(forcing, observed, variables)
    values, train = _matrix(observed), _matrix(train_mask).astype(bool)
    out = np.full(values.shape, np.nan)
    use = train & np.isfinite(values) & np.isfinite(x).all(axis=-1)
    for group in [slice(None)] if pooled else [slice(i, i + 1) for i in range(values.shape[1])]:
        mask = use[:, group]
        if mask.sum() >= LEAST:
            out[:, group] = _clustered(x[:, group][mask], values[:, group][mask], x[:, group])
    return _like(observed, out, f"cluster-and-regress on {', '.join(variables)}")


def _clustered(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Fit on (sample, predictor) and (sample,); predict at (..., predictor)."""
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    z, points = (x - centre) / scale, ((at - centre) / scale).reshape(-1, x.shape[1])
    known = np.isfinite(points).all(axis=1)
    model = KMeans(n_clusters=max(1, min(CLUSTERS, len(y) // PER_CLUSTER)), n_init=3, random_state=0).fit(z)
    everywhere = _line(z, y)
    out = np.full(len(points), np.nan)
    labels = model.predict(points[known])
    part = np.empty(int(known.sum()))
    for k in range(model.n_clusters):
        own = model.labels_ == k
        coefficients = _line(z[own], y[own]) if own.sum() >= LEAST else everywhere
        part[labels == k] = _design(points[known][labels == k]) @ coefficients
    out[known] = part
    return out.reshape(at.shape[:-1])


def _design(z: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(z)), z])


def _line(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    # A trace of ridge keeps predictors that vary together inside a small cluster from blowing up.
    a = _design(z)
    ridge = np.diag([0.0] + [1e-3 * len(z)] * z.shape[1])
    return np.linalg.lstsq(a.T @ a + ridge, a.T @ y, rcond=None)[0]


def _cycle(values: np.ndarray, bins: np.ndarray, size: int, window: int) -> np.ndarray:
    total, count = (
        _windowed(np.bincount(bins, values, size), window),
        _windowed(np.bincount(bins, None, size), window),
    )
    seen = np.flatnonzero(count > 0.5)
    if 2 * seen.size < size:
        return np.full(size, np.nan)
    return np.interp(np.arange(size), seen, total[seen] / count[seen], period=size)


def _windowed(x: np.ndarray, half: int) -> np.ndarray:
    ring = np.concatenate([x[len(x) - half :], x, x[:half]]).astype(float)
    return np.convolve(ring, np.ones(2 * half + 1), mode="valid")


def _predictors(forcing: xr.Dataset, observed: xr.DataArray, variables: Sequence[str]) -> np.ndarray:
    for name in variables:
        if name not in forcing:
            raise DataError(
                f"The forcing has no '{name}', which the regression baseline needs.",
                remedy=near(name, map(str, forcing.data_vars)),
            )
    dim = outer_dim(observed)
    places = {dim: observed[dim]} if dim in observed.coords and dim in forcing.coords else {}
    at = forcing[list(variables)].reindex({"time": observed["time"]} | places)
    return np.stack([at[v].transpose("time", dim).values.astype(float) for v in variables], axis=-1)


def _matrix(values: xr.DataArray) -> np.ndarray:
    return values.transpose("time", outer_dim(values)).values


def _like(observed: xr.DataArray, values: np.ndarray, says: str) -> xr.DataArray:
    shaped = observed.transpose("time", outer_dim(observed)).copy(data=values)
    shaped.attrs = {k: v for k, v in observed.attrs.items() if k == "units"} | {
        "comment": f"baseline: {says}"
    }
    return shaped


def _is_series(observed: xr.Dataset, name: str) -> bool:
    suffixed = name.endswith(("_sd", "_withheld", "_p05", "_p95"))
    return (
        not suffixed
        and "time" in observed[name].dims
        and observed[name].dtype.kind == "f"
        and name != "dayOfYear"
    )


def _training(observed: xr.Dataset, name: str) -> xr.DataArray:
    kept = xr.ones_like(observed[name], dtype=bool)
    return kept & ~observed[f"{name}_withheld"].astype(bool) if f"{name}_withheld" in observed else kept
