"""Activation profiles: the mean and spread over outputs of each feature map, added up as the maps come.

Welford's update for blocks (Chan, Golub & LeVeque 1983): two arrays (C, L) whatever the number of outputs, and no sums of
squares that lose their digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..probe import LayerInfo, Probe
from ._maps import CHUNK, iterate_maps

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MapProfiles:
    """``mean`` and ``variance`` (C, L) over ``count`` outputs of the maps of ``layer``; the variance of one is NaN."""

    mean: Floats
    variance: Floats
    count: int
    layer: LayerInfo

    def __repr__(self) -> str:
        maps, positions = self.mean.shape
        return f"MapProfiles({self.layer.name}: {maps} maps of {positions} positions, {self.count} outputs)"

    def times_s(self) -> Floats:
        """(L,) those of the layer's positions, in seconds; positions themselves where the layer has no clock."""
        return self.layer.times_s()


def map_profiles(
    net: nn.Module,
    inputs: Any,
    layer: str,
    *,
    at: Literal["post", "pre"] = "post",
    chunk: int = CHUNK,
) -> MapProfiles:
    """The mean over outputs of each feature map.

    Parameters
    ----------
    net, layer, at : as for `feature_maps`.
    inputs : (B, ...), or a design of `convscope.latents` of any length: rows are made when they are needed.
    chunk : samples at a time.

    Returns
    -------
    MapProfiles
        Of all channels, whatever ``chunk`` is.

    Raises
    ------
    UnknownLayerError
        (a KeyError) for a layer that there is not.
    ValueError
        for no inputs, or what `feature_maps` refuses.

    Source
    ------
    Beguš & Zhou 2022 (TASLP), section IV-E: 1,000 outputs, 500 at each end of a latent variable.

    Examples
    --------
    >>> import convscope as cs
    >>> net = cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=2))
    >>> map_profiles(net, cs.latents.random(40), "conv1").mean.shape
    (16, 64)
    """
    if len(inputs) == 0:
        raise ValueError("inputs: expected at least one, got none")
    maps = iterate_maps(net, inputs, layer, at=at, chunk=chunk)
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for block in maps:
        values = block.astype(np.float64)  # (b, C, L)
        own = values.mean(0)
        total = count + len(values)
        rise = own - mean
        squares = squares + ((values - own) ** 2).sum(0) + rise**2 * (count * len(values) / total)
        mean = mean + rise * (len(values) / total)
        count = total
    variance = squares / (count - 1) if count > 1 else np.full(mean.shape, np.nan)
    info = Probe(net, layer, at=at, input_shape=tuple(np.shape(inputs[:1]))[1:]).layers[0]
    return MapProfiles(mean, variance, count, info)
