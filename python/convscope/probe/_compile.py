"""Which description a user's module has, and what to do when it has none."""

from __future__ import annotations

import contextlib

import torch
from torch import nn

from ..models import NetworkSpec, SpeechNetwork
from ._copies import torch_hook
from ._inputs import Shape
from ._torch_engine import TorchEngine
from ._trace import trace
from ._weights import LayerWeights, UnsupportedOperation, read_weights


def unwrap(net: object) -> nn.Module:
    """The module inside torch.compile's and DataParallel's wrappers, and a bare layer as a Sequential.

    Raises
    ------
    TypeError, ValueError
        for what is not a module, and for a module on the meta device.
    """
    while isinstance(net, nn.Module):
        if hasattr(net, "_orig_mod"):
            net = net._orig_mod
        elif isinstance(net, nn.DataParallel | nn.parallel.DistributedDataParallel):
            net = net.module
        else:
            break
    if not isinstance(net, nn.Module):
        raise TypeError(f"net: expected a torch.nn.Module, got {type(net).__name__}")
    if any(tensor.is_meta for tensor in (*net.parameters(), *net.buffers())):
        raise ValueError(
            "net: the network is on the meta device, so it has no weights; load or initialise them first"
        )
    if any(tensor.is_complex() for tensor in net.parameters()):
        raise TypeError("net: expected real weights, got complex ones")
    return nn.Sequential(net) if isinstance(net, nn.Conv1d | nn.ConvTranspose1d | nn.Linear) else net


def input_shape_of(net: nn.Module, given: Shape | int | None) -> Shape:
    """Of one sample: as given, from the description, or from a first linear layer."""
    if isinstance(net, SpeechNetwork):
        return net.spec.input_shape
    if given is not None:
        return (given,) if isinstance(given, int) else tuple(int(size) for size in given)
    first = _first_layer(net)
    if isinstance(first, nn.Linear):
        return (first.in_features,)
    raise ValueError(
        "input_shape: expected the shape of one input sample, since the network does not tell; got None"
    )


def describe(
    net: nn.Module, input_shape: Shape, sample_rate_hz: int | None
) -> tuple[Shape, NetworkSpec, dict[str, LayerWeights]]:
    """Input shape, description and weights; UnsupportedOperation where the engine has no operation for it."""
    if hook := torch_hook(net):
        raise UnsupportedOperation(f"{hook}, which computes a weight in a hook")
    if type(net) is SpeechNetwork:
        return input_shape, net.spec, read_weights(net)
    reasons = []
    for shape in _readings(net, input_shape):
        try:
            with torch.no_grad():
                return shape, *trace(net, shape, sample_rate_hz or 16000)
        except UnsupportedOperation as reason:
            reasons.append(reason)
    raise reasons[-1]


def run_in_torch(net: nn.Module, input_shape: Shape) -> TorchEngine:
    """The fallback, run once on silence; PyTorch's own error, with a note, when it does not take such an input."""
    readings = _readings(net, input_shape)
    for shape in readings[:-1]:
        with contextlib.suppress(RuntimeError):
            return TorchEngine(net, shape)
    try:
        return TorchEngine(net, readings[-1])
    except RuntimeError as error:
        error.add_note(f"convscope: raised by the network itself on silent samples of shape {readings[-1]}")
        raise


def _readings(net: nn.Module, input_shape: Shape) -> list[Shape]:
    """Mono sound is (B, samples) here and (B, 1, samples) to a Conv1d, unless the module adds the axis itself."""
    first = _first_layer(net)
    mono = isinstance(first, nn.Conv1d) and first.in_channels == 1 and len(input_shape) == 1
    return [input_shape, (1, *input_shape)] if mono else [input_shape]


def _first_layer(net: nn.Module) -> nn.Module | None:
    return next((m for m in net.modules() if not list(m.children()) and list(m.parameters())), None)
