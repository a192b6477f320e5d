"""What carries a checked batch through a network: the compiled engine, PyTorch, or a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ._cuda_engine import CudaEngine
from ._cuda_stream import run_streamed
from ._machine import for_estimates
from ._native_engine import NativeEngine
from ._plan import Estimate, LayerPlan, Plan, choose_chunk
from ._reduce import Reduction
from ._torch_engine import TorchEngine
from ._weights import Floats

FALLBACK_CHUNK = 16  # PyTorch holds every map of a chunk
Progress = Callable[[int, int], None]


class Runner(Protocol):
    """One way to compute the series of a network."""

    @property
    def name(self) -> str:
        """Of the engine and what it runs on."""

    @property
    def plan(self) -> Plan:
        """How each layer is computed."""

    def chunk_for(self, batch: int) -> int:
        """Samples at a time of so many."""

    def run(self, x: Floats, out: Mapping[str, Floats], progress: Progress) -> None:
        """Fill ``out[layer]`` (B, K, L) from a batch (B, ...), reporting samples done and in all."""

    def estimate(self, batch: int) -> Estimate:
        """Bytes and seconds; ValueError where they are not known."""


class CpuRunner:
    """The compiled engine on the processor."""

    def __init__(self, engine: NativeEngine, num_threads: int, chunk: int | None) -> None:
        self.engine = engine
        self._num_threads = num_threads
        self._chunk = chunk

    @property
    def name(self) -> str:
        return f"cpu ({self.engine.isa})"

    @property
    def plan(self) -> Plan:
        return self.engine.plan

    def chunk_for(self, batch: int) -> int:
        return choose_chunk(batch) if self._chunk is None else self._chunk

    def run(self, x: Floats, out: Mapping[str, Floats], progress: Progress) -> None:
        for part in _parts(len(x), self.chunk_for(len(x))):
            self.engine.run(x[part], {name: array[part] for name, array in out.items()}, self._num_threads)
            progress(part.stop, len(x))

    def estimate(self, batch: int) -> Estimate:
        chunk = min(self.chunk_for(batch), batch)
        machine = for_estimates(self.engine.isa, self._num_threads)
        seconds = sum(form.seconds(batch, machine, self._num_threads) for form in self.engine.forms)
        return Estimate(
            batch=batch,
            chunk=chunk,
            multiply_adds=batch * sum(row.multiply_adds for row in self.plan),
            computed=batch * sum(row.computed for row in self.plan),
            weight_bytes=self.engine.weight_bytes,
            workspace_bytes=self.engine.workspace_bytes(chunk, self._num_threads) if batch else 0,
            series_bytes=batch * sum(array.nbytes for array in self.engine.empty(1).values()),
            seconds=seconds if batch else 0.0,
        )


class TorchRunner:
    """PyTorch on the processor, for networks that no engine of ours takes."""

    name = "torch"

    def __init__(
        self,
        engine: TorchEngine,
        reductions: Mapping[str, Reduction],
        *,
        before_activation: bool,
        chunk: int | None,
    ) -> None:
        self._engine = engine
        self._reductions = dict(reductions)
        self._before_activation = before_activation
        self._chunk = chunk or FALLBACK_CHUNK
        self._whole_batch = engine.mixes_samples()

    @property
    def plan(self) -> Plan:
        return Plan(LayerPlan(name, "torch", 0, 0, 0, 0) for name in self._reductions)

    def chunk_for(self, batch: int) -> int:
        return max(batch, 1) if self._whole_batch else self._chunk

    def run(self, x: Floats, out: Mapping[str, Floats], progress: Progress) -> None:
        for part in _parts(len(x), self.chunk_for(len(x))):
            series = self._engine.run(
                x[part],
                list(self._reductions),
                list(self._reductions.values()),
                before_activation=self._before_activation,
            )
            for name, values in zip(self._reductions, series, strict=True):
                out[name][part] = values
            progress(part.stop, len(x))

    def estimate(self, batch: int) -> Estimate:
        raise ValueError(
            "estimate: this network runs in PyTorch, whose memory and time are not known beforehand"
        )


class CudaRunner:
    """The GPU engine. ``device`` without a number stands for the one a tensor is on, or the present one."""

    def __init__(self, engine: CudaEngine, device: torch.device, precision: str) -> None:
        self.engine = engine
        self._device = device
        self._precision = precision

    @property
    def name(self) -> str:
        return f"{self._device} ({self._precision})"

    @property
    def plan(self) -> Plan:
        return self.engine.plan

    def chunk_for(self, batch: int) -> int:
        return self.engine.chunk_for(batch, self._device)

    def run(self, x: Floats, out: Mapping[str, Floats], progress: Progress) -> None:
        run_streamed(
            self.engine, self.engine.device(self._device), x, out, lambda done: progress(done, len(x))
        )

    def run_tensor(self, x: Tensor) -> dict[str, Tensor]:
        """Series (B, K, L) of a float32 batch (B, ...) on a device, in its present stream."""
        if self._device.index is not None and x.device != self._device:
            raise ValueError(f"input: expected a tensor on {self._device}, got one on {x.device}")
        return self.engine.run(x)

    def estimate(self, batch: int) -> Estimate:
        """Memory is the device's, but for the series of a batch that lies in host memory; seconds are NaN."""
        chunk = self.chunk_for(batch) if batch else 0
        products = batch * sum(row.multiply_adds for row in self.plan)
        return Estimate(
            batch=batch,
            chunk=chunk,
            multiply_adds=products,
            computed=products,
            weight_bytes=self.engine.weight_bytes,
            workspace_bytes=self.engine.workspace_bytes(chunk) if batch else 0,
            series_bytes=4 * sum(int(np.prod(shape)) for shape in self.engine.shapes(batch).values()),
            seconds=float("nan"),
        )


def _parts(count: int, step: int) -> list[slice]:
    return [slice(first, min(first + step, count)) for first in range(0, count, step)]
