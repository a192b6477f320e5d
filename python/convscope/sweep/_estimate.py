"""What a sweep will take: memory, disk and time, from its plan alone."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..latents import Design
from ..probe import Estimate, Probe
from ._gather import Gathered
from ._layout import Layout
from ._passes import Pass
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
    passes: Sequence[Pass],
    gathered: Sequence[Gathered],
    design: Design,
    layout: Layout,
    place: Place,
    *,
    shard: int,
) -> SweepEstimate:
    """From one block's needs."""
    samples = len(design)
    rows = min(shard, samples)
    block = min(BLOCK, rows)
    probes = [each.probe for each in passes]
    series = [(what, shape) for what in gathered for each in passes for shape in each.shapes.values()]
    part_bytes = sum(what.part_bytes(shape, rows, design) for what, shape in series)
    merge_bytes = max((what.merge_bytes(shape, design) for what, shape in series), default=0)
    blocks = [_of_block(probe, block) for probe in probes]
    known = [each for each in blocks if each is not None]
    shard_bytes = rows * layout.sample_bytes + part_bytes
    shards = -(-samples // shard)
    return SweepEstimate(
        samples=samples,
        shards=shards,
        shard_bytes=shard_bytes,
        store_bytes=sum(array.nbytes for array in layout.arrays) + shards * part_bytes,
        memory_bytes=sum(each.weight_bytes + each.workspace_bytes + each.series_bytes for each in known)
        + max(SHARDS_HELD * shard_bytes, merge_bytes + 2 * part_bytes),
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
    remedy = (
        f"shard={fits} would fit" if fits >= 1 else "no shorter one would fit: fewer layers, or less to keep"
    )
    raise MemoryError(
        f"shard: a sweep with shards of {shard} samples takes {megabytes(found.memory_bytes)}, "
        f"and {megabytes(free)} are free; {remedy}"
    )


def available_bytes() -> int | None:
    """Memory that can be had without swapping, as Linux says, and this process's control group; None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    facts = dict(line.split(":", 1) for line in lines)
    found = [int(facts["MemAvailable"].split()[0]) * 1024] if "MemAvailable" in facts else []
    group = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):  # "max", or another version
        found.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return min(found, default=None)


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
