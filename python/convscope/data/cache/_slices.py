"""Rows of a cache as equally long slices, the way the published loaders cut, pad and scale them.

Which stretch of a sound is read, and where its zeros go, is decided by numbers that the caller draws: the same
call gives the same bits, so a training step can be repeated from its number alone.

Letters: n rows, B rows of a batch, L = `length` samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convscope.data.cache._cache import Cache

Start = Literal["first", "random"]
Pad = Literal["right", "left", "random"]
Normalise = Literal["peak", "slice"]


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """Some items of a cache, each read as one slice of `length` samples.

    =============================================  ==========================================================
    loader                                         settings
    =============================================  ==========================================================
    TensorFlow, as used for words                  the default: `--data_first_slice --data_pad_end`, each
                                                   whole file scaled to peak 1
    TensorFlow, without `--data_first_slice`       start="random"; there, a file shorter than a slice gives
                                                   none and training can hang, here it is padded
    PyTorch                                        normalise="slice"; there, silence becomes NaN
    PyTorch with a jittered start                  normalise="slice", jitter=length // 5
    sperm-whale codas                              pad="random"
    =============================================  ==========================================================

    Attributes
    ----------
    cache : Cache
        Where samples come from.
    rows : (n,) int
        Which items, as `Cache.where` returns them.
    length : int
        Samples per slice, L.
    start : "first" or "random"
        Slices begin with their sound, or anywhere such that they lie within it; a sound shorter than a slice
        is always read from its beginning.
    jitter : int
        With "first": up to so many samples are cut from the sound's beginning, 0 to `jitter` with equal
        chance. At least one sample of a sound is always left.
    pad : "right", "left" or "random"
        Where zeros go if the sound does not fill its slice: behind it, before it, or any part of them before
        and the rest behind.
    normalise : "peak", "slice" or None
        Divide by the largest absolute value of the whole item, or of the slice (silence stays silence), or
        keep the level.

    Raises
    ------
    ValueError
        For rows that are none of the cache's, an argument out of range, or jitter with random starts.

    Examples
    --------
    >>> import tempfile
    >>> from convscope.data import Folder, build_cache, write_sound
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sound(f"{folder}/a.wav", np.array([0.25, 0.5, -0.25]), 16000)
    ...     cache = build_cache(Folder(folder), f"{folder}/cache")
    >>> Slices(cache, cache.where(), length=5).read([0], [[0.0, 0.0]])
    array([[ 0.5,  1. , -0.5,  0. ,  0. ]], dtype=float32)
    """

    cache: Cache
    rows: NDArray[np.int64]
    length: int = 16384
    start: Start = "first"
    jitter: int = 0
    pad: Pad = "right"
    normalise: Normalise | None = "peak"

    def __post_init__(self) -> None:
        rows = _integers(self.rows, "rows")
        if rows.size == 0 or rows.min() < 0 or rows.max() >= len(self.cache):
            got = f"{rows.min()} to {rows.max()}" if rows.size else "none"
            raise ValueError(f"Slices: expected rows of the cache, 0 to {len(self.cache) - 1}, got {got}")
        if self.length < 1:
            raise ValueError(f"Slices: expected a length of 1 or more samples, got {self.length}")
        for name, value, choices in (
            ("start", self.start, get_args(Start)),
            ("pad", self.pad, get_args(Pad)),
            ("normalise", self.normalise, (*get_args(Normalise), None)),
        ):
            if value not in choices:
                raise ValueError(f"Slices: expected {name} in {choices}, got {value!r}")
        if self.jitter < 0 or (self.jitter and self.start == "random"):
            raise ValueError(
                f"Slices: expected jitter ≥ 0, and 0 with start='random', got {self.jitter} with {self.start!r}"
            )
        object.__setattr__(self, "rows", rows)

    def __len__(self) -> int:
        return self.rows.size

    @property
    def labels(self) -> NDArray[np.int32]:
        """(n,) int32: each row's label, as an index into `cache.labels`."""
        return self.cache.table.label_rows[self.rows]

    def read(self, rows: ArrayLike, draws: ArrayLike) -> NDArray[np.float32]:
        """Read slices.

        Parameters
        ----------
        rows : (B,) int
            Which of these slices, 0 to `len(self)` - 1, in any order and as often as wanted.
        draws : (B, 2) float64
            Numbers in [0, 1): the first decides on the start or the jitter, the second on random padding. They
            are ignored where nothing is random.

        Returns
        -------
        (B, L) float32

        Raises
        ------
        IndexError
            For a row that is not there.
        ValueError
            For draws of another shape or outside [0, 1).
        """
        chosen = _integers(rows, "rows")
        if chosen.size and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise IndexError(
                f"Slices: expected rows 0 to {len(self) - 1}, got {chosen.min()} to {chosen.max()}"
            )
        numbers = np.asarray(draws, np.float64)
        if numbers.shape != (chosen.size, 2) or not ((numbers >= 0) & (numbers < 1)).all():
            raise ValueError(
                f"Slices: expected draws ({chosen.size}, 2) in [0, 1), got shape {numbers.shape}"
            )
        batch = np.zeros((chosen.size, self.length), np.float32)  # (B, L)
        for slot, item, (first, second) in zip(batch, self.rows[chosen], numbers.tolist(), strict=True):
            self._fill(slot, int(item), first, second)
        return batch

    def _fill(self, slot: NDArray[np.float32], item: int, first: float, second: float) -> None:
        """Write an item into a slot (L,) of zeros."""
        samples = self.cache.samples(item)  # (N,)
        spare = samples.size - self.length if self.start == "random" else min(self.jitter, samples.size - 1)
        begin = int(first * (max(spare, 0) + 1))
        part = samples[begin : begin + self.length]
        missing = self.length - part.size
        before = {"right": 0, "left": missing, "random": int(second * (missing + 1))}[self.pad]
        filled = slot[before : before + part.size]
        filled[:] = part
        if self.normalise is None:
            filled *= np.float32(self.cache.scale(item))
            return
        peak = self.cache.table.peaks[item] if self.normalise == "peak" else np.abs(filled).max()
        if peak:
            # Dividing, not multiplying by 1 / peak: the peak itself becomes exactly 1.
            filled /= np.float32(peak)


def _integers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    numbers = np.asarray(values)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise ValueError(f"Slices: expected {name} (n,) of integers, got {numbers.shape} {numbers.dtype}")
    return numbers.astype(np.int64)
