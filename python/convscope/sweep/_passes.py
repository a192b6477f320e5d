"""The passes through the network that a sweep needs: one for each reduction, the waveform taken along where it costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from ..models import SpeechNetwork
from ..probe import LayerInfo, LayerTable, Probe, describe_layers, select_layers
from ._keep import Shape

SOUND = "mean"  # of one channel: the channel


@dataclass(frozen=True, slots=True)
class Pass:
    """``kept`` are the layers whose series are wanted; ``sound`` the one that makes the waveform, where it is to be stored."""

    reduction: str  # "" for the waveform alone
    probe: Probe
    kept: tuple[str, ...]
    sound: str | None

    @property
    def layers(self) -> LayerTable:
        """Those whose series are wanted."""
        return LayerTable(layer for layer in self.probe.layers if layer.name in self.kept)

    @property
    def shapes(self) -> dict[str, Shape]:
        """Of one sample's series, by layer."""
        return {
            layer.name: shape
            for layer, shape in zip(self.probe.layers, self.probe.series_shapes, strict=True)
            if layer.name in self.kept
        }

    @property
    def sound_layer(self) -> LayerInfo | None:
        """That of `sound`."""
        return next((layer for layer in self.probe.layers if layer.name == self.sound), None)


def plan_passes(
    net: nn.Module, layers: Any, reduce: Mapping[str, Any], *, audio: bool, options: Mapping[str, Any]
) -> tuple[Pass, ...]:
    """One for each of ``reduce``; ``layers`` and ``options`` are those of `Probe`.

    Raises
    ------
    ValueError
        for ``audio`` of anything but a generator of one channel.
    """
    sound = _sound_layer(net) if audio else None
    made: list[Pass] = []
    for name, what in reduce.items():
        is_sound = isinstance(what, str) and what == SOUND and options["at"] == "post"
        if sound is None or not is_sound:
            probe = Probe(net, layers, reduce=what, **options)
            made.append(Pass(name, probe, probe.layers.names, None))
            continue
        assert isinstance(net, SpeechNetwork)
        kept = select_layers(describe_layers(net.spec).names, layers)
        made.append(Pass(name, Probe(net, [*kept, sound], reduce=what, **options), kept, sound))
        sound = None
    if sound is not None:
        made.append(Pass("", Probe(net, [sound], **{**options, "at": "post"}), (), sound))
    return tuple(made)


def as_samples(series: np.ndarray) -> np.ndarray:
    """A waveform as 16-bit samples: 1.0 is 32767, beyond is clipped, what is no number is silence."""
    heard: np.ndarray = np.rint(np.nan_to_num(series.astype(np.float64)).clip(-1, 1) * 32767)
    return heard.astype(np.int16)


def _sound_layer(net: nn.Module) -> str:
    spec = net.spec if isinstance(net, SpeechNetwork) else None
    if spec is None or spec.role != "generator" or spec.layers[-1].out_channels != 1:
        raise ValueError("audio: expected a generator of one channel, got another network")
    return spec.layers[-1].name
