"""One shard: computed, written, receipted. The same bits whoever does it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from ..probe import LayerInfo
from ._gather import Gathered, gather
from ._keep import Kept
from ._layout import AUDIO
from ._moments import Part
from ._passes import Pass, as_samples
from ._receipts import File, Receipt, Receipts
from ._store import Store

if TYPE_CHECKING:
    from ._sweep import Sweep

BLOCK = 512  # samples that go through the network at a time
_LARGEST_FLOAT16 = 65504.0


@dataclass(frozen=True, slots=True)
class Computed:
    """What a shard is, before it is written: rows of arrays, and its part of results over all samples."""

    shard: int
    rows: slice
    memory: dict[str, NDArray[Any]]
    part: Part
    not_finite: int

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """(n, ...) by path; the last shard may be shorter than the memory for one."""
        return {path: array[: self.rows.stop - self.rows.start] for path, array in self.memory.items()}


class Worker:
    """Computes and writes shards of a sweep."""

    def __init__(self, sweep: Sweep, store: Store) -> None:
        self.sweep, self.store, self.receipts = sweep, store, sweep.receipts
        self._since = time.monotonic()
        # What is done with the series of a reduction and layer, found once.
        self._places: dict[tuple[str, str], list[tuple[Kept, str]]] = {}
        self._gathered: dict[tuple[str, str], list[tuple[Gathered, str]]] = {}
        for each in sweep.passes:
            for layer in each.layers:
                name, shape = each.reduction, each.shapes[layer.name]
                self._places[name, layer.name] = [
                    (kept, f"{layer.name}/{name}{variable.suffix}")
                    for kept in sweep.kept
                    if (variable := kept.variable(layer, shape)) is not None
                ]
                self._gathered[name, layer.name] = [
                    (what, f"{what.group}/{layer.name}/{name}")
                    for what in sweep.gathered
                    if what.results(layer, name, shape, sweep.design)
                ]
        # Memory of shards that are written: fresh pages for each took longer than writing it.
        self._spare: list[dict[str, NDArray[Any]]] = []

    def work(self, shard: int) -> Receipt:
        """Compute and write."""
        return self.write(self.compute(shard))

    def compute(self, shard: int) -> Computed:
        """Without writing anything."""
        sweep = self.sweep
        rows = slice(shard * sweep.shard, min((shard + 1) * sweep.shard, len(sweep.design)))
        memory = self._memory()
        parts: dict[str, Part] = {}
        not_finite = 0
        for first in range(rows.start, rows.stop, BLOCK):
            samples = slice(first, min(first + BLOCK, rows.stop))
            block = slice(samples.start - rows.start, samples.stop - rows.start)
            into = {path: array[block] for path, array in memory.items()}
            latents = sweep.design[samples]
            self._put_design(into, samples, latents)
            for each in sweep.passes:
                series = _run(each, latents, into)
                if each.sound is not None:
                    into[f"{AUDIO}/waveform"][...] = as_samples(series[each.sound])
                for layer in each.layers:
                    values = series[layer.name]
                    not_finite += values.size - int(np.isfinite(values).sum())
                    self._put_kept(into, each.reduction, layer, values)
                    self._gather(parts, samples, each.reduction, layer, values)
        named = {f"{key}/{kind}": values for key, part in parts.items() for kind, values in part.items()}
        return Computed(shard, rows, memory, named, not_finite)

    def write(self, computed: Computed) -> Receipt:
        """Files first, then the receipt."""
        shard, rows = computed.shard, computed.rows
        files = self.store.write(shard, rows, computed.arrays)
        if computed.part:
            files |= self.store.write_part(shard, as_bytes(computed.part))
        self._spare.append(computed.memory)
        now = time.monotonic()
        seconds, self._since = now - self._since, now
        return self.receipts.write(
            shard, rows.start, rows.stop, files, not_finite=computed.not_finite, seconds=seconds
        )

    def _memory(self) -> dict[str, NDArray[Any]]:
        """For one shard."""
        if self._spare:
            return self._spare.pop()
        arrays = self.sweep.layout.of_samples
        rows = min(self.sweep.shard, len(self.sweep))
        return {array.path: np.empty((rows, *array.shape[1:]), array.dtype) for array in arrays}

    def _put_design(
        self, into: dict[str, NDArray[Any]], samples: slice, latents: NDArray[np.float32]
    ) -> None:
        into["sample"][...] = np.arange(samples.start, samples.stop)
        for name, values in self.sweep.design.variables(samples).items():
            into[name][...] = values
        if "code" in into:
            into["code"][...] = latents[:, : self.sweep.code_size]
        if "z" in into:
            into["z"][...] = latents

    def _put_kept(
        self, into: dict[str, NDArray[Any]], name: str, layer: LayerInfo, series: NDArray[np.float32]
    ) -> None:
        for each, path in self._places[name, layer.name]:
            values = each(layer, series)
            if np.may_share_memory(values, into[path]):
                continue
            if into[path].dtype == np.float16 and np.abs(values).max(initial=0) > _LARGEST_FLOAT16:
                raise ValueError(
                    f"dtype: float16 holds values to {_LARGEST_FLOAT16:g}, got {np.abs(values).max():g} in {path}; "
                    "store float32"
                )
            into[path][...] = values

    def _gather(
        self,
        parts: dict[str, Part],
        samples: slice,
        name: str,
        layer: LayerInfo,
        series: NDArray[np.float32],
    ) -> None:
        numbers = np.arange(samples.start, samples.stop)
        for what, key in self._gathered[name, layer.name]:
            part = gather(what, layer, series, numbers, self.sweep.design.cells(samples))
            parts[key] = what.joined(parts[key], part) if key in parts else part


def _run(
    what: Pass, latents: NDArray[np.float32], into: dict[str, NDArray[Any]]
) -> dict[str, NDArray[np.float32]]:
    """Series (n, ..., L) by layer; in their place already where they are kept as they are."""
    places = {layer: into.get(f"{layer}/{what.reduction}") for layer in what.kept}
    out = {layer: array for layer, array in places.items() if array is not None and array.dtype == np.float32}
    found = what.probe.run(latents.reshape(len(latents), *what.probe.input_shape), out=out)
    return found.to_numpy()


def finish(sweep: Sweep, store: Store, receipts: Receipts) -> None:
    """Results over all samples, once every shard is there; nothing before."""
    if not sweep.gathered or receipts.results() is not None or len(receipts.done()) < sweep.shard_count:
        return
    files: dict[str, File] = {}
    for what, each in itertools.product(sweep.gathered, sweep.passes):
        for layer in each.layers:
            results = what.results(layer, each.reduction, each.shapes[layer.name], sweep.design)
            if results:
                path = f"{what.group}/{layer.name}"
                parts = _parts(f"{path}/{each.reduction}/", store, sweep.shard_count)
                merged = what.merged(results, parts)
                files |= store.write_results(
                    {f"{path}/{result}": values for result, values in merged.items()}
                )
    receipts.write_results(files)


def _parts(prefix: str, store: Store, shards: int) -> Iterator[Part]:
    for shard in range(shards):
        arrays = safetensors.numpy.load(store.read_part(shard))
        yield {
            name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)
        }


def as_bytes(part: Part) -> bytes:
    """The same bytes for the same values."""
    return safetensors.numpy.save({name: np.ascontiguousarray(values) for name, values in part.items()})
