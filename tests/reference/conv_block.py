"""conv_block in NumPy: the definition that every kernel is tested against (csrc/core/ops/conv_block.h).

    y[b, q*S + p, c] = scale * act(bias[p, c] + sum over taps j of phase p:  x[b, q*step + offset_j, :] . kernel[slot_j][:, c])
    series[b, k, q*S + p] = reduce over c of y, or of the value before the activation

Letters: B batch, L input positions, P input channels, M output positions, C output channels, S phases, K read-outs.
In float64 it is the specification; in float32 its error is the yardstick of the kernels'.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One conv_block with its weights; field names are those of `_core.Layer`."""

    in_length: int
    out_length: int
    kernel: np.ndarray  # (slots, P, C)
    bias: np.ndarray  # (C,) or (S, C)
    taps: list[tuple[int, int, int]]  # (phase, offset, slot)
    step: int = 1
    phases: int = 1
    activation: str = "identity"
    slope: np.ndarray | None = None  # (C,), of leaky_relu
    scale: float = 1.0
    reduction: str = "none"
    readout: np.ndarray | None = None  # (K, C)
    before_activation: bool = False

    def absolute(self) -> Block:
        """The same sums over absolute values: how large the terms are that a result is made of."""
        steepest = 1.0 if self.slope is None else max(1.0, float(np.abs(self.slope).max()))
        return replace(
            self,
            kernel=np.abs(self.kernel),
            bias=np.abs(self.bias),
            activation="identity",
            slope=None,
            scale=steepest if self.before_activation else steepest * abs(self.scale),
            readout=None if self.readout is None else np.abs(self.readout),
            before_activation=False,
        )


def conv_block(x: np.ndarray, block: Block, dtype=np.float64) -> tuple[np.ndarray, np.ndarray | None]:
    """Map y (B, M, C) and series (B, K, M) of an input x (B, L, P)."""
    x, kernel = x.astype(dtype), block.kernel.astype(dtype)
    rows = -(-block.out_length // block.phases)
    channels = kernel.shape[2]
    y = np.zeros((len(x), rows, block.phases, channels), dtype)  # (B, rows, S, C)
    for phase, offset, slot in block.taps:
        positions = np.arange(rows) * block.step + offset
        inside = (positions >= 0) & (positions < block.in_length)
        y[:, inside, phase] += x[:, positions[inside]] @ kernel[slot]
    y += np.broadcast_to(block.bias.astype(dtype), (block.phases, channels))
    y = y.reshape(len(x), -1, channels)[:, : block.out_length]  # (B, M, C)
    activated = activate(y, block).astype(dtype)
    series = reduce_channels(y if block.before_activation else activated, block, dtype)
    return activated, series


def activate(y: np.ndarray, block: Block) -> np.ndarray:
    """``scale * act(y)``, elementwise."""
    match block.activation:
        case "identity":
            out = y
        case "relu":
            out = np.maximum(y, 0)
        case "leaky_relu":
            assert block.slope is not None
            out = np.where(y < 0, y * block.slope.astype(y.dtype), y)
        case "tanh":
            out = np.tanh(y)
        case "sigmoid":
            out = 1 / (1 + np.exp(-y))
        case other:
            raise AssertionError(f"no activation {other}")
    return out * y.dtype.type(block.scale)


def reduce_channels(y: np.ndarray, block: Block, dtype) -> np.ndarray | None:
    """(B, M, C) -> (B, K, M)."""
    match block.reduction:
        case "none":
            return None
        case "mean":
            return y.mean(2)[:, None]
        case "rms":
            return np.sqrt(np.square(y).mean(2))[:, None]
        case "max":
            return y.max(2)[:, None]
        case "readout":
            assert block.readout is not None
            return (y @ block.readout.astype(dtype).T).transpose(0, 2, 1)
        case other:
            raise AssertionError(f"no reduction {other}")
