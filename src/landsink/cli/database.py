"""The database of several servers: bring its tables to this version, say what it is."""

import os
from typing import Any

import lazy_loader
import typer

from landsink.cli.page import AsJson, app, print_json, said

# SQLAlchemy and JAX are loaded by the commands that use them, not by every start of the command line.
catalogue = lazy_loader.load("landsink.catalogue", suppress_warning=True)
tables = lazy_loader.load("landsink.catalogue.database", suppress_warning=True)

database = typer.Typer(
    help="The database of accounts, jobs and, on PostgreSQL, of the index.", no_args_is_help=True
)
app.add_typer(database, name="database")


@database.command()
def upgrade() -> None:
    """Make or mend PostgreSQL's tables for this version of landsink; all of it holds, or nothing does."""
    with said("nothing was changed; run it again."):
        configured = catalogue.Catalogue.configured().database
        found = _schema().upgrade(configured)
        if found == tables.REVISION:
            typer.echo(f"{configured.name} has tables of version {tables.REVISION} already.")
        else:
            typer.echo(
                f"{configured.name}: tables of version {tables.REVISION} are made (before: {found or 'none'})."
            )


@database.command()
def show(as_json: AsJson = False) -> None:
    """Say which database and store are set, and whether the tables fit this version of landsink."""
    with said():
        configured = catalogue.Catalogue.configured().database
        version = tables.REVISION if configured.embedded else configured.revision()
        page = {
            "engine": "sqlite" if configured.embedded else "postgresql",
            "database": configured.name,
            "store": os.environ.get("LANDSINK_STORE") or str(catalogue.Catalogue.configured().root),
            "version": version,
            "expected": tables.REVISION,
        }
        print_json(page) if as_json else [typer.echo(f"{key:9} {value}") for key, value in page.items()]
        if version != tables.REVISION:
            remedy = (
                "landsink database upgrade"
                if version < tables.REVISION
                else "install the newer landsink here too"
            )
            typer.echo(f"The tables do not fit this landsink: {remedy}.", err=True)
            raise typer.Exit(3)


def _schema() -> Any:
    try:
        return catalogue.schema
    except ModuleNotFoundError as error:
        typer.echo(
            f"'{error.name}' is not installed. It comes with pip install 'landsink[postgres]'.", err=True
        )
        raise typer.Exit(2) from None
