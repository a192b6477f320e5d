"""Tables in leveldb's format, as TensorFlow writes the index of a checkpoint (leveldb's ``doc/table_format.md``).

Blocks of entries in the order of their keys, each key without the prefix it shares with the one before; behind each block how
it is compressed, and its checksum. The block at the end of the file points to one that points to the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ._crc32c import crc32c, masked
from ._error import CheckpointError
from ._reader import Reader

_MAGIC = 0xDB4775248B80FB57
_FOOTER, _TRAILER = 48, 5  # bytes
_MOST_KEY = 4096  # bytes of a name
_MOST_GROWTH = 16  # of a file whose keys are written out; those of real ones make it three times as long


def read_table(data: bytes, name: str) -> dict[bytes, bytes]:
    """All entries of a table. ``name`` is the file's, for errors."""
    if len(data) < _FOOTER or int.from_bytes(data[-8:], "little") != _MAGIC:
        raise CheckpointError(
            f"{name}: not the index of a TensorFlow checkpoint, or cut off: its last bytes are missing"
        )
    footer = Reader(data[-_FOOTER:-8], f"{name}: footer")
    _block(
        data, footer.varint(), footer.varint(), name
    )  # describes other blocks, which TensorFlow does not write
    entries: dict[bytes, bytes] = {}
    end = total = 0
    for _, handle in _entries(_block(data, footer.varint(), footer.varint(), name), name):
        place = Reader(handle, f"{name}: place of a block")
        offset, size = place.varint(), place.varint()
        if offset < end:
            raise CheckpointError(f"{name}: damaged: a block at {offset}, where one ends at {end}")
        end = offset + size + _TRAILER
        for key, value in _entries(_block(data, offset, size, name), name):
            if key in entries:
                raise CheckpointError(f"{name}: {key!r} is there twice")
            total += len(key) + len(value)
            if total > _MOST_GROWTH * len(data):
                raise CheckpointError(
                    f"{name}: damaged: names of more than {_MOST_GROWTH} times the file's bytes"
                )
            entries[key] = value
    return entries


def write_table(entries: Mapping[bytes, bytes]) -> bytes:
    """A table that `read_table` and TensorFlow read: one block of entries, sharing nothing."""
    file = bytearray()

    def add(contents: Iterable[tuple[bytes, bytes]]) -> bytes:
        block, places = bytearray(), []
        for key, value in contents:
            places.append(len(block))
            block += bytes(1) + varint(len(key)) + varint(len(value)) + key + value
        for number in (*(places or [0]), len(places) or 1):
            block += number.to_bytes(4, "little")
        handle = varint(len(file)) + varint(len(block))
        block += bytes(1)  # not compressed
        file.extend(block + masked(crc32c(block)).to_bytes(4, "little"))
        return handle

    last = max(entries, default=b"")
    content = add(sorted(entries.items()))
    footer = add([]) + add([(last, content)])
    return bytes(file) + footer.ljust(_FOOTER - 8, b"\0") + _MAGIC.to_bytes(8, "little")


def varint(number: int) -> bytes:
    """As `Reader.varint` reads it."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _block(data: bytes, offset: int, size: int, name: str) -> bytes:
    end = offset + size
    if end + _TRAILER > len(data):
        raise CheckpointError(
            f"{name}: a block of {size} bytes at {offset} reaches beyond the file's {len(data)}"
        )
    wanted = int.from_bytes(data[end + 1 : end + _TRAILER], "little")
    if masked(crc32c(data[offset : end + 1])) != wanted:
        raise CheckpointError(f"{name}: damaged: the checksum of the block at {offset} is another")
    if data[end] != 0:
        raise CheckpointError(
            f"{name}: the block at {offset} is compressed (kind {data[end]}), which is not supported"
        )
    return data[offset:end]


def _entries(block: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Behind them lie the places of keys that share nothing, for searching: four bytes each, then how many."""
    places = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (places + 1)
    if len(block) < 4 or end < 0:
        raise CheckpointError(f"{name}: a block of {len(block)} bytes with {places} places of keys")
    reader = Reader(block[:end], f"{name}: block")
    key = b""
    while not reader.is_at_end():
        shared, own, value = reader.varint(), reader.varint(), reader.varint()
        if shared > len(key):
            raise CheckpointError(f"{name}: a key shares {shared} bytes with one of {len(key)}")
        if shared + own > _MOST_KEY:
            raise CheckpointError(
                f"{name}: damaged: a name of {shared + own} bytes, expected at most {_MOST_KEY}"
            )
        key = key[:shared] + reader.take(own)
        yield key, reader.take(value)
