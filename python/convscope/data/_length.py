"""Waveforms of any length to slices of one length: crop, zero pad, cut into frames.

Letters: B rows, N samples, L = `length` samples wanted, n slices.
"""

from __future__ import annotations

from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

Align = Literal["start", "centre", "end"]
Scalar = TypeVar("Scalar", bound=np.generic)


def fit_length(samples: NDArray[Scalar], length: int, *, align: Align = "start") -> NDArray[Scalar]:
    """Crop or zero pad the last axis to `length` samples.

    ========  ==========================  ==========================
    align     too long: what is kept      too short: where zeros go
    ========  ==========================  ==========================
    start     the first samples           after the sound
    centre    the middle                  half before, half after
    end       the last samples            before the sound
    ========  ==========================  ==========================

    With "centre" and an odd difference, the odd sample is cropped from, or padded at, the end.

    Parameters
    ----------
    samples : (N,) or (B, N), any dtype
        Waveforms; rows are treated alike.
    length : int
        Samples wanted, 0 or more.
    align : "start", "centre" or "end"
        Which part of the sound and of the result lie on each other.

    Returns
    -------
    (L,) or (B, L) array of the same dtype
        Always a new array.

    Raises
    ------
    ValueError
        For a negative length, a scalar, or an unknown `align`.

    Examples
    --------
    >>> import numpy as np
    >>> fit_length(np.array([1, 2, 3]), 6, align="centre")
    array([0, 1, 2, 3, 0, 0])
    """
    if length < 0:
        raise ValueError(f"fit_length: expected a length of 0 or more samples, got {length}")
    if samples.ndim == 0:
        raise ValueError("fit_length: expected samples (N,) or (B, N), got a scalar")
    if align not in get_args(Align):
        raise ValueError(f"fit_length: expected align 'start', 'centre' or 'end', got {align!r}")
    surplus = samples.shape[-1] - length
    before = {"start": 0, "centre": abs(surplus) // 2, "end": abs(surplus)}[align]
    if surplus >= 0:
        return samples[..., before : before + length].copy()
    fitted = np.zeros((*samples.shape[:-1], length), samples.dtype)
    fitted[..., before : before + samples.shape[-1]] = samples
    return fitted


def slices(
    samples: NDArray[Scalar], length: int, *, hop: int | None = None, pad_end: bool = True
) -> NDArray[Scalar]:
    """Cut one waveform into slices of `length` samples that start every `hop` samples.

    With `pad_end` the slices are the fewest that cover the sound to its last sample, the last one zero
    padded; a sound shorter than `length` gives one padded slice. Without it only whole slices are returned:
    the rest is dropped, and a sound shorter than `length` gives none. A waveform of no samples gives none in
    both cases.

    Parameters
    ----------
    samples : (N,) array, any dtype
        One waveform.
    length : int
        Samples per slice, 1 or more.
    hop : int, optional
        Samples from the start of one slice to the start of the next; `length` (no overlap) by default.
        A hop above `length` leaves gaps.
    pad_end : bool
        Whether the end of the sound is kept in a zero-padded slice.

    Returns
    -------
    (n, L) array of the same dtype
        Always a new array.

    Raises
    ------
    ValueError
        If `samples` is not one waveform or `length` or `hop` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> slices(np.arange(5), 4, hop=2)
    array([[0, 1, 2, 3],
           [2, 3, 4, 0]])
    """
    step = length if hop is None else hop
    if samples.ndim != 1:
        raise ValueError(f"slices: expected one waveform (N,), got shape {samples.shape}")
    if length < 1 or step < 1:
        raise ValueError(f"slices: expected length and hop of 1 or more, got length={length}, hop={step}")
    count = _slice_count(samples.size, length, step, pad_end=pad_end)
    if count == 0:
        return np.zeros((0, length), samples.dtype)
    covered = fit_length(samples, (count - 1) * step + length)
    return np.lib.stride_tricks.sliding_window_view(covered, length)[::step].copy()  # (n, L)


def _slice_count(samples: int, length: int, step: int, *, pad_end: bool) -> int:
    if not pad_end:
        return max(0, (samples - length) // step + 1)
    to_reach_the_end = 1 - (length - samples) // step if samples > length else 1
    # With gaps the end may fall into one: a slice that would start after the sound holds nothing of it.
    starting_inside = -(-samples // step)
    return min(to_reach_the_end, starting_inside)
