"""Look before running: wires, forcing, free parameters, cost; and the card of a name."""

import dataclasses
import inspect as python
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from landsink import models, sources
from landsink.core import card
from landsink.core.door import STEPS_A_YEAR
from landsink.core.engine.doctor import examine as examine
from landsink.core.errors import DataError, LandsinkError, unknown
from landsink.core.flow import flow
from landsink.core.model import Model
from landsink.core.process import Process
from landsink.core.quantity import quantity, vocabulary

from . import compose
from .page import Case
from .setup import CLOCK, first_guess, forcing_names

# of a cell and step, forward, on one core: the order that benchmarks/engine.py shows
NANOSECONDS = {"native": 100.0, "xla": 700.0}


@dataclasses.dataclass(frozen=True)
class Found:
    """What a look at a case found: facts for machines, a card for people."""

    facts: dict[str, Any]
    card: RenderableType


def check(case: Case, data: Path | None) -> Found:
    """Compose the case and hold it against its sources; raises what a run would raise, in one line, before it runs."""
    model = compose.compose(case.model)
    space = compose.space(model, case)
    compose.constraints(case, model)
    first_guess(model, case.start.pools, 1)
    for page in case.observe.values():
        compose.observation(page.kind)
    needed = {n: quantity(n).unit for n in forcing_names(model)}
    given = [
        compose.source(p, data, case.model.step)
        for p in ([case.domain.source] + ([case.map.source] if case.map else []))
    ]
    for source in given:
        _has_givers(needed, source, case.domain.constants)
    for name in (*case.output.variables, *case.observe):
        if not model.offers(name):
            raise unknown(name, [v for v in vocabulary() if model.offers(v)], "what this model computes")
    facts = {
        "title": case.title, "step": case.model.step, "stepper": case.model.stepper,
        "order": [p.title for p in model.processes], "pools": list(model.wiring.pools),
        "memories": list(model.wiring.memories),
        "forcing": needed | {c: "the clock" for c in CLOCK if c in model.forcing}, "arrows": list(model.wiring.flows),
        "free": list(space.names), "fixed": [n for n in model.parameters if n not in space.names],
        "observed": {n: p.kind for n, p in case.observe.items()}, "estimate": _cost(case, model, space.size),
        "citations": {p.title: p.cite for p in model.processes}, "sources": [s.citation for s in given],
    }  # fmt: skip
    return Found(facts, _card(facts))


def _has_givers(needed: dict[str, str], source: Any, constants: dict[str, float]) -> None:
    for name in needed:
        if name not in (*source.gives, *constants, "lat", "lon"):
            raise DataError(f"the model reads '{name}' ({quantity(name).long}), "
                            f"which no process gives, nor {type(source).__name__}.",
                            f"{type(source).__name__} gives {', '.join(source.gives)}.",
                            "Add a process that gives it, or another source.")  # fmt: skip


def _cost(case: Case, model: Model, free: int) -> dict[str, str]:
    """An order of magnitude, said as such: the fit at sites and the map."""
    steps, each = 10 * STEPS_A_YEAR[case.model.step], NANOSECONDS[case.model.engine]
    page = case.assimilate
    places = len(case.domain.sites) or case.domain.towers or 40
    runs = page.iterations * page.starts * (2 * free + 6) * 2 + page.ensemble_iterations * page.members * (
        2 * free + 6
    )
    fit = runs * places * steps * each * 1e-9
    words = {
        "fit": f"about {max(fit, 1):.0f} s on one core "
        f"({runs} runs of {places} places, ten years each), and compiling once"
    }
    if case.map:
        words["map"] = (
            f"about {case.map.members * steps * each * 1e-6:.1f} s for every 1000 cells and ten years"
        )
    return words


def _card(facts: dict[str, Any]) -> RenderableType:
    graph = Table(title="Arrows", title_justify="left", box=None)
    for head in ("from", "to", "counted as"):
        graph.add_column(head)
    for key in facts["arrows"]:
        graph.add_row(*flow(key))
    lines = Table.grid(padding=(0, 2))
    for key in (
        "step",
        "stepper",
        "order",
        "pools",
        "memories",
        "forcing",
        "observed",
        "free",
        "fixed",
        "estimate",
    ):
        value = facts[key]
        if isinstance(value, dict):
            value = ", ".join(f"{k} ({v})" for k, v in value.items())
        lines.add_row(f"[bold]{key}[/]", ", ".join(value) if isinstance(value, list) else str(value))
    cites = "\n".join(f"{k}: {v}" for k, v in facts["citations"].items() if v)
    return Group(
        Panel(lines, title=facts["title"]),
        graph,
        Panel(cites, title="Cite"),
        Panel("\n".join(facts["sources"]), title="Data"),
    )


def explain(name: str) -> RenderableType:
    """The card of a quantity, a process or a source."""
    classes = {n: getattr(sources, n) for n in sources.__all__}
    if name in classes:
        return _source_card(name, classes[name])
    try:
        return card.card(name, processes())
    except LandsinkError:
        known = [*vocabulary(), *(p.__name__ for p in processes()), *classes]
        if name in known:
            raise
        raise unknown(name, known, "the vocabulary, nor a process or a source") from None


def processes() -> list[type[Process]]:
    """Every process of landsink.models."""
    rooms = [
        import_module(m.name) for m in pkgutil.iter_modules(models.__path__, "landsink.models.") if m.ispkg
    ]
    found = [getattr(room, n) for room in rooms for n in dir(room)]
    return [c for c in found if isinstance(c, type) and issubclass(c, Process) and c.__name__[0] != "_"]


def _source_card(name: str, cls: type) -> Panel:
    options = [
        f"{f.name} = {f.default!r}" for f in dataclasses.fields(cls) if f.default is not dataclasses.MISSING
    ]
    lines = Table.grid(padding=(0, 2))
    rows = {"gives": ", ".join(cls.gives), "usual place": getattr(cls, "path", "(no file)"),
            "options": ", ".join(options),
            "licence": cls.licence, "cite": cls.citation,
            "generated": "yes: not observed" if cls.generated else "no"}  # fmt: skip
    for key, value in rows.items():
        lines.add_row(f"[bold]{key}[/]", value)
    return Panel(Group(python.cleandoc(cls.__doc__ or ""), "", lines), title=name, title_align="left")
