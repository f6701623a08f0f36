"""What a station measures, so that stations of one domain are found by the index: ecosystem, atmosphere or ocean."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version; the index, now an old one, is made anew from the items at its next use."""
    named = sa.Column("domain", sa.Text(collation="C"), nullable=False, server_default="")
    op.add_column("object", named)
    op.alter_column("object", "domain", server_default=None)
    op.create_index("ix_object_domain", "object", ["domain"])
