"""The embedded catalogue: a folder of STAC items and an index in SQLite."""

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pystac

from landsink.core.errors import UnknownName, near, unknown

SCHEMA = """
create table if not exists item (
    id text primary key, title text not null, created text not null, record text not null
)
"""
# Long enough for a crowd of tiles or runs that finish at once on a slow disk.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Catalogue:
    """STAC items under `root`/items, one file each, with an index; safe for several processes at once.

    The item files are the truth: the index can be made again from them with `reindex`.
    """

    root: Path

    def add(self, item: pystac.Item) -> pystac.Item:
        """Store an item; one of the same record replaces the old and keeps its date. Returns what is stored."""
        with self._index() as index:
            # The write lock is held over file and row together, so that both always tell the same story.
            index.execute("begin immediate")
            if self._path(item.id).exists():
                item.properties["created"] = self._read(item.id).properties["created"]
            self._write(item)
            _insert(index, item)
        return item

    def list(self) -> list[pystac.Item]:
        """All items, the newest first."""
        return [self._read(i) for i, _ in self._rows()]

    def get(self, name: str) -> pystac.Item:
        """The item whose identifier or record hash starts with `name`; UnknownName with near misses otherwise."""
        rows = self._rows()
        start = name.lower()
        found = [i for i, record in rows if start and (i.startswith(start) or record.startswith(start))]
        if len(found) > 1:
            raise UnknownName(f"'{name}' begins {len(found)} identifiers.", remedy=near(name, found))
        if not found:
            raise unknown(name, [i for i, _ in rows], f"the catalogue at {self.root} ({len(rows)} items)")
        return self._read(found[0])

    def reindex(self) -> int:
        """Make the index again from the item files; returns how many there are."""
        items = [
            pystac.Item.from_dict(json.loads(p.read_text("utf-8"))) for p in self._items().glob("*.json")
        ]
        with self._index() as index:
            index.execute("begin immediate")
            index.execute("delete from item")
            for item in items:
                _insert(index, item)
        return len(items)

    def _rows(self) -> tuple[tuple[str, str], ...]:
        with self._index() as index:
            return tuple(index.execute("select id, record from item order by created desc, id"))

    def _items(self) -> Path:
        return self.root / "items"

    def _path(self, name: str) -> Path:
        return self._items() / f"{name}.json"

    def _read(self, name: str) -> pystac.Item:
        return pystac.Item.from_dict(json.loads(self._path(name).read_text("utf-8")))

    def _write(self, item: pystac.Item) -> None:
        text = json.dumps(
            item.to_dict(include_self_link=False, transform_hrefs=False), indent=1, ensure_ascii=False
        )
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=self._items(), prefix=".new-", delete=False
        ) as file:
            file.write(text)
        # A reader sees the old file or the new one, never half of it.
        os.replace(file.name, self._path(item.id))

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        self._items().mkdir(parents=True, exist_ok=True)
        where = self.root / "index.sqlite"
        with closing(sqlite3.connect(where, timeout=PATIENCE_SECONDS, isolation_level=None)) as index:
            index.execute("pragma journal_mode = wal")
            index.execute(SCHEMA)
            try:
                yield index
            except BaseException:
                if index.in_transaction:
                    index.execute("rollback")
                raise
            if index.in_transaction:
                index.execute("commit")


def _insert(index: sqlite3.Connection, item: pystac.Item) -> None:
    facts = item.properties
    row = (item.id, facts.get("title", ""), facts.get("created", ""), facts.get("landsink:record", ""))
    index.execute("insert or replace into item values (?, ?, ?, ?)", row)
