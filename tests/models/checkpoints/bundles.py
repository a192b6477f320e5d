"""Writes TensorFlow checkpoints as its documentation describes them: slowly, and sharing nothing with the reader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

TYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10, "float16": 19}


def crc32c(data: bytes) -> int:
    """Bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return ((((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32).to_bytes(4, "little")


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value % 0x80 + 0x80)
        value //= 0x80
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(8 * field) + varint(value)


def inside(field: int, message: bytes) -> bytes:
    return varint(8 * field + 2) + varint(len(message)) + message


def block(entries: list[tuple[bytes, bytes]], restart_every: int = 16) -> bytes:
    out, restarts, last = bytearray(), [], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % restart_every == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    restarts = restarts or [0]
    return bytes(out) + b"".join(at.to_bytes(4, "little") for at in (*restarts, len(restarts)))


def table(entries: Mapping[bytes, bytes], entries_of_block: int = 20) -> bytes:
    """A table's file."""
    ordered = sorted(entries.items())
    parts = [ordered[first : first + entries_of_block] for first in range(0, len(ordered), entries_of_block)]
    return assembled([block(part) for part in parts], [part[-1][0] for part in parts])


def assembled(
    blocks: list[bytes], keys: list[bytes] | None = None, *, times: int = 1, compression: int = 0
) -> bytes:
    """A table's file of blocks that may be wrong, with right checksums; each is named so many times."""
    out, places = bytearray(), []

    def add(contents: bytes) -> bytes:
        place = varint(len(out)) + varint(len(contents))
        kind = bytes([compression])
        out.extend(contents + kind + masked(contents + kind))
        return place

    for key, contents in zip(keys or [b"z"] * len(blocks), blocks, strict=True):
        places += [(key, add(contents))] * times
    compression = 0
    footer = add(block([])) + add(block(places, restart_every=1))
    return bytes(out) + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def entry(array: np.ndarray, **changed: int) -> bytes:
    """A BundleEntryProto, of the first array of the first file unless told otherwise."""
    data = array.tobytes()
    shape = b"".join(inside(2, number(1, size)) for size in array.shape)
    fields = {"kind": TYPES[array.dtype.name], "shard": 0, "offset": 0, "size": len(data)} | changed
    message = number(1, fields["kind"]) + inside(2, shape)
    message += number(3, fields["shard"]) + number(4, fields["offset"]) + number(5, fields["size"])
    return message + varint(8 * 6 + 5) + masked(data)


def write(prefix: Path, arrays: Mapping[str, np.ndarray], shards: int = 1) -> None:
    """``prefix.index`` and its data files, variables dealt out to them in turn."""
    entries = {b"": number(1, shards) + inside(3, number(1, 1))}
    data = [bytearray() for _ in range(shards)]
    for i, (name, array) in enumerate(sorted(arrays.items())):
        array = np.asarray(array)
        entries[name.encode()] = entry(array, shard=i % shards, offset=len(data[i % shards]))
        data[i % shards] += array.tobytes()
    Path(f"{prefix}.index").write_bytes(table(entries))
    for shard, contents in enumerate(data):
        Path(f"{prefix}.data-{shard:05d}-of-{shards:05d}").write_bytes(contents)
