"""The commands: thin verbs over cases, runs and the catalogue."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import landsink

app = typer.Typer(
    name="landsink",
    help="Land carbon from observations to calibrated maps: run a case, look before running, score, list, draw.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True, width=None if sys.stderr.isatty() else 130)

CaseArgument = Annotated[
    str,
    typer.Argument(
        help="A TOML page, or the name of a case that comes with landsink: demo, tharandt, europe, towers, rothamsted."
    ),
]
Changes = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a key of the case, e.g. --set model.soil=RothC. May be repeated.",
    ),
]
Data = Annotated[Path | None, typer.Option("--data", envvar="LANDSINK_DATA", help="Root of the data.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Folder = Annotated[Path, typer.Argument(help="The folder of a run.")]


@app.command()
def run(
    name: CaseArgument,
    changes: Changes = [],  # noqa: B006 - typer copies it
    out: Annotated[
        Path | None, typer.Option(help="Folder for the products; out/<case> if not given.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted run of the same case stopped.")
    ] = False,
    data: Data = None,
    scheduler: Annotated[
        str, typer.Option(help="Address of a dask.distributed scheduler; threads if not given.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Run a case: observations, model, assimilation, re-analysis, scores, catalogue, picture."""
    with _said():
        page = landsink.case.load(name, changes)
        folder = out or Path("out") / Path(name).stem
        _notice(page)
        with _progress(as_json) as report:
            result = landsink.case.run(page, folder, data, report, resume, scheduler)
        if as_json:
            _print_json({"folder": str(result.folder), "record": result.record,
                         "goals": [_goal(g) for g in result.goals],
                         "scores": _rows(result.scores)})  # fmt: skip
        else:
            _board(result.scores, result.goals)
            console.print(f"product  {result.folder / 'product.zarr'}\nscores   {result.folder / 'scores.csv'}\n"
                          f"picture  {result.picture}\nrecord   {result.record[:12]}", highlight=False)  # fmt: skip
        if not all(g.passed for g in result.goals):
            raise typer.Exit(3)


@app.command()
def check(name: CaseArgument, changes: Changes = [], data: Data = None, as_json: AsJson = False) -> None:  # noqa: B006
    """Look before running: wires, forcing needed, free parameters, estimated cost. Runs nothing."""
    with _said():
        found = landsink.case.check(landsink.case.load(name, changes), data)
        _print_json(found.facts) if as_json else Console().print(found.card)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Show which engine computes here and why: compiler, processor, cache, devices; try it on a small model."""
    with _said():
        found = landsink.case.examine()
        _print_json(found.facts) if as_json else typer.echo(found.card)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="A quantity (gpp), a process (RothC) or a source (Drivers).")],
) -> None:
    """Show the card of a quantity, a process or a source."""
    with _said():
        Console().print(landsink.case.explain(name))


@app.command()
def score(folder: Folder, as_json: AsJson = False) -> None:
    """Show the scores of a run, beside its baselines and goals."""
    with _said():
        table, goals = landsink.case.score(folder)
        if as_json:
            _print_json({"scores": _rows(table), "goals": [_goal(g) for g in goals]})
        else:
            _board(table, goals, Console())


@app.command("list")
def list_products(as_json: AsJson = False) -> None:
    """List the products in the catalogue."""
    with _said():
        items = landsink.case.products()
        _print_json([i.to_dict() for i in items]) if as_json else Console().print(
            landsink.case.listing(items)
        )


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="The first digits of a product's record.")],
    as_json: AsJson = False,
) -> None:
    """Show a product: what it is, what made it, its licence and checksums."""
    with _said():
        item = landsink.case.product(name)
        _print_json(item.to_dict()) if as_json else Console().print(landsink.case.detail(item))


@app.command("map")
def draw(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(help="Folder for the page; the run's own if not given.")] = None,
) -> None:
    """Draw a run as one self-contained page: mean maps, spread, regional or site series."""
    with _said():
        typer.echo(landsink.case.draw(folder, out))


@app.command()
def update(folder: Folder, changes: Changes = [], data: Data = None) -> None:  # noqa: B006
    """Extend a map to later steps of its forcing, without touching old years; say what changed."""
    with _said():
        with _progress(False) as report:
            words = landsink.case.update(folder, changes, data, report)
        typer.echo(words)


@contextmanager
def _said() -> Iterator[None]:
    """Failures that a user can mend are said in words; anything else is ours and keeps its traceback."""
    try:
        yield
    except KeyboardInterrupt:
        console.print("interrupted; --resume goes on from here.")
        raise typer.Exit(130) from None
    except Exception as error:
        if not any(c.__name__ == "LandsinkError" for c in type(error).__mro__):
            raise
        console.print(f"[bold red]error[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None


@contextmanager
def _progress(silent: bool) -> Iterator[Any]:
    """A bar with an estimate for every stage; quiet when nobody watches."""
    columns = (TextColumn("{task.description:<16}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
               TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())  # fmt: skip
    hidden = silent or not (console.is_terminal or os.environ.get("LANDSINK_PROGRESS"))
    with Progress(*columns, console=console, disable=hidden) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=1.0)
            bars.update(tasks[what], completed=min(share, 1.0))

        yield report


def _notice(page: Any) -> None:
    if page.twin is not None:
        console.print(
            "[bold]GENERATED DATA:[/] this case runs on a virtual Europe, not on observations.",
            highlight=False,
        )


def _board(table: Any, goals: list[Any], where: Console | None = None) -> None:
    if len(table):
        (where or Console()).print(landsink.case.scoreboard(table, goals))


def _rows(table: Any) -> list[dict[str, Any]]:
    return json.loads(table.to_json(orient="records"))


def _goal(goal: Any) -> dict[str, Any]:
    return {"goal": dict(goal.goal), "value": goal.value, "passed": goal.passed, "says": goal.says}


def _print_json(content: Any) -> None:
    json.dump(content, sys.stdout, indent=1, default=str)
    sys.stdout.write("\n")
