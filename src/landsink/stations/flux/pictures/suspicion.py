"""Days that a person should look at, the strangest first, each with its reasons.

Against a day count values that a check withdrew or flagged, spikes, and fluxes further from what like weather of other
days gives than four standard deviations. Each kind on each variable adds log2(N) log2(1 + n): n values of it on
that day, and one day in N that has as many. So what is wrong all year long does not hide the one bad day, and neither
does a sensor that merely stuck hide one on which much goes wrong.
"""

from dataclasses import dataclass

import numpy as np

from landsink.stations.flux.checks import VERDICTS
from landsink.stations.flux.names import UNITS
from landsink.stations.flux.pictures.look import (
    BLUE,
    GAP,
    INK,
    NEE_LABEL,
    RED,
    SKY,
    Part,
    Picture,
    picture,
    sheet,
)
from landsink.stations.flux.pictures.stationyear import FLUXES, StationYear

FAR = 4.0  # standard deviations of like records
SPIKE = 2  # grade from which spikes are withdrawn
WORST, LISTED = 6, 20
SAYS = {
    "out_of_plausible_range": "out of range",
    "stuck": "stuck",
    "above_potential_radiation": "above what the sun can give",
    "humidity_disagrees": "in disagreement with TA and RH",
    "net_radiation_disagrees": "off the sum of its components",
}


@dataclass(frozen=True)
class Doubt:
    """Values (time) of a variable that are suspicious for one reason."""

    name: str
    reason: str
    where: np.ndarray

    def by_day(self, day: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray]:
        """Values of each day (day), and what they add to its score (day)."""
        count = np.bincount(day, self.where, days)
        as_many = np.searchsorted(np.sort(-count), -count, side="right")
        return count, np.log2(days / as_many) * np.log2(1 + count)


@dataclass(frozen=True)
class Day:
    """A suspicious day: its place in the year, its score, its reasons, and the variable to be looked at."""

    date: np.datetime64
    score: float
    reasons: str
    name: str


def doubts(at: StationYear) -> list[Doubt]:
    """Every reason for doubt that the year gives."""
    found = []
    names = sorted({str(n).removesuffix("_CHECK") for n in at.record.data_vars if str(n).endswith("_CHECK")})
    for name in names:
        codes = at.record[f"{name}_CHECK"].values
        found += [Doubt(name, text, codes == VERDICTS[verdict]) for verdict, text in SAYS.items()]
    for name in FLUXES:
        if f"{name}_SPIKE" in at.record:
            found.append(Doubt(name, "spike", at.record[f"{name}_SPIKE"].values >= SPIKE))
        beyond = outside(at, name)
        if beyond is not None:
            found.append(Doubt(name, f"over {FAR:g} sd from like weather", beyond))
    return [doubt for doubt in found if doubt.where.any()]


def outside(at: StationYear, name: str) -> np.ndarray | None:
    """True (time) where a measured flux lies over FAR standard deviations from what like records say."""
    values, told = at.kept if name == "NEE" else at.measured(name), at.expected.get(name)
    if values is None or told is None:
        return None
    mean, spread = told
    with np.errstate(invalid="ignore"):
        return np.abs(values - mean) > FAR * spread


def ranked(at: StationYear, found: list[Doubt]) -> list[Day]:
    """Days with any doubt, the highest score first."""
    pairs = [doubt.by_day(at.day, at.days.size) for doubt in found]
    counts, bits = (np.array(part) for part in zip(*pairs, strict=True))
    total = bits.sum(axis=0)
    days = []
    for k in np.argsort(-total, kind="stable"):
        if total[k] <= 0:
            break
        order = [i for i in np.argsort(-bits[:, k], kind="stable") if counts[i, k] > 0]
        reasons = [f"{found[i].name}: {counts[i, k]:.0f} × {found[i].reason}" for i in order]
        days.append(Day(at.days[k], float(total[k]), "; ".join(reasons), found[order[0]].name))
    return days


def suspicious(at: StationYear) -> tuple[list[Part], list[Day]]:
    """Pictures of the worst days, and the list."""
    found = doubts(at)
    if not found:
        judged = (
            "no flux lies far from like weather"
            if at.expected
            else "no flux could be held against like weather"
        )
        return [f"No check found anything in this year, and {judged}."], []
    days = ranked(at, found)
    parts: list[Part] = [_day(at, found, day, place + 1) for place, day in enumerate(days[:WORST])]
    return parts, days


def _day(at: StationYear, found: list[Doubt], day: Day, place: int) -> Picture:
    figure, (axis,) = sheet(4.1, 2.4)
    name = day.name
    begin = (day.date.astype("datetime64[h]") - at.time[0]) / np.timedelta64(1, "h") * at.steps / 24
    near = slice(max(0, int(begin) - at.steps // 4), int(begin) + at.steps + at.steps // 4)
    when = (at.time[near] - day.date) / np.timedelta64(1, "h") + 12 / at.steps
    values = at.get(f"{name}_RAW", name)
    told = at.expected.get(name)
    for outside_ in ((-6, 0), (24, 30)):
        axis.axvspan(*outside_, color=GAP, alpha=0.6, linewidth=0)
    if told is not None:
        mean, spread = (x[near] for x in told)
        axis.fill_between(when, mean - 2 * spread, mean + 2 * spread, color=SKY, alpha=0.35, linewidth=0)
        axis.plot(when, mean, color=BLUE, linewidth=0.8)
    wrong = np.any([d.where for d in found if d.name == name], axis=0)[near]
    if values is not None:
        axis.plot(when, values[near], ".-", color=INK, linewidth=0.6, markersize=3)
        axis.plot(when[wrong], values[near][wrong], "o", markerfacecolor="none", color=RED, markersize=6)
    axis.set_xlim(-6, 30)
    axis.set_xticks((0, 6, 12, 18, 24))
    axis.set_xlabel("local hour")
    axis.set_ylabel(_label(at, name))
    caption = f"{day.reasons}."
    return picture(
        figure,
        f"{place}. {day.date}",
        caption,
        f"{name} on {day.date}, suspicious values ringed. {caption}",
    )


def _label(at: StationYear, name: str) -> str:
    if name in ("LE", "H"):
        return f"{name} [W m⁻²]\n+ to the air"
    if name == "NEE":
        return NEE_LABEL
    unit = UNITS[name].unit if name in UNITS else str(at.record[name].attrs.get("units", "1"))
    return f"{name} [{unit.replace('umol', 'µmol').replace('-1', '⁻¹').replace('-2', '⁻²')}]"
