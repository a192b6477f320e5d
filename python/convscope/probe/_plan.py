"""What a probe is going to do: how each layer is computed, how many samples at a time, how many bytes and seconds."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np

from ._layers import format_table

# Samples between two reports of progress; what the engine holds at a time does not depend on it.
CHUNK = 512


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """How one layer is computed.

    ``algorithm`` is "direct", "spectral" or "torch"; ``window`` the input positions a spectral step takes at a time (0 for
    the others). ``multiply_adds`` are per sample as the layer is defined, ``computed`` as it is computed, transforms
    included; ``weight_bytes`` those of the packed weights.
    """

    layer: str
    algorithm: str
    window: int
    multiply_adds: int
    computed: int
    weight_bytes: int


class Plan(tuple[LayerPlan, ...]):
    """One row per layer up to the last one probed; prints as a table."""

    def __str__(self) -> str:
        rows = [("layer", "algorithm", "window", "multiply-adds", "computed", "weights")]
        rows += [
            (
                row.layer,
                row.algorithm,
                str(row.window or "-"),
                f"{row.multiply_adds / 1e6:.1f} M",
                f"{row.computed / 1e6:.1f} M",
                f"{row.weight_bytes / 1e6:.1f} MB",
            )
            for row in self
        ]
        return format_table(rows)

    __repr__ = __str__

    @property
    def algorithms(self) -> dict[str, str]:
        """By layer: "direct", or "spectral" with its window."""
        return {row.layer: f"{row.algorithm} {row.window}" if row.window else row.algorithm for row in self}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take.

    Bytes: ``weight_bytes`` packed weights, ``workspace_bytes`` maps of the samples that are in work (independent of the
    batch), and ``series_bytes`` the returned arrays. ``multiply_adds`` are those of the layers' definitions, ``computed``
    those of the plan. ``seconds`` follows from the figures of `convscope tune`, or from a short measurement; NaN on
    a GPU, whose memory ``weight_bytes`` and ``workspace_bytes`` are.
    """

    batch: int
    chunk: int
    multiply_adds: int
    computed: int
    weight_bytes: int
    workspace_bytes: int
    series_bytes: int
    seconds: float

    def __str__(self) -> str:
        mb = 1e6
        time = "" if math.isnan(self.seconds) else f"about {self.seconds:.3g} s, "
        return (
            f"{self.batch} samples in chunks of {self.chunk}: {time}"
            f"{self.computed / 1e9:.3g} G multiply-adds (as defined {self.multiply_adds / 1e9:.3g} G); "
            f"weights {self.weight_bytes / mb:.1f} MB, workspace {self.workspace_bytes / mb:.1f} MB, "
            f"series {self.series_bytes / mb:.1f} MB"
        )


def choose_chunk(batch: int, largest: int = CHUNK) -> int:
    """Samples per chunk, the chunks of a batch as equal as possible."""
    chunks = -(-batch // largest)
    return -(-batch // chunks) if batch else 1


def thread_count(num_threads: int | None) -> int:
    """The given number, or one per processor this process may use."""
    if num_threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    if isinstance(num_threads, bool) or not isinstance(num_threads, int | np.integer) or num_threads < 1:
        raise ValueError(f"num_threads: expected a number of at least 1, got {num_threads!r}")
    return int(num_threads)
