"""The gradient of the European case's cost function, on its real observations."""

import os
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landsink.case import compose, load
from landsink.case.setup import observations, prepare, problem, trained

pytestmark = pytest.mark.slow  # its derivative takes half a minute to compile

SITES = ["BE-Vie", "CH-Dav", "DE-Hai", "DE-Tha", "NL-Loo", "RU-Fyo"]


@pytest.fixture(scope="module")
def europe():
    if not os.environ.get("LANDSINK_DATA"):
        pytest.skip("LANDSINK_DATA is not set: the European sites are not at hand")
    # differences of a cost in single precision are rounding
    case = load("europe", [f"domain.sites={','.join(SITES)}", "model.precision=float64"])
    setup = prepare(case, Path(os.environ["LANDSINK_DATA"]))
    terms = [o.only(trained(setup, n)) for n, o in observations(setup).items()]
    posed = problem(setup, (*terms, *compose.constraints(case, setup.model)))
    return eqx.filter_jit(lambda p, z: p.logp(z)), eqx.filter_jit(lambda p, z: jax.grad(p.logp)(z)), posed


@pytest.fixture(scope="module")
def points(europe):
    _, _, posed = europe
    first, second = jax.random.split(jax.random.PRNGKey(3))
    z = 0.3 * jax.random.normal(first, posed.z0.shape)
    direction = jax.random.normal(second, posed.z0.shape)
    return z, direction / jnp.linalg.norm(direction)


def test_gradient_agrees_with_central_differences(europe, points):
    value, gradient, posed = europe
    z, direction = points
    exact = float(jnp.vdot(gradient(posed, z), direction))
    h = 1e-4
    # Richardson's step removes the second-order error of the difference itself
    wide = float(value(posed, z + h * direction) - value(posed, z - h * direction)) / (2 * h)
    narrow = float(value(posed, z + h / 2 * direction) - value(posed, z - h / 2 * direction)) / h
    assert abs((4 * narrow - wide) / 3 / exact - 1) < 1e-5


def test_the_taylor_remainder_falls_as_the_square(europe, points):
    value, gradient, posed = europe
    z, direction = points
    at, slope = float(value(posed, z)), float(jnp.vdot(gradient(posed, z), direction))
    steps = np.array([1e-2, 5e-3, 2.5e-3, 1.25e-3])
    remainders = [abs(float(value(posed, z + h * direction)) - at - h * slope) for h in steps]
    orders = np.diff(np.log(remainders)) / np.diff(np.log(steps))
    assert np.all(np.abs(orders - 2.0) < 0.1), orders
