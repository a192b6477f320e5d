"""A network as a frozen description: what the torch modules, the engine and the importers all read.

Letters: L positions, C channels. Padding pairs count positions at the (left, right) end of a layer. For a strided
convolution they are zeros that are added; for a transposed one they are output positions that are cut off, and a negative
right value adds positions that no input reaches. Two conventions that differ by one sample per layer drift apart by 341
samples over a WaveGAN generator: this is why every layer carries its own pair.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Role = Literal["generator", "discriminator", "q_network", "custom"]
FlattenOrder = Literal["channels_last", "channels_first"]
ActivationKind = Literal["identity", "relu", "leaky_relu", "tanh", "sigmoid"]


class SpecError(ValueError):
    """A network description that does not fit together; the message names the field."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A pointwise function, ``scale * kind(x)``; ``slope`` is LeakyReLU's factor for negative values."""

    kind: ActivationKind = "identity"
    slope: float = 0.0
    scale: float = 1.0

    def __str__(self) -> str:
        text = f"{self.kind}({self.slope:g})" if self.kind == "leaky_relu" else self.kind
        return text if self.scale == 1.0 else f"{self.scale:g}*{text}"


@dataclass(frozen=True, slots=True)
class Norm:
    """Batch normalisation between a layer and its activation.

    ``momentum`` is torch's: the weight of the new batch in the running statistics. ``statistics="batch"`` normalises by
    the batch at hand even when probing, as TensorFlow's WaveGAN discriminator does: its output then depends on the batch.
    """

    eps: float = 1e-5
    momentum: float = 0.1
    statistics: Literal["running", "batch"] = "running"


@dataclass(frozen=True, slots=True)
class PhaseShuffle:
    """A random shift by up to ``radius`` positions with reflection, after the activation. Off when probing."""

    radius: int
    draw: Literal["batch", "sample"] = "batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """A fully connected layer: (in_positions, in_channels) flattened -> (out_positions, out_channels).

    ``order`` says how the flat side of either shape is laid out. ``embedding`` is the width of a class embedding (the TF1
    fork with a class-embedding generator): the first ``classes`` inputs are then a code that makes the last output channel,
    which is neither normalised nor rectified.
    """

    name: str
    in_positions: int = 1
    in_channels: int
    out_positions: int = 1
    out_channels: int
    order: FlattenOrder = "channels_last"
    bias: bool = True
    norm: Norm | None = None
    activation: Activation = Activation()
    embedding: int | None = None
    classes: int = 0

    def __post_init__(self) -> None:
        _require_positive(self, "in_positions", "in_channels", "out_positions", "out_channels")
        if self.embedding is None:
            return
        _require_positive(self, "embedding", "classes")
        if self.activation.kind not in ("identity", "relu", "leaky_relu") or self.activation.scale != 1.0:
            raise SpecError(
                f"layer {self.name!r}: activation beside a class embedding must be identity, relu or leaky_relu, "
                f"got {self.activation}"
            )

    @property
    def in_features(self) -> int:
        """Of the flattened input."""
        return self.in_positions * self.in_channels

    @property
    def out_features(self) -> int:
        """Of the dense matrix itself, without the embedding channel."""
        return self.out_positions * (self.out_channels - (self.embedding is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv:
    """A convolution, a transposed one, or nearest-neighbour upsampling by ``upsample`` followed by a convolution."""

    name: str
    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    padding: tuple[int, int] = (0, 0)
    dilation: int = 1
    transposed: bool = False
    upsample: int = 1
    bias: bool = True
    norm: Norm | None = None
    activation: Activation = Activation()
    shuffle: PhaseShuffle | None = None

    def __post_init__(self) -> None:
        _require_positive(self, "in_channels", "out_channels", "kernel", "stride", "dilation", "upsample")
        if not self.transposed:
            return
        if self.upsample != 1:
            raise SpecError(
                f"layer {self.name!r}: upsample={self.upsample} cannot be combined with transposed=True"
            )
        left, right = self.padding
        beyond = max(self.stride, self.dilation)  # as many positions as torch adds on the right
        if left < 0 or (right < 0 and left - right >= beyond):
            raise SpecError(
                f"layer {self.name!r}: padding of a transposed layer must cut at least 0 on the left and add fewer than "
                f"{beyond} - left on the right, got {self.padding}"
            )

    @property
    def span(self) -> int:
        """Input (or, transposed, output) positions that one kernel covers."""
        return (self.kernel - 1) * self.dilation + 1

    def out_length(self, length: int) -> int:
        """Positions that come out when ``length`` go in."""
        left, right = self.padding
        if self.transposed:
            out = (length - 1) * self.stride + self.span - left - right
        else:
            out = (length * self.upsample + left + right - self.span) // self.stride + 1
        if out < 1:
            raise SpecError(
                f"layer {self.name!r}: kernel {self.kernel} with padding {self.padding} leaves nothing of {length} positions"
            )
        return out


Layer = Dense | Conv


def _require_positive(layer: Layer, *fields: str) -> None:
    for field in fields:
        if getattr(layer, field) < 1:
            raise SpecError(f"layer {layer.name!r}: {field} must be at least 1, got {getattr(layer, field)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A network on raw speech: layers in order, and what its input is.

    Parameters
    ----------
    name : the dialect it was built from (``"tf1-ciwgan"``), or ``"torch.fx"`` for a traced module.
    role : what it does; ``"custom"`` for a traced module.
    layers : in order of execution. Latent input starts with a `Dense` of one input position.
    in_length, in_channels : of one input sample: 1 position of latent variables, or a waveform.
    slice_len : samples of the waveform that the network makes or reads; 0 when there is none.
    sample_rate_hz : of that waveform.
    num_categories : length of the code at the front of the latent vector, or logits of a Q-network.
    makes_sound : whether the waveform is the output, not the input; if not given, whether latent variables go in.
    """

    name: str
    role: Role
    layers: tuple[Layer, ...]
    in_length: int
    in_channels: int
    slice_len: int
    sample_rate_hz: int = 16000
    num_categories: int = 0
    makes_sound: bool | None = None

    def __post_init__(self) -> None:
        for field, least in (("slice_len", 0), ("sample_rate_hz", 1), ("num_categories", 0)):
            if getattr(self, field) < least:
                raise SpecError(f"{field}: expected at least {least}, got {getattr(self, field)}")
        if not self.layers:
            raise SpecError("layers: expected at least one, got none")
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names):
            raise SpecError(f"layers: expected different names, got {names}")
        length, channels = self.in_length, self.in_channels
        for layer, out_length in zip(self.layers, self.out_lengths, strict=True):
            expected = (
                (layer.in_positions, layer.in_channels)
                if isinstance(layer, Dense)
                else (length, layer.in_channels)
            )
            if (length, channels) != expected:
                raise SpecError(
                    f"layer {layer.name!r}: expected an input of {expected[0]} positions x {expected[1]} channels, "
                    f"got {length} x {channels}"
                )
            length, channels = out_length, layer.out_channels

    @property
    def out_lengths(self) -> tuple[int, ...]:
        """Positions that come out of each layer."""
        lengths, length = [], self.in_length
        for layer in self.layers:
            length = layer.out_positions if isinstance(layer, Dense) else layer.out_length(length)
            lengths.append(length)
        return tuple(lengths)

    @property
    def reads_latents(self) -> bool:
        """Whether the input is latent variables, not a waveform."""
        return self.in_length == 1

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one sample: (latent variables,), (samples,) for one channel, or (channels, samples)."""
        if self.reads_latents:
            return (self.in_channels,)
        return (self.in_length,) if self.in_channels == 1 else (self.in_channels, self.in_length)

    @property
    def clock_is_output(self) -> bool:
        """Whether times refer to the waveform that comes out."""
        return self.reads_latents if self.makes_sound is None else self.makes_sound

    def layer(self, name: str) -> Layer:
        """The layer of that name; KeyError when there is none."""
        return {layer.name: layer for layer in self.layers}[name]

    @property
    def parameter_count(self) -> int:
        """Trainable values, biases and normalisation included."""
        total = 0
        for layer in self.layers:
            if isinstance(layer, Dense):
                total += layer.in_features * layer.out_features + layer.bias * layer.out_features
                if layer.embedding is not None:
                    total -= layer.classes * layer.out_features  # the code does not enter the matrix
                    total += layer.classes * layer.embedding + (layer.embedding + 1) * layer.out_positions
            else:
                total += (
                    math.prod((layer.kernel, layer.in_channels, layer.out_channels))
                    + layer.bias * layer.out_channels
                )
            total += 2 * (layer.out_channels - _embeds(layer)) if layer.norm is not None else 0
        return total


def _embeds(layer: Layer) -> bool:
    return isinstance(layer, Dense) and layer.embedding is not None
