"""Scores against values worked by hand."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from landsink.evaluate import score

OBS = np.array([1.0, 2.0, 3.0, 4.0])
PRED = np.array([2.0, 2.0, 4.0, 4.0])


def test_hand_worked_values():
    assert score.bias(OBS, PRED, 1) == pytest.approx(0.5)
    assert score.rmse(OBS, PRED, 1) == pytest.approx(np.sqrt(0.5))
    assert score.nse(OBS, PRED, 1) == pytest.approx(1 - 2 / 5)
    assert score.correlation(OBS, PRED, 1) == pytest.approx(4 / np.sqrt(5 * 4))
    assert score.r2(OBS, PRED, 1) == pytest.approx(0.8)


def test_missing_values_leave_in_pairs():
    obs = np.append(OBS, [np.nan, 5.0])
    pred = np.append(PRED, [1e9, np.nan])
    assert score.nse(obs, pred, 1) == pytest.approx(score.nse(OBS, PRED, 1))


def test_too_few_pairs_is_nan_with_the_reason():
    assert np.isnan(score.rmse(OBS, PRED))
    assert score.why_not(OBS, PRED) == "4 pairs, 10 needed"
    assert score.why_not(OBS, PRED, 4) == ""


def test_what_does_not_vary_is_nan_with_the_reason():
    flat = np.full(4, 3.0)
    assert np.isnan(score.nse(flat, PRED, 1))
    assert np.isnan(score.correlation(OBS, flat, 1))
    assert "observations" in score.why_not(flat, PRED, 1)
    assert "prediction" in score.why_not(OBS, flat, 1)
    assert score.rmse(OBS, flat, 1) > 0


def test_coverage_counts_the_share_inside():
    obs = np.arange(10.0)
    assert score.coverage90(obs, np.zeros(10), np.full(10, 8.0)) == pytest.approx(0.9)
    assert np.isnan(score.coverage90(obs[:5], np.zeros(5), np.ones(5)))


def test_seasonal_scores_compare_mean_cycles_only():
    months = np.tile(np.arange(12), 4)
    cycle = np.sin(2 * np.pi * months / 12)
    yearly = np.repeat([1.0, -1.0, 2.0, -2.0], 12)
    assert score.seasonal_rmse(cycle, cycle + yearly, months) == pytest.approx(0, abs=1e-12)
    assert score.seasonal_correlation(cycle, 3 * cycle + yearly, months) == pytest.approx(1)
    assert np.isnan(score.seasonal_rmse(cycle[:5], cycle[:5], months[:5], 1))


def test_data_arrays_are_matched_by_dim_name():
    obs = xr.DataArray(np.arange(12.0).reshape(4, 3), dims=("time", "site"))
    assert score.rmse(obs, obs.transpose("site", "time")) == 0
    with pytest.raises(ValueError, match="shape"):
        score.rmse(OBS, OBS[:2])


@given(st.lists(st.floats(-1e3, 1e3), min_size=10, max_size=40), st.floats(-50, 50))
def test_a_shift_changes_bias_and_not_correlation(values, shift):
    obs = np.array(values)
    pred = obs + shift
    assert score.bias(obs, pred) == pytest.approx(shift, abs=1e-9)
    assert score.rmse(obs, pred) == pytest.approx(abs(shift), abs=1e-9)
    if np.ptp(obs) > 1e-3:
        assert score.nse(obs, pred) <= 1
        assert score.correlation(obs, pred) == pytest.approx(1, abs=1e-6)
