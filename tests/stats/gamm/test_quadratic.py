"""Weighted sums of chi-squared variables, beside closed forms and draws."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from convscope.stats.gamm._quadratic import probability_above

MANY = 1e7  # degrees of freedom of a scale that is known


@pytest.mark.parametrize("threshold", [0.5, 3.0, 12.0])
def test_two_pairs_of_weights_have_a_closed_form(threshold):
    """Each pair is exponential; their sum's tail is a mixture of both."""
    a, b = 2.0, 0.7
    exact = (a * np.exp(-threshold / (2 * a)) - b * np.exp(-threshold / (2 * b))) / (a - b)
    assert probability_above(threshold, np.array([a, a, b, b]), MANY) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("residual_df", [6.0, 80.0, 4000.0])
def test_equal_weights_are_an_f_distribution(residual_df):
    almost = np.array([1.0, 1.0, 1.0 + 1e-9])  # not the shortcut
    exact = scipy.stats.f.sf(4.0 / 3, 3, residual_df)
    assert probability_above(4.0, almost, residual_df) == pytest.approx(exact, rel=1e-6)
    assert probability_above(4.0, np.ones(3), residual_df) == pytest.approx(exact, rel=1e-12)


def test_draws_agree():
    weights, residual_df = np.array([1.0, 1.0, 1.6, 0.1]), 25.0
    rng = np.random.default_rng(0)
    sums = (weights * rng.chisquare(1, (400_000, 4))).sum(1)
    above = (sums > 7.0 * rng.chisquare(residual_df, 400_000) / residual_df).mean()
    assert probability_above(7.0, weights, residual_df) == pytest.approx(above, abs=3e-3)


def test_one_weight_and_tails():
    weights = np.array([1.3])
    assert probability_above(2.0, weights, MANY) == pytest.approx(scipy.stats.chi2.sf(2.0 / 1.3, 1), rel=1e-6)
    assert probability_above(0.0, weights, 10.0) == 1.0
    assert 0 <= probability_above(500.0, np.array([1.0, 1.4, 0.2]), 900.0) < 1e-8
