"""Spin-up by Newton: it is where a long run arrives, and its derivative is the fixed point's own."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landsink.core.model import Model
from landsink.core.run import simulate, spinup
from landsink.core.step import Decay, Euler, Matrix
from landsink.core.windows import Windows
from tests.core.toys import YEAR, Chain, Input, Leaves, Uptake, WarmDecay, Warmth, seasons

YEARS = Windows.blocks(12, 12)
SOIL = Model.of(Warmth(), WarmDecay(), Input())
PLANT = Model.of(Warmth(), WarmDecay(), Leaves(), Uptake())
STEPPERS = [Euler(), Decay(), Matrix()]
# Its derivative takes long to compile.
DEAR = [Euler(), Decay(), pytest.param(Matrix(), marks=pytest.mark.slow)]


def start(model: Model) -> dict[str, jnp.ndarray]:
    return {n: jnp.array(280.0 if n.startswith("tas") else 0.1) for n in model.state}


@pytest.mark.parametrize("stepper", DEAR, ids=lambda s: type(s).__name__)
def test_it_is_where_a_long_run_arrives(stepper):
    cycle = seasons(1, cells=2)
    found, change = eqx.filter_jit(spinup)(PLANT, stepper, start(PLANT), cycle, YEARS)
    long = {k: jnp.tile(v, (1000, 1)) for k, v in cycle.items()}
    _, end = eqx.filter_jit(simulate)(PLANT, stepper, start(PLANT), long, (), Windows.blocks(12000, 12))
    for name in PLANT.state:
        assert np.asarray(found[name]) == pytest.approx(np.asarray(end[name]), rel=1e-9)
    assert (change < 1e-10).all()


def test_one_round_is_exact_where_the_cycle_is_affine():
    _, change = eqx.filter_jit(spinup)(SOIL, Matrix(), start(SOIL), seasons(1), YEARS, rounds=1)
    assert change.max() < 1e-10


def test_steady_state_of_a_chain_by_hand():
    model, cycle = Model.of(Chain(), Input()), {"dt": jnp.full((12, 1), YEAR / 12)}
    found, _ = eqx.filter_jit(spinup)(model, Matrix(), start(model), cycle, YEARS)
    assert found["cSoilYoung"][0] == pytest.approx(0.3 / 0.8, rel=1e-12)
    assert found["cSoilOld"][0] == pytest.approx(0.2 * 0.3 / 0.05, rel=1e-12)


@pytest.mark.parametrize("stepper", DEAR, ids=lambda s: type(s).__name__)
def test_its_derivative_is_that_of_the_fixed_point(stepper):
    names = list(PLANT.parameters)
    centre = jnp.array([p.default for p in PLANT.parameters.values()])

    @jax.jit
    def stock(share):
        model = PLANT.with_parameters(dict(zip(names, share * centre, strict=True)))
        state, _ = spinup(model, stepper, start(PLANT), seasons(1), YEARS)
        return sum(jnp.sum(state[n]) for n in PLANT.wiring.pools)

    one = jnp.ones(len(names))
    backward = jax.jit(jax.grad(stock))(one)
    for i, name in enumerate(names):
        h = 1e-4 * jnp.eye(len(names))[i]
        slope = float(stock(one + h) - stock(one - h)) / 2e-4
        assert float(backward[i]) == pytest.approx(slope, rel=1e-6, abs=1e-9), name
    forward = jax.jit(lambda d: jax.jvp(stock, (one,), (d,))[1])(one)
    assert float(forward) == pytest.approx(float(backward.sum()), rel=1e-10)


def test_carbon_never_falls_below_its_seed():
    model = Model.of(Warmth(), WarmDecay())
    found, _ = eqx.filter_jit(spinup)(model, Decay(), start(model), seasons(1), YEARS, seed=1e-4)
    assert all((found[n] >= 0.0).all() for n in model.wiring.pools)


def test_a_broken_cell_is_told_and_stays_alone():
    cycle = seasons(1, cells=3)
    cycle["tas"] = cycle["tas"].at[4, 1].set(jnp.nan)
    found, change = eqx.filter_jit(spinup)(SOIL, Decay(), start(SOIL), cycle, YEARS)
    assert np.isfinite(change).tolist() == [True, False, True]
    assert np.isfinite(found["cSoilOld"]).tolist() == [True, False, True]
