"""Cases that a stranger may ask for over the network: what of a case is open, and how large it may be."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from landsink import sources
from landsink.core.door import STEPS_A_YEAR
from landsink.core.errors import CaseError, unknown

from . import compose
from .page import Case, SourcePage, load, shipped, valid

# Keys of a case that comes with landsink that a visitor may change; paths and sources are not among them.
OPEN = ("model.", "assimilate.", "start.", "output.variables", "map.members", "map.neighbours", "map.carry")
LONGEST = 300  # of a text that people read
# A run of one cell by one step, with its gradient where one is taken, counts as one. So many take an hour of one
# core, or several: measured on the demonstration. So many numbers of a map are kept, in members, cells and months.
MOST_STEPS, MOST_NUMBERS = 2e10, 1e9
SECONDS, SECONDS_A_STEP = 40.0, 3e-7
# What is assumed of data whose size is known only when they are read.
PLACES, CELLS, YEARS = 200, 5000, 30


class CaseOrder(BaseModel):
    """A case that comes with landsink, and changes of it; or a case of your own, in full.

    A case of your own stands on generated data, or on the very sources of a case that comes with landsink.
    """

    model_config = ConfigDict(extra="forbid")
    name: str = Field("", max_length=64, description="a case that comes with landsink")
    changes: list[str] = Field([], max_length=40, description="as 'model.soil=RothC'")
    case: dict[str, Any] | None = Field(
        None, description="instead of a name: a case in full, as its TOML page says it", max_length=20
    )


def ordered(inputs: Mapping[str, Any], data: Path | None) -> tuple[CaseOrder, Case]:
    """A request for a case and the case; CaseError or UnknownName where it may not be asked for, or would not run."""
    try:
        order = CaseOrder.model_validate(inputs)
    except ValidationError as error:
        told = " ".join(f"'{'.'.join(map(str, e['loc']))}': {e['msg']}." for e in error.errors())
        raise CaseError(told, "name and changes, or case.") from None
    if order.case is None:
        return order, _named(order)
    if order.name or order.changes:
        raise CaseError("A case in full has neither name nor changes.", "Either, not both.")
    case = valid(order.case, "the case")
    for page in (case.domain.source, *([case.map.source] if case.map else [])):
        _source(page, data, case.model.step)
    return order, _plain(case)


def size(case: Case, data: Path | None, free: int) -> float:
    """Runs of one cell by one step that a case with so many free parameters takes, about.

    CaseError where that, or its map, is too much.
    """
    cells, years = _extent(case.domain.source, data, case.model.step)
    places = min(len(case.domain.sites) or case.domain.towers or min(PLACES, cells), cells)
    steps = _runs(case, free) * places * years * STEPS_A_YEAR[case.model.step]
    numbers = 0.0
    if case.map is not None:
        cells, years = _extent(case.map.source, data, case.model.step)
        steps += case.map.members * cells * (years + 5 * case.map.cycle_years) * STEPS_A_YEAR[case.model.step]
        numbers = case.map.members * cells * years * 12.0 * len(case.output.variables)
    if steps > MOST_STEPS:
        raise CaseError(
            f"The case takes {steps:.2g} runs of a cell by a step.", f"At most {MOST_STEPS:.2g} here.",
            "Fewer cells, members, years, iterations or free parameters; or run it with the command line.",
        )  # fmt: skip
    if numbers > MOST_NUMBERS:
        raise CaseError(
            f"The map would hold {numbers:.2g} numbers.", f"At most {MOST_NUMBERS:.2g} here.",
            "A coarser map, fewer members, years or variables; or run it with the command line.",
        )  # fmt: skip
    return float(steps)


def _named(order: CaseOrder) -> Case:
    if order.name not in shipped():
        raise unknown(order.name, shipped(), f"the cases that come with landsink ({', '.join(shipped())})")
    for change in order.changes:
        if not change.partition("=")[0].strip().startswith(OPEN):
            raise CaseError(
                f"'{change[:LONGEST]}' may not be changed from here.",
                f"Keys {', '.join(k.rstrip('.') for k in OPEN)}.",
                "Run it with the command line, or give the case in full.",
            )
    return _plain(load(order.name, order.changes))


def _plain(case: Case) -> Case:
    """A case that names no code but landsink's, and is no longer than people read."""
    named = [(f"model.{slot}", getattr(case.model, slot)) for slot in compose.FAMILY]
    named += [(f"observe.{n}", page.kind) for n, page in case.observe.items()]
    named += [("constraint", page.kind) for page in case.constraint]
    # Of `also`, 'family:Class' is landsink's own.
    named += [("model.also", n) for n in case.model.also if n.split(":")[0] not in compose.FAMILY.values()]
    for key, name in named:
        # 'module:Class' would load any module of the machine.
        if ":" in name or key == "model.also":
            raise CaseError(
                f"'{key}' is '{name[:LONGEST]}', which is not landsink's own.",
                "A class of landsink by its name.",
                "Run it with the command line.",
            )
    for key, text in (("title", case.title), ("output.licence", case.output.licence)):
        if not 0 < len(text) <= LONGEST:
            raise CaseError(f"'{key}' has {len(text)} characters.", f"1 to {LONGEST}.")
    return case


def _source(page: SourcePage, data: Path | None, step: str) -> None:
    """Hold a source to what strangers may read: generated data, or what a case of ours reads."""
    if page in _ours():
        return
    made = getattr(sources, page.kind, None) if page.kind in sources.__all__ else None
    if made is None:
        raise unknown(
            page.kind, _generated(), f"the sources that may be named here ({', '.join(_generated())})"
        )
    if not made.generated or page.path:
        raise CaseError(
            f"'{page.kind}' with path '{page.path[:LONGEST]}' and options of its own may not be read from here.",
            f"{', '.join(_generated())} without a path, or the sources of {', '.join(shipped())} as they are.",
            "Run it with the command line.",
        )
    for name, value in page.options.items():
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise CaseError(f"'{page.kind}.{name}' is {str(value)[:LONGEST]!r}.", "A number.")
    compose.source(page, data, step).check()


def _generated() -> Sequence[str]:
    return [n for n in sources.__all__ if getattr(getattr(sources, n), "generated", False)]


@functools.cache
def _ours() -> Sequence[SourcePage]:
    """The sources of the cases that come with landsink."""
    found = []
    for case in map(load, shipped()):
        found += [case.domain.source, *([case.map.source] if case.map else [])]
    return found


def _extent(page: SourcePage, data: Path | None, step: str) -> tuple[int, int]:
    """Cells and years of a source, about where its data would have to be read for it."""
    made = compose.source(page, data, step)
    if not made.generated:
        return CELLS, YEARS
    made.check()
    return made.climate.lat.size, made.last_year - made.first_year + 1


def _runs(case: Case, free: int) -> float:
    """Runs of the model that a fit takes, a gradient counted as two for every free parameter and six more."""
    if not free or not case.observe:
        return 1.0
    page, each = case.assimilate, 2.0 * free + 6.0
    if page.method == "Sampler":
        kept = page.sampler
        moves = kept.leapfrogs if kept.kind != "demc" else 1
        return float(kept.chains) * (kept.warmup + kept.draws * 2.0 ** min(kept.rounds, 60)) * moves
    fits = float(page.iterations) * page.starts * each * (1 + page.folds) * (1 + page.tune)
    if page.method == "EnsembleSmoother":
        return fits + float(page.smoother.members) * page.smoother.assimilations
    return fits + float(page.ensemble_iterations) * page.members * each
