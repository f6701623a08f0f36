"""The catalogue's tables: plain ones for any database, and SQLite's full-text and box indexes beside them."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pystac
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from landsink.core.errors import DataError

# An index of another number is made anew from the item files.
VERSION = 2
# Long enough for a crowd of tiles or runs that finish at once on a slow disk.
PATIENCE_SECONDS = 60.0

TABLES = sa.MetaData()
OBJECT = sa.Table(
    "object",
    TABLES,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
    sa.Column("record", sa.String(64), nullable=False, index=True),
    sa.Column("kind", sa.String(32), nullable=False, index=True),
    sa.Column("specification", sa.String(64), nullable=False, index=True),
    sa.Column("licence", sa.String(64), nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("created", sa.String(32), nullable=False, index=True),
    sa.Column("first", sa.String(32), nullable=False, index=True),
    sa.Column("last", sa.String(32), nullable=False),
    # An object may follow one other, and only one may follow it.
    sa.Column("previous", sa.String(64), unique=True),
    sa.Column("document", sa.JSON, nullable=False),
)


def _rows_of(name: str, *columns: sa.Column) -> sa.Table:
    owner = sa.Column(
        "number", sa.ForeignKey("object.number", ondelete="cascade"), nullable=False, index=True
    )
    return sa.Table(name, TABLES, sa.Column("row", sa.Integer, primary_key=True), owner, *columns)


VARIABLE = _rows_of("variable", sa.Column("name", sa.String(128), nullable=False, index=True))
SOURCE = _rows_of(
    "source",
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
)
MEMBER = _rows_of("member", sa.Column("id", sa.String(64), nullable=False, index=True))
EDGES = ("west", "south", "east", "north")
BOX = _rows_of("box", *(sa.Column(edge, sa.Float, nullable=False) for edge in EDGES))
PARTS = (VARIABLE, SOURCE, MEMBER, BOX)

# SQLite's own indexes; another database has others for the same two questions.
SQLITE = (
    "create virtual table if not exists words using fts5(body, tokenize='unicode61 remove_diacritics 2')",
    "create virtual table if not exists place using rtree(row, west, east, south, north)",
)


@functools.cache
def _engine(where: Path) -> sa.Engine:
    made = sa.create_engine(
        sa.URL.create("sqlite", database=str(where)),
        poolclass=NullPool,
        connect_args={"timeout": PATIENCE_SECONDS},
    )

    @event.listens_for(made, "connect")
    def _connected(connection: Any, _: Any) -> None:
        # SQLAlchemy shall begin transactions itself, so that a writer holds its lock from the first line.
        connection.isolation_level = None
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")

    return made


@contextmanager
def reading(where: Path) -> Iterator[sa.Connection]:
    """A connection that sees one state of the index."""
    with _said(where), _engine(where).connect() as connection:
        connection.exec_driver_sql("begin")
        yield connection
        connection.rollback()


@contextmanager
def writing(where: Path) -> Iterator[sa.Connection]:
    """A connection that alone may write; everything in it holds together, or nothing does."""
    with _said(where), _engine(where).connect() as connection:
        connection.exec_driver_sql("begin immediate")
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


@contextmanager
def _said(where: Path) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise DataError(
            f"The catalogue's index {where} cannot be used ({error.orig}).",
            "A folder that can be written, on a disk with room.",
            "Nothing was changed; make room or mend the folder and do it again.",
        ) from error


def fresh(connection: sa.Connection) -> bool:
    """Whether the index is of this version."""
    return connection.exec_driver_sql("pragma user_version").scalar() == VERSION


def make(connection: sa.Connection) -> None:
    """Make the tables; what an older version left is dropped, since the item files are the truth."""
    drop = "select name, type from sqlite_master where name not like 'sqlite_%' and type = 'table'"
    # Full-text and box indexes keep tables of their own, which go with them.
    for name, _ in sorted(
        connection.exec_driver_sql(drop).all(), key=lambda row: row[0] not in ("words", "place")
    ):
        connection.exec_driver_sql(f'drop table if exists "{name}"')
    TABLES.create_all(connection)
    for statement in SQLITE:
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"pragma user_version = {VERSION}")


def insert(connection: sa.Connection, item: pystac.Item) -> None:
    """Put an item's row in, in the place of an older one of the same identifier."""
    p = item.properties
    remove(connection, item.id)
    row = {
        "id": item.id,
        "sha256": p.get("landsink:sha256", ""),
        "record": p.get("landsink:record", ""),
        "kind": p.get("landsink:kind", "run"),
        "specification": p.get("landsink:specification", ""),
        "licence": p.get("license", ""),
        "title": p.get("title", ""),
        "created": p.get("created", ""),
        "first": p.get("start_datetime") or "",
        "last": p.get("end_datetime") or "",
        "previous": p.get("landsink:previous") or None,
        "document": item.to_dict(include_self_link=False, transform_hrefs=False),
    }
    number = connection.execute(sa.insert(OBJECT).values(row)).inserted_primary_key[0]
    rows = {
        VARIABLE: [{"name": v} for v in p.get("landsink:variables", [])],
        SOURCE: [
            {"name": str(s.title or s.target), "sha256": s.extra_fields.get("landsink:sha256", "")}
            for s in item.links
            if s.rel == "derived_from"
        ],
        MEMBER: [{"id": m} for m in p.get("landsink:members", [])],
        BOX: [dict(zip(EDGES, b, strict=True)) for b in boxes(item.bbox)],
    }
    for table, parts in rows.items():
        for part in parts:
            made = connection.execute(sa.insert(table).values(part | {"number": number}))
            if table is BOX:
                _place(connection, made.inserted_primary_key[0], part)
    connection.exec_driver_sql("insert into words(rowid, body) values (?, ?)", (number, body(item)))


def _place(connection: sa.Connection, row: int, box: dict[str, float]) -> None:
    edges = (row, box["west"], box["east"], box["south"], box["north"])
    connection.exec_driver_sql("insert into place values (?, ?, ?, ?, ?)", edges)


def remove(connection: sa.Connection, name: str) -> None:
    """Take an item's row and all that hangs on it out."""
    number = connection.scalar(sa.select(OBJECT.c.number).where(OBJECT.c.id == name))
    if number is None:
        return
    connection.exec_driver_sql(
        "delete from place where row in (select row from box where number = ?)", (number,)
    )
    connection.exec_driver_sql("delete from words where rowid = ?", (number,))
    for table in PARTS:
        connection.execute(sa.delete(table).where(table.c.number == number))
    connection.execute(sa.delete(OBJECT).where(OBJECT.c.number == number))


def boxes(bbox: list[float] | None) -> list[tuple[float, float, float, float]]:
    """A bounding box as one or two that lie within ±180 degrees of longitude; none for no place."""
    if bbox is None:
        return []
    west, south, east, north = bbox
    if east - west >= 360:
        return [(-180.0, south, 180.0, north)]
    turn = ((west + 180) // 360) * 360
    west, east = west - turn, east - turn
    if east <= 180:
        return [(west, south, east, north)]
    return [(west, south, 180.0, north), (-180.0, south, east - 360, north)]


def body(item: pystac.Item) -> str:
    """What full-text search reads of an item."""
    p = item.properties
    people = " ".join(c["name"] for c in p.get("landsink:creators", []))
    names = " ".join([*p.get("landsink:variables", []), *p.get("keywords", [])])
    long = " ".join(v.get("description", "") for v in p.get("landsink:columns", {}).values())
    facts = ("title", "description", "sci:citation", "landsink:station", "landsink:specification")
    return " ".join([item.id, *(str(p.get(f, "")) for f in facts), people, names, long])
