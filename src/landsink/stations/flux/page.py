"""The page of a station-year: pictures first, for the team that keeps the tower.

One HTML file that asks for nothing outside itself: light or dark as its reader likes it, narrow enough for a phone,
with words for every picture. How to read it: docs/how-to/read-the-station-page.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux.checks import VERDICTS
from landsink.stations.flux.pictures import (
    course,
    drift,
    energy,
    fingerprint,
    headline,
    response,
    suspicion,
    turbulence,
)
from landsink.stations.flux.pictures.look import Part, Picture, drawing
from landsink.stations.flux.pictures.stationyear import StationYear

Step = tuple[str, str, str, float]  # name, status, what it says, seconds
BROKEN = (ArithmeticError, LookupError, ValueError, TypeError, DataError)


@dataclass(frozen=True)
class Panel:
    """A heading, a word on how to read what is under it, and what draws it."""

    key: str
    title: str
    text: str
    draw: Callable[[StationYear], list[Part]]


SUNLIT = "Day by hour. Dashed: sunrise and sunset by the record's clock and place."
CALM = "In calm air the tower misses flux. NEE below the threshold is taken out and filled."
CREEPING = "What creeps is best seen over the year."
RANKED = (
    "Days to look at, the strangest first. The score sums log₂(N) log₂(1 + n) over what is wrong: n values of a kind on"
    " that day, and one day in N has as many. Ringed: suspicious. Blue: what like weather of other days gives,"
    " ± 2 standard deviations."
)
KEPT = "Nothing is deleted: values as they came stay in X_RAW, verdicts in X_CHECK and X_SPIKE."

PANELS = (
    Panel("fingerprints", "Fingerprints", SUNLIT, fingerprint.fingerprints),
    Panel("coverage", "Coverage", "", fingerprint.coverage),
    Panel("ustar", "u* threshold", CALM, turbulence.ustar),
    Panel("sum", "NEE over the year", "", course.over_the_year),
    Panel("energy", "Energy balance", "", energy.energy),
    Panel("responses", "Responses", "", response.responses),
    Panel("days", "Mean day of each month", course.LEGEND, course.diurnal),
    Panel("drifts", "Drifts", CREEPING, drift.drifts),
)


def page(
    record: xr.Dataset,
    coarse: dict[str, xr.Dataset],
    thresholds: xr.Dataset | None,
    windows: xr.Dataset | None,
    steps: Sequence[Step],
    year: int,
    versions: xr.Dataset | None = None,
) -> str:
    """The page of one `year` as HTML.

    record: a processed record on `time`, with FLUXNET names; whatever it lacks is said in its place. coarse: products
    by mark (DD, WW, MM, YY). thresholds: MOVING_POINT, CHANGE_POINT (year, draw), VUT (percentile, year). windows:
    parameters of the partitionings on nt_step and dt_window. steps: (name, status, what it says, seconds) in order.
    versions: NEE_VUT (time, percentile) on the record's time, where it is at hand.

    Raises DataError where the record has nothing of the year.
    """
    at = StationYear.of(record, coarse, thresholds, windows, year, versions)
    with drawing():
        sections = [_cards(at)] + [_section(panel, _drawn(panel.draw, at)) for panel in PANELS]
        sections += [_suspects(at), _changes(at, steps)]
    site = str(record.attrs.get("site") or "Tower")
    links = [("days-to-look-at", "Suspicious days"), ("changes", "What was changed")]
    keys = [(panel.key, panel.title) for panel in PANELS] + links
    nav = "".join(f'<a href="#{key}">{escape(title)}</a>' for key, title in keys)
    style = (
        resources.files("landsink.stations.flux.pictures").joinpath("page.css").read_text(encoding="utf-8")
    )
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(site)} {year}</title>\n<style>\n{style}</style>\n</head>\n<body>",
            f"<header><h1>{escape(site)} <span>{year}</span></h1>\n<p>{escape(_place(at))}</p></header>",
            f'<nav aria-label="Panels">{nav}</nav>\n<main>',
            *sections,
            "</main>\n</body>\n</html>\n",
        ]
    )


def _place(at: StationYear) -> str:
    attrs = at.record.attrs
    place = (
        f"{_degrees(attrs['latitude'], 'NS')}, {_degrees(attrs['longitude'], 'EW')}, UTC{attrs['utc_offset']:+g}. "
        if at.placed
        else ""
    )
    source = f"From {str(attrs['source']).rstrip('.')}. " if attrs.get("source") else ""
    licence = f"Licence: {attrs['licence']}. " if attrs.get("licence") else ""
    first, last = (str(at.time[i])[:10] for i in (0, -1))
    return f"{place}{first} to {last}, local standard time. {source}{licence}"


def _degrees(value: float, sides: str) -> str:
    return f"{abs(value):.3f}° {sides[value < 0]}"


def _drawn(draw: Callable[[StationYear], list[Part]], at: StationYear) -> list[Part]:
    """What a panel draws, or why it could not: a picture that fails must not take the page."""
    try:
        return draw(at)
    except BROKEN as error:
        return [f"This panel could not be drawn: {type(error).__name__}: {error}"]


def _section(panel: Panel, parts: Sequence[Part], more: str = "") -> str:
    text = f"<p>{panel.text}</p>\n" if panel.text else ""
    said = "".join(f'<p class="absent">{escape(part)}</p>\n' for part in parts if isinstance(part, str))
    figures = "\n".join(_figure(part) for part in parts if isinstance(part, Picture))
    drawn = f'<div class="pictures">\n{figures}\n</div>\n' if figures else ""
    return f'<section id="{panel.key}">\n<h2>{escape(panel.title)}</h2>\n{text}{drawn}{said}{more}</section>'


def _figure(one: Picture) -> str:
    svg = one.svg.replace("<svg", f'<svg role="img" aria-label="{escape(one.alt)}"', 1)
    title = "" if one.size == "small" and not one.caption else f"<strong>{escape(one.title)}</strong> "
    caption = f"<figcaption>{title}{escape(one.caption)}</figcaption>" if title else ""
    return f'<figure class="{one.size}">{svg}{caption}</figure>'


def _cards(at: StationYear) -> str:
    rows = "".join(
        f'<div class="card"><dt>{escape(c.name)}</dt><dd><b>{escape(c.value)}</b> {escape(c.unit)}'
        f"<small>{escape(c.says)}</small></dd></div>\n"
        for c in headline.headlines(at)
    )
    return (
        f'<section id="numbers">\n<h2>The year in numbers</h2>\n<dl class="cards">\n{rows}</dl>\n</section>'
    )


def _suspects(at: StationYear) -> str:
    days: list[suspicion.Day] = []

    def draw(at: StationYear) -> list[Part]:
        parts, found = suspicion.suspicious(at)
        days.extend(found)
        return parts

    panel = Panel("days-to-look-at", "Suspicious days", RANKED, draw)
    parts = _drawn(draw, at)
    rows = [(str(d.date), f"{d.score:.0f}", d.reasons) for d in days[: suspicion.LISTED]]
    more = (
        f"<p>{len(days)} days have at least one suspicious value; the first {len(rows)}:</p>" if rows else ""
    )
    return _section(panel, parts, more + _table(("Day", "Score", "Why"), rows))


def _changes(at: StationYear, steps: Sequence[Step]) -> str:
    """Counts of flags, what was said, and what became of each step."""
    attrs = at.record.attrs
    said = [str(s) for name in ("notes", "findings") for s in _sentences(attrs.get(name))]
    items = "".join(f"<li>{escape(s)}</li>\n" for s in said)
    told = f"<h3>What reading and checks said of the whole record</h3>\n<ul>\n{items}</ul>\n" if said else ""
    rows = [(n, s, t, f"{float(x):.2f}") for n, s, t, x in steps]
    table = _table(("Step", "Status", "What it says", "Seconds"), rows)
    chain = f"<h3>What became of each step</h3>\n{table}" if rows else ""
    counts = _table(("Variable", "What", "Values", "Share"), flags(at))
    first = (
        f"<h3>Values withdrawn or flagged in {at.year}</h3>\n{counts}"
        if counts
        else "<p>Nothing was flagged.</p>\n"
    )
    panel = Panel("changes", "What was changed, and why", KEPT, lambda _: [])
    return _section(panel, [], first + told + chain)


def _sentences(value: object) -> list[object]:
    return [value] if isinstance(value, str) else list(value or [])  # type: ignore[call-overload]


def flags(at: StationYear) -> list[tuple[str, str, str, str]]:
    """(variable, what was found, number of values, share of what came) for each flag of the year."""
    rows = []
    for name in sorted(
        str(n).removesuffix("_CHECK") for n in at.record.data_vars if str(n).endswith("_CHECK")
    ):
        codes = at.record[f"{name}_CHECK"].values
        rows += [
            _count(at, name, verdict.replace("_", " "), codes == k) for verdict, k in VERDICTS.items() if k
        ]
    for name in sorted(
        str(n).removesuffix("_SPIKE") for n in at.record.data_vars if str(n).endswith("_SPIKE")
    ):
        grades = at.record[f"{name}_SPIKE"].values
        rows.append(_count(at, name, "spike, withdrawn", grades >= suspicion.SPIKE))
    if at.measured("NEE") is not None and at.kept is not None:
        calm = np.isfinite(at.measured("NEE")) & ~np.isfinite(at.kept)
        rows.append(_count(at, "NEE", "calm air (u* below the threshold), filled", calm))
    return [row for row in rows if row[2] != "0"]


def _count(at: StationYear, name: str, what: str, where: np.ndarray) -> tuple[str, str, str, str]:
    came = at.get(f"{name}_RAW", name)
    total = np.isfinite(came).sum() if came is not None else where.size
    share = "<0.1%" if 0 < where.sum() < 0.0005 * total else f"{where.sum() / max(1, total):.1%}"
    return name, what, str(int(where.sum())), share


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    top = "".join(f'<th scope="col">{escape(h)}</th>' for h in head)
    body = "".join("<tr>" + "".join(_cell(c) for c in row) + "</tr>\n" for row in rows)
    return f'<div class="scroll"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'


def _cell(text: str) -> str:
    number = text.replace(".", "").replace("%", "").replace("-", "").isdigit() and text.count("-") < 2
    state = (
        f' class="{text}"' if text in ("failed", "skipped", "done") else ' class="number"' if number else ""
    )
    return f"<td{state}>{escape(text)}</td>"
