"""One number for each series of a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..probe import LayerInfo
from ._keep import Floats, Shape, Variable, readouts

Seconds = NDArray[np.float64]
Measure = Callable[[Seconds, Floats], Floats]  # times (L,) and series (..., L) to (...)


@dataclass(frozen=True, slots=True)
class Scalar:
    """``measure`` of every series; where ``needs_clock``, of layers whose positions are moments of sound."""

    text: str
    measure: Measure = field(repr=False, compare=False)
    units: str = ""
    meaning: str = ""
    needs_clock: bool = False
    libraries: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Without its settings."""
        return self.text.partition(":")[0]

    def variable(self, layer: LayerInfo, shape: Shape) -> Variable | None:
        if layer.length == 0 or (self.needs_clock and not layer.has_clock):
            return None
        attributes = {"long_name": self.meaning} | ({"units": self.units} if self.units else {})
        return Variable(f"_{self.name}", readouts(shape), shape[:-1], attributes, "float32")

    def __call__(self, layer: LayerInfo, block: Floats) -> Floats:
        return self.measure(layer.times_s(), block)


def _peak(times_s: Seconds, series: Floats) -> Floats:
    found: Floats = np.abs(series).max(-1)
    return found


def _mean_square(times_s: Seconds, series: Floats) -> Floats:
    found: Floats = np.square(series, dtype=np.float64).mean(-1)
    return found


def _centroid_s(times_s: Seconds, series: Floats) -> Floats:
    energy = np.square(series, dtype=np.float64)
    with np.errstate(invalid="ignore"):  # a silent series has none: NaN
        found: Floats = (energy * times_s).sum(-1) / energy.sum(
            -1
        )  # not by BLAS, whose bits depend on the rows beside
    return found


SCALARS = {
    scalar.text: scalar
    for scalar in (
        Scalar("peak", _peak, "", "largest absolute value"),
        Scalar("energy", _mean_square, "", "mean square"),
        Scalar("centroid", _centroid_s, "s", "centre of energy in time"),
    )
}
