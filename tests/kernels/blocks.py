"""Builders of conv_blocks with random weights, and the engine's answer to them.

The taps are derived here from the definitions of the three kinds of layer, not taken from the package's planner.
Letters: B batch, L input positions, P input channels, M output positions, C output channels, S phases, K read-outs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.reference.conv_block import Block, conv_block
from tests.reference.spectral import window_amplitude, window_with
from tests.tolerances import assert_error_at_most

from convscope import _core

EMPTY = np.zeros(0, np.float32)
WINDOW_OUTPUTS = 6  # of the spectral form where a test asks for no other number: most maps need several windows and cut the last


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def convolution(
    rng,
    *,
    length: int,
    inputs: int,
    outputs: int,
    kernel: int,
    stride=1,
    padding=(0, 0),
    dilation=1,
    **epilogue,
) -> Block:
    """y[o] = sum_k w[k] x[o stride + k dilation - left]."""
    left, right = padding
    return Block(
        in_length=length,
        out_length=(length + left + right - (kernel - 1) * dilation - 1) // stride + 1,
        kernel=normal(rng, kernel, inputs, outputs),
        bias=normal(rng, outputs),
        taps=[(0, k * dilation - left, k) for k in range(kernel)],
        step=stride,
        **epilogue,
    )


def transposed(
    rng, *, length: int, inputs: int, outputs: int, kernel: int, stride=1, left=0, cropped=0, **epilogue
) -> Block:
    """y[i stride + k - left] += w[k] x[i], stride * length - cropped positions of it; the bias differs by phase."""
    places = [(k, k - left) for k in range(kernel)]
    return Block(
        in_length=length,
        out_length=length * stride - cropped,
        kernel=normal(rng, kernel, inputs, outputs),
        bias=normal(rng, stride, outputs),
        taps=[(place % stride, -(place // stride), k) for k, place in places],
        phases=stride,
        **epilogue,
    )


def dense(rng, *, inputs: int, outputs: int, in_positions=1, out_positions=1, **epilogue) -> Block:
    """Every output position has its own matrix over every input position."""
    pairs = [(s, t) for s in range(out_positions) for t in range(in_positions)]
    return Block(
        in_length=in_positions,
        out_length=out_positions,
        kernel=normal(rng, len(pairs), inputs, outputs),
        bias=normal(rng, out_positions, outputs),
        taps=[(s, t, slot) for slot, (s, t) in enumerate(pairs)],
        phases=out_positions,
        **epilogue,
    )


def takes(block: Block, form: str) -> bool:
    """The scatter form is for rows that step by one; the others are for every block."""
    return form != "scatter" or block.step == 1


def layer(block: Block, form: str = "automatic", **changed) -> _core.Layer:
    """The block as the engine takes it; ``changed`` overrides arguments of `_core.Layer`."""
    if form == "spectral":
        changed = {"window": window_with(block, WINDOW_OUTPUTS), **changed}
    arguments = {
        "in_length": block.in_length,
        "in_channels": block.kernel.shape[1],
        "out_length": block.out_length,
        "out_channels": block.kernel.shape[2],
        "step": block.step,
        "phases": block.phases,
        "taps": block.taps,
        "kernel": block.kernel,
        "bias": block.bias,
        "activation": getattr(_core.Activation, block.activation),
        "slope": EMPTY if block.slope is None else block.slope,
        "scale": block.scale,
        "reduction": getattr(_core.Reduction, block.reduction),
        "readout": EMPTY if block.readout is None else block.readout,
        "before_activation": block.before_activation,
        "form": getattr(_core.Form, form),
    }
    return _core.Layer(**{**arguments, **changed})


def series_shape(block: Block, batch: int) -> tuple[int, int, int]:
    """(B, K, M)."""
    return batch, 1 if block.readout is None else len(block.readout), block.out_length


def run(
    x: np.ndarray, blocks: list[Block], isa: str, form: str = "automatic", threads: int = 1
) -> list[np.ndarray | None]:
    """Series of each block of a program, None for those that reduce nothing."""
    program = _core.Program([layer(block, form) for block in blocks], isa)
    return run_program(program, x, blocks, threads)


def run_program(
    program: _core.Program, x: np.ndarray, blocks: list[Block], threads: int
) -> list[np.ndarray | None]:
    # NaN where the engine forgets to write: a missing value must not pass for a small one
    out = [
        None if b.reduction == "none" else np.full(series_shape(b, len(x)), np.nan, np.float32)
        for b in blocks
    ]
    program.run(x, out, threads)
    return out


def reading_map(block: Block) -> list[Block]:
    """The block as it stores its map, and a second one that copies the map into its series."""
    channels = block.kernel.shape[2]
    copy = Block(
        in_length=block.out_length,
        out_length=block.out_length,
        kernel=np.eye(channels, dtype=np.float32)[None],
        bias=np.zeros(channels, np.float32),
        taps=[(0, 0, 0)],
        reduction="readout",
        readout=np.eye(channels, dtype=np.float32),
    )
    return [replace(block, reduction="none", readout=None), copy]


def check(
    x: np.ndarray, block: Block, isa: str, form: str, threads: int = 2, window: int | None = None
) -> None:
    """Map and series of a block are as exact as plain float32 arithmetic; a form that is not for it is refused."""
    if not takes(block, form):
        with pytest.raises(ValueError, match=f"rows that step by one, got {block.step}"):
            _core.Program([layer(block, form)], isa)
        return
    spectral = {}
    if form == "spectral":
        spectral = {"window": window or window_with(block, WINDOW_OUTPUTS)}

    def compare(ours, plain, exact, amplitude, name):
        times = 3 if form == "spectral" else 2
        assert_error_at_most(ours, plain, exact, times=times, amplitude=amplitude, name=f"{name} {spectral}")

    for before in (False, True):
        asked = replace(block, before_activation=before)
        exact, exact_series = conv_block(x, asked)
        plain, plain_series = conv_block(x, asked, np.float32)
        if form == "spectral":
            size, series_size = window_amplitude(x, asked, **spectral)
        else:
            size, series_size = conv_block(np.abs(x), asked.absolute())
        if exact_series is not None:
            program = _core.Program([layer(asked, form, **spectral)], isa)
            (series,) = run_program(program, x, [asked], threads)
            name = f"{asked.reduction} series, before_activation={before}"
            compare(series, plain_series, exact_series, series_size, name)
    stored, copy = reading_map(block)
    program = _core.Program([layer(stored, form, **spectral), layer(copy, "panels")], isa)
    _, copied = run_program(program, x, [stored, copy], threads)
    compare(copied.transpose(0, 2, 1), plain, exact, size, "map")


def inputs_for(block: Block, rng, batch: int = 3) -> np.ndarray:
    return normal(rng, batch, block.in_length, block.kernel.shape[1])


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
    readout = normal(rng, int(name.removeprefix("readout ")), block.kernel.shape[2])
    return replace(block, reduction="readout", readout=readout)
