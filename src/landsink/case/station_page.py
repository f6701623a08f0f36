"""The quality page of an air or ocean record: numbers, pictures, flags, steps, in one HTML file that asks for nothing.

It looks as the page of a tower's year does (stations/flux/page.py): light or dark, narrow enough for a phone, with
words for every picture.
"""

import re
from collections.abc import Callable, Sequence
from html import escape
from importlib import resources

import numpy as np
import xarray as xr

from landsink.core.display import raised
from landsink.stations.flux.pictures.look import (
    BLUE,
    GREEN,
    ORANGE,
    QUIET,
    RED,
    SKY,
    Part,
    Picture,
    drawing,
    minus,
    picture,
    sheet,
)
from landsink.stations.flux.stage import Step

from .station_sheet import Headline, Sheet

MOST_POINTS = 4000
BAD = (
    "incorrect_before_manual_control",
    "incorrect_after_manual_control",
    "questionable",
    "bad",
    "interpolated",
)
ELEMENTS = {"umol": "µmol", "uatm": "µatm", "permil": "‰", "degC": "°C"}


def page(of: Sheet, steps: Sequence[Step], record: str) -> str:
    """The page as HTML."""
    with drawing():
        parts = [
            ("series", "The record", _drawn(_series, of)),
            ("coverage", "Coverage", _drawn(_coverage, of)),
        ]
        parts += [("track", "Where it was measured", _drawn(_track, of))] if of.track else []
    sections = [_cards(of.headlines), *(_section(*part) for part in parts), _flags(of), _changes(of, steps)]
    style = resources.files("landsink.stations.flux.pictures").joinpath("page.css").read_text("utf-8")
    links = [(key, title) for key, title, _ in parts] + [("flags", "Flags"), ("changes", "What was done")]
    nav = "".join(f'<a href="#{key}">{escape(title)}</a>' for key, title in links)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(of.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>",
            f"<header><h1>{escape(of.name)} <span>{escape(of.station)}</span></h1>",
            f"<p>{escape(_place(of))} Record {escape(record[:12])}.</p></header>",
            f'<nav aria-label="Panels">{nav}</nav>\n<main>',
            *[s for s in sections if s],
            "</main>\n</body>\n</html>\n",
        ]
    )


def unit_words(unit: str) -> str:
    """A unit as people write it: umol mol-1 yr-1 is µmol mol⁻¹ yr⁻¹."""
    return re.sub(r"[a-zA-Z]+", lambda found: ELEMENTS.get(found.group(), found.group()), raised(unit))


def _place(of: Sheet) -> str:
    place = of.place
    where = ""
    if "latitude" in place and "longitude" in place:
        ns, ew = "NS"[place["latitude"] < 0], "EW"[place["longitude"] < 0]
        where = f"{abs(place['latitude']):.3f}° {ns}, {abs(place['longitude']):.3f}° {ew}. "
    high = f"Ground {place['elevation']:g} m above the sea. " if "elevation" in place else ""
    inlet = f"Intake {place['intake_height']:g} m above ground. " if "intake_height" in place else ""
    scale = of.attrs.get("calibration_scale")
    scale = f"Calibration scale: {scale}. " if scale else ""
    first, last = (moment[:10] for moment in of.period)
    source = f"From {of.source.rstrip('.')}. " if of.source else ""
    licence = f"Licence: {of.licence.rstrip('.')}. " if of.licence else ""
    return f"{of.title}. {where}{high}{inlet}{first} to {last}, UTC. {scale}{source}{licence}"


def _cards(headlines: Sequence[Headline]) -> str:
    rows = []
    for one in headlines:
        digits = 0 if abs(one.value) >= 1000 else 2 if not np.isfinite(one.sd) or one.sd < 1 else 1
        spread = f" ± {one.sd:.{digits}f}" if np.isfinite(one.sd) else ""
        known = "" if np.isfinite(one.sd) else "Its uncertainty is not known. "
        says = known + " ".join(f"{w[0].upper()}{w[1:].rstrip('.')}." for w in (one.sign, one.says) if w)
        rows.append(
            f'<div class="card"><dt>{escape(one.name)}</dt><dd><b>{minus(f"{one.value:.{digits}f}{spread}")}</b> '
            f"{escape(unit_words(one.unit))}<small>{escape(minus(says))}</small></dd></div>"
        )
    if not rows:
        return ""
    return (
        '<section id="numbers">\n<h2>In numbers</h2>\n<dl class="cards">\n'
        + "\n".join(rows)
        + "\n</dl>\n</section>"
    )


def _drawn(draw: Callable[[Sheet], list[Part]], of: Sheet) -> list[Part]:
    """What a panel draws, or why it could not: a picture that fails must not take the page."""
    try:
        return draw(of)
    except (ArithmeticError, LookupError, ValueError, TypeError) as error:
        return [f"This panel could not be drawn: {type(error).__name__}: {error}"]


def _section(key: str, title: str, parts: Sequence[Part]) -> str:
    said = "".join(f'<p class="absent">{escape(p)}</p>' for p in parts if isinstance(p, str))
    figures = "\n".join(_figure(p) for p in parts if isinstance(p, Picture))
    return f'<section id="{key}">\n<h2>{escape(title)}</h2>\n<div class="pictures">\n{figures}\n</div>{said}</section>'


def _figure(one: Picture) -> str:
    svg = one.svg.replace("<svg", f'<svg role="img" aria-label="{escape(one.alt)}"', 1)
    caption = f"<figcaption><strong>{escape(one.title)}</strong> {escape(one.caption)}</figcaption>"
    return f'<figure class="{one.size}">{svg}{caption}</figure>'


def _series(of: Sheet) -> list[Part]:
    """The main variables over time; trend, season and growth where they were found."""
    native = of.series["native"]
    names = {
        "atmosphere": ("co2", "ch4", "n2o", "co", "sf6", "co2c13"),
        "ocean": ("fco2", "pco2", "fco2_recomputed"),
    }
    parts: list[Part] = []
    for name in [n for n in names[of.domain] if n in native]:
        parts.append(_over_time(of, name))
        day, year = of.series.get("day"), of.series.get("year")
        if day is not None and f"{name}_season" in day:
            parts.append(_season(day, name))
        if year is not None and f"{name}_growth" in year:
            parts += [_rates(year, f"{name}_growth"), _rates(year, f"{name}_amplitude")]
    if "dfco2" in native:
        parts.append(_over_time(of, "dfco2"))
    return parts


def _over_time(of: Sheet, name: str) -> Picture:
    native = of.series["native"]
    time, value = native["time"].values, native[name].values
    bad = _bad(native, name)
    step = max(1, time.size // MOST_POINTS)
    figure, (axis,) = sheet(4.8, 2.8)
    rows = {"sound": (~bad, BLUE, 1.4), "flagged": (bad, RED, 3.0)}
    for word, (where, colour, size) in rows.items():
        at = np.flatnonzero(where & np.isfinite(value))
        if not at.size:
            continue
        at = at[::step] if word == "sound" else at[:: max(1, at.size // MOST_POINTS)]
        # Thousands of dots are one picture inside the drawing, so that the page stays small.
        axis.plot(
            time[at], value[at], ".", color=colour, markersize=size, label=word, rasterized=at.size > 1500
        )
    if f"{name}_sd" in native and time.size <= MOST_POINTS:
        low, high = value - native[f"{name}_sd"].values, value + native[f"{name}_sd"].values
        axis.fill_between(time, low, high, where=~bad, color=SKY, alpha=0.3, linewidth=0, label="± 1 sd")
    day = of.series.get("day")
    if day is not None and f"{name}_trend" in day:
        axis.plot(day["time"].values, day[f"{name}_trend"].values, color=ORANGE, label="trend")
    sound = value[~bad & np.isfinite(value)]
    if sound.size:
        low, high = np.percentile(sound, (0.2, 99.8))
        axis.set_ylim(low - 0.08 * (high - low) - 1e-9, high + 0.08 * (high - low) + 1e-9)
    attrs = native[name].attrs
    axis.set_ylabel(f"{name} [{unit_words(str(attrs.get('units', '')))}]")
    axis.legend(loc="upper left", bbox_to_anchor=(0, 1.14), ncols=4, markerscale=3)
    axis.grid(axis="y")
    thin = f"Every {step}th value is drawn" if step > 1 else ""
    words = (attrs.get("long_name", name), attrs.get("uncertainty", ""), thin, attrs.get("sign", ""))
    said = " ".join(f"{str(w)[0].upper()}{str(w)[1:].rstrip('.')}." for w in words if w)
    span = f"{str(time[0])[:10]} to {str(time[-1])[:10]}"
    alt = f"{name} from {span}, {sound.size} sound and {int(bad.sum())} flagged values"
    return picture(figure, f"{name} over time.", said, alt)


def _bad(ds: xr.Dataset, name: str) -> np.ndarray:
    flag = ds.get(f"{name}_flag")
    if flag is None:
        return np.zeros(ds.sizes["time"], bool)
    codes = dict(
        zip(str(flag.attrs["flag_meanings"]).split(), np.ravel(flag.attrs["flag_values"]), strict=True)
    )
    return np.isin(flag.values, [codes[b] for b in BAD if b in codes])


def _season(day: xr.Dataset, name: str) -> Picture:
    figure, (axis,) = sheet(4.1, 2.6)
    season = day[f"{name}_season"].dropna("time")
    years = np.unique(season["time"].dt.year.values)
    for year in years[-8:]:
        one = season.isel(time=season["time"].dt.year.values == year)
        last = year == years[-1]
        axis.plot(one["time"].dt.dayofyear, one, color=ORANGE if last else QUIET, alpha=1 if last else 0.45)
    axis.axhline(0, color=QUIET, linewidth=0.7)
    axis.set_xticks([1, 91, 182, 274, 365], ["Jan", "Apr", "Jul", "Oct", "Dec"])
    axis.set_ylabel(f"{name} [{unit_words(str(day[f'{name}_season'].attrs['units']))}]")
    said = f"Smooth curve less trend, the last {min(8, years.size)} years; {years[-1]} in orange."
    return picture(figure, f"Season of {name}.", said, f"seasonal cycle of {name}, year by year")


def _rates(year: xr.Dataset, name: str) -> Picture:
    figure, (axis,) = sheet(4.1, 2.6)
    one = year[name].dropna("time")
    sd = year[f"{name}_sd"].sel(time=one["time"]).values
    years = one["time"].dt.year.values
    axis.bar(years, one.values, color=SKY, width=0.8)
    axis.errorbar(years, one.values, sd, fmt="none", ecolor=QUIET, elinewidth=0.9)
    axis.axhline(0, color=QUIET, linewidth=0.7)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_ylabel(f"[{unit_words(str(year[name].attrs['units']))}]")
    word = str(year[name].attrs["long_name"])
    title = name.replace("_", ", ")
    return picture(
        figure, f"{title}.", f"{word[0].upper()}{word[1:]}; bars: ± 1 sd.", f"{word}, {years.size} years"
    )


def _coverage(of: Sheet) -> list[Part]:
    names = list(dict.fromkeys(row["variable"] for row in of.coverage))
    parts: list[Part] = []
    for name in names:
        rows = [row for row in of.coverage if row["variable"] == name]
        years = np.array([row["year"] for row in rows])
        whole = all(row["expected"] for row in rows)
        base = np.array([row["expected"] if whole else 1 for row in rows], float)
        present, good = (np.array([row[k] for row in rows]) / base for k in ("present", "good"))
        figure, (axis,) = sheet(4.1, 2.3)
        axis.bar(years, present, color=QUIET, alpha=0.35, width=0.8, label="present")
        axis.bar(years, good, color=GREEN, width=0.8, label="sound")
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.set_ylabel("share of the year" if whole else "samples")
        if whole:
            axis.set_ylim(0, 1.02)
        axis.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.22))
        what = "Share of all values that a year would have" if whole else "Samples in each year"
        parts.append(picture(figure, f"{name}.", f"{what}.", f"coverage of {name} in {years.size} years"))
    return parts


def _track(of: Sheet) -> list[Part]:
    lon, lat = np.array(of.track).T
    native = of.series["native"]
    name = next(n for n in ("fco2", "pco2", "fco2_recomputed") if n in native)
    figure, (axis,) = sheet(4.4, 3.0)
    drawn = axis.scatter(lon, lat, c=native[name].values, s=6, cmap="viridis", rasterized=True)
    figure.colorbar(drawn, ax=axis, pad=0.02).set_label(
        f"{name} [{unit_words(str(native[name].attrs['units']))}]"
    )
    axis.set_xlabel("longitude [° E]")
    axis.set_ylabel("latitude [° N]")
    said = f"{len(of.track)} samples between {lat.min():.2f} and {lat.max():.2f}° N."
    return [picture(figure, "Track.", said, f"track of the ship, coloured by {name}")]


def _flags(of: Sheet) -> str:
    rows = [(r["variable"], r["flag"].replace("_", " "), str(r["count"])) for r in of.quality]
    told = _table(("Variable", "Flag", "Values"), rows) if rows else "<p>The file bears no flags.</p>"
    kept = "<p>Nothing is deleted: flagged values stay in the products, with their flags.</p>"
    return f'<section id="flags">\n<h2>Flags</h2>\n{kept}{told}</section>'


def _changes(of: Sheet, steps: Sequence[Step]) -> str:
    notes = "".join(f"<li>{escape(n)}</li>" for n in of.notes)
    table = _table(("Step", "Status", "What it says"), [(s.name, s.status, s.says) for s in steps])
    said = f"<ul>{notes}</ul>" if notes else ""
    return (
        f'<section id="changes">\n<h2>What was done</h2>\n{table}{said}<p>{escape(of.method)}.</p></section>'
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(h)}</th>' for h in head)
    body = "".join("<tr>" + "".join(_cell(c) for c in row) + "</tr>\n" for row in rows)
    return (
        f'<div class="scroll"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>'
    )


def _cell(text: str) -> str:
    kind = text if text in ("failed", "skipped", "done") else "number" if text.isdigit() else ""
    return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"
