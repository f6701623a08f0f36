"""Ecological common sense: silent where it is obeyed, a slope back where it is not, finite everywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landsink.core.term import Seen
from landsink.observe import Bounded, NearSteady, Order, Ratio


def of_parameters(**values: float) -> Seen:
    """A run with these parameters, 'P.name'."""
    return Seen({}, {f"P.{k}": jnp.asarray([v]) for k, v in values.items()}, {}, {})


def size(term, **values: float) -> float:
    """How strongly a term protests."""
    return float(jnp.sum(term.residual(of_parameters(**values)) ** 2))


def slope(term, name: str, **values: float) -> float:
    """How the protest changes with one parameter."""
    return float(
        jax.grad(lambda x: jnp.sum(term.residual(of_parameters(**(values | {name: x}))) ** 2))(values[name])
    )


ORDER, RATIO, BOUND = Order("P.fast", "P.slow"), Ratio("P.over", "P.under"), Bounded("P.load", 2.0)


@pytest.mark.parametrize(
    ("term", "good", "bad"),
    [
        (ORDER, {"fast": 1.0, "slow": 0.1}, {"fast": 0.1, "slow": 1.0}),
        (RATIO, {"over": 1.0, "under": 1.0}, {"over": 50.0, "under": 1.0}),
        (RATIO, {"over": 1.0, "under": 1.0}, {"over": 0.02, "under": 1.0}),
        (BOUND, {"load": 1.0}, {"load": 3.0}),
    ],
    ids=["order", "ratio above", "ratio below", "bound"],
)
def test_silent_where_obeyed_and_loud_where_not(term, good, bad):
    assert size(term, **good) < 1e-3
    assert size(term, **bad) > 10.0


@pytest.mark.parametrize(
    ("term", "name", "values", "sign"),
    [
        (ORDER, "fast", {"fast": 0.1, "slow": 1.0}, -1),
        (ORDER, "slow", {"fast": 0.1, "slow": 1.0}, 1),
        (RATIO, "over", {"over": 50.0, "under": 1.0}, 1),
        (RATIO, "over", {"over": 0.02, "under": 1.0}, -1),
        (BOUND, "load", {"load": 3.0}, 1),
    ],
)
def test_the_slope_points_back_to_sense(term, name, values, sign):
    assert np.sign(slope(term, name, **values)) == sign


@pytest.mark.parametrize("fast", [1e-12, 1e-3, 1.0, 1e6])
def test_gradients_are_finite_far_out(fast):
    assert np.isfinite(slope(ORDER, "fast", fast=fast, slow=1.0))
    assert np.isfinite(size(ORDER, fast=fast, slow=1.0))


def test_far_outside_it_is_a_half_gaussian():
    assert size(BOUND, load=2.0 * 1.5) == pytest.approx((0.5 / 0.1) ** 2, rel=1e-3)
    assert size(ORDER, fast=1.0, slow=np.e) == pytest.approx((1.0 / 0.3) ** 2, rel=1e-2)


def of_pools(start: float, end: float) -> Seen:
    """A run in which wood goes from start to end."""
    return Seen({}, {}, {"cWood": jnp.asarray([start])}, {"cWood": jnp.asarray([end])})


def test_near_steady_counts_factors_up_and_down():
    term = NearSteady("cWood", factor=2.0)
    up, down, same = (float(term.residual(of_pools(5.0, e))[0, 0]) for e in (10.0, 2.5, 5.0))
    assert up == pytest.approx(1.0, rel=1e-5)
    assert down == pytest.approx(-1.0, rel=1e-5)
    assert same == 0.0


def test_near_steady_is_finite_on_an_empty_pool():
    term = NearSteady("cWood")
    gradient = jax.grad(lambda x: jnp.sum(term.residual(of_pools(0.0, x)) ** 2))(0.0)
    assert np.isfinite(gradient)


def test_common_sense_is_shared_quiet_and_needs_no_output():
    for term in (ORDER, RATIO, BOUND):
        assert term.shared
        assert term.needs == ()
        assert not np.asarray(term.noise(jax.random.PRNGKey(0), (3, 2))).any()
    assert not NearSteady("cWood").shared
