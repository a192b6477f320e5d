"""Where a sweep stands, from its receipts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ._estimate import duration
from ._place import Place
from ._receipts import Receipt, Receipts

LOOKED_AT = 200  # receipts that are read
RECENT = 20  # of which the last ones give the rate


@dataclass(frozen=True, slots=True)
class SweepStatus:
    """Shards and samples that are there, and what is left.

    ``rate`` is in samples per second, of all processes that have finished the last few shards; it and ``seconds_left`` are NaN before the
    first shard. ``not_finite`` counts NaN and infinite values in those last few shards.
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
    read = [found for n in sorted(done)[-LOOKED_AT:] if (found := receipts.read(n)) is not None]
    last = sorted(read, key=lambda receipt: receipt.finished)[-RECENT:]
    rate = sum(each.end - each.first for each in last) / max(_busy_seconds(last), 1e-9)
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


def _busy_seconds(receipts: list[Receipt]) -> float:
    """For how long anyone was at these shards: pauses are left out, and processes at once count once."""
    busy, until = 0.0, float("-inf")
    for start, end in sorted((each.finished - each.seconds, each.finished) for each in receipts):
        busy += max(end - max(start, until), 0.0)
        until = max(until, end)
    return busy
