"""A quiet stretch beside a loud one: what the spectral form loses there, and the direct form does not.

The networks have no biases: behind the bias of a layer there is no quiet stretch.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.models.catalogue import network_of
from tests.probe.helpers import fill

import convscope as cs
from convscope.probe._verify import STRETCH, worst_stretch

QUIET = 1e-4
WITH_WINDOWS = ("conv2", "conv3", "conv4")  # the quiet stretch is shorter than what conv5 sees


@pytest.fixture(scope="module")
def net():
    made = fill(network_of("tf1-ciwgan", "q_network", dim=16), "he")
    with torch.no_grad():
        for layer in made.children():
            layer.bias.zero_()
    return made


@pytest.fixture(scope="module")
def loud():
    return np.random.default_rng(0).uniform(-1, 1, (4, 16384)).astype(np.float32)


def with_quiet(x: np.ndarray, level: float) -> np.ndarray:
    return np.concatenate([x[:, :6000], np.float32(level) * x[:, 6000:12000], x[:, 12000:]], axis=1)


@pytest.mark.parametrize("level", [1e-2, QUIET])
def test_the_spectral_form_is_as_exact_as_the_loudest_value_of_a_window(net, loud, level):
    table = {row.layer: row for row in cs.verify(net, with_quiet(loud, level))}
    for name, row in table.items():
        assert row.error <= 3 * row.torch_error
        assert row.local <= 1e-6 / level
        assert row.torch_local < 2e-6
        if name in WITH_WINDOWS:
            assert row.local > 5 * row.torch_local, "the stretch is not quiet enough to tell"


def test_the_direct_form_is_not(net, loud):
    for row in cs.verify(net, with_quiet(loud, QUIET), algorithm="direct"):
        assert row.error <= 3 * row.torch_error
        assert row.local <= 3 * row.torch_local


def test_a_sound_without_quiet_stretches_has_none(net, loud):
    for row in cs.verify(net, loud):
        assert row.local <= 3 * row.torch_local


def test_only_windows_that_hear_something_loud_are_inexact(net, loud):
    """Far from the loud part, the quiet one is as exact as by itself."""
    x = with_quiet(loud, QUIET)
    series, alone = (
        cs.fast_probe(net, values, layers="conv2")["conv2"] for values in (x, np.float32(QUIET) * loud)
    )
    inside = slice(6000 // 16 + 100, 12000 // 16 - 100)  # positions of 16 samples
    np.testing.assert_array_equal(series[:, inside], alone[:, inside])
    assert np.any(series != alone)


def test_silence_beside_sound_is_as_silent_as_a_rounding_of_it(net, loud):
    x = with_quiet(loud, 0.0)
    silent = {"conv1": slice(1520, 2980), "conv2": slice(390, 740)}
    for name, positions in silent.items():
        for algorithm, level in (("direct", 0.0), ("auto", 1e-6)):
            series = cs.fast_probe(net, x, layers=name, algorithm=algorithm)[name]
            assert np.abs(series[:, positions]).max() <= level * np.abs(series).max()


# -- the figure itself ----------------------------------------------------------------------------------------------------


def test_the_worst_stretch_is_found_where_it_is():
    reference = np.ones((2, 100))
    difference = np.full((2, 100), 1e-3)
    difference[1, 40:48] = 0.5
    assert worst_stretch(difference, reference) == pytest.approx(0.5)
    reference[1, 40:48] = 10
    assert worst_stretch(difference, reference) < 0.5
    reference[0, 60:68] = 1e-3
    assert worst_stretch(difference, reference) == pytest.approx(1)


def test_stretches_of_zeros_are_left_out():
    reference, difference = np.zeros((1, 40)), np.ones((1, 40))
    assert worst_stretch(difference, reference) == 0
    reference[0, 20] = 2
    assert worst_stretch(difference, reference) == pytest.approx(np.sqrt(STRETCH) / 2)


@pytest.mark.parametrize("length", [1, 3, STRETCH - 1, STRETCH])
def test_fewer_positions_than_a_stretch_are_one(length):
    reference = np.full((3, 2, length), 2.0)
    assert worst_stretch(np.ones((3, 2, length)), reference) == pytest.approx(0.5)


def test_it_is_found_at_either_end_and_in_any_sample():
    for sample, position in ((0, 0), (1, 29), (2, 15)):
        difference = np.zeros((3, 30))
        difference[sample, position] = 1
        assert worst_stretch(difference, np.ones((3, 30))) == pytest.approx(np.sqrt(1 / STRETCH))
