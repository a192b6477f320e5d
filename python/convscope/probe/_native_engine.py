"""The compiled engine: a described network becomes one `_core.Program`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .. import _core
from ..models import NetworkSpec
from ._lower import Lowered, lower
from ._plan import LayerPlan, Plan
from ._planner import Form, engine_form
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
    choose : the planner's choice for each layer.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        weights: Mapping[str, LayerWeights],
        reductions: Mapping[str, Reduction],
        *,
        before_activation: bool,
        choose: Callable[[Lowered], Form],
    ) -> None:
        last = max(i for i, layer in enumerate(spec.layers) if layer.name in reductions)
        self._input = (spec.in_channels, spec.in_length)
        self._names = [layer.name for layer in spec.layers[: last + 1]]
        self._reductions = dict(reductions)
        self._lengths = dict(zip(self._names, spec.out_lengths, strict=False))
        self.forms: list[Form] = []
        in_lengths = (spec.in_length, *spec.out_lengths)
        layers, nominal = [], []
        for layer, in_length in zip(spec.layers[: last + 1], in_lengths, strict=False):
            lowered = lower(layer, in_length, weights[layer.name])
            form = choose(lowered)
            self.forms.append(form)
            nominal.append(lowered.multiply_adds)
            layers.append(
                native_layer(
                    lowered, reductions.get(layer.name), form=form, before_activation=before_activation
                )
            )
        self._program = _core.Program(layers, _core.selected_isa())
        self.plan = Plan(
            LayerPlan(name, form.algorithm, form.window, adds, form.products + form.transforms, packed)
            for name, form, adds, packed in zip(
                self._names, self.forms, nominal, self._program.layer_weight_bytes, strict=True
            )
        )

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
    lowered: Lowered, reduction: Reduction | None, *, form: Form, before_activation: bool = False
) -> _core.Layer:
    """One layer for `_core.Program`."""
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
        form=engine_form(form),
        window=form.window,
        bfloat16=form.bfloat16,
    )
