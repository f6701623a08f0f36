"""What a case needs before anything is solved: forcing, start, observations, problem."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from landsink.assimilate import Given, Problem, Steady, observe_truth
from landsink.core import door
from landsink.core import engine as engines
from landsink.core.errors import CaseError, unknown
from landsink.core.model import Model, Named
from landsink.core.prior import ParameterSpace
from landsink.core.quantity import quantity, within
from landsink.core.run import Engine, spinup
from landsink.core.step import Stepper
from landsink.core.windows import Windows
from landsink.observe import Observation
from landsink.reanalyse import Plan
from landsink.reanalyse.runner import compute

from . import compose
from .page import Case

CLOCK = ("dt", "dayOfYear")
# first guesses of a state, by pool, substance or unit; the spin-up only needs them to be alive
GUESS = {"cWood": 5.0, "cLeaf": 0.15, "cLabile": 0.1, "snw": 0.0, "mrsos": 20.0, "mrsoRoot": 80.0}
GUESS_BY_KIND = {
    "carbon": 0.5,
    "water": 20.0,
    "K": 280.0,
    "Pa": 500.0,
    "mol m-2 s-1": 3e-4,
    "kg m-2 s-1": 2e-5,
    "1": 0.5,
}


@dataclasses.dataclass(frozen=True)
class Setup:
    """A case made ready at the places where it meets observations."""

    case: Case
    model: Model
    stepper: Stepper
    engine: Engine
    source: Any
    data: xr.Dataset
    entry: door.Entry
    space: ParameterSpace
    labels: list[str]
    start: Named

    @property
    def names(self) -> list[str]:
        """Group names, in order of first appearance."""
        return list(dict.fromkeys(self.labels))

    @property
    def group(self) -> np.ndarray:
        """Group of each cell, as an index."""
        return np.array([self.names.index(label) for label in self.labels])


def prepare(case: Case, data: Path | None) -> Setup:
    """Open the source, bring its forcing through the door, and find a living state to start from."""
    made = opened(case, data)
    start, _ = steady_start(case, made.model, made.stepper, made.engine, made.entry, case.start.cycle_years)
    return dataclasses.replace(made, start=_matched(start, case.start.match, made.entry))


def opened(case: Case, data: Path | None) -> Setup:
    """The same without a state to start from, for those who run nothing at the sites."""
    model, stepper = compose.compose(case.model), compose.stepper(case.model)
    source = compose.source(case.domain.source, data, case.model.step)
    engine = engines.choose(case.model.engine, case.model.precision, model, stepper)
    ds = source.open(sites=_sites(case, source))
    if case.domain.drop:
        outer = "site" if "site" in ds.dims else "cell"
        ds = ds.sel({outer: [s for s in ds[outer].to_numpy() if str(s) not in case.domain.drop]})
    entry = door.enter(
        completed(ds, case.domain.constants), forcing_names(model), case.model.step, case.domain.source.kind
    )
    return Setup(
        case,
        model,
        stepper,
        engine,
        source,
        ds,
        entry,
        compose.space(model, case),
        compose.groups(case.assimilate, entry.cells),
        {},
    )


def _matched(start: Named, match: Mapping[str, str], entry: door.Entry) -> Named:
    """Scale the pools within a stock so that it begins at what was measured first."""
    for stock, coordinate in match.items():
        if coordinate not in entry.cells:
            raise unknown(
                coordinate, map(str, entry.cells.variables), "the source's coordinates (start.match)"
            )
        pools = [n for n in start if quantity(n).kind == "pool" and within(n, stock)]
        ratio = jnp.asarray(entry.cells[coordinate].to_numpy()) / sum(start[n] for n in pools)
        start = {k: v * ratio if k in pools else v for k, v in start.items()}
    return start


def completed(ds: xr.Dataset, constants: Mapping[str, float]) -> xr.Dataset:
    """A source with the case's own site properties where it has none."""
    outer = next(str(d) for d in ds.dims if d != "time")
    for name in constants:
        if not quantity(name).constant:
            raise CaseError(
                f"domain.constants holds '{name}', which changes in time.",
                remedy="Only constant forcing, say clay.",
            )
    added = {
        n: (outer, np.full(ds.sizes[outer], v), {"units": quantity(n).unit})
        for n, v in constants.items()
        if n not in ds
    }
    return ds.assign(added)


def forcing_names(model: Model) -> tuple[str, ...]:
    """What a model needs from outside, the clock aside."""
    return tuple(n for n in model.forcing if n not in CLOCK)


def _sites(case: Case, source: Any) -> list[str] | None:
    if case.domain.towers:
        if not hasattr(source, "towers"):
            raise CaseError(f"domain.towers is for generated sources, and {case.domain.source.kind} is real.",
                            remedy="Name its sites in domain.sites.")  # fmt: skip
        return [str(i) for i in source.towers(case.domain.towers)]
    return list(case.domain.sites) or None


def first_guess(model: Model, given: dict[str, float], cells: int) -> dict[str, np.ndarray]:
    """A living state: pools and memories near their usual size, (cell,)."""
    for name in given:
        if name not in model.state:
            raise unknown(name, model.state, "this model's pools and memories (start.pools)")
    values = {}
    for name in model.state:
        row = quantity(name)
        usual = GUESS.get(name, GUESS_BY_KIND.get(row.substance or row.unit, 0.5))
        values[name] = np.full(cells, given.get(name, usual))
    return values


def steady_start(
    case: Case, model: Model, stepper: Stepper, engine: Engine, entry: door.Entry, years: int
) -> tuple[Named, np.ndarray]:
    """The prior's periodic steady state under the leading years of forcing, and its unrest per cell."""
    guess = first_guess(model, case.start.pools, len(entry.flag))
    cycle, windows = cycle_of(entry, case.model.step, years)
    state, change = _settle(
        model, stepper, engine, {k: jnp.asarray(v) for k, v in guess.items()}, cycle, windows
    )
    alive = {k: jnp.where(jnp.isfinite(v), v, guess[k]) for k, v in state.items()}
    return alive, np.asarray(change)


@eqx.filter_jit
def _settle(
    model: Model, stepper: Stepper, engine: Engine, guess: Named, cycle: Named, windows: Windows
) -> tuple[Named, jax.Array]:
    return spinup(
        model, stepper, guess, cycle, windows, rounds=5, warm=2, differentiable=False, engine=engine
    )


def cycle_of(entry: door.Entry, step: str, years: int) -> tuple[Named, Windows]:
    """The forcing that a steady state repeats."""
    cycle = entry.cycle(step, years)
    steps = len(cycle.time)
    return {k: jnp.asarray(v) for k, v in cycle.arrays.items()}, Windows.blocks(
        steps, max(1, int(np.sqrt(steps)))
    )


def trained(setup: Setup, name: str) -> np.ndarray:
    """True where a value may be trained on: (time, cell)."""
    shape = (len(setup.entry.time), len(setup.entry.flag))
    mode = setup.case.assimilate.train
    if mode == "first half":
        return np.broadcast_to((np.arange(shape[0]) < shape[0] // 2)[:, None], shape)
    flag = f"{name}_withheld"
    if mode == "provider" and flag in setup.data:
        return ~setup.data[flag].transpose("time", ...).to_numpy().astype(bool)
    return np.ones(shape, bool)


def observations(setup: Setup) -> dict[str, Observation]:
    """Every observed quantity of the case with its error model, withheld values included."""
    found = {}
    for name, page in setup.case.observe.items():
        value = door.observed(setup.data, name, setup.case.domain.source.kind)
        sd = door.observed(setup.data, f"{name}_sd") if f"{name}_sd" in setup.data else None
        found[name] = compose.observation(page.kind).of(name, value, sd, page.smooth)
    return found


def problem(setup: Setup, terms: tuple[Any, ...], last: int = 0) -> Problem:
    """The problem over the training steps: those after `last`, or that no term looks at, are not run."""
    last = last or _last_needed(setup, terms)
    entry = setup.entry.when(slice(0, last))
    forcing = {k: jnp.asarray(v) for k, v in entry.arrays.items()}
    origin = Given(setup.start)
    if setup.case.start.each:
        origin = Steady(
            setup.start, *cycle_of(setup.entry, setup.case.model.step, setup.case.start.cycle_years)
        )
    windows = Windows.blocks(last, max(1, int(np.sqrt(last))))
    cut = tuple(t.until(last) if isinstance(t, Observation) else t for t in terms)
    return Problem(setup.model, setup.stepper, setup.space, cut, forcing, windows, origin,
                   jnp.asarray(setup.group), len(setup.names), engine=setup.engine)  # fmt: skip


def _last_needed(setup: Setup, terms: tuple[Any, ...]) -> int:
    seen = [
        np.flatnonzero(np.asarray(t.seen).any(1)).max(initial=0) + 1
        for t in terms
        if isinstance(t, Observation)
    ]
    return int(max(seen)) if seen else len(setup.entry.time)


def with_twin(setup: Setup) -> tuple[Setup, np.ndarray | None]:
    """For a twin, add observations of a known truth; returns the truth too, (dim, group)."""
    page = setup.case.twin
    if page is None:
        return setup, None
    truth = page.spread * setup.source.truth(setup.space.names, setup.names)
    seen = predicted(setup, truth)
    true = {n: seen[n] for n in setup.case.observe}
    observed = observe_truth(
        true, setup.source.errors, setup.entry.time, setup.entry.outer, setup.case.assimilate.seed + 1
    )
    outer = setup.entry.outer
    return dataclasses.replace(
        setup, data=setup.data.merge(observed.assign_coords({outer: setup.data[outer]}), join="exact")
    ), truth


def site_plan(setup: Setup, members: np.ndarray, noise: Mapping[str, Observation]) -> Plan:
    """Every step at the calibration sites, for members (dim, member, group)."""
    want = tuple(
        dict.fromkeys(
            (*setup.case.observe, *(v for v in setup.case.output.variables if setup.model.offers(v)))
        )
    )
    cycle = (
        setup.entry.cycle(setup.case.model.step, setup.case.start.cycle_years)
        if setup.case.start.each
        else None
    )
    start = {k: np.asarray(v) for k, v in setup.start.items()}
    return Plan(
        setup.model,
        setup.stepper,
        setup.space,
        members[..., setup.group],
        setup.entry,
        want,
        start,
        cycle,
        "step",
        noise,
        engine=setup.engine,
    )


def predicted(setup: Setup, z: np.ndarray) -> dict[str, np.ndarray]:
    """One run at z (dim, group): name -> (time, cell).

    It is run as an ensemble of equal members, so that it shares the site product's compilation.
    """
    members = np.repeat(np.asarray(z)[:, None], setup.case.assimilate.members, 1)
    return compute(site_plan(setup, members, {}))
