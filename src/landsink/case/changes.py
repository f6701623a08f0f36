"""What an experiment changes: parameters and processes of a case, and the members that follow."""

import functools
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from pydantic import Field, ValidationError, model_validator

from landsink import sources
from landsink.assimilate import Posterior
from landsink.core.errors import CaseError, LandsinkError, unknown
from landsink.core.model import Model
from landsink.core.prior import START, ParameterSpace, Prior
from landsink.core.process import Process

from . import compose
from .page import Case, ModelPage, Page, changed

# A member that a factor drives out of a parameter's bounds is held this far inside, in shares of their distance.
EDGE = 1e-4
MOST_CELLS = 96  # of a tile: small enough that progress moves


class Change(Page):
    """Another value of a parameter, in the unit of its card, or a factor on every member's own."""

    value: float | None = None
    factor: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one(self) -> "Change":
        if (self.value is None) == (self.factor is None):
            raise ValueError("say either 'value' or 'factor'")
        return self

    def __str__(self) -> str:
        return f"= {self.value:g}" if self.value is not None else f"× {self.factor:g}"


class Place(Page):
    """A point, in degrees."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class Experiment(Page):
    """What is changed of which run, where and when.

    A changed model starts from its own steady state, so the experiment tells what the world would be had it always
    been so, not what would follow a change.
    """

    base: str = Field(min_length=4, max_length=64, description="identifier of a finished run with a map")
    title: str = Field("", max_length=200, description="of the product; made from the changes if not given")
    parameters: dict[str, Change] = Field(
        {}, max_length=40, description="'Process.parameter' -> {value: …} in its card's unit, or {factor: …}"
    )
    processes: dict[str, str] = Field(
        {}, max_length=13, description="slot of the model -> another process of its family"
    )
    bbox: tuple[float, float, float, float] | None = Field(
        None, description="west, south, east, north in degrees; all cells of the map if not given"
    )
    cell: Place | None = Field(None, description="one cell of the map: the one that holds this point")
    start: str = Field(
        "", pattern=r"^(\d{4}-\d{2})?", max_length=10, description="first month kept, as 2001-01"
    )
    end: str = Field("", pattern=r"^(\d{4}-\d{2})?", max_length=10, description="last month, as 2010-12")

    def __str__(self) -> str:
        said = [f"{slot} = {name or 'none'}" for slot, name in self.processes.items()]
        said += [f"{name} {change}" for name, change in self.parameters.items()]
        return ", ".join(said) or "nothing changed"


def read(inputs: Mapping[str, Any]) -> Experiment:
    """An experiment from plain data; CaseError that names every wrong key."""
    try:
        return Experiment.model_validate(inputs)
    except ValidationError as error:
        told = [f"'{'.'.join(map(str, e['loc']))}': {e['msg']}." for e in error.errors()]
        raise CaseError(
            " ".join(told), f"Keys of an experiment: {', '.join(Experiment.model_fields)}."
        ) from None


def changed_case(case: Case, page: Experiment) -> tuple[Case, list[str]]:
    """The case of an experiment, and what had to be left out of it because its process is gone."""
    told: list[str] = []
    for slot, name in page.processes.items():
        if not may_stand(case, slot, name):
            raise unknown(name, alternatives(case, slot), f"what may stand for {slot} in this run")
    table = changed(case.model_dump(mode="json"), [f"model.{s}={n}" for s, n in page.processes.items()])
    table["map"]["tile"] = min(table["map"]["tile"], MOST_CELLS)
    known = _plainly(ModelPage.model_validate(table["model"]))
    everything = [*known.parameters, *(START + n for n in known.state)]
    for part, key, kept in (
        (table["model"], "parameters", known.parameters),
        (table["assimilate"], "priors", everything),
        (table["start"], "pools", known.state),
    ):
        gone = [n for n in part[key] if n not in kept]
        told += [f"{n} is left out: no process of the changed model has it." for n in gone]
        part[key] = {n: v for n, v in part[key].items() if n in kept}
    new = Case.model_validate(table)
    free = tuple(p for p in new.assimilate.free if _fits(p, new, known))
    new = new.model_copy(update={"assimilate": new.assimilate.model_copy(update={"free": free})})
    return _with_fixed(new, page, known, compose.space(known, new)), told


def alternatives(case: Case, slot: str) -> list[str]:
    """Processes of a slot's family that fit the rest of a case's model and its forcing, the present one first.

    '' stands for none. UnknownName for no slot.
    """
    now, *others = _named(case, slot)
    return [now, *(n for n in others if _stands(case, slot, n))]


def may_stand(case: Case, slot: str, name: str) -> bool:
    """Whether a process is one of a slot's alternatives, without looking at all the others."""
    now, *others = _named(case, slot)
    return name == now or (name in others and _stands(case, slot, name))


def _named(case: Case, slot: str) -> list[str]:
    """The present process of a slot, and others of its family that no other slot holds."""
    if slot not in compose.FAMILY:
        raise unknown(slot, compose.FAMILY, f"the slots of a model ({', '.join(compose.FAMILY)})")
    now = getattr(case.model, slot)
    if ":" in now:
        return [now]
    room = import_module(f"landsink.models.{compose.FAMILY[slot]}")
    found = [getattr(room, n) for n in dir(room)]
    names = [c.__name__ for c in found if isinstance(c, type) and issubclass(c, Process)]
    held = {p.title for p in _plainly(case.model).processes}
    return [now, *(n for n in ["", *names] if n not in held | {now})]


@functools.lru_cache(maxsize=64)
def _composed(page: str) -> Model:
    return compose.compose(ModelPage.model_validate_json(page))


def _plainly(page: ModelPage) -> Model:
    """The model of a page without its parameters; composing it takes a third of a second."""
    return _composed(page.model_copy(update={"parameters": {}}).model_dump_json())


def _stands(case: Case, slot: str, name: str) -> bool:
    """Whether a model with another process in a slot fits together, with the forcing given, and offers as much."""
    old = _plainly(case.model)
    given = set(old.forcing) | _given(case)
    want = [v for v in case.output.variables if old.offers(v)]
    try:
        new = _plainly(case.model.model_copy(update={slot: name}))
    except LandsinkError:
        return False
    return set(new.forcing) <= given and all(new.offers(v) for v in want)


def _given(case: Case) -> set[str]:
    """Forcing that both sources of a case give."""
    assert case.map is not None
    here, there = (set(getattr(sources, p.kind).gives) for p in (case.domain.source, case.map.source))
    return (here & there) | set(case.domain.constants)


def _fits(pattern: str, case: Case, model: Model) -> bool:
    page = case.assimilate.model_copy(update={"free": (pattern,), "priors": {}})
    try:
        compose.space(model, case.model_copy(update={"assimilate": page}))
    except LandsinkError:
        return False
    return True


def _with_fixed(case: Case, page: Experiment, model: Model, space: ParameterSpace) -> Case:
    """Changes of parameters that were not free go into the case; those of free ones must be within their bounds."""
    given, known = {}, model.parameters
    for name, change in page.parameters.items():
        if name not in known:
            raise unknown(name, known, "the changed model's parameters")
        p, now = known[name], case.model.parameters.get(name, known[name].default / known[name].scale)
        if name not in space.names:
            given[name] = change.value if change.value is not None else now * (change.factor or 1.0)
        elif change.value is not None and not p.low <= change.value * p.scale <= p.high:
            bounds = f"{p.low / p.scale:g} … {p.high / p.scale:g} {p.shown_unit}"
            raise CaseError(f"{name} = {change.value:g} {p.shown_unit}.", f"Within {bounds}.")
    if not given:
        return case
    model_page = case.model.model_copy(update={"parameters": case.model.parameters | given})
    compose.compose(model_page)
    return case.model_copy(update={"model": model_page})


def changed_members(
    old: Posterior, space: ParameterSpace, model: Model, page: Experiment, seed: int
) -> tuple[np.ndarray, list[str]]:
    """Members of the changed model's parameters, (dim, member, group), and what is to be said of them.

    What both models have keeps its members; what is new comes from its prior, one draw for all groups, as a
    parameter that nothing has informed; then the changes.
    """
    ensemble, told = np.asarray(old.ensemble), []
    draws = np.asarray(jax.random.normal(jax.random.PRNGKey(seed), (space.size, ensemble.shape[1])))
    rows = []
    for i, (name, prior) in enumerate(zip(space.names, space.priors, strict=True)):
        if name in old.space.names:
            row = ensemble[old.space.names.index(name)]
        else:
            row = np.broadcast_to(draws[i][:, None], ensemble.shape[1:])
            told.append(f"{name} was never informed: its members are the prior's.")
        if name in page.parameters:
            row, words = _moved(prior, row, page.parameters[name], model.parameters[name].scale)
            told += [f"{name}: {words}"] if words else []
        rows.append(row)
    return np.stack(rows) if rows else np.zeros((0, *ensemble.shape[1:])), told


def _moved(prior: Prior, xi: np.ndarray, change: Change, scale: float) -> tuple[np.ndarray, str]:
    """Members with a change, in the coordinate of their prior."""
    value = np.asarray(prior.value(jnp.asarray(xi)))
    if change.factor == 1.0:
        return xi, ""
    new = (
        value * change.factor
        if change.factor is not None
        else np.full_like(value, (change.value or 0.0) * scale)
    )
    share = _share(prior, new)
    held = int(((share < EDGE) | (share > 1 - EDGE)).sum()) if change.factor is not None else 0
    words = f"{held} of {share.size} members reached the bounds and are held there." if held else ""
    # The coordinate of which Prior.value is the other direction.
    return (
        _logit(np.clip(share, EDGE, 1 - EDGE)) - _logit(_share(prior, prior.centre))
    ) / prior.spread, words


def _share(prior: Prior, value: Any) -> Any:
    """Where values lie between their prior's bounds, 0 to 1, on its scale."""
    if prior.logarithmic:
        return np.log(np.maximum(value, 1e-300) / prior.low) / np.log(prior.high / prior.low)
    return (value - prior.low) / (prior.high - prior.low)


def _logit(share: Any) -> Any:
    return np.log(share / (1.0 - share))
