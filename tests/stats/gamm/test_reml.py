"""REML at its optimum: its gradient vanishes, wherever the optimum lies."""

from __future__ import annotations

import numpy as np
import pytest
from tests.stats.gamm.cases import equations, simulate

from convscope.stats.gamm._reml import REACH, limits, minimise


@pytest.mark.parametrize("noise", [0.2, 1e-2, 1e-3, 3e-4])
def test_the_gradient_vanishes_however_little_noise_there_is(noise):
    """Curves far above the noise are hardly penalised: their smoothing parameters are far from where penalty and values are balanced."""
    table = simulate(
        seed=0, groups=("a", "b"), tokens=8, length=20, bend=1.0, rho=0.3, noise=noise, between=noise / 3
    )
    _, found = equations(table, rho=0.3, k=8, k_token=6)
    optimum = minimise(found)
    low, _ = limits(found, found.neutral())
    assert optimum.converged
    assert (optimum.fit.theta > low).all()
    assert np.abs(optimum.fit.gradient).max() < 1e-3


def test_a_parameter_at_its_limit_changes_nothing_beyond():
    """Tokens that do not differ: their curves go, and REML is flat where they have gone."""
    table = simulate(seed=1, tokens=10, groups=("a", "b"), length=16, rho=-0.5, between=0.0)
    _, found = equations(table, rho=-0.55, k=6, k_token=5)
    optimum = minimise(found)
    assert optimum.converged
    further = optimum.fit.theta.copy()
    further[-2:] = found.neutral()[-2:] + 2 * REACH
    assert found.solve(further).reml == pytest.approx(optimum.fit.reml, abs=1e-6)
