"""Cases and stations: run, look before running, score, draw, extend."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

import landsink
from landsink.cli.page import AsJson, app, console, print_json, progress, rows, said

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
    with said():
        page = landsink.case.load(name, changes)
        folder = out or Path("out") / Path(name).stem
        _notice(page)
        with progress(as_json) as report:
            result = landsink.case.run(page, folder, data, report, resume, scheduler)
        if as_json:
            print_json({"folder": str(result.folder), "record": result.record,
                         "goals": [_goal(g) for g in result.goals],
                         "scores": rows(result.scores)})  # fmt: skip
        else:
            _board(result.scores, result.goals)
            console.print(f"product  {result.folder / 'product.zarr'}\nscores   {result.folder / 'scores.csv'}\n"
                          f"picture  {result.picture}\nrecord   {result.record[:12]}", highlight=False)  # fmt: skip
        if not all(g.passed for g in result.goals):
            raise typer.Exit(3)


@app.command()
def station(
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE|DIR", help="A tower's file, archive or folder; an air or ocean file."),
    ],
    site: Annotated[str | None, typer.Option(help="Such as DE-Tha, where the files do not say.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the products; out/<site> if not given.")
    ] = None,
    domain: Annotated[
        str | None, typer.Option(help="ecosystem, atmosphere or ocean; told from the file if not given.")
    ] = None,
    convention: Annotated[str, typer.Option(help="Where tools differ: oneflux or reddyproc.")] = "oneflux",
    lat: Annotated[float | None, typer.Option(help="Degrees north.")] = None,
    lon: Annotated[float | None, typer.Option(help="Degrees east.")] = None,
    utc_offset: Annotated[float | None, typer.Option(help="Hours of local standard time from UTC.")] = None,
    year: Annotated[int | None, typer.Option(help="The year of a file that counts days only.")] = None,
    height: Annotated[
        float | None, typer.Option(help="Of the sensor [m]: storage from one point; of an air intake.")
    ] = None,
    negligible_storage: Annotated[bool, typer.Option("--negligible-storage", help="NEE = FC.")] = False,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 0,
    draws: Annotated[int, typer.Option(help="Bootstraps of the u* threshold.")] = 100,
    percentiles: Annotated[int, typer.Option(help="Versions of NEE, by slices of the thresholds.")] = 40,
    boosting: Annotated[bool, typer.Option("--boosting", help="Fill NEE by boosted trees as well.")] = False,
    hours: Annotated[str, typer.Option(help="Of an air record's days: afternoon, night, all.")] = "afternoon",
    fco2_error: Annotated[
        float | None, typer.Option(help="Of an ocean record's fCO2 [µatm], one standard deviation.")
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Of the products, as CC-BY-4.0 or other; the data's if not given.")
    ] = "",
    rights: Annotated[str, typer.Option(help="Words on what may be done with them.")] = "",
    no_catalogue: Annotated[
        bool, typer.Option("--no-catalogue", help="Do not enter it into the catalogue.")
    ] = False,
    no_pages: Annotated[bool, typer.Option("--no-pages", help="No page for each year.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run's products.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Process a station's files and catalogue it: a flux tower, a mole fraction in air, CO2 of surface water."""
    with said("nothing was written; run it again."):
        landsink.case.check_terms(licence, rights)
        files = landsink.case.StationFiles(path, site, lat, lon, utc_offset, year, domain, height, hours,
                                           fco2_error)  # fmt: skip
        settings = landsink.case.StationSettings(landsink.case.convention(convention), seed, draws, percentiles,
                                                 height, negligible_storage, boosting)  # fmt: skip
        with progress(as_json) as report:
            found = landsink.case.station(files, out, settings, report, overwrite, not no_pages)
        item = None if no_catalogue else landsink.case.enter_station(found.folder, licence, rights)
        print_json(landsink.case.station_facts(found, item)) if as_json else _told(found, item)
        if found.empty:
            raise typer.Exit(3)


def _told(found: Any, item: Any) -> None:
    """What became of a station, in words and a table."""
    for line in found.warnings:
        console.print(escape(line), highlight=False, soft_wrap=True)
    if not found.empty:
        console.print(landsink.case.statement(found))
    entered = f"\ncatalogue {item.id}" if item is not None else ""
    console.print(f"products {found.folder}\nrecord   {found.record[:12]}{entered}", highlight=False)


@app.command()
def check(name: CaseArgument, changes: Changes = [], data: Data = None, as_json: AsJson = False) -> None:  # noqa: B006
    """Look before running: wires, forcing needed, free parameters, estimated cost. Runs nothing."""
    with said():
        found = landsink.case.check(landsink.case.load(name, changes), data)
        print_json(found.facts) if as_json else Console().print(found.card)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Show which engine computes here and why: compiler, processor, cache, devices; try it on a small model."""
    with said():
        found = landsink.case.examine()
        print_json(found.facts) if as_json else typer.echo(found.card)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="A quantity (gpp), a process (RothC) or a source (Drivers).")],
) -> None:
    """Show the card of a quantity, a process or a source."""
    with said():
        Console().print(landsink.case.explain(name))


@app.command()
def score(folder: Folder, as_json: AsJson = False) -> None:
    """Show the scores of a run, beside its baselines and goals."""
    with said():
        table, goals = landsink.case.score(folder)
        if as_json:
            print_json({"scores": rows(table), "goals": [_goal(g) for g in goals]})
        else:
            _board(table, goals, Console())


@app.command("map")
def draw(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(help="Folder for the page; the run's own if not given.")] = None,
) -> None:
    """Draw a run as one self-contained page: mean maps, spread, regional or site series."""
    with said():
        typer.echo(landsink.case.draw(folder, out))


@app.command()
def update(folder: Folder, changes: Changes = [], data: Data = None) -> None:  # noqa: B006
    """Extend a map to later steps of its forcing, without touching old years; say what changed."""
    with said():
        with progress(False) as report:
            words = landsink.case.update(folder, changes, data, report)
        typer.echo(words)


def _notice(page: Any) -> None:
    if page.twin is not None:
        console.print(
            "[bold]GENERATED DATA:[/] this case runs on a virtual Europe, not on observations.",
            highlight=False,
        )


def _board(table: Any, goals: list[Any], where: Console | None = None) -> None:
    if len(table):
        (where or Console()).print(landsink.case.scoreboard(table, goals))


def _goal(goal: Any) -> dict[str, Any]:
    return {"goal": dict(goal.goal), "value": goal.value, "passed": goal.passed, "says": goal.says}
