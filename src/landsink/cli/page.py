"""What all commands share: the application, how failures are said, progress, JSON."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

app = typer.Typer(
    name="landsink",
    help="Land carbon from observations to calibrated maps: run a case, look before running, score, list, draw.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True, width=None if sys.stderr.isatty() else 130)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@contextmanager
def said(resumes: str = "--resume goes on from here.") -> Iterator[None]:
    """Failures that a user can mend are said in words; anything else is ours and keeps its traceback."""
    try:
        yield
    except KeyboardInterrupt:
        console.print(f"interrupted; {resumes}")
        raise typer.Exit(130) from None
    except Exception as error:
        if not any(c.__name__ == "LandsinkError" for c in type(error).__mro__):
            raise
        console.print(f"[bold red]error[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None


@contextmanager
def progress(silent: bool) -> Iterator[Any]:
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


def print_json(content: Any) -> None:
    """Plain data as JSON on standard output; what JSON does not know becomes words."""
    json.dump(content, sys.stdout, indent=1, default=str)
    sys.stdout.write("\n")


def rows(table: Any) -> list[dict[str, Any]]:
    """The rows of a table as plain data; what is missing is None."""
    return json.loads(table.to_json(orient="records"))
