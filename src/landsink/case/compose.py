"""From the words of a page to objects: processes, sources, observations, methods."""

import dataclasses
from collections.abc import Mapping
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import xarray as xr

from landsink import observe, sources
from landsink.assimilate import (
    EnsembleSmoother,
    Laplace,
    Method,
    RandomisedMaximumLikelihood,
    Sampler,
    Variational,
)
from landsink.core import step
from landsink.core.errors import CaseError, unknown
from landsink.core.model import Model
from landsink.core.prior import ParameterSpace
from landsink.core.process import Process
from landsink.core.quantity import quantity, vocabulary, within
from landsink.core.record import Input

from .page import AssimilationPage, Case, ModelPage, SourcePage

FAMILY = {
    "sun": "light", "canopy": "light", "light": "light", "radiation": "water", "snow": "water", "moisture": "water",
    "water": "water", "phenology": "plant", "leaf_area": "plant", "plant": "plant", "climate": "soil", "soil": "soil",
    "fire": "disturbance",
}  # fmt: skip


def compose(page: ModelPage) -> Model:
    """The model of a page, with its parameters' changes."""
    chosen = [(FAMILY[slot], getattr(page, slot)) for slot in FAMILY if getattr(page, slot)]
    chosen += [tuple(name.split(":")) if name.count(":") == 1 and "." not in name else ("", name)
               for name in page.also]  # fmt: skip
    model = Model.of(*(process(family, name) for family, name in chosen))
    known = model.parameters
    values = {}
    for name, shown in page.parameters.items():
        if name not in known:
            raise unknown(name, known, "this model's parameters")
        values[name] = shown * known[name].scale
        if not known[name].low <= values[name] <= known[name].high:
            bounds = f"{known[name].low / known[name].scale:g} … {known[name].high / known[name].scale:g}"
            raise CaseError(f"{name} = {shown:g} {known[name].shown_unit}.", f"Within {bounds}.")
    return model.with_parameters(values)


def process(family: str, name: str) -> Process:
    """A process by its name in a family, or by 'module:Class'."""
    if ":" in name:
        place, _, name = name.partition(":")
    else:
        place = f"landsink.models.{family}"
    return _member(_module(place), name, Process)()


def stepper(page: ModelPage) -> step.Stepper:
    """The stepper by name."""
    return getattr(step, page.stepper)()


def source(page: SourcePage, data: Path | None, step: str) -> Any:
    """A source, its folder below the data root; `CaseError` when the data are not there."""
    cls = _member(sources, page.kind)
    options = dict(page.options)
    fields = {f.name for f in dataclasses.fields(cls)}
    for option in options:
        if option not in fields:
            raise unknown(option, fields, f"the options of {page.kind}")
    if "step" in fields:
        options.setdefault("step", step)
    if "root" in fields:
        where = Path(page.path or cls.path)
        if not where.is_absolute():
            if data is None:
                raise CaseError(f"{page.kind} reads '{where}' below a data root, and none is set.",
                                remedy="Set LANDSINK_DATA, or say --data DIR.")  # fmt: skip
            where = data / where
        if not where.exists():
            raise CaseError(
                f"{page.kind}: there is nothing at {where}.",
                remedy="Check --data, LANDSINK_DATA or the path.",
            )
        options["root"] = where
    return cls(**options)


def inputs(*opened: Any) -> list[Input]:
    """The files that sources read, hashed."""
    return [Input.of(path, s.licence, s.citation) for s in opened for path in s.inputs()]


def space(model: Model, case: Case) -> ParameterSpace:
    """The free parameters with their priors."""
    page, slots = case.assimilate, {slot: getattr(case.model, slot).rpartition(":")[2] for slot in FAMILY}
    known = model.parameters
    priors = {n: _prior(change, known[n].scale if n in known else 1.0) for n, change in page.priors.items()}
    full = ParameterSpace.of(
        model, [n for p in page.free for n in _spelt_out(p, model, slots)], priors, page.spread
    )
    fixed = [n for p in page.fixed for n in _spelt_out(p, model, slots)]
    kept = [i for i, n in enumerate(full.names) if not any(fnmatch(n, p) for p in fixed)]
    return ParameterSpace(tuple(full.names[i] for i in kept), tuple(full.priors[i] for i in kept))


def _spelt_out(pattern: str, model: Model, slots: Mapping[str, str]) -> list[str]:
    """'soil.*' as the pattern of whatever soil the case composes, 'start.cDead' as the pools within it.

    So a case survives a change of process; a slot left empty has nothing to free.
    """
    head, _, tail = pattern.partition(".")
    if head in slots:
        return [f"{slots[head]}.{tail}"] if slots[head] else []
    if head == "start" and tail in vocabulary() and quantity(tail).kind == "place":
        return [f"start.{n}" for n in model.wiring.pools if within(n, tail)]
    return [pattern]


def _prior(change: Mapping[str, float], scale: float) -> dict[str, float]:
    return {k: v * scale if k in ("centre", "low", "high") else v for k, v in change.items()}


def constraints(case: Case, model: Model) -> list[observe.sense.Constraint]:
    """The constraints, their parameter names checked."""
    found = []
    for page in case.constraint:
        cls = _member(observe, page.kind)
        for key in ("fast", "slow", "over", "under", "name"):
            if key in page.options and page.options[key] not in model.parameters:
                raise unknown(page.options[key], model.parameters, f"this model's parameters ({page.kind})")
        if "pool" in page.options and page.options["pool"] not in model.state:
            raise unknown(page.options["pool"], model.state, f"this model's pools ({page.kind})")
        _check_fields(page.kind, cls, page.options)
        found.append(cls(**page.options))
    return found


def _check_fields(kind: str, cls: type, options: Mapping[str, Any]) -> None:
    """Every option is a field, and no field without a default is left out."""
    fields = {f.name: f for f in dataclasses.fields(cls)}
    for option in options:
        if option not in fields:
            raise unknown(option, fields, f"the options of {kind}")
    lacking = [
        n
        for n, f in fields.items()
        if f.default is f.default_factory is dataclasses.MISSING and n not in options
    ]
    if lacking:
        raise CaseError(f"{kind} lacks {', '.join(lacking)}.", f"Its options are {', '.join(fields)}.")


def observation(kind: str) -> type[observe.Observation]:
    """An observation class by name."""
    return _member(observe, kind, observe.Observation)


def method(page: AssimilationPage) -> Method:
    """The method with its settings."""
    best = Variational(page.iterations, page.starts)
    if page.method == "Laplace":
        return Laplace(page.members, best)
    if page.method == "RandomisedMaximumLikelihood":
        return RandomisedMaximumLikelihood(page.members, page.ensemble_iterations, best)
    if page.method == "EnsembleSmoother":
        return EnsembleSmoother(**page.smoother.model_dump(), best=best)
    if page.method == "Sampler":
        return Sampler(**page.sampler.model_dump(), members=page.members, best=best)
    return best


def attributes(*opened: Any) -> dict[str, str]:
    """Licences and citations of what was read, for a product's attributes."""
    licences = dict.fromkeys(s.licence for s in opened)
    return {"references": " ".join(dict.fromkeys(s.citation for s in opened)), "input_licence": "; ".join(licences),
            "generated": str(any(s.generated for s in opened)).lower()}  # fmt: skip


def _module(place: str) -> ModuleType:
    try:
        return import_module(place)
    except ModuleNotFoundError as error:
        raise CaseError(
            f"there is no module '{place}' ({error}).", "A family of landsink.models, or 'module:Class'."
        ) from None


def _member(room: ModuleType, name: str, kind: type = object) -> Any:
    members = [
        n
        for n in dir(room)
        if isinstance(getattr(room, n), type) and issubclass(getattr(room, n), kind) and n[0].isupper()
    ]
    if name not in members:
        raise unknown(name, members, room.__name__)
    return getattr(room, name)


def groups(page: AssimilationPage, cells: xr.Dataset) -> list[str]:
    """The group of every cell."""
    outer = str(next(iter(cells.dims)))
    labels = (
        [str(v) for v in cells[outer].to_numpy()]
        if outer in cells.variables
        else [str(i) for i in range(cells.sizes[outer])]
    )
    if page.group == "all":
        return ["all"] * len(labels)
    if page.group == "site":
        return labels
    key = next((k for k in ("pft", "igbp") if k in cells), None)
    if key is None:
        raise CaseError(
            "assimilate.group = 'pft', but the source gives no plant functional type.",
            "A coordinate 'pft' or 'igbp'.",
        )
    return [str(v) for v in cells[key].to_numpy()]
