"""How exact the spectral form is on layers of a network's size: at most three times the error of torch in float32.

The yardstick here is torch's conv1d and conv_transpose1d in float32, the exact result the same in float64, without any
allowance: the arrays are large enough to judge by. Every channel is a series of its own, read out by an identity.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.devices import every_isa
from tests.kernels import blocks
from tests.reference.conv_block import Block, reduce_channels
from tests.reference.spectral import steps_of, window_with
from tests.tolerances import assert_error_at_most, relative_error

from convscope import _core

BATCH = 4
# (length, inputs, outputs, kernel, stride, transposed)
LAYERS = {
    "64 -> 256 positions, 256 -> 128 channels": (64, 256, 128, 25, 4, True),
    "256 -> 1024 positions, 128 -> 64 channels": (256, 128, 64, 25, 4, True),
    "1024 -> 256 positions, 64 -> 128 channels": (1024, 64, 128, 25, 4, False),
    "300 positions, 64 -> 96 channels": (300, 64, 96, 25, 1, False),
}


def layer_like(name: str, rng: np.random.Generator) -> Block:
    """He-scaled, each channel read out by itself."""
    length, inputs, outputs, kernel, stride, transposed = LAYERS[name]
    build = blocks.transposed if transposed else blocks.convolution
    place = {"left": 10} if transposed else {"padding": (12, 12)}
    block = build(
        rng, length=length, inputs=inputs, outputs=outputs, kernel=kernel, stride=stride, reduction="readout",
        readout=np.eye(outputs, dtype=np.float32), **place,
    )  # fmt: skip
    scale = np.float32(np.sqrt(2 * (stride if transposed else 1) / (inputs * kernel)))
    return replace(block, kernel=block.kernel * scale, bias=np.zeros(outputs, np.float32))


def in_torch(x: np.ndarray, block: Block, dtype: torch.dtype) -> np.ndarray:
    """(B, C, M): the same layer by torch."""
    signal = torch.from_numpy(x).to(dtype).transpose(1, 2)
    kernel = torch.from_numpy(block.kernel).to(dtype)
    if block.phases > 1:  # the taps of `blocks.transposed` with left=10
        y = torch.nn.functional.conv_transpose1d(signal, kernel.permute(1, 2, 0), stride=block.phases)
        return y[..., 10 : 10 + block.out_length].numpy()
    y = torch.nn.functional.conv1d(signal, kernel.permute(2, 1, 0), stride=block.step, padding=12)
    return y.numpy()


def by_form(x: np.ndarray, block: Block, isa: str, form: str = "panels", window: int = 0) -> np.ndarray:
    """(B, C, M)"""
    program = _core.Program([blocks.layer(block, form, window=window)], isa)
    (series,) = blocks.run_program(program, x, [block], 2)
    assert series is not None
    return series


def windows_of(block: Block) -> list[int]:
    """A short, a middling and a long one, and the longest that is of use."""
    return [window_with(block, outputs) for outputs in (6, 10, 26, 64)]


def channel_scales(count: int, rng: np.random.Generator) -> np.ndarray:
    return (10 ** rng.permutation(np.linspace(-4, 4, count))).astype(np.float32)


SCALES = ("none", "outputs", "inputs", "inputs undone by the weights", "both")


@every_isa
@pytest.mark.parametrize("scales", SCALES)
@pytest.mark.parametrize("name", LAYERS)
def test_every_channel_is_at_most_three_times_as_far_off_as_in_torch(isa, name, scales):
    rng = np.random.default_rng(21)
    block = layer_like(name, rng)
    x = blocks.inputs_for(block, rng, BATCH)
    of_inputs = channel_scales(x.shape[2], rng)
    if scales in ("outputs", "both"):
        block = replace(block, kernel=block.kernel * channel_scales(block.kernel.shape[2], rng))
    if scales in ("inputs", "both", "inputs undone by the weights"):
        x = x * of_inputs
    if scales == "inputs undone by the weights":
        block = replace(block, kernel=block.kernel / of_inputs[:, None])
    exact = in_torch(x, block, torch.float64)
    plain = in_torch(x, block, torch.float32)
    for window in windows_of(block):
        ours = by_form(x, block, isa, "spectral", window)
        for channel in range(exact.shape[1]):
            assert_error_at_most(
                ours[:, channel], plain[:, channel], exact[:, channel], times=3, name=f"window {window}, channel {channel}"
            )  # fmt: skip


LOUD = 1e4
QUIET_LAYERS = [name for name in LAYERS if not name.startswith("256")]


def loud_then_quiet(name: str) -> tuple[Block, np.ndarray, np.ndarray, np.ndarray]:
    """A layer, an input that falls by `LOUD` a little after its middle, the exact result and torch's in float32."""
    rng = np.random.default_rng(22)
    block = layer_like(name, rng)
    x = blocks.inputs_for(block, rng, BATCH)
    x[:, : block.in_length // 2 + 5 * block.step] *= np.float32(LOUD)
    return block, x, in_torch(x, block, torch.float64), in_torch(x, block, torch.float32)


def errors_by_position(ours: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """(M,) relative, over samples and channels."""
    return np.linalg.norm(ours - exact, axis=(0, 1)) / np.linalg.norm(exact, axis=(0, 1))


@every_isa
@pytest.mark.parametrize("name", QUIET_LAYERS)
def test_the_error_is_relative_to_the_loudest_of_a_window_and_to_no_other(isa, name):
    """Every output window is exact to 1e-6 of itself as a whole; one that reads nothing loud is as exact as ever."""
    block, x, exact, plain = loud_then_quiet(name)
    first, span = steps_of(block)
    for window in windows_of(block):
        ours = by_form(x, block, isa, "spectral", window)
        outputs = window - span + 1
        straddling = 0
        for row in range(0, -(-block.out_length // block.phases), outputs):
            of_window = np.s_[:, :, row * block.phases : (row + outputs) * block.phases]
            inputs = x[:, max((row + first) * block.step, 0) : (row + first + window) * block.step]
            contrast = np.abs(inputs).max((0, 2)).max() / np.abs(inputs).max((0, 2)).min()
            straddling += contrast > LOUD / 10
            assert relative_error(ours[of_window], exact[of_window]) <= 1e-6
            if contrast < 10:
                assert_error_at_most(
                    ours[of_window], plain[of_window], exact[of_window], times=3, name=f"row {row}"
                )
        assert straddling > 0


@every_isa
@pytest.mark.parametrize("name", QUIET_LAYERS)
def test_a_quiet_output_beside_a_loud_one_keeps_its_own_scale_in_the_direct_form_only(isa, name):
    block, x, exact, _ = loud_then_quiet(name)
    window = window_with(block, 58)
    spectral = errors_by_position(by_form(x, block, isa, "spectral", window), exact)
    direct = errors_by_position(by_form(x, block, isa), exact)
    assert direct.max() <= 1e-6
    assert 1e-5 < spectral.max() <= 1e-6 * LOUD  # the contrast of the input times the error of the window


@every_isa
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("reduction", ["mean", "rms", "max", "readout 3"])
def test_every_reduction_of_a_layer_is_at_most_three_times_as_far_off(isa, name, reduction):
    rng = np.random.default_rng(23)
    block = blocks.with_reduction(
        replace(layer_like(name, rng), readout=None, activation="relu"), reduction, rng
    )
    x = blocks.inputs_for(block, rng, BATCH) * channel_scales(block.kernel.shape[1], rng)
    exact, plain = (
        reduce_channels(np.maximum(in_torch(x, block, dtype), 0).transpose(0, 2, 1), block, kind)
        for dtype, kind in ((torch.float64, np.float64), (torch.float32, np.float32))
    )
    for window in windows_of(block):
        ours = by_form(x, block, isa, "spectral", window)
        assert_error_at_most(ours, plain, exact, times=3, name=f"{reduction}, window {window}")
