"""Products that grow month by month: update, look at the history, name a state, freeze one for good."""

from pathlib import Path
from typing import Annotated, Any

import lazy_loader
import typer
from rich.console import Console

from landsink.cli.page import AsJson, app, print_json, said

case = lazy_loader.load("landsink.case", suppress_warning=True)

growing = typer.Typer(
    help="Products that grow, kept with all their states (needs the extra 'icechunk').", no_args_is_help=True
)
app.add_typer(growing, name="growing")
Name = Annotated[str, typer.Argument(help="Of the product, as europe-monthly.")]
At = Annotated[str, typer.Option(help="A tag or a snapshot; the newest if not given.")]


@growing.command()
def update(
    name: Name,
    file: Annotated[
        Path, typer.Argument(metavar="FILE|DIR", help="NetCDF or Zarr: new steps, or revised ones.")
    ],
    message: Annotated[str, typer.Option("-m", "--message", help="What changed, for the history.")] = "",
) -> None:
    """Enter the next state in one commit; readers see the old or the new, and a first update makes the product."""
    with said("nothing was changed; run it again."):
        state = case.growing.grow(name, file, message)
        typer.echo(f"{name} is now {state.id}: {state.message}.")


@growing.command()
def history(name: Name, as_json: AsJson = False) -> None:
    """List all states with their tags, the newest first."""
    with said():
        found = case.growing.states(name)
        print_json([_facts(s) for s in found]) if as_json else Console().print(case.growing.history(found))


@growing.command()
def tag(
    name: Name, word: Annotated[str, typer.Argument(metavar="TAG", help="As v2024.")], at: At = ""
) -> None:
    """Name a state; a tag never moves."""
    with said("nothing was changed."):
        state = case.growing.tag(name, word, at)
        typer.echo(f"{word} is {state.id}: {state.message}.")


@growing.command()
def freeze(
    name: Name,
    about: Annotated[
        Path, typer.Option(help="The description as TOML: title, creators, licence, description.")
    ],
    at: At = "",
) -> None:
    """Publish one state as an object of its own that never changes, with identifier, citation and map."""
    with said("nothing half-frozen is seen; run it again."):
        item = case.growing.freeze(name, at, about)
        typer.echo(f"{name} is frozen as {item.id}.")


def _facts(state: Any) -> dict[str, Any]:
    return {
        "snapshot": state.id,
        "made": state.moment.isoformat(),
        "tags": state.tags,
        "message": state.message,
    }
