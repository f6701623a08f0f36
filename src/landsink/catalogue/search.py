"""Search: words, place, time, variables and kinds, page by page, with what else could be asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import pystac
import sqlalchemy as sa

from landsink.catalogue.index import BOX, OBJECT, VARIABLE, boxes, engine, tokens
from landsink.catalogue.metadata import instant
from landsink.core.errors import DataError

MOST = 1000
FACETS = {
    "kind": OBJECT.c.kind,
    "licence": OBJECT.c.licence,
    "specification": OBJECT.c.specification,
    "variable": VARIABLE.c.name,
}
SHOWN = 50


@dataclass(frozen=True)
class Query:
    """What is asked. All that is given must hold; of several names of one aspect any may; `ids` are whole ones.

    `words` may be beginnings of words. `bbox` is west, south, east, north in degrees, and may cross the date line as
    (170, -50, 190, -30). `start` and `end` are ISO dates; what overlaps them is found. `latest` leaves out what has
    a newer version. `domains` are those of stations: ecosystem, atmosphere, ocean.
    """

    words: str = ""
    bbox: tuple[float, float, float, float] | None = None
    start: str = ""
    end: str = ""
    variables: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    latest: bool = True
    limit: int = 20
    offset: int = 0
    licences: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    specifications: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    # What has no place lies in every box, and what has no time in every time, as OGC API Features has it.
    loose: bool = False

    def checked(self) -> "Query":
        """The same with dates as the index writes them; DataError where something cannot be asked."""
        if not (1 <= self.limit <= MOST and self.offset >= 0):
            raise DataError(
                f"A page of {self.limit} from {self.offset}.", f"A page of 1 to {MOST}, from 0 on."
            )
        names = (self.variables, self.kinds, self.licences, self.ids, self.specifications, self.domains)
        for name in chain(*names):
            if not plain(name):
                raise DataError("A name holds signs that no name may hold.", "Plain text.")
        if self.bbox is not None:
            west, south, east, north = self.bbox
            if not (-360 <= west <= east <= 360 and -90 <= south <= north <= 90):
                raise DataError(
                    f"{list(self.bbox)} is no box.", "West, south, east, north in degrees, in this order."
                )
        return replace(self, start=_stamp(self.start, "T00:00:00Z"), end=_stamp(self.end, "T23:59:59Z"))


@dataclass(frozen=True)
class Page:
    """`items` of one page, the best first; `total` in all; `facets`: aspect -> value -> how many."""

    items: tuple[pystac.Item, ...]
    total: int
    facets: dict[str, dict[str, int]]
    offset: int


@dataclass(frozen=True)
class Extent:
    """How far objects reach: west, south, east, north in degrees (the whole way round where one crosses the date line),
    None without a place; the first and the last moment, '' without a time."""

    bbox: tuple[float, float, float, float] | None
    start: str
    end: str


def find(connection: sa.Connection, query: Query) -> Page:
    """Answer a query from the index."""
    query = query.checked()
    hits, order = _hits(connection, query)
    total, facets = _counts(connection, hits)
    rows = sa.select(OBJECT.c.document).join(hits, hits.c.number == OBJECT.c.number)
    page = connection.execute(rows.order_by(*order).limit(query.limit).offset(query.offset)).scalars()
    items = tuple(pystac.Item.from_dict(row) for row in page)
    return Page(items, total, facets, query.offset)


def extent(connection: sa.Connection, kinds: Sequence[str]) -> Extent:
    """How far objects of these kinds reach, of all where none is named; every version counts."""
    own = [OBJECT.c.kind.in_(kinds)] if kinds else []
    low, high = sa.func.min, sa.func.max
    edges = (low(BOX.c.west), low(BOX.c.south), high(BOX.c.east), high(BOX.c.north))
    box = sa.select(*edges).join(OBJECT, OBJECT.c.number == BOX.c.number).where(*own)
    west, south, east, north = connection.execute(box).one()
    first = connection.scalar(sa.select(low(OBJECT.c.first)).where(*own, OBJECT.c.first != ""))
    last = connection.scalar(sa.select(high(OBJECT.c.last)).where(*own, OBJECT.c.last != ""))
    return Extent(None if west is None else (west, south, east, north), first or "", last or "")


def plain(name: str) -> bool:
    """Whether a database can hold a text at all: no NUL, no half of a letter."""
    return "\x00" not in name and not any("\ud800" <= letter <= "\udfff" for letter in name)


def _hits(connection: sa.Connection, query: Query) -> tuple[sa.CTE, list[Any]]:
    """Numbers (and ranks) of all that is found, and the order of the best first."""
    newest = [OBJECT.c.created.desc(), OBJECT.c.id]
    words = asked(query.words)
    if words:
        # The full-text index leads: it is the most selective, and the others only strike out.
        found = engine(connection).matches(words).subquery()
        chosen = sa.select(OBJECT.c.number, found.c.score).join(found, found.c.number == OBJECT.c.number)
    else:
        chosen = sa.select(OBJECT.c.number, sa.literal(0.0).label("score"))
    hits = chosen.where(*_conditions(connection, query)).cte("hits")
    return hits, [hits.c.score, *newest]


def _conditions(connection: sa.Connection, query: Query) -> list[Any]:
    held: list[Any] = []
    if query.words.strip() and not asked(query.words):
        held.append(sa.false())
    timeless = (OBJECT.c.first == "") if query.loose else sa.false()
    if query.start:
        held.append(sa.or_(timeless, sa.and_(OBJECT.c.last != "", OBJECT.c.last >= query.start)))
    if query.end:
        held.append(sa.or_(timeless, sa.and_(OBJECT.c.first != "", OBJECT.c.first <= query.end)))
    named = {
        "kind": query.kinds,
        "licence": query.licences,
        "id": query.ids,
        "specification": query.specifications,
        "domain": query.domains,
    }
    held += [OBJECT.c[column].in_(names) for column, names in named.items() if names]
    if query.variables:
        held.append(
            OBJECT.c.number.in_(sa.select(VARIABLE.c.number).where(VARIABLE.c.name.in_(query.variables)))
        )
    if query.bbox is not None:
        placeless = [OBJECT.c.number.not_in(sa.select(BOX.c.number))] if query.loose else []
        within = (_overlaps(connection, *box) for box in boxes(list(query.bbox)))
        held.append(sa.or_(*placeless, *within))
    if query.latest:
        newer = OBJECT.alias("newer")
        held.append(~sa.exists().where(newer.c.previous == OBJECT.c.id))
    return held


def _overlaps(connection: sa.Connection, west: float, south: float, east: float, north: float) -> Any:
    # The tree proposes, the exact edges decide.
    near = engine(connection).near(west, south, east, north)
    exact = sa.and_(BOX.c.west <= east, BOX.c.east >= west, BOX.c.south <= north, BOX.c.north >= south)
    rows = sa.select(BOX.c.number).where(BOX.c.row.in_(near), exact)
    return OBJECT.c.number.in_(rows)


def _counts(connection: sa.Connection, hits: sa.CTE) -> tuple[int, dict[str, dict[str, int]]]:
    """How many are found, and of what; in one statement, so that the search is done once."""
    count = sa.func.count()
    parts = [sa.select(sa.literal(""), sa.literal(""), count).select_from(hits)]
    for name, column in FACETS.items():
        rows = sa.select(sa.literal(name), column, count).select_from(hits)
        parts.append(
            rows.join(column.table, column.table.c.number == hits.c.number)
            .where(column != "")
            .group_by(column)
        )
    found: dict[str, dict[str, int]] = {name: {} for name in FACETS}
    total = 0
    for name, value, n in connection.execute(sa.union_all(*parts)):
        if name:
            found[name][value] = n
        else:
            total = n
    ordered = {
        name: sorted(rows.items(), key=lambda r: (-r[1], r[0]))[:SHOWN] for name, rows in found.items()
    }
    return total, {name: dict(rows) for name, rows in ordered.items()}


def asked(words: str) -> list[list[str]]:
    """Words of a person: every word may be the beginning of one, and no sign commands; 'nee_mean' is two in a row."""
    return [found for word in words.split() for found in _runs(word)]


def _runs(word: str) -> list[list[str]]:
    """The words in what stands between blanks: 'soil-stocks' is two, 'nee_mean' one of two parts."""
    return [parts for run in re.findall(r"\w+", word) if (parts := tokens(run))]


def _stamp(word: str, rest: str) -> str:
    if not word:
        return ""
    moment = instant(word)
    if moment is None:
        raise DataError(f"'{word}' is no date.", "A day as 2024-05-31.")
    return word + rest if len(word) == 10 else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
