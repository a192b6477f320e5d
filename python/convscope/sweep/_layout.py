"""Which arrays a store has: a pure function of the layers, the design and what is kept.

A group for each layer with dims (sample, time); beside them in the root what each sample is. A shard of the plan is one file
of each array, of which the chunks are the units to be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..latents import Design
from ..probe import LayerInfo, LayerTable
from ._gather import Gathered, Result
from ._keep import Axis, Kept, Shape, Variable

CHUNK_BYTES = 1 << 20
AUDIO = "audio"
RESERVED = (
    "receipts",
    "failures",
    "parts",
    "moments",
    "top",
    AUDIO,
    "sample",
    "z",
    "code",
    "base",
    "line",
    "step",
)
AXES = ("unit", "readout", "rank", "variable", "entry")


@dataclass(frozen=True, slots=True)
class Array:
    """One array of the store. ``values`` are there from the beginning where they do not depend on samples."""

    path: str  # group/name, or name in the root
    dims: tuple[str, ...]
    shape: Shape
    dtype: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    values: NDArray[Any] | None = None

    @property
    def is_of_samples(self) -> bool:
        """Whether it is written shard by shard."""
        return self.dims[:1] == ("sample",) and self.values is None

    @property
    def nbytes(self) -> int:
        """Of all of it, uncompressed."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    @property
    def row_bytes(self) -> int:
        """Of one sample."""
        return int(np.prod(self.shape[1:], dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def chunks(self, shard: int) -> Shape:
        """What is read together, `CHUNK_BYTES` at most: of samples a divisor of the shard."""
        if not self.shape:
            return ()
        most = max(CHUNK_BYTES // max(self.row_bytes, 1), 1)
        length = min(most, max(self.shape[0], 1))
        if self.is_of_samples:
            length = next(length for length in range(min(shard, most), 0, -1) if shard % length == 0)
        return (length, *self.shape[1:])


@dataclass(frozen=True, slots=True)
class Layout:
    """All arrays, and the attributes of the groups they are in."""

    arrays: tuple[Array, ...]
    groups: Mapping[str, Mapping[str, Any]]

    @property
    def of_samples(self) -> tuple[Array, ...]:
        """Those that are written shard by shard."""
        return tuple(array for array in self.arrays if array.is_of_samples)

    @property
    def sample_bytes(self) -> int:
        """Of one sample, in all arrays, uncompressed."""
        return sum(array.row_bytes for array in self.of_samples)


def lay_out(
    design: Design,
    layers: LayerTable,
    shapes: Mapping[tuple[str, str], Shape],
    *,
    kept: Iterable[Kept],
    gathered: Iterable[Gathered],
    dtype: str,
    code_size: int,
    with_latents: bool,
    audio: LayerInfo | None,
) -> Layout:
    """Arrays for series of ``shapes`` by layer and reduction.

    Raises
    ------
    ValueError
        for a layer of a name that the store needs, or of which something cannot be kept.
    """
    kept, gathered = tuple(kept), tuple(gathered)
    root = _of_design(design, code_size, with_latents)
    _check_names(layers.names, {reduction for _, reduction in shapes}, {array.path for array in root})
    groups = [_of_kept(layer, shapes, kept, len(design), dtype) for layer in layers]
    groups += [_of_gathered(layer, shapes, what, design, dtype) for what in gathered for layer in layers]
    used = {text for group in groups for text in group.used}
    for text in [each.text for each in kept] + [what.text for what in gathered]:
        if text not in used:
            raise ValueError(
                f"keep: none of {', '.join(layers.names)} has a time axis for {text}; choose other layers"
            )
    if audio is not None:
        groups.append(_of_sound(audio, len(design)))
    groups = [group for group in groups if group.arrays]
    coordinates = " ".join(array.path for array in root if array.path != "z")
    return Layout(
        (*root, *(array for group in groups for array in group.arrays)),
        {"": {"coordinates": coordinates}}
        | {what.group: {} for what in gathered}
        | {group.path: group.attributes for group in groups},
    )


def _of_kept(
    layer: LayerInfo, shapes: Mapping[tuple[str, str], Shape], kept: Iterable[Kept], samples: int, dtype: str
) -> _Group:
    """What is kept of each sample of a layer."""
    group = _Group(layer.name, _about(layer), samples, dtype)
    for (name, reduction), shape in shapes.items():
        for each in kept if name == layer.name else ():
            variable = each.variable(layer, shape)
            if variable is not None:
                group.used.append(each.text)
                group.add(reduction + variable.suffix, variable)
    return group


def _of_gathered(
    layer: LayerInfo, shapes: Mapping[tuple[str, str], Shape], what: Gathered, design: Design, dtype: str
) -> _Group:
    """What is kept of all samples of a layer together."""
    group = _Group(f"{what.group}/{layer.name}", _about(layer), len(design), dtype)
    for (name, reduction), shape in shapes.items():
        for result in what.results(layer, reduction, shape, design) if name == layer.name else ():
            group.used.append(what.text)
            group.add_result(result)
    return group


def _of_sound(layer: LayerInfo, samples: int) -> _Group:
    """The waveform of a generator."""
    group = _Group(AUDIO, {"sample_rate_hz": layer.sample_rate_hz}, samples, "int16")
    time = Axis("time", np.arange(layer.length) / layer.sample_rate_hz, "s")
    group.add("waveform", Variable("", (time,), (layer.length,), {"long_name": "1.0 is 32767; clipped"}))
    return group


def _check_names(layers: Iterable[str], reductions: Iterable[str], of_design: set[str]) -> None:
    """ValueError for a name that something else in the store has."""
    taken = {*RESERVED, *of_design}
    for name in layers:
        if name in taken or "/" in name:
            raise ValueError(f"layers: a layer named {name!r} has no place beside {', '.join(sorted(taken))}")
    for name in reductions:
        if name in {*taken, *AXES} or name.startswith(("time", "field_centre")):
            raise ValueError(f"reduce: expected a name that nothing else in the store has, got {name!r}")


class _Group:
    """Arrays of one group, the axes that they share among them; ``used`` is what was asked for and is there."""

    def __init__(self, path: str, about: Mapping[str, Any], samples: int, dtype: str) -> None:
        self.path, self._about, self._samples, self._dtype = path, about, samples, dtype
        self.used: list[str] = []
        self._made: dict[str, Array] = {}
        self._coordinates: list[str] = []

    @property
    def arrays(self) -> list[Array]:
        return list(self._made.values())

    @property
    def attributes(self) -> dict[str, Any]:
        """Of the group."""
        return {**self._about} | ({"coordinates": " ".join(self._coordinates)} if self._coordinates else {})

    def add(self, name: str, variable: Variable) -> None:
        """An array with a row for each sample."""
        dims = ("sample", *(axis.name for axis in variable.axes))
        shape, dtype = (self._samples, *variable.shape), variable.dtype or self._dtype
        self._put(name, dims, shape, dtype, variable.attributes, variable.axes)

    def add_result(self, result: Result) -> None:
        """An array of all samples together."""
        dims = tuple(axis.name for axis in result.axes)
        self._put(result.name, dims, result.shape, result.dtype, result.attributes, result.axes)

    def _put(
        self,
        name: str,
        dims: tuple[str, ...],
        shape: Shape,
        dtype: str,
        attributes: Mapping[str, Any],
        axes: Iterable[Axis],
    ) -> None:
        if name in self._made:
            raise ValueError(
                f"reduce, keep: {self.path}/{name} would be two arrays; give the reduction another name"
            )
        self._made[name] = Array(f"{self.path}/{name}", dims, shape, dtype, dict(attributes))
        for axis in axes:
            if axis.values is not None:
                self._constant(axis.name, axis.name, axis.values, {"units": axis.units} if axis.units else {})
            if axis.field_centres_s is not None:
                centre = axis.name.replace("time", "field_centre", 1)
                described = {
                    "units": "s",
                    "long_name": "centre of the stretch that the position sees or makes",
                }
                self._constant(centre, axis.name, axis.field_centres_s, described)
                if centre not in self._coordinates:
                    self._coordinates.append(centre)

    def _constant(self, name: str, dim: str, values: NDArray[Any], attributes: Mapping[str, Any]) -> None:
        path = f"{self.path}/{name}"
        self._made[name] = Array(path, (dim,), values.shape, values.dtype.str[1:], attributes, values)


def _of_design(design: Design, code_size: int, with_latents: bool) -> list[Array]:
    count = len(design)
    arrays = [
        Array("sample", ("sample",), (count,), "i8", {"long_name": "number in the design; -1: not there yet"})
    ]
    for name, values in design.variables(slice(0, 1)).items():
        arrays.append(Array(name, ("sample",), (count,), values.dtype.str[1:]))
    if code_size:
        arrays.append(Array("code", ("sample", "entry"), (count, code_size), "f4"))
    if with_latents:
        arrays.append(
            Array("z", ("sample", "variable"), (count, design.size), "f4", {"long_name": "latent vector"})
        )
    return arrays


def _about(layer: LayerInfo) -> dict[str, Any]:
    facts = {"kind": layer.kind, "channels": layer.channels, "activation": layer.activation}
    return facts | ({"rate_hz": layer.rate_hz} if layer.has_clock else {})
