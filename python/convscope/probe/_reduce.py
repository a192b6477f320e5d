"""What becomes of a layer's channels at one position: a named reduction or a fixed linear read-out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ._weights import Floats

Reduce = str | npt.ArrayLike | Mapping[str, npt.ArrayLike]
NAMES = ("mean", "rms", "max")


@dataclass(frozen=True, slots=True)
class Reduction:
    """``kind`` is one of `NAMES`, or ``"readout"`` with a matrix (K, C); ``flat`` drops the axis K = 1 of a vector."""

    kind: str
    readout: Floats | None = None
    flat: bool = True

    @property
    def count(self) -> int:
        return 1 if self.readout is None else len(self.readout)


def parse_reduction(reduce: Reduce, layer: str, channels: int, has_time: bool) -> Reduction:
    """The reduction of one layer.

    A layer without a time axis (logits) keeps all its values under a named reduction: its channels are the answer.

    Raises
    ------
    ValueError
        for an unknown name, or a read-out that does not fit the layer's channels.
    """
    if isinstance(reduce, str):
        if reduce not in NAMES:
            raise ValueError(
                f"reduce: expected one of {', '.join(NAMES)}, or a matrix (K, channels), got {reduce!r}"
            )
        if not has_time:
            return Reduction("readout", np.eye(channels, dtype=np.float32), flat=False)
        return Reduction(reduce)
    if isinstance(reduce, Mapping):
        if layer not in reduce:
            raise ValueError(f"reduce: no read-out for layer {layer!r}; it has {', '.join(map(str, reduce))}")
        reduce = reduce[layer]
    matrix = np.asarray(reduce)
    if (
        matrix.dtype.kind not in "fiu"
        or matrix.ndim not in (1, 2)
        or matrix.shape[-1] != channels
        or matrix.size == 0
    ):
        raise ValueError(
            f"reduce: layer {layer!r} needs real numbers (K, {channels}) or ({channels},), "
            f"got {matrix.dtype} {matrix.shape}; give a mapping from layer to matrix where layers differ"
        )
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, and is refused as such
        readout = np.array(np.atleast_2d(matrix), np.float32)  # (K, C)
    if not np.isfinite(readout).all():
        raise ValueError(
            f"reduce: the read-out of layer {layer!r} holds values that are not finite in float32"
        )
    return Reduction("readout", readout, flat=matrix.ndim == 1)
