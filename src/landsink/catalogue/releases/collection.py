"""All releases of a catalogue: published once, listed, read many times."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pystac

from landsink.catalogue.blobs import Blobs, upload
from landsink.catalogue.store import NAME, Catalogue
from landsink.core.errors import DataError, unknown
from landsink.core.late import Late

from .arrays import JOURNAL, Tree
from .grid import Gridded
from .layout import place
from .regional import Weights
from .release import EDITION, FACTS, MANIFEST, Release
from .rot import Rotten, rot
from .variable import Variable
from .writing import FIXED, Progress, lay_out

# Half of what a server answers needs no labelled arrays, and they take a second to load.
xr = Late("xarray")

FOLDER = "releases"
MARKS = f"{FOLDER}/.published"  # where listing a store would list every chunk, these say what there is
NEW = ".new-"
SAMPLE = 24  # steps from which the ends of colours are taken
LOOK = 10.0  # seconds for which what a store said is believed
KEPT = 7 * 86400.0  # seconds for which the half of a dead writer is kept, to be taken up again

# (lat, lon) of the release -> region -> cell numbers (row * columns + column), the share of each that lies in the
# region, and the share of the region that lies within the grid
Regions = Callable[[np.ndarray, np.ndarray], Mapping[str, tuple[np.ndarray, np.ndarray, float]]]


@dataclass(frozen=True)
class Releases:
    """The releases of a catalogue, at <home>/releases/<id>/, or below its store at releases/<id>/<edition>/.

    Safe for several threads and processes: a release is there whole or not at all. Open releases are kept. In a store,
    which cannot rename, the edition before the present one stays: who reads it still reads what was published.
    """

    catalogue: Catalogue
    opened: dict[str, tuple[str, Release]] = field(default_factory=dict, repr=False)

    @property
    def blobs(self) -> Blobs:
        """Where the bytes lie."""
        return self.catalogue.blobs

    def get(self, name: str) -> Release:
        """A release by the identifier of its object; opened once. UnknownName where there is none."""
        found = self._open(name) if NAME.fullmatch(name) else None
        if found is None:
            raise unknown(name, self._names(), "the releases")
        return found

    def list(self) -> Sequence[Release]:
        """All releases, the newest first."""
        found = [r for r in map(self._open, self._names()) if r]
        return sorted(found, key=lambda r: (r.told["created"], r.id), reverse=True)

    def publish(
        self,
        item: pystac.Item,
        ds: xr.Dataset,
        regions: Regions | None = None,
        progress: Progress = lambda share: None,
    ) -> Release:
        """Write a catalogued product as a release; the same content again changes nothing.

        regions: gives what share of every cell lies in which region; their means are written then. Other content for
        the same object, as from a run that was made anew, takes the place of the old in one step. progress: is told the
        share that is laid out. Where the writer was killed, the next one goes on behind the last part that is whole.
        Raises DataError, with the reason, where `ds` is not on a regular latitude-longitude grid with time, or its
        object is under embargo. Nothing is left behind then.
        """
        if until := self.catalogue.embargoed(item):
            raise DataError(f"'{item.id}' is under embargo until {until:%Y-%m-%d}.", "", "Publish it then.")
        grid = Gridded.of(ds)
        with self._alone(item.id), self._writing(item.id) as folder:
            self._write(item, grid.held(), folder, regions, progress)
            if not self._same(item.id, folder):
                self._move(folder, item.id)
        return self.get(item.id)

    def drop(self, name: str) -> None:
        """Take a release away; nothing happens where there is none."""
        if not NAME.fullmatch(name):
            raise DataError(f"'{name[:80]}' is no identifier.", "12 to 64 letters, digits, - and _.")
        self.opened.pop(name, None)
        store, local = self.blobs, self.blobs.path(f"{FOLDER}/{name}")
        if local is None:
            # What says that a release is there goes first.
            store.delete([f"{MARKS}/{name}.json"])
            store.delete([b.key for b in store.list(f"{FOLDER}/{name}/")])
        elif away := _away(local):
            shutil.rmtree(away)

    def rot(self) -> Iterator[tuple[str, int, Sequence[Rotten]]]:
        """Every release, the bytes of it that were hashed again, and what of it is not what was published."""
        for name in self._folders():
            yield name, *rot(self.blobs, self._place(name))

    def sweep(self) -> int:
        """Remove what a dead writer left half-written; returns how much. A living writer is left alone.

        What the next writer can go on with stays for a week.
        """
        root = self.catalogue.root / FOLDER
        if not root.is_dir():
            return 0
        lock = os.open(root / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            halves = [half for half in root.glob(f"{NEW}*") if not _resumable(half)]
            for half in halves:
                shutil.rmtree(half, ignore_errors=True)
            return len(halves)
        except BlockingIOError:
            return 0
        finally:
            os.close(lock)

    # --- within

    def _folders(self) -> Sequence[str]:
        """Identifiers of releases, those too of which too little is left to be opened."""
        local = self.blobs.path(FOLDER)
        if local is None or not local.is_dir():
            return self._names()
        return sorted(p.name for p in local.iterdir() if NAME.fullmatch(p.name))

    def _open(self, name: str) -> Release | None:
        stamp = self._stamp(name)
        held = self.opened.get(name)
        if held and held[0] == stamp:
            return held[1]
        try:
            place = self._place(name)
            # In a store another place is another edition; on a disk the place is the same.
            kept = held and held[1].place == place != f"{FOLDER}/{name}"
            found = held[1] if held and kept else Release.read(self.blobs, place)
        except FileNotFoundError:
            self.opened.pop(name, None)
            return None
        self.opened[name] = (stamp, found)
        return found

    def _stamp(self, name: str) -> str:
        """What changes when a release was replaced or dropped; a store is asked now and then, for it costs much."""
        local = self.blobs.path(f"{FOLDER}/{name}/{FACTS}")
        if local is None:
            return str(int(monotonic() / LOOK))
        try:
            facts = os.stat(local)
        except FileNotFoundError:
            return ""
        return f"{facts.st_ino} {facts.st_mtime_ns}"

    def _place(self, name: str) -> str:
        """Below which key the files of a release lie. FileNotFoundError where a store has none."""
        place = f"{FOLDER}/{name}"
        if self.blobs.path(place) is not None:
            return place
        return f"{place}/{json.loads(self.blobs.get(f'{MARKS}/{name}.json'))['digest'][:EDITION]}"

    def _names(self) -> Sequence[str]:
        local = self.blobs.path(FOLDER)
        if local is None:
            return sorted(b.key.rpartition("/")[2].removesuffix(".json") for b in self.blobs.list(MARKS))
        return sorted(p.parent.name for p in local.glob(f"*/{FACTS}") if NAME.fullmatch(p.parent.name))

    def _alone(self, name: str) -> AbstractContextManager[None]:
        """The one who writes a release, where several machines share the catalogue."""
        shared = self.catalogue.server
        return self.catalogue.database.claim(f"release {name}") if shared else nullcontext()

    @contextmanager
    def _writing(self, name: str) -> Iterator[Path]:
        """A folder beside the releases for the one writer, with what a dead one finished; other rubbish is removed."""
        root = self.catalogue.root / FOLDER
        root.mkdir(parents=True, exist_ok=True)
        lock = os.open(root / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for half in root.glob(f"{NEW}*"):
                if not _resumable(half):
                    shutil.rmtree(half, ignore_errors=True)
            folder = root / f"{NEW}{name}"
            try:
                folder.mkdir(exist_ok=True)
                yield folder / "release"
            except OSError as error:
                raise DataError(
                    f"{error.strerror or error} while publishing.", "A disk with room."
                ) from error
            finally:
                # An interrupt is no failure of what was written: the next writer goes on there.
                if not isinstance(sys.exception(), KeyboardInterrupt) or not _resumable(folder):
                    shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)

    def _write(
        self, item: pystac.Item, grid: Gridded, folder: Path, regions: Regions | None, progress: Progress
    ) -> None:
        folder.mkdir(exist_ok=True)
        facts = self._facts(item, grid)
        said = {n: facts[n] for n in ("title", "licence", "citation", "generated") if facts[n] != ""}
        said |= {"Conventions": "CF-1.11", "id": item.id}
        weights = None
        if regions:
            shares = regions(grid.ds["lat"].to_numpy().astype(float), grid.ds["lon"].to_numpy().astype(float))
            weights = Weights(shares, grid.land())
        with Tree(folder) as tree:
            facts["levels"] = lay_out(grid, tree, said, weights, progress)
        facts["regions"] = weights.names if weights else []
        listed = json.dumps(dict(sorted(tree.files.items())), separators=(",", ":")).encode()
        (folder / MANIFEST).write_bytes(listed)
        facts["digest"] = hashlib.sha256(listed).hexdigest()
        (folder / FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")

    def _facts(self, item: pystac.Item, grid: Gridded) -> dict[str, Any]:
        ds, p = grid.ds, item.properties
        time = ds["time"].to_numpy()
        return {
            "id": item.id,
            "title": p["title"],
            "family": self.catalogue.versions(item.id)[0].id,
            "generated": str(ds.attrs.get("generated", p.get("landsink:generated", ""))).lower() == "true",
            "licence": p["license"],
            "citation": p.get("sci:citation", ""),
            "created": p["created"],
            "shape": {"time": len(time), "lat": ds.sizes["lat"], "lon": ds.sizes["lon"]},
            "members": ds.sizes["member"] if grid.members else 0,
            "bbox": place(ds["lat"].to_numpy(), ds["lon"].to_numpy())["spatial:bbox"],
            "time": {
                "unit": "days" if (time.astype("datetime64[D]") == time).all() else "seconds",
                "since": "1850-01-01",
                "first": str(time[0])[:19],
                "last": str(time[-1])[:19],
            },
            "fields": [n for n in FIXED if grid.field(n).size],
            "share": grid.share,
            "variables": [self._variable(grid, n).facts() for n in grid.names],
        }

    @staticmethod
    def _variable(grid: Gridded, name: str) -> Variable:
        steps = np.unique(np.linspace(0, grid.ds.sizes["time"] - 1, SAMPLE).astype(int))
        values = grid.ds[name].isel(time=steps).to_numpy()
        finite = values[np.isfinite(values)]
        low, high = (float(q) for q in np.quantile(finite, (0.02, 0.98))) if finite.size else (np.nan, np.nan)
        sd = grid.sd.get(name, "")
        return Variable.of(name, grid.ds[name].attrs, sd, name in grid.members, (low, high))

    def _same(self, name: str, folder: Path) -> bool:
        try:
            return self.blobs.get(f"{self._place(name)}/{FACTS}") == (folder / FACTS).read_bytes()
        except FileNotFoundError:
            return False

    def _move(self, folder: Path, name: str) -> None:
        local = self.blobs.path(f"{FOLDER}/{name}")
        if local is not None:
            away = _away(local)
            folder.rename(local)
            if away:
                shutil.rmtree(away)
            return
        self._send(folder, name)

    def _send(self, folder: Path, name: str) -> None:
        """Into a store: all files of the new edition, then the mark that names it, in one step."""
        place = f"{FOLDER}/{name}"
        edition = json.loads((folder / FACTS).read_bytes())["digest"][:EDITION]
        try:
            before = self._place(name)
        except FileNotFoundError:
            before = ""
        files = [p for p in folder.rglob("*") if p.is_file()]
        upload(self.blobs, {f"{place}/{edition}/{p.relative_to(folder).as_posix()}": p for p in files})
        self.blobs.put(f"{MARKS}/{name}.json", folder / FACTS)
        self.opened.pop(name, None)
        stays = tuple(f"{p}/" for p in (f"{place}/{edition}", before) if p)
        self.blobs.delete([b.key for b in self.blobs.list(f"{place}/") if not b.key.startswith(stays)])


def _resumable(half: Path) -> bool:
    """Whether a dead writer's folder can be taken up again: it says what of it is whole, and is not old."""
    try:
        return time.time() - (half / "release" / JOURNAL).stat().st_mtime < KEPT
    except OSError:
        return False


def _away(local: Path) -> Path | None:
    """Take a release out of sight in one step; where to, or None where there is none."""
    if not local.is_dir():
        return None
    away = Path(tempfile.mkdtemp(prefix=NEW, dir=local.parent))
    local.rename(away / local.name)
    return away
