"""The two padding conventions, sample by sample: one planted tap, one impulse, and where it comes out.

TensorFlow's transposed convolution is y[4i + k - 10] += w[k] x[i] and its convolution pads (10, 11), or (11, 12) at a stride
of 2. PyTorch's padding=11 is one sample earlier in each layer: 341 samples over five.
"""

from __future__ import annotations

import pytest
import torch
from tests.models.catalogue import network_of

CUT = {"tf1-ciwgan": {4: 10, 2: 11}, "torch-atzhou8-2022": {4: 11}}
TAPS = (0, 1, 9, 10, 11, 12, 13, 24)


def plant(module, tap: int) -> None:
    """One weight of one at a tap, from channel 0 to channel 0."""
    with torch.no_grad():
        module.weight.zero_()
        module.bias.zero_()
        module.weight[0, 0, tap] = 1


def impulse(channels: int, length: int, position: int) -> torch.Tensor:
    x = torch.zeros(1, channels, length)
    x[0, 0, position] = 1
    return x


def places(y: torch.Tensor) -> list[int]:
    return y[0, 0].nonzero().flatten().tolist()


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("slice_len", [16384, 65536])
def test_where_a_transposed_tap_lands(name, slice_len):
    net = network_of(name, "generator", slice_len, dim=1)
    for layer, module in zip(net.spec.layers[1:], list(net.children())[1:], strict=True):
        for tap in TAPS:
            plant(module, tap)
            for position in (0, 7, 15):
                expected = position * 4 + tap - CUT[name][4]
                with torch.no_grad():
                    y = module(impulse(layer.in_channels, 16, position))
                assert y.shape[2] == 64
                assert places(y) == ([expected] if 0 <= expected < 64 else [])


@pytest.mark.parametrize("name", CUT)
def test_where_a_strided_tap_looks(name):
    net = network_of(name, "discriminator", dim=1)
    for layer, module in zip(net.spec.layers[:5], list(net.children())[:5], strict=True):
        for tap in TAPS:
            plant(module, tap)
            for position in (0, 1, 30, 31, 62, 63):
                # output o reads x[4 o + tap - left]
                expected = [o for o in range(16) if 4 * o + tap - CUT[name][4] == position]
                with torch.no_grad():
                    y = module(impulse(layer.in_channels, 64, position))
                assert y.shape[2] == 16
                assert places(y) == expected


def test_strides_of_two_in_tensorflow():
    generator = network_of("tf1-ciwgan", "generator", 32768, dim=1)
    critic = network_of("tf1-ciwgan", "discriminator", 32768, dim=1)
    for tap in TAPS:
        plant(generator.out, tap)
        plant(critic.conv6, tap)
        with torch.no_grad():
            y = generator.out(impulse(1, 20, 10))
            assert (y.shape[2], places(y)) == (40, [20 + tap - 11])
            y = critic.conv6(impulse(16, 40, 21))
            assert (y.shape[2], places(y)) == (20, [o for o in range(20) if 2 * o + tap - 11 == 21])


def copy_convolutions(source, target) -> None:
    with torch.no_grad():
        for a, b in zip(source.children(), target.children(), strict=True):
            if a.weight.dim() == 3:
                b.weight.copy_(a.weight)
                a.bias.zero_()
                b.bias.zero_()


def test_the_generators_drift_apart_by_341_samples():
    """Planted: the only sound of the projected map is in its middle, so that no layer cuts anything off."""
    tensorflow = network_of("tf1-ciwgan", "generator", dim=2, seed=1)
    pytorch = network_of("torch-atzhou8-2022", "generator", dim=2)
    copy_convolutions(tensorflow, pytorch)
    h = torch.zeros(1, 32, 16)
    h[0, :, 7] = torch.rand(32, generator=torch.Generator().manual_seed(2))
    late = early = h
    shift = 0
    with torch.no_grad():
        for a, b in zip(list(tensorflow.children())[1:], list(pytorch.children())[1:], strict=True):
            late, early, shift = a(late), b(early), 4 * shift + 1
            torch.testing.assert_close(early[..., :-shift], late[..., shift:], rtol=1e-5, atol=1e-7)
            assert late.abs().max() > 0
    assert shift == 341
    assert late[..., :341].abs().max() == 0


def test_a_critic_of_one_convention_hears_the_other_341_samples_earlier():
    tensorflow = network_of("tf1-ciwgan", "discriminator", dim=2, seed=1)
    pytorch = network_of("torch-atzhou8-2025a", "discriminator", dim=2)
    copy_convolutions(tensorflow, pytorch)
    generator = torch.Generator().manual_seed(3)
    sound = torch.zeros(1, 1, 16384)
    sound[..., 8000:8400] = torch.rand(400, generator=generator) - 0.5
    delayed = torch.roll(sound, 341, 2)  # what torch(x) hears, TensorFlow hears in x delayed
    with torch.no_grad():
        for name in ("conv1", "conv2", "conv3", "conv4", "conv5"):
            sound, delayed = pytorch.get_submodule(name)(sound), tensorflow.get_submodule(name)(delayed)
    torch.testing.assert_close(sound, delayed, rtol=1e-4, atol=1e-8)
    assert sound.abs().max() > 0
