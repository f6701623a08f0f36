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
def station(
    path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A tower's file, archive, or folder.")],
    site: Annotated[str | None, typer.Option(help="Such as DE-Tha, where the files do not say.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the products; out/<site> if not given.")
    ] = None,
    convention: Annotated[str, typer.Option(help="Where tools differ: oneflux or reddyproc.")] = "oneflux",
    lat: Annotated[float | None, typer.Option(help="Degrees north.")] = None,
    lon: Annotated[float | None, typer.Option(help="Degrees east.")] = None,
    utc_offset: Annotated[float | None, typer.Option(help="Hours of local standard time from UTC.")] = None,
    year: Annotated[int | None, typer.Option(help="The year of a file that counts days only.")] = None,
    height: Annotated[float | None, typer.Option(help="Of the sensor [m]: storage from one point.")] = None,
    negligible_storage: Annotated[bool, typer.Option("--negligible-storage", help="NEE = FC.")] = False,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 0,
    draws: Annotated[int, typer.Option(help="Bootstraps of the u* threshold.")] = 100,
    percentiles: Annotated[int, typer.Option(help="Versions of NEE, by slices of the thresholds.")] = 40,
    boosting: Annotated[bool, typer.Option("--boosting", help="Fill NEE by boosted trees as well.")] = False,
    no_pages: Annotated[bool, typer.Option("--no-pages", help="No page for each year.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run's products.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Process a flux tower's files: checks, u*, gaps, partitioning, uncertainty, closure; FLUXNET and CF products."""
    with _said("nothing was written; run it again."):
        files = landsink.case.StationFiles(path, site, lat, lon, utc_offset, year)
        settings = landsink.case.StationSettings(landsink.case.convention(convention), seed, draws, percentiles,
                                                 height, negligible_storage, boosting)  # fmt: skip
        with _progress(as_json) as report:
            found = landsink.case.station(files, out, settings, report, overwrite, not no_pages)
        if as_json:
            _print_json({"folder": str(found.folder), "site": found.site, "record": found.record,
                         "steps": [{"name": s.name, "status": s.status, "says": s.says} for s in found.steps],
                         "carbon": _rows(found.annual)})  # fmt: skip
        else:
            for line in found.warnings:
                console.print(escape(line), highlight=False, soft_wrap=True)
            if len(found.annual):
                console.print(landsink.case.statement(found))
            console.print(f"products {found.folder}\nrecord   {found.record[:12]}", highlight=False)
        if not len(found.annual):
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


@app.command(context_settings={"ignore_unknown_options": True})
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="The first letters of its identifier or record.")],
    as_json: AsJson = False,
) -> None:
    """Show a product: what it is, what made it, its licence and checksums."""
    with _said():
        item = landsink.case.product(name)
        _print_json(item.to_dict()) if as_json else Console().print(landsink.case.detail(item))


@app.command()
def ingest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="CSV, NetCDF, Zarr or a zip of Zarr.")],
    dry: Annotated[bool, typer.Option("--try", help="Tell every defect; keep nothing.")] = False,
    specification: Annotated[
        str,
        typer.Option(
            "--as", metavar="SPECIFICATION", help="soil-stocks, gridded-fluxes, table, cube, or TOML."
        ),
    ] = "",
    about: Annotated[
        Path | None, typer.Option(help="The description as TOML; FILE's name with .toml if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take files into the catalogue, or try them: every defect with what was expected and what to do."""
    with _said("nothing half-taken is kept; run it again."):
        pairs = [landsink.case.ingest(path, specification, about, dry) for path in files]
        if as_json:
            _print_json([r.as_dict() | {"ingested": item is not None} for r, item in pairs])
        else:
            for report, item in pairs:
                typer.echo(f"{report.path.name}: taken in as {item.id}." if item else str(report))
        if not all(report.accepted for report, _ in pairs):
            raise typer.Exit(3)


@app.command()
def search(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS…", help="Or beginnings of words.")
    ] = None,
    box: Annotated[str, typer.Option(metavar="W,S,E,N", help="Degrees; with = before a minus sign.")] = "",
    start: Annotated[str, typer.Option("--from", help="Day as 2001-01-01.")] = "",
    end: Annotated[str, typer.Option("--to", help="Day as 2020-12-31.")] = "",
    variables: Annotated[list[str], typer.Option("--variable", help="May be repeated.")] = [],  # noqa: B006
    kinds: Annotated[list[str], typer.Option("--kind", help="run, table, cube, collection.")] = [],  # noqa: B006
    old: Annotated[bool, typer.Option("--old", help="Old versions too.")] = False,
    limit: Annotated[int, typer.Option(help="Rows of a page.")] = 20,
    offset: Annotated[int, typer.Option(help="Rows to pass over.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Search the catalogue by words, place, time, variables and kinds."""
    with _said():
        asked = landsink.case.query(words or [], box, start, end, variables, kinds, old, limit, offset)
        page = landsink.case.search(asked)
        if as_json:
            _print_json(
                {"total": page.total, "facets": page.facets, "items": [i.to_dict() for i in page.items]}
            )
        else:
            Console().print(landsink.case.found(page))


@app.command(context_settings={"ignore_unknown_options": True})
def cite(
    name: Annotated[str, typer.Argument(metavar="ID", help="The first letters of an identifier.")],
    form: Annotated[str, typer.Option("--as", help="text, bibtex, ris, csl, datacite or jsonld.")] = "text",
) -> None:
    """Cite a product."""
    with _said():
        typer.echo(landsink.case.cite(name, form), nl=False)


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Hash everything in the catalogue again, and name what is not what it was."""
    with _said("nothing was changed."):
        result = landsink.case.verify()
        if as_json:
            _print_json(result.as_dict())
        else:
            for fault in result.faults:
                typer.echo(str(fault))
            typer.echo(f"{result.objects} objects, {result.size} bytes, {len(result.faults)} faults")
        if result.faults:
            raise typer.Exit(3)


@app.command(context_settings={"ignore_unknown_options": True})
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    name: Annotated[str, typer.Option("--id", help="One product, as an RO-Crate with provenance.")] = "",
    data: Annotated[bool, typer.Option("--data", help="Copy the bytes into a STAC export too.")] = False,
) -> None:
    """Export the catalogue as static STAC, or one product as an RO-Crate."""
    with _said("the folder is not whole; remove it."):
        typer.echo(landsink.case.export(folder, name, data))


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
def _said(resumes: str = "--resume goes on from here.") -> Iterator[None]:
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
