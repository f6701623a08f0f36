"""NEE summed up over the year, and the mean day of each month."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from landsink.stations.flux.aggregate import GRAMS_PER_DAY
from landsink.stations.flux.pictures.look import (
    BLUE,
    CARBON_LABEL,
    GREEN,
    INK,
    NEE_UNIT,
    ORANGE,
    RED,
    SKY,
    Part,
    Picture,
    minus,
    picture,
    sheet,
    span,
    zero,
)
from landsink.stations.flux.pictures.stationyear import StationYear, ranks

LINES = (
    ("NEE", "NEE", INK, "-"),
    ("GPP_NT", "GPP, night-time method", GREEN, "-"),
    ("GPP_DT", "GPP, day-time method", BLUE, "--"),
    ("RECO_NT", "RECO, night-time method", RED, "-"),
    ("RECO_DT", "RECO, day-time method", ORANGE, "--"),
)
FAMILIES = ("VUT", "CUT")


def over_the_year(at: StationYear) -> list[Part]:
    """NEE summed up, GPP and RECO summed up, and NEE month by month."""
    if at.filled is None:
        return ["NEE was not filled: it cannot be summed up."]
    return [_nee(at), _parts(at), _months(at)]


def _summed(at: StationYear, values: np.ndarray) -> np.ndarray:
    """Sums since the year began [gC m-2] at the end of each day (day, …); gaps count as nought."""
    sums = np.cumsum(np.nan_to_num(values), axis=0) * GRAMS_PER_DAY / at.steps
    return sums[at.steps - 1 :: at.steps]


def _ends(at: StationYear) -> np.ndarray:
    """The end of each day of the record."""
    return at.time[at.steps - 1 :: at.steps]


def _nee(at: StationYear) -> Picture:
    figure, (axis,) = sheet(4.1, 3.1)
    middle = _summed(at, at.filled)
    said = _band(at, axis)
    axis.plot(
        _ends(at), middle, color=INK, label=f"{at.filled_name}: {minus(f'{middle[-1]:.0f}')} {CARBON_LABEL}"
    )
    zero(axis)
    span(axis, at.days)
    axis.set_ylabel(f"NEE summed up [{CARBON_LABEL}]\n+ to the air")
    figure.legend(loc="outside lower center", ncols=1)
    gaps = np.mean(~np.isfinite(at.filled))
    hole = f" {gaps:.1%} of steps are not filled and count as nought." if gaps else ""
    caption = f"{middle[-1]:.0f} {CARBON_LABEL} at the end. {said}{hole}"
    return picture(figure, "NEE summed up", caption, f"Cumulative NEE of {at.year}: {caption}")


def _band(at: StationYear, axis: Axes) -> str:
    """The band of versions; in words how wide it ends."""
    if at.versions is not None:
        ends = ranks(_summed(at, at.versions), (5, 16, 84, 95))
        wide, narrow = "5th to 95th percentile of u*", "16th to 84th"
        axis.fill_between(_ends(at), ends[0], ends[3], color=SKY, alpha=0.3, linewidth=0, label=wide)
        axis.fill_between(_ends(at), ends[1], ends[2], color=SKY, alpha=0.6, linewidth=0, label=narrow)
        low, high = ends[0, -1], ends[3, -1]
        return f"Over all u* thresholds (5th to 95th percentile) {low:.0f} to {high:.0f}."
    for family in FAMILIES:
        low, high = (at.get(f"NEE_{family}_{p}") for p in ("05", "95"))
        if low is not None and high is not None:
            both = [_summed(at, x) for x in (low, high)]
            label = "5th to 95th percentile, step by step"
            axis.fill_between(_ends(at), *both, color=SKY, alpha=0.4, linewidth=0, label=label)
            return (
                "Percentiles over u* thresholds were taken step by step, which is wider than any version:"
                f" {both[0][-1]:.0f} to {both[1][-1]:.0f}."
            )
    return "There are no versions by u* threshold, and so no band."


def _parts(at: StationYear) -> Part:
    """GPP and RECO summed up by both methods."""
    figure, (axis,) = sheet(4.1, 3.1)
    said = []
    for name, text, colour, dash in LINES[1:]:
        values = at.partitioned(*name.split("_"))
        if values is not None:
            sums = _summed(at, values)
            axis.plot(_ends(at), sums, dash, color=colour, label=f"{text}: {sums[-1]:.0f}")
            said.append(f"{text} {sums[-1]:.0f}")
    if not said:
        return "There is no GPP and no RECO: neither partitioning gave any."
    zero(axis)
    span(axis, at.days)
    axis.set_ylabel(f"summed up [{CARBON_LABEL}]\nGPP + in, RECO + out")
    figure.legend(loc="outside lower center", ncols=1)
    caption = f"{'; '.join(said)} {CARBON_LABEL}. How far the methods part tells how far to trust either."
    return picture(figure, "GPP and RECO summed up", caption, f"Cumulative, {at.year}: {caption}")


def _months(at: StationYear) -> Picture:
    """NEE month by month, and how much of it was measured."""
    figure, (axis,) = sheet(4.1, 3.1)
    factor = GRAMS_PER_DAY / at.steps
    months = [m for m in range(1, 13) if (at.month == m).any()]
    sums = [float(np.nansum(at.filled[at.month == m]) * factor) for m in months]
    colours = [GREEN if s < 0 else ORANGE for s in sums]
    error = None
    if at.versions is not None:
        spread = [ranks(np.nansum(at.versions[at.month == m], axis=0) * factor, (16, 84)) for m in months]
        error = np.abs(np.array(spread).T - np.array(sums)) * np.array(
            [[s > low for s, (low, _) in zip(sums, spread, strict=True)],
             [s < high for s, (_, high) in zip(sums, spread, strict=True)]]
        )  # fmt: skip
    axis.bar(
        months, sums, 0.75, color=colours, yerr=error, ecolor=INK, error_kw={"elinewidth": 1, "capsize": 2}
    )
    zero(axis)
    axis.set_xticks(range(1, 13), "JFMAMJJASOND")
    axis.set_xlim(0.4, 12.6)
    axis.set_ylabel(f"NEE of the month [{CARBON_LABEL}]\n+ to the air")
    bars = " Bars: 16th to 84th percentile over u* thresholds." if error is not None else ""
    said = ", ".join(f"{pd.Timestamp(2000, m, 1):%b} {s:.0f}" for m, s in zip(months, sums, strict=True))
    caption = f"Green: into the land; orange: to the air.{bars}"
    return picture(
        figure, "NEE by month", caption, f"NEE by month of {at.year} [{CARBON_LABEL}], + to the air: {said}."
    )


def diurnal(at: StationYear) -> list[Part]:
    """The mean day of each month: NEE, and GPP and RECO by both partitionings."""
    series = {"NEE": at.filled if at.filled is not None else at.measured("NEE")}
    series |= {f"{f}_{m}": at.partitioned(f, m) for f in ("GPP", "RECO") for m in ("NT", "DT")}
    known = {name: values for name, values in series.items() if values is not None}
    if not known:
        return ["There is no NEE whose days could be drawn."]
    absent = [text for name, text, _, _ in LINES if name not in known]
    table = pd.DataFrame(known).groupby([at.month, np.round(at.hour, 4)]).mean()
    low, high = float(table.min().min()), float(table.max().max())
    parts: list[Part] = [f"Not in this record: {', '.join(absent)}."] if absent else []
    for month in sorted(set(table.index.get_level_values(0))):
        parts.append(_day(table.loc[month], int(month), (low - 1, high + 1)))
    return parts


def _day(table: pd.DataFrame, month: int, limits: tuple[float, float]) -> Picture:
    figure, (axis,) = sheet(2.0, 1.9)
    said = []
    for name, text, colour, dash in LINES:
        if name in table and table[name].notna().any():
            axis.plot(table.index, table[name], dash, color=colour, linewidth=1.2)
            said.append(f"{text} {table[name].min():.1f} to {table[name].max():.1f}")
    zero(axis)
    axis.set_xlim(0, 24)
    axis.set_xticks(range(0, 25, 6))
    axis.set_ylim(*limits)
    axis.set_xlabel("local hour", fontsize=8)
    axis.set_ylabel(NEE_UNIT, fontsize=8)
    name = pd.Timestamp(2000, month, 1).month_name()
    figure.suptitle(name, x=0.02, ha="left", fontsize=9)
    return picture(
        figure, f"Mean day, {name}", "", f"Mean day of {name}, {NEE_UNIT}: {'; '.join(said)}.", "small"
    )


def _legend() -> str:
    """The lines of a mean day as a line of HTML, since twelve pictures share them."""
    colours = {INK: "ink", GREEN: "green", BLUE: "blue", RED: "red", ORANGE: "orange"}
    keys = [
        f'<span class="line"><span class="key{" dashed" if dash == "--" else ""}"'
        f' style="color:var(--{colours[colour]})"></span>{text}</span>'
        for _, text, colour, dash in LINES
    ]
    return f"Signs: NEE and RECO + to the air, GPP + into the land.<br>{' '.join(keys)}"


LEGEND = _legend()
