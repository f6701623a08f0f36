"""The page of a case: every key, its meaning and its default; unknown keys are refused with near misses."""

import copy
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from landsink.core.errors import CaseError, near


def _words(value: Any) -> Any:
    """'a, b' on a command line is the list of a and b."""
    return [w.strip() for w in value.split(",") if w.strip()] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class Page(BaseModel):
    """Part of a case."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelPage(Page):
    """Which processes make the model: a class of the family by name, 'module:Class' for one of yours, '' for none."""

    step: Literal["day", "month", "year"] = "day"
    stepper: Literal["Euler", "Decay", "Matrix"] = "Decay"
    engine: Literal["native", "xla"] = Field(
        "native", description="compiled C on the processor (xla where that cannot be), or XLA"
    )
    precision: Literal["float32", "float64"] = Field(
        "float32", description="of rates in the native engine; stocks always keep twice the digits"
    )
    sun: str = "Sun"
    canopy: str = "Canopy"
    light: str = "PModel"
    radiation: str = "NetRadiation"
    snow: str = "Snow"
    moisture: str = "SoilMoisture"
    water: str = "SoilWater"
    phenology: str = "Phenology"
    leaf_area: str = "LeafArea"
    plant: str = "Dalec"
    climate: str = "SoilClimate"
    soil: str = "LitterSoil"
    fire: str = ""
    also: Words = Field((), description="further processes, as 'family:Class' or 'module:Class'")
    parameters: dict[str, float] = Field(
        {}, description="'Process.parameter' = value, in the unit of its card"
    )


class SourcePage(Page):
    """Where data come from: a class of landsink.sources and its own options."""

    kind: str
    path: str = Field("", description="below the data root, or absolute; '' for the provider's usual place")
    options: dict[str, Any] = {}


class DomainPage(Page):
    """Where and when the model meets observations."""

    source: SourcePage
    sites: Words = Field((), description="() for all that the source has")
    towers: int = Field(0, description="for a generated source: so many towers")
    constants: dict[str, float] = Field(
        {}, description="site properties that the source lacks, canonical unit, say clay = 20"
    )
    drop: Words = Field((), description="sites to leave out")


class StartPage(Page):
    """The state from which runs start."""

    cycle_years: int = Field(5, ge=1, description="leading years repeated to the steady state")
    each: bool = Field(
        False,
        description="find the steady state anew for every parameter set (else: scale the prior's by 'start.*')",
    )
    pools: dict[str, float] = Field({}, description="first guess of a pool, canonical unit")
    match: dict[str, str] = Field(
        {}, description="stock = coordinate of the source that it is scaled to, say cSoil = 'cSoilStart'"
    )


class ObservationPage(Page):
    """One observed quantity and its error model, a class of landsink.observe."""

    kind: str
    smooth: int = Field(1, ge=1, description="steps over which the typical size is averaged")


class ConstraintPage(Page):
    """Ecological common sense, a class of landsink.observe, with its fields."""

    kind: str
    options: dict[str, Any] = {}


class TwinPage(Page):
    """Observations generated from a known truth, drawn from the prior."""

    spread: float = Field(
        1.0, gt=0, description="size of the true parameters' departure, in prior standard deviations"
    )


class SmootherPage(Page):
    """Options of `EnsembleSmoother`."""

    members: int = Field(default=200, ge=3, description="runs of one assimilation; all are handed on")
    assimilations: int = Field(default=4, ge=1)


class SamplerPage(Page):
    """Options of `Sampler`; it hands on `assimilate.members` of its draws."""

    kind: Literal["demc", "hmc", "nuts"] = Field(
        default="demc",
        description="differential evolution; Hamiltonian; no-U-turn (one group; the extra `sample`)",
    )
    chains: int = Field(default=32, ge=4, description="of each group, all run at once")
    warmup: int = Field(default=200, ge=0, description="steps before draws are kept")
    draws: int = Field(default=200, ge=8, description="kept of each chain")
    rounds: int = Field(default=7, ge=1, description="each twice as long as the one before, until converged")
    leapfrogs: int = Field(default=16, ge=1, description="most in a step of 'hmc'")


class AssimilationPage(Page):
    """What is free, what is trained on, and how the problem is solved."""

    method: Literal[
        "Variational", "Laplace", "RandomisedMaximumLikelihood", "EnsembleSmoother", "Sampler"
    ] = "RandomisedMaximumLikelihood"
    smoother: SmootherPage = SmootherPage()
    sampler: SamplerPage = SamplerPage()
    free: Words = Field(
        (),
        description="'Process.parameter' or a pattern; a slot stands for its process, a place for its pools",
    )
    fixed: Words = Field((), description="names or patterns taken out of `free` again")
    priors: dict[str, dict[str, float]] = Field(
        {}, description="'Process.parameter' = {centre, spread}, centre in the card's unit"
    )
    spread: float = Field(0.8, gt=0, description="prior spread of the logistic coordinate")
    group: Literal["site", "pft", "all"] = Field("site", description="cells that share parameters")
    train: Literal["first half", "provider", "all"] = "first half"
    members: int = Field(32, ge=3)
    iterations: int = Field(25, ge=1)
    ensemble_iterations: int = Field(8, ge=1)
    starts: int = Field(8, ge=1)
    tune: bool = Field(
        True, description="estimate structural error from the training residuals, then fit again"
    )
    folds: int = Field(
        4,
        ge=0,
        description="parts of the training steps left out in turn, to know errors in unseen years; 0 for none",
    )
    seed: int = 0


class MapPage(Page):
    """The domain that the calibrated model is carried to."""

    source: SourcePage
    carry: Literal["climate", "pft"] = Field(
        "climate", description="parameters from sites alike in climate, or of the same type"
    )
    neighbours: int = Field(8, ge=1)
    tile: int = Field(256, ge=1, description="cells a tile")
    members: int = Field(16, ge=2)
    cycle_years: int = Field(5, ge=1)


class OutputPage(Page):
    """What is kept."""

    variables: Words = ("gpp", "nee", "evspsbl", "lai", "cVeg", "cSoil")
    members: bool = Field(
        True,
        description="a map keeps the ensemble of every cell, so that the spread of any area can be told; "
        "it takes `map.members` times the room of the means",
    )
    licence: str = "CC-BY-4.0"


class GoalPage(Page):
    """A score that the case must reach."""

    variable: str
    score: str
    period: Literal["trained", "withheld"] = "withheld"
    site: str = "pooled"
    at_least: float | None = None
    at_most: float | None = None
    of: str = ""


class Case(Page):
    """One published result, or a demo, with the scores that it must reach."""

    title: str
    about: str = ""
    citation: str = ""
    model: ModelPage = ModelPage()
    domain: DomainPage
    start: StartPage = StartPage()
    observe: dict[str, ObservationPage] = {}
    constraint: tuple[ConstraintPage, ...] = ()
    twin: TwinPage | None = None
    assimilate: AssimilationPage = AssimilationPage()
    map: MapPage | None = None
    output: OutputPage = OutputPage()
    goal: tuple[GoalPage, ...] = ()


def load(case: str, changes: Sequence[str] = ()) -> Case:
    """Read a case by path or by the name of one of our own, with changes such as 'model.soil=RothC'.

    Raises `CaseError` naming every key that is unknown or ill-typed.
    """
    path = _find(case)
    try:
        table = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise CaseError(f"{path.name} is not TOML: {error}.") from None
    return valid(changed(table, changes), path.name)


def valid(table: dict[str, Any], name: str) -> Case:
    """A case from plain data; `CaseError` naming every key of `name` that is unknown or ill-typed."""
    try:
        return Case.model_validate(table)
    except ValidationError as error:
        told = " ".join(_explain(e) for e in error.errors())
        raise CaseError(
            f"{name}: {told}", remedy="The reference 'Fields of a case' tells every key."
        ) from None


def changed(table: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """A case as plain data, with changes such as 'model.soil=RothC'."""
    table = copy.deepcopy(table)
    for change in changes:
        _change(table, change)
    return table


def shipped() -> dict[str, Path]:
    """The cases that come with landsink, by name."""
    inside = Path(str(files("landsink"))) / "cases"
    folder = inside if inside.is_dir() else Path(str(files("landsink"))).parent.parent / "cases"
    return {p.stem: p for p in sorted(folder.glob("*.toml"))}


def _find(case: str) -> Path:
    ours = shipped()
    if case in ours:
        return ours[case]
    path = Path(case)
    if not path.is_file():
        raise CaseError(
            f"there is no case '{case}'.", f"A TOML file, or one of {', '.join(ours)}.", near(path.stem, ours)
        )
    return path


def _change(table: dict[str, Any], change: str) -> None:
    key, sign, text = change.partition("=")
    if not sign:
        raise CaseError(f"'--set {change}' has no '='.", "--set key=value, say --set model.soil=RothC")
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        value = text
    *path, last = key.strip().split(".")
    if (
        "parameters" in path or "priors" in path
    ):  # 'model.parameters.PModel.yield_scale': the name has a dot itself
        cut = next(i for i, p in enumerate(path) if p in ("parameters", "priors"))
        path, last = path[: cut + 1], ".".join([*path[cut + 1 :], last])
    for part in path:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise CaseError(f"'--set {change}': '{part}' holds a value, not a table.")
    table[last] = value


def _explain(error: ErrorDetails) -> str:
    where = [str(p) for p in error["loc"]]
    if error["type"] != "extra_forbidden":
        return f"'{'.'.join(where)}': {error['msg']} (found {error['input']!r})."
    page: Any = Case
    for part in where[:-1]:
        fields = getattr(page, "model_fields", {})
        page = _inner(fields[part].annotation) if part in fields else page
    return f"'{'.'.join(where)}' is no key of a case. {near(where[-1], getattr(page, 'model_fields', {}))}"


def _inner(annotation: Any) -> Any:
    """The page class inside 'Page | None', 'tuple[Page, ...]' and 'dict[str, Page]'."""
    inside = [a for a in getattr(annotation, "__args__", ()) if isinstance(a, type) and issubclass(a, Page)]
    return inside[0] if inside else annotation
