"""The torch modules of a `NetworkSpec`: one module per layer, its parameters in torch's own layout.

Letters: B batch, C channels, L positions, F features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._spec import Activation, Conv, Dense, NetworkSpec, Norm, PhaseShuffle


class SpeechNetwork(nn.Module):
    """A WaveGAN, ciwGAN or fiwGAN network. Made by `build`.

    Its children carry the papers' layer names (``fc``, ``conv1`` ...), and so do its parameters (``conv1.weight``).
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        for layer in spec.layers:
            self.add_module(layer.name, DenseLayer(layer) if isinstance(layer, Dense) else ConvLayer(layer))

    def forward(self, x: Tensor, shifts: Tensor | None = None) -> Tensor:
        """Latents (B, latent variables) -> waveforms (B, C, L), or waveforms (B, L) or (B, C, L) -> logits (B, n).

        ``shifts`` (shuffled layers, B), int64 and on the CPU, are the positions by which each shuffled layer's maps move in training;
        drawn from torch's global random state if not given.
        """
        is_waveform = not self.spec.reads_latents
        h = x.unsqueeze(1) if is_waveform and x.dim() == 2 else x  # (B, F) or (B, C, L)
        given = iter(() if shifts is None else shifts)
        for layer in self.children():
            h = layer(h)
            shuffle = layer.spec.shuffle if self.training and isinstance(layer, ConvLayer) else None
            if shuffle is not None:
                h = shift_phase(h, _drawn(shuffle, len(h)) if shifts is None else next(given))
        return h

    @property
    def shuffles(self) -> tuple[PhaseShuffle, ...]:
        """Of the layers that shuffle, in order: the rows of ``shifts``."""
        return tuple(
            layer.shuffle
            for layer in self.spec.layers
            if isinstance(layer, Conv) and layer.shuffle is not None
        )


class DenseLayer(nn.Module):
    """``activation(norm(W x + b))``, reshaped to (B, C, L) when it makes more than one position."""

    def __init__(self, spec: Dense) -> None:
        super().__init__()
        self.spec = spec
        inputs = spec.in_features - spec.classes * (spec.embedding is not None)
        self.weight = nn.Parameter(torch.empty(spec.out_features, inputs))
        self.bias = nn.Parameter(torch.empty(spec.out_features)) if spec.bias else None
        self.norm = _norm(spec.norm, spec.out_features // spec.out_positions)
        self.embedding = ClassEmbedding(spec) if spec.embedding is not None else None

    def forward(self, x: Tensor) -> Tensor:
        spec = self.spec
        if x.dim() == 3:  # (B, C, L)
            x = x.flatten(1) if spec.order == "channels_first" else x.transpose(1, 2).flatten(1)  # (B, F)
        code, x = (x[:, : spec.classes], x[:, spec.classes :]) if self.embedding is not None else (None, x)
        y = F.linear(x, self.weight, self.bias)  # (B, F)
        channels = spec.out_features // spec.out_positions
        if spec.out_positions > 1:
            if spec.order == "channels_first":
                y = y.view(-1, channels, spec.out_positions)  # (B, C, L)
            else:
                y = y.view(-1, spec.out_positions, channels).transpose(1, 2)  # (B, C, L)
        if self.norm is not None:
            y = self.norm(y)
        y = activate(y, spec.activation)
        if self.embedding is not None:
            y = torch.cat([y, self.embedding(code)], dim=1)  # (B, C + 1, L)
        return y


class ClassEmbedding(nn.Module):
    """A code (B, classes) -> one more channel (B, 1, L): an embedding table, then a dense layer. Linear in the code."""

    def __init__(self, spec: Dense) -> None:
        super().__init__()
        assert spec.embedding is not None
        self.codes = nn.Parameter(torch.empty(spec.classes, spec.embedding))
        self.weight = nn.Parameter(torch.empty(spec.out_positions, spec.embedding))
        self.bias = nn.Parameter(torch.empty(spec.out_positions))

    def forward(self, code: Tensor) -> Tensor:
        return F.linear(code @ self.codes, self.weight, self.bias).unsqueeze(1)


class ConvLayer(nn.Module):
    """``shuffle(activation(norm(conv(x))))`` with an exact padding pair; (B, C, L) -> (B, C', L')."""

    def __init__(self, spec: Conv) -> None:
        super().__init__()
        self.spec = spec
        ends = (
            (spec.in_channels, spec.out_channels)
            if spec.transposed
            else (spec.out_channels, spec.in_channels)
        )
        self.weight = nn.Parameter(torch.empty(*ends, spec.kernel))
        self.bias = nn.Parameter(torch.empty(spec.out_channels)) if spec.bias else None
        self.norm = _norm(spec.norm, spec.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self._transposed(x) if self.spec.transposed else self._convolved(x)
        if self.norm is not None:
            y = self.norm(y)
        return activate(y, self.spec.activation)

    def _convolved(self, x: Tensor) -> Tensor:
        spec = self.spec
        if spec.upsample > 1:
            x = x.repeat_interleave(spec.upsample, dim=2)
        left, right = spec.padding
        if left != right or left < 0:
            x = F.pad(x, (left, right))
            left = 0
        return F.conv1d(x, self.weight, self.bias, spec.stride, left, spec.dilation)

    def _transposed(self, x: Tensor) -> Tensor:
        spec = self.spec
        left, right = spec.padding
        # torch cuts the same from both ends and can add a few positions on the right; the rest is cropped.
        both, added = (
            (left, left - right)
            if 0 <= left - right < max(spec.stride, spec.dilation)
            else (min(spec.padding), 0)
        )
        y = F.conv_transpose1d(x, self.weight, self.bias, spec.stride, both, added, 1, spec.dilation)
        return y[..., left - both :][..., : spec.out_length(x.shape[2])]


class BatchStatisticsNorm(nn.BatchNorm1d):
    """Batch normalisation by the batch at hand, always."""

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)


def _norm(norm: Norm | None, channels: int) -> nn.BatchNorm1d | None:
    if norm is None:
        return None
    if norm.statistics == "batch":
        return BatchStatisticsNorm(channels, eps=norm.eps, momentum=norm.momentum)
    return nn.BatchNorm1d(channels, eps=norm.eps, momentum=norm.momentum)


def activate(x: Tensor, activation: Activation) -> Tensor:
    """``scale * kind(x)``."""
    match activation.kind:
        case "relu":
            x = F.relu(x)
        case "leaky_relu":
            x = F.leaky_relu(x, activation.slope)
        case "tanh":
            x = torch.tanh(x)
        case "sigmoid":
            x = torch.sigmoid(x)
        case "identity":
            pass
    return x if activation.scale == 1.0 else x * activation.scale


def _drawn(shuffle: PhaseShuffle, samples: int) -> Tensor:
    count = samples if shuffle.draw == "sample" else 1
    return torch.randint(-shuffle.radius, shuffle.radius + 1, (count,)).expand(samples)


def shift_phase(x: Tensor, shifts: Tensor) -> Tensor:
    """Move (B, C, L) along by (B,) positions, known to the host: y[i] = x[i - shift], the ends filled by reflection."""
    parts, first = [], 0
    for shift, count in zip(
        *(values.tolist() for values in torch.unique_consecutive(shifts, return_counts=True)), strict=True
    ):
        parts.append(_shifted(x[first : first + count], shift))
        first += count
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _shifted(x: Tensor, shift: int) -> Tensor:
    length = x.shape[2]
    if shift > 0:
        return torch.cat([x[..., 1 : shift + 1].flip(2), x[..., : length - shift]], dim=2)
    if shift < 0:
        return torch.cat([x[..., -shift:], x[..., length - 1 + shift : length - 1].flip(2)], dim=2)
    return x
