"""Whether a store holds what was written, and what the network would make again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ._place import Place
from ._receipts import Receipts
from ._worker import Worker, as_bytes

Check = Literal["sizes", "bytes", "none"]


@dataclass(frozen=True, slots=True)
class SweepVerification:
    """Shards whose files were compared with their receipts, those that were computed again, and those that did not fit.

    ``damaged`` are lines by shard, such as "conv4/mean/c/3/0: 1 of 41216 bytes differ"; their receipts are withdrawn.
    """

    checked: int
    recomputed: tuple[int, ...]
    damaged: dict[int, str]

    @property
    def is_sound(self) -> bool:
        """Nothing is damaged."""
        return not self.damaged

    def __str__(self) -> str:
        again = ", ".join(map(str, self.recomputed)) or "none"
        lines = [f"{self.checked} shards compared with their receipts, computed again: {again}"]
        lines += [f"shard {shard}: {reason}" for shard, reason in sorted(self.damaged.items())]
        lines.append(
            "all as written" if self.is_sound else "damaged shards count as missing now: run the sweep again"
        )
        return "\n".join(lines)


def verify_store(
    place: Place, receipts: Receipts, *, worker: Worker | None, recompute: int
) -> SweepVerification:
    """Every file against its receipt; some shards, spread evenly, against ``worker``."""
    damaged: dict[int, str] = {}
    done = sorted(receipts.done())
    for shard in done:
        reason = _damage(place, receipts, shard, "bytes")
        if reason:
            damaged[shard] = reason
    sound = [shard for shard in done if shard not in damaged]
    again: tuple[int, ...] = ()
    if worker is not None and sound and recompute > 0:
        picked = np.linspace(0, len(sound) - 1, min(recompute, len(sound))).round().astype(int)
        again = tuple(sound[i] for i in dict.fromkeys(picked.tolist()))
        for shard in again:
            reason = _differs(worker, shard)
            if reason:
                damaged[shard] = reason
    for shard in damaged:
        receipts.withdraw(shard)
    return SweepVerification(len(done), again, damaged)


def withdraw_damaged(place: Place, receipts: Receipts, check: Check) -> None:
    """Shards that do not fit their receipts are missing again. Objects of a URL are whole by nature: their sizes are not looked at."""
    if check not in ("sizes", "bytes", "none"):
        raise ValueError(f"check: expected sizes, bytes or none, got {check!r}")
    if check == "none" or (check == "sizes" and "://" in place.text):
        return
    for shard in receipts.done():
        if _damage(place, receipts, shard, check):
            receipts.withdraw(shard)


def _damage(place: Place, receipts: Receipts, shard: int, check: Check) -> str:
    receipt = receipts.read(shard)
    if receipt is None:
        return "its receipt cannot be read, or is another sweep's"
    for name, file in receipt.files.items():
        if check == "sizes":
            size = place.size(name)
        else:
            data = place.read(name)
            size = None if data is None else len(data)
        if size != file.bytes:
            return f"{name}: expected {file.bytes} bytes, {'it is gone' if size is None else f'got {size}'}"
        if check == "bytes" and data is not None and hashlib.sha256(data).hexdigest() != file.sha256:
            return f"{name}: other bytes than were written"
    return ""


def _differs(worker: Worker, shard: int) -> str:
    computed = worker.compute(shard)
    for path, values in computed.arrays.items():
        stored = worker.store.read(path, computed.rows)
        if stored.tobytes() != values.tobytes():
            count = int((stored != values).sum())
            return f"{path}: {count} of {values.size} values are others than the network makes now"
    if computed.part and worker.store.read_part(shard) != as_bytes(computed.part):
        return "its part of moments or top samples is another than the network makes now"
    return ""
