"""JAX, jitted for the CPU: `lax.conv_general_dilated` and channel means, channels last as in Flax.

A transposed convolution is one whose input is spread by the stride (``lhs_dilation``), with the kernel reversed: XLA
multiplies the zeros between. The sub-pixel form of `Phases` spares them, and with channels last its phases interleave by
a reshape.

Letters: B batch, C and P channels, L positions, s stride, K taps of the original kernel, D of the rewritten one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from ..models import Activation, ConvLayer, DenseLayer, SpeechNetwork
from ._case import Case
from ._engines import Arrays, CannotRun, Run
from ._functional import LayerMeans
from ._phases import Phases, SpaceToDepth, SubPixel

Step = Callable[[Any], Any]


def jax(network: SpeechNetwork, case: Case) -> Run:
    """The network as it is."""
    return _jitted(LayerMeans(network, len(case.layers)), case)


def jax_sub_pixel(network: SpeechNetwork, case: Case) -> Run:
    """The network as `Phases`."""
    return _jitted(Phases(network, len(case.layers)), case)


def _jitted(module: LayerMeans, case: Case) -> Run:
    """XLA takes its thread count from the process: `convscope.bench` limits that when it starts it."""
    import jax

    cpu = jax.devices("cpu")[0]
    jitted = jax.jit(means_of(module))

    def run(x: np.ndarray) -> Arrays:
        with jax.default_device(cpu):
            means = jax.block_until_ready(jitted(x))
        return {name: np.asarray(mean) for name, mean in zip(case.layers, means, strict=True)}

    return run


def means_of(module: LayerMeans) -> Step:
    """From (B, latent variables) or (B, samples) to a list of one (B, L) per layer."""
    steps = [_step(layer) for layer in module.layers]

    def forward(x: Any) -> list[Any]:
        means, h = [], x[:, :, None] if module.reads_sound else x  # (B, L, C) or (B, F)
        for step in steps:
            h = step(h)
            means.append(h.mean(2) if h.ndim == 3 else h)
        return means

    return forward


def _step(layer: nn.Module) -> Step:
    match layer:
        case DenseLayer():
            return _dense(layer)
        case SubPixel():
            return _sub_pixel(layer)
        case SpaceToDepth():
            return _space_to_depth(layer)
        case ConvLayer():
            return _conv(layer)
    raise CannotRun(f"the JAX form has no {type(layer).__name__}")


def _dense(layer: DenseLayer) -> Step:
    spec, (weight, bias) = layer.spec, _parameters(layer)
    if layer.norm is not None or spec.embedding is not None:
        raise CannotRun(f"layer {spec.name!r}: the JAX form has no normalisation and no embedding")

    def step(h: Any) -> Any:
        if h.ndim == 3:  # (B, L, C)
            h = (h.swapaxes(1, 2) if spec.order == "channels_first" else h).reshape(len(h), -1)  # (B, F)
        y = h @ weight.T + bias  # (B, F)
        if spec.out_positions > 1:
            if spec.order == "channels_first":
                y = y.reshape(len(y), -1, spec.out_positions).swapaxes(1, 2)  # (B, L, C)
            else:
                y = y.reshape(len(y), spec.out_positions, -1)  # (B, L, C)
        return _activate(y, spec.activation)

    return step


def _conv(layer: ConvLayer) -> Step:
    spec, (weight, bias) = layer.spec, _parameters(layer)
    if layer.norm is not None:
        raise CannotRun(f"layer {spec.name!r}: the JAX form has no normalisation")
    options = {"rhs_dilation": (spec.dilation,)}
    if spec.transposed:
        kernel = weight.transpose(2, 0, 1)[::-1]  # (P, C, K) -> (K, P, C), reversed
        ends = (spec.span - 1 - spec.padding[0], spec.span - 1 - spec.padding[1])
        options |= {"window_strides": (1,), "lhs_dilation": (spec.stride,)}
    else:
        kernel, ends = weight.transpose(2, 1, 0), spec.padding  # (C, P, K) -> (K, P, C)
        options |= {"window_strides": (spec.stride,)}

    def step(h: Any) -> Any:
        h = h.repeat(spec.upsample, axis=1) if spec.upsample > 1 else h
        return _activate(_convolve(h, kernel, ends, **options) + bias, spec.activation)  # (B, L', C)

    return step


def _sub_pixel(layer: SubPixel) -> Step:
    spec, (weight, bias) = layer.spec, _parameters(layer)
    # (C, s, P, D) -> (D, P, s C)
    kernel = weight.transpose(3, 2, 1, 0).reshape(-1, spec.in_channels, spec.stride * spec.out_channels)
    bias = np.tile(bias, spec.stride)  # (s C,)

    def step(h: Any) -> Any:
        length = spec.out_length(h.shape[1])
        blocks = -(-length // spec.stride)
        ends = (layer.left, blocks + len(kernel) - 1 - layer.left - h.shape[1])
        y = _convolve(h, kernel, ends, window_strides=(1,)) + bias  # (B, blocks, s C)
        y = y.reshape(len(y), -1, spec.out_channels)[:, :length]  # (B, L', C)
        return _activate(y, spec.activation)

    return step


def _space_to_depth(layer: SpaceToDepth) -> Step:
    import jax.numpy as jnp

    spec, (weight, bias) = layer.spec, _parameters(layer)
    # (C, P, s, D) -> (D, s P, C)
    kernel = weight.transpose(3, 2, 1, 0).reshape(-1, spec.stride * spec.in_channels, spec.out_channels)

    def step(h: Any) -> Any:
        length = h.shape[1]
        h = jnp.pad(h, ((0, 0), (0, -length % spec.stride), (0, 0)))
        h = h.reshape(len(h), -1, spec.stride * spec.in_channels)  # (B, blocks, s P)
        ends = (layer.left, spec.out_length(length) + len(kernel) - 1 - layer.left - h.shape[1])
        y = _convolve(h, kernel, ends, window_strides=(1,)) + bias  # (B, L', C)
        return _activate(y, spec.activation)

    return step


def _convolve(h: Any, kernel: Any, ends: tuple[int, int], **options: Any) -> Any:
    """(B, L, P) and (K, P, C) -> (B, L', C)."""
    from jax import lax

    layout = ("NHC", "HIO", "NHC")
    return lax.conv_general_dilated(
        h, np.ascontiguousarray(kernel), padding=[ends], dimension_numbers=layout, **options
    )


def _parameters(layer: Any) -> tuple[Any, Any]:
    """(weight, bias) as NumPy arrays, a bias of zeros where there is none."""
    weight = layer.weight.detach().numpy()
    if layer.bias is None:
        return weight, np.zeros(layer.spec.out_channels, np.float32)
    return weight, layer.bias.detach().numpy()


def _activate(y: Any, activation: Activation) -> Any:
    import jax

    functions: dict[str, Step] = {
        "identity": lambda v: v,
        "relu": jax.nn.relu,
        "leaky_relu": lambda v: jax.nn.leaky_relu(v, activation.slope),
        "tanh": jax.numpy.tanh,
        "sigmoid": jax.nn.sigmoid,
    }
    y = functions[activation.kind](y)
    return y if activation.scale == 1.0 else y * activation.scale
