"""The page: figures, facts and scores in one HTML file that asks for nothing outside itself."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd

from landsink.bulletin.style import GENERATED

CSS = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem; background: #fff; color: #1f2a30;
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: .2rem 0 .6rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .4rem; border-top: 1px solid #d9dee1; padding-top: 1rem; }
img { max-width: 100%; height: auto; display: block; margin: .8rem 0; }
nav a { margin-right: .9rem; color: #00567a; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; font-size: .9rem; margin: .8rem 0; }
dt { color: #5a666e; } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: .88rem; display: block; overflow-x: auto; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #e4e8ea; text-align: left; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.generated { background: #b34700; color: #fff; font-weight: 700; padding: .6rem 1rem; letter-spacing: .03em; }
"""
SCORES_NOTE = "n counts pairs of values (beside a median: sites). Withheld values were never used to fit."
SHOWN = ("nse", "r2", "rmse", "bias", "coverage90")


@dataclass(frozen=True)
class Section:
    """One variable on the page: its heading, a line of text, and its figures with what they show in words."""

    key: str
    title: str
    text: str
    figures: Sequence[tuple[Path, str]]


def write(
    path: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    sections: Sequence[Section],
    scores: pd.DataFrame | None,
    generated: bool,
) -> Path:
    """Write the page; figures are embedded."""
    links = "".join(f'<a href="#{escape(s.key)}">{escape(s.key)}</a>' for s in sections)
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items() if v)
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>",
        f'<p class="generated" role="note">{GENERATED}</p>' if generated else "",
        f"<h1>{escape(title)}</h1>\n<dl>{rows}</dl>\n<nav>{links}</nav>",
        *[_section(s) for s in sections],
        _scores(scores) if scores is not None and len(scores) else "",
        "</body>\n</html>\n",
    ]
    path.write_text("\n".join(p for p in parts if p), encoding="utf-8")
    return path


def _section(section: Section) -> str:
    figures = "\n".join(_image(path, alt) for path, alt in section.figures)
    text = f"<p>{escape(section.text)}</p>\n" if section.text else ""
    return (
        f'<section id="{escape(section.key)}">\n<h2>{escape(section.title)}</h2>\n{text}{figures}\n</section>'
    )


def _image(path: Path, alt: str) -> str:
    code = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{code}">'


def _scores(scores: pd.DataFrame) -> str:
    """Scores against observations: the model's column, then its baselines', one row a score."""
    sites = [s for s in scores["site"].unique() if s not in ("median", "pooled")]
    chosen = sites if len(sites) == 1 else ["median", "pooled"]
    kept = scores[scores["site"].isin(chosen) & scores["score"].isin(SHOWN)]
    kept = kept.assign(baseline=kept["baseline"].astype(object).where(kept["baseline"].notna(), "model"))
    keys = ["variable", "period", "site", "score", "unit"]
    n = kept[kept["baseline"] == "model"].set_index(keys)["n"]
    wide = kept.pivot_table("value", keys, "baseline", dropna=False, sort=False).dropna(how="all")
    columns = sorted(wide.columns, key=lambda c: (c != "model", c))
    head = "".join(f"<th>{escape(str(h))}</th>" for h in [*keys, *columns, "n"])
    body = "\n".join(_score_row(key, [row[c] for c in columns], n.get(key)) for key, row in wide.iterrows())
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    return f'<section id="scores">\n<h2>Scores</h2>\n<p>{SCORES_NOTE}</p>\n{table}\n</section>'


def _score_row(labels: Sequence[object], values: Sequence[float], n: float | None) -> str:
    words = "".join(f"<td>{escape('–' if str(w) == '1' else str(w))}</td>" for w in labels)
    numbers = "".join(f'<td class="number">{"–" if v != v else format(v, ".3g")}</td>' for v in values)
    return f'<tr>{words}{numbers}<td class="number">{"–" if n is None else int(n)}</td></tr>'
