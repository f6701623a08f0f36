"""What is SQLite's own in the index: full text by FTS5, boxes by R*Tree, its number in the file."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from landsink.catalogue.database import METADATA

OWN = (
    "create virtual table if not exists words using fts5(body, tokenize='unicode61 remove_diacritics 2')",
    "create virtual table if not exists place using rtree(row, west, east, south, north)",
)


def version(connection: sa.Connection) -> int:
    """The number of the index; 0 where there is none."""
    return int(connection.exec_driver_sql("pragma user_version").scalar() or 0)


def make(connection: sa.Connection, tables: Sequence[sa.Table], number: int) -> None:
    """Drop what is there, and make an empty index."""
    drop = "select name from sqlite_master where name not like 'sqlite_%' and type = 'table'"
    # Full-text and box indexes keep tables of their own, which go with them.
    found = sorted(
        connection.exec_driver_sql(drop).scalars(), key=lambda name: name not in ("words", "place")
    )
    for name in found:
        connection.exec_driver_sql(f'drop table if exists "{name}"')
    METADATA.create_all(connection, tables=list(tables))
    for statement in OWN:
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"pragma user_version = {number}")


def enter(connection: sa.Connection, number: int, tokens: Sequence[str]) -> None:
    """Enter an object's words, and its boxes, which have rows already."""
    connection.exec_driver_sql("insert into words(rowid, body) values (?, ?)", (number, " ".join(tokens)))
    connection.exec_driver_sql(
        "insert into place select row, west, east, south, north from box where number = ?", (number,)
    )


def leave(connection: sa.Connection, number: int) -> None:
    """Take an object's words and boxes out."""
    connection.exec_driver_sql(
        "delete from place where row in (select row from box where number = ?)", (number,)
    )
    connection.exec_driver_sql("delete from words where rowid = ?", (number,))


def matches(words: Sequence[Sequence[str]]) -> Any:
    """Numbers and scores (the least is the best) of objects with all `words`; the last token of each may go on."""
    asked = " ".join(f'"{" ".join(tokens)}"*' for tokens in words)
    text = sa.text("select rowid as number, rank as score from words where words match :words")
    return text.bindparams(words=asked).columns(sa.column("number", sa.Integer), sa.column("score", sa.Float))


def near(west: float, south: float, east: float, north: float) -> Any:
    """Rows of boxes that may overlap one. The R*Tree counts in single precision, rounded outward."""
    tree = sa.text("select row from place where west <= :e and east >= :w and south <= :n and north >= :s")
    edges = {"e": east, "w": west, "n": north, "s": south}
    bound = tree.bindparams(*(sa.bindparam(k, v, unique=True) for k, v in edges.items()))
    return bound.columns(sa.column("row", sa.Integer))
