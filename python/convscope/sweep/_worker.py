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
from ._layout import AUDIO
from ._moments import Part
from ._receipts import Receipt, Receipts
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
        self._spare: list[
            dict[str, NDArray[Any]]
        ] = []  # memory of shards that are written: fresh pages cost time

    def work(self, shard: int) -> Receipt:
        """Compute and write."""
        return self.write(self.compute(shard))

    def compute(self, shard: int) -> Computed:
        """Without writing anything."""
        sweep = self.sweep
        rows = slice(shard * sweep.shard, min((shard + 1) * sweep.shard, len(sweep.design)))
        count = rows.stop - rows.start
        arrays = self._memory()
        parts: dict[str, Part] = {}
        not_finite = 0
        for first in range(0, count, BLOCK):
            block = slice(first, min(first + BLOCK, count))
            numbers = np.arange(rows.start + block.start, rows.start + block.stop)
            latents = sweep.design[numbers]
            self._put_design(arrays, block, numbers, latents)
            cells = sweep.design.cells(numbers) if sweep.gathered else numbers
            for name, layer, series in self._series(latents, arrays, block):
                if (name, layer.name) == sweep.sound_source:
                    sound = np.nan_to_num(series.astype(np.float64)).clip(-1, 1)
                    arrays[f"{AUDIO}/waveform"][block] = np.rint(sound * 32767)
                if name not in sweep.reductions:
                    continue
                not_finite += series.size - int(np.isfinite(series).sum())
                self._put_kept(arrays, block, name, layer, series)
                for what in sweep.gathered:
                    if what.results(layer, name, series.shape[1:], sweep.design):
                        key = f"{what.group}/{layer.name}/{name}"
                        part = gather(what, layer, series, numbers, cells)
                        parts[key] = part if key not in parts else what.joined(parts[key], part)
        named = {f"{key}/{kind}": values for key, part in parts.items() for kind, values in part.items()}
        return Computed(shard, rows, arrays, named, not_finite)

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
        rows = self.sweep.shard
        return {
            array.path: np.empty((rows, *array.shape[1:]), array.dtype)
            for array in self.sweep.layout.of_samples
        }

    def _series(
        self, latents: NDArray[np.float32], arrays: dict[str, NDArray[Any]], block: slice
    ) -> Iterator[tuple[str, LayerInfo, NDArray[np.float32]]]:
        """Of a block: reduction, layer, series (n, ..., L); in the arrays of the shard where they are kept as they are."""
        for name, probe in self.sweep.probes.items():
            kept = {layer: arrays.get(f"{layer}/{name}") for layer in probe.layers.names}
            out = {
                layer: array[block]
                for layer, array in kept.items()
                if array is not None and array.dtype == np.float32
            }
            found = probe.run(latents.reshape(len(latents), *probe.input_shape), out=out)
            for layer in probe.layers:
                yield name, layer, np.asarray(found[layer.name])

    def _put_design(
        self,
        arrays: dict[str, NDArray[Any]],
        block: slice,
        numbers: NDArray[np.int64],
        latents: NDArray[np.float32],
    ) -> None:
        arrays["sample"][block] = numbers
        for name, values in self.sweep.design.variables(numbers).items():
            arrays[name][block] = values
        if "code" in arrays:
            arrays["code"][block] = latents[:, : self.sweep.code_size]
        if "z" in arrays:
            arrays["z"][block] = latents

    def _put_kept(
        self,
        arrays: dict[str, NDArray[Any]],
        block: slice,
        name: str,
        layer: LayerInfo,
        series: NDArray[np.float32],
    ) -> None:
        for each in self.sweep.kept:
            variable = each.variable(layer, series.shape[1:])
            if variable is None:
                continue
            path = f"{layer.name}/{name}{variable.suffix}"
            values = each(layer, series)
            if np.may_share_memory(values, arrays[path]):
                continue
            if arrays[path].dtype == np.float16 and np.abs(values).max(initial=0) > _LARGEST_FLOAT16:
                raise ValueError(
                    f"dtype: float16 holds values to {_LARGEST_FLOAT16:g}, got {np.abs(values).max():g} in {path}; "
                    "store float32"
                )
            arrays[path][block] = values


def finish(sweep: Sweep, store: Store, receipts: Receipts) -> None:
    """Results over all samples, once every shard is there; nothing before."""
    if not sweep.gathered or receipts.has_results or len(receipts.done()) < sweep.shard_count:
        return
    for what, (name, probe) in itertools.product(sweep.gathered, sweep.probes.items()):
        if name not in sweep.reductions:
            continue
        for layer, shape in zip(probe.layers, probe.series_shapes, strict=True):
            results = what.results(layer, name, shape, sweep.design)
            if results:
                path = f"{what.group}/{layer.name}"
                merged = what.merged(results, _parts(what, f"{path}/{name}/", store, sweep.shard_count))
                store.write_results({f"{path}/{result}": values for result, values in merged.items()})
    receipts.write_results()


def _parts(what: Gathered, prefix: str, store: Store, shards: int) -> Iterator[Part]:
    for shard in range(shards):
        arrays = safetensors.numpy.load(store.read_part(shard))
        yield {
            name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)
        }


def as_bytes(part: Part) -> bytes:
    """The same bytes for the same values."""
    return safetensors.numpy.save({name: np.ascontiguousarray(values) for name, values in part.items()})
