"""Indices that are wrong in every way, with right checksums: an error of ours or a reading, no more memory than the file has.

CONVSCOPE_FUZZ=100000 is the number to try; a run of the tests tries fewer.
"""

from __future__ import annotations

import os
import random
import tracemalloc

import numpy as np
from tests.models.checkpoints import bundles

from convscope.models.checkpoints import CheckpointError, TensorBundle

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
    prefix = tmp_path / "model"
    (tmp_path / "model.data-00000-of-00001").write_bytes(values.tobytes() * 2)
    header = bundles.number(1, 1) + bundles.inside(3, bundles.number(1, 1))
    entries = {b"": header, b"G/a": bundles.entry(values), b"G/b": bundles.entry(values, offset=24)}
    whole = bundles.table(entries)
    contents = bundles.block(sorted(entries.items()))
    refused = read = 0
    tracemalloc.start()
    for number in range(COUNT):
        if number % 4 == 0:  # the file as it is
            made = mutated(whole, rng)
        elif number % 4 == 1:  # a message, in a table that fits it
            made = bundles.table(entries | {b"G/a": mutated(entries[b"G/a"], rng), b"": mutated(header, rng)})
        else:  # a block of entries, with its checksum
            wrong = mutated(contents, rng) + b"\0"
            place = bundles.varint(0) + bundles.varint(len(wrong) - 1)
            blocks = wrong + bundles.masked(wrong)
            second = bundles.block([(b"z", place)], restart_every=1)
            footer = bundles.varint(0) * 2 + bundles.varint(len(blocks)) + bundles.varint(len(second))
            made = blocks + second + b"\0" + bundles.masked(second + b"\0")
            made += footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")
        (tmp_path / "model.index").write_bytes(made)
        try:
            bundle = TensorBundle(prefix)
            for name in bundle:
                bundle[name]
            read += 1
        except CheckpointError:
            refused += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read + refused == COUNT
    assert refused > COUNT / 2
    assert peak < 20_000_000
