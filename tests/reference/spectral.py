"""The windows of the spectral form (csrc/core/spectral.h) in NumPy: what each output is made of, and how loud that is.

Letters as in conv_block.py, and n inputs, m outputs of a window, T steps from the first tap to the last.
"""

from __future__ import annotations

import numpy as np
from tests.reference.conv_block import Block, reduce_channels


def rows_of(block: Block) -> int:
    return -(-block.out_length // block.phases)


def taps_in_use(block: Block) -> list[tuple[int, int, int]]:
    """Without those that no row finds inside the sample."""
    last = (rows_of(block) - 1) * block.step
    return [tap for tap in block.taps if tap[1] < block.in_length and last + tap[1] >= 0]


def steps_of(block: Block) -> tuple[int, int]:
    """The step of the first tap, and T; a step is ``block.step`` positions."""
    steps = [offset // block.step for _, offset, _ in taps_in_use(block)] or [0]
    return min(steps), max(steps) - min(steps) + 1


def window_with(block: Block, outputs: int) -> int:
    """The shortest window that a block can have with at least so many outputs: 6, 10, 14, ..."""
    needed = max(6, steps_of(block)[1] + outputs - 1)
    return needed + (2 - needed) % 4


def loudest_of_windows(x: np.ndarray, block: Block, window: int) -> np.ndarray:
    """(B, windows, step, P): the largest \\|x\\| among a window's n inputs, by input phase and channel."""
    first, span = steps_of(block)
    outputs = window - span + 1
    count = -(-rows_of(block) // outputs)
    positions = (
        np.arange(count)[:, None] * outputs + first + np.arange(window)
    ) * block.step  # (windows, n), of input phase 0
    loudest = np.zeros((len(x), count, block.step, x.shape[2]))
    for source in range(block.step):
        at = positions + source
        values = np.abs(x[:, np.clip(at, 0, block.in_length - 1)])  # (B, windows, n, P)
        values[:, (at < 0) | (at >= block.in_length)] = 0
        loudest[:, :, source] = values.max(2)
    return loudest


def window_amplitude(x: np.ndarray, block: Block, window: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Map and series of absolute values, were every input as loud as the loudest of its window and channel."""
    absolute = block.absolute()
    _, span = steps_of(block)
    channels = block.kernel.shape[2]
    loudest = loudest_of_windows(x, block, window).astype(np.float64)
    y = np.zeros((len(x), loudest.shape[1], block.phases, channels))
    for phase, offset, slot in taps_in_use(block):
        y[:, :, phase] += loudest[:, :, offset % block.step] @ absolute.kernel[slot].astype(np.float64)
    y += np.broadcast_to(absolute.bias, (block.phases, channels))
    y = y.repeat(window - span + 1, axis=1)[:, : rows_of(block)].reshape(len(x), -1, channels)[
        :, : block.out_length
    ]
    return y * absolute.scale, reduce_channels(y * absolute.scale, absolute, np.float64)


def windows_that_read(block: Block, window: int, position: int) -> np.ndarray:
    """(M,) whether an output is in a window that reads an input position."""
    first, span = steps_of(block)
    outputs = window - span + 1
    row = np.arange(block.out_length) // block.phases
    begin = row // outputs * outputs + first  # of the output's window, in steps
    step = position // block.step
    return (begin <= step) & (step < begin + window)
