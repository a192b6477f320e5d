"""How alike all windows of a series are: correlations of every window with every other, stretched a little."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._checks import Floats

_QUIET = 0.25  # of the whole deviation: flatter windows are silence, whose shape is noise


def self_similarity(
    frames: Floats, window: int, stretches: tuple[float, ...]
) -> tuple[Floats, NDArray[np.intp]]:
    """Of frames (K, N): (n, n) correlation of the window at i with that at j, and the frames (n, n) of the latter.

    The window at j may be longer or shorter by any of the stretches, the best one counts. Windows that overlap or are silent
    are -1.
    """
    patterns, loud = _shapes(frames, window, window)
    starts = np.arange(len(patterns))
    best = np.full((len(starts), len(starts)), -1.0)
    lengths = np.full(best.shape, window, np.intp)
    tried = {max(2, round(window * stretch)) for stretch in stretches}
    for length in sorted(
        tried, key=lambda each: abs(each - window)
    ):  # of equals the first counts: no stretch
        others, other_loud = _shapes(frames, length, window)
        alike = np.full(best.shape, -1.0)
        alike[:, : len(others)] = (patterns @ others.T)[:, : len(starts)]
        apart = (starts[None] >= starts[:, None] + window) | (starts[None] + length <= starts[:, None])
        heard = np.zeros(len(starts), bool)
        heard[: len(others)] = other_loud[: len(starts)]
        alike[~(apart & loud[:, None] & heard)] = -1
        lengths[alike > best] = length
        best = np.maximum(best, alike)
    return best, lengths


def _shapes(frames: Floats, length: int, window: int) -> tuple[Floats, NDArray[np.bool_]]:
    """(n, K * window) windows of so many frames brought to ``window``, centred, of norm 1; and which are not silent."""
    rows, count = frames.shape
    if count < length:
        return np.zeros((0, rows * window)), np.zeros(0, bool)
    cut = np.lib.stride_tricks.sliding_window_view(frames, length, axis=1)  # (K, n, length)
    if length != window:
        at = np.linspace(0, length - 1, window)
        low = np.minimum(at.astype(np.intp), length - 2)
        cut = cut[..., low] * (1 - (at - low)) + cut[..., low + 1] * (at - low)
    centred = cut - cut.mean(-1, keepdims=True)
    deviation = np.maximum(frames.std(-1), 1e-300)[:, None]
    loud = (centred.std(-1) / deviation).max(0) > _QUIET
    flat = (centred / deviation[..., None]).transpose(1, 0, 2).reshape(cut.shape[1], -1)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300), loud
