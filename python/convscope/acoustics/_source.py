"""What can be measured, brought to one form: layers with a clock, each with its series read in blocks.

A probe's series, the store of a sweep, their datasets and batches of sounds are known by what they have, not by
their class: most are made in rooms above this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ._about import About, of_samples
from ._measure import expect
from ._wave import Floats, Wave

RATE_TOLERANCE = 1e-6
_READ = 64  # sounds


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Series of one layer: ``count`` of ``length`` values, ``read(rows)`` gives (n, L) of them."""

    name: str
    rate_hz: float
    start_s: float
    count: int
    length: int
    read: Callable[[slice], Floats] = field(repr=False)
    field_start_s: float | None = None

    def wave(self, values: Floats) -> Wave:
        """One of them."""
        return Wave(values, self.rate_hz, self.start_s, self.field_start_s)

    def waves(self) -> Iterator[Wave]:
        """All of them in order, read some at a time."""
        for first in range(0, self.count, _READ):
            yield from map(self.wave, self.read(slice(first, min(first + _READ, self.count))))

    @property
    def axis(self) -> Wave:
        """One without values: begin, end and times of all."""
        return self.wave(np.zeros(self.length))


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Layers of the same sounds, those left out with the reason, and what the source knows of each sound."""

    layers: tuple[Layer, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    about: About = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Sounds."""
        return self.layers[0].count

    def layer(self, name: str) -> Layer | None:
        """By name."""
        return next((layer for layer in self.layers if layer.name == name), None)


def source_of(source: Any, *, rate_hz: float | None, start_s: float, reduction: str | None) -> Source:
    """Any source as layers; ValueError or TypeError naming what was expected."""
    kind = _kind(source)
    if kind in ("array", "series", "batch"):
        expect(reduction is None, "reduction", "none beside a source that has one", reduction)
    if kind == "array":
        expect(rate_hz is not None, "rate_hz", "the values per second of an array", None)
        found = Source((layer_of_array("", source, float(rate_hz or 0), start_s),))
    else:
        expect(rate_hz is None, "rate_hz", "none beside a source that knows its rates", rate_hz)
        expect(start_s == 0, "start_s", "none beside a source that knows its times", start_s)
        found = _known(kind, source, reduction)
    left_out = "; ".join(f"{name}: {reason}" for name, reason in found.left_out.items())
    expect(bool(found.layers), "source", "layers with time series", left_out or "none")
    counts = {layer.name: layer.count for layer in found.layers}
    expect(len(set(counts.values())) == 1, "source", "as many sounds of every layer", counts)
    return found


def one_layer(
    source: Any, name: str | None, *, rate_hz: float | None, start_s: float, reduction: str | None
) -> Layer:
    """The named layer of any source, or the only one there is; errors as those of `source_of`."""
    found = source_of(source, rate_hz=rate_hz, start_s=start_s, reduction=reduction)
    known = ", ".join(layer.name for layer in found.layers)
    if name is None:
        expect(len(found.layers) == 1, "layer", f"one of {known}", None)
        return found.layers[0]
    chosen = found.layer(name)
    if chosen is None:
        raise ValueError(f"layer: expected one of {known}, got {name!r}")
    return chosen


def layer_of_array(name: str, array: Any, rate_hz: float, start_s: float) -> Layer:
    """A layer of (L,) or (n, L) values, NumPy or torch."""
    values = as_numpy(array)
    expect(values.ndim in (1, 2), "source", "series (L,) or (n, L)", f"shape {values.shape}")
    expect(values.size > 0, "source", "at least one value", f"shape {values.shape}")
    expect(0 < rate_hz < np.inf, "rate_hz", "a positive number", rate_hz)
    rows = np.atleast_2d(values)
    count, length = rows.shape
    # Very many sounds of a few values are columns that were meant as rows.
    is_upright = count > 16 * length and length < 32 and length / rate_hz < 0.01 < count / rate_hz
    expect(
        not is_upright,
        "source",
        "a row for each sound (n, L)",
        f"shape {rows.shape}, sounds of {1000 * length / rate_hz:.3g} ms at {rate_hz:g} Hz; transpose it",
    )
    return Layer(name, rate_hz, start_s, count, length, lambda chosen: rows[chosen].astype(np.float64))


def as_numpy(array: Any) -> Any:
    """Also of torch, on any device; integer samples are brought to full scale ±1. TypeError for other numbers."""
    values = np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
    if values.dtype in (np.int16, np.int32):  # samples of sound: full scale is 1
        return values / -float(np.iinfo(values.dtype).min)
    if values.dtype.kind != "f":
        raise TypeError(
            f"source: expected floating-point numbers, or samples of 16 or 32 bits, got {values.dtype}"
        )
    return values


def is_batch(source: Any) -> bool:
    """Whether it is a `Batch` or `WordCorpus` of `convscope.data`, or anything else with waveforms and their rate."""
    return hasattr(source, "waveforms") and hasattr(source, "sample_rate_hz")


def _kind(source: Any) -> str:
    if hasattr(source, "children") and hasattr(source, "attrs"):
        return "tree"
    if hasattr(source, "layers") and isinstance(source, Mapping):
        return "series"
    if hasattr(source, "data_vars"):
        return "dataset"
    if is_batch(source):
        return "batch"
    if isinstance(source, np.ndarray | list | tuple) or hasattr(source, "detach"):
        return "array"
    raise TypeError(
        f"source: expected an array, a batch of sounds, a probe's series, or what open_sweep returns, got {type(source).__name__}"
    )


def _known(kind: str, source: Any, reduction: str | None) -> Source:
    """A source with clocks of its own."""
    if kind == "batch":
        return Source((layer_of_array("", source.waveforms, float(source.sample_rate_hz), 0.0),))
    if kind == "series":
        return _of_series(source)
    if kind == "dataset":
        return replace(_of_dataset(source, reduction), about=of_samples(source.coords))
    groups = {str(source.name or ""): source}  # one layer of a store
    if source.children:
        names = str(source.attrs.get("layers", "")).split() or list(source.children)
        groups = {name: source[name] for name in names if name in source.children}
    # Of all layers, so they stand at the root.
    return replace(_of_groups(groups, reduction), about=of_samples(source.root.coords))


def _of_series(series: Any) -> Source:
    layers, left_out = [], {}
    for info in series.layers:
        if not info.has_clock:
            left_out[info.name] = "no time axis"
            continue
        values = as_numpy(series[info.name])
        if values.ndim != 2:
            left_out[info.name] = f"expected one series per sound (n, L), got shape {values.shape}"
            continue
        centres_s = info.field_centres_s()
        made = layer_of_array(info.name, values, info.rate_hz, float(info.times_s()[0]))
        layers.append(replace(made, field_start_s=None if centres_s is None else float(centres_s[0])))
    return Source(tuple(layers), left_out)


def _of_groups(groups: Mapping[str, Any], reduction: str | None) -> Source:
    """A layer of each group of a store: its series, or what was kept of it, a window or a decimated one."""
    layers: list[Layer] = []
    left_out: dict[str, str] = {}
    for name, group in groups.items():
        if "rate_hz" not in group.attrs:
            left_out[name] = "no time axis"
            continue
        known = [str(each) for each, variable in group.data_vars.items() if _is_series(variable)]
        whole = [each for each in known if group[each].dims[1] == "time"]
        chosen = [each for each in known if each == reduction] if reduction is not None else whole or known
        if not known:
            left_out[name] = "kept without its series"
            continue
        expect(len(chosen) == 1, "reduction", f"one of {', '.join(known)} of {name}", reduction)
        variable = group[chosen[0]]
        # Of a decimated series the times alone know the rate.
        told = None if variable.dims[1] == "time_decimated" else group.attrs["rate_hz"]
        try:
            layers.append(_of_variable(name, group, variable, told))
        except ValueError as error:
            left_out[name] = str(error)
    return Source(tuple(layers), left_out)


def _of_dataset(dataset: Any, reduction: str | None) -> Source:
    """A layer of each variable (sample, time...)."""
    names = [str(name) for name, variable in dataset.data_vars.items() if _is_series(variable)]
    if reduction is not None:
        expect(reduction in names, "reduction", f"one of {', '.join(names) or 'none'}", reduction)
        names = [reduction]
    layers, left_out = [], {}
    for name in names:
        variable = dataset[name]
        axis = variable.dims[1]
        if axis not in dataset.coords or dataset[axis].attrs.get("units") != "s":
            left_out[name] = "no time axis in seconds"
            continue
        layers.append(_of_variable(name, dataset, variable, dataset.attrs.get("rate_hz")))
    return Source(tuple(layers), left_out)


def _of_variable(name: str, dataset: Any, variable: Any, told_hz: Any) -> Layer:
    """ValueError where its times are no even steps, or not those that were told."""
    axis = str(variable.dims[1])
    times_s = np.asarray(dataset[axis].values, np.float64)
    centres = axis.replace("time", "field_centre", 1)
    return Layer(
        name,
        _rate_of(times_s, name, told_hz),
        float(times_s[0]),
        variable.shape[0],
        variable.shape[1],
        _reader(variable),
        float(dataset[centres].values[0]) if centres in dataset.coords else None,
    )


def _reader(variable: Any) -> Callable[[slice], Floats]:
    """Reads rows of a variable when they are asked for."""

    def read(rows: slice) -> Floats:
        values: Floats = as_numpy(variable[rows].values).astype(np.float64)
        return values

    return read


def _is_series(variable: Any) -> bool:
    return variable.ndim == 2 and variable.dims[0] == "sample" and str(variable.dims[1]).startswith("time")


def _rate_of(times_s: Floats, name: str, told: Any) -> float:
    """The rate of an evenly spaced axis, in agreement with what is told."""
    steps_s = np.diff(times_s)
    if not steps_s.size:
        expect(told is not None, f"times of {name}", "more than one, or a rate_hz", times_s.size)
        return float(told)
    step_s = float(steps_s.mean())
    is_even = step_s > 0 and float(np.abs(steps_s - step_s).max()) <= RATE_TOLERANCE * times_s.size * step_s
    expect(is_even, f"times of {name}", "even steps", f"steps from {steps_s.min():g} to {steps_s.max():g} s")
    if told is None:
        return float(f"{1 / step_s:.9g}")  # as it was before it became times
    rate_hz = float(told)
    expect(
        abs(rate_hz * step_s - 1) <= RATE_TOLERANCE,
        f"rate_hz of {name}",
        f"{1 / step_s:g} as its times have it",
        rate_hz,
    )
    return rate_hz
