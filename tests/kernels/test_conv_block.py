"""The engine's one operation against its definition, on every instruction set and in every form.

Sizes lie where the code branches: around vectors of 4, 8 and 16 lanes, panels of two vectors, tiles of up to 8 rows,
blocks of 96 rows and groups of 512 inputs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.devices import AVAILABLE_ISAS, every_form, every_isa
from tests.kernels import blocks
from tests.reference.conv_block import Block

from convscope import _core

CHANNELS = (1, 3, 15, 16, 17, 31, 32, 33, 64, 100)
LENGTHS = (1, 2, 7, 8, 9, 95, 96, 97)


@every_isa
@every_form
@pytest.mark.parametrize("channels", CHANNELS)
def test_channels_around_vector_and_panel_width(isa, form, channels):
    rng = np.random.default_rng(channels)
    for inputs, outputs in ((channels, 5), (5, channels), (channels, channels)):
        block = blocks.convolution(
            rng,
            length=19,
            inputs=inputs,
            outputs=outputs,
            kernel=5,
            padding=(2, 2),
            activation="relu",
            reduction="mean",
        )
        blocks.check(blocks.inputs_for(block, rng), block, isa, form)


@every_isa
@every_form
@pytest.mark.parametrize("length", LENGTHS)
def test_lengths_around_tile_and_block_height(isa, form, length):
    rng = np.random.default_rng(length)
    for batch in (1, 3):
        strided = blocks.convolution(
            rng,
            length=length,
            inputs=3,
            outputs=17,
            kernel=7,
            stride=2,
            padding=(3, 3),
            activation="tanh",
            reduction="mean",
        )
        blocks.check(blocks.inputs_for(strided, rng, batch), strided, isa, form)
        up = blocks.transposed(
            rng,
            length=length,
            inputs=17,
            outputs=3,
            kernel=25,
            stride=4,
            left=10,
            activation="relu",
            reduction="mean",
        )
        blocks.check(blocks.inputs_for(up, rng, batch), up, isa, form)


@every_isa
@every_form
@pytest.mark.parametrize("stride", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 8, 24, 25])
def test_kernels_and_strides(isa, form, kernel, stride):
    """Kernels shorter than the stride leave phases without taps: nothing but the bias comes out there."""
    rng = np.random.default_rng(10 * kernel + stride)
    block = blocks.convolution(
        rng,
        length=53,
        inputs=2,
        outputs=4,
        kernel=kernel,
        stride=stride,
        padding=(kernel // 2, kernel // 2),
        reduction="mean",
    )
    blocks.check(blocks.inputs_for(block, rng), block, isa, form)
    block = blocks.transposed(
        rng, length=13, inputs=2, outputs=4, kernel=kernel, stride=stride, left=kernel // 3, reduction="mean"
    )
    blocks.check(blocks.inputs_for(block, rng), block, isa, form)


@every_isa
@every_form
@pytest.mark.parametrize("dilation", [1, 2, 3, 7])
@pytest.mark.parametrize("padding", [(0, 0), (10, 11), (0, 9), (9, 0), (30, 2), (2, 30)])
def test_dilation_and_padding(isa, form, dilation, padding):
    """Padding beyond the kernel makes whole output positions out of zeros, which still have their bias."""
    rng = np.random.default_rng(dilation)
    block = blocks.convolution(
        rng, length=40, inputs=6, outputs=2, kernel=5, padding=padding, dilation=dilation, reduction="mean"
    )
    blocks.check(blocks.inputs_for(block, rng), block, isa, form)


@every_isa
@every_form
@pytest.mark.parametrize("offset", [-(10**9), -40, -12, -1, 1, 12, 40, 10**9])
def test_taps_on_one_side_only_and_outside_the_sample(isa, form, offset):
    rng = np.random.default_rng(3)
    block = Block(
        in_length=12,
        out_length=130,
        kernel=blocks.normal(rng, 2, 5, 3),
        bias=blocks.normal(rng, 3),
        taps=[(0, offset, 0), (0, offset - 2, 1)],
        reduction="mean",
    )
    blocks.check(blocks.inputs_for(block, rng), block, isa, form)


@every_isa
@every_form
@pytest.mark.parametrize("cropped", [0, 1, 2, 3])
def test_the_last_row_may_be_cropped(isa, form, cropped):
    rng = np.random.default_rng(cropped)
    block = blocks.transposed(
        rng,
        length=24,
        inputs=5,
        outputs=33,
        kernel=9,
        stride=4,
        left=3,
        cropped=cropped,
        activation="relu",
        reduction="mean",
    )
    blocks.check(blocks.inputs_for(block, rng), block, isa, form)


@every_isa
@every_form
def test_a_layer_without_taps_is_its_bias(isa, form):
    rng = np.random.default_rng(4)
    block = Block(
        in_length=4,
        out_length=6,
        kernel=blocks.normal(rng, 1, 3, 5),
        bias=blocks.normal(rng, 2, 5),
        taps=[],
        phases=2,
    )
    blocks.check(blocks.inputs_for(block, rng), replace(block, reduction="mean"), isa, form)


@every_isa
@every_form
@pytest.mark.parametrize(
    ("inputs", "in_positions", "outputs", "out_positions"), [(100, 1, 16, 16), (33, 16, 9, 1), (7, 4, 5, 3)]
)
def test_dense_layers(isa, form, inputs, in_positions, outputs, out_positions):
    rng = np.random.default_rng(inputs)
    block = blocks.dense(
        rng,
        inputs=inputs,
        outputs=outputs,
        in_positions=in_positions,
        out_positions=out_positions,
        reduction="mean",
    )
    blocks.check(blocks.inputs_for(block, rng), block, isa, form)


@every_isa
@every_form
@pytest.mark.parametrize("inputs", [511, 512, 513, 1100])
def test_sums_longer_than_a_group(isa, form, inputs):
    rng = np.random.default_rng(inputs)
    block = blocks.convolution(
        rng, length=5, inputs=inputs, outputs=6, kernel=3, padding=(1, 1), reduction="mean"
    )
    blocks.check(blocks.inputs_for(block, rng), block, isa, form)


@every_isa
@every_form
def test_runs_longer_than_a_group_in_few_channels(isa, form):
    rng = np.random.default_rng(7)
    block = blocks.convolution(
        rng, length=1500, inputs=1, outputs=1, kernel=1030, padding=(514, 515), reduction="mean"
    )
    blocks.check(blocks.inputs_for(block, rng, batch=2), block, isa, form)


@every_isa
@every_form
@pytest.mark.parametrize("activation", blocks.ACTIVATIONS)
@pytest.mark.parametrize("reduction", ["mean", "rms", "max", "readout 1", "readout 5"])
def test_every_activation_with_every_reduction(isa, form, activation, reduction):
    rng = np.random.default_rng(11)
    for channels in (5, 37):
        block = blocks.transposed(rng, length=11, inputs=6, outputs=channels, kernel=7, stride=2, left=3)
        block = blocks.with_reduction(blocks.with_activation(block, activation, rng), reduction, rng)
        blocks.check(blocks.inputs_for(block, rng), block, isa, form)


def test_the_planner_takes_the_scatter_form_for_one_channel_and_panels_for_many():
    rng = np.random.default_rng(0)
    waveform = blocks.transposed(
        rng, length=64, inputs=8, outputs=1, kernel=25, stride=4, left=10, reduction="mean"
    )
    wide = replace(waveform, kernel=blocks.normal(rng, 25, 8, 64), bias=blocks.normal(rng, 64))
    for isa in AVAILABLE_ISAS:
        assert _core.Program([blocks.layer(waveform)], isa).form(0) == "scatter"
        assert _core.Program([blocks.layer(wide)], isa).form(0) == "panels"
