"""conv_block gives the same bits for every batch, thread count, repeat and caller."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from tests.devices import AVAILABLE_ISAS, BATCHES, THREAD_COUNTS, every_form, every_isa
from tests.kernels import blocks
from tests.reference.conv_block import Block, conv_block
from tests.tolerances import relative_error

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


def up_and_down(rng) -> list[tuple[Block, str]]:
    """A generator and a critic in one: 1, 1, 16, 64, 64, 16 and 1 rows per sample, in forms that alternate."""
    act = {"activation": "leaky_relu", "reduction": "mean"}

    def leaky(block: Block) -> Block:
        return replace(block, slope=np.full(block.kernel.shape[2], 0.2, np.float32))

    return [
        (leaky(blocks.dense(rng, inputs=10, outputs=9, out_positions=8, **act)), "spectral"),
        (leaky(blocks.dense(rng, inputs=9, outputs=7, in_positions=8, out_positions=16, **act)), "panels"),
        (leaky(blocks.transposed(rng, length=16, inputs=7, outputs=33, kernel=9, stride=4, left=2, **act)), "spectral"),
        (leaky(blocks.convolution(rng, length=64, inputs=33, outputs=2, kernel=5, padding=(2, 2), **act)), "scatter"),
        (leaky(blocks.convolution(rng, length=64, inputs=2, outputs=6, kernel=7, padding=(3, 3), **act)), "spectral"),
        (leaky(blocks.convolution(rng, length=64, inputs=6, outputs=17, kernel=9, stride=4, padding=(4, 4), **act)), "spectral"),
        (leaky(blocks.dense(rng, inputs=17, outputs=3, in_positions=16, **act)), "spectral"),
    ]  # fmt: skip


def zigzag(rng) -> list[tuple[Block, str]]:
    """150, 1, 5, 1 and 40 rows per sample: layers that take many samples feed layers that take few, and the reverse."""
    return [
        (blocks.convolution(rng, length=150, inputs=2, outputs=3, kernel=3, padding=(1, 1), reduction="rms"), "spectral"),
        (blocks.dense(rng, inputs=3, outputs=4, in_positions=150, out_positions=5, activation="tanh", reduction="max"), "panels"),
        (blocks.convolution(rng, length=5, inputs=4, outputs=5, kernel=3, padding=(1, 1), reduction="mean"), "panels"),
        (blocks.dense(rng, inputs=5, outputs=4, in_positions=5, out_positions=40, reduction="none"), "spectral"),
        (blocks.convolution(rng, length=40, inputs=4, outputs=34, kernel=3, dilation=2, padding=(2, 2), reduction="mean"), "panels"),
    ]  # fmt: skip


CHAINS = {"up and down": up_and_down, "zigzag": zigzag}
FLOW_BATCHES = (1, 2, 3, 5, 16, 31, 32, 33, 37, 63, 64, 65, 70, 127, 128, 129, 261)


def program_of(chain: list[tuple[Block, str]], isa: str) -> _core.Program:
    return _core.Program([blocks.layer(block, form) for block, form in chain], isa)


@every_isa
@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("name", CHAINS)
def test_same_bits_however_the_batch_flows_through_the_layers(isa, name, threads):
    """Layers take samples a power of two at a time (csrc/core/flow.h): batches around those, and ends of every length."""
    rng = np.random.default_rng(10)
    chain = CHAINS[name](rng)
    layers = [block for block, _ in chain]
    x = blocks.inputs_for(layers[0], rng, max(FLOW_BATCHES))
    alone = [blocks.run_program(program_of(chain, isa), x[i : i + 1], layers, 1) for i in range(len(x))]
    whole = [None if series[0] is None else np.concatenate(series) for series in zip(*alone, strict=True)]
    kept = program_of(chain, isa)
    for batch in FLOW_BATCHES:
        for program in (kept, program_of(chain, isa)):
            part = blocks.run_program(program, x[-batch:], layers, threads)
            for number, (ours, expected) in enumerate(zip(part, whole, strict=True)):
                if expected is not None:
                    np.testing.assert_array_equal(
                        ours, expected[-batch:], err_msg=f"batch {batch}, layer {number}"
                    )


@every_isa
def test_the_flow_is_right_and_not_only_the_same(isa):
    rng = np.random.default_rng(11)
    for make in CHAINS.values():
        chain = make(rng)
        layers = [block for block, _ in chain]
        x = blocks.inputs_for(layers[0], rng, 37)
        found = blocks.run_program(program_of(chain, isa), x, layers, 2)
        y = x
        for block, ours in zip(layers, found, strict=True):
            y, exact = conv_block(y, block)
            if exact is not None:
                assert relative_error(ours, exact) < 1e-5


@every_isa
@pytest.mark.parametrize("window", [10, 14, 22, 34, 50, 70])
@pytest.mark.parametrize("channels", [64, 256, 512])
def test_a_larger_batch_never_needs_less_room(isa, window, channels):
    """What is reserved for the samples that a layer takes at a time must do for the fewer of the last round too."""
    rng = np.random.default_rng(12)
    block = blocks.convolution(rng, length=128, inputs=channels, outputs=4, kernel=7, padding=(3, 3))
    program = _core.Program([blocks.layer(block, "spectral", window=window)], isa)
    for threads in (1, 2, 3, 8):
        room = [program.workspace_bytes(batch, threads) for batch in range(1, 140)]
        shrinks = [batch + 2 for batch, more in enumerate(np.diff(room)) if more < 0]
        assert not shrinks, f"{threads} threads: less room for a batch of {shrinks} than of one sample fewer"
