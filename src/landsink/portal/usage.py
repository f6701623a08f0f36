"""Usage counted as COUNTER counts: no machine of a search engine, no double click, and no address is kept.

Source: COUNTER Code of Practice for Research Data 1.0 (double clicks within 30 s, robots, machine and human access).
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from landsink.catalogue.database import METADATA, Database

COUNT = sa.Table(
    "portal_usage",
    METADATA,
    sa.Column("object", sa.String(64), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    # 'view' of a description, or 'download' of bytes; by 'person' or 'machine' (a script that somebody wrote).
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("method", sa.String(16), primary_key=True),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("visitors", sa.Integer, nullable=False),
)
SEEN = sa.Table(
    "portal_usage_seen",
    METADATA,
    # A digest with a salt of the day, which goes with the day: nobody can be found from it.
    sa.Column("visitor", sa.String(64), primary_key=True),
    sa.Column("moment", sa.Float, nullable=False, index=True),
)
SALT = sa.Table(
    "portal_usage_salt",
    METADATA,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("salt", sa.String(64), nullable=False),
)
TABLES = (COUNT, SEEN, SALT)
DOUBLE_SECONDS = 30.0
ROBOT = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|archiver|index|fetcher|preview|scan|monitor|headless|lighthouse|facebookexternal",
    re.IGNORECASE,
)
MACHINE = re.compile(
    r"python|curl|wget|httpx|aiohttp|requests|libwww|java/|go-http|julia|\bR\b|gdal|landsink|xarray"
)


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Usage:
    """Counts in `database`. `clock` gives the moment."""

    database: Database
    clock: Callable[[], datetime] = now

    def count(self, name: str, kind: str, address: str, agent: str) -> bool:
        """Count a view or a download of an object; False where it is a robot's, or a double click."""
        if not agent or ROBOT.search(agent):
            return False
        moment = self.clock()
        day, method = moment.date().isoformat(), "machine" if MACHINE.search(agent) else "person"
        with self._ready.writing() as connection:
            digest = f"{self._salt(connection, day)} {address} {agent} {name} {kind}"
            visitor = hashlib.sha256(digest.encode("utf-8", "replace")).hexdigest()
            last = connection.scalar(sa.select(SEEN.c.moment).where(SEEN.c.visitor == visitor))
            if last is None:
                connection.execute(sa.insert(SEEN).values(visitor=visitor, moment=moment.timestamp()))
            else:
                rows = sa.update(SEEN).where(SEEN.c.visitor == visitor)
                connection.execute(rows.values(moment=moment.timestamp()))
            if last is not None and moment.timestamp() - last < DOUBLE_SECONDS:
                return False
            self._add(connection, (name, day, kind, method), int(last is None))
        return True

    def of(self, name: str) -> list[dict[str, Any]]:
        """Counts of an object by day: day, kind, method, total, visitors."""
        with self._ready.reading() as connection:
            rows = connection.execute(
                sa.select(COUNT)
                .where(COUNT.c.object == name)
                .order_by(COUNT.c.day, COUNT.c.kind, COUNT.c.method)
            )
            return [dict(r._mapping) for r in rows]

    @cached_property
    def _ready(self) -> Database:
        self.database.ensure(TABLES)
        return self.database

    def _salt(self, connection: sa.Connection, day: str) -> str:
        found = connection.scalar(sa.select(SALT.c.salt).where(SALT.c.day == day))
        if found is None:
            found = secrets.token_hex(32)
            # With its salt, all that yesterday's digests could tell is gone.
            connection.execute(sa.delete(SALT).where(SALT.c.day != day))
            old = (self.clock() - timedelta(days=1)).timestamp()
            connection.execute(sa.delete(SEEN).where(SEEN.c.moment < old))
            connection.execute(sa.insert(SALT).values(day=day, salt=found))
        return found

    def _add(self, connection: sa.Connection, key: tuple[str, str, str, str], fresh: int) -> None:
        columns = (COUNT.c.object, COUNT.c.day, COUNT.c.kind, COUNT.c.method)
        held = sa.and_(*(column == value for column, value in zip(columns, key, strict=True)))
        more = {"total": COUNT.c.total + 1, "visitors": COUNT.c.visitors + fresh}
        if not connection.execute(sa.update(COUNT).where(held).values(more)).rowcount:
            row = dict(zip(("object", "day", "kind", "method"), key, strict=True))
            connection.execute(sa.insert(COUNT).values(row | {"total": 1, "visitors": 1}))
