"""Thin-plate regression splines: what they can make, and what their penalty is."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.interpolate

from convscope.stats.gamm._basis import MOST_KNOTS, centred, thin_plate, token_basis

TIMES = np.array([0.0, 0.3, 0.35, 0.9, 1.4, 2.0, 2.1, 3.3, 4.0])


def test_with_a_function_for_each_time_it_is_the_natural_cubic_spline():
    """Interpolating thin-plate splines of one covariate are cubic splines that end in straight lines; their penalty is the integral of
    the squared second derivative.
    """
    values = np.random.default_rng(0).normal(size=len(TIMES))
    basis, penalty = thin_plate(TIMES, len(TIMES), order=2)
    coefficients = np.linalg.solve(basis(TIMES), values)
    natural = scipy.interpolate.CubicSpline(TIMES, values, bc_type="natural")
    between = np.linspace(0, 4, 200)
    np.testing.assert_allclose(basis(between) @ coefficients, natural(between), atol=1e-9)
    fine = np.linspace(0, 4, 100_001)
    bending = np.trapezoid(natural(fine, 2) ** 2, fine)
    width = np.ptp(TIMES)  # the basis works on an interval of length one
    assert coefficients @ penalty @ coefficients == pytest.approx(bending * width**3, rel=1e-5)


def test_of_order_one_its_penalty_is_the_slope():
    values = np.random.default_rng(1).normal(size=len(TIMES))
    basis, penalty = thin_plate(TIMES, len(TIMES), order=1)
    coefficients = np.linalg.solve(basis(TIMES), values)
    np.testing.assert_allclose(basis(np.array([0.15])) @ coefficients, (values[0] + values[1]) / 2)
    slopes = np.diff(values) / np.diff(TIMES)
    expected = (slopes**2 * np.diff(TIMES)).sum() * np.ptp(TIMES)
    assert coefficients @ penalty @ coefficients == pytest.approx(expected)


def test_lines_cost_nothing_and_few_functions_follow_smooth_curves():
    times = np.linspace(0, 1, 50)
    basis, penalty = thin_plate(times, 10, order=2)
    line, *_ = np.linalg.lstsq(basis(times), 3 - 2 * times, rcond=None)
    np.testing.assert_allclose(basis(times) @ line, 3 - 2 * times, atol=1e-10)
    assert line @ penalty @ line == pytest.approx(0, abs=1e-12)
    curve = np.sin(5 * times)
    fit, *_ = np.linalg.lstsq(basis(times), curve, rcond=None)
    assert np.abs(basis(times) @ fit - curve).max() < 0.02


def test_centred_functions_sum_to_zero_over_rows():
    counts = np.arange(1, 10)
    rows = np.repeat(TIMES, counts)
    basis, penalty = centred(*thin_plate(TIMES, 6, order=2), TIMES, counts)
    assert basis(rows).shape[1] == len(penalty) == 5
    np.testing.assert_allclose(basis(rows).sum(0), 0, atol=1e-9)
    assert np.linalg.matrix_rank(penalty) == 4


def test_functions_of_tokens_are_orthogonal_and_the_last_is_the_level():
    counts = np.arange(1, 10)
    values = token_basis(TIMES, counts, 5)(np.repeat(TIMES, counts))
    products = values.T @ values
    np.testing.assert_allclose(products - np.diag(np.diag(products)), 0, atol=1e-9)
    assert np.ptp(values[:, -1]) == pytest.approx(0, abs=1e-9)
    assert abs(values[0, -1]) == pytest.approx(1)


def test_units_of_time_change_no_curve():
    milliseconds, _ = thin_plate(1000 * TIMES + 40, 6, order=2)
    seconds, _ = thin_plate(TIMES, 6, order=2)
    for one, other in zip(milliseconds(1000 * TIMES + 40).T, seconds(TIMES).T, strict=True):
        np.testing.assert_allclose(np.abs(one), np.abs(other), atol=1e-9)


def test_more_times_than_knots_are_thinned_evenly():
    basis, _ = thin_plate(np.linspace(0, 1, MOST_KNOTS + 500), 5, order=2)
    assert len(basis.knots) == MOST_KNOTS
    assert basis.knots[0] == pytest.approx(-0.5)
    assert basis.knots[-1] == pytest.approx(0.5)
