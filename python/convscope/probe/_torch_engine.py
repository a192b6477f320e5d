"""The engine of last resort: PyTorch itself, on a private copy of the module, watched by `Recorder`.

It serves networks that the planner cannot compile, and it is the float64 reference of `verify`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..models import SpeechNetwork
from ._copies import depends_on_batch, full_copy
from ._recorder import Activity, Recorder
from ._reduce import Reduction
from ._weights import Floats


class TorchEngine:
    """Runs a copy of ``module`` in evaluation mode and reduces each layer's activation.

    Parameters
    ----------
    module : the user's; copied, so that neither its flags nor its hooks nor its parameters are touched.
    input_shape : of one sample.
    dtype : torch.float32, or torch.float64 for a reference.
    """

    def __init__(
        self, module: nn.Module, input_shape: tuple[int, ...], dtype: torch.dtype = torch.float32
    ) -> None:
        self._module = full_copy(module, dtype)
        self._dtype = dtype
        self._is_ours = isinstance(module, SpeechNetwork)
        self.input_shape = input_shape
        self.layers = (
            self._shapes()
        )  # (channels, length) by layer in order of execution; length 0 without a time axis

    def _layer_of(self, parameter: str) -> str:
        return parameter.split(".")[0] if self._is_ours else parameter.rpartition(".")[0] or parameter

    def record(self, x: Floats) -> dict[str, Activity]:
        """Every layer's activity for a batch (B, *input_shape). torch's random state is as before afterwards."""
        with torch.inference_mode():
            return self.watch(torch.tensor(x, dtype=self._dtype))  # a copy: the array may be read-only

    def watch(self, batch: Tensor) -> dict[str, Activity]:
        """`record` of a tensor of the engine's type, in whatever mode of derivatives the caller has set."""
        # Cached, a parametrised weight is one tensor throughout, and the recorder can know it.
        with torch.random.fork_rng(devices=[]), parametrize.cached():
            recorder = Recorder(self._module, self._layer_of, one_layer_per_name=self._is_ours)
            with recorder:
                self._module(batch)
        self.ended_by = recorder.ended_by
        return recorder.layers

    def mixes_samples(self) -> bool:
        """Whether a sample's series depend on the others of its batch: normalisation by the batch, or something like it."""
        if depends_on_batch(self._module):
            return True
        x = np.random.default_rng(0).standard_normal((2, *self.input_shape)).astype(np.float32)
        together, alone = self.record(x), self.record(x[:1])
        return any(
            not torch.allclose(together[name].after[:1], alone[name].after, rtol=1e-3, atol=1e-5)
            for name in alone
        )

    def _shapes(self) -> dict[str, tuple[int, int]]:
        layers = self.record(
            np.zeros((2, *self.input_shape), np.float32)
        )  # two: batch statistics need more than one
        if not layers:
            raise ValueError(
                "net: expected a network with a convolution or linear layer, found none to probe"
            )
        return {name: _shape(name, activity.after) for name, activity in layers.items()}

    def run(
        self, x: Floats, layers: Sequence[str], reductions: Sequence[Reduction], *, before_activation: bool
    ) -> list[np.ndarray]:
        """(B, K, L) per layer in ``layers``; (B, K, 1) where there is no time axis."""
        recorded = self.record(x)
        return [
            reduce_map(
                recorded[name].before if before_activation else recorded[name].after, reduction
            ).numpy()
            for name, reduction in zip(layers, reductions, strict=True)
        ]


def reduce_map(values: Tensor, reduction: Reduction) -> Tensor:
    """(B, C, L) or (B, C) -> (B, K, L), in the tensor's own precision."""
    values = values.unsqueeze(2) if values.dim() == 2 else values  # (B, C, L)
    match reduction.kind:
        case "mean":
            series = values.mean(1, keepdim=True)
        case "rms":
            series = values.square().mean(1, keepdim=True).sqrt()
        case "max":
            series = values.amax(1, keepdim=True)
        case _:
            matrix = torch.tensor(reduction.readout, dtype=values.dtype)
            series = torch.einsum("kc,bcl->bkl", matrix, values)
    return series


def _shape(name: str, value: Tensor) -> tuple[int, int]:
    if value.dim() not in (2, 3):
        raise ValueError(
            f"layer {name!r}: expected activations (B, C, L) or (B, C), got {tuple(value.shape)}"
        )
    return value.shape[1], (value.shape[2] if value.dim() == 3 else 0)
