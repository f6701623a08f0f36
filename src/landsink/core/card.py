"""The card of a name: what a quantity or a process is, for people."""

import inspect
import textwrap
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .errors import unknown
from .flow import flow, is_flow, names_of
from .process import Parameter, Process
from .quantity import Quantity, quantity, vocabulary, within


def card(name: str, processes: Iterable[type[Process]]) -> RenderableType:
    """The card of a quantity of the vocabulary, or of one of the given process classes.

    Raises `UnknownName` with the near misses among both.
    """
    classes = {cls.__name__: cls for cls in processes}
    if name in classes:
        return process_card(classes[name])
    if name not in vocabulary():
        raise unknown(name, [*classes, *vocabulary()], "the vocabulary, nor a process")
    return quantity_card(quantity(name), classes.values())


def quantity_card(row: Quantity, processes: Iterable[type[Process]]) -> Panel:
    """Unit, kind, meaning, sign and span of a quantity; who gives it and who reads it."""
    made = [cls() for cls in processes]
    span = f"{row.span[0]:g} … {row.span[1]:g} {row.unit}" if row.span else ""
    lines = {
        "unit": row.unit,
        "kind": f"{row.kind}, constant in time" if row.constant else row.kind,
        "CF name": row.standard_name,
        "substance": row.substance,
        "sign": row.sign,
        "span": span,
        "within": row.parent,
        "holds": ", ".join(n for n in vocabulary() if quantity(n).parent == row.name),
        "own dims": ", ".join(row.dims),
        "counted as": _formula(row),
        "given by": ", ".join(p.title for p in made if _gives(p, row.name)) or "nobody here",
        "moved by": ", ".join(p.title for p in made if _moves(p, row.name)),
        "read by": ", ".join(p.title for p in made if row.name in p.reads) or "nobody here",
    }
    if row.kind in ("pool", "place") or row.sum or row.net:
        lines.pop("given by")
    return Panel(Group(Text(row.long), "", _facts(lines)), title=escape(row.name), title_align="left")


def process_card(cls: type[Process]) -> Panel:
    """Docstring, what it reads and gives, its parameters in the paper's units, and the citation."""
    process = cls()
    facts = {"reads": ", ".join(process.reads), "gives": "\n".join(process.gives), "cite": cls.cite}
    doc = Text(inspect.cleandoc(cls.__doc__ or ""))
    parts: list[RenderableType] = [doc, "", _facts(facts)]
    if process.parameters:
        parts += ["", _parameters(process.parameters)]
    return Panel(Group(*parts), title=escape(process.title), title_align="left")


def _formula(row: Quantity) -> str:
    if row.net:
        return f"arrows from {row.net[1]} into {row.net[0]}, less those back"
    return " ".join(
        f"{'+' if w > 0 else '-'} {'' if abs(w) == 1 else f'{abs(w):g} '}{n}" for n, w in row.sum.items()
    )


def _gives(process: Process, name: str) -> bool:
    """True if a process gives `name` as a value, a memory, or by arrows that bear it."""
    return any(
        bool(flow(key).label) and within(flow(key).label, name) if is_flow(key) else name in names_of(key)
        for key in process.gives
    )


def _moves(process: Process, name: str) -> bool:
    """True if an arrow of the process ends in `name`."""
    return any(name in flow(key)[:2] for key in process.gives if is_flow(key))


def _facts(lines: dict[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in lines.items():
        if text:
            table.add_row(label, Text(textwrap.dedent(text)))
    return table


def _parameters(parameters: Iterable[Parameter]) -> Table:
    table = Table("parameter", "value", "bounds", "unit", "meaning", show_edge=False, pad_edge=False)
    for p in parameters:
        value, low, high = (f"{x / p.scale:.5g}" for x in (p.default, p.low, p.high))
        table.add_row(p.name, value, f"{low} … {high}", Text(p.shown_unit), Text(p.doc))
    return table
