"""Convolutions as matrix products where that is faster than PyTorch's own on a processor.

oneDNN reaches the processor's peak in the middle layers of these networks, but a third of it in the layer of few positions (weights 52 MB,
16 positions) and a tenth where one side is a single channel. There each window becomes a row, or a column, of a matrix (`im2col`), and all
three passes, forward, to the input and to the weights, are products of large matrices. Measured on two Zen 4 cores at batch 64 (10⁹
multiplications a second, PyTorch → here): 512 → 1024 channels 68 → 89, 55 → 77, 24 → 79; 64 → 1 channel 4 → 22.

Letters: B samples, C channels on the sound's side of the layer, D on the other, L positions on the sound's side, M on the other, K taps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

FEW_POSITIONS = 32


@contextmanager
def products_where_faster() -> Iterator[None]:
    """Within it, or a function decorated with it, F.conv1d and F.conv_transpose1d of float32 on the CPU are products where these are faster."""
    with _Products():
        yield


class _Products(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is F.conv1d and not kwargs:
            return conv1d(*args)
        if func is F.conv_transpose1d and not kwargs:
            return conv_transpose1d(*args)
        return func(*args, **(kwargs or {}))


def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> Tensor:
    """F.conv1d, the faster way."""
    positions = (x.shape[2] + 2 * padding - weight.shape[2]) // stride + 1
    if dilation > 1 or not _is_faster(x, weight, positions):
        return F.conv1d(x, weight, bias, stride, padding, dilation)
    y: Tensor = _Narrow.apply(F.pad(x, (padding, padding)) if padding else x, weight, stride)
    return y if bias is None else y + bias[:, None]


def conv_transpose1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    groups: int = 1,
    dilation: int = 1,
) -> Tensor:
    """F.conv_transpose1d, the faster way."""
    if groups > 1 or dilation > 1 or output_padding > padding or not _is_faster(x, weight, x.shape[2]):
        return F.conv_transpose1d(x, weight, bias, stride, padding, output_padding, groups, dilation)
    y: Tensor = _Widen.apply(x, weight, stride)
    y = y[..., padding : y.shape[2] - padding + output_padding]
    return y if bias is None else y + bias[:, None]


def _is_faster(x: Tensor, weight: Tensor, positions: int) -> bool:
    is_plain = (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
    )
    return is_plain and (positions <= FEW_POSITIONS or weight.shape[1] == 1)


class _Narrow(torch.autograd.Function):
    """A strided convolution: x (B, C, L), weight (D, C, K) -> (B, D, M)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        windows = _windows(x, weight.shape[2], stride)
        ctx.save_for_backward(x, windows, weight)
        ctx.stride = stride
        return _to_narrow(windows, weight, len(x))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, windows, weight = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _differentiable_again(ctx, gradient, x, weight, transposed=False)
        to_input = to_weight = None
        if ctx.needs_input_grad[0]:
            to_input = _to_wide(gradient, weight, ctx.stride, x.shape[2])
        if ctx.needs_input_grad[1]:
            to_weight = _to_weight(gradient, windows, weight)
        return to_input, to_weight, None


class _Widen(torch.autograd.Function):
    """A transposed convolution: x (B, D, M), weight (D, C, K) -> (B, C, (M - 1) stride + K)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return _to_wide(x, weight, stride, (x.shape[2] - 1) * stride + weight.shape[2])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _differentiable_again(ctx, gradient, x, weight, transposed=True)
        windows = _windows(gradient, weight.shape[2], ctx.stride)
        to_input = _to_narrow(windows, weight, len(x)) if ctx.needs_input_grad[0] else None
        to_weight = _to_weight(x, windows, weight) if ctx.needs_input_grad[1] else None
        return to_input, to_weight, None


def _differentiable_again(
    ctx: Any, gradient: Tensor, x: Tensor, weight: Tensor, *, transposed: bool
) -> tuple[Tensor | None, Tensor | None, None]:
    """The backward pass as PyTorch's own operation, which has a derivative."""
    wanted = [*ctx.needs_input_grad[:2], False]
    to_input, to_weight, _ = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, [ctx.stride], [0], [1], transposed, [0], 1, wanted
    )
    return to_input, to_weight, None


def _windows(x: Tensor, taps: int, stride: int) -> Tensor:
    """(B, C, L) -> (B M, C K), or (B, K, M) of a single channel, which needs no transposition later."""
    windows = x.unfold(2, taps, stride)  # (B, C, M, K), a view
    if x.shape[1] == 1:
        return windows[:, 0].transpose(1, 2).contiguous()
    return windows.transpose(1, 2).reshape(len(x) * windows.shape[2], -1)


def _to_narrow(windows: Tensor, weight: Tensor, samples: int) -> Tensor:
    """(B, D, M)"""
    matrix = weight.flatten(1)  # (D, C K)
    if windows.dim() == 3:
        return matrix @ windows
    return (windows @ matrix.T).view(samples, -1, len(weight)).transpose(1, 2).contiguous()


def _to_wide(y: Tensor, weight: Tensor, stride: int, length: int) -> Tensor:
    """(B, D, M) -> (B, C, length): every window's share, added where windows overlap."""
    samples, _, positions = y.shape
    channels, taps = weight.shape[1:]
    matrix = weight.flatten(1)  # (D, C K)
    whole = -(-length // stride) * stride
    if channels == 1:
        shares = matrix.T @ y  # (B, K, M)
        made = shares.new_zeros(samples, whole // stride, stride)
        for tap in range(taps):
            first = tap // stride
            made[:, first : first + positions, tap % stride] += shares[:, tap]
        return made.view(samples, 1, whole)[..., :length]
    rows = y.transpose(1, 2).reshape(samples * positions, -1)  # (B M, D)
    shares = (rows @ matrix).view(samples, positions, channels, taps)
    made = shares.new_zeros(samples, channels, whole // stride, stride)
    for first in range(0, taps, stride):
        part = shares[..., first : first + stride].transpose(1, 2)  # (B, C, M, stride or fewer)
        place = first // stride
        made[:, :, place : place + positions, : part.shape[3]] += part
    return made.view(samples, channels, whole)[..., :length]


def _to_weight(y: Tensor, windows: Tensor, weight: Tensor) -> Tensor:
    """y (B, D, M) and windows -> (D, C, K)."""
    if windows.dim() == 3:
        return (y @ windows.transpose(1, 2)).sum(dim=0).view_as(weight)
    rows = y.transpose(1, 2).reshape(len(windows), -1)  # (B M, D)
    return (rows.T @ windows).view_as(weight)
