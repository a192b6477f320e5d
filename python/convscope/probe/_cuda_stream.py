"""Batches in host memory through a GPU: a chunk is computed while the series of the one before are on their way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ._cuda_device import Copied, Device
from ._cuda_engine import CudaEngine
from ._weights import Floats


@dataclass(slots=True)
class _Lane:
    """One of two: pinned memory, and what is in it."""

    sent: Tensor  # (chunk, features)
    back: dict[str, Tensor]  # (chunk, K, L)
    copied: Copied | None = None
    series: dict[str, Tensor] | None = None  # on the device, until they are copied
    first: int = 0
    count: int = 0


def run_streamed(
    engine: CudaEngine,
    device: Device,
    x: Floats,
    out: Mapping[str, Floats],
    done: Callable[[int], None],
) -> None:
    """Fill ``out[layer]`` (B, K, L) from ``x`` (B, ...); ``done`` is told how many samples have arrived, chunk by chunk."""
    if len(x) == 0:
        return
    chunk = engine.chunk_for(len(x), device.name)
    x = x.reshape(len(x), -1)
    lanes = [
        _Lane(
            device.empty_pinned(chunk, x.shape[1]),
            {name: device.empty_pinned(*shape) for name, shape in engine.shapes(chunk).items()},
        )
        for _ in range(2 if len(x) > chunk else 1)
    ]
    for number, first in enumerate(range(0, len(x), chunk)):
        lane = lanes[number % len(lanes)]
        _collect(lane, out, done)
        _send(engine, device, lane, x, first)
    for lane in sorted(lanes, key=lambda lane: lane.first):
        _collect(lane, out, done)


def _send(engine: CudaEngine, device: Device, lane: _Lane, x: Floats, first: int) -> None:
    lane.first, lane.count = first, min(len(lane.sent), len(x) - first)
    sent = lane.sent[: lane.count]
    np.copyto(sent.numpy(), x[first : first + lane.count])
    lane.series = engine.run(sent.to(device.name, non_blocking=True))
    lane.copied = device.copy_back(
        [(lane.back[name][: lane.count], made) for name, made in lane.series.items()]
    )


def _collect(lane: _Lane, out: Mapping[str, Floats], done: Callable[[int], None]) -> None:
    if lane.copied is None:
        return
    lane.copied.synchronize()
    lane.copied = lane.series = None  # the device's memory may be used again: its copies are over
    for name, back in lane.back.items():
        np.copyto(out[name][lane.first : lane.first + lane.count], back[: lane.count].numpy())
    done(lane.first + lane.count)
