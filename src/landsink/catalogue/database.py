"""The databases of a catalogue: SQLite in its folder, or one PostgreSQL of several servers; one way to use both."""

import fcntl
import functools
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.pool import NullPool

from landsink.core.errors import DataError

# Every table of the house, the catalogue's and the portal's: migrations are held to it.
METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# The migration that this code needs of PostgreSQL; `landsink database upgrade` brings a database to it.
REVISION = "0003"
# Long enough for a crowd of tiles or runs that finish at once on a slow disk.
PATIENCE_SECONDS = 60.0
# What PostgreSQL says that an owner can mend: no connection, no room, waited too long, shutting down, read only.
MENDABLE = ("08", "28", "3D", "53", "55", "57", "58", "25006")
# A machine that lost its power must not hold a lock for the hours that TCP waits by itself.
SESSION = f"""
set lock_timeout = '{PATIENCE_SECONDS:.0f}s'; set tcp_keepalives_idle = 60; set tcp_keepalives_interval = 10;
set tcp_keepalives_count = 6; set timezone = 'UTC'; set jit = off
"""


@dataclass(frozen=True)
class Database:
    """A database and who writes in it: writers of one `purpose` wait for each other, on all machines.

    `url` is an SQLAlchemy URL: sqlite:////a/file.sqlite, or postgresql://user:password@host/name, whose tables
    `landsink database upgrade` makes. Safe for several threads and processes at once.
    """

    url: str = field(repr=False)
    purpose: str = "portal"

    @classmethod
    def file(cls, path: Path, purpose: str = "portal") -> "Database":
        """An embedded one: SQLite in a file, which is made when it is first used."""
        return cls(sa.URL.create("sqlite", database=str(path.absolute())).render_as_string(), purpose)

    @property
    def embedded(self) -> bool:
        """Whether it is a file of this machine."""
        return self.url.startswith("sqlite")

    @property
    def name(self) -> str:
        """The database as it may be shown: without its password."""
        url = address(self.url)
        return str(url.database) if self.embedded else url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one state of the database. DataError where there is none, or of another version."""
        with self._said():
            self.check()
            with self._connected() as connection:
                mode = "" if self.embedded else " isolation level repeatable read read only"
                connection.exec_driver_sql(f"begin{mode}")
                yield connection
                connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection that alone may write; everything in it holds together, or nothing does."""
        with self._said():
            self.check()
            with self.alone() as connection:
                yield connection

    @contextmanager
    def alone(self) -> Iterator[sa.Connection]:
        """The same, whatever the version of its tables: for those who change it."""
        with self._connected() as connection:
            self._lock(connection)
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def ensure(self, tables: Sequence[sa.Table]) -> None:
        """Make what is missing of `tables` in an embedded database; PostgreSQL's come by migration."""
        if self.embedded:
            _made(self, os.getpid(), tuple(tables))

    def check(self) -> None:
        """DataError where PostgreSQL's tables are older or newer than this code, with what to do."""
        if not self.embedded:
            _checked(self.url, os.getpid())

    def revision(self) -> str:
        """The migration that PostgreSQL's tables are at; '' where there are none."""
        with self._said(), self._connected() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return ""
            return connection.exec_driver_sql("select version_num from alembic_version").scalar() or ""

    def engine(self) -> sa.Engine:
        """The engine, for migrations; transactions are begun by hand."""
        return _engine(self.url, os.getpid())

    def _connected(self) -> sa.Connection:
        return self.engine().connect()

    def _lock(self, connection: sa.Connection) -> None:
        if self.embedded:
            connection.exec_driver_sql("begin immediate")
            return
        connection.exec_driver_sql("begin")
        connection.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": number(self.purpose)})

    @contextmanager
    def claim(self, name: str) -> Iterator[None]:
        """Hold `name` among all who use this database until done; the system lets go of it however its owner ends."""
        if self.embedded:
            with _claimed_here(self._mark(name)):
                yield
            return
        with self._said(), self._connected() as connection:
            connection.exec_driver_sql("begin")
            connection.execute(
                sa.text("select pg_advisory_xact_lock(:key)"), {"key": number(f"claim {name}")}
            )
            yield
            connection.rollback()

    def claimed(self, name: str) -> bool:
        """Whether somebody living holds `name`, on any machine."""
        if self.embedded:
            return _held_here(self._mark(name))
        with self._said(), self._connected() as connection:
            connection.exec_driver_sql("begin")
            asked = sa.text("select pg_try_advisory_xact_lock(:key)")
            free = connection.execute(asked, {"key": number(f"claim {name}")}).scalar()
            connection.rollback()
            return not free

    def _mark(self, name: str) -> Path:
        return Path(self.name).parent / ".claims" / f"{number(name) & (2**64 - 1):016x}"

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DatabaseError as error:
            mendable = isinstance(error, OperationalError) or _code(error).startswith(MENDABLE)
            if not mendable:
                raise
            raise self._unusable(error.orig) from error
        except InterfaceError as error:
            raise self._unusable(error.orig) from error

    def _unusable(self, reason: Any) -> DataError:
        if self.embedded:
            expected = "A folder that can be written, on a disk with room."
            return DataError(
                f"The database {self.name} cannot be used ({reason}).",
                expected,
                "Nothing was changed; make room or mend the folder and do it again.",
            )
        return DataError(
            f"The database {self.name} cannot be used ({reason}).",
            "A PostgreSQL that runs, with room and rights, as LANDSINK_DATABASE says.",
            "Nothing was changed; mend it and do it again.",
        )


def address(url: str) -> sa.URL:
    """A URL as SQLAlchemy reads it, PostgreSQL by pg8000. DataError where it is none, or of another engine."""
    expected = "sqlite:////a/file.sqlite or postgresql://user:password@host/name."
    try:
        made = sa.engine.make_url(url)
    except ArgumentError as error:
        # The text may hold a password: it is not repeated.
        raise DataError("LANDSINK_DATABASE is no URL of a database.", expected) from error
    engine = made.get_backend_name()
    if engine in ("postgresql", "postgres"):
        return made.set(drivername="postgresql+pg8000")
    if engine != "sqlite" or not made.database:
        raise DataError(f"LANDSINK_DATABASE asks for '{engine}'.", expected)
    return made


def number(name: str) -> int:
    """A name as PostgreSQL's advisory locks are called: a signed number of 64 bits."""
    return int.from_bytes(hashlib.sha256(f"landsink {name}".encode()).digest()[:8], "big", signed=True)


@functools.lru_cache(maxsize=64)
def _engine(url: str, process: int) -> sa.Engine:
    """One engine for each process: a connection must not be shared with a forked child."""
    where = address(url)
    return _sqlite(where) if where.get_backend_name() == "sqlite" else _postgres(where)


def _sqlite(where: sa.URL) -> sa.Engine:
    Path(str(where.database)).parent.mkdir(parents=True, exist_ok=True)
    path = str(where.database)
    # SQLAlchemy begins transactions itself, so that a writer holds its lock from the first line.
    return sa.create_engine(where, poolclass=NullPool, creator=lambda: _opened(path))


def _opened(path: str) -> sqlite3.Connection:
    """A connection that writes ahead. On a full disk, where what readers share has no room, one that reads alone."""
    made = _joined(path, "normal")
    try:
        made.execute("pragma journal_mode = wal")
    except sqlite3.OperationalError as error:
        made.close()
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise
        # Its index lies in memory then: reading goes on, and a writer fails at its first line, as it must.
        made = _joined(path, "exclusive")
        made.execute("pragma journal_mode = wal")
    made.execute("pragma synchronous = full")
    made.execute("pragma foreign_keys = on")
    return made


def _joined(path: str, mode: str) -> sqlite3.Connection:
    made = sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)
    made.execute(f"pragma locking_mode = {mode}")
    return made


def _postgres(where: sa.URL) -> sa.Engine:
    try:
        # As many connections as a server has threads, and a few are kept open.
        made = sa.create_engine(
            where, isolation_level="AUTOCOMMIT", pool_size=4, max_overflow=44, pool_pre_ping=True
        )
    except ModuleNotFoundError as error:
        raise DataError(
            "PostgreSQL's driver is not installed.", "pg8000.", "pip install 'landsink[postgres]'"
        ) from error

    @event.listens_for(made, "connect")
    def _connected(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for line in SESSION.split(";"):
            cursor.execute(line)
        cursor.close()

    return made


@functools.lru_cache(maxsize=256)
def _made(database: Database, process: int, tables: tuple[sa.Table, ...]) -> None:
    with database.writing() as connection:
        METADATA.create_all(connection, tables=list(tables))


@functools.lru_cache(maxsize=64)
def _checked(url: str, process: int) -> None:
    database = Database(url)
    found = database.revision()
    if found == REVISION:
        return
    said = f"has tables of version {found}" if found else "has no tables of landsink"
    remedy = (
        "Say 'landsink database upgrade'." if found < REVISION else "Install the newer landsink here too."
    )
    raise DataError(f"The database {database.name} {said}.", f"Version {REVISION}.", remedy)


@contextmanager
def _claimed_here(mark: Path) -> Iterator[None]:
    mark.parent.mkdir(parents=True, exist_ok=True)
    lock = _locked(mark)
    while not os.fstat(lock).st_nlink:
        # Who held it before took the file with it: another may hold a new one.
        os.close(lock)
        lock = _locked(mark)
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)
        os.close(lock)


def _locked(mark: Path) -> int:
    lock = os.open(mark, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _held_here(mark: Path) -> bool:
    try:
        lock = os.open(mark, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _code(error: DatabaseError) -> str:
    """PostgreSQL's five letters for an error; '' where there are none."""
    said = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return str(said.get("C", "")) if isinstance(said, dict) else ""
