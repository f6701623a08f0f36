"""How objects hang together: names and what they begin, versions, and what was made from what."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from landsink.catalogue.index import OBJECT, SOURCE, doi
from landsink.catalogue.report import Defect
from landsink.catalogue.search import plain
from landsink.core.errors import UnknownName, near, unknown

# Identifiers before and behind an unknown name that are told as near misses.
BESIDE = 20


def find(connection: sa.Connection, name: str) -> int | None:
    """The number of what `name` begins; None where it begins nothing or several."""
    found = _matches(connection, name)
    return found[0].number if len(found) == 1 else None


def _matches(connection: sa.Connection, name: str) -> Sequence[sa.Row]:
    if not name or not plain(name):
        return []
    if number := doi(name):
        by = sa.select(OBJECT.c.number, OBJECT.c.id).where(OBJECT.c.doi == number)
        # Of several with one DOI the newest is meant: the DOI stands for all versions.
        return connection.execute(by.order_by(OBJECT.c.created.desc(), OBJECT.c.id).limit(1)).all()
    hexes = name.lower()
    # Ranges, not patterns: they use the index, and no sign in a name can mean anything.
    keys = [(OBJECT.c.id, name), (OBJECT.c.id, hexes), (OBJECT.c.sha256, hexes), (OBJECT.c.record, hexes)]
    held = [sa.and_(column >= key, column < key + "\x7f") for column, key in keys]
    rows = connection.execute(
        sa.select(OBJECT.c.number, OBJECT.c.id).where(sa.or_(*held)).order_by(OBJECT.c.id).limit(20)
    )
    found = rows.all()
    whole = [r for r in found if r.id == name]
    return whole or found


def resolve(connection: sa.Connection, name: str, root: Path) -> int:
    """The number of the one object that `name` begins; UnknownName with near misses otherwise."""
    found = _matches(connection, name)
    if len(found) > 1:
        raise UnknownName(
            f"'{name}' begins {len(found)} identifiers.", remedy=near(name, [r.id for r in found])
        )
    if not found:
        count = connection.scalar(sa.select(sa.func.count()).select_from(OBJECT))
        raise unknown(name, _around(connection, name), f"the catalogue at {root} ({count} items)")
    return found[0].number


def _around(connection: sa.Connection, name: str) -> list[str]:
    """Identifiers that stand beside `name` in their order: they share its first letters, and few are compared."""
    if not plain(name):
        return []
    ids = sa.select(OBJECT.c.id)
    below = ids.where(OBJECT.c.id < name).order_by(OBJECT.c.id.desc()).limit(BESIDE)
    above = ids.where(OBJECT.c.id > name).order_by(OBJECT.c.id).limit(BESIDE)
    return [*connection.scalars(below), *connection.scalars(above)]


def chain(connection: sa.Connection, number: int) -> list[Any]:
    """Rows of all versions, the oldest first, from any of them; a circle, which nobody should make, ends it."""
    columns = sa.select(OBJECT.c.id, OBJECT.c.previous, OBJECT.c.document)
    rows = [connection.execute(columns.where(OBJECT.c.number == number)).one()]
    seen = {rows[0].id}
    while rows[0].previous and rows[0].previous not in seen:
        earlier = connection.execute(columns.where(OBJECT.c.id == rows[0].previous)).one_or_none()
        if earlier is None:
            break
        rows.insert(0, earlier)
        seen.add(earlier.id)
    while (
        later := connection.execute(columns.where(OBJECT.c.previous == rows[-1].id)).one_or_none()
    ) is not None:
        if later.id in seen:
            break
        rows.append(later)
        seen.add(later.id)
    return rows


def succession(connection: sa.Connection, previous: str, name: str) -> list[Defect]:
    """What keeps the object `name` from being the next version of `previous`."""
    where, number = "description, previous", find(connection, previous)
    if number is None:
        return [
            Defect(
                where,
                f"'{previous}' is not one object of the catalogue.",
                "What it replaces.",
                "See 'landsink list'.",
            )
        ]
    line = [r.id for r in chain(connection, number)]
    held = connection.scalar(sa.select(OBJECT.c.id).where(OBJECT.c.number == number))
    after = line[line.index(held) + 1 :]
    if name in line[: line.index(held) + 1]:
        return [
            Defect(where, "the object would follow itself.", "Another, older object.", "Mend 'previous'.")
        ]
    if after and after[0] != name:
        return [
            Defect(
                where,
                f"'{held}' has a newer version, {after[0]}.",
                f"The newest: {line[-1]}.",
                f'Say previous = "{line[-1]}".',
            )
        ]
    return []


def lineage(connection: sa.Connection, number: int, above: tuple[int, ...]) -> dict[str, Any]:
    """An object with what it was made from, down to raw files; `above` are objects that it was used for."""
    row = connection.execute(sa.select(OBJECT).where(OBJECT.c.number == number)).one()
    made: dict[str, Any] = {
        "id": row.id,
        "title": row.title,
        "kind": row.kind,
        "sha256": row.sha256,
        "record": row.record,
    }
    uses = []
    for source in connection.execute(
        sa.select(SOURCE).where(SOURCE.c.number == number).order_by(SOURCE.c.row)
    ):
        held = sa.or_(
            OBJECT.c.id == source.name, sa.and_(OBJECT.c.sha256 == source.sha256, OBJECT.c.sha256 != "")
        )
        found = connection.scalar(sa.select(OBJECT.c.number).where(held).limit(1))
        if found is None or found in (*above, number):
            uses.append({"name": source.name, "sha256": source.sha256})
        else:
            uses.append(lineage(connection, found, (*above, number)))
    return made | {"uses": uses}
