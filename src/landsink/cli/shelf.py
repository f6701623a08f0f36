"""The catalogue: list, show, take in, search, cite, verify, hand on."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import landsink
from landsink.cli.page import AsJson, app, print_json, said


@app.command("list")
def list_products(as_json: AsJson = False) -> None:
    """List the products in the catalogue."""
    with said():
        items = landsink.case.products()
        print_json([i.to_dict() for i in items]) if as_json else Console().print(landsink.case.listing(items))


@app.command(context_settings={"ignore_unknown_options": True})
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="The first letters of its identifier or record.")],
    as_json: AsJson = False,
) -> None:
    """Show a product: what it is, what made it, its licence and checksums."""
    with said():
        item = landsink.case.product(name)
        print_json(item.to_dict()) if as_json else Console().print(landsink.case.detail(item))


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
    with said("nothing half-taken is kept; run it again."):
        pairs = [landsink.case.ingest(path, specification, about, dry) for path in files]
        if as_json:
            print_json([r.as_dict() | {"ingested": item is not None} for r, item in pairs])
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
    with said():
        asked = landsink.case.query(words or [], box, start, end, variables, kinds, old, limit, offset)
        page = landsink.case.search(asked)
        if as_json:
            print_json(
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
    with said():
        typer.echo(landsink.case.cite(name, form), nl=False)


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Hash everything in the catalogue again, and name what is not what it was."""
    with said("nothing was changed."):
        result = landsink.case.verify()
        if as_json:
            print_json(result.as_dict())
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
    with said("the folder is not whole; remove it."):
        typer.echo(landsink.case.export(folder, name, data))
