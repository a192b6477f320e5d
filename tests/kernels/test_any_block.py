"""conv_block on any small block, by hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.devices import FORMS, THREAD_COUNTS, every_isa
from tests.kernels import blocks
from tests.reference.conv_block import Block


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
    block = blocks.with_activation(block, draw(st.sampled_from(sorted(blocks.ACTIVATIONS))), rng)
    block = blocks.with_reduction(
        block, draw(st.sampled_from(["mean", "rms", "max", "readout 1", "readout 3"])), rng
    )
    return block, blocks.inputs_for(block, rng, draw(st.integers(1, 4)))


@every_isa
@settings(max_examples=60)
@given(case=small_blocks(), form=st.sampled_from(FORMS), threads=st.sampled_from(THREAD_COUNTS))
def test_any_small_block(isa, case, form, threads):
    block, x = case
    blocks.check(x, block, isa, form, threads)
