"""What is PostgreSQL's own in the index: full text by tsvector, boxes by GiST, its number in a table."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from landsink.catalogue.database import METADATA

WORDS = sa.Table(
    "words",
    METADATA,
    sa.Column("number", sa.ForeignKey("object.number", ondelete="cascade"), primary_key=True),
    sa.Column("body", postgresql.TSVECTOR(), nullable=False),
    sa.Index("ix_words_body", "body", postgresql_using="gin"),
)
STATE = sa.Table(
    "index_state", METADATA, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False)
)
# PostgreSQL's limits: positions of a word, and the letters of one.
LAST, LONGEST = 16383, 500
# The R-tree of boxes is PostgreSQL's own, in double precision: a question of boxes needs no PostGIS.
GIST = "box(point(west, south), point(east, north))"


def version(connection: sa.Connection) -> int:
    """The number of the index; 0 where there is none."""
    return int(connection.scalar(sa.select(STATE.c.version)) or 0)


def make(connection: sa.Connection, tables: Sequence[sa.Table], number: int) -> None:
    """Empty the index. Migrations made its tables."""
    for table in (WORDS, *reversed(tables), STATE):
        connection.execute(sa.delete(table))
    connection.execute(sa.insert(STATE).values(version=number))


def enter(connection: sa.Connection, number: int, tokens: Sequence[str]) -> None:
    """Enter an object's words; its boxes are rows already."""
    places: dict[str, list[int]] = {}
    for place, token in enumerate(tokens, 1):
        places.setdefault(token[:LONGEST], []).append(min(place, LAST))
    # Tokens are letters and digits alone, so that nothing in them can command.
    vector = " ".join(f"'{token}':{','.join(map(str, at[:250]))}" for token, at in places.items())
    body = sa.cast(sa.literal(vector, sa.Text), postgresql.TSVECTOR)
    connection.execute(sa.insert(WORDS).values(number=number, body=body))


def leave(connection: sa.Connection, number: int) -> None:
    """Take an object's words out."""
    connection.execute(sa.delete(WORDS).where(WORDS.c.number == number))


def matches(words: Sequence[Sequence[str]]) -> Any:
    """Numbers and scores (the least is the best) of objects with all `words`; the last token of each may go on."""
    phrases = [" <-> ".join([*(f"'{t[:LONGEST]}'" for t in w[:-1]), f"'{w[-1][:LONGEST]}':*"]) for w in words]
    asked = sa.cast(sa.literal(" & ".join(f"({p})" for p in phrases), sa.Text), postgresql.TSQUERY)
    # Logarithm of the length divides: a long description is no better than a short one.
    score = (-sa.func.ts_rank(WORDS.c.body, asked, 1)).label("score")
    return sa.select(WORDS.c.number, score).where(WORDS.c.body.bool_op("@@")(asked))


def near(west: float, south: float, east: float, north: float) -> Any:
    """Rows of boxes that overlap one."""
    tree = sa.text(f"select row from box where {GIST} && box(point(:w, :s), point(:e, :n))")
    edges = {"e": east, "w": west, "n": north, "s": south}
    bound = tree.bindparams(*(sa.bindparam(k, v, sa.Float, unique=True) for k, v in edges.items()))
    return bound.columns(sa.column("row", sa.Integer))
