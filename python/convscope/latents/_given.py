"""Latent vectors that are there already: an array, or a file of NumPy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._design import Design, Floats, Setting, digest, require

_READ = 4096  # rows of a file at a time


class Given(Design):
    """The rows of an array. `rows` makes one."""

    def __init__(self, array: NDArray[np.floating]) -> None:
        super().__init__(*array.shape)
        self._array = array

    def __repr__(self) -> str:
        return f"Given({self.count} x {self.size})"

    def describe(self) -> dict[str, Setting]:
        """Digest of the rows."""
        return {"kind": "rows", "rows": digest(self._array)}

    def _rows(self, numbers: NDArray[np.int64]) -> Floats:
        made: Floats = np.array(self._array[numbers], np.float32)
        return made


def rows(source: ArrayLike | str | Path) -> Given:
    """Latent vectors from an array (rows, size), or from a ``.npy`` file, which is read row by row.

    Raises
    ------
    ValueError
        for anything else than rows of finite floating-point numbers.
    """
    array = np.load(source, mmap_mode="r") if isinstance(source, str | Path) else np.asarray(source)
    if array.dtype.kind in "iu":
        array = array.astype(np.float32)
    require(array.dtype.kind == "f", "rows", "floating-point numbers", str(array.dtype))
    require(array.ndim == 2 and 0 not in array.shape, "rows", "an array (rows, size)", f"shape {array.shape}")
    for first in range(0, len(array), _READ):
        with np.errstate(over="ignore"):
            fine = np.isfinite(np.asarray(array[first : first + _READ], np.float32)).all(axis=1)
        require(bool(fine.all()), "rows", "finite numbers", f"others in row {first + int(fine.argmin())}")
    return Given(array)


def as_design(name: str, given: Design | ArrayLike) -> Design:
    """A design as it is, an array as `rows`."""
    if isinstance(given, Design):
        require(len(given) > 0, name, "at least one row", "none")
        return given
    return rows(given)
