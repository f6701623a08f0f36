"""Fingerprints (day by hour), and what was measured when."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize, TwoSlopeNorm
from matplotlib.dates import date2num

from landsink.stations.flux import clock
from landsink.stations.flux.pictures.look import (
    GAP,
    NEE_LABEL,
    OVER,
    QUIET,
    SHARE,
    Part,
    Picture,
    bar,
    bounds,
    percent,
    picture,
    sheet,
    span,
)
from landsink.stations.flux.pictures.stationyear import StationYear

CLASSES = ("measured", "filled well", "filled fairly", "filled poorly", "missing")
# As they are, light page or dark: a map of colours and its legend must agree.
COLOURS = ("#1f78b4", "#8ecae6", "#eba320", "#c8609b")
COVERED = (
    "NEE", "FC", "SC", "LE", "H", "USTAR", "SW_IN", "PPFD_IN", "NETRAD", "LW_IN", "G", "TA", "TS", "VPD", "RH",
    "SWC", "P", "PA", "WS", "CO2",
)  # fmt: skip


class Finger(NamedTuple):
    """A fingerprint: what it shows, its axis label, and its colours."""

    title: str
    label: str
    colours: str
    values: np.ndarray | None
    none: str


def fingerprints(at: StationYear) -> list[Part]:
    """NEE measured and filled, SW_IN, TA and u*, each day by hour."""
    raw = at.get("NEE_RAW")
    came = raw if raw is not None else at.measured("NEE")
    every = (
        Finger("NEE, measured", NEE_LABEL, "BrBG_r", came, "No NEE was measured."),
        Finger("NEE, filled", NEE_LABEL, "BrBG_r", at.filled, "NEE was not filled."),
        Finger("Sunlight", "SW_IN [W m⁻²]", "inferno", at.measured("SW_IN"), "No SW_IN was measured."),
        Finger("Air temperature", "TA [°C]", "viridis", at.measured("TA"), "No TA was measured."),
        Finger(
            "Friction velocity",
            "u* [m s⁻¹]",
            "cividis",
            at.measured("USTAR"),
            "No u* in this record: no threshold, no filtering.",
        ),
    )
    drawn = [finger.none if finger.values is None else _finger(at, finger) for finger in every]
    return [*drawn[:2], *_origin(at), *drawn[2:]]


def _finger(at: StationYear, finger: Finger) -> Picture:
    figure, (axis,) = sheet(4.1, 2.5)
    grid = at.by_day(finger.values)
    low, high = bounds(grid)
    norm = Normalize(low, high)
    if finger.colours == "BrBG_r":
        reach = max(abs(low), abs(high))
        norm = TwoSlopeNorm(0.0, -reach, reach)
    axis.set_facecolor(GAP)
    edges = date2num(at.days[[0, -1]]) + np.array([0, 1])
    drawn = axis.imshow(
        grid.T, origin="lower", aspect="auto", extent=(*edges, 0, 24), cmap=finger.colours, norm=norm,
        interpolation="none",
    )  # fmt: skip
    _sun(at, axis)
    span(axis, at.days)
    axis.set_yticks(range(0, 25, 6))
    axis.set_ylabel("local hour")
    bar(figure, drawn, axis, finger.label)
    share = np.isfinite(grid).mean()
    caption = f"{percent(share)} of {_span(at)}. Colours span the 1st to 99th percentile; grey: nothing."
    middle = np.nanmedian(grid)
    said = f"{percent(share)} present, median {middle:.3g}, {low:.3g} to {high:.3g}"
    alt = f"{finger.title} by day of {at.year} and hour: {said}."
    return picture(figure, finger.title, caption, alt)


def _span(at: StationYear) -> str:
    return "the year" if at.days.size == at.days_of_year else f"these {at.days.size} days"


def _origin(at: StationYear) -> list[Part]:
    """Where filled NEE was measured, and how well it was filled elsewhere."""
    if at.quality is None:
        return []
    figure, (axis,) = sheet(4.1, 2.5)
    edges = date2num(at.days[[0, -1]]) + np.array([0, 1])
    classes = at.by_day(np.where(np.isfinite(at.filled), at.quality, np.nan))
    axis.set_facecolor(GAP)
    colours = ListedColormap(COLOURS)
    axis.imshow(
        classes.T, origin="lower", aspect="auto", extent=(*edges, 0, 24), cmap=colours, vmin=-0.5, vmax=3.5,
        interpolation="none",
    )  # fmt: skip
    for k, name in enumerate(CLASSES[:4]):
        if (classes == k).any():
            axis.plot([], [], "s", color=COLOURS[k], markersize=6, label=name)
    figure.legend(loc="outside lower center", ncols=3, handletextpad=0.2, columnspacing=1.0)
    span(axis, at.days)
    axis.set_yticks(range(0, 25, 6))
    axis.set_ylabel("local hour")
    caption = f"Which half-hours of {at.filled_name} are measurements, and how well the rest is filled."
    return [picture(figure, "NEE, how it came about", caption, caption)]


def _sun(at: StationYear, axis: Axes) -> None:
    """Sunrise and sunset as the clock should show them."""
    if not at.placed:
        return
    up = at.by_day(np.where(clock.elevation_sine(at.record) > 0, 1.0, 0.0)) > 0
    some = up.any(axis=1) & ~up.all(axis=1)
    width = 24 / at.steps
    for edge in (up.argmax(axis=1), at.steps - up[:, ::-1].argmax(axis=1)):
        axis.plot(at.days + np.timedelta64(12, "h"), np.where(some, edge * width, np.nan), color=OVER, linewidth=0.8,
                  linestyle=(0, (4, 3)))  # fmt: skip


def coverage(at: StationYear) -> list[Part]:
    """A calendar of what was measured, and the classes of filled NEE month by month."""
    rows = [(name, at.measured(name)) for name in COVERED]
    rows = [(name, values) for name, values in rows if values is not None]
    if not rows:
        return ["Nothing that the calendar knows was measured."]
    return [_calendar(at, rows), _classes(at)]


def _calendar(at: StationYear, rows: list[tuple[str, np.ndarray]]) -> Picture:
    figure, (axis,) = sheet(4.1, 0.9 + 0.2 * len(rows))
    there = np.array([np.isfinite(at.by_day(values)).mean(axis=1) for _, values in rows])
    edges = date2num(at.days[[0, -1]]) + np.array([0, 1])
    axis.set_facecolor(GAP)
    drawn = axis.imshow(
        np.where(there > 0, there, np.nan) * 100, aspect="auto", extent=(*edges, len(rows), 0), cmap=SHARE,
        vmin=0, vmax=100, interpolation="none",
    )  # fmt: skip
    for k in range(1, len(rows)):
        axis.axhline(k, color=GAP, linewidth=1.5)
    totals = there.mean(axis=1)
    names = [f"{name} {percent(share)}" for (name, _), share in zip(rows, totals, strict=True)]
    axis.set_yticks(np.arange(len(rows)) + 0.5, names, fontsize=8)
    axis.tick_params(axis="y", length=0)
    span(axis, at.days)
    bar(figure, drawn, axis, "share of day [%]")
    caption = "Measured and not withdrawn, share of each day; beside each name its share of all."
    return picture(figure, "Coverage by variable", caption, f"Coverage in {at.year}: {', '.join(names)}.")


def _classes(at: StationYear) -> Part:
    if at.quality is None:
        return "NEE was not filled: there are no quality classes."
    figure, (axis,) = sheet(4.1, 2.7)
    classes = np.where(np.isfinite(at.filled), at.quality, 4)
    shares = np.array([[(classes[at.month == m] == c).mean() if (at.month == m).any() else 0 for m in range(1, 13)]
                       for c in range(5)]) * 100  # fmt: skip
    below = np.zeros(12)
    for row, name, colour in zip(shares, CLASSES, (*COLOURS, GAP), strict=True):
        if row.any():
            axis.bar(range(1, 13), row, 0.8, below, color=colour, label=name, edgecolor=QUIET, linewidth=0.3)
        below = below + row
    axis.set_xticks(range(1, 13), "JFMAMJJASOND")
    axis.set_ylim(0, 100)
    axis.set_ylabel("half-hours [%]" if at.steps == 48 else "steps [%]")
    figure.legend(loc="outside lower center", ncols=3)
    whole = [
        f"{name} {percent((classes == c).mean())}" for c, name in enumerate(CLASSES) if (classes == c).any()
    ]
    caption = f"Classes of {at.filled_name}, month by month. In all: {', '.join(whole)}."
    return picture(figure, "Quality by month", caption, caption)
