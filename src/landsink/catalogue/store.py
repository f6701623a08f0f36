"""The catalogue: STAC items, the objects that they describe, and an index; in a folder, or in S3 and PostgreSQL."""

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pystac
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from landsink.catalogue import index, relations, search
from landsink.catalogue.blobs import Blobs, blobs
from landsink.catalogue.checksums import united
from landsink.catalogue.content import Content, content, inside
from landsink.catalogue.database import Database
from landsink.catalogue.descriptions import Descriptions
from landsink.catalogue.distant import DistantObjects
from landsink.catalogue.index import OBJECT
from landsink.catalogue.item import describe_collection, describe_object
from landsink.catalogue.limits import Limits
from landsink.catalogue.metadata import Metadata, instant
from landsink.catalogue.objects import Objects
from landsink.catalogue.report import Defect, Report
from landsink.catalogue.search import Extent
from landsink.catalogue.specification import Specification
from landsink.catalogue.trial import examine
from landsink.core.errors import DataError
from landsink.core.home import home

NAME = re.compile(r"[A-Za-z0-9_-]{12,64}")


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


class Rejected(DataError):
    """A file that was not taken in; `report` tells every defect. Nothing of it was kept."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(str(report), "", "Nothing was kept.")


@dataclass(frozen=True)
class Catalogue:
    """Data objects under `root`: items/<id>.json say what they are, objects/<id>/ hold the bytes taken in.

    The item files are the truth; the index is made again from them where it is lost or old. An identifier is the
    short SHA-256 of the content for what was taken in, and of the record for a run, whose bytes stay in its folder.
    Safe for several threads and processes at once. `clock` gives the moment, by which an embargo ends.
    With `server` (URL of PostgreSQL) the index lies there, and with `store` (s3://…) items and bytes do, those of runs
    too; then several machines share one catalogue, and `root` holds copies of what was read here.
    """

    root: Path
    clock: Callable[[], datetime] = now
    limits: Limits = field(default_factory=Limits)
    server: str = field(default="", repr=False)
    store: str = ""

    @classmethod
    def configured(cls) -> "Catalogue":
        """The user's own, as LANDSINK_HOME, LANDSINK_DATABASE (SQLAlchemy URL) and LANDSINK_STORE (s3://…) say."""
        where = os.environ
        return cls(home(), server=where.get("LANDSINK_DATABASE", ""), store=where.get("LANDSINK_STORE", ""))

    @property
    def database(self) -> Database:
        """The database of all that cannot be made again: accounts, tokens, usage, jobs. Call `ensure` on tables."""
        return Database(self.server) if self.server else Database.file(self.root / "portal.sqlite")

    # --- taking in

    def try_ingest(self, path: Path, specification: Specification, metadata: Metadata) -> Report:
        """A dry run: every defect that would keep `path` out, with what was expected and what to do. Keeps nothing."""
        # Where there is a catalogue, beside its objects: a sweep removes there what a dead process unpacked.
        held = self.objects.staging() if self.root.is_dir() else tempfile.TemporaryDirectory()
        with held as folder:
            report, _, _ = examine(Path(path), specification, metadata, self.limits, Path(folder), None)
        return self._known(report, metadata)

    def ingest(self, path: Path, specification: Specification, metadata: Metadata) -> pystac.Item:
        """Take `path` in: copied, tried, moved to its place in one step, and described. Returns its item.

        What is there already is described anew and keeps its bytes and date. Raises Rejected with the report, or
        DataError where the disk is full; either leaves nothing behind.
        """
        return self.ingest_reported(path, specification, metadata)[1]

    def ingest_reported(
        self, path: Path, specification: Specification, metadata: Metadata, name: str = ""
    ) -> tuple[Report, pystac.Item]:
        """The same as `ingest`, with the report of the trial that the file passed.

        `name` is what its sender called the file, where `path` is called otherwise.
        """
        objects = self.objects
        with objects.staging() as folder:
            found, staged, form = examine(Path(path), specification, metadata, self.limits, folder, objects)
            report = self._known(found, metadata)
            if not report.accepted or staged is None:
                raise Rejected(report)
            metadata = self._resolved(metadata)
            if name:
                report = replace(report, path=Path(Path(name).name[:200]))
            item = describe_object(report, metadata, specification.kind, form, self.clock())
            with objects.offer({staged.name: staged}, item.id) as offered:
                self._store(item, offered)
        return report, item

    def add(self, item: pystac.Item) -> pystac.Item:
        """Enter an item; one of the same record replaces the old and keeps its date. Returns what is stored.

        A distant store takes what its assets name on this machine with it. DataError where that is gone.
        """
        near = {Path(a.href).name: Path(a.href) for a in item.assets.values() if Path(a.href).is_absolute()}
        if not self.store or not near:
            self._store(item, None)
            return item
        if gone := [str(path) for path in near.values() if not path.exists()]:
            raise DataError(f"{', '.join(gone)} of '{item.id}' is gone.", "The files that the item names.")
        _identified(item)
        made = pystac.Item.from_dict(item.to_dict(include_self_link=False, transform_hrefs=False))
        with self.objects.offer(near, item.id, again=True) as token:
            for asset in made.assets.values():
                if Path(asset.href).is_absolute():
                    asset.href = f"../objects/{item.id}/{token}/{Path(asset.href).name}"
            self._store(made, token, again=True)
        return made

    def collect(self, names: Iterable[str], metadata: Metadata) -> pystac.Item:
        """Enter a collection of catalogued objects; its identifier is a hash over theirs, whatever their order."""
        members = sorted((self.get(n) for n in set(names)), key=lambda m: m.id)
        defects = metadata.defects(Specification("collection", "", "collection", ()))
        if not members or defects:
            found = "; ".join(map(str, defects)) or "A collection of nothing."
            raise DataError(found, "At least one member, a title, creators and a licence.")
        digest = united(_digest(m) for m in members)
        return self.add(describe_collection(digest, members, self._resolved(metadata), self.clock()))

    # --- finding

    def list(self) -> list[pystac.Item]:
        """All items, the newest first."""
        with self._reading() as connection:
            rows = connection.execute(
                sa.select(OBJECT.c.document).order_by(OBJECT.c.created.desc(), OBJECT.c.id)
            )
            return [pystac.Item.from_dict(row) for row in rows.scalars()]

    def get(self, name: str) -> pystac.Item:
        """The item whose identifier, content's SHA-256 or record starts with `name`; else UnknownName, near misses."""
        with self._reading() as connection:
            number = relations.resolve(connection, name, self.root)
            return pystac.Item.from_dict(
                connection.scalar(sa.select(OBJECT.c.document).where(OBJECT.c.number == number))
            )

    def search(self, query: search.Query) -> search.Page:
        """A page of what a query finds, with facets."""
        with self._reading() as connection:
            return search.find(connection, query)

    def extent(self, kinds: tuple[str, ...] = ()) -> Extent:
        """How far objects of these kinds, or all, reach in space and time, by the index alone."""
        with self._reading() as connection:
            return search.extent(connection, kinds)

    def versions(self, name: str) -> Sequence[pystac.Item]:
        """All versions of an object, the oldest first."""
        with self._reading() as connection:
            at = relations.resolve(connection, name, self.root)
            rows = {r.id: r for r in relations.chain(connection, at)}
        return [pystac.Item.from_dict(r.document) for r in rows.values()]

    def latest(self, name: str) -> pystac.Item:
        """The newest version of an object."""
        return self.versions(name)[-1]

    def path(self, name: str) -> Path:
        """Where an object's bytes lie. DataError while its embargo lasts, or where it has no bytes of its own."""
        item = self.get(name)
        if until := self.embargoed(item):
            raise DataError(
                f"'{item.id}' is under embargo until {until:%Y-%m-%d}.",
                "",
                "Its description is free; wait for that day.",
            )
        return self.asset(item, self._data(item))

    def content(self, name: str) -> Content:
        """The bytes of an object that is a file, in parts; DataError while its embargo lasts, or for a folder."""
        item = self.get(name)
        if until := self.embargoed(item):
            raise DataError(f"'{item.id}' is under embargo until {until:%Y-%m-%d}.", "", "Wait for that day.")
        return content(self.objects, item, self._data(item))

    def asset(self, item: pystac.Item, key: str) -> Path:
        """Where the bytes of an item's asset lie on this machine; a distant store's are fetched when first asked for.

        Asks for no embargo: `path` does.
        """
        inner = inside(item, key)
        return self.objects.path(item.id, inner) if inner else Path(item.assets[key].href)

    @staticmethod
    def _data(item: pystac.Item) -> str:
        keys = [key for key, a in item.assets.items() if "data" in (a.roles or [])]
        if not keys:
            raise DataError(
                f"'{item.id}' has no bytes of its own.", "A data object or a run.", "Ask for its members."
            )
        return keys[0]

    def embargoed(self, item: pystac.Item) -> datetime | None:
        """The end of an item's embargo while it lasts, by the catalogue's clock; None once it is over."""
        until = instant(item.properties.get("landsink:embargo", ""))
        return until if until and self.clock() < until else None

    def lineage(self, name: str) -> dict[str, Any]:
        """What an object was made from, down to raw files: id, title, kind, uses; a raw file has name and sha256."""
        with self._reading() as connection:
            return relations.lineage(connection, relations.resolve(connection, name, self.root), ())

    # --- keeping

    def sweep(self) -> Sequence[str]:
        """Put in order what a dead process left: half-taken objects go, whole ones are indexed. Says what was done."""
        count = self.objects.sweep()
        done = [f"removed {count} half-taken objects"] if count else []
        if not (self.root.is_dir() or self.server or self.store):
            return done
        with self._writing() as connection:
            done += self.descriptions.sweep()
            files = self.described()
            for name in sorted(self.objects.names() - files):
                self.objects.drop(name)
                done.append(f"removed {name}, which nobody describes")
            rows = set(connection.scalars(sa.select(OBJECT.c.id)))
            for name in sorted(files - rows):
                done.append(self._indexed_anew(connection, name))
            for name in sorted(rows - files):
                index.remove(connection, name)
                done.append(f"forgot {name}, whose description is gone")
        return done

    def reindex(self) -> int:
        """Make the index again from the item files; returns how many there are."""
        with self._writing() as connection:
            return self._rebuild(connection)

    def read(self, name: str) -> pystac.Item:
        """An item from its file. DataError where it cannot be read, or bears another's name."""
        return self.descriptions.read(name)

    def described(self) -> set[str]:
        """Identifiers that have a description, readable or not."""
        return self.descriptions.names()

    @cached_property
    def blobs(self) -> Blobs:
        """Where items and bytes lie, by key: `root`, or the S3 store."""
        return blobs(self.store, self.root)

    @property
    def descriptions(self) -> Descriptions:
        """The item files."""
        return Descriptions(self.blobs)

    @property
    def objects(self) -> Objects:
        """The bytes that were taken in."""
        if not self.store:
            return Objects(self.root / "objects", self.limits)
        return DistantObjects(self.root / "objects", self.limits, self.blobs, self._index())

    # --- within

    def _known(self, report: Report, metadata: Metadata) -> Report:
        """The report with what only the catalogue can tell: versions, sources, and whether it is known."""
        defects = list(report.defects)
        with self._reading() as connection:
            for use in metadata.uses:
                if relations.find(connection, use) is None:
                    defects.append(
                        Defect(
                            "description, uses",
                            f"'{use}' is not in the catalogue.",
                            "What was taken in.",
                            "Ingest it first.",
                        )
                    )
            if metadata.previous:
                defects += relations.succession(connection, metadata.previous, report.id)
            known = bool(report.id) and connection.scalar(
                sa.select(OBJECT.c.id).where(OBJECT.c.id == report.id)
            )
        return replace(report, defects=tuple(defects), known=bool(known))

    def _resolved(self, metadata: Metadata) -> Metadata:
        previous = self.get(metadata.previous).id if metadata.previous else ""
        return replace(metadata, previous=previous, uses=tuple(self.get(u).id for u in metadata.uses))

    def _store(self, item: pystac.Item, offered: str | None, again: bool = False) -> None:
        """Bytes, row and description of an item: all of them, or none."""
        _identified(item)
        undone: list[Callable[[], None]] = []
        with self._locked():
            before = self.descriptions.content(item.id)
            if before is not None:
                item.properties["created"] = json.loads(before)["properties"]["created"]
            try:
                if offered is not None:
                    undone.append(self.objects.put(offered, item.id, again))
                with self._indexed() as connection:
                    index.insert(connection, item)
                    # A process that dies after this line leaves a whole object, which the next sweep indexes.
                    self.descriptions.write(item)
            except BaseException as error:
                self.descriptions.restore(item.id, before)
                for undo in undone:
                    undo()
                if isinstance(error, IntegrityError):
                    raise DataError(
                        f"'{item.properties.get('landsink:previous')}' has a newer version already.",
                        "One next version of an object.",
                        "Name the newest as previous.",
                    ) from error
                raise

    def _rebuild(self, connection: sa.Connection) -> int:
        index.make(connection)
        done = [self._indexed_anew(connection, name) for name in sorted(self.described())]
        return sum(word.startswith("indexed") for word in done)

    def _indexed_anew(self, connection: sa.Connection, name: str) -> str:
        """Index an item from its file. One that cannot be read hides no other: `verify` names it."""
        try:
            item = self.read(name)
        except DataError as error:
            return f"left out {name}: {error}"
        index.insert(connection, item)
        return f"indexed {name}"

    def _index(self) -> Database:
        if self.server:
            return Database(self.server, "catalogue")
        (self.root / "items").mkdir(parents=True, exist_ok=True)
        return Database.file(self.root / "index.sqlite", "catalogue")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The one writer of this catalogue, among all threads and processes; the system frees what a dead one held."""
        if self.server:
            with self._index().claim("catalogue"):
                yield
            return
        self._index()
        lock = os.open(self.root / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def _indexed(self) -> Iterator[sa.Connection]:
        with self._index().writing() as connection:
            if not index.fresh(connection):
                self._rebuild(connection)
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._locked(), self._indexed() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._index().reading() as connection:
            fresh = index.fresh(connection)
        if not fresh:
            with self._writing():
                pass
        with self._index().reading() as connection:
            yield connection


def _identified(item: pystac.Item) -> None:
    if not NAME.fullmatch(item.id):
        raise DataError(f"'{item.id[:80]}' is no identifier.", "12 to 64 letters, digits, - and _.")


def _digest(item: pystac.Item) -> str:
    return item.properties.get("landsink:sha256") or item.properties["landsink:record"]
