"""Whether a store holds what was written, and what the network would make again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ._place import Place, UrlPlace
from ._receipts import Receipts
from ._store import damage
from ._worker import Worker, as_bytes

Check = Literal["sizes", "bytes", "none"]
CHECKS = ("sizes", "bytes", "none")


@dataclass(frozen=True, slots=True)
class SweepVerification:
    """Shards whose files were compared with their receipts, those that were computed again, and what did not fit.

    ``damaged`` are lines by shard, such as "conv4/mean/c/3/0: other bytes than were written"; their receipts are withdrawn.
    ``others`` are lines about files that belong to no shard: metadata, time axes, results over all samples.
    """

    checked: int
    recomputed: tuple[int, ...]
    damaged: dict[int, str]
    others: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Nothing is damaged."""
        return not self.damaged and not self.others

    def __str__(self) -> str:
        again = ", ".join(map(str, self.recomputed)) or "none"
        lines = [f"{self.checked} shards compared with their receipts, computed again: {again}"]
        lines += [f"shard {shard}: {reason}" for shard, reason in sorted(self.damaged.items())]
        lines += self.others
        lines.append(
            "all as written"
            if self.is_sound
            else "what is damaged counts as missing now: run the sweep again"
        )
        return "\n".join(lines)


def verify_store(
    place: Place, receipts: Receipts, *, worker: Callable[[], Worker] | None, recompute: int
) -> SweepVerification:
    """Every file against its receipt; some shards, spread evenly, against a worker, which is made after files are looked at."""
    others = _others(place, receipts)
    damaged: dict[int, str] = {}
    done = sorted(receipts.done())
    for shard in done:
        reason = _damage(place, receipts, shard, sizes_only=False)
        if reason:
            damaged[shard] = reason
    sound = [shard for shard in done if shard not in damaged]
    again: tuple[int, ...] = ()
    if worker is not None and sound and recompute > 0:
        picked = np.linspace(0, len(sound) - 1, min(recompute, len(sound))).round().astype(int)
        again = tuple(sound[i] for i in dict.fromkeys(picked.tolist()))
        maker = worker()
        for shard in again:
            reason = _differs(maker, shard)
            if reason:
                damaged[shard] = reason
    for shard in damaged:
        receipts.withdraw(shard)
    return SweepVerification(len(done), again, damaged, others)


def withdraw_damaged(place: Place, receipts: Receipts, check: Check) -> None:
    """What does not fit its receipts is missing again. Objects of a URL are whole by nature: their sizes are not looked at."""
    if check == "none" or (check == "sizes" and isinstance(place, UrlPlace)):
        return
    for shard in receipts.done():
        if _damage(place, receipts, shard, sizes_only=check == "sizes"):
            receipts.withdraw(shard)
    results = receipts.results() or {}
    if any(damage(place, name, file, sizes_only=check == "sizes") for name, file in results.items()):
        receipts.withdraw_results()


def _others(place: Place, receipts: Receipts) -> tuple[str, ...]:
    """Metadata is written again when a sweep is gone on with, results when they are withdrawn."""
    metadata, results = receipts.metadata(), receipts.results() or {}
    if metadata is None:
        return ("receipts/metadata.json: gone, or not to be read",)
    of_metadata = [found for name, file in metadata.items() if (found := damage(place, name, file))]
    of_results = [found for name, file in results.items() if (found := damage(place, name, file))]
    if of_results:
        receipts.withdraw_results()
    return (*of_metadata, *of_results)


def _damage(place: Place, receipts: Receipts, shard: int, *, sizes_only: bool) -> str:
    receipt = receipts.read(shard)
    if receipt is None:
        return "its receipt cannot be read, or is another sweep's"
    found = (damage(place, name, file, sizes_only=sizes_only) for name, file in receipt.files.items())
    return next(filter(None, found), "")


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
