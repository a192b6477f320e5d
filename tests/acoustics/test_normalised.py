"""Normalised time: values on each layer's own axis; means of every position in a part, or what is there where it holds none."""

from __future__ import annotations

import numpy as np
import pytest

import convscope as cs
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


def test_normalised_time_reads_the_layers_axis():
    """A ramp of time itself, at a layer's rate and offset: values are times."""
    layer_s = 0.5 * 255 / 16000 + np.arange(64) / 62.5
    marks = Intervals((Interval(0, "s", 0.1, 0.3), Interval(1, "S", 0.2, 0.7)))
    table = normalised_time(
        np.stack([layer_s, 2 * layer_s]), marks, points=5, rate_hz=62.5, start_s=layer_s[0]
    )
    assert table["time"].tolist() == [0, 0.25, 0.5, 0.75, 1] * 2
    assert table["label"].tolist() == ["s"] * 5 + ["S"] * 5
    assert table["interval"].tolist() == [0] * 5 + [1] * 5
    expected = [0.1, 0.15, 0.2, 0.25, 0.3, *(2 * np.linspace(0.2, 0.7, 5))]
    assert table["value"].to_numpy() == pytest.approx(expected)
    assert table["time_s"].to_numpy() == pytest.approx([*expected[:5], *np.linspace(0.2, 0.7, 5)])
    assert table.groupby("label")["positions"].first().to_dict() == {"s": 13, "S": 31}


def test_normalised_time_of_several_layers_and_its_errors():
    net = cs.models.build(
        cs.models.preset("tf1-ciwgan", role="generator", dim=2, latent_dim=10), seed=1
    ).eval()
    series = cs.fast_probe(net, np.random.default_rng(0).uniform(-1, 1, (2, 10)).astype(np.float32))
    marks = Intervals((Interval(1, "s", 0.1, 0.3),))
    table = normalised_time(series, marks, points=3)
    assert table["layer"].unique().tolist() == list(series)
    times_s = series.info("conv2").times_s()
    values = table[table["layer"] == "conv2"]["value"].to_numpy()
    assert values == pytest.approx(np.interp([0.1, 0.2, 0.3], times_s, series["conv2"][1]), rel=1e-6)
    with pytest.raises(ValueError, match="points: expected 2 or more, a whole number, got 1"):
        normalised_time(series, marks, points=1)
    with pytest.raises(ValueError, match="intervals: expected all within the sound"):
        normalised_time(series, Intervals((Interval(0, "s", 0.5, 2),)))
    with pytest.raises(ValueError, match="intervals: expected sounds below 2"):
        normalised_time(series, Intervals((Interval(2, "s", 0.5, 0.6),)))
