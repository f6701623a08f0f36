"""Respiration's curve by hand, and its fits against SciPy's and against what they were made from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from landsink.stations.flux.respiration import (
    Fate,
    Moving,
    Trim,
    Windows,
    coldness,
    fit_curve,
    fit_windows,
    kth,
    lloyd_taylor,
    quantile,
    scale_windows,
)

FREE = np.array([0.0, 0.0, np.inf, np.inf])
START = (2.0, 200.0)


def nights(count=300, noise=0.0, rref=2.5, e0=180.0):
    draw = np.random.default_rng(3)
    warmth = draw.uniform(2, 18, count)
    return warmth, lloyd_taylor(warmth, rref, e0) + draw.normal(0, noise, count)


def fit(warmth, nee, always=0.0):
    return fit_curve(nee, coldness(warmth), np.ones(nee.size), START, FREE, always)


def test_at_fifteen_degrees_it_is_the_reference():
    assert lloyd_taylor(np.array(15.0), 2.3, 250.0) == pytest.approx(2.3)


def test_lloyd_and_taylors_own_sensitivity_doubles_from_15_to_25_degrees():
    # by hand: 308.56 (1/61.02 - 1/71.02) = 0.71201, and its exponential
    assert lloyd_taylor(np.array(25.0), 1.0, 308.56) == pytest.approx(2.0381, abs=1e-4)


def test_nothing_respires_at_t0_and_below():
    assert (lloyd_taylor(np.array([-46.02, -60.0]), 2.0, 300.0) == 0).all()
    assert (lloyd_taylor(np.array([-46.02, -60.0]), 2.0, 0.0) == 0).all()
    assert np.isnan(lloyd_taylor(np.array([np.nan]), 2.0, 300.0)).all()


def test_a_fit_finds_what_the_nights_were_made_of():
    found = fit(*nights())
    assert (found[0], found[2]) == pytest.approx((2.5, 180.0), rel=1e-6)


def test_a_fit_and_its_standard_errors_are_scipys():
    warmth, nee = nights(noise=0.6)
    theirs, covariance = curve_fit(lloyd_taylor, warmth, nee, START)
    found = fit(warmth, nee)
    assert (found[0], found[2]) == pytest.approx(tuple(theirs), rel=1e-4)
    assert (found[1], found[3]) == pytest.approx(tuple(np.sqrt(np.diag(covariance))), rel=1e-3)


def test_trimming_forgets_a_tenth_of_the_records():
    warmth, nee = nights()
    nee[::10] += 20.0
    assert abs(fit(warmth, nee)[0] - 2.5) > 0.5
    found = fit(warmth, nee, always=0.1)
    assert (found[0], found[2]) == pytest.approx((2.5, 180.0), rel=1e-6)


def test_a_prior_holds_where_records_say_nothing():
    prior = np.array([2.0, 100.0, 800.0, 5.0])
    found = fit_curve(np.full(30, 3.0), coldness(np.full(30, 15.0)), np.ones(30), (2.0, 100.0), prior, 0.0)
    assert (found[0], found[2]) == pytest.approx((3.0, 100.0), rel=1e-4)


@pytest.mark.parametrize("nee", [np.full(50, np.nan), np.full(50, np.inf), np.zeros(50)])
def test_a_fit_without_an_optimum_is_nan_or_finite_never_infinite(nee):
    found = np.array(fit(nights(50)[0], nee))
    assert not np.isinf(found).any()


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.floats(0, 1))
def test_order_statistics_are_numpys(values, share):
    values = np.array(values)
    assert kth(values, values.size // 2) == np.sort(values)[values.size // 2]
    assert quantile(values, share) == pytest.approx(np.quantile(values, share), rel=1e-9, abs=1e-6)


def test_windows_stay_within_their_segment():
    days = np.arange(0, 20, 0.5)
    windows = Moving(4, 2).over(days, [slice(0, 20), slice(20, 40)], 2)
    assert windows.segment.tolist() == [0] * 4 + [1] * 4
    assert (windows.hi[windows.segment == 0] <= 20).all() and (windows.lo[windows.segment == 1] >= 20).all()
    assert (windows.lo[1], windows.hi[1]) == (4, 12)


def test_a_windows_fate_is_told():
    warmth, nee = nights(90)
    warmth[30:60] = 8.0
    nee[60:] = np.nan
    edges = np.array([0, 30, 60, 90])
    fits = fit_windows(nee[None], warmth, Windows(edges[:-1], edges[1:], np.zeros(3, int)), 7, 5.0, Trim())
    assert fits.fate[0].tolist() == [Fate.SOUND, Fate.LITTLE_WARMTH, Fate.FEW_RECORDS]
    assert fits.records[0].tolist() == [30, 30, 0]
    assert np.isfinite(fits.sensitivity[0]).tolist() == [True, False, False]


def test_a_factor_is_the_least_squares_one():
    warmth, nee = nights(noise=0.4)
    curve = lloyd_taylor(warmth, 1.0, 180.0)
    found = scale_windows(nee[None], curve[None], Windows(*np.array([[0], [300], [0]])), 3, 1e-3)[:, 0, 0]
    theirs, covariance = curve_fit(lambda f, r: r * f, curve, nee)
    assert tuple(found) == pytest.approx((theirs[0], np.sqrt(covariance[0, 0]), 300, 149.5), rel=1e-6)


def test_a_window_too_cold_to_tell_is_nan():
    cold = np.full((1, 50), 1e-5)
    assert np.isnan(scale_windows(cold, cold, Windows(*np.array([[0], [50], [0]])), 3, 1e-3)[0]).all()
