"""Bytes of a file that may be wrong, taken one piece after the other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ._error import CheckpointError

_MOST_DIMENSIONS, _MOST_VALUES = 32, 1 << 40  # far beyond any network of speech


class Reader:
    """Numbers and strings one after the other; ``what`` they are is for errors."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._at, self._what = data, 0, what

    def is_at_end(self) -> bool:
        return self._at >= len(self._data)

    def take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise CheckpointError(
                f"{self._what}: expected {count} more bytes, got {len(self._data) - self._at}"
            )
        self._at += count
        return self._data[self._at - count : self._at]

    def varint(self) -> int:
        """Seven bits a byte, the lowest first; 64 bits at most."""
        value = 0
        for shift in range(0, 70, 7):
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF
        raise CheckpointError(f"{self._what}: a number of more than 64 bits")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What the system has against a file, as a CheckpointError."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{error.filename or path}: {error.strerror or error}") from error


def as_shape(sizes: Iterable[int], what: str) -> tuple[int, ...]:
    """A shape that a file claims, if an array may have it."""
    shape = tuple(sizes)
    if len(shape) > _MOST_DIMENSIONS or min(shape, default=0) < 0:
        raise CheckpointError(f"{what}: damaged: a shape of {len(shape)} dimensions, or a negative one")
    if math.prod(max(size, 1) for size in shape) >= _MOST_VALUES:
        raise CheckpointError(f"{what}: damaged: a shape of {' x '.join(str(size) for size in shape)} values")
    return shape
