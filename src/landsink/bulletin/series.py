"""Series over time: a region's with its σ and annual sums, and single sites' with their predictive interval."""

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from landsink.bulletin.display import Display
from landsink.bulletin.region import Regional
from landsink.bulletin.style import BAND, LINE, QUIET, headed

# 1 Pg = 1e12 kg; 1 km3 of water = 1e12 kg.
LARGE = MappingProxyType({"carbon": ("Pg C yr⁻¹", 1e-12), "water": ("km³ yr⁻¹", 1e-12)})


def region_figure(series: Regional, shown: Display, generated: bool) -> Figure:
    """Monthly regional mean ± σ, and beside it annual sums where the variable is a flux."""
    figure = Figure(figsize=(10.2, 3.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    totals = series.total() if shown.is_flux else pd.DataFrame()
    if len(totals):
        left, right = figure.subplots(1, 2, width_ratios=[2.4, 1])
        _annual(right, totals, shown)
    else:
        left = figure.subplots()
    mean, sd = shown.values(series.mean), shown.spread(series.sd)
    _band(left, series.time.values, mean, mean - sd, mean + sd, "± 1 σ")
    left.set_title("area-weighted mean of the region")
    _finish(left, mean, shown)
    _legend(left)
    headed(figure, shown.title, f"{series.treatment}. Area: {series.area / 1e12:.2f} million km².", generated)
    return figure


def site_figure(product: xr.Dataset, shown: Display, sites: Sequence[str], generated: bool) -> Figure:
    """One panel a site: the ensemble mean and the 90 % predictive interval."""
    figure = Figure(figsize=(10.2, 1.9 * len(sites) + 1.0), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.07)
    name = shown.name
    panels = np.ravel(figure.subplots(len(sites), 1))
    for axes, site in zip(panels, sites, strict=True):
        here = product.sel(site=site)
        mean, low, high = (shown.values(here[v].values) for v in (name, *_edges(product, name)))
        when = here["date"].values if "date" in here.coords else here["time"].values
        _band(axes, when, mean, low, high, "90 % interval")
        axes.set_title(str(site))
        _finish(axes, mean, shown)
    _legend(panels[0])
    figure.align_ylabels()
    has = f"{name}_p05" in product
    note = (
        "Band: 90 % predictive interval, observation error included."
        if has
        else "No interval in the product."
    )
    headed(figure, shown.title, note, generated)
    return figure


def _edges(product: xr.Dataset, name: str) -> tuple[str, str]:
    return (f"{name}_p05", f"{name}_p95") if f"{name}_p05" in product else (name, name)


def _band(
    axes: Axes, when: np.ndarray, mean: np.ndarray, low: np.ndarray, high: np.ndarray, label: str
) -> None:
    # Sites with a shorter period than the others are padded with no date.
    known = ~np.isnat(when)
    when, mean, low, high = when[known], mean[known], low[known], high[known]
    axes.fill_between(when, low, high, color=BAND, alpha=0.55, linewidth=0, label=label)
    axes.plot(when, mean, color=LINE, linewidth=1.0 if len(when) < 800 else 0.6, label="mean")


def _finish(axes: Axes, mean: np.ndarray, shown: Display) -> None:
    locator = AutoDateLocator(minticks=4, maxticks=10)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.margins(x=0.005)
    axes.locator_params(axis="y", nbins=5)
    axes.set_ylabel(f"{shown.name}  [{shown.label()}]")
    axes.grid(axis="y", color=QUIET, alpha=0.2, linewidth=0.5)
    if np.nanmin(mean, initial=np.inf) < 0 < np.nanmax(mean, initial=-np.inf):
        axes.axhline(0, color=QUIET, linewidth=0.8)


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=2, borderaxespad=0.1, handlelength=1.4)


def _annual(axes: Axes, totals: pd.DataFrame, shown: Display) -> None:
    unit, scale = LARGE[shown.substance]
    mean, sd = totals["mean"] * scale, totals["sd"] * scale
    error = None if sd.isna().all() else sd
    axes.errorbar(
        totals.index,
        mean,
        yerr=error,
        fmt="o",
        color=LINE,
        ecolor=BAND,
        elinewidth=2.5,
        markersize=3.5,
        capsize=0,
    )
    if mean.min() < 0 < mean.max():
        axes.axhline(0, color=QUIET, linewidth=0.8)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
    axes.grid(axis="y", color=QUIET, alpha=0.2, linewidth=0.5)
    spread = "" if error is None else f" ± {sd.mean():.2g}"
    axes.set_title(f"annual sums\nmean {mean.mean():.3g}{spread}".replace("-", "−"))
    axes.set_ylabel(f"{shown.name}  [{unit}]")
