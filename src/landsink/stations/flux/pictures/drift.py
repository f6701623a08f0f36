"""What creeps: the clock against the sun, offsets, sensors that part from one another, noise."""

import numpy as np

from landsink.core.errors import DataError
from landsink.stations.flux import checks
from landsink.stations.flux.pictures.look import (
    BLUE,
    NEE_UNIT,
    ORANGE,
    QUIET,
    RED,
    Part,
    picture,
    sheet,
    span,
    zero,
)
from landsink.stations.flux.pictures.stationyear import StationYear

BRIGHT = 200.0  # W m-2 of potential radiation, below which its share says little


def drifts(at: StationYear) -> list[Part]:
    """Clock, brightest days by month, darkness, photons, soil, noise."""
    return [_clock(at), _envelope(at), _clear(at), _dark(at), _photons(at), _soil(at), _noise(at)]


def _clock(at: StationYear) -> Part:
    if not at.placed:
        return "Clock: the record does not say where it stands; it cannot be held against the sun."
    try:
        table = checks.shifts(at.record).dropna()
    except DataError as error:
        return f"Clock: {error.found}"
    if table.empty:
        return "Clock: no block of days tells its shift."
    figure, (axis,) = sheet(4.1, 2.4)
    step = 24 / at.steps
    axis.axhspan(-step, step, color=QUIET, alpha=0.15, linewidth=0)
    zero(axis)
    axis.plot(table["start"], table["hours"], "o-", color=BLUE)
    axis.set_ylim(min(-2, table["hours"].min() - 0.5), max(2, table["hours"].max() + 0.5))
    axis.set_ylabel("sun late (+), early (−) [h]")
    span(axis, at.days)
    middle = table["hours"].median()
    caption = (
        f"Shift of SW_IN against potential radiation, by 15 days: median {middle:+.2f} h. Grey: one interval."
    )
    return picture(figure, "Clock against the sun", caption, caption)


def _envelope(at: StationYear) -> Part:
    """The brightest of each clock time in the half-year of summer, and the sun above the air."""
    light = at.measured("SW_IN")
    if light is None or at.potential is None:
        return "Sunlight by clock time: it needs SW_IN and the record's place."
    bright = np.argsort([at.potential[at.month == m].sum() for m in range(1, 13)])[-4:] + 1
    here = np.isin(at.month, bright) & np.isfinite(light)
    slots = np.unique(at.hour[here])
    if slots.size < at.steps:
        return "Sunlight by clock time: too little SW_IN in the bright months."
    figure, (axis,) = sheet(4.1, 2.6)
    top = np.array([np.percentile(light[here & (at.hour == s)], 95) for s in slots])
    sun = np.array([np.percentile(at.potential[here & (at.hour == s)], 95) for s in slots])
    axis.plot(slots, sun, "--", color=ORANGE, label="above the air")
    axis.plot(slots, top, color=BLUE, label="SW_IN")
    axis.set_xlim(0, 24)
    axis.set_xticks(range(0, 25, 6))
    axis.set_xlabel("local hour")
    axis.set_ylabel("95th percentile [W m⁻²]")
    figure.legend(loc="outside lower center", ncols=2)
    centres = [float((slots * v).sum() / v.sum()) for v in (top, sun)]
    caption = f"Four brightest months. Centre of the day by SW_IN {centres[0]:.2f} h, by the sun {centres[1]:.2f} h."
    return picture(figure, "Sunlight by clock time", caption, caption)


def _clear(at: StationYear) -> Part:
    """How much of the sun above the air arrives on the clearest noons of each month."""
    light = at.measured("SW_IN")
    if light is None or at.potential is None:
        return "Clear-sky share: it needs SW_IN and the record's place."
    share = np.where(at.potential > BRIGHT, light / np.maximum(at.potential, 1.0), np.nan)
    rows = {m: v for m in range(1, 13) if np.isfinite(v := share[at.month == m]).sum() >= 50}
    if not rows:
        return "Clear-sky share: too little bright SW_IN."
    top = [float(np.nanpercentile(v, 95)) for v in rows.values()]
    what = f"95th percentile of SW_IN over potential radiation (above {BRIGHT:g} W m⁻²)"
    caption = f"{what}: {min(top):.2f} to {max(top):.2f}."
    caption += " A slow fall is dirt or a drifting sensor."
    return _monthly(rows, top, "Clear-sky share of sunlight", "SW_IN / potential [1]", caption)


def _monthly(
    rows: dict[int, np.ndarray],
    values: list[float],
    title: str,
    label: str,
    caption: str,
    nought: bool = False,
) -> Part:
    figure, (axis,) = sheet(4.1, 2.3)
    axis.plot(list(rows), values, "o-", color=BLUE)
    axis.margins(y=0.25)
    if nought:
        zero(axis)
        axis.set_ylim(min(-1.0, 1.2 * min(values)), max(1.0, 1.2 * max(values)))
    axis.set_xticks(range(1, 13), "JFMAMJJASOND")
    axis.set_xlim(0.5, 12.5)
    axis.set_ylabel(label)
    return picture(figure, title, caption, f"{title}: {caption}")


def _dark(at: StationYear) -> Part:
    light = at.measured("SW_IN")
    if light is None or at.potential is None:
        return "Offset in the dark: it needs SW_IN and the record's place."
    dark = (at.potential <= 0) & np.isfinite(light)
    rows = {m: light[dark & (at.month == m)] for m in range(1, 13) if (dark & (at.month == m)).sum() >= 50}
    if not rows:
        return "Offset in the dark: no month has dark hours with SW_IN."
    means = [float(v.mean()) for v in rows.values()]
    caption = f"Mean SW_IN while the sun is down: {min(means):.2f} to {max(means):.2f} W m⁻²."
    if not np.any(means):
        return "Offset in the dark: SW_IN is nought to the digit every night; it was set so, and no offset can be seen."
    return _monthly(rows, means, "Offset in the dark", "SW_IN at night [W m⁻²]", caption, nought=True)


def _photons(at: StationYear) -> Part:
    light, photons = at.measured("SW_IN"), at.measured("PPFD_IN")
    if light is None or photons is None:
        return "Photons to sunlight: it needs SW_IN and PPFD_IN."
    both = np.isfinite(light + photons) & (light > 50)
    rows = {m: both & (at.month == m) for m in range(1, 13) if (both & (at.month == m)).sum() >= 50}
    if not rows:
        return "Photons to sunlight: too few bright steps with both."
    ratio = [float(photons[r].sum() / light[r].sum()) for r in rows.values()]
    caption = f"{min(ratio):.2f} to {max(ratio):.2f} µmol J⁻¹; about 2 is usual, and it should hardly move."
    return _monthly(rows, ratio, "Photons to sunlight", "PPFD_IN / SW_IN [µmol J⁻¹]", caption)


def _soil(at: StationYear) -> Part:
    air, soil = at.measured("TA"), at.measured("TS")
    if air is None or soil is None:
        return "Air and soil: it needs TA and TS."
    figure, (axis,) = sheet(4.1, 2.7)
    for values, colour, style, name in ((air, BLUE, "-", "TA"), (soil, RED, "--", "TS")):
        grid = at.by_day(values)
        enough = np.isfinite(grid).mean(axis=1) > 0.5
        means = np.full(enough.size, np.nan)
        means[enough] = np.nanmean(grid[enough], axis=1)
        axis.plot(at.days, means, style, color=colour, linewidth=1, label=name)
    zero(axis)
    span(axis, at.days)
    axis.set_ylabel("daily mean [°C]")
    figure.legend(loc="outside lower center", ncols=2)
    both = np.isfinite(air + soil)
    gap = f"{np.mean((air - soil)[both]):+.1f} K" if both.any() else "unknown"
    caption = f"TA − TS {gap} over the year. Soil follows air, late and damped; steps are a moved or failing sensor."
    return picture(figure, "Air and soil temperature", caption, caption)


def _noise(at: StationYear) -> Part:
    """Random uncertainty, day and night apart, by 15 days."""
    values, label = at.random, f"random uncertainty of NEE [{NEE_UNIT}]"
    if values is None:
        return "Noise: the record has no random uncertainty of NEE."
    block = ((at.time - np.datetime64(f"{at.year}-01-01")) / np.timedelta64(15, "D")).astype(int)
    figure, (axis,) = sheet(4.1, 2.7)
    said = []
    for here, colour, style, name in ((~at.night, ORANGE, "o-", "day"), (at.night, BLUE, "s--", "night")):
        known = here & np.isfinite(values)
        blocks = [b for b in np.unique(block[known]) if (known & (block == b)).sum() >= 20]
        if blocks:
            medians = [np.median(values[known & (block == b)]) for b in blocks]
            when = np.datetime64(f"{at.year}-01-01") + np.array(blocks) * np.timedelta64(15, "D")
            axis.plot(when, medians, style, color=colour, label=name)
            said.append(f"{name} {min(medians):.1f} to {max(medians):.1f}")
    if not said:
        return "Noise: too few values of the random uncertainty."
    span(axis, at.days)
    axis.set_ylim(0, None)
    axis.set_ylabel(label.replace(" of NEE ", "\nof NEE "))
    figure.legend(loc="outside lower center", ncols=2)
    caption = f"Medians of 15 days: {'; '.join(said)} {NEE_UNIT}. Noise grows with the flux; a jump is the instrument."
    return picture(figure, "Noise over the year", caption, caption)
