"""The tidy table: one row a score, for every variable, place, period and baseline."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError
from landsink.core.units import convert
from landsink.evaluate.align import align, months, outer_dim
from landsink.evaluate.score import (
    LEAST,
    bias,
    correlation,
    coverage90,
    nse,
    r2,
    rmse,
    seasonal_correlation,
    seasonal_rmse,
    why_not,
)

COLUMNS = ("variable", "site", "period", "score", "value", "unit", "baseline", "n", "reason")
PERIODS = ("trained", "withheld")
PAIRWISE: Mapping[str, Callable] = MappingProxyType(
    {"bias": bias, "rmse": rmse, "nse": nse, "correlation": correlation, "r2": r2}
)
SEASONAL: Mapping[str, Callable] = MappingProxyType(
    {"seasonal_correlation": seasonal_correlation, "seasonal_rmse": seasonal_rmse}
)
DIMENSIONAL = ("bias", "rmse", "seasonal_rmse")


class Slab(NamedTuple):
    """One variable's numbers, all of shape (time, place) and in one unit; low and high may be absent."""

    variable: str
    unit: str
    obs: np.ndarray
    bins: np.ndarray
    predicted: Mapping[str, np.ndarray]
    low: np.ndarray | None
    high: np.ndarray | None


class View(NamedTuple):
    """What one row's scores see: a part of a slab, all of shape (time, place)."""

    obs: np.ndarray
    pred: np.ndarray
    bins: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None


def score_table(
    predicted: xr.Dataset,
    observed: xr.Dataset,
    units: Mapping[str, str] | None = None,
    *,
    baselines: Mapping[str, xr.Dataset] | None = None,
    common: bool = False,
    least: int = LEAST,
) -> pd.DataFrame:
    """Score every variable that both datasets hold, per site, pooled and as the median over sites.

    `v_withheld` in `observed` divides the periods; `v_p05`, `v_p95` in `predicted` give the coverage.
    `units` names the units to report in (default: the observations' own). `baselines` are predictions by other
    means, by name. Each is scored where it predicts (n says on how much); `common=True` scores all on the pairs
    that all of them predict. Rows: variable, site, period, score, value, unit, baseline, n, reason (why NaN).
    Raises DataError where no variable is shared.
    """
    predicted, observed = align(predicted, observed)
    names = [str(v) for v in observed.data_vars if v in predicted.data_vars]
    if not names:
        raise DataError(
            found=f"Predicted are {_listed(predicted)}; observed are {_listed(observed)}.",
            expected="Expected at least one variable in common.",
            remedy="Name both by the vocabulary.",
        )
    sites = _labels(observed)
    rows: list[tuple] = []
    for name in names:
        slab = _slab(name, predicted, observed, baselines or {}, (units or {}).get(name), common)
        for period, mask in _periods(observed, name):
            rows.extend(_period_rows(slab, period, mask, sites, least))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def no_scores() -> pd.DataFrame:
    """The score table of a run without observations: its columns and no row."""
    return pd.DataFrame([], columns=list(COLUMNS))


def _listed(ds: xr.Dataset) -> str:
    return ", ".join(sorted(map(str, ds.data_vars))) or "none"


def _labels(ds: xr.Dataset) -> list[str]:
    dim = outer_dim(ds)
    return [str(x) for x in ds[dim].values]


def _slab(
    name: str,
    predicted: xr.Dataset,
    observed: xr.Dataset,
    baselines: Mapping[str, xr.Dataset],
    unit: str | None,
    common: bool,
) -> Slab:
    obs = observed[name]
    own = obs.attrs.get("units", "")
    unit = unit or own or predicted[name].attrs.get("units", "")
    every = {"": predicted, **{k: _like(b, observed) for k, b in baselines.items() if name in b}}
    values = {k: _values(ds[name], unit, own, obs) for k, ds in every.items()}
    truth = _values(obs, unit, own, obs)
    if common:
        truth = np.where(np.all([np.isfinite(v) for v in values.values()], axis=0), truth, np.nan)
    edges = [
        _values(predicted[name + end], unit, own, obs) if name + end in predicted else None
        for end in ("_p05", "_p95")
    ]
    return Slab(name, unit, truth, months(obs), values, *edges)


def _like(baseline: xr.Dataset, observed: xr.Dataset) -> xr.Dataset:
    dim = outer_dim(observed)
    return baseline.reindex(
        {"time": observed["time"]} | ({dim: observed[dim]} if dim in baseline.coords else {})
    )


def _values(values: xr.DataArray, unit: str, default: str, like: xr.DataArray) -> np.ndarray:
    array = values.transpose(*like.dims).values.astype(float)
    return np.asarray(convert(array, values.attrs.get("units", default), unit)) if unit else array


def _periods(observed: xr.Dataset, name: str) -> Iterator[tuple[str, np.ndarray]]:
    shape = observed[name].shape
    withheld = np.zeros(shape, bool)
    if f"{name}_withheld" in observed:
        withheld = observed[f"{name}_withheld"].transpose(*observed[name].dims).values.astype(bool)
    for period, mask in zip(PERIODS, (~withheld, withheld), strict=True):
        if (mask & np.isfinite(observed[name].values)).any():
            yield period, mask


def _period_rows(slab: Slab, period: str, mask: np.ndarray, sites: list[str], least: int) -> Iterator[tuple]:
    # Pooled cycles keep the sites apart: 12 months of every site, not one month of a mean place.
    pooled = slab.bins + 12 * np.arange(len(sites))
    for baseline in slab.predicted:
        single: dict[str, list[float]] = {}
        for i, site in enumerate(sites):
            view = _view(slab, baseline, mask, slice(i, i + 1), slab.bins)
            for row in _rows(slab, view, (site, period, baseline), least):
                single.setdefault(str(row[3]), []).append(float(row[4]))
                yield row
        view = _view(slab, baseline, mask, slice(None), pooled)
        yield from _rows(slab, view, ("pooled", period, baseline), least)
        yield from _medians(slab, baseline, single, period)


def _view(slab: Slab, baseline: str, mask: np.ndarray, where: slice, bins: np.ndarray) -> View:
    # The interval belongs to the model; no baseline has one.
    low, high = (slab.low, slab.high) if baseline == "" else (None, None)
    return View(
        np.where(mask, slab.obs, np.nan)[:, where],
        slab.predicted[baseline][:, where],
        bins[:, where],
        None if low is None else low[:, where],
        None if high is None else high[:, where],
    )


def _rows(slab: Slab, view: View, labels: tuple[str, str, str], least: int) -> Iterator[tuple]:
    site, period, baseline = labels
    if not np.isfinite(view.obs).any():
        return
    n = int((np.isfinite(view.obs) & np.isfinite(view.pred)).sum())
    reason = why_not(view.obs, view.pred, least) or "undefined"
    for name, value in _scores(view, least):
        says = reason if np.isnan(value) else ""
        yield slab.variable, site, period, name, value, _unit(slab, name), baseline, n, says


def _scores(view: View, least: int) -> Iterator[tuple[str, float]]:
    for name, score in PAIRWISE.items():
        yield name, score(view.obs, view.pred, least)
    for name, score in SEASONAL.items():
        yield name, score(view.obs, view.pred, view.bins, least)
    if view.low is not None and view.high is not None:
        yield "coverage90", coverage90(view.obs, view.low, view.high, least)


def _medians(slab: Slab, baseline: str, single: Mapping[str, list[float]], period: str) -> Iterator[tuple]:
    for name, values in single.items():
        known = np.asarray(values)[np.isfinite(values)]
        middle = float(np.median(known)) if known.size else float("nan")
        says = "" if known.size else "no site could be scored"
        yield (
            slab.variable,
            "median",
            period,
            name,
            middle,
            _unit(slab, name),
            baseline,
            int(known.size),
            says,
        )


def _unit(slab: Slab, score: str) -> str:
    return slab.unit if score in DIMENSIONAL else "1"
