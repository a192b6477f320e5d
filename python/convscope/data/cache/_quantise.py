"""Samples as 16-bit integers and one scale, without loss where they were 16-bit PCM."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FULL_SCALE = 32768
LARGEST = 32767
# Below it a float32 scale loses digits, and integers would leave the range.
SMALLEST_PEAK = LARGEST * float(np.finfo(np.float32).tiny)


def quantise(samples: NDArray[np.float32]) -> tuple[NDArray[np.int16], np.float32]:
    """Return integers k and a scale s with x = k · s, exactly or to half a step.

    Samples that are 16-bit PCM, x = k / 32768, keep their k. Any others are scaled so that their peak becomes
    32767; |k · s - x| ≤ s / 2 then.

    Parameters
    ----------
    samples : (N,) float32
        All finite, with a peak of `SMALLEST_PEAK` or more.

    Returns
    -------
    (N,) int16, float32

    Examples
    --------
    >>> quantise(np.array([0.5, -1.0], np.float32))
    (array([ 16384, -32768], dtype=int16), np.float32(3.0517578e-05))
    >>> quantise(np.array([1.0, -0.3], np.float32))
    (array([32767, -9830], dtype=int16), np.float32(3.051851e-05))
    """
    with np.errstate(over="ignore"):  # levels far beyond full scale are no PCM either
        pcm = samples * np.float32(FULL_SCALE)  # exact: a power of two
    if pcm.min() >= -FULL_SCALE and pcm.max() <= LARGEST and (pcm == np.rint(pcm)).all():
        return pcm.astype(np.int16), np.float32(1 / FULL_SCALE)
    exact = samples.astype(np.float64)
    scale = np.float32(np.abs(exact).max() / LARGEST)
    return np.rint(exact / np.float64(scale)).astype(np.int16), scale
