"""The ensemble smoother finds linear posteriors, keeps groups apart, and survives runs that fail."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landsink.assimilate import EnsembleSmoother, Problem, Variational
from landsink.assimilate.smoother import FAILED, healed
from landsink.case import compose, load
from landsink.core.errors import CaseError
from landsink.core.model import Model
from landsink.core.prior import ParameterSpace
from tests.core.toys import constant
from tests.twins.lines import (
    KEY,
    STEPS,
    Brittle,
    chain,
    line,
    line_posterior,
    line_values,
    observed,
    problem,
    seen,
)

FIT = Variational(iterations=20, starts=3)


@pytest.mark.parametrize("assimilations", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_a_linear_problem_has_its_analytic_posterior(assimilations: int):
    values = line_values(np.array([[0.7, 0.1, -0.4], [-1.1, 0.3, 0.8]]), 0.6, seed=4)
    members = 1000
    task = line(values, 0.6, group=np.array([0, 0, 1]))
    found = EnsembleSmoother(members, assimilations, FIT).solve(task, KEY)
    for g, cells in ((0, [0, 1]), (1, [2])):
        mean, covariance = line_posterior(values[:, cells].T.ravel(), 0.6)
        draws, sd = np.asarray(found.ensemble)[..., g], np.sqrt(np.diag(covariance))
        # four standard errors of a mean, and of a variance; the gain is estimated from the same members
        np.testing.assert_allclose(draws.mean(1), mean, atol=4 * sd.max() / np.sqrt(members))
        np.testing.assert_allclose(np.cov(draws), covariance, atol=4 * sd.max() ** 2 * np.sqrt(2 / members))
        np.testing.assert_allclose(found.best[:, g], mean, atol=2e-3)
    assert found.cost.shape == (members, 2)


def test_a_group_does_not_see_what_another_observed():
    values = line_values(np.zeros((2, 2)), 0.6, seed=1)
    other = values + np.array([0.0, 3.0])
    method = EnsembleSmoother(50, 2, None)
    first, second = (np.asarray(method.solve(line(v, 0.6), KEY).ensemble) for v in (values, other))
    np.testing.assert_array_equal(first[..., 0], second[..., 0])
    assert np.abs(first[0, :, 1] - second[0, :, 1]).min() > 0.1  # its level


def test_without_a_search_the_best_point_is_the_best_member():
    values = line_values(np.zeros((2, 2)), 0.6, seed=1)
    found = EnsembleSmoother(50, 2, None).solve(line(values, 0.6), KEY)
    lowest = np.argmin(np.asarray(found.cost), 0)
    for g in range(2):
        np.testing.assert_array_equal(found.best[:, g], found.ensemble[:, lowest[g], g])
    assert found.chains is None


@pytest.mark.slow
def test_known_pools_are_found_again():
    bare, _ = chain(cells=20, years=2)
    truth = np.random.default_rng(6).standard_normal((3, 20))
    task = observed(bare, truth, {"rh": 1e-9, "cSoilYoung": 0.02, "cSoilOld": 0.01}, seed=7)
    low, high = EnsembleSmoother(150, 4, None).solve(task, KEY).interval(0.9)
    assert 0.8 <= np.mean((truth >= low) & (truth <= high)) <= 0.98  # 60 numbers, not linear


def brittle() -> tuple[Problem, ParameterSpace]:
    """Two groups that hold 0.5; above 0.8 a run fails."""
    space = ParameterSpace.of(Model.of(Brittle()), ["Brittle.*"], spread=1.5)
    terms = (seen("gpp", np.full((4, 2), 0.5), 0.05),)
    return problem(Model.of(Brittle()), space, terms, constant(4, 86400.0, 2), 2), space


def test_runs_that_fail_spoil_no_other():
    task, space = brittle()
    prior = np.asarray(space.values(task.draw(jax.random.split(KEY, 3)[0], 100))["Brittle.load"])
    assert (prior > 0.8).any()
    found = EnsembleSmoother(100, 4, None).solve(task, KEY)
    load = np.asarray(space.values(found.ensemble)["Brittle.load"])
    np.testing.assert_allclose(load.mean(0), 0.5, atol=0.03)
    assert np.isfinite(found.cost).all()


def test_members_whose_run_fails_are_replaced_by_others_of_their_group():
    task, space = brittle()
    z = task.draw(KEY, 50)
    r = task.residuals(z)
    well = np.asarray(space.values(z)["Brittle.load"]) < 0.8
    moved, residual = healed(task, z, r, KEY)
    assert (~well).any(0).all()
    np.testing.assert_array_equal(np.asarray(moved)[0][well], np.asarray(z)[0][well])
    for g in range(2):
        assert set(np.asarray(moved)[0, :, g]) == set(np.asarray(z)[0, well[:, g], g])
    np.testing.assert_allclose(residual, task.residuals(moved), rtol=1e-12)
    # where all have failed there is nobody to take
    np.testing.assert_array_equal(healed(task, z, jnp.full_like(r, FAILED), KEY)[0], z)


def test_progress_and_keys():
    task, told = line(line_values(np.zeros((2, 2)), 0.6, seed=1), 0.6), []
    method = EnsembleSmoother(20, 2, None)
    first = method.solve(task, KEY, lambda what, share: told.append((what, share)))
    assert told[0] == ("smoother", 0.0)
    assert told[-1] == ("smoother", 1.0)
    np.testing.assert_array_equal(first.ensemble, method.solve(task, KEY).ensemble)


def test_settings_that_cannot_work_are_refused():
    for change in ({"members": 2}, {"assimilations": 0}):
        with pytest.raises(CaseError, match="At least 3 members"):
            dataclasses.replace(EnsembleSmoother(), **change).solve(line(np.full((STEPS, 1), 2.0)), KEY)


def test_a_case_names_its_smoother():
    case = load("demo", ["assimilate.method=EnsembleSmoother", "assimilate.smoother.assimilations=8"])
    made = compose.method(case.assimilate)
    assert isinstance(made, EnsembleSmoother)
    assert (made.members, made.assimilations) == (200, 8)
