"""The portal's tables: accounts, sessions and tokens, who brought what, jobs and their lines, usage."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


# A number is that of letters at most.
USAGE = {"object": 64, "day": 10, "kind": 16, "method": 16, "total": int, "visitors": int}
ACCOUNT = {"number": int, "name": 40, "role": 16, "password": 256, "created": 32}
SESSION = {"digest": 64, "account": int, "expires": 32}
TOKEN = {
    "id": 16,
    "account": int,
    "name": 100,
    "digest": 64,
    "scopes": 64,
    "created": 32,
    "expires": 32,
    "used": 32,
}
JOB = {"number": int, "id": 32, "process": 64, "title": 300, "inputs": dict, "request": 64, "owner": 40, "state": 16,
       "message": 2000, "progress": float, "result": 64, "units": float, "estimate": float, "created": float,
       "started": float, "finished": float, "beat": float, "holder": 64, "deaths": int}  # fmt: skip
LINE = {"number": int, "job": int, "moment": float, "text": 500}
KINDS = {int: sa.Integer(), float: sa.Float(), dict: sa.JSON()}


def upgrade() -> None:
    """Bring the tables to this version."""
    _table("portal_account", ["number"], ACCOUNT, _unique("portal_account", "name"))
    _table("portal_session", ["digest"], SESSION, _owned("portal_session", "account"))
    _index("portal_session", "account", "expires")
    owned, unique = _owned("portal_token", "account"), _unique("portal_token", "digest")
    _table("portal_token", ["id"], TOKEN, owned, unique)
    _index("portal_token", "account")
    _table("portal_brought", ["object"], {"object": 64, "account": 40})
    _table("portal_job", ["number"], JOB, _unique("portal_job", "id"))
    _index("portal_job", "owner", "request", "state")
    _table("portal_job_line", ["number"], LINE, _owned("portal_job_line", "job"))
    _index("portal_job_line", "job")
    _table("portal_usage", ["object", "day", "kind", "method"], USAGE)
    _table("portal_usage_salt", ["day"], {"day": 10, "salt": 64})
    _table("portal_usage_seen", ["visitor"], {"visitor": 64, "moment": float})
    _index("portal_usage_seen", "moment")


def _table(name: str, key: list[str], columns: dict[str, Any], *rules: sa.Constraint) -> None:
    made = [
        sa.Column(column, sa.String(kind) if isinstance(kind, int) else KINDS[kind], nullable=False)
        for column, kind in columns.items()
    ]
    op.create_table(name, *made, sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"), *rules)


def _unique(table: str, column: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(column, name=f"uq_{table}_{column}")


def _owned(table: str, column: str) -> sa.ForeignKeyConstraint:
    owner = {"account": "portal_account.number", "job": "portal_job.number"}[column]
    return sa.ForeignKeyConstraint([column], [owner], f"fk_{table}_{column}", ondelete="cascade")


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(f"ix_{table}_{column}", table, [column])
