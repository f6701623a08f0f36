"""How well the energy balance closes."""

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux import closure
from landsink.stations.flux.pictures.look import (
    BLUE,
    ORANGE,
    QUIET,
    RED,
    Part,
    Picture,
    bounds,
    picture,
    sheet,
    zero,
)
from landsink.stations.flux.pictures.stationyear import StationYear

FRAME = (0.0, 1.5)  # of the monthly ratio
CLOUD = "#3f93c8"  # a picture within the picture keeps its colour, light page or dark
LEAST = 100  # steps of a month, fewer of which do not show a ratio


def balance(at: StationYear) -> dict[str, float] | str:
    """The year's closure from measured fluxes, or in words what it lacks."""
    try:
        return closure.balance(_bare(at))
    except DataError as error:
        return f"{error.found} How the energy balance closes cannot be said."


def _bare(at: StationYear) -> xr.Dataset:
    """The record with measured heat fluxes alone: what was filled would close by the weather."""
    wanted = {n: at.measured(n) for n in ("NETRAD", "G", "LE", "H")}
    return at.record[["time"]].assign({n: ("time", v) for n, v in wanted.items() if v is not None})


def energy(at: StationYear) -> list[Part]:
    """H + LE against NETRAD - G, and the ratio of their sums month by month."""
    found = balance(at)
    if isinstance(found, str):
        return [found]
    bare = _bare(at)
    x = (bare["NETRAD"] - bare["G"]).values
    y = (bare["H"] + bare["LE"]).values
    return [_scatter(x, y, found, at.year), _monthly(at, x, y), *_factors(at)]


def _scatter(x: np.ndarray, y: np.ndarray, found: dict[str, float], year: int) -> Picture:
    figure, (axis,) = sheet(4.1, 3.6)
    low, high = bounds(np.r_[x, y], 0.1, 99.9)
    axis.plot(x, y, ".", color=CLOUD, markersize=2, alpha=0.35, rasterized=True, markeredgewidth=0)
    ends = np.array([low, high])
    axis.plot(ends, ends, "--", color=QUIET, linewidth=1, label="1 : 1")
    axis.plot(ends, found["intercept"] + found["slope"] * ends, color=RED, label="least squares")
    axis.set_xlim(low, high)
    axis.set_ylim(low, high)
    axis.set_xlabel("NETRAD − G [W m⁻²], + into the land")
    axis.set_ylabel("H + LE [W m⁻²], + to the air")
    axis.legend(loc="upper left")
    caption = (
        f"Slope {found['slope']:.2f}, intercept {found['intercept']:.0f} W m⁻², r² {found['r2']:.2f};"
        f" ratio of sums {found['ratio']:.2f}; {found['n']:.0f} steps with all four measured."
    )
    return picture(figure, "Energy balance", caption, f"H + LE against NETRAD − G in {year}. {caption}")


def _monthly(at: StationYear, x: np.ndarray, y: np.ndarray) -> Part:
    both = np.isfinite(x) & np.isfinite(y)
    months = [m for m in range(1, 13) if (both & (at.month == m)).sum() >= LEAST]
    pairs = {m: (x[both & (at.month == m)].sum(), y[both & (at.month == m)].sum()) for m in months}
    # Where little energy is to be had, as in winter, a ratio of sums says nothing.
    ratio = {m: b / a for m, (a, b) in pairs.items() if a > 10.0 * (both & (at.month == m)).sum()}
    if not ratio:
        return (
            f"No month has {LEAST} steps with all four terms and more than 10 W m⁻² of energy to share out."
        )
    figure, (axis,) = sheet(4.1, 2.6)
    axis.axhline(1, color=QUIET, linestyle="--", linewidth=1)
    axis.plot(list(ratio), list(ratio.values()), "o-", color=BLUE)
    axis.set_xticks(range(1, 13), "JFMAMJJASOND")
    axis.set_xlim(0.5, 12.5)
    axis.set_ylim(*FRAME)
    axis.set_ylabel("Σ(H + LE) / Σ(NETRAD − G) [1]")
    said = f"Monthly closure from {min(ratio.values()):.2f} to {max(ratio.values()):.2f}."
    beyond = [
        f"{pd.Timestamp(2000, m, 1):%B} {r:.2f}" for m, r in ratio.items() if not FRAME[0] <= r <= FRAME[1]
    ]
    outside = f" Outside the frame: {', '.join(beyond)}." if beyond else ""
    caption = f"{said} Months with less than 10 W m⁻² on average are left out.{outside}"
    return picture(figure, "Closure by month", caption, caption)


def _factors(at: StationYear) -> list[Part]:
    """What the correction for closure did."""
    flux, better = at.get("LE_F_MDS", "LE"), at.get("LE_CORR")
    heat, warmer = at.get("H_F_MDS", "H"), at.get("H_CORR")
    if flux is None or better is None or heat is None or warmer is None:
        return ["LE and H were not corrected for closure."]
    figure, (axis,) = sheet(4.1, 2.6)
    months = range(1, 13)
    pairs = (("LE", flux, better, BLUE, "o-"), ("H", heat, warmer, ORANGE, "s-"))
    for name, before, after, colour, mark in pairs:
        for values, style, text in (
            (before, mark[0] + ":", "as measured or filled"),
            (after, mark, "corrected"),
        ):
            means = [
                np.nanmean(values[at.month == m]) if np.isfinite(values[at.month == m]).any() else np.nan
                for m in months
            ]
            axis.plot(
                months,
                means,
                style,
                color=colour,
                label=f"{name} {text}",
                alpha=0.6 if style[1] == ":" else 1,
            )
    zero(axis)
    axis.set_xticks(months, "JFMAMJJASOND")
    axis.set_ylabel("monthly mean [W m⁻²]\n+ to the air")
    figure.legend(loc="outside lower center", ncols=2)
    both = np.isfinite(flux) & np.isfinite(better)
    ratio = better[both].sum() / flux[both].sum()
    caption = f"The correction makes LE {ratio:.2f} times what it was over the year; the Bowen ratio stays."
    return [picture(figure, "Corrected for closure", caption, caption)]
