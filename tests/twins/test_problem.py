"""The problem itself: its gradient, who shares what, what is masked, and what a failed run does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landsink.assimilate import Variational
from landsink.core.model import Model
from landsink.core.prior import ParameterSpace
from landsink.observe import Order
from tests.core.toys import constant
from tests.twins.lines import KEY, Brittle, chain, line, line_posterior, line_values, observed, problem, seen

ERRORS = {"rh": 1e-9, "cSoil": 0.02}


@pytest.fixture(scope="module")
def twin():
    bare, _ = chain(cells=3)
    truth = 0.8 * np.random.default_rng(1).standard_normal((3, 3))
    return observed(bare, truth, ERRORS, seed=2)


def test_gradient_against_central_differences(twin):
    z = 0.5 * twin.draw(KEY, 1)[:, 0]
    value = jax.jit(lambda x: twin.logp(x))
    gradient = np.asarray(jax.jit(jax.grad(lambda x: twin.logp(x)))(z))
    assert z.dtype == jnp.float64
    step = 1e-5
    for i, j in np.ndindex(*z.shape):
        there, back = (float(value(z.at[i, j].add(s * step))) for s in (1, -1))
        assert (there - back) / (2 * step) == pytest.approx(
            gradient[i, j], rel=1e-5, abs=1e-5 * abs(gradient).max()
        )


def test_taylor_remainder_falls_as_the_square(twin):
    z, way = 0.5 * twin.draw(KEY, 1)[:, 0], twin.draw(jax.random.PRNGKey(5), 1)[:, 0]
    value = jax.jit(lambda x: twin.logp(x))
    base, slope = jax.jvp(lambda x: twin.logp(x), (z,), (way,))
    steps = 10.0 ** -np.arange(2.0, 5.0)
    rest = [abs(float(value(z + h * way) - base - h * slope)) for h in steps]
    order = np.diff(np.log(rest)) / np.diff(np.log(steps))
    np.testing.assert_allclose(order, 2.0, atol=0.05)


def test_lanes_are_each_a_run_of_their_own(twin):
    z = twin.draw(KEY, 3)
    together = twin.cost(z)
    assert together.shape == (3, 3)
    alone = [twin.cost(z[:, i]) for i in range(3)]
    np.testing.assert_allclose(together, np.stack(alone), rtol=1e-10)


def test_groups_gather_the_cost_of_their_cells():
    values = line_values(np.zeros((2, 3)), 0.3, seed=1)
    apart, shared = line(values), line(values, group=np.array([0, 0, 1]))
    z = jnp.array([[0.3, -0.2], [0.1, 0.5]])
    each = apart.cost(z[:, jnp.array([0, 0, 1])])
    prior = 0.5 * jnp.sum(z**2, 0)
    np.testing.assert_allclose(shared.cost(z)[0], each[0] + each[1] - prior[0], rtol=1e-12)
    np.testing.assert_allclose(shared.cost(z)[1], each[2], rtol=1e-12)


def test_a_group_is_fitted_to_all_its_cells():
    values = line_values(np.zeros((2, 3)), 0.3, seed=1)
    found = Variational(iterations=15, starts=2).solve(line(values, group=np.array([0, 0, 1])), KEY)
    for g, cells in ((0, [0, 1]), (1, [2])):
        mean, covariance = line_posterior(values[:, cells].T.ravel())
        np.testing.assert_allclose(found.best[:, g], mean, atol=2e-3)
        np.testing.assert_allclose(found.covariance[g], covariance, rtol=2e-3, atol=1e-5)


def test_cells_that_share_parameters_count_common_sense_once():
    terms = (Order("Chain.k_young", "Input.rate"),)
    one, _ = chain(cells=1, years=1)
    three, _ = chain(cells=3, years=1)
    shared = problem(three.model, three.space, terms, three.forcing, 3, np.zeros(3, int))
    z = jnp.array([[-3.0], [0.0], [3.0]])
    assert float(one.with_terms(terms).cost(z)[0]) > 9.0 + 1.0  # the prior's own cost is 9
    np.testing.assert_allclose(shared.cost(z), one.with_terms(terms).cost(z), rtol=1e-12)


def test_values_that_are_missing_weigh_nothing():
    values = line_values(np.zeros((2, 2)), 0.3, seed=1)
    values[3:, 1] = np.nan
    task = line(values)
    z = jnp.full((2, 2), 0.4)
    assert np.isfinite(task.cost(z)).all()
    assert not np.asarray(task.residuals(z))[3:, 1].any()
    assert not np.asarray(task.noise(KEY, 5))[3:, :, 1].any()
    assert np.asarray(task.noise(KEY, 5))[:3, :, 1].all()
    gradient = jax.grad(lambda x: task.logp(x))(z)
    assert np.isfinite(gradient).all()


def brittle() -> tuple:
    """Three groups that hold 0.3, observed, and the problem's prior."""
    model = Model.of(Brittle())
    space = ParameterSpace.of(model, ["Brittle.*"], spread=1.0)
    value = np.full((4, 3), 0.5)
    return problem(model, space, (seen("gpp", value, 0.05),), constant(4, 86400.0, 3), 3), space


def test_a_failed_run_is_a_large_cost_and_spoils_no_other():
    task, space = brittle()
    fine = space.xi({"Brittle.load": 0.5})[0]
    broken = space.xi({"Brittle.load": 0.95})[0]
    z = jnp.array([[[fine, broken, fine], [broken, fine, fine]]])
    cost = np.asarray(task.cost(z))
    assert np.isfinite(cost).all()
    assert (cost[[0, 1], [1, 0]] > 1e10).all()
    healthy = float(task.cost(jnp.full((1, 3), fine))[0])
    np.testing.assert_allclose(cost[[0, 0, 1, 1], [0, 2, 1, 2]], healthy, rtol=1e-12)


def test_the_search_survives_starts_that_fail():
    task, space = brittle()
    found = Variational(iterations=15, starts=8, start_spread=1.5).solve(task, KEY)
    load = np.asarray(space.values(found.best)["Brittle.load"])
    np.testing.assert_allclose(load, 0.5, atol=0.02)
    assert np.isfinite(found.covariance).all()
