"""Every feature map of one layer, through the engine: a read-out matrix that is the identity gives the channels themselves.

The maps of WaveGAN's conv4 are a megabyte for each output, so whatever needs many of them takes them a few at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..probe import LayerInfo, Probe

Maps = NDArray[np.float32]
CHUNK = 16  # samples at a time


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FeatureMaps:
    """``maps`` (B, C, L) of the channels ``channels`` (C,) of ``layer``."""

    maps: Maps
    channels: NDArray[np.intp]
    layer: LayerInfo

    def __repr__(self) -> str:
        samples, maps, positions = self.maps.shape
        return f"FeatureMaps({self.layer.name}: {maps} maps of {positions} positions, {samples} samples)"


def feature_maps(
    net: nn.Module,
    inputs: Any,
    layer: str,
    *,
    channels: Sequence[int] | None = None,
    at: Literal["post", "pre"] = "post",
) -> FeatureMaps:
    """The maps of one layer, all held at once: for a few inputs, or a few channels.

    Parameters
    ----------
    net : torch.nn.Module
    inputs : (B, ...) latents or waveforms, an array, a tensor, or a design of `convscope.latents`.
    layer : its name.
    channels : which ones; all by default.
    at : after the activation, or before it.

    Returns
    -------
    FeatureMaps
        (B, C, L) float32.

    Raises
    ------
    UnknownLayerError
        (a KeyError) for a layer that there is not.
    ValueError
        for a layer without a time axis, or channels that there are not.

    Source
    ------
    Beguš & Zhou 2022 (TASLP), figure 3.

    Examples
    --------
    >>> import numpy as np, convscope as cs
    >>> net = cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=2))
    >>> feature_maps(net, np.zeros((3, 100)), "conv1", channels=[0, 7]).maps.shape
    (3, 2, 64)
    """
    probe, chosen = _probe_of(net, inputs, layer, channels, at)
    parts = list(_chunks(probe, inputs, CHUNK))
    empty = np.empty((0, len(chosen), probe.layers[0].length), np.float32)
    return FeatureMaps(np.concatenate([empty, *parts]), chosen, probe.layers[0])


def iterate_maps(
    net: nn.Module,
    inputs: Any,
    layer: str,
    *,
    channels: Sequence[int] | None = None,
    at: Literal["post", "pre"] = "post",
    chunk: int = CHUNK,
) -> Iterator[Maps]:
    """`feature_maps` of so many samples at a time: arrays (at most ``chunk``, C, L), in order.

    Raises
    ------
    UnknownLayerError, ValueError
        as `feature_maps`, before the first maps are made.

    Examples
    --------
    >>> import convscope as cs
    >>> net = cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=2))
    >>> [maps.shape for maps in iterate_maps(net, cs.latents.random(20), "conv1")]
    [(16, 16, 64), (4, 16, 64)]
    """
    if chunk < 1:
        raise ValueError(f"chunk: expected at least 1 sample, got {chunk!r}")
    probe, _ = _probe_of(net, inputs, layer, channels, at)
    return _chunks(probe, inputs, chunk)


def _probe_of(
    net: nn.Module, inputs: Any, layer: str, channels: Sequence[int] | None, at: Literal["post", "pre"]
) -> tuple[Probe, NDArray[np.intp]]:
    """A probe that reads the channels out, and which they are."""
    sample = tuple(np.shape(inputs[:1]))[1:]
    info = Probe(net, layer, at=at, input_shape=sample).layers
    if len(info) != 1:
        raise ValueError(f"layer: expected one layer, got {', '.join(info.names)}")
    if info[0].length == 0:
        raise ValueError(f"layer: expected a layer with a time axis, got {layer}")
    count = info[0].channels
    given = np.arange(count) if channels is None else np.asarray(channels).reshape(-1)
    if given.dtype == bool:
        if len(given) != count:
            raise ValueError(f"channels: expected a mask of {count}, got {len(given)}")
        given = np.flatnonzero(given)
    if given.dtype.kind not in "iu" and len(given):
        raise ValueError(f"channels: expected whole numbers or a mask, got {given.dtype}")
    chosen = given.astype(np.intp)
    if len(chosen) == 0 or chosen.min() < 0 or chosen.max() >= count:
        raise ValueError(f"channels: expected some of 0 to {count - 1}, got {chosen.tolist()}")
    identity = np.eye(count, dtype=np.float32)[chosen]  # (K, C)
    return Probe(net, layer, at=at, input_shape=sample, reduce={info[0].name: identity}), chosen


def _chunks(probe: Probe, inputs: Any, chunk: int) -> Iterator[Maps]:
    name = probe.layers[0].name
    for first in range(0, len(inputs), chunk):
        yield np.asarray(probe.run(inputs[first : first + chunk])[name])
