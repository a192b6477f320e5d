"""Values that are no observations are refused, and a rho that says so is told of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.stats.gamm.cases import simulate

from convscope.acoustics import Interval, Intervals, normalised_time
from convscope.stats import fit_gamm

SMALL = {"k": 6, "k_token": 5}


def of_intervals(*, seconds: float, points: int = 10) -> pd.DataFrame:
    """20 tokens cut out of a layer of 62.5 values per second."""
    rng = np.random.default_rng(0)
    layer = rng.normal(0, 0.1, (20, 62)).cumsum(1) + rng.normal(0, 0.3, (20, 1))
    marks = Intervals(tuple(Interval(i, "ab"[i % 2], 0.3, 0.3 + seconds) for i in range(20)))
    table = normalised_time(layer, marks, points=points, rate_hz=62.5)
    return table.rename(columns={"label": "group", "interval": "token"})


def without_curves() -> pd.DataFrame:
    """Tokens that differ by AR(1) only."""
    return simulate(seed=1, tokens=10, groups=("a", "b"), length=16, rho=-0.5, between=0.0)


def alternating() -> pd.DataFrame:
    """Each token goes up and down by its own amount, almost without noise."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (20, 1)) * (-1.0) ** np.arange(16) + rng.normal(0, 0.01, (20, 16))
    return pd.DataFrame(
        {
            "value": values.ravel(),
            "time": np.tile(np.arange(16.0), 20),
            "token": np.repeat(np.arange(20), 16),
            "group": np.repeat(["a", "b"] * 10, 16),
        }
    )


def test_interpolated_points_are_refused():
    table = of_intervals(seconds=0.035)
    assert set(table.positions) == {2}
    with pytest.raises(
        ValueError,
        match=r"time: expected at most as many times as positions .*, got 10 times of 2 positions in '0' \(20 of 20 tokens",
    ):
        fit_gamm(table)
    with pytest.raises(ValueError, match="got 10 times of 2 positions"):
        fit_gamm(table.sample(frac=1, random_state=0), rho=0.5)


def test_one_token_that_is_too_short_is_named():
    table = of_intervals(seconds=0.4).astype({"positions": float})
    table.loc[table.token == 7, "positions"] = 9
    with pytest.raises(ValueError, match=r"got 10 times of 9 positions in '7' \(1 of 20 tokens"):
        fit_gamm(table)
    with pytest.raises(ValueError, match="positions: expected numbers"):
        fit_gamm(table.assign(positions="many"))


def test_as_many_points_as_positions_are_fitted():
    table = of_intervals(seconds=0.4)
    assert table.positions.min() >= 10
    plain = fit_gamm(table.drop(columns="positions"), rho=0.3)
    for positions in (10, np.nan):  # of which NaN is not known
        found = fit_gamm(table.assign(positions=positions), rho=0.3)
        pd.testing.assert_frame_equal(found.smooths, plain.smooths)


def test_a_rho_at_the_end_of_its_range_is_told_of():
    result = fit_gamm(alternating(), **SMALL)
    assert result.info.rho < -0.99
    assert "rho -0.995 lies at the end of its range" in result.info.remarks[0]
    assert "Note: rho -0.995 lies at the end of its range" in repr(result)


def test_curves_of_tokens_that_vanish_are_told_of():
    result = fit_gamm(without_curves(), **SMALL)
    assert -0.6 < result.info.rho < -0.5
    assert result.smooths.edf.iloc[-1] < 0.01
    assert result.info.remarks[0].startswith("curves of tokens vanish (edf ")
    assert "Note: curves of tokens vanish" in str(result)


def test_nothing_is_told_of_a_good_rho_or_a_given_one():
    table = simulate(seed=3, groups=("a", "b"), tokens=20, length=20, rho=0.6, between=0.2)
    assert fit_gamm(table).info.remarks == ()
    assert fit_gamm(without_curves(), rho=-0.55, **SMALL).info.remarks == ()
