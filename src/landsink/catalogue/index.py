"""The catalogue's tables, the same for SQLite and PostgreSQL, and what an item is to them."""

import re
import unicodedata
from types import ModuleType
from typing import Any

import pystac
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from landsink.catalogue import postgres, sqlite
from landsink.catalogue.database import METADATA

# An index of another number is made anew from the item files.
VERSION = 4
WORD = re.compile(r"[^\W_]+")


def exact() -> sa.types.TypeEngine:
    """Text that is sorted and compared letter by letter in every database, whatever its language."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


OBJECT = sa.Table(
    "object",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", exact(), nullable=False, unique=True),
    sa.Column("sha256", exact(), nullable=False, index=True),
    sa.Column("record", exact(), nullable=False, index=True),
    sa.Column("doi", exact(), nullable=False, index=True),
    sa.Column("kind", exact(), nullable=False, index=True),
    sa.Column("specification", exact(), nullable=False, index=True),
    sa.Column("licence", exact(), nullable=False, index=True),
    # Of a station: ecosystem, atmosphere or ocean; '' of all else.
    sa.Column("domain", exact(), nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("created", exact(), nullable=False, index=True),
    sa.Column("first", exact(), nullable=False, index=True),
    sa.Column("last", exact(), nullable=False),
    # An object may follow one other, and only one may follow it.
    sa.Column("previous", exact(), unique=True),
    sa.Column("document", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
)


def _rows_of(name: str, *columns: sa.Column) -> sa.Table:
    owner = sa.Column(
        "number", sa.ForeignKey("object.number", ondelete="cascade"), nullable=False, index=True
    )
    return sa.Table(name, METADATA, sa.Column("row", sa.Integer, primary_key=True), owner, *columns)


VARIABLE = _rows_of("variable", sa.Column("name", exact(), nullable=False, index=True))
SOURCE = _rows_of(
    "source",
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sha256", exact(), nullable=False, index=True),
)
MEMBER = _rows_of("member", sa.Column("id", exact(), nullable=False, index=True))
EDGES = ("west", "south", "east", "north")
BOX = _rows_of("box", *(sa.Column(edge, sa.Float(53), nullable=False) for edge in EDGES))
PARTS = (VARIABLE, SOURCE, MEMBER, BOX)
TABLES = (OBJECT, *PARTS)


def engine(connection: sa.Connection) -> ModuleType:
    """What is a database's own: its full text, its boxes, and the number of its index."""
    return postgres if connection.dialect.name == "postgresql" else sqlite


def fresh(connection: sa.Connection) -> bool:
    """Whether the index is of this version."""
    return engine(connection).version(connection) == VERSION


def make(connection: sa.Connection) -> None:
    """An empty index; what an older version left is dropped, since the item files are the truth."""
    engine(connection).make(connection, TABLES, VERSION)


def insert(connection: sa.Connection, item: pystac.Item) -> None:
    """Enter an item, or describe it anew; what it was made from and where it lies go into rows of their own."""
    remove(connection, item.id)
    p = item.properties
    row = {
        "id": item.id,
        "sha256": p.get("landsink:sha256", ""),
        "record": p.get("landsink:record", ""),
        "doi": doi(str(p.get("sci:doi", ""))),
        "kind": p.get("landsink:kind", "run"),
        "specification": p.get("landsink:specification", ""),
        "licence": p.get("license", ""),
        "domain": p.get("landsink:domain", ""),
        "title": p.get("title", ""),
        "created": p.get("created", ""),
        "first": p.get("start_datetime") or "",
        "last": p.get("end_datetime") or "",
        "previous": p.get("landsink:previous"),
        "document": item.to_dict(include_self_link=False, transform_hrefs=False),
    }
    number = connection.execute(sa.insert(OBJECT).values(row)).inserted_primary_key[0]
    rows: dict[sa.Table, list[dict[str, Any]]] = {
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
        if parts:
            connection.execute(sa.insert(table).values([{"number": number} | part for part in parts]))
    engine(connection).enter(connection, number, tokens(body(item)))


def remove(connection: sa.Connection, name: str) -> None:
    """Take an item's row and all that hangs on it out."""
    number = connection.scalar(sa.select(OBJECT.c.number).where(OBJECT.c.id == name))
    if number is None:
        return
    engine(connection).leave(connection, number)
    for table in PARTS:
        connection.execute(sa.delete(table).where(table.c.number == number))
    connection.execute(sa.delete(OBJECT).where(OBJECT.c.number == number))


def tokens(text: str) -> list[str]:
    """The words of a text as they are searched: no accents, small letters, cut at all but letters and digits."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return WORD.findall(bare.casefold())


def doi(text: str) -> str:
    """A DOI without what may stand before it ('doi:', 'https://doi.org/'), in small letters; '' where it is none."""
    found = re.fullmatch(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)", text.strip().lower())
    return found[1] if found else ""


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
