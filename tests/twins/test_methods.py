"""Each method finds a known truth again, and its intervals are as wide as they claim."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from landsink.assimilate import Laplace, Posterior, RandomisedMaximumLikelihood, Variational
from landsink.reanalyse import write
from tests.twins.lines import KEY, chain, line, line_posterior, line_space, line_values, observed

FIT = Variational(iterations=20, starts=3)


@pytest.mark.parametrize(
    "method", [RandomisedMaximumLikelihood(800, 6, FIT), Laplace(800, FIT)], ids=["RML", "Laplace"]
)
def test_a_linear_problem_has_its_analytic_posterior(method):
    values = line_values(np.array([[0.7], [-1.1]]), 0.6, seed=4)
    mean, covariance = line_posterior(values[:, 0], 0.6)
    found = method.solve(line(values, 0.6), KEY)
    draws = np.asarray(found.ensemble)[..., 0]
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(found.best[:, 0], mean, atol=2e-3)
    np.testing.assert_allclose(found.covariance[0], covariance, rtol=5e-3, atol=1e-5)
    # four standard errors of a mean, and of a variance, of 800 draws
    np.testing.assert_allclose(draws.mean(1), mean, atol=4 * sd.max() / np.sqrt(800))
    np.testing.assert_allclose(np.cov(draws), covariance, atol=4 * sd.max() ** 2 * np.sqrt(2 / 800))
    assert float(found.signal[0]) == pytest.approx(2.0 - np.trace(covariance), rel=5e-3)


@pytest.fixture(scope="module")
def lines() -> tuple[np.ndarray, Posterior]:
    """200 lines drawn from the prior, each observed with noise, all fitted in one batch."""
    truth = np.random.default_rng(3).standard_normal((2, 200))
    task = line(line_values(truth, 1.2, seed=8), 1.2)
    return truth, RandomisedMaximumLikelihood(60, 6, Variational(12, 2)).solve(task, KEY)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_hold_the_truth_as_often_as_they_claim(lines, level):
    truth, found = lines
    low, high = found.interval(level)
    share = np.mean((truth >= low) & (truth <= high))
    assert share == pytest.approx(level, abs=0.05 if level == 0.9 else 0.08)  # 400 numbers


def test_fit_statistics_are_those_of_noise(lines):
    _, found = lines
    # twelve values less what the fit takes up
    expected = (12.0 - float(np.mean(np.asarray(found.signal)))) / 12.0
    assert float(np.mean(np.asarray(found.chi2))) == pytest.approx(expected, abs=0.1)
    assert (np.asarray(found.spread) < 1.3).all()


@pytest.fixture(scope="module")
def pools() -> tuple:
    """Soils of known turnover, observed closely."""
    bare, names = chain(cells=60)
    truth = np.random.default_rng(6).standard_normal((3, 60))
    return observed(bare, truth, {"rh": 5e-10, "cSoilYoung": 0.01, "cSoilOld": 0.005}, seed=7), truth, names


@pytest.mark.slow
def test_the_search_finds_the_parameters_again(pools):
    task, truth, names = pools
    found = FIT.solve(task, KEY)
    sd = np.sqrt(np.diagonal(np.asarray(found.covariance), axis1=1, axis2=2)).T
    miss = (np.asarray(found.best) - truth) / sd
    assert np.abs(miss).max() < 4.5
    assert np.sqrt(np.mean(miss**2)) == pytest.approx(1.0, abs=0.2)
    right, fitted = task.space.values(jnp.asarray(truth)), task.space.values(found.best)
    for name in names:
        error = np.abs(np.asarray(fitted[name]) / np.asarray(right[name]) - 1.0)
        assert np.median(error) < 0.05, name
    assert found.informed.all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [RandomisedMaximumLikelihood(40, 6, FIT), Laplace(40, FIT)],
    ids=["RML", "Laplace"],
)
def test_intervals_of_pools_hold_their_level(pools, method):
    task, truth, _ = pools
    low, high = method.solve(task, KEY).interval(0.9)
    assert 0.84 <= np.mean((truth >= low) & (truth <= high)) <= 0.96


def test_the_same_key_gives_the_same_posterior(pools):
    task, _, _ = pools
    method = RandomisedMaximumLikelihood(8, 3, Variational(6, 2))
    first, again, other = (method.solve(task, k) for k in (KEY, KEY, jax.random.PRNGKey(9)))
    np.testing.assert_array_equal(first.ensemble, again.ensemble)
    assert not np.array_equal(first.ensemble, other.ensemble)


def test_progress_is_reported_to_its_end(pools):
    told = []
    Variational(3, 2).solve(pools[0], KEY, lambda what, share: told.append((what, share)))
    assert told[0] == ("best fit", 0.0)
    assert told[-1] == ("best fit", 1.0)


def test_a_guess_is_where_the_search_begins(pools):
    task, truth, _ = pools
    near, far = (Variational(1, 1).solve(task, KEY, guess=g).cost.sum() for g in (truth, None))
    assert float(near) < float(far)


def test_a_posterior_survives_its_file(pools, tmp_path):
    task, _, _ = pools
    found = RandomisedMaximumLikelihood(5, 1, Variational(1, 1)).solve(task, KEY)
    write(found.dataset([str(i) for i in range(60)]), tmp_path / "p.zarr")
    with xr.open_zarr(tmp_path / "p.zarr") as ds:
        again = Posterior.read(ds, task.space)
    for field in dataclasses.fields(found):
        if field.name != "space":
            np.testing.assert_array_equal(getattr(again, field.name), getattr(found, field.name))


def test_factors_on_starting_pools_are_not_carried(pools):
    task, _, _ = pools
    found = Variational(1, 1).solve(task, KEY)
    assert found.carried.names == task.space.names
    start = dataclasses.replace(line_space(), names=("Line.level", "start.cSoilYoung"))
    assert dataclasses.replace(found, space=start).carried.names == ("Line.level",)
