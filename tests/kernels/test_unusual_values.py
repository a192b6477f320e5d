"""conv_block on values that are not ordinary, and its tanh and sigmoid over all floats.

The direct forms keep a NaN or an infinity to the outputs that its taps reach. The spectral form may make NaN of everything in
the windows that read it; it goes no further and loses none.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.devices import every_direct_form, every_form, every_isa
from tests.kernels import blocks
from tests.reference.conv_block import Block, conv_block
from tests.reference.spectral import windows_that_read

from convscope import _core


@every_isa
@every_form
@pytest.mark.parametrize("reduction", ["mean", "rms", "max", "readout 2"])
@pytest.mark.parametrize("channel", [0, 3, 36])
def test_nan_of_one_channel_reaches_the_series(isa, form, reduction, channel):
    """Planted in the bias of one channel and phase; torch's mean and max are NaN there, whichever channel it is."""
    rng = np.random.default_rng(12)
    block = blocks.with_reduction(
        blocks.transposed(rng, length=9, inputs=4, outputs=37, kernel=6, stride=2), reduction, rng
    )
    block.bias[1, channel] = np.nan
    (series,) = blocks.run(blocks.inputs_for(block, rng), [block], isa, form)
    assert np.isnan(series[..., 1::2]).all()
    assert np.isfinite(series[..., 0::2]).all()


@every_isa
@every_direct_form
@pytest.mark.parametrize("activation", ["identity", "relu", "leaky_relu", "tanh", "sigmoid"])
def test_nan_passes_every_activation_and_reaches_no_other_sample(isa, form, activation):
    rng = np.random.default_rng(13)
    block = blocks.convolution(rng, length=6, inputs=1, outputs=1, kernel=1, reduction="mean")
    x = blocks.inputs_for(block, rng)
    x[2, 3] = np.nan
    (series,) = blocks.run(x, [blocks.with_activation(block, activation, rng)], isa, form)
    assert np.argwhere(np.isnan(series)).tolist() == [[2, 0, 3]]


@every_isa
@every_direct_form
@pytest.mark.parametrize("reduction", ["mean", "rms", "max", "readout 2"])
@pytest.mark.parametrize("channels", [3, 32])
def test_infinity_stays_infinity(isa, form, reduction, channels):
    """Channels that only fill up a panel must not turn infinity times zero into NaN."""
    rng = np.random.default_rng(14)
    block = blocks.convolution(rng, length=4, inputs=1, outputs=channels, kernel=1, activation="relu")
    block = blocks.with_reduction(replace(block, kernel=np.abs(block.kernel)), reduction, rng)
    if block.readout is not None:
        block = replace(block, readout=np.abs(block.readout))
    x = blocks.inputs_for(block, rng)
    x[0, 1] = np.inf
    (series,) = blocks.run(x, [block], isa, form)
    with np.errstate(over="ignore"):
        _, expected = conv_block(x, block)
    np.testing.assert_array_equal(np.isinf(series), np.isinf(expected))
    assert not np.isnan(series).any()


SPREADING = {
    "stride 1": {"kernel": 5, "padding": (2, 2)},
    "stride 3": {"kernel": 7, "padding": (3, 3), "stride": 3},
    "stride 3 that skips positions": {"kernel": 2, "stride": 3},
    "dilated": {"kernel": 3, "padding": (8, 8), "dilation": 8},
    "upwards": {"kernel": 9, "left": 4, "stride": 4},
    "upwards with phases without taps": {"kernel": 2, "left": 1, "stride": 4},
}


@every_isa
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("window", [18, 22, 26, 42])
@pytest.mark.parametrize("case", SPREADING)
def test_the_spectral_form_keeps_unusual_values_to_the_windows_that_read_them(isa, case, window, value):
    rng = np.random.default_rng(15)
    build = blocks.transposed if "left" in SPREADING[case] else blocks.convolution
    block = build(rng, length=53, inputs=3, outputs=5, reduction="max", **SPREADING[case])
    program = _core.Program([blocks.layer(block, "spectral", window=window)], isa)
    x = blocks.inputs_for(block, rng)
    (usual,) = blocks.run_program(program, x, [block], 2)
    for position in (0, 1, 17, 18, 26, 51, 52):
        for channel in (0, 2):
            unusual = x.copy()
            unusual[1, position, channel] = value
            (ours,) = blocks.run_program(program, unusual, [block], 2)
            with np.errstate(invalid="ignore"):
                y, _ = conv_block(unusual, block)
            reached = ~np.isfinite(y[1]).all(1)
            lost = ~np.isfinite(ours[1, 0])
            assert not (reached & ~lost).any()
            assert not (lost & ~windows_that_read(block, window, position)).any()
            others = np.ones(ours.shape, bool)
            others[1, 0] = ~windows_that_read(block, window, position)
            np.testing.assert_array_equal(ours[others], usual[others])


@every_isa
@pytest.mark.parametrize("activation", ["identity", "relu", "leaky_relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("reduction", ["mean", "rms", "max", "readout 2"])
def test_nan_reaches_the_series_of_the_spectral_form_through_every_epilogue(isa, activation, reduction):
    rng = np.random.default_rng(16)
    block = blocks.convolution(rng, length=30, inputs=33, outputs=37, kernel=3, padding=(1, 1))
    block = blocks.with_reduction(blocks.with_activation(block, activation, rng), reduction, rng)
    x = blocks.inputs_for(block, rng)
    x[2, 13, 32] = np.nan
    (series,) = blocks.run(x, [block], isa, "spectral")
    assert np.isnan(series[2, :, 12:15]).all()
    assert np.isfinite(series[:2]).all()


@every_isa
def test_an_unusual_value_in_one_layer_stays_in_its_sample_through_the_next(isa):
    rng = np.random.default_rng(17)
    first = blocks.transposed(
        rng, length=20, inputs=3, outputs=33, kernel=9, stride=2, left=4, reduction="mean"
    )
    second = blocks.convolution(
        rng, length=40, inputs=33, outputs=4, kernel=5, padding=(2, 2), reduction="mean"
    )
    chain = [replace(first, kernel=first.kernel / 8), second]
    x = blocks.inputs_for(first, rng, 5)
    usual = blocks.run(x, chain, isa, "spectral")
    x[2, 7, 1] = np.inf
    for ours, expected in zip(blocks.run(x, chain, isa, "spectral"), usual, strict=True):
        assert not np.isfinite(ours[2]).all()
        np.testing.assert_array_equal(np.delete(ours, 2, 0), np.delete(expected, 2, 0))


@every_isa
@every_form
def test_nothing_but_zeros_is_exactly_the_bias(isa, form):
    """Silence has no rounding errors, however its windows lie."""
    rng = np.random.default_rng(18)
    block = blocks.transposed(rng, length=40, inputs=5, outputs=3, kernel=9, stride=2, left=4)
    block = replace(block, reduction="readout", readout=np.eye(3, dtype=np.float32))
    (series,) = blocks.run(np.zeros((2, 40, 5), np.float32), [block], isa, form)
    np.testing.assert_array_equal(series, np.tile(block.bias.T, (2, 1, 40)))


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
@every_direct_form
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
@every_direct_form
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
