"""Initial weights as each dialect draws them, from a seed and never from torch's global random state."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ._dialects import DIALECTS, Initialiser
from ._network import ConvLayer, DenseLayer, SpeechNetwork


def initialise(network: SpeechNetwork, *, seed: int) -> None:
    """Fill every parameter in place; the same seed gives the same network on every machine."""
    generator = torch.Generator().manual_seed(seed)
    dialect = DIALECTS.get(network.spec.name)
    scheme: Initialiser = dialect.initialiser if dialect is not None else "torch_default"
    with torch.no_grad():
        for layer in network.children():
            assert isinstance(layer, ConvLayer | DenseLayer)
            _SCHEMES[scheme](layer, network.spec.role == "generator", generator)
            if isinstance(layer, DenseLayer) and layer.embedding is not None:
                _embedding(layer.embedding, generator)


def _fans(weight: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) as torch counts them: for a transposed weight (in, out, kernel), fan_in is out * kernel."""
    receptive = math.prod(weight.shape[2:])
    return weight.shape[1] * receptive, weight.shape[0] * receptive


def _uniform(tensor: Tensor, bound: float, generator: torch.Generator) -> None:
    tensor.uniform_(-bound, bound, generator=generator)


def _torch_default(layer: nn.Module, is_generator: bool, generator: torch.Generator) -> None:
    weight, bias = _parameters(layer)
    bound = 1 / math.sqrt(_fans(weight)[0])
    _uniform(weight, bound, generator)
    if bias is not None:
        _uniform(bias, bound, generator)


def _glorot_uniform(layer: nn.Module, is_generator: bool, generator: torch.Generator) -> None:
    weight, bias = _parameters(layer)
    _uniform(weight, math.sqrt(6 / sum(_fans(weight))), generator)
    if bias is not None:
        bias.zero_()


def _kaiming_normal(layer: nn.Module, is_generator: bool, generator: torch.Generator) -> None:
    _torch_default(layer, is_generator, generator)
    weight, _ = _parameters(layer)
    if not (is_generator and _is_plain_conv(layer)):
        weight.normal_(0, math.sqrt(2 / _fans(weight)[0]), generator=generator)


def _normal_002(layer: nn.Module, is_generator: bool, generator: torch.Generator) -> None:
    _kaiming_normal(layer, is_generator, generator)
    weight, bias = _parameters(layer)
    if _is_plain_conv(layer):
        weight.normal_(0, 0.02, generator=generator)
    if bias is not None and (_is_plain_conv(layer) or isinstance(layer, DenseLayer)):
        bias.zero_()


def _embedding(embedding: nn.Module, generator: torch.Generator) -> None:
    codes, weight, bias = (embedding.get_parameter(name) for name in ("codes", "weight", "bias"))
    _uniform(codes, 0.05, generator)
    _uniform(weight, math.sqrt(6 / sum(_fans(weight))), generator)
    bias.zero_()


def _parameters(layer: nn.Module) -> tuple[Tensor, Tensor | None]:
    assert isinstance(layer, ConvLayer | DenseLayer)
    return layer.weight, layer.bias


def _is_plain_conv(layer: nn.Module) -> bool:
    return isinstance(layer, ConvLayer) and not layer.spec.transposed


_SCHEMES: dict[Initialiser, Callable[[nn.Module, bool, torch.Generator], None]] = {
    "torch_default": _torch_default,
    "glorot_uniform": _glorot_uniform,
    "kaiming_normal": _kaiming_normal,
    "normal_002": _normal_002,
}
