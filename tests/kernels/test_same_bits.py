"""conv_block gives the same bits for every batch, thread count, repeat and caller."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.devices import AVAILABLE_ISAS, BATCHES, THREAD_COUNTS, every_form, every_isa
from tests.kernels import blocks
from tests.reference.conv_block import Block

from convscope import _core


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
    x = blocks.inputs_for(chain[0], rng, max(BATCHES))
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
    x = blocks.inputs_for(chain[0], rng, 24)
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
    x = blocks.inputs_for(chain[0], rng, 5)
    fresh = blocks.run(x, chain, isa)
    program = _core.Program([blocks.layer(block) for block in chain], isa)
    blocks.run_program(program, np.full((40, *x.shape[1:]), np.nan, np.float32), chain, 2)
    for ours, expected in zip(blocks.run_program(program, x, chain, 2), fresh, strict=True):
        np.testing.assert_array_equal(ours, expected)


@every_isa
def test_more_threads_than_work(isa):
    rng = np.random.default_rng(9)
    chain = three_layers(rng)
    x = blocks.inputs_for(chain[0], rng, 1)
    for ours, expected in zip(blocks.run(x, chain, isa, threads=33), blocks.run(x, chain, isa), strict=True):
        np.testing.assert_array_equal(ours, expected)


@every_isa
def test_an_empty_batch_writes_nothing(isa):
    rng = np.random.default_rng(9)
    chain = three_layers(rng)
    series = blocks.run(blocks.inputs_for(chain[0], rng, 0), chain, isa)
    assert [s.shape for s in series] == [(0, 1, 100), (0, 1, 100), (0, 2, 200)]
