"""The scoreboard: the model beside its baselines, in the terminal and as a fragment of a page."""

from collections.abc import Sequence
from html import escape
from typing import cast

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from landsink.evaluate.goals import GoalResult, baseline_names

MODEL = ""
SHOWN = ("nse", "r2", "rmse", "bias", "seasonal_correlation", "coverage90", "annual_total", "annual_total_sd")
LOWER = ("rmse", "seasonal_rmse")
NOTE = "n counts pairs of values (beside a median: sites); bold is the best of the row."
SUMMARIES = ("median", "pooled", "region")
LABEL, VALUE = 20, 10  # characters: a label and five predictors, one of a longer name, fill a terminal of 80
KEYS = ["variable", "period", "site", "score", "unit"]


def terminal(
    table: pd.DataFrame, goals: Sequence[GoalResult] = (), *, sites: Sequence[str] | None = None
) -> RenderableType:
    """The scoreboard for a terminal (rich): a row a score, a column a predictor, the best of each row in bold.

    `sites` defaults to the one site, or to median and pooled where there are several.
    """
    rows, columns = _wide(table, sites)
    blocks: dict[tuple, list[dict]] = {}
    for row in rows:
        blocks.setdefault(row["block"], []).append(row)
    boards = [_board(block, columns, head=i == 0) for i, block in enumerate(blocks.values())]
    return Group(Text("Scores", style="bold"), *boards, Text(f"\n{NOTE}", style="dim"), *map(_verdict, goals))


def _board(block: Sequence[dict], columns: Sequence[str], *, head: bool) -> Table:
    """One variable, period and site: columns of a set width, so that blocks stand in line within 80 characters."""
    variable, period, site = block[0]["block"]
    board = Table(
        title=f"\n{variable}, {period}, {site}   n {block[0]['n']}", title_justify="left", title_style="bold",
        show_header=head, box=None, padding=(0, 1, 0, 0),
    )  # fmt: skip
    board.add_column("", width=LABEL)
    for name in columns:
        board.add_column(_title(name), justify="right", width=max(VALUE, len(_title(name))))
    for row in block:
        unit = f" [{row['unit']}]" if row["unit"] else ""
        board.add_row(Text(f"{row['labels'][-1]}{unit}"), *_styled(row))
    return board


def page(table: pd.DataFrame, goals: Sequence[GoalResult] = (), *, sites: Sequence[str] | None = None) -> str:
    """The scoreboard as an HTML fragment that needs no style sheet and asks for nothing outside itself."""
    rows, columns = _wide(table, sites)
    heads = ["variable", "period", "site", "score", *map(_title, columns), "unit", "n"]
    parts = ['<section class="scores">', "<table>", "<thead><tr>"]
    parts += [f"<th>{escape(h)}</th>" for h in heads]
    parts += ["</tr></thead>", "<tbody>"]
    parts += [_html_row(row) for row in rows]
    parts += ["</tbody></table>", f"<p>{NOTE}</p>"]
    if goals:
        parts += ["<ul class='goals'>", *[_html_verdict(g) for g in goals], "</ul>"]
    return "\n".join([*parts, "</section>"])


def _wide(table: pd.DataFrame, sites: Sequence[str] | None) -> tuple[list[dict], list[str]]:
    table = table.assign(baseline=baseline_names(table))
    names = [s for s in table["site"].unique() if s not in SUMMARIES]
    chosen = list(sites) if sites else (names if len(names) == 1 else list(SUMMARIES))
    shown = table[table["site"].isin(chosen) & table["score"].isin(SHOWN)]
    columns = sorted({str(name) for name in shown["baseline"]})
    rows = []
    for key, group in shown.groupby(KEYS, sort=False):
        value, n = (group.set_index("baseline")[c].to_dict() for c in ("value", "n"))
        variable, period, site, score, unit = cast("tuple[str, str, str, str, str]", key)
        rows.append(
            {
                "block": (variable, period, site),
                "order": (variable, period != "withheld", site, SHOWN.index(score)),
                "labels": [variable, period, site, score.replace("_", " ")],
                "values": [value.get(c, float("nan")) for c in columns],
                "best": _best(score, [value.get(c, float("nan")) for c in columns]),
                "unit": "" if unit == "1" else unit,
                "n": _counts(n),
            }
        )
    return sorted(rows, key=lambda r: r["order"]), columns


def _counts(n: dict[str, int]) -> str:
    """One figure where all predictors share it; otherwise the model's and the range of the others."""
    found = sorted({int(x) for x in n.values()})
    return str(found[0]) if len(found) == 1 else f"{n.get(MODEL, '-')} ({found[0]}–{found[-1]})"


def _best(score: str, values: list[float]) -> int | None:
    cost = [_cost(score, v) for v in values]
    known = [i for i, c in enumerate(cost) if c == c]
    return min(known, key=cost.__getitem__) if len(known) > 1 else None


def _cost(score: str, value: float) -> float:
    if score == "bias":
        return abs(value)
    if score == "coverage90":
        return abs(value - 0.9)
    return value if score in LOWER else -value


def _title(baseline: str) -> str:
    return baseline or "model"


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.3g}"


def _styled(row: dict) -> list[Text]:
    return [Text(_number(v), style="bold" if i == row["best"] else "") for i, v in enumerate(row["values"])]


def _verdict(result: GoalResult) -> Text:
    mark, style = ("reached", "green") if result.passed else ("missed ", "red")
    return Text.assemble((mark, style), f"  {result.says}")


def _html_row(row: dict) -> str:
    cells = [f"<td>{escape(text)}</td>" for text in row["labels"]]
    for i, value in enumerate(row["values"]):
        text = f"<strong>{_number(value)}</strong>" if i == row["best"] else _number(value)
        cells.append(f'<td class="number">{text}</td>')
    cells += [f"<td>{escape(row['unit'])}</td>", f'<td class="number">{escape(row["n"])}</td>']
    return f"<tr>{''.join(cells)}</tr>"


def _html_verdict(result: GoalResult) -> str:
    mark = "reached" if result.passed else "missed"
    return f'<li class="{mark}"><strong>{mark}</strong> {escape(result.says)}</li>'
