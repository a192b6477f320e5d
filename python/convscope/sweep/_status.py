"""Where a sweep stands, from its receipts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ._estimate import duration
from ._place import Place
from ._receipts import Receipts

RECENT = 20  # receipts that the rate is taken from


@dataclass(frozen=True, slots=True)
class SweepStatus:
    """Shards and samples that are there, and what is left.

    ``rate`` is in samples per second, of all processes whose receipts are among the last few; it and ``seconds_left`` are NaN
    before the first shard. ``not_finite`` counts NaN and infinite values in those last few shards.
    """

    store: str
    samples: int
    samples_done: int
    shards: int
    done: int
    missing: int
    failures: dict[int, str]
    rate: float
    seconds_left: float
    not_finite: int

    @property
    def is_complete(self) -> bool:
        """Whether all shards are there."""
        return self.missing == 0

    def __str__(self) -> str:
        lines = [
            f"{self.store}: {self.done} of {self.shards} shards, {self.samples_done} of {self.samples} samples"
        ]
        if not math.isnan(self.rate):
            left = (
                "complete"
                if self.is_complete
                else f"{self.missing} missing, about {duration(self.seconds_left)} left"
            )
            lines.append(f"{left}; {self.rate:,.{0 if self.rate >= 100 else 1}f} samples/s")
        lines += [f"shard {shard} failed: {reason}" for shard, reason in sorted(self.failures.items())]
        if self.not_finite:
            lines.append(f"{self.not_finite} values of the last shards are NaN or infinite")
        return "\n".join(lines)


def status_of(place: Place, receipts: Receipts, *, samples: int, shard: int) -> SweepStatus:
    """Reads names, and the last few receipts."""
    done = receipts.done()
    shards = -(-samples // shard)
    last = [found for n in sorted(done)[-RECENT:] if (found := receipts.read(n)) is not None]
    by_process: dict[str, list[tuple[int, float]]] = {}
    for each in last:
        by_process.setdefault(each.process, []).append((each.end - each.first, each.seconds))
    rate = sum(
        sum(count for count, _ in each) / max(sum(seconds for _, seconds in each), 1e-9)
        for each in by_process.values()
    )
    short = shards * shard - samples  # of the last shard
    samples_done = len(done) * shard - (short if shards - 1 in done else 0)
    return SweepStatus(
        store=place.text,
        samples=samples,
        samples_done=samples_done,
        shards=shards,
        done=len(done),
        missing=shards - len(done),
        failures={n: receipts.failure(n) for n in sorted(receipts.failed())[:RECENT]},
        rate=rate or math.nan,
        seconds_left=(samples - samples_done) / rate if rate else math.nan,
        not_finite=sum(each.not_finite for each in last),
    )
