"""Networks with telling weights, and the float32 torch computation that sets the yardstick."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from convscope.models import Activation, Conv, SpeechNetwork

SCALES = ("random", "he")


def fill(net: SpeechNetwork, scale: str, seed: int = 0) -> SpeechNetwork:
    """Give every parameter and running statistic a random value, in place.

    ``"random"`` keeps the dialect's own weights and makes the biases differ from zero. ``"he"`` draws weights that keep
    the size of the activations from layer to layer, so that the last layers matter as in a trained network.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in net.children():
            if scale == "he":
                layer.weight.normal_(0, np.sqrt(2 / _inputs_per_output(layer)), generator=generator)
            if layer.bias is not None:
                layer.bias.uniform_(-0.1, 0.1, generator=generator)
            if layer.norm is not None:
                layer.norm.weight.uniform_(0.5, 1.5, generator=generator)
                layer.norm.bias.normal_(0, 0.3, generator=generator)
                layer.norm.running_mean.normal_(0, 0.3, generator=generator)
                layer.norm.running_var.uniform_(0.3, 2, generator=generator)
    return net


def _inputs_per_output(layer: nn.Module) -> float:
    spec = layer.spec
    if isinstance(spec, Conv):
        return spec.in_channels * spec.kernel / (spec.stride if spec.transposed else 1)
    return layer.weight.shape[1]


def scale_channels(net: SpeechNetwork, x: np.ndarray, seed: int = 5) -> SpeechNetwork:
    """Give every convolution channel scales from 1e-4 to 1e4 on both of its axes, in place.

    The scales of one layer know nothing of those before it. Each layer is then divided by the size of what it makes of
    ``x``, or five of them would overflow.
    """
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        h = torch.from_numpy(x) if net.spec.reads_latents else torch.from_numpy(x)[:, None]
        for layer in net.children():
            if isinstance(layer.spec, Conv):
                inputs, outputs = (_channel_scales(layer.weight.shape[axis], rng) for axis in (1, 0))
                layer.weight *= outputs[:, None, None] * inputs[:, None]
                if layer.bias is not None:
                    layer.bias *= outputs if not layer.spec.transposed else inputs
                size = _without_activation(layer)(h).square().mean().sqrt()
                if layer.norm is None:
                    layer.weight /= size
                    if layer.bias is not None:
                        layer.bias /= size
            h = layer(h)
    return net


def _channel_scales(count: int, rng: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(10 ** rng.permutation(np.linspace(-4, 4, count)).astype(np.float32))


def inputs_for(net: SpeechNetwork, batch: int, seed: int = 1) -> np.ndarray:
    """Latents uniform in -1 ... 1, or sounds: noise with a hum, an onset and a silence."""
    rng = np.random.default_rng(seed)
    spec = net.spec
    if spec.reads_latents:
        return rng.uniform(-1, 1, (batch, spec.in_channels)).astype(np.float32)
    time = np.arange(spec.in_length) / spec.sample_rate_hz
    x = rng.normal(0, 0.1, (batch, spec.in_length)) + 0.5 * np.sin(
        2 * np.pi * rng.uniform(80, 400, (batch, 1)) * time
    )
    x *= np.clip(time * 20, 0, 1)
    x[:, -spec.in_length // 8 :] = 0
    return (x / np.abs(x).max(1, keepdims=True)).astype(np.float32)


def torch_maps(net: SpeechNetwork, x: np.ndarray, at: str = "post") -> dict[str, torch.Tensor]:
    """By torch in the module's own precision, layer after layer: (B, C, L), or (B, n) without a time axis."""
    found = {}
    with torch.no_grad():
        h = torch.from_numpy(x).to(next(net.parameters()).dtype)
        if not net.spec.reads_latents and h.dim() == 2:
            h = h[:, None]  # (B, 1, L)
        for name, layer in net.named_children():
            before = _without_activation(layer)(h) if at == "pre" else None
            h = layer(h)
            found[name] = h if before is None else before
    return found


def torch_series(
    net: SpeechNetwork, x: np.ndarray, reduce: str = "mean", at: str = "post"
) -> dict[str, np.ndarray]:
    """torch's maps reduced by name; layers without a time axis keep their values."""
    return {
        name: (values if values.dim() == 2 else reduce_by_name(values, reduce)).numpy()
        for name, values in torch_maps(net, x, at).items()
    }


def in_double(net: SpeechNetwork) -> SpeechNetwork:
    """A copy that torch runs in float64."""
    return copy.deepcopy(net).double()


def _without_activation(layer: nn.Module) -> nn.Module:
    bare = type(layer)(replace(layer.spec, activation=Activation()))
    bare.load_state_dict(layer.state_dict())
    return bare.to(layer.weight.dtype).train(layer.training)


def reduce_by_name(values: torch.Tensor, reduce: str) -> torch.Tensor:
    """(B, C, L) -> (B, L)."""
    if reduce == "mean":
        return values.mean(1)
    return values.square().mean(1).sqrt() if reduce == "rms" else values.amax(1)
