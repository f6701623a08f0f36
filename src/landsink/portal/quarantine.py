"""Where uploads wait: under names of the house's own, apart from the catalogue, until they are taken in or go."""

import fcntl
import json
import os
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from landsink.catalogue import Metadata, Specification, shipped
from landsink.catalogue.database import METADATA, Database
from landsink.catalogue.limits import LONGEST_NAME, kind_of
from landsink.core.errors import DataError, UnknownName, unknown
from landsink.portal.problems import Refusal

ENDINGS = {"csv": ".csv", "netcdf": ".nc", "zip": ".zip"}
STATE = "state.json"

# Who brought what: only they, or a curator, may describe it anew or follow it with a newer version.
BROUGHT = sa.Table(
    "portal_brought",
    METADATA,
    sa.Column("object", sa.String(64), primary_key=True),
    sa.Column("account", sa.String(40), nullable=False),
)
TABLES = (BROUGHT,)


@dataclass(frozen=True)
class Upload:
    """A file on its way in. `size` and `sha256` (hex) are those of the bytes, once all have come."""

    id: str
    owner: str
    filename: str
    kind: str
    specification: str
    metadata: dict[str, Any]
    created: float
    size: int = 0
    sha256: str = ""

    @property
    def content(self) -> str:
        """What its bytes are called on disk, whatever the sender called them."""
        return "content" + ENDINGS[self.kind]


@dataclass(frozen=True)
class Quarantine:
    """Uploads under `root`, each in a folder of a name that cannot be guessed. Safe for threads and processes."""

    root: Path

    def create(
        self, owner: str, filename: str, specification: str, metadata: dict[str, Any], most: int
    ) -> Upload:
        """A place for a file. DataError or UnknownName for a name, specification or description that cannot be."""
        kind = _kind(filename)
        default = "table" if kind == "csv" else "cube"
        made = Upload(
            secrets.token_urlsafe(24), owner, filename, kind, specification or default, metadata, time.time()
        )
        specified(made.specification)
        Metadata.of(metadata)
        if len(self.list(owner)) >= most:
            raise Refusal(409, f"{most} uploads wait already.", "", "Finish one, or DELETE it.")
        try:
            (self.root / made.id).mkdir(parents=True, mode=0o700)
            self.write(made)
        except OSError as error:
            shutil.rmtree(self.root / made.id, ignore_errors=True)
            raise full(error) from error
        return made

    def list(self, owner: str = "") -> list[Upload]:
        """Uploads that wait, of one owner or all, the oldest first."""
        names = [p.name for p in self.root.iterdir()] if self.root.is_dir() else []
        found = [self._read(name) for name in names]
        return sorted((u for u in found if u and owner in ("", u.owner)), key=lambda u: u.created)

    def get(self, name: str, owner: str = "") -> Upload:
        """An upload of this owner, or of any where none is named. UnknownName where there is none."""
        found = self._read(name)
        if found is None or owner not in ("", found.owner):
            raise UnknownName(
                "There is no such upload.", "An id that POST /api/uploads gave.", "It may have ended."
            )
        return found

    def write(self, upload: Upload) -> None:
        """Keep what is known of an upload."""
        fresh = self.root / upload.id / (STATE + ".new")
        fresh.write_text(json.dumps(asdict(upload)), "utf-8")
        os.replace(fresh, self.root / upload.id / STATE)

    def place(self, upload: Upload) -> Path:
        """Where the bytes of an upload are, or shall be."""
        return self.root / upload.id / upload.content

    def received(self, upload: Upload) -> Path:
        """Where all bytes of an upload are. Refusal (409) where they have not come yet."""
        if not upload.sha256:
            raise Refusal(
                409, "The bytes have not come yet.", "", f"PUT /api/uploads/{upload.id}/content first."
            )
        return self.place(upload)

    @contextmanager
    def held(self, upload: Upload) -> Iterator[Upload]:
        """One at a time works on an upload; Refusal (409) where another does. Gives what is known by then."""
        try:
            lock = os.open(self.root / upload.id / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            raise UnknownName("There is no such upload.", "", "It may have ended.") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield self.get(upload.id)
        except BlockingIOError:
            raise Refusal(409, "This upload is being worked on.", "", "Wait for the answer.") from None
        finally:
            os.close(lock)

    def remove(self, upload: Upload) -> None:
        """Let go of an upload and all its bytes."""
        shutil.rmtree(self.root / upload.id, ignore_errors=True)

    def sweep(self, hours: float) -> int:
        """Remove uploads that nobody finished within so many hours, and what is none; returns how many.

        The half of a file, left by a server that died while it came, goes at once; its place stays for another try.
        """
        places = list(self.root.iterdir()) if self.root.is_dir() else []
        return sum(self._swept(folder, time.time() - 3600 * hours) for folder in places)

    def _swept(self, folder: Path, before: float) -> bool:
        known = self._read(folder.name)
        try:
            if (known.created if known else folder.stat().st_mtime) > before:
                if known is not None and not known.sha256:
                    self._halved(known)
                return False
            if known is None:
                shutil.rmtree(folder, ignore_errors=True)
                return True
            with self.held(known):
                self.remove(known)
        except (OSError, Refusal, UnknownName):
            return False
        return True

    def _halved(self, known: Upload) -> None:
        """Let go of the half of a file whose sender or server is gone; of a whole one, or one that comes, nothing."""
        with suppress(OSError, Refusal, UnknownName), self.held(known) as upload:
            if not upload.sha256:
                self.place(upload).unlink(missing_ok=True)

    def _read(self, name: str) -> Upload | None:
        try:
            return Upload(**json.loads((self.root / name / STATE).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None


@dataclass(frozen=True)
class Brought:
    """Who brought which object."""

    database: Database

    def by(self, name: str) -> str:
        """The account that brought an object; '' where it came in another way."""
        self.database.ensure(TABLES)
        with self.database.reading() as connection:
            return connection.scalar(sa.select(BROUGHT.c.account).where(BROUGHT.c.object == name)) or ""

    def note(self, name: str, account: str) -> None:
        """Remember who brings an object that the catalogue does not hold yet; who tried before and failed is forgotten.

        Said before it is taken in: an object whose server died between the two would be nobody's.
        """
        self.forget(name)
        with self.database.writing() as connection:
            connection.execute(sa.insert(BROUGHT).values(object=name, account=account))

    def forget(self, name: str) -> None:
        """Forget who would have brought an object that was not taken in."""
        self.database.ensure(TABLES)
        with self.database.writing() as connection:
            connection.execute(sa.delete(BROUGHT).where(BROUGHT.c.object == name))


def described(upload: Upload, specification: str, metadata: dict[str, Any]) -> Upload:
    """The same upload with another description. DataError or UnknownName where it cannot be."""
    specified(specification or upload.specification)
    Metadata.of(metadata)
    return replace(upload, specification=specification or upload.specification, metadata=metadata)


def specified(name: str) -> Specification:
    """A specification that comes with landsink; no page of a sender's is ever opened. UnknownName for another."""
    if name not in shipped():
        raise unknown(name, shipped(), "the specifications")
    return shipped()[name]


def full(error: OSError) -> Refusal:
    """The answer to a disk that does not take what it is given."""
    status = 507 if error.errno in (28, 122) else 503
    return Refusal(
        status, f"{error.strerror or 'The disk fails'}: nothing was kept.", "", "Tell the portal's keeper."
    )


def _kind(filename: str) -> str:
    odd = any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") or c in "/\\" for c in filename)
    if odd or not 0 < len(filename) <= LONGEST_NAME:
        raise DataError(
            "That is no name of a file.", f"At most {LONGEST_NAME} plain characters, without folders."
        )
    kind = kind_of(Path(filename))
    if kind not in ENDINGS:
        raise DataError(
            f"'{filename[-60:]}' is no CSV, NetCDF or zip by its ending.",
            ".csv, .nc or .zip.",
            "Send a Zarr as a zip.",
        )
    return kind
