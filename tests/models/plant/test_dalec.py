"""The plant: hand-checked flows, growth from seed, closure, steady state, daily against monthly steps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landsink.core.model import Model
from landsink.core.process import Process
from landsink.core.run import simulate, spinup
from landsink.core.step import Decay, Euler, Matrix, Stepper
from landsink.core.windows import Windows
from landsink.models.plant import Dalec, LeafArea
from tests.models.plant.climate import DAY, MONTH, START, plant, weather

NOW = {"gpp": 1e-7, "tas": 288.15, "dt": DAY, "leafGrowthRate": 5e-8, "leafFallRate": 2e-8}
NOW |= {"cLabile": 0.2, "cLeaf": 0.1, "cRoot": 0.3, "cWood": 5.0}
MAINTENANCE, GROWTH = "cLabile -> atmosphere : raMaint", "cLabile -> atmosphere : raGrowth"


def rates(**changes: float) -> dict[str, float]:
    """Flows of a plant in summer, in kg m-2 d-1."""
    given = Dalec()(**(NOW | changes))
    return {k: float(v) * (DAY if "->" in k else 1.0) for k, v in given.items()}


def leaves(**changes: float) -> dict[str, float]:
    """What `LeafArea` gives; rates in d-1."""
    given = LeafArea()(**({"cLeaf": 0.1, "cLabile": 0.2, "laiTarget": 6.0, "dt": DAY} | changes))
    return {k: float(v) * (DAY if k.endswith("Rate") else 1.0) for k, v in given.items()}


def column(values: dict[str, float]) -> dict[str, jnp.ndarray]:
    """A state of one cell."""
    return {name: jnp.full(1, value) for name, value in values.items()}


def years(model: Model, state: dict, count: int, dt: float = MONTH) -> tuple[dict[str, np.ndarray], dict]:
    """Yearly means and the final state, by `Decay`."""
    forcing = weather(count, dt)
    steps = forcing["tas"].shape[0]
    windows = Windows.of(np.arange(steps) * count // steps)
    out, end = simulate(model, Decay(), state, forcing, ("lai", "gpp", "ra"), windows)
    return {name: np.asarray(values)[:, 0] for name, values in out.items()}, end


def test_maintenance_at_the_reference_temperature() -> None:
    asked = 8e-3 * 0.1 + 3e-3 * 0.3 + 3e-5 * 5.0
    assert rates()[MAINTENANCE] == pytest.approx(asked * 0.2 / (0.2 + 10.0 * asked), rel=1e-9)
    assert rates(tas=298.15, cLabile=1e6)[MAINTENANCE] == pytest.approx(2.0 * asked, rel=1e-6)


def test_growth_is_shared_and_respired() -> None:
    given = rates()
    leaf = 1e-8 * DAY
    first = given[MAINTENANCE] + leaf / 0.77
    pace = 1.0 / 8.0 * 0.2 / (0.2 + 0.1)
    spent = (1.0 - np.exp(-pace)) * 0.2 / (1.0 + first / 0.2)
    assert given["cLabile -> cLeaf"] == pytest.approx(leaf)
    assert given["cLabile -> cRoot"] == pytest.approx(0.77 * 0.4 * spent, rel=1e-9)
    assert given["cLabile -> cWood"] == pytest.approx(0.77 * 0.6 * spent, rel=1e-9)
    assert given[GROWTH] == pytest.approx(0.23 * (spent + leaf / 0.77), rel=1e-9)


def test_leaf_area_by_hand() -> None:
    part = 1.0 - np.exp(-0.2)
    lacks, spare = part * 0.2, 0.2 * 0.12
    gain = lacks * spare / (lacks + spare)
    given = leaves()
    assert given["leafGrowthRate"] == pytest.approx(gain / 0.2, rel=1e-9)
    assert given["leafFallRate"] == 0.0
    assert given["lai"] == pytest.approx((0.1 + gain * (1.0 / part - 5.0)) / 0.05, rel=1e-9)


def test_leaves_beyond_the_season_fall_and_all_age() -> None:
    given = leaves(laiTarget=0.8)
    assert given["leafGrowthRate"] == 0.0
    assert given["leafFallRate"] == pytest.approx((1.0 - np.exp(-0.2)) * 0.6, rel=1e-9)
    assert leaves(laiTarget=2.0)["lai"] == pytest.approx(2.0, rel=2e-2)
    age = 0.1 / (2.5 * 365.25)
    assert rates()["cLeaf -> litterLeaf : fVegLitterLeaf"] == pytest.approx(2e-9 * DAY + age, rel=1e-9)


def test_an_empty_reserve_pays_for_nothing() -> None:
    given = rates(cLabile=0.0)
    assert all(value == 0.0 for key, value in given.items() if key.startswith("cLabile ->"))


def test_an_empty_pool_sheds_nothing() -> None:
    given = rates(cLeaf=0.0, cRoot=0.0, cWood=0.0)
    assert all(value == 0.0 for key, value in given.items() if "-> litter" in key)


@pytest.mark.parametrize("process", [Dalec(), LeafArea()], ids=lambda p: p.title)
@pytest.mark.parametrize("pools", [0.0, 1e-12, 5.0])
def test_gradients_are_finite_where_pools_are_empty_or_full(process: Process, pools: float) -> None:
    now = {"laiTarget": 3.0, "dt": DAY} | NOW
    values = {k: jnp.asarray(pools if k.startswith("c") else now[k]) for k in process.reads}
    parameters = jax.tree.map(jnp.asarray, process)
    slopes = jax.grad(lambda values, process: sum(process(**values).values()), (0, 1))(values, parameters)
    assert np.isfinite(jax.tree.leaves(slopes)).all()


def test_a_seed_grows_into_a_forest() -> None:
    seed = column({k: 1e-4 if k.startswith("c") else v for k, v in START.items()})
    out, state = years(plant(), seed, 6, DAY)
    assert out["lai"][-1] > 1.5
    assert float(state["cWood"][0]) > 0.5
    assert out["lai"][-1] == pytest.approx(out["lai"][-2], rel=1e-2)


def test_respiration_takes_a_sane_share() -> None:
    out, _ = years(plant(), column(START), 5, DAY)
    assert 0.4 < out["ra"][-1] / out["gpp"][-1] < 0.65


def test_newton_finds_the_steady_state_that_running_reaches() -> None:
    model, forcing = plant(), weather(1, MONTH)
    windows = Windows.blocks(12, 12)
    seed = {k: 1e-4 if k.startswith("c") else v for k, v in START.items()}
    both = {k: jnp.array([START[k], seed[k]]) for k in START}
    steady, change = spinup(model, Decay(), both, forcing, windows)
    assert float(change.max()) < 1e-9
    assert float(steady["cWood"].min()) > 1.0
    for pool in ("cLeaf", "cLabile", "cRoot", "cWood"):
        assert float(steady[pool][1]) == pytest.approx(float(steady[pool][0]), rel=1e-6)
    _, run = years(model, column(START), 400)
    assert float(run["cWood"][0]) == pytest.approx(float(steady["cWood"][0]), rel=1e-3)


@pytest.mark.parametrize("stepper", [Euler(), Decay(), Matrix()], ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("dt", [DAY, MONTH], ids=["day", "month"])
def test_carbon_closes_and_stays_positive(stepper: Stepper, dt: float) -> None:
    forcing, state = weather(2, dt), column(START)
    windows = Windows.blocks(forcing["tas"].shape[0], 146)
    out, end = simulate(plant(), stepper, state, forcing, ("nbp", "cVeg"), windows, every="step")
    gained = sum(float(end[p][0] - state[p][0]) for p in state if p.startswith("c"))
    assert float(out["nbp"].sum()) * dt == pytest.approx(gained, abs=1e-10)
    assert min(float(end[p][0]) for p in end if p.startswith("c")) >= 0.0
    assert np.isfinite(np.asarray(out["cVeg"])).all()


def test_months_agree_with_days() -> None:
    days, months = (years(plant(), column(START), 5, dt)[0] for dt in (DAY, MONTH))
    for name, value in days.items():
        assert months[name][-1] == pytest.approx(value[-1], rel=0.12 if name == "ra" else 0.03), name
