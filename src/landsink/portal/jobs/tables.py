"""The tables of jobs: plain ones, for SQLite and PostgreSQL alike."""

import sqlalchemy as sa

from landsink.catalogue.database import METADATA

JOB = sa.Table(
    "portal_job",
    METADATA,
    # The order in which jobs came, which is that in which they run.
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(32), nullable=False, unique=True),
    sa.Column("process", sa.String(64), nullable=False),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    # SHA-256 over process, inputs and code: the same request is not run twice.
    sa.Column("request", sa.String(64), nullable=False, index=True),
    sa.Column("owner", sa.String(40), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("message", sa.String(2000), nullable=False),
    sa.Column("progress", sa.Float, nullable=False),
    sa.Column("result", sa.String(64), nullable=False),
    sa.Column("units", sa.Float, nullable=False),
    sa.Column("estimate", sa.Float, nullable=False),
    # Moments are seconds since 1970, UTC; 0 for not yet.
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("finished", sa.Float, nullable=False),
    sa.Column("beat", sa.Float, nullable=False),
    # Who holds the job: a new word at every claim, so that one who was given up on cannot speak for it.
    sa.Column("holder", sa.String(64), nullable=False),
    sa.Column("deaths", sa.Integer, nullable=False),
)
LINE = sa.Table(
    "portal_job_line",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("job", sa.ForeignKey("portal_job.number", ondelete="cascade"), nullable=False, index=True),
    sa.Column("moment", sa.Float, nullable=False),
    sa.Column("text", sa.String(500), nullable=False),
)
TABLES = (JOB, LINE)
