"""From a described layer and its weights to the engine's one operation: taps, weight matrices, bias, slopes.

    y[b, q*S + p, c] = act(bias[p, c] + sum over taps of phase p: x[b, q*step + offset, :] . kernel[slot, :, c])

Letters: T kernel taps, P input channels, C output channels, S phases. Pure functions of shapes and arrays; sums of weights
and the folding of batch normalisation are done in float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..models import Conv, Dense, Layer
from ._weights import Floats, LayerWeights, NormWeights

Tap = tuple[int, int, int]  # phase, offset, slot


@dataclass(frozen=True, slots=True)
class Lowered:
    """One layer as the engine takes it."""

    in_length: int
    in_channels: int
    out_length: int
    out_channels: int
    step: int
    phases: int
    taps: tuple[Tap, ...]
    kernel: Floats  # (slots, P, C)
    bias: Floats  # (C,) or (S, C)
    slope: Floats  # (C,), or empty unless the activation is leaky_relu
    activation: str
    scale: float

    @property
    def multiply_adds(self) -> int:
        """Products per sample, those with the zeros beyond a sample's ends included."""
        rows = -(-self.out_length // self.phases)
        return rows * len(self.taps) * self.in_channels * self.out_channels


def lower(layer: Layer, in_length: int, weights: LayerWeights) -> Lowered:
    """Plan one layer; ``in_length`` is the positions that come in."""
    return (
        _lower_dense(layer, weights) if isinstance(layer, Dense) else _lower_conv(layer, in_length, weights)
    )


def _lower_conv(layer: Conv, in_length: int, weights: LayerWeights) -> Lowered:
    if layer.transposed:
        kernel = weights.weight.transpose(2, 0, 1)  # (T, P, C)
        phases, step, taps = layer.stride, 1, _transposed_taps(layer)
    else:
        kernel = weights.weight.transpose(2, 1, 0)  # (T, P, C)
        common = math.gcd(layer.upsample, layer.stride)
        phases, step = layer.upsample // common, layer.stride // common
        taps, kernel = _strided_taps(layer, phases, kernel)
    bias = np.zeros(layer.out_channels, np.float32) if weights.bias is None else weights.bias  # (C,)
    kernel, bias = fold_norm(kernel, bias, weights.norm)
    return Lowered(
        in_length=in_length,
        in_channels=layer.in_channels,
        out_length=layer.out_length(in_length),
        out_channels=layer.out_channels,
        step=step,
        phases=phases,
        taps=tuple(sorted(taps)),
        kernel=np.ascontiguousarray(kernel, np.float32),
        bias=bias,
        slope=_slopes(layer, layer.out_channels),
        activation=_activation(layer),
        scale=layer.activation.scale,
    )


def _transposed_taps(layer: Conv) -> list[Tap]:
    """Tap k of input i lands on output i * stride + k * dilation - left."""
    taps = []
    for k in range(layer.kernel):
        output = k * layer.dilation - layer.padding[0]
        taps.append((output % layer.stride, -(output // layer.stride), k))
    return taps


def _strided_taps(layer: Conv, phases: int, kernel: Floats) -> tuple[list[Tap], Floats]:
    """Tap k of output o reads upsampled position o * stride + k * dilation - left, which repeats input // upsample.

    Taps that read the same input for the same phase are added up: 25 taps over a fourfold repetition are 7 or 8 products.
    """
    left, repeats = layer.padding[0], layer.upsample
    if repeats == 1:
        return [(0, k * layer.dilation - left, k) for k in range(layer.kernel)], kernel
    sums: dict[tuple[int, int], np.ndarray] = {}
    for phase in range(phases):
        for k in range(layer.kernel):
            key = (phase, (phase * layer.stride + k * layer.dilation - left) // repeats)
            sums[key] = sums.get(key, 0.0) + kernel[k].astype(np.float64)  # (P, C)
    taps = [(phase, offset, slot) for slot, (phase, offset) in enumerate(sums)]
    return taps, np.stack(list(sums.values())).astype(np.float32)  # (slots, P, C)


def _lower_dense(layer: Dense, weights: LayerWeights) -> Lowered:
    positions, channels = layer.out_positions, layer.out_channels
    plain = channels - (layer.embedding is not None)
    weight = weights.weight
    if layer.embedding is not None:  # the code does not enter the matrix
        weight = np.concatenate([np.zeros((len(weight), layer.classes), np.float32), weight], axis=1)
    last = layer.order == "channels_last"
    outs = (positions, plain) if last else (plain, positions)
    ins = (layer.in_positions, layer.in_channels) if last else (layer.in_channels, layer.in_positions)
    order = (0, 2, 3, 1) if last else (1, 3, 2, 0)
    kernel = weight.reshape(*outs, *ins).transpose(order)  # (S, in positions, P, C)
    flat_bias = np.zeros(plain * positions, np.float32) if weights.bias is None else weights.bias
    bias = flat_bias.reshape(outs) if last else flat_bias.reshape(outs).T  # (S, C)
    kernel, bias = fold_norm(kernel, bias, weights.norm)
    if weights.embedding is not None:
        kernel, bias = _with_embedding_channel(layer, kernel, bias, weights)
    return Lowered(
        in_length=layer.in_positions,
        in_channels=layer.in_channels,
        out_length=positions,
        out_channels=channels,
        step=1,
        phases=positions,
        taps=tuple(
            (s, t, s * layer.in_positions + t) for s in range(positions) for t in range(layer.in_positions)
        ),
        kernel=np.ascontiguousarray(kernel, np.float32).reshape(-1, layer.in_channels, channels),
        bias=np.ascontiguousarray(bias, np.float32),
        slope=_slopes(layer, channels),
        activation=_activation(layer),
        scale=layer.activation.scale,
    )


def _with_embedding_channel(
    layer: Dense, kernel: Floats, bias: Floats, weights: LayerWeights
) -> tuple[np.ndarray, np.ndarray]:
    """The last channel: codes @ table @ dense, linear in the code and blind to the rest of the latent vector."""
    assert weights.embedding is not None
    table, dense = (w.astype(np.float64) for w in (weights.embedding.codes, weights.embedding.weight))
    column = np.zeros((layer.out_positions, layer.in_channels))
    column[:, : layer.classes] = dense @ table.T  # (S, classes)
    kernel = np.concatenate([kernel, column[:, None, :, None].astype(np.float32)], axis=3)  # (S, 1, P, C)
    return kernel, np.concatenate([bias, weights.embedding.bias[:, None]], axis=1)


def fold_norm(
    kernel: np.ndarray, bias: np.ndarray, norm: NormWeights | None
) -> tuple[np.ndarray, np.ndarray]:
    """Batch normalisation by running statistics is a factor and a shift per output channel (the last axis)."""
    if norm is None:
        return kernel, bias
    factor = norm.gain.astype(np.float64) / np.sqrt(norm.variance.astype(np.float64) + norm.eps)  # (C,)
    shifted = (bias.astype(np.float64) - norm.mean) * factor + norm.shift
    return (kernel * factor).astype(np.float32), shifted.astype(np.float32)


def _activation(layer: Layer) -> str:
    if isinstance(layer, Dense) and layer.embedding is not None and layer.activation.kind == "relu":
        return "leaky_relu"  # slope 0 on all channels but the embedding's, which passes
    return layer.activation.kind


def _slopes(layer: Layer, channels: int) -> Floats:
    if _activation(layer) != "leaky_relu":
        return np.zeros(0, np.float32)
    slopes = np.full(channels, layer.activation.slope, np.float32)
    if isinstance(layer, Dense) and layer.embedding is not None:
        slopes[-1] = 1.0
    return slopes
