"""The arrowhead beside the dense equations: the same REML, gradient, coefficients and degrees of freedom."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from tests.reference import gamm as reference
from tests.stats.gamm.cases import dense_columns, equations, row_functions, simulate

from convscope.stats.gamm._degrees import degrees
from convscope.stats.gamm._significance import of_speakers, of_tokens, token_rank

CASES = {
    "equal times": {},
    "ragged": {"ragged": True},
    "speakers": {"speakers": 4, "tokens": 8},
    "ragged, speakers": {"ragged": True, "speakers": 5, "tokens": 6},
    "one group": {"groups": ("a",), "tokens": 6},
}


def both(case: str, rho: float, seed: int = 1):
    options = CASES[case]
    checked, found = equations(
        simulate(seed=seed, **options), rho=rho, speaker="speaker" if "speakers" in options else None
    )
    theta = found.neutral() + np.random.default_rng(seed).normal(0, 1.5, len(found.neutral()))
    columns, penalties = dense_columns(checked, found)
    plain = reference.solve(columns, checked.values, checked.token_of, penalties, theta, rho)
    return found, found.solve(theta), plain, penalties


@pytest.mark.parametrize("rho", [0.0, 0.6, -0.3])
@pytest.mark.parametrize("case", CASES)
def test_the_fit_is_the_dense_one(case, rho):
    found, fit, plain, _ = both(case, rho)
    p = found.layout.p
    assert fit.reml == pytest.approx(plain.reml, rel=1e-10, abs=1e-8)
    assert fit.scale == pytest.approx(plain.scale, rel=1e-9)
    np.testing.assert_allclose(fit.coefficients, plain.coefficients[:p], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(fit.covariance, plain.inverse[:p, :p], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_that_of_reml(case):
    found, fit, _, _ = both(case, 0.4)
    step = 1e-5
    for i in range(len(fit.theta)):
        move = np.zeros(len(fit.theta))
        move[i] = step
        slope = (found.solve(fit.theta + move).reml - found.solve(fit.theta - move).reml) / (2 * step)
        assert fit.gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("rho", [0.0, 0.6])
@pytest.mark.parametrize("case", CASES)
def test_degrees_of_freedom_are_traces_of_the_dense_matrices(case, rho):
    found, fit, plain, penalties = both(case, rho)
    ours = degrees(found, fit)
    f = plain.inverse @ plain.products
    edf, edf1 = np.diag(f), 2 * np.diag(f) - np.diag(f @ f)
    blocks = [where for where, _ in penalties[:-2]] + [np.arange(found.layout.p, len(f))]
    np.testing.assert_allclose(ours.edf, [edf[where].sum() for where in blocks], rtol=1e-7)
    np.testing.assert_allclose(ours.edf1, [edf1[where].sum() for where in blocks], rtol=1e-7)
    assert ours.total == pytest.approx(np.trace(f), rel=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_the_statistic_of_tokens_and_its_distribution(case):
    """Wood's statistic is the Wald one of the Bayesian covariance; its weights' first two moments give the p-value."""
    found, fit, plain, _ = both(case, 0.4)
    p = found.layout.p
    own = plain.coefficients[p:]
    covariance = plain.scale * plain.inverse[p:, p:]
    statistic = own @ np.linalg.solve(covariance, own)
    ours = of_tokens(found, fit, residual_df=50.0)
    assert ours.f * ours.ref_df == pytest.approx(statistic, rel=1e-7)
    sampling = (plain.inverse @ plain.products @ plain.inverse)[p:, p:]
    weights = np.linalg.eigvals(np.linalg.solve(plain.inverse[p:, p:], sampling)).real
    freedom = weights.sum() ** 2 / (weights**2).sum()
    expected = scipy.stats.f.sf(statistic / weights.sum(), freedom, 50.0)
    assert ours.p == pytest.approx(expected, rel=1e-6)


def test_the_statistic_of_speakers():
    found, fit, plain, _ = both("speakers", 0.3)
    where = found.layout.of_speakers
    own, block = plain.coefficients[where], plain.inverse[where, where]
    ours = of_speakers(found, fit, residual_df=80.0)
    assert ours.f * ours.ref_df == pytest.approx(own @ np.linalg.solve(block, own) / plain.scale, rel=1e-7)
    assert 0 < ours.p < 0.05  # they differ by half a unit


@pytest.mark.parametrize("case", CASES)
def test_the_rank_of_tokens_is_what_groups_cannot_make(case):
    found, _, _, _ = both(case, 0.0)
    tokens, checked = found.tokens, found.tokens.table
    functions = row_functions(tokens)
    own = scipy.linalg.block_diag(*np.split(functions[:, tokens.m :], checked.starts[1:-1]))
    group = checked.group_of[checked.token_of]
    free = np.array(
        [each for g in range(found.layout.groups) for each in (group == g, checked.times * (group == g))],
        float,
    ).T
    q, _ = np.linalg.qr(free)
    assert token_rank(found) == np.linalg.matrix_rank(own - q @ (q.T @ own), tol=1e-8)
