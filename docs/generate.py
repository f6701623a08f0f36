"""Reference pages from the code itself: the vocabulary, the processes, the fields of a case, the command line."""

import importlib
import inspect
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import typer.core
import typer.main

import landsink.models
from landsink.case import Case
from landsink.catalogue import Catalogue
from landsink.cli import app
from landsink.core.process import Parameter, Process
from landsink.core.quantity import KINDS, Quantity, quantity, vocabulary
from landsink.portal import Context, create
from landsink.portal.entrance import operations


def write_reference(folder: Path) -> None:
    """Write every generated page into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    pages: dict[str, Callable[[], Iterable[str]]] = {
        "vocabulary": vocabulary_page,
        "processes": processes_page,
        "case": case_page,
        "command-line": command_line_page,
        "http": http_page,
    }
    for name, page in pages.items():
        (folder / f"{name}.md").write_text("\n".join(page()) + "\n")


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """A Markdown table; a bar inside a cell is escaped."""
    heads = list(heads)
    yield ""
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
    yield ""


def code(text: object) -> str:
    """Text in a code span, or nothing for nothing."""
    return f"`{text}`" if text not in ("", None) else ""


# --- the vocabulary ---------------------------------------------------------------------------------------


def vocabulary_page() -> Iterator[str]:
    """Every quantity, by kind."""
    yield "# Vocabulary"
    yield "\nEvery number in landsink bears one of these names. Units are canonical; the door converts what it can."
    for kind in KINDS:
        rows = [row for row in vocabulary().values() if row.kind == kind]
        if rows:
            yield f"\n## {kind.capitalize()}"
            heads = ("name", "unit", "what it is", "positive", "substance", "within", "span")
            yield from table(heads, map(quantity_row, rows))


def quantity_row(row: Quantity) -> tuple[str, ...]:
    """One quantity as cells."""
    span = f"{row.span[0]:g} … {row.span[1]:g}" if row.span else ""
    return code(row.name), code(row.unit), row.long, row.sign, row.substance, code(row.parent), span


# --- the processes ----------------------------------------------------------------------------------------


def process_classes() -> list[type[Process]]:
    """Every process of landsink.models, in order of family and name."""
    packages = pkgutil.walk_packages(landsink.models.__path__, "landsink.models.")
    modules = [importlib.import_module(found.name) for found in packages]
    found = {
        thing
        for module in modules
        for thing in vars(module).values()
        if inspect.isclass(thing) and issubclass(thing, Process) and thing.__module__ == module.__name__
    }
    public = (thing for thing in found if not thing.__name__.startswith("_") and "__call__" in dir(thing))
    return sorted(public, key=lambda cls: (family(cls), cls.__name__))


def family(cls: type[Process]) -> str:
    """The family of a process: 'soil' for landsink.models.soil.rothc.RothC."""
    return cls.__module__.split(".")[2]


def processes_page() -> Iterator[str]:
    """Every process: its docstring, what it reads and gives, its parameters, its paper."""
    yield "# Processes"
    yield '\nA case names a process by its class (`soil = "RothC"`); `landsink explain RothC` shows the same card.'
    families: dict[str, list[type[Process]]] = defaultdict(list)
    for cls in process_classes():
        families[family(cls)].append(cls)
    for name, members in families.items():
        yield f"\n## {name.capitalize()}"
        for cls in members:
            yield from process_card(cls)


def process_card(cls: type[Process]) -> Iterator[str]:
    """The card of one process, with its default parameters."""
    process = cls()
    yield f"\n### {cls.__name__}\n"
    yield from inspect.getdoc(cls).splitlines()
    yield f"\n`{cls.__module__}`" + (f" · {cls.cite}" if cls.cite else "") + "\n"
    yield "**Reads** " + ", ".join(f"`{name}` [{quantity(name).unit}]" for name in process.reads) + "\n"
    yield "**Gives**\n"
    yield from (f"- `{key}`" for key in process.gives)
    if process.parameters:
        heads = ("parameter", "default", "bounds", "unit", "what it is")
        yield from table(heads, map(parameter_row, process.parameters))


def parameter_row(p: Parameter) -> tuple[str, ...]:
    """One parameter as cells, in its paper's units."""
    low, high, default = (f"{value / p.scale:.4g}" for value in (p.low, p.high, p.default))
    return code(p.name), default, f"{low} … {high}", p.shown_unit, p.doc


# --- a case -----------------------------------------------------------------------------------------------


def case_page() -> Iterator[str]:
    """Every table and key that a case may hold."""
    schema = Case.model_json_schema()
    yield "# Fields of a case"
    yield "\nA case is a TOML file. Unknown keys are refused, with the near misses."
    yield from case_table("", schema, schema.get("$defs", {}))


def case_table(path: str, schema: dict, pages: dict[str, dict]) -> Iterator[str]:
    """One table of a case, then the tables inside it."""
    inner = {name: inner_page(field, pages) for name, field in schema["properties"].items()}
    yield f"\n## {f'`{path}`' if path else 'At the top'}\n"
    yield schema.get("description", "")
    required = schema.get("required", ())
    plain = {name: field for name, field in schema["properties"].items() if not inner[name]}
    rows = (
        (
            code(n),
            type_of(f),
            "required" if n in required else code(f.get("default")),
            f.get("description", ""),
        )
        for n, f in plain.items()
    )
    if plain:
        yield from table(("key", "type", "default", "what it is"), rows)
    for name, found in inner.items():
        if found:
            mark, page = found
            place = f"{path.strip('[]')}.{name}".lstrip(".")
            yield from case_table(mark.format(place), page, pages)


def inner_page(field: dict, pages: dict[str, dict]) -> tuple[str, dict] | None:
    """The table inside a field, and how TOML heads it; None for a plain value."""
    choices = {
        "[{}]": [field, *field.get("anyOf", ()), *field.get("allOf", ())],
        "[[{}]]": [field.get("items", {})],
        "[{}.NAME]": [field.get("additionalProperties", {})],
    }
    for mark, options in choices.items():
        for option in options:
            if isinstance(option, dict) and "$ref" in option:
                return mark, pages[option["$ref"].rsplit("/", 1)[-1]]
    return None


def type_of(field: dict) -> str:
    """A field's type in a few words."""
    if "enum" in field:
        return " or ".join(f"`{choice}`" for choice in field["enum"])
    if "anyOf" in field:
        return " or ".join(type_of(option) for option in field["anyOf"] if option.get("type") != "null")
    if field.get("type") == "array":
        return f"list of {type_of(field.get('items', {}))}"
    if field.get("type") == "object":
        return "table"
    return str(field.get("type", "any"))


# --- the command line -------------------------------------------------------------------------------------


def command_line_page() -> Iterator[str]:
    """Every verb of the command line with its arguments and options."""
    group = typer.main.get_command(app)
    yield "# Command line"
    yield f"\n{group.help or ''}"
    for name, command in _commands(group):
        yield f"\n## landsink {name}\n"
        yield inspect.cleandoc(command.help or "")
        rows = (
            (
                code(", ".join(p.opts) if p.param_type_name == "option" else p.name.upper()),
                getattr(p, "help", "") or "",
            )
            for p in command.params
        )
        yield from table(("argument", "what it does"), rows)


def _commands(group: typer.core.TyperGroup) -> Iterator[tuple[str, typer.core.TyperCommand]]:
    """Every verb with its whole name, those of groups too."""
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            yield from ((f"{name} {verb}", below) for verb, below in _commands(command))


# --- the HTTP interface -----------------------------------------------------------------------------------


def http_page() -> Iterator[str]:
    """Every route of the portal, by part."""
    document = create(Context(Catalogue(Path("home")))).openapi()
    parts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, operation in operations(document):
        about = (operation.get("description") or operation["summary"]).split("\n")[0]
        parts[operation["tags"][0]].append((code(name), about))
    yield "# Routes of the HTTP interface"
    yield "\nA running portal tells their parameters and answers at `/api/docs` and `/api/openapi.json`."
    for part, rows in parts.items():
        yield f"\n## {part.capitalize()}"
        yield from table(("route", "what it answers"), rows)
