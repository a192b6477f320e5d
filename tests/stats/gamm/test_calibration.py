"""How often nothing is taken for something, in little: benchmarks/calibrate_gamm.py has the numbers, of 500 sets.

Sets by REML are fewer, since each costs as much as ten at a given rho.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import scipy.stats
from tests.stats.gamm.cases import simulate

from convscope.stats import fit_gamm

LEVEL = 0.05
SETS = {0.5: 60, "reml": 8}
CHANCE = 1e-3  # of counts beyond the bound, were the level kept


@cache
def decisions(rho) -> dict[str, np.ndarray]:
    """Of sets of two words that have the same curve: what each test says."""
    found = {"level": [], "curve": [], "simultaneous band": [], "pointwise band": []}
    for seed in range(SETS[rho]):
        result = fit_gamm(
            simulate(seed=seed, groups=("a", "b"), tokens=15, length=12), k=6, k_token=5, rho=rho
        )
        found["level"].append(result.parametric.p[1] < LEVEL)
        found["curve"].append(result.smooths.p[1] < LEVEL)
        found["simultaneous band"].append(result.difference("b", draws=1000).significant.any())
        found["pointwise band"].append(result.difference("b", simultaneous=False).significant.any())
    return {test: np.array(each) for test, each in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("test", ["level", "curve", "simultaneous band"])
@pytest.mark.parametrize("rho", SETS)
def test_null_sets_are_significant_as_often_as_the_level_says(rho, test):
    wrong = decisions(rho)[test]
    assert wrong.sum() <= scipy.stats.binom.isf(CHANCE, len(wrong), LEVEL)


@pytest.mark.slow
def test_pointwise_bands_err_more_often():
    """Which the bound can tell: they leave zero out somewhere in twice as many sets."""
    found = decisions(0.5)
    assert found["pointwise band"].sum() >= 2 * found["simultaneous band"].sum()


@pytest.mark.slow
def test_the_bound_is_passed_where_tokens_are_not_modelled():
    """Rows in place of tokens: the t test that takes each value for an observation of its own."""
    wrong = 0
    for seed in range(SETS[0.5]):
        table = simulate(seed=seed, groups=("a", "b"), tokens=15, length=12)
        one, other = (table.value[table.group == group] for group in ("a", "b"))
        wrong += scipy.stats.ttest_ind(one, other).pvalue < LEVEL
    assert wrong > scipy.stats.binom.isf(CHANCE, SETS[0.5], LEVEL)
