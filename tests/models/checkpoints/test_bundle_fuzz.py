"""Indices that are wrong in every way, with right checksums: an error of ours or a reading of what the file has, soon and in little memory.

CONVSCOPE_FUZZ=100000 is the number to try; a run of the tests tries fewer.
"""

from __future__ import annotations

import os
import random
import time
import tracemalloc

import numpy as np
import pytest
from tests.models.checkpoints import bundles

from convscope.models.checkpoints import CheckpointError, TensorBundle
from convscope.models.checkpoints._crc32c import crc32c

COUNT = int(os.environ.get("CONVSCOPE_FUZZ", "2000"))


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Bytes changed, cut, doubled, or replaced by what lengths are made of."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(5):
            case 0 if at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                del out[at : at + rng.randint(1, 9)]
            case 2:
                out[at:at] = rng.choice([b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff\x0f", b"\0", b"\x7f"])
            case 3:
                out[at:at] = out[at : at + rng.randint(1, 30)]
            case _:
                out[at : at + 1] = rng.randbytes(1)
    return bytes(out)


def test_mutated_checkpoints(tmp_path):
    rng, values = random.Random(1), np.arange(6, dtype=np.float32).reshape(2, 3)
    prefix, data = tmp_path / "model", values.tobytes() * 2
    (tmp_path / "model.data-00000-of-00001").write_bytes(data)
    header = bundles.number(1, 1) + bundles.inside(3, bundles.number(1, 1))
    entries = {b"": header, b"G/a": bundles.entry(values), b"G/b": bundles.entry(values, offset=24)}
    whole = bundles.table(entries)
    contents = bundles.block(sorted(entries.items()))
    crc32c(data)  # makes its tables
    refused = read = 0
    tracemalloc.start()
    for number in range(COUNT):
        if number % 4 == 0:  # the file as it is
            made = mutated(whole, rng)
        elif number % 4 == 1:  # a message, in a table that fits it
            made = bundles.table(entries | {b"G/a": mutated(entries[b"G/a"], rng), b"": mutated(header, rng)})
        else:  # a block of entries, with its checksum
            made = bundles.assembled([mutated(contents, rng)])
        (tmp_path / "model.index").write_bytes(made)
        tracemalloc.reset_peak()
        before, start = tracemalloc.get_traced_memory()[0], time.monotonic()
        try:
            found = dict(TensorBundle(prefix))
            assert all(array.tobytes() in data for array in found.values())
            read += 1
        except CheckpointError:
            refused += 1
        assert time.monotonic() - start < 5
        assert tracemalloc.get_traced_memory()[1] - before < 100_000 + 100 * len(made)
    tracemalloc.stop()
    assert refused > COUNT / 2
    assert read > COUNT / 100


PREFIX = bundles.varint(0) + bundles.varint(4000) + bundles.varint(0) + b"a" * 4000
AMPLIFIED = b"".join(
    bundles.varint(4000) + bundles.varint(2) + bundles.varint(0) + i.to_bytes(2, "big") for i in range(2000)
)
PLACES = bytes(4) + b"\1\0\0\0"  # one, of the first key


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (bundles.assembled([PREFIX + AMPLIFIED + PLACES]), "names of more than 16 times the file's bytes"),
        (
            bundles.assembled([bundles.block([(b"a" * 5000, b"")])]),
            "a name of 5000 bytes, expected at most 4096",
        ),
        (
            bundles.assembled([bytes(40_000) + (10_000).to_bytes(4, "little")], times=4000),
            "a block at 0, where one ends at 40009",
        ),
    ],
    ids=["shared prefixes", "a long name", "a block many times"],
)
def test_files_that_claim_more_than_they_hold(tmp_path, made, message):
    """Each would cost time or memory that grows with the square of its length."""
    (tmp_path / "model.index").write_bytes(made)
    tracemalloc.start()
    start = time.monotonic()
    with pytest.raises(CheckpointError, match=rf"model\.index: damaged: {message}"):
        TensorBundle(tmp_path / "model")
    assert time.monotonic() - start < 5
    assert tracemalloc.get_traced_memory()[1] < 100_000 + 40 * len(made)
    tracemalloc.stop()
