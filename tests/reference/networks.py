"""A whole network in NumPy, written from the definitions of its layers and not through the package's planning.

    convolution              y[o] = b + sum_k w[k] x[o s + k d - left],  x zero outside the sample
    transposed convolution   y[i s + k d - left] += w[k] x[i],  then b
    nearest upsampling       x'[i] = x[i // u]
    batch normalisation      gain (y - mean) / sqrt(variance + eps) + shift

Letters: B batch, C and P channels, L positions, F features. Maps are (B, C, L) as in torch, weights in torch's layout.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from convscope.models import Activation, Conv, Dense, NetworkSpec

Weights = Mapping[str, np.ndarray]


def weights_of(net) -> dict[str, np.ndarray]:
    """The state of a torch module as float64 arrays, by torch's names."""
    return {name: tensor.detach().double().numpy() for name, tensor in net.state_dict().items()}


def forward(spec: NetworkSpec, weights: Weights, x: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(before, after) the activation by layer name: (B, C, L), or (B, F) where a dense layer makes no positions."""
    h = np.asarray(x, np.float64)
    if not spec.reads_latents and h.ndim == 2:
        h = h[:, None]  # (B, 1, L)
    maps = {}
    for layer in spec.layers:
        own = {
            name.removeprefix(layer.name + "."): w
            for name, w in weights.items()
            if name.startswith(layer.name + ".")
        }
        before, h = _dense(layer, own, h) if isinstance(layer, Dense) else _conv(layer, own, h)
        maps[layer.name] = before, h
    return maps


def series(
    spec: NetworkSpec, weights: Weights, x: np.ndarray, reduce="mean", at: str = "post"
) -> dict[str, np.ndarray]:
    """What `convscope.fast_probe` promises, by layer name; layers without a time axis keep their values."""
    found = {}
    for name, (before, after) in forward(spec, weights, x).items():
        values = before if at == "pre" else after
        found[name] = (
            values if values.ndim == 2 and isinstance(reduce, str) else reduce_channels(values, reduce)
        )
    return found


def reduce_channels(values: np.ndarray, reduce) -> np.ndarray:
    """(B, C, L) -> (B, L) by name, or (B, K, L) by a matrix (K, C)."""
    if not isinstance(reduce, str):
        return np.einsum("kc,bc...->bk...", np.asarray(reduce, np.float64), values)
    match reduce:
        case "mean":
            return values.mean(1)
        case "rms":
            return np.sqrt(np.square(values).mean(1))
        case "max":
            return values.max(1)
    raise AssertionError(f"no reduction {reduce}")


def activate(y: np.ndarray, activation: Activation) -> np.ndarray:
    match activation.kind:
        case "identity":
            out = y
        case "relu":
            out = np.maximum(y, 0)
        case "leaky_relu":
            out = np.where(y < 0, activation.slope * y, y)
        case "tanh":
            out = np.tanh(y)
        case "sigmoid":
            out = 1 / (1 + np.exp(-y))
    return activation.scale * out


def convolve(
    x: np.ndarray, w: np.ndarray, *, stride: int, padding: tuple[int, int], dilation: int
) -> np.ndarray:
    """x (B, P, L), w (C, P, T) -> (B, C, L'). Negative padding crops."""
    left, right = padding
    x = np.pad(x, ((0, 0), (0, 0), (max(left, 0), max(right, 0))))
    x = x[:, :, max(-left, 0) : x.shape[2] - max(-right, 0)]
    count = (x.shape[2] - (w.shape[2] - 1) * dilation - 1) // stride + 1
    y = np.zeros((len(x), len(w), count))
    for k in range(w.shape[2]):
        first = k * dilation
        y += w[:, :, k] @ x[:, :, first : first + (count - 1) * stride + 1 : stride]
    return y


def convolve_transposed(
    x: np.ndarray, w: np.ndarray, *, stride: int, padding: tuple[int, int], dilation: int
) -> np.ndarray:
    """x (B, P, L), w (P, C, T) -> (B, C, L'): every input is scattered, then both ends are cut (or lengthened)."""
    left, right = padding
    count = x.shape[2]
    length = (count - 1) * stride + (w.shape[2] - 1) * dilation + 1
    y = np.zeros((len(x), w.shape[1], length + max(-right, 0)))
    for k in range(w.shape[2]):
        first = k * dilation
        y[:, :, first : first + (count - 1) * stride + 1 : stride] += w[:, :, k].T @ x
    return y[:, :, left : length - right]


def normalise(y: np.ndarray, w: Weights, eps: float, statistics: str) -> np.ndarray:
    """Over the channel axis of (B, C, L) or (B, C); by running statistics or by those of the batch."""
    axes = tuple(axis for axis in range(y.ndim) if axis != 1)
    mean, variance = w["norm.running_mean"], w["norm.running_var"]
    if statistics == "batch":
        mean, variance = y.mean(axes), y.var(axes)
    shape = (1, -1) + (1,) * (y.ndim - 2)
    standard = (y - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + eps)
    return standard * w["norm.weight"].reshape(shape) + w["norm.bias"].reshape(shape)


def _conv(layer: Conv, w: Weights, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if layer.upsample > 1:
        x = x[:, :, np.arange(x.shape[2] * layer.upsample) // layer.upsample]
    apply = convolve_transposed if layer.transposed else convolve
    y = apply(x, w["weight"], stride=layer.stride, padding=layer.padding, dilation=layer.dilation)
    if layer.bias:
        y += w["bias"][:, None]
    if layer.norm is not None:
        y = normalise(y, w, layer.norm.eps, layer.norm.statistics)
    return y, activate(y, layer.activation)


def _dense(layer: Dense, w: Weights, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if x.ndim == 3:  # (B, C, L) -> (B, F), feature c L + t or t C + c
        x = (x if layer.order == "channels_first" else x.transpose(0, 2, 1)).reshape(len(x), -1)
    code = None
    if layer.embedding is not None:
        code, x = x[:, : layer.classes], x[:, layer.classes :]
    y = x @ w["weight"].T
    if layer.bias:
        y += w["bias"]
    if layer.out_positions > 1:
        if layer.order == "channels_first":
            y = y.reshape(len(y), -1, layer.out_positions)  # (B, C, L)
        else:
            y = y.reshape(len(y), layer.out_positions, -1).transpose(0, 2, 1)  # (B, C, L)
    if layer.norm is not None:
        y = normalise(y, w, layer.norm.eps, layer.norm.statistics)
    before, after = y, activate(y, layer.activation)
    if code is not None:
        channel = (code @ w["embedding.codes"] @ w["embedding.weight"].T + w["embedding.bias"])[
            :, None
        ]  # (B, 1, L)
        before, after = np.concatenate([before, channel], 1), np.concatenate([after, channel], 1)
    return before, after
