"""Bytes of a file that may be wrong, taken one piece after the other."""

from __future__ import annotations

from ._error import CheckpointError


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
