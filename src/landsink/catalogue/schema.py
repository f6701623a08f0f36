"""Bring PostgreSQL's tables to the version of this code, by Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from landsink.catalogue.database import REVISION, Database
from landsink.core.errors import DataError


def upgrade(database: Database) -> str:
    """Make or mend all tables; returns the version they had before, '' where there were none.

    One at a time does it, and all of it holds or nothing. DataError for an embedded database, which needs none, or
    one of a newer landsink.
    """
    if database.embedded:
        raise DataError(
            f"{database.name} is an embedded database.",
            "PostgreSQL, as LANDSINK_DATABASE=postgresql://user:password@host/name.",
            "Embedded tables are made when they are first used: there is nothing to do.",
        )
    found = database.revision()
    if found > REVISION:
        raise DataError(
            f"The database {database.name} has tables of version {found}.",
            f"Version {REVISION} or older.",
            "Install the newer landsink here too.",
        )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with database.alone() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, REVISION)
    return found
