"""Finished runs: their scores, their place in the catalogue, their picture."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.table import Table

from landsink import bulletin, catalogue, evaluate
from landsink.core.errors import DataError
from landsink.core.home import home

from .pipeline import goals_of


def score(folder: Path) -> tuple[pd.DataFrame, list[Any]]:
    """The scores of a finished run, and its goals."""
    record = stored(folder)
    if not (folder / "scores.csv").is_file():
        raise DataError(
            f"{folder} holds no scores.csv.", "The folder of a finished run.", "Finish it with --resume."
        )
    words = {"baseline": str, "reason": str}
    table = pd.read_csv(folder / "scores.csv", dtype=words).fillna(dict.fromkeys(words, ""))
    return table, goals_of(record["case"], table)


def stored(folder: Path) -> dict[str, Any]:
    """The record of a run."""
    path = folder / "record.json"
    if not path.is_file():
        raise DataError(f"{folder} holds no record.json.", "The folder of a run.", "See 'landsink list'.")
    return json.loads(path.read_text())


def scoreboard(table: pd.DataFrame, goals: list[Any]) -> RenderableType:
    """The scores for a terminal."""
    return evaluate.terminal(table, goals)


def draw(folder: Path, out: Path | None) -> Path:
    """The page of a run."""
    stored(folder)
    return bulletin.draw(folder, out)


def products() -> list[Any]:
    """Everything in the catalogue, the newest first."""
    return catalogue.Catalogue(home()).list()


def product(name: str) -> Any:
    """One product, by the first digits of its record."""
    return catalogue.Catalogue(home()).get(name)


def listing(items: list[Any]) -> RenderableType:
    """The catalogue as a table."""
    if not items:
        return "The catalogue is empty. 'landsink run demo' makes a first product."
    table = Table(box=None)
    for head in ("id", "title", "from", "to", "made"):
        table.add_column(head, no_wrap=head != "title")
    for item in items:
        p = item.properties
        table.add_row(
            item.id, p["title"], p["start_datetime"][:10], p["end_datetime"][:10], p["created"][:16]
        )
    return table


def detail(item: Any) -> RenderableType:
    """One product in full."""
    table = Table.grid(padding=(0, 2))
    for key, value in item.properties.items():
        table.add_row(f"[bold]{key}[/]", ", ".join(value) if isinstance(value, list) else str(value))
    table.add_row("[bold]place[/]", ", ".join(f"{b:g}" for b in item.bbox) if item.bbox else "")
    for name, asset in item.assets.items():
        table.add_row(
            f"[bold]{name}[/]", f"{asset.href}\nsha256 {asset.extra_fields.get('file:checksum', '')}"
        )
    for link in item.links:
        if link.rel == "derived_from":
            table.add_row("[bold]made from[/]", str(link.target))
    return table
