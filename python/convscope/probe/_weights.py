"""A layer's numbers, read once from torch: float32 arrays in torch's layout, never views of the user's parameters' graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..models import BatchStatisticsNorm, ConvLayer, DenseLayer, SpeechNetwork

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NormWeights:
    """Running batch normalisation, (C,) each, folded by the planner."""

    gain: Floats
    shift: Floats
    mean: Floats
    variance: Floats
    eps: float


@dataclass(frozen=True, slots=True)
class EmbeddingWeights:
    """The class embedding's table (classes, E) and dense layer (positions, E), (positions,)."""

    codes: Floats
    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """``weight`` is (out, in) of a dense layer, (out, in, kernel) of a convolution, (in, out, kernel) of a transposed one."""

    weight: Floats
    bias: Floats | None
    norm: NormWeights | None = None
    embedding: EmbeddingWeights | None = None


class UnsupportedOperation(Exception):
    """The engine has no kernel for this; the message names the operation and the module. A signal to fall back."""


def as_array(tensor: Tensor) -> Floats:
    """A float32 copy-or-view on the CPU; a tensor without data raises ValueError."""
    if tensor.is_meta:
        raise ValueError(
            "the network is on the meta device, so it has no weights; load or initialise them first"
        )
    return np.ascontiguousarray(tensor.detach().to("cpu", torch.float32).numpy())


def read_weights(network: SpeechNetwork) -> dict[str, LayerWeights]:
    """By layer name, of a network made by `convscope.models.build`."""
    return {name: _read_layer(name, layer) for name, layer in network.named_children()}


def _read_layer(name: str, layer: nn.Module) -> LayerWeights:
    if not isinstance(layer, ConvLayer | DenseLayer):
        raise UnsupportedOperation(f"{type(layer).__name__} in place of a layer of the description ({name})")
    embedding = getattr(layer, "embedding", None)
    return LayerWeights(
        weight=as_array(layer.weight),
        bias=None if layer.bias is None else as_array(layer.bias),
        norm=None if layer.norm is None else read_norm(f"{name}.norm", layer.norm),
        embedding=None
        if embedding is None
        else EmbeddingWeights(
            as_array(embedding.codes), as_array(embedding.weight), as_array(embedding.bias)
        ),
    )


def read_norm(name: str, norm: nn.BatchNorm1d) -> NormWeights:
    """The running statistics; raises UnsupportedOperation where there are none."""
    if isinstance(norm, BatchStatisticsNorm) or norm.running_mean is None or norm.running_var is None:
        raise UnsupportedOperation(f"BatchNorm1d by batch statistics ({name})")
    mean, variance = as_array(norm.running_mean), as_array(norm.running_var)
    gain = as_array(norm.weight) if norm.affine else np.ones_like(mean)
    shift = as_array(norm.bias) if norm.affine else np.zeros_like(mean)
    return NormWeights(gain, shift, mean, variance, norm.eps)
