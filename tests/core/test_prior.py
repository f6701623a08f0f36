"""Priors: a bijection between bounds and a standard normal coordinate; the space of free numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landsink.core.errors import CaseError
from landsink.core.model import Model
from landsink.core.prior import ParameterSpace, Prior
from landsink.core.run import simulate
from landsink.core.step import Decay
from landsink.core.windows import Windows
from tests.core.toys import YEAR, Input, WarmDecay, Warmth, seasons

MODEL = Model.of(Warmth(), WarmDecay(), Input(rate=0.2 / YEAR))
PRIORS = [Prior(0.1, 0.9, 0.5), Prior(1e-9, 1e-6, 1e-8, 1.5, logarithmic=True), Prior(-3.0, 5.0, 4.0, 0.3)]


@pytest.mark.parametrize("prior", PRIORS)
@given(xi=st.floats(-6.0, 6.0))
def test_there_and_back(prior, xi):
    value = float(prior.value(jnp.array(xi)))
    assert prior.low < value < prior.high
    assert prior.xi(value) == pytest.approx(xi, abs=1e-6)


@pytest.mark.parametrize("prior", PRIORS)
def test_centre_is_where_the_coordinate_is_zero(prior):
    assert prior.value(jnp.zeros(())) == pytest.approx(prior.centre, rel=1e-12)
    assert prior.xi(prior.centre) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("prior", PRIORS)
def test_it_never_leaves_its_bounds_and_rises(prior):
    xi = jnp.array([-1e3, -40.0, -1.0, 0.0, 1.0, 40.0, 1e3])
    value = prior.value(xi)
    assert (value >= prior.low).all() and (value <= prior.high).all()
    assert (jnp.diff(value) >= 0).all()
    assert jnp.isfinite(jax.vmap(jax.grad(prior.value))(xi)).all()


@pytest.mark.parametrize("value", [0.1, 0.9, 0.0, 1.0])
def test_a_number_outside_its_bounds_is_refused(value):
    with pytest.raises(CaseError, match="outside its bounds"):
        PRIORS[0].xi(value)


def test_a_wide_spread_is_nearly_flat_on_its_scale():
    prior = Prior(0.0, 1.0, 0.5, 1.7)
    draws = np.asarray(prior.value(jax.random.normal(jax.random.PRNGKey(0), (20000,))))
    share, _ = np.histogram(draws, 5, (0.0, 1.0))
    assert (np.abs(share / 4000.0 - 1.0) < 0.2).all()


def test_prior_of_a_parameter_is_around_its_value():
    row = MODEL.parameters["WarmDecay.k_old"]
    prior = Prior.of(row)
    assert (prior.low, prior.high, prior.centre) == (row.low, row.high, row.default)
    assert prior.logarithmic


def test_space_by_pattern_in_the_order_asked():
    space = ParameterSpace.of(MODEL, ["WarmDecay.*", "start.cSoilOld", "Warmth.q10"])
    assert space.names == ("WarmDecay.k_young", "WarmDecay.k_old", "start.cSoilOld", "Warmth.q10")
    assert space.size == 4


def test_a_pattern_that_fits_nothing_tells_what_is_near():
    with pytest.raises(CaseError, match=r"'WarmDecay\.k_yung'.*WarmDecay\.k_young"):
        ParameterSpace.of(MODEL, ["WarmDecay.k_yung"])
    with pytest.raises(CaseError, match=r"'Warmth\.q1'.*Warmth\.q10"):
        ParameterSpace.of(MODEL, ["Warmth.*"], {"Warmth.q1": {"centre": 1.5}})


def test_an_unknown_column_of_a_prior_tells_what_is_near():
    with pytest.raises(CaseError, match=r"'center'.*centre"):
        ParameterSpace.of(MODEL, ["Warmth.*"], {"Warmth.q10": {"center": 1.5}})


def test_a_prior_s_centre_must_lie_in_its_bounds():
    with pytest.raises(CaseError, match=r"Warmth\.q10.*outside its bounds"):
        ParameterSpace.of(MODEL, ["Warmth.*"], {"Warmth.q10": {"centre": 40.0}})


def test_priors_override_centre_and_spread():
    space = ParameterSpace.of(MODEL, ["Warmth.*"], {"Warmth.q10": {"centre": 1.5, "spread": 0.2}})
    assert space.values(jnp.zeros((1,)))["Warmth.q10"] == pytest.approx(1.5)
    assert space.priors[0].spread == 0.2


def test_space_makes_a_model_and_a_start_in_every_cell():
    space = ParameterSpace.of(MODEL, ["Warmth.q10", "start.cSoilOld"])
    xi = jnp.array([[0.0, 1.0, -1.0], [0.0, 0.0, 1.0]])
    model = space.model(MODEL, xi)
    assert model.processes[[p.title for p in model.processes].index("Warmth")].q10.shape == (3,)
    state = space.start({"cSoilOld": jnp.ones(3), "cSoilYoung": jnp.ones(3)}, xi)
    assert state["cSoilOld"][:2] == pytest.approx([1.0, 1.0]) and state["cSoilOld"][2] > 1.0
    assert (state["cSoilYoung"] == 1.0).all()


def test_given_numbers_have_coordinates():
    space = ParameterSpace.of(MODEL, ["Warmth.q10", "Input.rate"])
    xi = space.xi({"Warmth.q10": 1.3})
    assert space.values(xi)["Warmth.q10"] == pytest.approx(1.3)
    assert xi[1] == 0.0
    with pytest.raises(CaseError, match=r"'Warmth\.q1'.*Warmth\.q10"):
        space.xi({"Warmth.q1": 1.3})


def test_taylor_remainder_falls_as_the_square_of_the_step():
    space = ParameterSpace.of(MODEL, ["*.k_*", "Warmth.q10", "start.*"])
    start, forcing = {"cSoilYoung": jnp.ones(2), "cSoilOld": 5.0 * jnp.ones(2)}, seasons(2, cells=2)

    def cost(xi):
        model, state = space.model(MODEL, xi), space.start(start, xi)
        out, _ = simulate(model, Decay(), state, forcing, ("rh",), Windows.blocks(24, 12))
        return jnp.sum((1e8 * out["rh"]) ** 2)

    keys = jax.random.split(jax.random.PRNGKey(3))
    xi, way = (jax.random.normal(key, (space.size, 2)) for key in keys)
    value, slope = jax.jvp(cost, (xi,), (way,))
    remainder = [abs(cost(xi + h * way) - value - h * slope) for h in (1e-2, 5e-3, 2.5e-3)]
    assert remainder[0] / remainder[1] == pytest.approx(4.0, rel=0.1)
    assert remainder[1] / remainder[2] == pytest.approx(4.0, rel=0.1)
