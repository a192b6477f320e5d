"""Two layers whose map between them is never stored: spectral then scatter, and panels of a waveform then spectral.

A strip is 16 windows: lengths lie around one strip, several, and a last one that is cut.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.devices import BATCHES, THREAD_COUNTS, every_isa
from tests.kernels import blocks
from tests.reference.conv_block import Block, conv_block
from tests.tolerances import assert_error_at_most

from convscope import _core

WINDOW = 14  # 8 outputs of 7 taps


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def speaking(rng, length: int) -> list[Block]:
    """Many channels to few, as the last two layers of a generator."""
    return [
        blocks.transposed(
            rng, length=length, inputs=40, outputs=33, kernel=25, stride=4, left=11, cropped=1,
            activation="relu", reduction="mean",
        ),
        blocks.transposed(
            rng, length=4 * length - 1, inputs=33, outputs=1, kernel=25, stride=4, left=11,
            reduction="mean",
        ),
    ]  # fmt: skip


def hearing(rng, length: int) -> list[Block]:
    """A waveform to many channels, as the first two layers of a discriminator."""
    first = blocks.convolution(
        rng,
        length=length,
        inputs=1,
        outputs=33,
        kernel=25,
        stride=4,
        padding=(11, 12),
        activation="relu",
        reduction="mean",
    )
    second = blocks.convolution(
        rng, length=first.out_length, inputs=33, outputs=40, kernel=25, stride=4, padding=(11, 12), activation="relu",
        reduction="mean",
    )  # fmt: skip
    return [first, second]


def planned(pair: list[Block], isa: str) -> _core.Program:
    """Both pairs with the spectral form in the wide layer."""
    wide = 0 if pair[0].phases > 1 else 1
    return _core.Program(
        [
            blocks.layer(block, "spectral", window=WINDOW) if i == wide else blocks.layer(block)
            for i, block in enumerate(pair)
        ],
        isa,
    )


def in_float(pair: list[Block], x: np.ndarray, dtype) -> list[np.ndarray]:
    """Series of both layers, one after the other."""
    y, first = conv_block(x, pair[0], dtype)
    _, second = conv_block(y, pair[1], dtype)
    assert first is not None
    assert second is not None
    return [first, second]


@every_isa
@pytest.mark.parametrize("length", [1, 7, 8, 127, 128, 129, 265])
def test_speaking_pair(isa, length, rng):
    check(speaking(rng, length), isa, rng)


@every_isa
@pytest.mark.parametrize("length", [16, 2000, 2048, 2052, 4433])
def test_hearing_pair(isa, length, rng):
    check(hearing(rng, length), isa, rng)


@every_isa
@pytest.mark.parametrize("padding", [(0, 0), (0, 3000), (3000, 0), (700, 900), (23, 0)])
@pytest.mark.parametrize("in_first", [False, True])
def test_windows_beyond_the_sample(isa, padding, in_first, rng):
    """Rows that lie wholly in the padding, on either side of either layer."""
    paddings = (padding, (11, 12)) if in_first else ((11, 12), padding)
    first = blocks.convolution(
        rng, length=2300, inputs=1, outputs=33, kernel=25, stride=4, padding=paddings[0], activation="relu", reduction="mean"
    )  # fmt: skip
    second = blocks.convolution(
        rng,
        length=first.out_length,
        inputs=33,
        outputs=40,
        kernel=25,
        stride=4,
        padding=paddings[1],
        reduction="mean",
    )
    check([first, second], isa, rng)


def check(pair: list[Block], isa: str, rng) -> None:
    program, x = planned(pair, isa), blocks.inputs_for(pair[0], rng, 16)
    ours = blocks.run_program(program, x, pair, threads=2)
    for mine, exact, plain in zip(
        ours, in_float(pair, x, np.float64), in_float(pair, x, np.float32), strict=True
    ):
        assert mine is not None
        assert_error_at_most(mine, plain, exact, times=3, roundings=8)


@every_isa
@pytest.mark.parametrize("make", [speaking, hearing])
def test_the_same_bits_for_every_batch_and_thread_count(isa, make, rng):
    pair = make(rng, 700)
    program, x = planned(pair, isa), blocks.inputs_for(pair[0], rng, max(BATCHES))
    whole = blocks.run_program(program, x, pair, threads=1)
    for batch in BATCHES:
        for threads in THREAD_COUNTS:
            part = blocks.run_program(program, x[:batch], pair, threads)
            for mine, all_of_it in zip(part, whole, strict=True):
                assert mine is not None
                assert all_of_it is not None
                np.testing.assert_array_equal(mine, all_of_it[:batch])


@every_isa
@pytest.mark.parametrize("make", [speaking, hearing])
def test_the_series_of_either_layer_alone(isa, make, rng):
    pair = make(rng, 300)
    x = blocks.inputs_for(pair[0], rng, 2)
    both = blocks.run_program(planned(pair, isa), x, pair, threads=2)
    for kept in (0, 1):
        alone = [
            block if i == kept else Block(**{**fields_of(block), "reduction": "none"})
            for i, block in enumerate(pair)
        ]
        series = blocks.run_program(planned(alone, isa), x, alone, threads=2)
        assert series[1 - kept] is None
        np.testing.assert_array_equal(series[kept], both[kept])


def fields_of(block: Block) -> dict[str, object]:
    return {name: getattr(block, name) for name in Block.__dataclass_fields__}


@every_isa
@pytest.mark.parametrize("make", [speaking, hearing])
def test_no_map_is_stored(isa, make, rng):
    """A pair in strips needs less room than the map between its layers takes, however long the sample."""
    pair = make(rng, 200_000)
    stored = _core.Program([blocks.layer(block, "panels") for block in pair], isa)
    map_bytes = 4 * pair[0].out_length * 33
    assert planned(pair, isa).workspace_bytes(1, 1) < stored.workspace_bytes(1, 1) - map_bytes // 2
