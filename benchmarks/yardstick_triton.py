"""A yardstick for the GPU engine, no part of it: what one plain Triton kernel gives on the same network.

A convolution is one matrix product on maps (B, L, C), channels last. A row is a block of as many output positions as there are
phases, a column a phase and a channel; a strided convolution has one phase. The window that a row reads is contiguous in memory,
so one loop runs over its offsets and channels; what lies beyond the sample is read as zeros. A tile runs only the offsets that
its phases have taps for. Channel means leave the accumulator in float32, in parts of at most 64 channels and without atomics.

Letters: B batch, L positions, P input channels, C output channels, s phases, D offsets.
"""

from __future__ import annotations

import os
from typing import Any

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor, nn

from convscope.bench._functional import LayerMeans
from convscope.bench._phases import Transposed, _bias, _is_plain
from convscope.models import ConvLayer, SpeechNetwork

LINE = 128  # bytes of a row that a step of the loop takes: what wgmma swizzles by
WIDEST_TILE, WIDEST_PART = 256, 64  # columns
TILES = [
    triton.Config({"ROWS": rows, "COLUMNS": columns}, num_warps=warps, num_stages=stages)
    for rows, columns, warps, stages in (
        (128, WIDEST_TILE, 8, 4),
        (128, WIDEST_TILE, 8, 3),
        (256, 128, 8, 3),
        (128, 128, 8, 4),
        (128, 128, 4, 3),
        (128, WIDEST_PART, 4, 4),
        (128, WIDEST_PART, 8, 3),
        (128, 16, 4, 4),  # the least that tl.dot takes: for the four phases of a waveform
    )
]
if os.environ.get("TRITON_INTERPRET") == "1":  # the interpreter has no clock to tune by
    TILES = [triton.Config({"ROWS": 128, "COLUMNS": WIDEST_PART})]


def _fitting(tiles: list[triton.Config], _: object, **constants: Any) -> list[triton.Config]:
    """Tiles neither narrow beside the layer nor far wider."""
    columns = triton.next_power_of_2(constants["PHASES"] * constants["OUT"])
    least = 16 if columns <= 16 else min(max(columns, WIDEST_PART), 128)
    return [tile for tile in tiles if least <= tile.kwargs["COLUMNS"] <= max(columns, least)]


# x (B, in_length, IN), weight (s C, depth), bias (s C), y (B, out_length, OUT) or None, means (B, blocks, s C / PART).
# spans (s, 2): the offset at which a phase begins and the one at which it ends, counted from -LEFT.
@triton.autotune(
    TILES, ["in_length", "IN", "OUT", "PHASES"], prune_configs_by={"early_config_prune": _fitting}
)
@triton.jit(do_not_specialize=["batch"])
def convolve(
    x, weight, bias, spans, y, means, batch, blocks, in_length, out_length, depth,
    IN: tl.constexpr, OUT: tl.constexpr, PART: tl.constexpr, PHASES: tl.constexpr, STEP: tl.constexpr, LEFT: tl.constexpr,
    TANH: tl.constexpr, SLOPE: tl.constexpr, PRECISION: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    rows, columns = batch * blocks, PHASES * OUT
    row_tiles, column_tiles = tl.cdiv(rows, ROWS), tl.cdiv(columns, COLUMNS)
    tile = tl.program_id(0)  # eight rows of tiles at a time, which the L2 cache then holds
    i, j = tl.swizzle2d(tile // column_tiles, tile % column_tiles, row_tiles, column_tiles, 8)
    row, column = i * ROWS + tl.arange(0, ROWS), j * COLUMNS + tl.arange(0, COLUMNS)
    sample, block = (row // blocks).to(tl.int64), row % blocks
    is_row, is_column = row < rows, column < columns

    # Later phases begin and end later.
    begin = tl.load(spans + 2 * (j * COLUMNS // OUT))
    end = tl.load(spans + 2 * ((tl.minimum(j * COLUMNS + COLUMNS, columns) - 1) // OUT) + 1)
    size = in_length * IN
    start = (block * STEP - LEFT + begin) * IN  # of the window, in its sample
    k = tl.arange(0, CHUNK)
    x += sample[:, None] * size
    weight += column[None, :] * depth + begin * IN
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    for done in range(0, (end - begin) * IN, CHUNK):
        at = start[:, None] + (done + k)[None, :]
        windows = tl.load(x + at, is_row[:, None] & (at >= 0) & (at < size), 0.0)  # (ROWS, CHUNK)
        taps = tl.load(weight + (done + k)[:, None])  # (CHUNK, COLUMNS)
        total = tl.dot(windows, taps, total, input_precision=PRECISION)

    total += tl.load(bias + column)[None, :]
    total = 2 * tl.sigmoid(2 * total) - 1 if TANH else tl.where(total > 0, total, SLOPE * total)

    part, parts = j * (COLUMNS // PART) + tl.arange(0, COLUMNS // PART), columns // PART
    sums = tl.sum(total.reshape(ROWS, COLUMNS // PART, PART), 2)
    tl.store(means + row[:, None] * parts + part, sums / OUT, is_row[:, None] & (part < parts))
    if y is not None:
        if PRECISION == "tf32":  # rounded as by `to_tf32`
            total = ((total.to(tl.int32, bitcast=True) + 0x1000) & -0x2000).to(tl.float32, bitcast=True)
        is_position = (block * PHASES)[:, None] + column // OUT < out_length
        at = sample[:, None] * (out_length * OUT) + (block * (PHASES * OUT))[:, None] + column
        tl.store(y + at, total.to(y.dtype.element_ty), is_row[:, None] & is_column & is_position)


class TritonMeans(LayerMeans):
    """`LayerMeans` on maps (B, L, C) of a type; tf32 multiplies float32 on the tensor cores."""

    def __init__(self, network: SpeechNetwork, depth: int, dtype: torch.dtype, tf32: bool = False) -> None:
        super().__init__(network, depth)
        self.stored = to_tf32 if tf32 else lambda h: h
        self.layers = nn.ModuleList(
            Convolution(layer, dtype, tf32) if _fits(layer) else Transposed(layer.to(dtype))
            for layer in self.layers
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(B, latent variables) or (B, samples) -> one (B, L) per layer."""
        means, h = [], self.stored(x.unsqueeze(2)) if self.reads_sound else x  # (B, L, C) or (B, F)
        for layer in self.layers:
            if isinstance(layer, Convolution):
                h, mean = layer(h, is_last=layer is self.layers[-1])
            else:
                h = layer(h)
                h, mean = self.stored(h), h.mean(2, dtype=torch.float32) if h.dim() == 3 else h
            means.append(mean)
        return tuple(means)


class Convolution(nn.Module):
    """A layer, transposed or not, packed for the kernel.

    Of a transposed one, tap t of input position q makes output position s q + t - left: phase p of block b is what the taps
    with t - left = s d + p make of position b - d.
    """

    def __init__(self, layer: ConvLayer, dtype: torch.dtype, tf32: bool) -> None:
        super().__init__()
        self.spec = spec = layer.spec
        kernel = layer.weight.detach().transpose(0, 1) if spec.transposed else layer.weight.detach()
        self.phases = phases = spec.stride if spec.transposed else 1
        moves = [divmod(tap - spec.padding[0], phases) for tap in range(spec.kernel)]  # blocks, phase
        offsets = [-blocks if spec.transposed else blocks for blocks, _ in moves]
        left, span = -min(offsets), max(offsets) - min(offsets) + 1
        weight = torch.zeros(phases, spec.out_channels, span, spec.in_channels)  # (s, C, D, P)
        of_phase: list[list[int]] = [[] for _ in range(phases)]
        for tap, (offset, (_, phase)) in enumerate(zip(offsets, moves, strict=True)):
            weight[phase, :, left + offset] = kernel[:, :, tap]
            of_phase[phase].append(left + offset)
        weight = weight.flatten(2).flatten(0, 1)  # (s C, D P)
        beyond = -len(weight) % WIDEST_TILE, LINE + -weight.shape[1] % LINE  # so that no load needs a mask
        weight = F.pad(weight, (0, beyond[1], 0, beyond[0]))
        self.register_buffer("weight", to_tf32(weight) if tf32 else weight.to(dtype))
        self.register_buffer("bias", F.pad(_bias(layer).repeat(phases), (0, beyond[0])))
        spans = [[min(of_its), max(of_its) + 1] for of_its in of_phase]
        self.register_buffer("spans", torch.tensor(spans, dtype=torch.int32))
        self.constants = {
            "IN": spec.in_channels,
            "OUT": spec.out_channels,
            "PART": min(spec.out_channels, WIDEST_PART),
            "PHASES": phases,
            "STEP": 1 if spec.transposed else spec.stride,
            "LEFT": left,
            "TANH": spec.activation.kind == "tanh",
            "SLOPE": {"relu": 0.0, "leaky_relu": spec.activation.slope}.get(spec.activation.kind, 1.0),
            "PRECISION": "tf32" if tf32 else "ieee",
            "CHUNK": min(LINE // dtype.itemsize, max(triton.next_power_of_2(span * spec.in_channels), 16)),
        }

    def forward(self, h: Tensor, is_last: bool) -> tuple[Tensor | None, Tensor]:
        """(B, L, P) -> the map (B, out_length(L), C), unless nothing reads it, and its means (B, out_length(L))."""
        batch, in_length, _ = h.shape
        channels, out_length = self.spec.out_channels, self.spec.out_length(in_length)
        blocks, columns = -(-out_length // self.phases), self.phases * channels
        y = None if is_last else h.new_empty(batch, out_length, channels)
        parts = columns // self.constants["PART"]
        means = h.new_empty(batch, blocks, parts, dtype=torch.float32)
        convolve[lambda t: (triton.cdiv(batch * blocks, t["ROWS"]) * triton.cdiv(columns, t["COLUMNS"]),)](
            h.contiguous(), self.weight, self.bias, self.spans, y, means,
            batch, blocks, in_length, out_length, self.weight.shape[1], **self.constants,
        )  # fmt: skip
        means = means.view(batch, blocks * self.phases, -1)[:, :out_length]
        return y, means.sum(2) if means.shape[2] > 1 else means[..., 0]


def to_tf32(x: Tensor) -> Tensor:
    """Rounded to the bits that the tensor cores read; by themselves they cut the others off."""
    return ((x.view(torch.int32) + 0x1000) & -0x2000).view(torch.float32)


def _fits(layer: nn.Module) -> bool:
    """Whether the kernel can do it; torch does the rest."""
    if not isinstance(layer, ConvLayer):
        return False
    spec = layer.spec
    return (
        _is_plain(spec)
        and spec.kernel >= spec.stride
        and spec.out_channels.bit_count() == 1
        and spec.activation.kind != "sigmoid"
        and spec.activation.scale == 1.0
    )
