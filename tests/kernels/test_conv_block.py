"""The engine's one operation against its definition, on every instruction set and in both forms.

Sizes lie where the code branches: around vectors of 4, 8 and 16 lanes, panels of two vectors, tiles of up to 8 rows,
blocks of 96 rows and groups of 512 inputs.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.devices import AVAILABLE_ISAS, BATCHES, FORMS, THREAD_COUNTS, every_form, every_isa
from tests.kernels import blocks
from tests.reference.conv_block import Block, conv_block
from tests.tolerances import assert_error_at_most_twice

from convscope import _core

CHANNELS = (1, 3, 15, 16, 17, 31, 32, 33, 64, 100)
LENGTHS = (1, 2, 7, 8, 9, 95, 96, 97)


def check(x: np.ndarray, block: Block, isa: str, form: str, threads: int = 2) -> None:
    """Map and series of a block are as exact as plain float32 arithmetic."""
    for before in (False, True):
        asked = replace(block, before_activation=before)
        exact, exact_series = conv_block(x, asked)
        plain, plain_series = conv_block(x, asked, np.float32)
        size, series_size = conv_block(np.abs(x), asked.absolute())
        if exact_series is not None:
            (series,) = blocks.run(x, [asked], isa, form, threads)
            name = f"{asked.reduction} series, before_activation={before}"
            assert_error_at_most_twice(series, plain_series, exact_series, amplitude=series_size, name=name)
    _, copied = blocks.run(x, blocks.reading_map(block), isa, form, threads)
    assert_error_at_most_twice(copied.transpose(0, 2, 1), plain, exact, amplitude=size, name="map")


def inputs_for(block: Block, rng, batch: int = 3) -> np.ndarray:
    return blocks.normal(rng, batch, block.in_length, block.kernel.shape[1])


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
        check(inputs_for(block, rng), block, isa, form)


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
        check(inputs_for(strided, rng, batch), strided, isa, form)
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
        check(inputs_for(up, rng, batch), up, isa, form)


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
    check(inputs_for(block, rng), block, isa, form)
    block = blocks.transposed(
        rng, length=13, inputs=2, outputs=4, kernel=kernel, stride=stride, left=kernel // 3, reduction="mean"
    )
    check(inputs_for(block, rng), block, isa, form)


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
    check(inputs_for(block, rng), block, isa, form)


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
    check(inputs_for(block, rng), block, isa, form)


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
    check(inputs_for(block, rng), block, isa, form)


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
    check(inputs_for(block, rng), replace(block, reduction="mean"), isa, form)


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
    check(inputs_for(block, rng), block, isa, form)


@every_isa
@every_form
@pytest.mark.parametrize("inputs", [511, 512, 513, 1100])
def test_sums_longer_than_a_group(isa, form, inputs):
    rng = np.random.default_rng(inputs)
    block = blocks.convolution(
        rng, length=5, inputs=inputs, outputs=6, kernel=3, padding=(1, 1), reduction="mean"
    )
    check(inputs_for(block, rng), block, isa, form)


@every_isa
@every_form
def test_runs_longer_than_a_group_in_few_channels(isa, form):
    rng = np.random.default_rng(7)
    block = blocks.convolution(
        rng, length=1500, inputs=1, outputs=1, kernel=1030, padding=(514, 515), reduction="mean"
    )
    check(inputs_for(block, rng, batch=2), block, isa, form)


ACTIVATIONS = {
    "identity": {},
    "relu": {},
    "leaky_relu": {"slope": 0.2},
    "steep": {"activation": "leaky_relu", "slope": 2.0},
    "per channel": {"activation": "leaky_relu", "slope": None},
    "tanh": {},
    "sigmoid": {},
    "scaled tanh": {"activation": "tanh", "scale": 3.0},
    "negative scale": {"activation": "relu", "scale": -0.5},
}


def with_activation(block: Block, name: str, rng) -> Block:
    wanted = {"activation": name, **ACTIVATIONS[name]}
    channels = block.kernel.shape[2]
    if "slope" in wanted:
        slope = (
            np.linspace(-0.5, 2, channels) if wanted["slope"] is None else np.full(channels, wanted["slope"])
        )
        wanted["slope"] = slope.astype(np.float32)
    return replace(block, **wanted)


def with_reduction(block: Block, name: str, rng) -> Block:
    if not name.startswith("readout"):
        return replace(block, reduction=name)
    readout = blocks.normal(rng, int(name.removeprefix("readout ")), block.kernel.shape[2])
    return replace(block, reduction="readout", readout=readout)


@every_isa
@every_form
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("reduction", ["mean", "rms", "max", "readout 1", "readout 5"])
def test_every_activation_with_every_reduction(isa, form, activation, reduction):
    rng = np.random.default_rng(11)
    for channels in (5, 37):
        block = blocks.transposed(rng, length=11, inputs=6, outputs=channels, kernel=7, stride=2, left=3)
        block = with_reduction(with_activation(block, activation, rng), reduction, rng)
        check(inputs_for(block, rng), block, isa, form)


def test_the_planner_takes_the_scatter_form_for_one_channel_and_panels_for_many():
    rng = np.random.default_rng(0)
    waveform = blocks.transposed(
        rng, length=64, inputs=8, outputs=1, kernel=25, stride=4, left=10, reduction="mean"
    )
    wide = replace(waveform, kernel=blocks.normal(rng, 25, 8, 64), bias=blocks.normal(rng, 64))
    for isa in AVAILABLE_ISAS:
        assert _core.Program([blocks.layer(waveform)], isa).form(0) == "scatter"
        assert _core.Program([blocks.layer(wide)], isa).form(0) == "panels"


# -- the same bits ------------------------------------------------------------------------------------------------------


def three_layers(rng) -> list[Block]:
    first = blocks.transposed(
        rng,
        length=25,
        inputs=65,
        outputs=40,
        kernel=25,
        stride=4,
        left=11,
        activation="relu",
        reduction="mean",
    )
    second = blocks.convolution(
        rng, length=100, inputs=40, outputs=33, kernel=5, stride=1, padding=(2, 2), activation="leaky_relu",
        slope=np.full(33, 0.2, np.float32), reduction="rms",
    )  # fmt: skip
    third = blocks.transposed(
        rng, length=100, inputs=33, outputs=1, kernel=25, stride=2, left=11, activation="tanh", reduction="readout",
        readout=blocks.normal(rng, 2, 1),
    )  # fmt: skip
    return [first, second, third]


@every_isa
@every_form
def test_same_bits_for_every_batch_thread_count_and_repeat(isa, form):
    rng = np.random.default_rng(5)
    chain = three_layers(rng)
    x = inputs_for(chain[0], rng, max(BATCHES))
    program = _core.Program([blocks.layer(block, form) for block in chain], isa)
    whole = blocks.run_program(program, x, chain, 1)
    assert all(np.isfinite(series).all() and np.ptp(series) > 0 for series in whole)
    for batch in BATCHES:
        for threads in THREAD_COUNTS:
            for _ in range(2):
                part = blocks.run_program(program, x[-batch:], chain, threads)
                for ours, expected in zip(part, whole, strict=True):
                    np.testing.assert_array_equal(ours, expected[-batch:])


@pytest.mark.parametrize("isa", AVAILABLE_ISAS)
def test_same_bits_from_concurrent_python_threads(isa):
    rng = np.random.default_rng(6)
    chain = three_layers(rng)
    x = inputs_for(chain[0], rng, 24)
    program = _core.Program([blocks.layer(block) for block in chain], isa)
    expected = blocks.run_program(program, x, chain, 1)
    found: dict[int, list] = {}

    def work(number: int) -> None:
        part = x[number * 4 : number * 4 + 4]
        found[number] = [blocks.run_program(program, part, chain, 1 + number % 3) for _ in range(5)]

    workers = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 6
    for number, repeats in found.items():
        for series in repeats:
            for ours, whole in zip(series, expected, strict=True):
                np.testing.assert_array_equal(ours, whole[number * 4 : number * 4 + 4])


@every_isa
def test_a_larger_batch_before_leaves_nothing_behind(isa):
    """The workspace is kept between calls: its old maps must not leak into the borders of smaller ones."""
    rng = np.random.default_rng(8)
    chain = three_layers(rng)
    x = inputs_for(chain[0], rng, 5)
    fresh = blocks.run(x, chain, isa)
    program = _core.Program([blocks.layer(block) for block in chain], isa)
    blocks.run_program(program, np.full((40, *x.shape[1:]), np.nan, np.float32), chain, 2)
    for ours, expected in zip(blocks.run_program(program, x, chain, 2), fresh, strict=True):
        np.testing.assert_array_equal(ours, expected)


@every_isa
def test_more_threads_than_work(isa):
    rng = np.random.default_rng(9)
    chain = three_layers(rng)
    x = inputs_for(chain[0], rng, 1)
    for ours, expected in zip(blocks.run(x, chain, isa, threads=33), blocks.run(x, chain, isa), strict=True):
        np.testing.assert_array_equal(ours, expected)


@every_isa
def test_an_empty_batch_writes_nothing(isa):
    rng = np.random.default_rng(9)
    chain = three_layers(rng)
    series = blocks.run(inputs_for(chain[0], rng, 0), chain, isa)
    assert [s.shape for s in series] == [(0, 1, 100), (0, 1, 100), (0, 2, 200)]


# -- values that are not ordinary ---------------------------------------------------------------------------------------


@every_isa
@every_form
@pytest.mark.parametrize("reduction", ["mean", "rms", "max", "readout 2"])
@pytest.mark.parametrize("channel", [0, 3, 36])
def test_nan_of_one_channel_reaches_the_series(isa, form, reduction, channel):
    """Planted in the bias of one channel and phase; torch's mean and max are NaN there, whichever channel it is."""
    rng = np.random.default_rng(12)
    block = with_reduction(
        blocks.transposed(rng, length=9, inputs=4, outputs=37, kernel=6, stride=2), reduction, rng
    )
    block.bias[1, channel] = np.nan
    (series,) = blocks.run(inputs_for(block, rng), [block], isa, form)
    assert np.isnan(series[..., 1::2]).all()
    assert np.isfinite(series[..., 0::2]).all()


@every_isa
@every_form
@pytest.mark.parametrize("activation", ["identity", "relu", "leaky_relu", "tanh", "sigmoid"])
def test_nan_passes_every_activation_and_reaches_no_other_sample(isa, form, activation):
    rng = np.random.default_rng(13)
    block = blocks.convolution(rng, length=6, inputs=1, outputs=1, kernel=1, reduction="mean")
    x = inputs_for(block, rng)
    x[2, 3] = np.nan
    (series,) = blocks.run(x, [with_activation(block, activation, rng)], isa, form)
    assert np.argwhere(np.isnan(series)).tolist() == [[2, 0, 3]]


@every_isa
@every_form
@pytest.mark.parametrize("reduction", ["mean", "rms", "max", "readout 2"])
@pytest.mark.parametrize("channels", [3, 32])
def test_infinity_stays_infinity(isa, form, reduction, channels):
    """Channels that only fill up a panel must not turn infinity times zero into NaN."""
    rng = np.random.default_rng(14)
    block = blocks.convolution(rng, length=4, inputs=1, outputs=channels, kernel=1, activation="relu")
    block = with_reduction(replace(block, kernel=np.abs(block.kernel)), reduction, rng)
    if block.readout is not None:
        block = replace(block, readout=np.abs(block.readout))
    x = inputs_for(block, rng)
    x[0, 1] = np.inf
    (series,) = blocks.run(x, [block], isa, form)
    with np.errstate(over="ignore"):
        _, expected = conv_block(x, block)
    np.testing.assert_array_equal(np.isinf(series), np.isinf(expected))
    assert not np.isnan(series).any()


def sweep_of_floats() -> np.ndarray:
    """Every exponent and sign, and the places where an approximation changes form: (n,) float32."""
    bits = np.arange(0, 2**32, 40961, dtype=np.uint64).astype(np.uint32)
    whole = bits.view(np.float32)
    dense_part = np.linspace(-12, 12, 60001, dtype=np.float32)
    edges = np.array([0.0, -0.0, 0.625, 9.0, 9.01, 9.02, 9.2, 1e-45, 1e-38, 3.4e38, np.inf], np.float32)
    near = np.concatenate([np.nextafter(edges, np.float32(np.inf)), np.nextafter(edges, np.float32(-np.inf))])
    values = np.concatenate([whole[~np.isnan(whole)], dense_part, edges, -edges, near])
    return np.unique(values)


def through(x: np.ndarray, activation: str, isa: str, form: str) -> np.ndarray:
    """The activation of each value by itself, through a layer that passes it on unchanged."""
    block = Block(
        in_length=len(x),
        out_length=len(x),
        kernel=np.ones((1, 1, 1), np.float32),
        bias=np.zeros(1, np.float32),
        taps=[(0, 0, 0)],
        activation=activation,
        reduction="readout",
        readout=np.ones((1, 1), np.float32),
    )
    (series,) = blocks.run(x.reshape(1, -1, 1), [block], isa, form)
    return series.reshape(-1)


def units_in_the_last_place(values: np.ndarray, exact: np.ndarray) -> np.ndarray:
    spacing = np.spacing(np.maximum(np.abs(exact).astype(np.float32), np.float32(1e-45))).astype(np.float64)
    return np.abs(values.astype(np.float64) - exact) / spacing


@every_isa
@every_form
def test_tanh_is_within_two_units_in_the_last_place_over_all_floats(isa, form):
    x = sweep_of_floats()
    tanh = through(x, "tanh", isa, form)
    exact = np.tanh(x.astype(np.float64))
    worst = np.argmax(units_in_the_last_place(tanh, exact))
    assert units_in_the_last_place(tanh, exact)[worst] <= 2, (
        f"tanh({x[worst]!r}) = {tanh[worst]!r}, not {exact[worst]!r}"
    )
    assert np.abs(tanh).max() == 1


@every_isa
@every_form
def test_sigmoid_is_as_exact_as_torch_also_where_it_is_small(isa, form):
    """torch.sigmoid keeps its relative precision down to 1e-38; a network's confident "no" is such a value."""
    x = sweep_of_floats()
    sigmoid = through(x, "sigmoid", isa, form)
    with np.errstate(over="ignore"):
        exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    assert sigmoid.min() >= 0
    assert sigmoid.max() <= 1
    normal = (exact > 1.2e-38) & (x > -80)
    error = units_in_the_last_place(sigmoid, exact)[normal]
    worst = np.argmax(error)
    assert error[worst] <= 4, (
        f"sigmoid({x[normal][worst]!r}) = {sigmoid[normal][worst]!r}, not {exact[normal][worst]!r}"
    )


# -- any small block ----------------------------------------------------------------------------------------------------


@st.composite
def small_blocks(draw) -> tuple[Block, np.ndarray]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    phases, step = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    in_length, out_length = draw(st.integers(1, 40)), draw(st.integers(1, 60))
    inputs, outputs, slots = draw(st.integers(1, 70)), draw(st.integers(1, 70)), draw(st.integers(1, 6))
    reach = in_length + slots * step + -(-out_length // phases) * step
    tap = st.tuples(st.integers(0, phases - 1), st.integers(-reach, reach), st.integers(0, slots - 1))
    block = Block(
        in_length=in_length,
        out_length=out_length,
        kernel=blocks.normal(rng, slots, inputs, outputs),
        bias=blocks.normal(rng, *((phases, outputs) if draw(st.booleans()) else (outputs,))),
        taps=draw(st.lists(tap, max_size=12)),
        step=step,
        phases=phases,
    )
    block = with_activation(block, draw(st.sampled_from(sorted(ACTIVATIONS))), rng)
    block = with_reduction(
        block, draw(st.sampled_from(["mean", "rms", "max", "readout 1", "readout 3"])), rng
    )
    return block, inputs_for(block, rng, draw(st.integers(1, 4)))


@every_isa
@settings(max_examples=60)
@given(case=small_blocks(), form=st.sampled_from(FORMS), threads=st.sampled_from(THREAD_COUNTS))
def test_any_small_block(isa, case, form, threads):
    block, x = case
    check(x, block, isa, form, threads)
