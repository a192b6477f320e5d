"""Points of normalised time by means: of every position in a part, and of what is there where a part holds none."""

from __future__ import annotations

import numpy as np
import pytest

from convscope.acoustics import Interval, Intervals, normalised_time

MARKS = Intervals((Interval(0, "s", 0.2, 0.6),))


def test_each_point_is_the_mean_of_its_part():
    series = np.random.default_rng(0).random(1000)
    table = normalised_time(series, MARKS, points=4, by="mean", rate_hz=1000)
    parts = series[200:600].reshape(4, 100)
    np.testing.assert_allclose(table["value"], parts.mean(1), atol=2e-2)  # edges lie between positions
    np.testing.assert_allclose(table["time"], [0.125, 0.375, 0.625, 0.875])
    noise = np.abs(np.random.default_rng(1).normal(size=100_000))
    means = normalised_time(noise, MARKS, points=10, by="mean", rate_hz=100_000)["value"]
    values = normalised_time(noise, MARKS, points=10, rate_hz=100_000)["value"]
    assert means.std() < 0.05 * values.std()


def test_a_part_without_a_position_has_the_value_there():
    table = normalised_time(np.arange(10.0), MARKS, points=8, by="mean", rate_hz=10)
    np.testing.assert_allclose(table["value"], 10 * table["time_s"], atol=0.26)
    assert set(table["positions"]) == {4}


def test_other_ways_are_refused():
    with pytest.raises(ValueError, match="by: expected 'value' or 'mean', got 'median'"):
        normalised_time(np.arange(10.0), MARKS, by="median", rate_hz=10)
