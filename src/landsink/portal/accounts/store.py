"""Accounts, their passwords, tokens and sessions, in the catalogue's database."""

import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.exc import IntegrityError

from landsink.catalogue.database import Database
from landsink.core.errors import DataError, UnknownName, unknown
from landsink.portal.accounts.tables import ACCOUNT, SESSION, TABLES, TOKEN

# What a role may do, and what a token of such an account may be given.
SCOPES = {
    "reader": frozenset({"read"}),
    "contributor": frozenset({"read", "write", "run"}),
    "curator": frozenset({"read", "write", "run", "curate"}),
}
ALL = ("read", "write", "run", "curate")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
LEAST, MOST = 10, 200
SESSION_HOURS = 12
PREFIX = "landsink_"
# A token's last use is written at most so often: a script that asks a thousand times writes once.
USED_MINUTES = 10


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Account:
    """A person who may do more than read."""

    name: str
    role: str
    created: str


@dataclass(frozen=True)
class Token:
    """A token as it may be shown; its secret is told once, when it is made."""

    id: str
    account: str
    name: str
    scopes: tuple[str, ...]
    created: str
    expires: str
    used: str


@dataclass(frozen=True)
class Holder:
    """Who a secret belongs to, and what may be done with it."""

    account: str
    role: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class Accounts:
    """Accounts in `database`, whose `reading()` and `writing()` give connections. `clock` gives the moment."""

    database: Database
    clock: Callable[[], datetime] = now
    hasher: PasswordHasher = field(default_factory=PasswordHasher, repr=False)
    # Argon2 takes 64 MiB a password: two at a time are enough for a crowd at the door.
    _door: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(2), repr=False)

    # --- accounts

    def add(self, name: str, role: str, password: str) -> Account:
        """A new account. DataError for a name, role or password that cannot be, or a name that is taken."""
        if not NAME.fullmatch(name):
            raise DataError(f"'{name[:60]}' is no name.", "2 to 40 of a-z, 0-9, '.', '_', '-'.")
        if role not in SCOPES:
            raise unknown(role, SCOPES, "the roles (reader, contributor, curator)")
        row = {"name": name, "role": role, "password": self._hashed(password), "created": self._stamp()}
        try:
            with self._ready.writing() as connection:
                connection.execute(sa.insert(ACCOUNT).values(row))
        except IntegrityError:
            raise DataError(f"'{name}' has an account.", "Another name.") from None
        return Account(name, role, row["created"])

    def list(self) -> Sequence[Account]:
        """All accounts by name."""
        with self._ready.reading() as connection:
            rows = connection.execute(sa.select(ACCOUNT).order_by(ACCOUNT.c.name)).all()
        return [Account(r.name, r.role, r.created) for r in rows]

    def remove(self, name: str) -> None:
        """Take an account away, with its tokens and sessions. UnknownName where there is none."""
        number = self._number(name)
        with self._ready.writing() as connection:
            for table in (TOKEN, SESSION):
                connection.execute(sa.delete(table).where(table.c.account == number))
            connection.execute(sa.delete(ACCOUNT).where(ACCOUNT.c.number == number))

    def password(self, name: str, password: str) -> None:
        """A new password; sessions of the old one end, tokens stay."""
        number, digest = self._number(name), self._hashed(password)
        with self._ready.writing() as connection:
            connection.execute(sa.update(ACCOUNT).where(ACCOUNT.c.number == number).values(password=digest))
            connection.execute(sa.delete(SESSION).where(SESSION.c.account == number))

    @property
    def empty(self) -> bool:
        """Whether nobody has an account."""
        with self._ready.reading() as connection:
            return connection.scalar(sa.select(ACCOUNT.c.number).limit(1)) is None

    # --- sessions

    def login(self, name: str, password: str) -> tuple[str, Holder] | None:
        """A session's secret and its holder; None for a wrong name or password, which take the same time."""
        with self._ready.reading() as connection:
            row = connection.execute(sa.select(ACCOUNT).where(ACCOUNT.c.name == name)).one_or_none()
        with self._door:
            right = self._verified(row.password if row else self._nobody, password[:MOST])
        if row is None or not right:
            return None
        secret = secrets.token_urlsafe(32)
        ends = self.clock() + timedelta(hours=SESSION_HOURS)
        with self._ready.writing() as connection:
            connection.execute(sa.delete(SESSION).where(SESSION.c.expires < self._stamp()))
            session = {"digest": _digest(secret), "account": row.number, "expires": _written(ends)}
            connection.execute(sa.insert(SESSION).values(session))
        return secret, Holder(row.name, row.role, SCOPES[row.role])

    def session(self, secret: str) -> Holder | None:
        """Who a session belongs to; None where it has ended or never was."""
        asked = sa.select(ACCOUNT).join(SESSION, SESSION.c.account == ACCOUNT.c.number)
        held = sa.and_(SESSION.c.digest == _digest(secret), SESSION.c.expires >= self._stamp())
        with self._ready.reading() as connection:
            row = connection.execute(asked.where(held)).one_or_none()
        return Holder(row.name, row.role, SCOPES[row.role]) if row else None

    def logout(self, secret: str) -> None:
        """End a session."""
        with self._ready.writing() as connection:
            connection.execute(sa.delete(SESSION).where(SESSION.c.digest == _digest(secret)))

    # --- tokens

    def make_token(
        self, account: str, name: str, scopes: Sequence[str], days: int | None = None
    ) -> tuple[str, Token]:
        """A token's secret, told this once, and the token. DataError for scopes that the role does not have."""
        with self._ready.reading() as connection:
            row = connection.execute(sa.select(ACCOUNT).where(ACCOUNT.c.name == account)).one_or_none()
        if row is None:
            raise unknown(account, [a.name for a in self.list()], "the accounts")
        for scope in scopes:
            if scope not in SCOPES[row.role]:
                raise DataError(
                    f"A {row.role} cannot give '{scope}'.", f"Of {', '.join(sorted(SCOPES[row.role]))}."
                )
        if not scopes or not 0 < len(name) <= 100 or (days is not None and not 0 < days <= 36_500):
            raise DataError(
                "A token has a name, scopes and, where it ends, days to live.", "1 to 36500 days."
            )
        secret = PREFIX + secrets.token_urlsafe(32)
        made = {
            "id": secrets.token_hex(8),
            "account": row.number,
            "name": name,
            "digest": _digest(secret),
            "scopes": " ".join(s for s in ALL if s in scopes),
            "created": self._stamp(),
            "expires": _written(self.clock() + timedelta(days=days)) if days else "",
            "used": "",
        }
        with self._ready.writing() as connection:
            connection.execute(sa.insert(TOKEN).values(made))
        return secret, _token(made | {"account": account})

    def tokens(self, account: str = "") -> Sequence[Token]:
        """Tokens of an account, or all; without their secrets."""
        asked = sa.select(TOKEN, ACCOUNT.c.name.label("owner")).join(
            ACCOUNT, ACCOUNT.c.number == TOKEN.c.account
        )
        if account:
            asked = asked.where(ACCOUNT.c.name == account)
        with self._ready.reading() as connection:
            rows = connection.execute(asked.order_by(TOKEN.c.created, TOKEN.c.id)).all()
        return [_token(dict(r._mapping) | {"account": r.owner}) for r in rows]

    def revoke(self, identity: str, account: str = "") -> None:
        """Take a token away, of this account where one is named. UnknownName where there is none."""
        held = [t.id for t in self.tokens(account)]
        if identity not in held:
            raise UnknownName(f"'{identity[:40]}' is no token here.", "The id of a token.", "List them.")
        with self._ready.writing() as connection:
            connection.execute(sa.delete(TOKEN).where(TOKEN.c.id == identity))

    def token(self, secret: str) -> Holder | None:
        """Who a token belongs to and what it may do; None where it is unknown, revoked or past its day."""
        asked = sa.select(TOKEN, ACCOUNT.c.name.label("owner"), ACCOUNT.c.role).join(
            ACCOUNT, ACCOUNT.c.number == TOKEN.c.account
        )
        with self._ready.reading() as connection:
            row = connection.execute(asked.where(TOKEN.c.digest == _digest(secret))).one_or_none()
        if row is None or (row.expires and row.expires < self._stamp()):
            return None
        if row.used < _written(self.clock() - timedelta(minutes=USED_MINUTES)):
            with self._ready.writing() as connection:
                connection.execute(sa.update(TOKEN).where(TOKEN.c.id == row.id).values(used=self._stamp()))
        # A role that was lowered since lowers its tokens.
        return Holder(row.owner, row.role, frozenset(row.scopes.split()) & SCOPES[row.role])

    # --- within

    @cached_property
    def _ready(self) -> Database:
        self.database.ensure(TABLES)
        return self.database

    @cached_property
    def _nobody(self) -> str:
        return self.hasher.hash(secrets.token_urlsafe(16))

    def _hashed(self, password: str) -> str:
        if not LEAST <= len(password) <= MOST:
            raise DataError(
                f"A password of {len(password)} characters.", f"{LEAST} to {MOST}.", "A few words do well."
            )
        return self.hasher.hash(password)

    def _verified(self, digest: str, password: str) -> bool:
        try:
            return self.hasher.verify(digest, password)
        except (VerificationError, InvalidHashError):
            return False

    def _number(self, name: str) -> int:
        with self._ready.reading() as connection:
            number = connection.scalar(sa.select(ACCOUNT.c.number).where(ACCOUNT.c.name == name))
        if number is None:
            raise unknown(name, [a.name for a in self.list()], "the accounts")
        return number

    def _stamp(self) -> str:
        return _written(self.clock())


def csrf(secret: str) -> str:
    """The word that a page must send with every write of a session; it tells nothing of the session's secret."""
    return hmac.new(secret.encode(), b"landsink csrf", hashlib.sha256).hexdigest()


def _digest(secret: str) -> str:
    # 256 random bits need no salt and no slowness.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _token(row: dict[str, Any]) -> Token:
    return Token(
        row["id"],
        row["account"],
        row["name"],
        tuple(row["scopes"].split()),
        row["created"],
        row["expires"],
        row["used"],
    )
