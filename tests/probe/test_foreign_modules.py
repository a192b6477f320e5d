"""Modules that others wrote: Sequential-like ones compile and are exact, the rest run in PyTorch after one warning.

The reference is the module itself in float64.
"""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest
import torch
from tests.probe.foreign import (
    COMPILED,
    LATENT,
    MAP,
    DenseThenChannelAxis,
    EvaluationOnly,
    PaddedCritic,
    WaveGANGenerator,
    assert_last_layer_is_the_output,
    batch_for,
    normed_critic,
    outputs,
    randomised,
)
from tests.tolerances import assert_error_at_most_twice
from torch import nn

import convscope as cs


@pytest.mark.filterwarnings(
    "ignore:Using padding='same' with even kernel"
)  # torch's remark about its own speed
@pytest.mark.parametrize("case", COMPILED)
def test_sequential_like_modules_compile(case):
    make, shape = COMPILED[case]
    assert_last_layer_is_the_output(randomised(make()), batch_for(shape), "cpu")


@pytest.mark.parametrize("at", ["pre", "post"])
def test_every_layer_of_a_sequential_module(at):
    net = randomised(normed_critic()).eval()
    x = batch_for(MAP)
    series = cs.fast_probe(net, x, at=at)
    stops = {"pre": {"0": 2, "4": 6, "8": 10}, "post": {"0": 3, "4": 7, "8": 11}}[at]
    assert list(series) == list(stops)
    for name, stop in stops.items():
        exact, plain = (outputs(net[:stop], x, dtype) for dtype in (torch.float64, torch.float32))
        if exact.ndim == 3:
            exact, plain = exact.mean(1), plain.mean(1)
        assert_error_at_most_twice(series[name], plain, exact, roundings=1, name=name)


def test_a_channel_axis_after_a_dense_layer_of_the_same_size():
    """Compiled or not, the numbers must be right: the axis is the dense result's, not the input's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_last_layer_is_the_output(randomised(DenseThenChannelAxis()), batch_for((40,)), "")


def test_layers_are_named_after_their_modules():
    series = cs.fast_probe(WaveGANGenerator(), batch_for(LATENT))
    assert list(series) == ["fc1", "deconv_1", "deconv_2", "deconv_3"]
    nested = nn.Sequential(nn.Sequential(nn.Conv1d(3, 2, 5), nn.ReLU()), nn.Conv1d(2, 2, 5))
    assert list(cs.fast_probe(nested, batch_for(MAP))) == ["0.0", "1"]


def test_the_clock_of_a_module_of_ones_own():
    made = cs.fast_probe(WaveGANGenerator(), batch_for(LATENT), sample_rate_hz=8000).to_xarray()
    np.testing.assert_allclose(np.diff(made["time_deconv_3"])[0], 1 / 8000)
    np.testing.assert_allclose(np.diff(made["time_fc1"])[0], 64 / 8000)
    heard = cs.fast_probe(PaddedCritic(), batch_for((1, 320))).to_xarray()
    np.testing.assert_allclose(np.diff(heard["time_conv1"])[0], 4 / 16000)
    assert heard["head"].dims == ("sample", "unit_head")


def test_probing_means_evaluation_whatever_the_flag():
    """Also where the module's own forward asks for the flag, as critics with phase shuffle do."""
    net = randomised(EvaluationOnly()).train()
    assert_last_layer_is_the_output(net, batch_for(MAP), "cpu")
    assert net.training


def test_a_probe_of_a_foreign_module_needs_its_input_shape():
    with pytest.raises(ValueError, match="input_shape: expected the shape of one input sample"):
        cs.Probe(PaddedCritic())
    probe = cs.Probe(PaddedCritic(), input_shape=(1, 320))
    assert probe.input_shape == (1, 320)
    assert cs.Probe(WaveGANGenerator()).input_shape == (20,)
    with pytest.raises(ValueError, match=r"expected shape \(B, 1, 320\), got \(2, 1, 321\)"):
        probe.run(np.zeros((2, 1, 321)))


@pytest.mark.parametrize(
    ("make", "shape"), [(WaveGANGenerator, (19,)), (PaddedCritic, (1, 300)), (PaddedCritic, (2, 320))]
)
def test_a_wrong_length_is_an_error_and_no_unsupported_operation(make, shape):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="expected"):
            cs.fast_probe(make(), np.zeros((2, *shape)))


def test_a_bare_layer_as_the_network():
    net = randomised(nn.Conv1d(3, 4, 5))
    x = batch_for(MAP)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series = cs.fast_probe(net, x)
    (name,) = series
    assert name
    np.testing.assert_allclose(series[name], outputs(net, x, torch.float64).mean(1), rtol=1e-4, atol=1e-6)


def test_torch_in_another_thread_is_not_disturbed_while_a_module_is_traced():
    """Planted: the probed module's forward waits for another thread that runs a network of its own."""
    other, x = nn.Sequential(nn.Conv1d(3, 3, 3), nn.ReLU()), torch.from_numpy(batch_for(MAP))
    errors: list[BaseException] = []

    def train() -> None:
        try:
            other(x).sum().backward()
        except BaseException as error:
            errors.append(error)

    class Meanwhile(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(3, 2, 3)

        def forward(self, x):
            thread = threading.Thread(target=train)
            thread.start()
            thread.join()
            return torch.relu(self.conv(x))

    cs.Probe(Meanwhile(), input_shape=MAP)
    assert other[0].weight.grad is not None or errors
    assert errors == []


@pytest.mark.parametrize("tail", [nn.ReLU, nn.ELU])
def test_mono_sound_needs_no_channel_axis(tail):
    """(B, samples) is what a batch of sounds is; a Conv1d wants (B, 1, samples)."""
    net = nn.Sequential(nn.Conv1d(1, 8, 9, stride=2, padding=4), tail()).eval()
    x = np.random.default_rng(0).standard_normal((3, 2048)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series = cs.fast_probe(net, x)
        report = cs.verify(net, x)
    with torch.no_grad():
        expected = net(torch.from_numpy(x)[:, None]).mean(1).numpy()
    np.testing.assert_allclose(series["0"], expected, atol=1e-6)
    assert report[0].error < 1e-6
