"""The u* threshold: its distribution, the nights that it comes from, and what hangs on it."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from landsink.stations.flux.pictures.look import (
    BLUE,
    CARBON_LABEL,
    GREEN,
    INK,
    NEE_LABEL,
    ORANGE,
    RED,
    SKY,
    Part,
    binned,
    picture,
    sheet,
)
from landsink.stations.flux.pictures.stationyear import StationYear, ranks

METHODS = {"MOVING_POINT": "moving point", "CHANGE_POINT": "change point", "USTAR_THRESHOLD": "u* threshold"}
SHOWN = (5.0, 16.0, 50.0, 84.0, 95.0)
NONE = "No u* in this record: no threshold, no filtering."


def draws(at: StationYear) -> Iterator[tuple[str, np.ndarray]]:
    """(method, thresholds of the year's bootstraps [m s-1]) of each method that gave one."""
    if at.thresholds is None:
        return
    for name, label in METHODS.items():
        if name in at.thresholds and at.year in at.thresholds[name]["year"].values:
            numbers = at.thresholds[name].sel(year=at.year).values.ravel()
            if np.isfinite(numbers).any():
                yield label, numbers[np.isfinite(numbers)]


def percentiles(at: StationYear, name: str = "VUT") -> xr.DataArray | None:
    """Thresholds [m s-1] (percentile) of the year (VUT) or of all years (CUT)."""
    if at.thresholds is None or name not in at.thresholds:
        return None
    values = at.thresholds[name]
    if "year" in values.dims:
        if at.year not in values["year"].values:
            return None
        values = values.sel(year=at.year)
    return values if np.isfinite(values.values).any() else None


def at_share(values: xr.DataArray, share: float) -> float:
    """The threshold at a percentile, between those that are known."""
    return float(np.interp(share, values["percentile"].values, values.values))


def ustar(at: StationYear) -> list[Part]:
    """Threshold, nights by u*, and the year's NEE by threshold."""
    if at.measured("USTAR") is None:
        return [NONE]
    return [_histogram(at), _nights(at), _sums(at)]


def _histogram(at: StationYear) -> Part:
    found, varying = list(draws(at)), percentiles(at)
    if not found and varying is None:
        return f"No u* threshold was found for {at.year}: NEE stays unfiltered."
    figure, (axis,) = sheet(4.1, 3.0)
    every = np.concatenate([values for _, values in found]) if found else varying.values
    edges = np.histogram_bin_edges(every, 24)
    looks = ((BLUE, "////"), (ORANGE, "...."), (GREEN, "xxxx"))
    for (name, values), (colour, hatch) in zip(found, looks, strict=False):
        label = f"{name}, median {np.median(values):.2f} ({values.size})"
        axis.hist(values, edges, histtype="stepfilled", facecolor="none", edgecolor=colour, hatch=hatch, linewidth=1.2,
                  label=label)  # fmt: skip
    said = "; ".join(f"{n}: median {np.median(v):.2f} m s⁻¹ of {v.size} bootstraps" for n, v in found)
    if varying is not None:
        marks = {share: at_share(varying, share) for share in SHOWN}
        for share, value in marks.items():
            axis.axvline(
                value,
                color=RED,
                linewidth=1.6 if share == 50 else 0.9,
                linestyle="-" if share == 50 else "--",
            )
            axis.annotate(f"{share:g}", (value, 1.0), (0, 1), xycoords=("data", "axes fraction"),
                          textcoords="offset points", ha="center", va="bottom", fontsize=7.5, color=RED)  # fmt: skip
        said += "; VUT percentiles " + ", ".join(f"{s:g}: {v:.2f}" for s, v in marks.items()) + " m s⁻¹"
    axis.set_xlabel("u* threshold [m s⁻¹]")
    axis.set_ylabel("bootstraps")
    if found:
        figure.legend(loc="outside lower center", ncols=1)
    caption = f"{said.strip('; ')}. Red: percentiles of VUT, from this year and its neighbours."
    return picture(
        figure, "u* threshold", caption, f"Histogram of the u* threshold in {at.year}. {said.strip('; ')}."
    )


def _nights(at: StationYear) -> Part:
    flux, speed = at.measured("NEE"), at.measured("USTAR")
    if flux is None:
        return "No NEE was measured: its nights cannot be held against u*."
    x, y, quartiles = binned(speed[at.night], flux[at.night], 20)
    if x.size < 4:
        return "Too few nights with NEE and u* to hold one against the other."
    figure, (axis,) = sheet(4.1, 3.0)
    varying = percentiles(at)
    if varying is not None:
        low, middle, high = (at_share(varying, share) for share in (5, 50, 95))
        axis.axvspan(low, high, color=SKY, alpha=0.3, linewidth=0, label="threshold, 5th to 95th percentile")
        axis.axvline(middle, color=RED, label="its median")
    axis.errorbar(
        x,
        y,
        np.abs(quartiles.T - y),
        fmt="o-",
        color=INK,
        elinewidth=0.7,
        label="night NEE, median and quartiles",
    )
    axis.set_xlabel("u* [m s⁻¹], classes with equal numbers")
    axis.set_ylabel(NEE_LABEL)
    axis.set_xlim(0, None)
    figure.legend(loc="outside lower center", ncols=1)
    caption = "Respiration does not know of wind: where it falls off towards calm air, the tower misses flux."
    windy = float(np.median(y[-5:]))
    alt = f"Night NEE by u*: {y[0]:.2g} in the calmest class ({x[0]:.2f} m s⁻¹), {windy:.2g} in the windiest."
    return picture(figure, "Night NEE by u*", caption, alt)


def _sums(at: StationYear) -> Part:
    if at.versions is None:
        return "Versions of NEE by u* threshold are not at hand; what hangs on it cannot be drawn."
    sums, varying, shares = at.sum(at.versions), percentiles(at), at.version_shares
    known = varying is not None
    x = np.array([at_share(varying, share) for share in shares]) if varying is not None else shares
    figure, (axis,) = sheet(4.1, 2.7)
    axis.plot(x, sums, "o-", color=BLUE)
    axis.set_xlabel("u* threshold [m s⁻¹]" if known else "percentile of the u* threshold")
    axis.set_ylabel(f"NEE of the year [{CARBON_LABEL}]\n+ to the air")
    if varying is not None:
        axis.axvspan(at_share(varying, 16), at_share(varying, 84), color=SKY, alpha=0.3, linewidth=0)
    ends = f"{np.nanmin(sums):.0f} to {np.nanmax(sums):.0f} {CARBON_LABEL}"
    caption = f"A version of the year for each threshold: {ends}. Shaded: 16th to 84th percentile of u*."
    return picture(figure, "NEE by u* threshold", caption, caption)


def spread(
    at: StationYear, flux: str = "NEE_VUT", shares: tuple[int, int] = (16, 84)
) -> tuple[float, float] | None:
    """Two percentiles of the year's flux over thresholds [gC m-2]: the yearly product's, else of versions."""
    low, high = (at.yearly(f"{flux}_{share:02d}") for share in shares)
    if np.isfinite(low + high):
        return low, high
    if flux == "NEE_VUT" and at.versions is not None:
        low, high = ranks(at.sum(at.versions), shares)
        return float(low), float(high)
    return None
