"""R-hat and effective sample size against numbers known on paper, and against blackjax's."""

from statistics import NormalDist

import numpy as np
import pytest

from landsink.assimilate.convergence import bulk_ess, effective_size, judge, rhat, scale_reduction


def autoregressive(share: float, chains: int = 4, draws: int = 20000, seed: int = 0) -> np.ndarray:
    """Chains x' = share x + noise, stationary: (chain, draw)."""
    noise = np.random.default_rng(seed).standard_normal((chains, draws))
    x = np.empty_like(noise)
    x[:, 0] = noise[:, 0] / np.sqrt(1.0 - share**2)
    for t in range(1, draws):
        x[:, t] = share * x[:, t - 1] + noise[:, t]
    return x


def test_scale_reduction_by_hand():
    # means 2 and 3, each variance 1: within 1, between means 1/2, so 2/3 + 1/2
    assert scale_reduction(np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])) == pytest.approx(np.sqrt(7 / 6))


def test_rank_normalised_split_rhat_by_hand():
    # halves (1, 2), (3, 4), (5, 6), (7, 8): ranks as they stand, scores by Blom's formula
    score = [NormalDist().inv_cdf((r - 0.375) / 8.25) for r in range(1, 9)]
    pairs = np.array(score).reshape(4, 2)
    within = np.mean((pairs[:, 0] - pairs[:, 1]) ** 2 / 2)
    expected = np.sqrt(0.5 + np.var(pairs.mean(1), ddof=1) / within)
    found = rhat(
        np.exp(np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]))
    )  # ranks do not see the exponential
    assert found == pytest.approx(expected, rel=1e-12)


def test_chains_of_different_width_are_seen():
    draws = np.random.default_rng(1).standard_normal((4, 1000))
    assert rhat(draws) < 1.01
    draws[0] *= 5.0
    assert scale_reduction(draws) < 1.01  # means agree
    assert rhat(draws) > 1.1


@pytest.mark.parametrize("share", [-0.3, 0.0, 0.5, 0.9])
def test_effective_size_of_autoregressive_chains(share: float):
    x = autoregressive(share, chains=16)  # the estimate's own error is 3 % at 0.9
    expected = x.size * (1.0 - share) / (1.0 + share)
    assert effective_size(x) == pytest.approx(expected, rel=0.1)
    assert bulk_ess(x) == pytest.approx(expected, rel=0.1)


def test_numbers_are_judged_each_for_itself():
    both = np.stack([autoregressive(0.9, draws=500), autoregressive(0.0, draws=500, seed=2)], -1)
    for measure in (rhat, bulk_ess):
        np.testing.assert_allclose(measure(both), [measure(both[..., i]) for i in range(2)], rtol=1e-12)


def test_a_chain_that_swings_is_capped():
    swing = np.tile([1.0, -1.0], (2, 100)) + 1e-3 * np.random.default_rng(3).standard_normal((2, 200))
    assert effective_size(swing) == pytest.approx(400 * np.log10(400))


def test_a_chain_that_stands_still_has_not_converged():
    draws = np.random.default_rng(4).standard_normal((1000, 2, 4, 3))
    draws[:, 1, :, 2] = 0.5
    told = judge(("a", "b"), draws, np.full(3, 0.3), 1000)
    assert told.reached.tolist() == [True, True, False]
    assert "NOT CONVERGED: 1 of 3 groups" in str(told)
    assert "(b, group 2)" in str(told)


def test_too_few_draws_have_not_converged():
    draws = np.random.default_rng(4).standard_normal((40, 1, 4, 1))
    told = judge(("a",), draws, np.ones(1), 40)
    assert told.rhat[0, 0] < told.rhat_goal
    assert not told.reached.any()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_against_blackjax(share: float):
    theirs = pytest.importorskip("blackjax.diagnostics")
    x = np.stack([autoregressive(share, draws=501, seed=s) for s in range(3)], -1)
    x[0] += 0.2
    np.testing.assert_allclose(
        scale_reduction(x), np.asarray(theirs.potential_scale_reduction(x)), rtol=1e-10
    )
    # the pair that ends the sequence is weighed otherwise there (which tells where chains swing to and fro)
    np.testing.assert_allclose(effective_size(x), np.asarray(theirs.effective_sample_size(x)), rtol=5e-3)
