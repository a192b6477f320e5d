"""Many strings in two arrays: 54,000 names take 2 MB so, and 5 MB or more as Python's strings."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# Names of files need not be UTF-8; this keeps their bytes.
_ERRORS = "surrogateescape"


@dataclass(frozen=True, slots=True, eq=False)
class Strings:
    """Strings by number.

    Attributes
    ----------
    text : (sum of lengths,) uint8
        Their UTF-8 bytes, end to end.
    ends : (n,) int64
        Where each string ends.
    """

    text: NDArray[np.uint8]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.ends.size)

    def at(self, row: int) -> str:
        """Return string `row`, 0 to n - 1."""
        start = self.ends[row - 1] if row else 0
        return self.text[start : self.ends[row]].tobytes().decode(errors=_ERRORS)

    def all(self) -> tuple[str, ...]:
        """Return every string."""
        return tuple(self.at(row) for row in range(len(self)))


@dataclass(frozen=True, slots=True, eq=False)
class GrowingStrings:
    """Strings to which more are added."""

    _text: bytearray = field(default_factory=bytearray)
    _ends: array[int] = field(default_factory=lambda: array("q"))

    def add(self, string: str) -> None:
        """Append one."""
        self._text.extend(string.encode(errors=_ERRORS))
        self._ends.append(len(self._text))

    def done(self) -> Strings:
        """Return all, without a copy."""
        return Strings(np.frombuffer(self._text, np.uint8), np.frombuffer(self._ends, np.int64))


def packed(strings: Iterable[str]) -> Strings:
    """Return these strings as arrays."""
    growing = GrowingStrings()
    for string in strings:
        growing.add(string)
    return growing.done()
