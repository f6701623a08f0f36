"""The tables of accounts: plain ones, for SQLite and PostgreSQL alike. Secrets are kept as digests only."""

import sqlalchemy as sa

from landsink.catalogue.database import METADATA

ACCOUNT = sa.Table(
    "portal_account",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(40), nullable=False, unique=True),
    sa.Column("role", sa.String(16), nullable=False),
    # Argon2id with its parameters and salt.
    sa.Column("password", sa.String(256), nullable=False),
    sa.Column("created", sa.String(32), nullable=False),
)


def _owner() -> sa.Column:
    return sa.Column(
        "account", sa.ForeignKey("portal_account.number", ondelete="cascade"), nullable=False, index=True
    )


TOKEN = sa.Table(
    "portal_token",
    METADATA,
    sa.Column("id", sa.String(16), primary_key=True),
    _owner(),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("scopes", sa.String(64), nullable=False),
    sa.Column("created", sa.String(32), nullable=False),
    sa.Column("expires", sa.String(32), nullable=False),
    sa.Column("used", sa.String(32), nullable=False),
)
SESSION = sa.Table(
    "portal_session",
    METADATA,
    sa.Column("digest", sa.String(64), primary_key=True),
    _owner(),
    sa.Column("expires", sa.String(32), nullable=False, index=True),
)
TABLES = (ACCOUNT, TOKEN, SESSION)
