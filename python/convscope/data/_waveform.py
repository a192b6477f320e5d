"""Sampling rate and level of a waveform.

Both functions treat every row on its own, so a row has the same bits alone and in any batch.

Letters: B rows, N samples before and M samples after resampling.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

Float = TypeVar("Float", np.float32, np.float64)


def resample(samples: NDArray[Float], from_hz: int, to_hz: int) -> NDArray[Float]:
    """Change the sampling rate with soxr at its highest quality ("VHQ").

    The filter has linear phase and its delay is removed: an event at time t stays at time t. A signal near
    full scale may overshoot ±1 a little; nothing is clipped. The resampler is that of the SoX project,
    https://sourceforge.net/projects/soxr/.

    Parameters
    ----------
    samples : (N,) or (B, N) float32 or float64
        One waveform per row.
    from_hz, to_hz : int
        Sampling rate before and after, in Hz.

    Returns
    -------
    (M,) or (B, M) array of the same dtype
        M is N · to_hz / from_hz, rounded half up. Always a new array.

    Raises
    ------
    TypeError
        If the samples are not float32 or float64.
    ValueError
        If the array has another rank or a rate is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> resample(np.zeros((2, 22050), np.float32), 22050, 16000).shape
    (2, 16000)
    """
    _check_rows(samples, "resample")
    if from_hz <= 0 or to_hz <= 0:
        raise ValueError(f"resample: expected positive rates in Hz, got from_hz={from_hz}, to_hz={to_hz}")
    if from_hz == to_hz:
        return samples.copy()
    if samples.size == 0:
        length = (2 * samples.shape[-1] * to_hz + from_hz) // (2 * from_hz)
        return np.zeros((*samples.shape[:-1], length), samples.dtype)
    # Row by row: soxr limits its channel count to 65536, and a batch may hold more rows.
    rows = [soxr.resample(row, from_hz, to_hz, quality="VHQ") for row in np.atleast_2d(samples)]
    return np.stack(rows).reshape(*samples.shape[:-1], -1)  # (M,) or (B, M)


def peak_normalise(samples: NDArray[Float], *, peak: float = 1.0) -> NDArray[Float]:
    """Scale every row so that its largest absolute value is `peak`.

    y = peak · x / max|x|. A silent row stays silent.

    Parameters
    ----------
    samples : (N,) or (B, N) float32 or float64
        One waveform per row.
    peak : float
        Largest absolute value afterwards, full scale = 1.

    Returns
    -------
    (N,) or (B, N) array of the same dtype
        Always a new array.

    Raises
    ------
    TypeError
        If the samples are not float32 or float64.
    ValueError
        If a sample is not finite, the array has another rank, or `peak` is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> peak_normalise(np.array([[0.1, -0.2], [0.0, 0.0]]))
    array([[ 0.5, -1. ],
           [ 0. ,  0. ]])
    """
    _check_rows(samples, "peak_normalise")
    if not 0 < peak < np.inf:
        raise ValueError(f"peak_normalise: expected a positive finite peak, got {peak}")
    if samples.size == 0:
        return samples.copy()
    highest, lowest = samples.max(axis=-1, keepdims=True), samples.min(axis=-1, keepdims=True)
    peaks = np.maximum(highest, -lowest)  # (1,) or (B, 1)
    if not np.isfinite(peaks).all():
        raise ValueError("peak_normalise: expected finite samples, got NaN or infinity")
    peaks[peaks == 0] = 1
    # Dividing, not multiplying by 1 / peak: the reciprocal of a subnormal peak is infinite.
    scaled: NDArray[Float] = samples / peaks
    scaled *= peak
    return scaled


def _check_rows(samples: NDArray[Float], operation: str) -> None:
    if samples.dtype not in (np.float32, np.float64):
        raise TypeError(f"{operation}: expected float32 or float64 samples, got {samples.dtype}")
    if samples.ndim not in (1, 2):
        raise ValueError(f"{operation}: expected samples (N,) or (B, N), got shape {samples.shape}")
