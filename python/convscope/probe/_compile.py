"""Which description a user's module has, and what to do when it has none."""

from __future__ import annotations

import torch
from torch import nn

from ..models import NetworkSpec, SpeechNetwork
from ._trace import trace
from ._weights import LayerWeights, read_weights


def unwrap(net: object) -> nn.Module:
    """The module inside torch.compile's and DataParallel's wrappers, a bare layer as a Sequential; TypeError for what is not a module."""
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
    return nn.Sequential(net) if isinstance(net, nn.Conv1d | nn.ConvTranspose1d | nn.Linear) else net


def input_shape_of(net: nn.Module, given: tuple[int, ...] | None) -> tuple[int, ...]:
    """Of one sample: as given, from the description, or from a first linear layer."""
    if isinstance(net, SpeechNetwork):
        return net.spec.input_shape
    if given is not None:
        return tuple(int(size) for size in given)
    first = next((m for m in net.modules() if not list(m.children()) and list(m.parameters())), None)
    if isinstance(first, nn.Linear):
        return (first.in_features,)
    raise ValueError(
        "input_shape: expected the shape of one input sample, since the network does not tell; got None"
    )


def describe(
    net: nn.Module, input_shape: tuple[int, ...], sample_rate_hz: int | None
) -> tuple[NetworkSpec, dict[str, LayerWeights]]:
    """Description and weights; UnsupportedOperation where the engine has no operation for it."""
    if type(net) is SpeechNetwork:
        return net.spec, read_weights(net)
    with torch.no_grad():
        return trace(net, input_shape, sample_rate_hz or 16000)
