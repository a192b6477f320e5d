"""Strided convolutions rewritten to stride 1: the form that serves the peers' kernels best.

A transposed convolution of stride s computes s interleaved outputs (sub-pixel convolution, Shi et al. 2016,
arXiv:1609.05158); a strided one reads s interleaved inputs (space to depth). Either way what is left is a convolution of
stride 1 with 7 taps instead of 25 and s times the channels. `Phases` keeps torch's layout, for export; `PhasesLast` has the
channels last in memory, where the phases interleave without a copy and PyTorch's kernels run a quarter faster.

Letters: B batch, C and P channels, L positions, s stride, K taps of the original kernel, D of the rewritten one.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..models import Conv, ConvLayer, SpeechNetwork, activate
from ._functional import LayerMeans


class Phases(LayerMeans):
    """`LayerMeans` with every strided convolution, transposed or not, rewritten."""

    def __init__(self, network: SpeechNetwork, depth: int) -> None:
        super().__init__(network, depth)
        self.layers = nn.ModuleList(_rewritten(layer) for layer in self.layers)


class PhasesLast(LayerMeans):
    """`Phases` on maps (B, L, C)."""

    def __init__(self, network: SpeechNetwork, depth: int) -> None:
        super().__init__(network, depth)
        self.layers = nn.ModuleList(_channels_last(_rewritten(layer)) for layer in self.layers)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(B, latent variables) or (B, samples) -> one (B, L) per layer."""
        means, h = [], x.unsqueeze(2) if self.reads_sound else x  # (B, L, C) or (B, F)
        for layer in self.layers:
            h = layer(h)
            means.append(h.mean(2) if h.dim() == 3 else h)
        return tuple(means)


class SubPixel(nn.Module):
    """Output position s q + p of a transposed convolution is phase p of position q:

    y[s q + p] = b + sum over d of w[p + left - s d] x[q + d],  taps outside the kernel are zero.
    """

    def __init__(self, layer: ConvLayer) -> None:
        super().__init__()
        self.spec = spec = layer.spec
        left, beyond = spec.padding[0], spec.kernel - 1 - spec.padding[0]
        first, last = -(beyond // spec.stride), (spec.stride - 1 + left) // spec.stride
        weight = torch.zeros(
            spec.out_channels, spec.stride, spec.in_channels, last - first + 1
        )  # (C, s, P, D)
        for p in range(spec.stride):
            for d in range(first, last + 1):
                tap = p + left - spec.stride * d
                if 0 <= tap < spec.kernel:
                    weight[:, p, :, d - first] = layer.weight.detach()[:, :, tap].T
        self.left = -first
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(_bias(layer))

    def forward(self, x: Tensor) -> Tensor:
        """(B, P, L) -> (B, C, out_length(L))."""
        length = self.spec.out_length(x.shape[2])
        y = _stride_one(
            x,
            self.weight.flatten(0, 1),
            self.bias.repeat_interleave(self.spec.stride),
            self.left,
            -(-length // self.spec.stride),
        )  # (B, C s, blocks)
        y = activate(y, self.spec.activation)
        y = y.reshape(len(y), self.spec.out_channels, self.spec.stride, -1)  # (B, C, s, blocks)
        return y.transpose(2, 3).flatten(2)[..., :length]  # (B, C, L')


class SpaceToDepth(nn.Module):
    """Blocks of s input positions become s channels, so that a strided convolution moves by one block:

    y[o] = b + sum over d, r of w[s d + r + left] x[s (o + d) + r],  taps outside the kernel are zero.
    """

    def __init__(self, layer: ConvLayer) -> None:
        super().__init__()
        self.spec = spec = layer.spec
        left = spec.padding[0]
        first, last = -left // spec.stride, (spec.kernel - 1 - left) // spec.stride
        weight = torch.zeros(
            spec.out_channels, spec.in_channels, spec.stride, last - first + 1
        )  # (C, P, s, D)
        for r in range(spec.stride):
            for d in range(first, last + 1):
                tap = spec.stride * d + r + left
                if 0 <= tap < spec.kernel:
                    weight[:, :, r, d - first] = layer.weight.detach()[:, :, tap]
        self.left = -first
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(_bias(layer))

    def forward(self, x: Tensor) -> Tensor:
        """(B, P, L) -> (B, C, out_length(L))."""
        length, stride = x.shape[2], self.spec.stride
        x = F.pad(x, (0, -length % stride))
        x = x.reshape(*x.shape[:2], -1, stride).transpose(2, 3).flatten(1, 2)  # (B, P s, blocks)
        y = _stride_one(x, self.weight.flatten(1, 2), self.bias, self.left, self.spec.out_length(length))
        return activate(y, self.spec.activation)


class SubPixelLast(nn.Module):
    """`SubPixel` on maps (B, L, C): the phases of a position lie side by side, and interleave by a view."""

    def __init__(self, layer: SubPixel) -> None:
        super().__init__()
        self.spec, self.left = layer.spec, layer.left
        self.weight = _kernel_last(layer.weight.transpose(0, 1).flatten(0, 1))  # (s C, P, 1, D)
        self.bias = nn.Parameter(layer.bias.detach().repeat(layer.spec.stride))

    def forward(self, h: Tensor) -> Tensor:
        """(B, L, P) -> (B, out_length(L), C)."""
        length = self.spec.out_length(h.shape[1])
        y = _stride_one_last(h, self.weight, self.bias, self.left, -(-length // self.spec.stride))
        y = activate(y, self.spec.activation)  # (B, blocks, s C)
        return y.reshape(len(y), -1, self.spec.out_channels)[:, :length]  # (B, L', C)


class SpaceToDepthLast(nn.Module):
    """`SpaceToDepth` on maps (B, L, C), where a block of positions is a view."""

    def __init__(self, layer: SpaceToDepth) -> None:
        super().__init__()
        self.spec, self.left, self.bias = layer.spec, layer.left, layer.bias
        self.weight = _kernel_last(layer.weight.transpose(1, 2).flatten(1, 2))  # (C, s P, 1, D)

    def forward(self, h: Tensor) -> Tensor:
        """(B, L, P) -> (B, out_length(L), C)."""
        length, stride = h.shape[1], self.spec.stride
        h = F.pad(h, (0, 0, 0, -length % stride)) if length % stride else h
        h = h.reshape(len(h), -1, stride * self.spec.in_channels)  # (B, blocks, s P)
        y = _stride_one_last(h, self.weight, self.bias, self.left, self.spec.out_length(length))
        return activate(y, self.spec.activation)


class Transposed(nn.Module):
    """Any other layer, on maps (B, L, C)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, h: Tensor) -> Tensor:
        """(B, L, P) or (B, F) -> (B, L', C) or (B, F')."""
        y = cast(Tensor, self.layer(h.transpose(1, 2) if h.dim() == 3 else h))
        return y.transpose(1, 2).contiguous() if y.dim() == 3 else y


def _rewritten(layer: nn.Module) -> nn.Module:
    """The layer itself where there is nothing to gain."""
    if not isinstance(layer, ConvLayer) or layer.spec.stride == 1 or not _is_plain(layer.spec):
        return layer
    return SubPixel(layer) if layer.spec.transposed else SpaceToDepth(layer)


def _is_plain(spec: Conv) -> bool:
    return spec.dilation == 1 and spec.upsample == 1 and spec.norm is None


def _channels_last(layer: nn.Module) -> nn.Module:
    match layer:
        case SubPixel():
            return SubPixelLast(layer)
        case SpaceToDepth():
            return SpaceToDepthLast(layer)
    return Transposed(layer)


def _bias(layer: ConvLayer) -> Tensor:
    return torch.zeros(layer.spec.out_channels) if layer.bias is None else layer.bias.detach().clone()


def _kernel_last(weight: Tensor) -> nn.Parameter:
    """(C, P, D) -> (C, P, 1, D) with P last in memory: the layout that conv2d wants, and conv1d does not have."""
    kernel = weight.detach().unsqueeze(2).contiguous(memory_format=torch.channels_last)
    return nn.Parameter(kernel)


def _stride_one(x: Tensor, weight: Tensor, bias: Tensor, left: int, out_length: int) -> Tensor:
    """(B, P, L) -> (B, C, out_length), with zeros on both ends, as many on the right as that asks for."""
    right = out_length + weight.shape[2] - 1 - left - x.shape[2]
    if left == right:
        return F.conv1d(x, weight, bias, padding=left)
    return F.conv1d(F.pad(x, (left, right)), weight, bias)


def _stride_one_last(h: Tensor, weight: Tensor, bias: Tensor, left: int, out_length: int) -> Tensor:
    """(B, L, P) -> (B, out_length, C), as a convolution of images of height 1."""
    right = out_length + weight.shape[3] - 1 - left - h.shape[1]
    x = h if left == right else F.pad(h, (0, 0, left, right))  # (B, L, P)
    x = x.transpose(1, 2).unsqueeze(2)  # (B, P, 1, L)
    y = F.conv2d(x, weight, bias, padding=(0, left if left == right else 0))  # (B, C, 1, L')
    return y.squeeze(2).transpose(1, 2)  # (B, L', C)
