"""Shards that failed: noted in the store, so that `status` can say why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ._receipts import Receipts


@contextmanager
def noting_failure(receipts: Receipts, shard: int) -> Iterator[None]:
    """Keep what goes wrong with a shard; of one that another process has finished meanwhile, nothing has gone wrong."""
    try:
        yield
    except Exception as error:
        if receipts.has(shard):
            return
        receipts.note_failure(shard, error)
        error.add_note(f"in shard {shard} of the sweep; what is finished stays, run it again for the rest")
        raise
