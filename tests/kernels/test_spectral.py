"""The windows of the spectral form: which there are, where maps cut them, and which taps they hold.

Sizes lie where the code branches: one output per window and the most there are, a map of one window, of a whole number and of
one row more; channels around panels of 8 to 32; outputs of every residue modulo four, each with matrices of its own. A window is 2 more than
four times its quarter, whose parity decides what the last points are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.devices import AVAILABLE_ISAS, every_isa
from tests.kernels import blocks
from tests.reference.conv_block import Block
from tests.reference.spectral import steps_of, window_with

from convscope import _core

ISA = AVAILABLE_ISAS[-1]
MOST_OUTPUTS = 96  # of one window


def mean_of(build, rng, **arguments) -> Block:
    return build(rng, reduction="mean", **arguments)


@every_isa
@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 6, 7, 24])
@pytest.mark.parametrize("outputs", [1, 2, 3, 4, 7, 8, 31, 32, 95, MOST_OUTPUTS])
def test_windows_of_every_number_of_outputs(isa, kernel, outputs):
    """At least so many; where a window would then have more than the most there are, the next shorter one."""
    window = max(kernel + outputs - 1, 6)
    window += (2 - window) % 4
    if window - kernel + 1 > MOST_OUTPUTS:
        window -= 4
    rng = np.random.default_rng(100 * kernel + outputs)
    for length in (1, window, 3 * (window - kernel + 1) + 1):
        block = mean_of(
            blocks.convolution,
            rng,
            length=length,
            inputs=3,
            outputs=5,
            kernel=kernel,
            padding=(kernel, kernel),
        )
        blocks.check(blocks.inputs_for(block, rng, 2), block, isa, "spectral", window=window)


@every_isa
@pytest.mark.parametrize("window", range(6, 99, 4))
def test_every_window(isa, window):
    """From one output to the most; a last window of one row; a phase without the last step's tap, and one without the first's."""
    rng = np.random.default_rng(window)
    for steps in sorted({max(3, window - MOST_OUTPUTS + 1), 3 + window // 8, window - 1, window}):
        rows = 2 * (window - steps + 1) + 1
        block = Block(
            in_length=max(rows, steps),
            out_length=2 * rows,
            kernel=blocks.normal(rng, 2 * steps, 3, 5),
            bias=blocks.normal(rng, 5),
            taps=[(0, d - 1, d) for d in range(steps - 1)] + [(1, d - 1, steps + d) for d in range(1, steps)],
            phases=2,
            reduction="mean",
        )
        assert steps_of(block)[1] == steps
        blocks.check(blocks.inputs_for(block, rng, 2), block, isa, "spectral", window=window)


@every_isa
@pytest.mark.parametrize("inputs", [1, 3, 7, 8, 9, 16, 31, 32, 33, 63, 64, 65])
def test_channels_around_vector_and_panel_width_in_windows(isa, inputs):
    """Inputs are transformed a panel of channels at a time; the last panel of a map's last position ends past it."""
    rng = np.random.default_rng(inputs)
    for outputs in (1, 31, 32, 33, 65):
        strided = mean_of(
            blocks.convolution,
            rng,
            length=41,
            inputs=inputs,
            outputs=outputs,
            kernel=8,
            stride=2,
            padding=(3, 3),
        )
        blocks.check(blocks.inputs_for(strided, rng), strided, isa, "spectral")


@every_isa
@pytest.mark.parametrize("rows", [1, 2, 5, 6, 7, 11, 12, 13, 18, 19])
@pytest.mark.parametrize("cropped", [0, 1, 2])
def test_maps_that_cut_the_last_window_and_its_last_row(isa, rows, cropped):
    rng = np.random.default_rng(10 * rows + cropped)
    up = mean_of(
        blocks.transposed,
        rng,
        length=rows,
        inputs=9,
        outputs=17,
        kernel=10,
        stride=3,
        left=4,
        cropped=cropped,
    )
    for outputs in (5, 6, 7):
        blocks.check(
            blocks.inputs_for(up, rng), up, isa, "spectral", window=window_with(up, outputs)
        )  # fmt: skip


@every_isa
@pytest.mark.parametrize("stride", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dilation", [1, 2, 3, 4, 5, 7])
def test_dilated_kernels_leave_steps_and_phases_without_taps(isa, stride, dilation):
    """With a stride and a dilation that share a divisor, whole input phases have no tap."""
    rng = np.random.default_rng(10 * stride + dilation)
    block = mean_of(
        blocks.convolution, rng, length=61, inputs=5, outputs=6, kernel=4, stride=stride, padding=(9, 9),
        dilation=dilation,
    )  # fmt: skip
    blocks.check(blocks.inputs_for(block, rng), block, isa, "spectral")


TAPS = {
    "none": [],
    "one": [(0, 0, 0)],
    "one far behind": [(0, -17, 0)],
    "one far ahead": [(1, 19, 0)],
    "all behind": [(0, -9, 0), (1, -13, 1), (2, -11, 2)],
    "all ahead": [(0, 9, 0), (1, 13, 1), (2, 11, 2)],
    "the first of the window in one phase, the last in another": [(0, -6, 0), (2, 6, 1)],
    "one phase only": [(2, -1, 0), (2, 0, 1), (2, 1, 2)],
    "the same place twice": [(0, 1, 0), (0, 1, 1), (0, 1, 0)],
    "a slot twice": [(0, -3, 2), (1, 2, 2)],
    "against their order": [(1, 4, 0), (1, 2, 1), (0, 0, 2), (0, -5, 0)],
    "some that reach no row": [(0, 0, 0), (1, -500, 1), (2, 10**9, 2)],
    "none that reaches a row": [(0, -500, 0), (1, 500, 1)],
}


@every_isa
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("taps", TAPS)
def test_taps_anywhere(isa, taps, step):
    rng = np.random.default_rng(step)
    block = Block(
        in_length=37,
        out_length=59,
        kernel=blocks.normal(rng, 3, 10, 11),
        bias=blocks.normal(rng, 3, 11),
        taps=TAPS[taps],
        step=step,
        phases=3,
        activation="tanh",
        reduction="rms",
    )
    for outputs in (1, 4, 25):
        blocks.check(
            blocks.inputs_for(block, rng), block, isa, "spectral", window=window_with(block, outputs)
        )  # fmt: skip


@every_isa
@pytest.mark.parametrize("window", [38, 42])
@pytest.mark.parametrize("length", [1, 2, 3, 9])
def test_inputs_shorter_than_a_window(isa, length, window):
    rng = np.random.default_rng(length)
    for block in (
        mean_of(blocks.convolution, rng, length=length, inputs=7, outputs=9, kernel=9, padding=(4, 4)),
        mean_of(blocks.transposed, rng, length=length, inputs=7, outputs=9, kernel=25, stride=4, left=11),
        mean_of(blocks.dense, rng, inputs=7, outputs=9, in_positions=length, out_positions=5),
    ):
        blocks.check(blocks.inputs_for(block, rng), block, isa, "spectral", window=window)


@every_isa
def test_a_phase_without_taps_is_exactly_its_bias(isa):
    rng = np.random.default_rng(31)
    block = blocks.transposed(rng, length=30, inputs=40, outputs=35, kernel=2, stride=4)
    block = replace(block, reduction="readout", readout=np.eye(35, dtype=np.float32))
    (series,) = blocks.run(blocks.inputs_for(block, rng), [block], isa, "spectral")
    for phase in (2, 3):
        np.testing.assert_array_equal(
            series[:, :, phase::4], np.tile(block.bias[phase][None, :, None], (3, 1, 30))
        )


@every_isa
def test_more_than_one_block_of_windows(isa):
    """125 windows x 13 products x 1216 floats of transformed inputs are more than the 6 MB that are made at a time."""
    rng = np.random.default_rng(32)
    block = mean_of(
        blocks.convolution, rng, length=2000, inputs=600, outputs=40, kernel=5, stride=2, padding=(2, 2)
    )
    assert (steps_of(block)[1], block.out_length) == (3, 1000)
    blocks.check(blocks.inputs_for(block, rng, 1), block, isa, "spectral", window=10)


@pytest.fixture
def block():
    rng = np.random.default_rng(0)
    return blocks.transposed(
        rng, length=20, inputs=3, outputs=5, kernel=25, stride=4, left=10, reduction="mean"
    )


@pytest.mark.parametrize("window", [-6, -2, -1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 16, 20, 24, 64, 100])
def test_a_window_is_two_more_than_a_multiple_of_four_and_holds_the_taps(block, window):
    _, taps = steps_of(block)
    assert taps == 7
    message = f"expected 2 more than a multiple of four, at least 6 and 7 inputs, got {window}$"
    with pytest.raises(ValueError, match=message):
        _core.Program([blocks.layer(block, "spectral", window=window)], ISA)


@pytest.mark.parametrize("window", [106, 202, 1002])
def test_a_window_has_96_outputs_at_most(block, window):
    with pytest.raises(ValueError, match=f"at most {MOST_OUTPUTS} outputs, got {window - 6}"):
        _core.Program([blocks.layer(block, "spectral", window=window)], ISA)


def test_taps_that_reach_no_row_do_not_count(block):
    far = replace(block, taps=[*block.taps, (0, 10**9, 0), (1, -(10**9), 1)])
    assert _core.Program([blocks.layer(far, "spectral", window=10)], ISA).form(0) == "spectral"


def test_the_planner_never_takes_the_spectral_form_by_itself(block):
    for isa in AVAILABLE_ISAS:
        assert _core.Program([blocks.layer(block)], isa).form(0) != "spectral"


@pytest.mark.parametrize("form", ["panels", "automatic"])
def test_the_other_forms_have_no_window(block, form):
    """A window is only asked for by the spectral form; elsewhere a number there changes nothing."""
    x = blocks.inputs_for(block, np.random.default_rng(1))
    with_window = _core.Program([blocks.layer(block, form, window=7)], ISA)
    without = _core.Program([blocks.layer(block, form)], ISA)
    for ours, expected in zip(
        blocks.run_program(with_window, x, [block], 1),
        blocks.run_program(without, x, [block], 1),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("stride", [2, 3, 5])
def test_the_scatter_form_is_refused_where_rows_do_not_step_by_one(stride):
    rng = np.random.default_rng(0)
    block = mean_of(
        blocks.convolution, rng, length=20, inputs=3, outputs=1, kernel=25, stride=stride, padding=(12, 12)
    )
    with pytest.raises(ValueError, match=f"scatter: expected rows that step by one, got {stride}"):
        _core.Program([blocks.layer(block, "scatter")], ISA)
    for isa in AVAILABLE_ISAS:
        assert _core.Program([blocks.layer(block)], isa).form(0) == "panels"
