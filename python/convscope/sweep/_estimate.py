"""What a sweep will take: memory, disk and time, from its plan alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..probe import Estimate, Probe
from ._layout import Layout
from ._place import Place
from ._worker import BLOCK

SHARDS_HELD = 3  # one computed, one waiting, one written


@dataclass(frozen=True, slots=True)
class SweepEstimate:
    """Bytes and seconds.

    ``store_bytes`` are uncompressed, so more than will be written; ``memory_bytes`` those of weights, workspace and shards that are
    held at a time, with those that wait to be written. ``free_bytes`` is the room that the disk has. NaN and None where it
    is not known beforehand: seconds on a GPU and in PyTorch, the room of a URL.
    """

    samples: int
    shards: int
    shard_bytes: int
    store_bytes: int
    memory_bytes: int
    free_bytes: int | None
    seconds: float

    def __str__(self) -> str:
        lines = [
            f"{self.samples:,} samples in {self.shards:,} shard{'s' * (self.shards != 1)} of {megabytes(self.shard_bytes)}",
            f"store    {megabytes(self.store_bytes)} before compression"
            + ("" if self.free_bytes is None else f", {megabytes(self.free_bytes)} free"),
            f"memory   {megabytes(self.memory_bytes)}",
        ]
        if not math.isnan(self.seconds):
            lines.append(f"time     {duration(self.seconds)} of computing on this machine")
        if self.free_bytes is not None and self.store_bytes > self.free_bytes:
            lines.append("the disk may be too small: keep less (keep=, layers=), or choose another place")
        return "\n".join(lines)


def estimate(
    probes: Sequence[Probe], layout: Layout, place: Place, *, samples: int, shard: int
) -> SweepEstimate:
    """From one block's needs."""
    block = min(BLOCK, shard)
    blocks = [_of_block(probe, block) for probe in probes]
    known = [each for each in blocks if each is not None]
    shard_bytes = shard * layout.sample_bytes
    return SweepEstimate(
        samples=samples,
        shards=-(-samples // shard),
        shard_bytes=shard_bytes,
        store_bytes=sum(array.nbytes for array in layout.arrays),
        memory_bytes=sum(each.weight_bytes + each.workspace_bytes + each.series_bytes for each in known)
        + SHARDS_HELD * shard_bytes,
        free_bytes=place.free_bytes(),
        seconds=sum(each.seconds for each in known) * samples / block
        if len(known) == len(blocks)
        else float("nan"),
    )


def check_memory(found: SweepEstimate, shard: int) -> None:
    """MemoryError, with a shard that would fit, where this one does not."""
    free = available_bytes()
    if free is None or found.memory_bytes <= free:
        return
    held = SHARDS_HELD * found.shard_bytes
    fits = int(shard * (free - (found.memory_bytes - held)) * 0.5 / held)
    remedy = f"shard={fits} would fit" if fits >= 1 else "not even shard=1 would fit: probe fewer layers"
    raise MemoryError(
        f"shard: a sweep with shards of {shard} samples takes {megabytes(found.memory_bytes)}, "
        f"and {megabytes(free)} are free; {remedy}"
    )


def available_bytes() -> int | None:
    """Memory that can be had without swapping, as Linux says; None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    facts = dict(line.split(":", 1) for line in lines)
    return int(facts["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in facts else None


def megabytes(size: int) -> str:
    """For people: "22.1 MB", "1.7 GB"."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size / 1e6:.3g} MB"


def duration(seconds: float) -> str:
    """For people: "40 s", "3 min", "2.5 h", "3.1 days"."""
    for unit, scale in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds:.3g} s"


def _of_block(probe: Probe, block: int) -> Estimate | None:
    try:
        return probe.estimate(block)
    except ValueError:  # a network that runs in PyTorch
        return None
