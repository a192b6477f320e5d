"""The GPU engine: a described network becomes one `_core.CudaPlan`, which every device it runs on has a copy of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from .. import _core
from ..models import NetworkSpec
from . import _cuda_device
from ._lower import Lowered, lower
from ._native_engine import native_layer
from ._plan import LayerPlan, Plan
from ._planner import direct_form
from ._reduce import Reduction
from ._weights import LayerWeights

# Whole waves of tiles on a processor of 132: 264 samples, and four times that where the layers' tiles come out even.
WAVE = 264
CHUNK = 4 * WAVE
SPARE = 0.9  # of the free memory that a chunk may take


class CudaEngine:
    """Plans and packs the layers up to the last one asked for; the map of that one is never written.

    Parameters
    ----------
    spec, weights : the network; the weights are packed for the first device here, and for another kind of device when it comes.
    place : the first device.
    reductions : by layer name; at least one.
    before_activation : reduce what goes into the activation instead of what comes out.
    precision : "float32" or "float16".
    chunk : samples at a time; by default 1056, or what the device's memory holds.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        weights: Mapping[str, LayerWeights],
        reductions: Mapping[str, Reduction],
        place: torch.device,
        *,
        before_activation: bool,
        precision: str,
        chunk: int | None = None,
    ) -> None:
        last = max(i for i, layer in enumerate(spec.layers) if layer.name in reductions)
        names = [layer.name for layer in spec.layers[: last + 1]]
        in_lengths = (spec.in_length, *spec.out_lengths)
        lowered = [
            lower(layer, in_length, weights[layer.name])
            for layer, in_length in zip(spec.layers[: last + 1], in_lengths, strict=False)
        ]
        self._input = (spec.in_channels, spec.in_length)
        self._names = names
        self._reductions = dict(reductions)
        self._lengths = dict(zip(names, spec.out_lengths, strict=False))
        self._chunk = chunk
        self._pack = functools.cache(
            lambda for_hopper: _pack(names, lowered, reductions, before_activation, precision, for_hopper)
        )
        self._on: dict[torch.device, _OnDevice] = {}
        self._first = self._on_device(place)
        self.plan = Plan(
            LayerPlan(name, "tensor cores", 0, layer.multiply_adds, layer.multiply_adds, packed)
            for name, layer, packed in zip(names, lowered, self._first.packed.layer_weight_bytes, strict=True)
        )

    @property
    def weight_bytes(self) -> int:
        """On each device."""
        return len(self._first.packed.constants)

    def workspace_bytes(self, chunk: int) -> int:
        """On each device, of a chunk of so many samples."""
        return self._first.packed.workspace_bytes(chunk)

    def chunk_for(self, batch: int, device: torch.device) -> int:
        """Samples at a time there."""
        return min(self._on_device(device).chunk, max(batch, 1))

    def device(self, name: torch.device) -> _cuda_device.Device:
        """Found, with the weights on it."""
        return self._on_device(name).device

    def shapes(self, batch: int) -> dict[str, tuple[int, int, int]]:
        """(B, K, L) of each series."""
        return {
            name: (batch, reduction.count, self._lengths[name])
            for name, reduction in self._reductions.items()
        }

    def run(self, x: Tensor) -> dict[str, Tensor]:
        """Series (B, K, L) of a float32 batch (B, ...) on a device, in its present stream, which is not waited for."""
        place = self._on_device(x.device)
        out = {
            name: place.allocate(shape, torch.float32, "the series")
            for name, shape in self.shapes(len(x)).items()
        }
        if len(x) == 0:
            return out
        x = x.reshape(len(x), *self._input)
        chunk = min(place.chunk, len(x))
        memory = place.allocate(
            (place.packed.workspace_bytes(chunk),), torch.uint8, f"a chunk of {chunk} samples"
        )
        place.device.run(
            plan=place.packed,
            constants=place.constants,
            memory=memory.data_ptr(),
            chunk=chunk,
            input=x.data_ptr(),
            strides=x.stride(),
            batch=len(x),
            series=[out[name].data_ptr() if name in out else 0 for name in self._names],
        )
        return out

    def _on_device(self, name: torch.device) -> _OnDevice:
        if name not in self._on:
            device = _cuda_device.find_device(name)
            if device.name not in self._on:
                self._on[device.name] = _OnDevice(device, self._pack(device.is_hopper), self._chunk)
            self._on[name] = self._on[device.name]
        return self._on[name]


class _OnDevice:
    """A plan's constants on one device, and the samples at a time that its memory allows.

    Everything else is PyTorch's: memory of a call comes from its cache, in the order of the stream, and in a graph's own pool
    while one is captured.
    """

    def __init__(self, device: _cuda_device.Device, packed: _core.CudaPlan, chunk: int | None) -> None:
        self.device = device
        self.packed = packed
        self.chunk = min(chunk or CHUNK, packed.largest_chunk)
        self.constants = self.allocate((len(packed.constants),), torch.uint8, "the packed weights")
        self.constants.copy_(torch.from_numpy(packed.constants))
        if chunk is None:
            self.chunk = (
                fitting_chunk(packed.workspace_bytes, int(SPARE * device.free_bytes()), self.chunk) or 1
            )

    def allocate(self, shape: tuple[int, ...], dtype: torch.dtype, what: str) -> Tensor:
        try:
            return torch.empty(shape, dtype=dtype, device=self.device.name)
        except torch.cuda.OutOfMemoryError as error:
            raise torch.cuda.OutOfMemoryError(self._too_large(what)) from error

    def _too_large(self, what: str) -> str:
        free = self.device.free_bytes()
        chunk = fitting_chunk(self.packed.workspace_bytes, int(SPARE * free), self.chunk)
        advice = (
            f"chunk={chunk} would fit" if chunk else "not even one sample would fit: free some of it first"
        )
        return f"{self.device.name}: no memory for {what}; {free / 1e6:.0f} MB are free, of which {advice}"


def fitting_chunk(workspace_bytes: Callable[[int], int], free_bytes: int, most: int) -> int:
    """The most samples, up to ``most``, whose workspace is no larger than that: whole waves where there is room for one."""
    if workspace_bytes(most) <= free_bytes:
        return most
    low, high = 0, most  # fits, does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if workspace_bytes(middle) <= free_bytes else (low, middle)
    return low - low % WAVE if low >= WAVE else low


def _pack(
    names: list[str],
    lowered: list[Lowered],
    reductions: Mapping[str, Reduction],
    before_activation: bool,
    precision: str,
    for_hopper: bool,
) -> _core.CudaPlan:
    layers = [
        native_layer(
            layer, reductions.get(name), form=direct_form(layer), before_activation=before_activation
        )
        for name, layer in zip(names, lowered, strict=True)
    ]
    return _core.CudaPlan(layers, getattr(_core.CudaPrecision, precision), for_hopper)
