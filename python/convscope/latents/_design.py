"""What every design of latent vectors is: rows that are made when they are asked for, and what there is to say of each."""

from __future__ import annotations

import hashlib
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Setting: TypeAlias = "str | int | float | list[str] | list[float]"
Which: TypeAlias = "slice | Sequence[int] | NDArray[np.integer]"


class Design(ABC):
    """A sequence of latent vectors that is not held: row n is a function of n alone, the same in every slice.

    ``design[i]`` is (size,), ``design[i:j]`` and ``design[[i, j]]`` are (n, size), float32.

    Attributes
    ----------
    count : rows.
    size : latent variables of a row.
    """

    def __init__(self, count: int, size: int) -> None:
        self.count, self.size = count, size

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Floats]:
        return (self[number] for number in range(self.count))

    def __getitem__(self, which: int | Which) -> Floats:
        if isinstance(which, int | np.integer):
            row: Floats = self[[int(which)]][0]
            return row
        return self._rows(self._numbers(which))

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("copy: expected True or None, since rows are made when they are asked for")
        rows: np.ndarray = self[:]
        return rows if dtype is None else rows.astype(dtype)

    def variables(self, which: Which = slice(None)) -> dict[str, NDArray[Any]]:
        """What the rows are, by the name of what varies: (n,) each. Nothing where they are just random."""
        return dict(self._variables(self._numbers(which)))

    @property
    def axes(self) -> dict[str, NDArray[Any]]:
        """The values of what is varied on purpose, by name: every base, or line, goes through all their combinations."""
        return {}

    def cells(self, which: Which = slice(None)) -> NDArray[np.int64]:
        """(n,) the combination of `axes` that each row has, the last one counting fastest; 0 where nothing is varied."""
        return self._cells(self._numbers(which))

    @abstractmethod
    def describe(self) -> dict[str, Setting]:
        """All that the rows depend on, as JSON holds it, arrays by their digest: equal for equal designs only."""

    @abstractmethod
    def _rows(self, numbers: NDArray[np.int64]) -> Floats: ...

    def _variables(self, numbers: NDArray[np.int64]) -> Mapping[str, NDArray[Any]]:
        return {}

    def _cells(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.zeros(len(numbers), np.int64)

    def _numbers(self, which: Which) -> NDArray[np.int64]:
        if isinstance(which, slice):
            return np.arange(*which.indices(self.count))
        return np.array([self._checked(operator.index(number)) for number in which], np.int64)

    def _checked(self, number: int) -> int:
        if not -self.count <= number < self.count:
            raise IndexError(f"latents: expected a row below {self.count}, got {number}")
        return number % self.count


def digest(values: Any) -> str:
    """SHA-256 of an array's type, shape and values."""
    array = np.ascontiguousarray(values)
    found = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    found.update(array.data)
    return found.hexdigest()


def require(holds: bool, name: str, expected: str, got: object) -> None:
    """ValueError naming the argument."""
    if not holds:
        raise ValueError(f"{name}: expected {expected}, got {got!r}")


def finite(name: str, values: Any) -> NDArray[np.float64]:
    """As float64; ValueError for what is no number, also as float32."""
    array = np.asarray(values, np.float64)
    with np.errstate(over="ignore"):
        wrong = array.size - int(np.isfinite(array.astype(np.float32)).sum())
    require(not wrong, name, "finite numbers", f"{wrong} of {array.size} that are not")
    return array
