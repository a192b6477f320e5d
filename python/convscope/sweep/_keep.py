"""What is kept of each sample's series: all of it, stretches, or every k-th position (one number: see `_scalars`).

Each is a pure function of a block of series (n, ..., L) to blocks of the same n samples, so that it does not matter which
samples came together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..data import resample
from ..probe import LayerInfo

Floats = NDArray[np.floating]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """A named axis of what is kept: its values, their unit, and further values along it."""

    name: str
    values: NDArray[Any] | None = None  # None: positions without a meaning of their own
    units: str = ""
    field_centres_s: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """What is kept of one sample of a layer: ``suffix`` comes behind the name of the reduction."""

    suffix: str
    axes: tuple[Axis, ...]
    shape: Shape
    attributes: Mapping[str, str] = field(default_factory=dict)
    dtype: str | None = None  # None: that of series


class Kept(Protocol):
    """One thing that is kept of every sample."""

    @property
    def text(self) -> str:
        """As the command line and the store have it."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """Whose numbers it has, by distribution."""

    def variable(self, layer: LayerInfo, shape: Shape) -> Variable | None:
        """For series of this shape (..., L) per sample; None where a layer has no such thing.

        Raises
        ------
        ValueError
            where it cannot be had of this layer.
        """

    def __call__(self, layer: LayerInfo, block: Floats) -> Floats:
        """(n, ..., L) to (n, *variable.shape)."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The series as the probe returns them."""

    text: str = "series"
    libraries: tuple[str, ...] = ()

    def variable(self, layer: LayerInfo, shape: Shape) -> Variable:
        if layer.length == 0:
            return Variable("", (Axis("unit"),), shape)
        return Variable("", (*readouts(shape), time_axis("time", layer)), shape)

    def __call__(self, layer: LayerInfo, block: Floats) -> Floats:
        return block


@dataclass(frozen=True, slots=True)
class Window:
    """Stretches of time, in seconds, both ends included."""

    stretches: tuple[tuple[float, float], ...]
    libraries: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return ":".join(["window", *(f"{second!r}" for stretch in self.stretches for second in stretch)])

    def variable(self, layer: LayerInfo, shape: Shape) -> Variable | None:
        if not layer.has_clock:
            return None
        positions = self._positions(layer)
        if not positions.size:
            raise ValueError(
                f"keep: expected a window with a position of every layer in it, got none of {layer.name} in {self.text}: "
                f"it has one every {1 / layer.rate_hz:.3g} s; widen the window or leave the layer out"
            )
        axes = (*readouts(shape), time_axis("time_window", layer, positions))
        return Variable("_window", axes, (*shape[:-1], len(positions)))

    def __call__(self, layer: LayerInfo, block: Floats) -> Floats:
        return block[..., self._positions(layer)]

    def _positions(self, layer: LayerInfo) -> NDArray[np.intp]:
        times = layer.times_s()
        inside = [(times >= start) & (times <= end) for start, end in self.stretches]
        return np.flatnonzero(np.any(inside, axis=0))


@dataclass(frozen=True, slots=True)
class Decimated:
    """Every k-th position after a low-pass filter (soxr), for long layers."""

    factor: int
    libraries: tuple[str, ...] = ("soxr",)

    @property
    def text(self) -> str:
        return f"decimate:{self.factor}"

    def variable(self, layer: LayerInfo, shape: Shape) -> Variable | None:
        if layer.length == 0:
            return None
        if layer.length % self.factor:
            raise ValueError(
                f"keep: decimate expects a divisor of the {layer.length} positions of {layer.name}, got {self.factor}; "
                "take another or leave the layer out"
            )
        positions = np.arange(0, layer.length, self.factor)
        axes = (*readouts(shape), time_axis("time_decimated", layer, positions))
        return Variable("_decimated", axes, (*shape[:-1], len(positions)))

    def __call__(self, layer: LayerInfo, block: Floats) -> Floats:
        made = resample(block.reshape(-1, block.shape[-1]), self.factor, 1)
        return made.reshape(*block.shape[:-1], -1)


def time_axis(name: str, layer: LayerInfo, positions: NDArray[np.intp] | slice = slice(None)) -> Axis:
    centres = layer.field_centres_s()
    return Axis(
        name,
        layer.times_s()[positions],
        "s" if layer.has_clock else "position",
        None if centres is None else centres[positions],
    )


def readouts(shape: Shape) -> tuple[Axis, ...]:
    """Of (K, L), the K; none of (L,)."""
    return (Axis("readout"),) if len(shape) == 2 else ()
