"""A series to frames of its envelope."""

from __future__ import annotations

import numpy as np

from .._checks import Floats
from .._libraries import library


def frames_of(
    series: Floats, rate_hz: float, frame_rate_hz: float, bandwidth_hz: float
) -> tuple[Floats, float]:
    """(K, L) to the envelope (K, N) at its own rate.

    A series that is already as slow as the envelope (an early layer: 62 positions per second) is taken as it is; the envelope
    of a faster one is its size around the mean, low-passed, averaged over whole numbers of positions.
    """
    if rate_hz <= frame_rate_hz:
        return series, rate_hz
    signal = library("scipy.signal")
    size = np.abs(series - series.mean(-1, keepdims=True))
    low = signal.butter(2, bandwidth_hz, fs=rate_hz, output="sos")
    smooth = signal.sosfiltfilt(low, size, axis=-1)
    width = round(rate_hz / frame_rate_hz)
    count = series.shape[-1] // width
    frames: Floats = smooth[..., : count * width].reshape(*series.shape[:-1], count, width).mean(-1)
    return frames, rate_hz / width
