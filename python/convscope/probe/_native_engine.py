"""The compiled engine: a described network becomes one `_core.Program`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import _core
from ..models import NetworkSpec
from ._lower import Lowered, lower
from ._reduce import Reduction
from ._weights import Floats, LayerWeights

_NOTHING = np.zeros(0, np.float32)
_KINDS = {
    "mean": _core.Reduction.mean,
    "rms": _core.Reduction.rms,
    "max": _core.Reduction.max,
    "readout": _core.Reduction.readout,
}


class NativeEngine:
    """Plans and packs the layers up to the last one asked for; the map of that one is never written.

    Parameters
    ----------
    spec, weights : the network; the weights are packed here and not referred to afterwards.
    reductions : by layer name; at least one.
    before_activation : reduce what goes into the activation instead of what comes out.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        weights: Mapping[str, LayerWeights],
        reductions: Mapping[str, Reduction],
        *,
        before_activation: bool,
    ) -> None:
        last = max(i for i, layer in enumerate(spec.layers) if layer.name in reductions)
        self._input = (spec.in_channels, spec.in_length)
        self._names = [layer.name for layer in spec.layers[: last + 1]]
        self._reductions = dict(reductions)
        self._lengths = dict(zip(self._names, spec.out_lengths, strict=False))
        self.multiply_adds = 0  # per sample
        in_lengths = (spec.in_length, *spec.out_lengths)
        layers = []
        for layer, in_length in zip(spec.layers[: last + 1], in_lengths, strict=False):
            lowered = lower(layer, in_length, weights[layer.name])
            self.multiply_adds += lowered.multiply_adds
            layers.append(
                native_layer(lowered, reductions.get(layer.name), before_activation=before_activation)
            )
        self._program = _core.Program(layers, _core.selected_isa())

    @property
    def isa(self) -> str:
        return self._program.isa

    @property
    def weight_bytes(self) -> int:
        return self._program.weight_bytes

    def workspace_bytes(self, batch: int, num_threads: int) -> int:
        return self._program.workspace_bytes(batch, num_threads)

    def run(self, x: Floats, out: Mapping[str, Floats], num_threads: int) -> None:
        """Fill ``out[layer]`` (B, K, L) from a batch (B, features), (B, L) or (B, C, L)."""
        channels, length = self._input
        x = x.reshape(len(x), channels, length).transpose(0, 2, 1)  # (B, L, C)
        self._program.run(np.ascontiguousarray(x), [out.get(name) for name in self._names], num_threads)

    def empty(self, batch: int) -> dict[str, Floats]:
        """Arrays for `run` to fill."""
        return {
            name: np.empty((batch, reduction.count, self._lengths[name]), np.float32)
            for name, reduction in self._reductions.items()
        }


def native_layer(
    lowered: Lowered, reduction: Reduction | None, *, before_activation: bool = False, form: str = "automatic"
) -> _core.Layer:
    """One layer for `_core.Program`; ``form`` forces how it is computed."""
    readout = _NOTHING if reduction is None or reduction.readout is None else reduction.readout
    return _core.Layer(
        in_length=lowered.in_length,
        in_channels=lowered.in_channels,
        out_length=lowered.out_length,
        out_channels=lowered.out_channels,
        step=lowered.step,
        phases=lowered.phases,
        taps=list(lowered.taps),
        kernel=lowered.kernel,
        bias=lowered.bias,
        activation=getattr(_core.Activation, lowered.activation),
        slope=lowered.slope,
        scale=lowered.scale,
        reduction=_core.Reduction.none if reduction is None else _KINDS[reduction.kind],
        readout=readout,
        before_activation=before_activation,
        form=getattr(_core.Form, form),
    )
