"""Pure decisions about a run: how many samples at a time, how many threads, how many bytes and seconds."""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass

import numpy as np

from .. import _core

# Maps of one chunk. Larger chunks read the weights less often; from 16 samples on the gain was within the noise, and half
# of this stays in a server's last-level cache.
WORKSPACE_LIMIT = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take.

    Bytes: ``weight_bytes`` packed weights, ``workspace_bytes`` maps of one chunk (independent of the batch), and
    ``series_bytes`` the returned arrays. ``seconds`` is products divided by the rate that a short calibration of this
    machine reached; memory-bound small batches take longer.
    """

    batch: int
    chunk: int
    multiply_adds: int
    weight_bytes: int
    workspace_bytes: int
    series_bytes: int
    seconds: float

    def __str__(self) -> str:
        mb = 1e6
        return (
            f"{self.batch} samples in chunks of {self.chunk}: about {self.seconds:.3g} s, "
            f"{self.multiply_adds / 1e9:.3g} G multiply-adds; weights {self.weight_bytes / mb:.1f} MB, "
            f"workspace {self.workspace_bytes / mb:.1f} MB, series {self.series_bytes / mb:.1f} MB"
        )


def choose_chunk(batch: int, bytes_per_sample: int, limit: int = WORKSPACE_LIMIT) -> int:
    """Samples per chunk: as many as the workspace limit allows, the chunks of a batch as equal as possible."""
    largest = max(1, limit // max(bytes_per_sample, 1))
    chunks = -(-batch // largest)
    return -(-batch // chunks) if batch else 1


def thread_count(num_threads: int | None) -> int:
    """The given number, or one per processor this process may use."""
    if num_threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    if isinstance(num_threads, bool) or not isinstance(num_threads, int | np.integer) or num_threads < 1:
        raise ValueError(f"num_threads: expected a number of at least 1, got {num_threads!r}")
    return int(num_threads)


@functools.cache
def multiply_adds_per_second(isa: str, num_threads: int) -> float:
    """Measured on a layer of the generator's shape, best of a few runs of some milliseconds, once per process."""
    positions, channels_in, channels_out, batch = 256, 256, 128, 2 * num_threads
    taps = [(0, offset, offset + 3) for offset in range(-3, 4)]
    kernel = np.ones((len(taps), channels_in, channels_out), np.float32)
    nothing = np.zeros(0, np.float32)
    layer = _core.Layer(
        in_length=positions, in_channels=channels_in, out_length=positions, out_channels=channels_out, step=1, phases=1,
        taps=taps, kernel=kernel, bias=np.zeros(channels_out, np.float32), activation=_core.Activation.relu,
        slope=nothing, scale=1.0, reduction=_core.Reduction.mean, readout=nothing, before_activation=False,
        form=_core.Form.panels,
    )  # fmt: skip
    program = _core.Program([layer], isa)
    x = np.ones((batch, positions, channels_in), np.float32)
    out = np.empty((batch, 1, positions), np.float32)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        program.run(x, [out], num_threads)
        best = min(best, time.perf_counter() - start)
    return batch * positions * kernel.size / best
