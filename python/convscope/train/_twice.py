"""Gradients with respect to a network's input, made to be differentiated again with respect to its weights.

A gradient penalty differentiates a gradient. A network that is linear in pieces has an input gradient that depends on its weights, and on its
input only through the slopes of its activations, which are constant almost everywhere. PyTorch does not know: it propagates zeros back
through every convolution, a third of the penalty's work. Inside `differentiated_twice` a convolution's gradient is a function of
its weights and of the gradient that arrives, an activation's only of the latter, and nothing is sent where it comes to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..models import NetworkSpec
from ._convolutions import conv1d, conv_transpose1d


def is_linear_in_pieces(spec: NetworkSpec) -> bool:
    """Whether a network's second derivative with respect to its input is zero almost everywhere: no norm, no curved activation."""
    kinds = {layer.activation.kind for layer in spec.layers}
    return all(layer.norm is None for layer in spec.layers) and kinds <= {"identity", "relu", "leaky_relu"}


class _LeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return F.leaky_relu(x, slope)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return torch.ops.aten.leaky_relu_backward(gradient, x.detach(), ctx.slope, False), None


class _Conv1d(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.length, ctx.stride, ctx.padding = x.shape[2], stride, padding
        return conv1d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        reached = (gradient.shape[2] - 1) * ctx.stride + weight.shape[2] - 2 * ctx.padding
        beyond = ctx.length - reached  # positions at the end that no window reaches
        weight = weight.to(gradient.dtype)  # which mixed precision may have made another
        # Modes of functions are off in here: the faster way is called by its name.
        to_input = conv_transpose1d(gradient, weight, None, ctx.stride, ctx.padding, beyond)
        return to_input, None, None, None, None


class differentiated_twice(TorchFunctionMode):
    """A context in which gradients with respect to the input are as above, and there are none with respect to weights.

    Only for a network that `is_linear_in_pieces`: of another one, what its second derivative adds would be lost.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is F.relu:
            return _LeakyReLU.apply(args[0], 0.0)
        if func is F.leaky_relu:
            named = dict(zip(("input", "negative_slope"), args, strict=False)) | (kwargs or {})
            return _LeakyReLU.apply(named["input"], named["negative_slope"])
        if func is F.conv1d:
            x, weight, bias, stride, padding, dilation = args
            if dilation == 1:
                return _Conv1d.apply(x, weight, bias, stride, padding)
        return func(*args, **(kwargs or {}))
