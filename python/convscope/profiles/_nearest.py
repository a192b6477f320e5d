"""Which maps a change of latents moves, and which it leaves alone: cosine distances of each map to itself.

Distances are taken within each pair of inputs and averaged over pairs. A map that is zero for one of them has no direction: that
pair is left out and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ._maps import CHUNK, iterate_maps
from ._profiles import Floats


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MapDistances:
    """``distance`` (C,) the mean of 1 - cosine over ``pairs`` (C,) of inputs; NaN for a map that is always zero."""

    distance: Floats
    pairs: NDArray[np.int64]

    def __repr__(self) -> str:
        silent = int(np.isnan(self.distance).sum())
        return f"MapDistances({len(self.distance)} maps, {silent} of them without a distance)"

    def nearest(self, count: int) -> NDArray[np.intp]:
        """The channels that change least, the least first."""
        return self._ordered(self.distance, count)

    def farthest(self, count: int) -> NDArray[np.intp]:
        """The channels that change most, the most first."""
        return self._ordered(-self.distance, count)

    def _ordered(self, keys: Floats, count: int) -> NDArray[np.intp]:
        there = int(np.isfinite(keys).sum())
        if not 1 <= count <= there:
            raise ValueError(f"count: expected 1 to {there}, the maps with a distance, got {count!r}")
        return np.argsort(keys, kind="stable")[:count]  # NaN last


def nearest_maps(
    net: nn.Module,
    one: Any,
    other: Any,
    layer: str,
    *,
    at: Literal["post", "pre"] = "post",
    chunk: int = CHUNK,
) -> MapDistances:
    """Cosine distances between the maps of pairs of inputs.

    Parameters
    ----------
    net, layer, at : as for `feature_maps`.
    one, other : (B, ...) inputs; row b of one and of the other are a pair, such as the same base at two values of a variable.
    chunk : pairs at a time.

    Returns
    -------
    MapDistances
        Of all channels, 0 (the same direction) to 2.

    Raises
    ------
    UnknownLayerError
        (a KeyError) for a layer that there is not.
    ValueError
        for different numbers of inputs or none, or what `feature_maps` refuses.

    Source
    ------
    Beguš & Zhou 2022 (TASLP), figure 13: the four maps nearest to those at z11 = -15.

    Examples
    --------
    >>> import convscope as cs
    >>> net = cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=2))
    >>> z = cs.latents.random(5)[:]
    >>> nearest_maps(net, z, 2 * z, "conv1").nearest(4).shape
    (4,)
    """
    if len(one) != len(other) or len(one) == 0:
        raise ValueError(f"other: expected as many inputs as one has, got {len(other)} for {len(one)}")
    settings: dict[str, Any] = {"at": at, "chunk": chunk}
    total, pairs = np.zeros(()), np.zeros((), np.int64)
    both = zip(
        iterate_maps(net, one, layer, **settings), iterate_maps(net, other, layer, **settings), strict=True
    )
    for left, right in both:
        a, b = left.astype(np.float64), right.astype(np.float64)  # (b, C, L)
        sizes = np.linalg.norm(a, axis=2) * np.linalg.norm(b, axis=2)
        there = sizes > 0
        cosine = np.einsum("bcl,bcl->bc", a, b) / np.where(there, sizes, 1)
        total = total + np.where(there, 1 - np.clip(cosine, -1, 1), 0).sum(0)
        pairs = pairs + there.sum(0)
    return MapDistances(np.where(pairs > 0, total / np.maximum(pairs, 1), np.nan), pairs)
