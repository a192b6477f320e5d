"""CRC-32C (Castagnoli, RFC 3720), many stretches of the data side by side.

The checksum is linear over bits: that of two stretches is the first's, moved on by the second's length, exclusive-or the
second's. Moving on by n bytes is a matrix, here four tables of 256 numbers, one for each byte.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # bits in reverse
_ALL = 0xFFFFFFFF
_SHORTEST, _MOST_LANES = 256, 1 << 16  # bytes of a stretch, and how many of them

Uint32 = NDArray[np.uint32]
Tables = tuple[Uint32, Uint32, Uint32, Uint32]


def crc32c(data: bytes | bytearray | memoryview) -> int:
    """Of any number of bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    values = np.frombuffer(data, np.uint8)
    lanes = 1
    while lanes < _MOST_LANES and lanes * _SHORTEST < len(values):
        lanes *= 2
    length = -(-len(values) // lanes)
    padded = np.zeros(lanes * length, np.uint8)  # zeros in front change nothing: the sum begins at zero
    padded[len(padded) - len(values) :] = values
    sums = np.zeros(lanes, np.uint32)
    by_byte = _one_byte()
    for column in np.ascontiguousarray(padded.reshape(lanes, length).T):
        sums = by_byte[(sums ^ column) & 0xFF] ^ (sums >> np.uint32(8))
    while len(sums) > 1:
        sums = _moved(sums[::2], _tables(length)) ^ sums[1::2]
        length *= 2
    begun = _moved(np.array([_ALL], np.uint32), _tables(len(values)))  # the sum begins at all ones after all
    return int(sums[0] ^ begun[0]) ^ _ALL


def masked(crc: int) -> int:
    """As leveldb and TensorFlow store it, so that data which holds its own checksum has another one."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & _ALL


@cache
def _one_byte() -> Uint32:
    """(256,) what one byte makes of a sum of zero."""
    sums = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        sums = sums >> np.uint32(1) ^ np.where(sums & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return sums


def _moved(sums: Uint32, tables: Tables) -> Uint32:
    first, second, third, fourth = tables
    moved: Uint32 = (
        first[sums & 0xFF] ^ second[sums >> 8 & 0xFF] ^ third[sums >> 16 & 0xFF] ^ fourth[sums >> 24]
    )
    return moved


@cache
def _tables_of_power(exponent: int) -> Tables:
    """Moving on by 2**exponent bytes."""
    every = (np.arange(256, dtype=np.uint32)[None] << np.array([[0], [8], [16], [24]], np.uint32)).ravel()
    if exponent == 0:
        moved = _one_byte()[every & 0xFF] ^ (every >> np.uint32(8))
    else:
        half = _tables_of_power(exponent - 1)
        moved = _moved(_moved(every, half), half)
    first, second, third, fourth = moved.reshape(4, 256)
    return first, second, third, fourth


def _tables(count: int) -> Tables:
    """Moving on by `count` bytes."""
    every = (np.arange(256, dtype=np.uint32)[None] << np.array([[0], [8], [16], [24]], np.uint32)).ravel()
    for exponent in range(count.bit_length()):
        if count >> exponent & 1:
            every = _moved(every, _tables_of_power(exponent))
    first, second, third, fourth = every.reshape(4, 256)
    return first, second, third, fourth
