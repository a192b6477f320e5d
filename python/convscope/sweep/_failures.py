"""Shards that failed: noted in the store, so that `status` can say why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ._receipts import Receipts


@contextmanager
def noting_failure(receipts: Receipts, shard: int) -> Iterator[None]:
    """What goes wrong with a shard is kept for `status`; unless another process has finished it meanwhile."""
    try:
        yield
    except Exception as error:
        receipts.note_failure(shard, error)
        error.add_note(f"in shard {shard} of the sweep; what is finished stays, run it again for the rest")
        raise
