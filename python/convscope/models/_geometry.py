"""Where a layer's positions lie in the waveform.

A position of a discriminator or Q-network layer looks at a stretch of its input waveform (its receptive field); a position
of a generator layer is heard in a stretch of the output (its projective field). Either is an interval that moves by a
fixed number of samples from one position to the next, so three numbers describe it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._spec import Conv, Dense, NetworkSpec


@dataclass(frozen=True, slots=True)
class Field:
    """The samples that position i of a layer sees or makes: ``first + i * hop`` ... ``+ length - 1`` (may leave the slice).

    ``hop`` is a whole number in every published network; nearest upsampling before a strided layer can make it a fraction.
    """

    hop: float
    first: float
    length: float

    def centre(self, position: float) -> float:
        """Middle of the interval, in samples from the start of the slice."""
        return self.first + position * self.hop + (self.length - 1) / 2


def fields(spec: NetworkSpec) -> tuple[Field | None, ...]:
    """One field per layer; None where a layer has no time axis (logits, or no waveform at all)."""
    if spec.slice_len == 0:
        return (None,) * len(spec.layers)
    return _projective(spec) if spec.clock_is_output else _receptive(spec)


def _receptive(spec: NetworkSpec) -> tuple[Field | None, ...]:
    found: list[Field | None] = []
    field: Field | None = Field(1.0, 0.0, 1.0)
    for layer in spec.layers:
        field = _through(layer, field) if isinstance(layer, Conv) and field is not None else None
        found.append(field)
    return tuple(found)


def _through(layer: Conv, field: Field) -> Field:
    left = layer.padding[0]
    if layer.transposed:
        # Output o takes inputs (o + left - span + 1) / stride ... (o + left) / stride.
        reach = (layer.span - 1) / layer.stride
        first = (left - layer.span + 1) / layer.stride
        return Field(
            field.hop / layer.stride, field.first + first * field.hop, field.length + reach * field.hop
        )
    hop = field.hop / layer.upsample
    return Field(hop * layer.stride, field.first - left * hop, field.length + (layer.span - 1) * hop)


def _projective(spec: NetworkSpec) -> tuple[Field | None, ...]:
    found: list[Field | None] = []
    field: Field | None = Field(1.0, 0.0, 1.0)
    for layer in reversed(spec.layers):
        found.append(field)
        if isinstance(layer, Dense) or field is None:
            field = None
            continue
        left = layer.padding[0]
        if layer.transposed:  # input i feeds outputs i * stride - left ... + span - 1
            field = Field(
                field.hop * layer.stride,
                field.first - left * field.hop,
                field.length + (layer.span - 1) * field.hop,
            )
        else:  # upsampled positions i * u ... i * u + u - 1 feed outputs (p + left - span + 1) / s ... (p + left) / s
            hop = field.hop / layer.stride
            reach = layer.upsample - 1 + layer.span - 1
            field = Field(
                hop * layer.upsample, field.first + (left - layer.span + 1) * hop, field.length + reach * hop
            )
    return tuple(reversed(found))
