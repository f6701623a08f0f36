"""The index of the catalogue: objects, what hangs on them, their words and their boxes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    _object()
    _part("variable", _exact("name"), index="name")
    _part("source", sa.Column("name", sa.Text(), nullable=False), _exact("sha256"), index="sha256")
    _part("member", _exact("id"), index="id")
    edges = ("west", "south", "east", "north")
    _part("box", *(sa.Column(edge, sa.Float(53), nullable=False) for edge in edges))
    place = sa.text("box(point(west, south), point(east, north))")
    op.create_index("ix_box_place", "box", [place], postgresql_using="gist")
    op.create_table(
        "words",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["object.number"], "fk_words_number", ondelete="cascade"),
        sa.PrimaryKeyConstraint("number", name="pk_words"),
    )
    op.create_index("ix_words_body", "words", ["body"], postgresql_using="gin")
    op.create_table(
        "index_state",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_index_state"),
    )


def _object() -> None:
    indexed = ("sha256", "record", "doi", "kind", "specification", "licence", "created", "first")
    op.create_table(
        "object",
        sa.Column("number", sa.Integer(), nullable=False),
        _exact("id"),
        *map(_exact, indexed),
        _exact("last"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(collation="C"), nullable=True),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_object"),
        sa.UniqueConstraint("id", name="uq_object_id"),
        sa.UniqueConstraint("previous", name="uq_object_previous"),
    )
    for name in indexed:
        op.create_index(f"ix_object_{name}", "object", [name])


def _part(table: str, *columns: sa.Column, index: str = "") -> None:
    op.create_table(
        table,
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["number"], ["object.number"], f"fk_{table}_number", ondelete="cascade"),
        sa.PrimaryKeyConstraint("row", name=f"pk_{table}"),
    )
    op.create_index(f"ix_{table}_number", table, ["number"])
    if index:
        op.create_index(f"ix_{table}_{index}", table, [index])


def _exact(name: str) -> sa.Column:
    """Text that is compared letter by letter, whatever the database's language."""
    return sa.Column(name, sa.Text(collation="C"), nullable=False)
