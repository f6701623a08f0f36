"""Observations: their error models, their gaps, and what training residuals teach about them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landsink.core.term import Seen
from landsink.observe import Biomass, Evapotranspiration, LeafArea, Observation, SoilCarbon, TowerFlux

KEY = jax.random.PRNGKey(2)
RANDOM = np.random.default_rng(4)


def shown(value: np.ndarray) -> Seen:
    """A run that gave these values of gpp."""
    return Seen({"gpp": jnp.asarray(value)}, {}, {}, {})


@pytest.mark.parametrize("kind", [TowerFlux, Evapotranspiration, LeafArea, Biomass, SoilCarbon])
def test_error_model_of_each_instrument(kind):
    value = np.array([[0.0], [2.0]])
    term = kind.of("gpp", value, np.array([[0.1], [0.1]]))
    expected = np.sqrt(0.1**2 + kind.floor**2 + (kind.relative * value) ** 2)
    np.testing.assert_allclose(term.sd, expected)
    assert kind.floor > 0.0
    assert kind.cite
    np.testing.assert_allclose(term.spread(jnp.asarray(value)), expected)


def test_the_relative_error_is_of_the_typical_size():
    value = np.array([0.0, 3.0, 0.0, 3.0, 0.0, 3.0])[:, None] * 1e-7
    sharp, smooth = (TowerFlux.of("gpp", value, smooth=n) for n in (1, 3))
    assert np.ptp(np.asarray(sharp.sd)) > 2 * np.ptp(np.asarray(smooth.sd))
    middle = np.hypot(TowerFlux.floor, TowerFlux.relative * np.array([1e-7, 2e-7]))
    np.testing.assert_allclose(np.asarray(smooth.sd)[1:3, 0], middle)


def test_a_gap_in_the_error_takes_the_usual_error():
    term = Observation.of(
        "gpp", np.ones((4, 2)), np.array([[0.1, np.nan], [0.3, np.nan], [0.2, np.nan], [np.nan, np.nan]])
    )
    np.testing.assert_allclose(np.asarray(term.sd)[:, 0], [0.1, 0.3, 0.2, 0.2])
    assert not np.asarray(term.seen)[:, 1].any()  # no error at all: nothing that may be used


def test_residuals_are_whitened_and_blind_to_gaps():
    value = np.array([[1.0, np.nan], [2.0, 3.0]])
    term = Observation.of("gpp", value, np.full((2, 2), 0.5))
    model = np.array([[2.0, 9.0], [2.0, 2.0]])
    np.testing.assert_allclose(term.residual(shown(model)), [[2.0, 0.0], [0.0, -2.0]])
    lanes = term.residual(shown(np.stack([model, model + 1.0], 1)))
    assert lanes.shape == (2, 2, 2)
    np.testing.assert_allclose(lanes[:, 1], [[4.0, 0.0], [2.0, 0.0]])


def test_the_gradient_passes_gaps_and_failures_by():
    term = Observation.of("gpp", np.array([[np.nan], [1.0]]), np.ones((2, 1)))

    def cost(x):
        return jnp.sum(term.residual(shown(jnp.stack([jnp.log(x), x])[:, None])) ** 2)

    assert float(jax.grad(cost)(3.0)) == pytest.approx(4.0)
    assert term.needs == ("gpp",)
    assert not term.shared


def test_noise_is_standard_and_masked():
    value = np.where(np.arange(50)[:, None] % 5 == 0, np.nan, np.ones((50, 3)))
    term = Observation.of("gpp", value, np.ones((50, 3)))
    draws = np.asarray(term.noise(KEY, (40, 3)))
    assert draws.shape == (50, 40, 3)
    assert not draws[::5].any()
    rest = draws[np.isfinite(value[:, 0])]
    assert rest.std() == pytest.approx(1.0, abs=0.05)
    assert rest.mean() == pytest.approx(0.0, abs=0.05)


def test_tuning_finds_the_size_of_what_is_missing():
    truth = np.zeros((4000, 2))
    noise = RANDOM.standard_normal((4000, 2)) * np.array([3.0, 0.5])
    tuned = Observation.of("gpp", truth + noise, np.ones((4000, 2))).tuned(jnp.asarray(truth))
    np.testing.assert_allclose(tuned.factor, [3.0, 0.5], rtol=0.05)
    np.testing.assert_allclose(tuned.dilution, 1.0, atol=0.06)
    np.testing.assert_allclose(tuned.spread(jnp.asarray(truth))[0], tuned.factor)


def test_tuning_finds_how_errors_hang_together():
    noise = np.zeros((6000, 1))
    for i in range(1, 6000):
        noise[i] = 0.6 * noise[i - 1] + 0.8 * RANDOM.standard_normal()
    term = Observation.of("gpp", noise, np.ones((6000, 1)))
    tuned = term.tuned(jnp.zeros((6000, 1)))
    assert float(tuned.dilution[0]) == pytest.approx(np.sqrt(1.6 / 0.4), rel=0.08)
    # the fit trusts them less; what people are shown does not grow
    seen = shown(np.ones((6000, 1)))
    assert float(jnp.abs(tuned.residual(seen)).sum()) < float(jnp.abs(term.residual(seen)).sum())
    np.testing.assert_allclose(tuned.spread(jnp.zeros((6000, 1))), float(tuned.factor[0]))


def test_tuning_skips_gaps_and_can_pool_cells():
    value = 2.0 * RANDOM.standard_normal((500, 4))
    value[::7] = np.nan
    tuned = Observation.of("gpp", value, np.ones((500, 4))).tuned(jnp.zeros((500, 4)), pooled=True)
    np.testing.assert_allclose(tuned.factor, 2.0, rtol=0.1)
    assert len(set(np.asarray(tuned.factor).tolist())) == 1


def test_cutting_in_time_and_by_mask():
    term = Observation.of("gpp", np.ones((4, 2)), np.ones((4, 2)))
    assert term.until(3).value.shape == (3, 2)
    kept = term.only(jnp.arange(4)[:, None] < 2)
    assert np.asarray(kept.seen).sum() == 4
    assert np.asarray(term.seen).sum() == 8
