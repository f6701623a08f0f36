"""Finished runs and all else that the catalogue holds: scores, pictures, search, citations, order."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from landsink import bulletin, catalogue, evaluate
from landsink.core.errors import DataError

from .publication import publish_object


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


def goals_of(case: Mapping[str, Any], table: pd.DataFrame) -> list[Any]:
    """A case's goals, held against a table of scores."""
    return evaluate.check_goals(
        table, [{k: v for k, v in g.items() if v not in (None, "")} for g in case["goal"]]
    )


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
    return _catalogue().list()


def product(name: str) -> Any:
    """One product, by the first digits of its identifier, its content's SHA-256 or its record."""
    return catalogue.Catalogue.configured().get(name)


def ingest(path: Path, specification: str, about: Path | None, dry: bool) -> tuple[Any, Any]:
    """Try a file, or take it in: its report, and its item where it was taken in.

    about: the description as TOML; beside the file, of the same name, if not given. It may name its `specification`.
    """
    page = about or path.with_suffix(".toml")
    metadata, named = _description(page)
    asked = catalogue.Specification.read(
        specification or named or ("table" if path.suffix == ".csv" else "cube")
    )
    store = _catalogue()
    if dry:
        return store.try_ingest(path, asked, metadata), None
    try:
        report, item = store.ingest_reported(path, asked, metadata)
    except catalogue.Rejected as error:
        return error.report, None
    publish_object(store, item)
    return report, item


def query(
    words: list[str],
    box: str,
    start: str,
    end: str,
    variables: list[str],
    kinds: list[str],
    old: bool,
    limit: int,
    offset: int,
) -> Any:
    """A query from the words of a command; `box` is 'west,south,east,north', or nothing."""
    try:
        edges = tuple(float(edge) for edge in box.split(",")) if box else None
    except ValueError:
        edges = ()
    if edges is not None and len(edges) != 4:
        raise DataError(f"'{box}' is no box.", "West, south, east, north as 5,45,15,55.")
    return catalogue.Query(
        " ".join(words), edges, start, end, tuple(variables), tuple(kinds), not old, limit, offset
    )


def search(query: Any) -> Any:
    """A page of what the catalogue holds of a query."""
    return _catalogue().search(query)


def found(page: Any) -> RenderableType:
    """A page of search as a table, with its facets."""
    if not page.total:
        return "Nothing is found. Fewer words, or beginnings of words, find more."
    last = page.offset + len(page.items)
    counts = [
        f"{aspect}: " + ", ".join(f"{name} {n}" for name, n in list(values.items())[:8])
        for aspect, values in page.facets.items()
        if values
    ]
    return Group(listing(list(page.items)), f"{page.offset + 1} to {last} of {page.total}", *counts)


def cite(name: str, form: str) -> str:
    """The citation of a product."""
    return catalogue.cite(product(name), form)


def verify() -> Any:
    """Put the catalogue in order and hash everything again."""
    return catalogue.verify(_catalogue())


def export(folder: Path, name: str, data: bool) -> str:
    """Export the whole catalogue as static STAC, or one product as an RO-Crate; says where it lies."""
    if name:
        return str(catalogue.write_crate(_catalogue(), name, folder))
    count = catalogue.write_stac(_catalogue(), folder, data)
    return f"{folder / 'catalog.json'} ({count} items)"


def _catalogue() -> Any:
    store = catalogue.Catalogue.configured()
    store.sweep()
    return store


def _description(page: Path) -> tuple[Any, str]:
    """A description, and the specification that it names."""
    if not page.is_file():
        raise DataError(
            f"No description lies at {page}.",
            "Expected a TOML page with title, creators, licence and description.",
            "Write one beside the file, or name it with --about.",
        )
    try:
        rows = tomllib.loads(page.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{page} is no TOML ({error}).", 'Lines as title = "…".') from None
    named = rows.pop("specification", "")
    if not isinstance(named, str):
        raise DataError(f"{page} names the specification {named!r}.", "A name in quotes.")
    return catalogue.Metadata.of(rows), named


def listing(items: list[Any]) -> RenderableType:
    """The catalogue as a table."""
    if not items:
        return "The catalogue is empty. 'landsink run demo' makes a first product."
    table = Table(box=None)
    for head in ("id", "title", "from", "to", "made"):
        table.add_column(head, no_wrap=head != "title")
    for item in items:
        p = item.properties
        first, last = p.get("start_datetime") or "", p.get("end_datetime") or ""
        table.add_row(item.id, escape(p["title"]), first[:10], last[:10], p["created"][:16])
    return table


def detail(item: Any) -> RenderableType:
    """One product in full."""
    table = Table.grid(padding=(0, 2))
    for key, value in item.properties.items():
        table.add_row(f"[bold]{key}[/]", escape(_plain(value)))
    table.add_row("[bold]place[/]", ", ".join(f"{b:g}" for b in item.bbox) if item.bbox else "")
    for name, asset in item.assets.items():
        table.add_row(
            f"[bold]{name}[/]", f"{escape(asset.href)}\nsha256 {asset.extra_fields.get('file:checksum', '')}"
        )
    for link in item.links:
        if link.rel == "derived_from":
            table.add_row("[bold]made from[/]", escape(str(link.target)))
    return table


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items() if v)
    return str(value)
