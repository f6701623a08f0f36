"""Maps of a gridded product: the mean over time and its σ, side by side."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from landsink.bulletin.display import Display
from landsink.bulletin.region import borders
from landsink.bulletin.style import INK, INTO_LAND, LAND, MEAN, QUIET, TO_AIR, headed, spread_colours


def map_figure(product: xr.Dataset, shown: Display, generated: bool) -> Figure:
    """Mean over time of one variable, and σ where the product has it, on longitude and latitude."""
    name = shown.name
    panels = [(shown.values(product[name].mean("time"), on_map=True), f"mean of {_period(product)}", False)]
    if f"{name}_sd" in product:
        spread = shown.spread(product[f"{name}_sd"].mean("time"), on_map=True)
        panels.append((spread, "σ, mean over the steps of time", True))
    ratio = _aspect(product) * np.ptp(borders(product["lat"].values)) / np.ptp(borders(product["lon"].values))
    width = 5.1 if len(panels) == 2 else 6.5
    # Labels beside and the colour bar below take their share; what is left has the shape of the region.
    height = float(np.clip(0.86 * width * ratio, 1.5, 7.0)) + 1.95
    figure = Figure(figsize=(width * len(panels), height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.13)
    for axes, (values, title, spread) in zip(np.ravel(figure.subplots(1, len(panels))), panels, strict=True):
        _panel(axes, values, title, shown, spread=spread)
    note = "σ: one standard deviation of the ensemble; colours cut at the 2nd and 98th percentile."
    headed(figure, shown.title, note, generated)
    return figure


def _panel(axes: Axes, values: xr.DataArray, title: str, shown: Display, *, spread: bool) -> None:
    values = values.transpose("lat", "lon")
    x, y = borders(values["lon"].values), borders(values["lat"].values)
    low, high, extend = limits(values.values, spread=spread)
    colours = spread_colours() if spread else _colours(low, high, shown)
    mesh = axes.pcolormesh(
        x, y, np.ma.masked_invalid(values.values), cmap=colours, vmin=low, vmax=high, rasterized=True
    )
    axes.add_collection(
        LineCollection(_outline(np.isfinite(values.values), x, y), colors=INK, linewidths=0.5)
    )
    axes.set(title=title, aspect=_aspect(values), facecolor=LAND)
    axes.xaxis.set_major_formatter(lambda v, _: _degrees(v, "W", "E"))
    axes.yaxis.set_major_formatter(lambda v, _: _degrees(v, "S", "N"))
    axes.locator_params(nbins=6)
    axes.tick_params(length=2.5)
    axes.spines[:].set_visible(True)
    axes.grid(color=QUIET, alpha=0.25, linewidth=0.4)
    bar = axes.figure.colorbar(
        mesh, ax=axes, orientation="horizontal", fraction=0.05, pad=0.03, aspect=32, extend=extend
    )
    bar.outline.set_linewidth(0.5)
    sign = f"   ({shown.sign})" if shown.sign and not spread else ""
    bar.set_label(f"{shown.name}{' σ' if spread else ''}  [{shown.label(on_map=True)}]{sign}")


def limits(values: np.ndarray, *, spread: bool = False) -> tuple[float, float, str]:
    """Ends of the colour scale and where it is cut: 2nd to 98th percentile, centred on zero where signs mix."""
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0, "neither"
    low, high = (float(v) for v in np.percentile(known, [2, 98]))
    if spread:
        low = 0.0
    elif low < 0 < high:
        low, high = -max(-low, high), max(-low, high)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        # One value everywhere still needs a scale with two ends.
        low, high = low - max(abs(low), 1e-12) * 0.05, high + max(abs(high), 1e-12) * 0.05
    under, over = bool((known < low).any()), bool((known > high).any())
    return low, high, {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[under, over]


def _colours(low: float, high: float, shown: Display) -> str:
    if not low < 0 < high:
        return MEAN
    return TO_AIR if "to the atmosphere" in shown.sign else INTO_LAND


def _outline(known: np.ndarray, x: np.ndarray, y: np.ndarray) -> list[list[tuple[float, float]]]:
    """Sides where a cell with values meets none: the coast as the grid sees it."""
    padded = np.pad(known, 1)
    rows, columns = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    lines = [[(x[j], y[i]), (x[j + 1], y[i])] for i, j in zip(rows, columns, strict=True)]
    rows, columns = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    return lines + [[(x[j], y[i]), (x[j], y[i + 1])] for i, j in zip(rows, columns, strict=True)]


def _aspect(values: xr.DataArray | xr.Dataset) -> float:
    # A degree of longitude shrinks with latitude; at the middle of the map both directions have one scale.
    return float(1 / max(np.cos(np.deg2rad(values["lat"].values.mean())), 0.15))


def _period(product: xr.Dataset) -> str:
    first, last = (str(product["time"].values[i])[:7] for i in (0, -1))
    return first if first == last else f"{first} to {last}"


def _degrees(value: float, minus: str, plus: str) -> str:
    return f"{abs(value):g}°{minus if value < 0 else plus if value > 0 else ''}"
