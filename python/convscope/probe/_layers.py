"""What a user can know about a layer before anything runs: its size, its clock and what it looks at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..models import Conv, Field, Layer, NetworkSpec, fields

Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One layer of a network.

    ``length`` counts positions (0: no time axis, as for logits) and ``rate_hz`` positions per second of sound; half of it
    is the highest frequency the series can carry. ``field`` is the stretch of the waveform, in samples, that position 0
    sees (discriminator, Q-network) or makes (generator).
    """

    name: str
    kind: str
    channels: int
    length: int
    activation: str
    slice_len: int
    sample_rate_hz: int
    field: Field | None
    clock: tuple[float, float] | None = (
        None  # first position and hop in samples, where shares of the slice are not equal
    )

    @property
    def rate_hz(self) -> float:
        """Positions per second; NaN without a clock."""
        return self.sample_rate_hz / self._clock()[1] if self.has_clock else float("nan")

    @property
    def has_clock(self) -> bool:
        """Whether positions are moments of a waveform."""
        return self.length > 0 and self.slice_len > 0

    def _clock(self) -> tuple[float, float]:
        hop = self.slice_len / self.length
        return self.clock or ((hop - 1) / 2, hop)

    def resampled(self, length: int, *, corners: bool) -> LayerInfo:
        """The same layer brought to ``length`` positions: ends on ends, or equal shares of the slice."""
        if not corners or not self.has_clock:
            return replace(self, length=length, field=None, clock=None)
        first, hop = self._clock()
        return replace(
            self, length=length, field=None, clock=(first, hop * (self.length - 1) / max(length - 1, 1))
        )

    def times_s(self) -> Seconds:
        """(L,) centre of each position's equal share of the slice, in seconds; positions themselves without a clock.

        Layers of different lengths line up on this axis, which is also the one that `Series.resample` keeps.
        """
        positions = np.arange(self.length, dtype=np.float64)
        if not self.has_clock:
            return positions
        first, hop = self._clock()
        return (first + positions * hop) / self.sample_rate_hz

    def field_centres_s(self) -> Seconds | None:
        """(L,) centre of what each position really sees or makes, in seconds; where latencies are to be measured.

        It differs from `times_s` by the padding convention: half a sample per layer in one, one and a half in the other.
        """
        if self.field is None:
            return None
        return np.array([self.field.centre(i) for i in range(self.length)]) / self.sample_rate_hz


class LayerTable(tuple[LayerInfo, ...]):
    """The layers in order of execution; prints as a table."""

    @property
    def names(self) -> tuple[str, ...]:
        """In order of execution."""
        return tuple(layer.name for layer in self)

    def __str__(self) -> str:
        rows = [("layer", "kind", "channels", "length", "rate/Hz", "field/samples", "activation")]
        rows += [
            (
                layer.name,
                layer.kind,
                str(layer.channels),
                str(layer.length or "-"),
                f"{layer.rate_hz:g}" if layer.has_clock else "-",
                f"{layer.field.length:g} from {layer.field.first:g}" if layer.field else "-",
                layer.activation,
            )
            for layer in self
        ]
        return format_table(rows)

    __repr__ = __str__


def format_table(rows: Iterable[tuple[str, ...]]) -> str:
    """Left-aligned first column, right-aligned others."""
    rows = list(rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def describe_layers(spec: NetworkSpec) -> LayerTable:
    """Every layer of a description."""
    return LayerTable(
        LayerInfo(
            name=layer.name,
            kind=_kind(layer),
            channels=layer.out_channels,
            length=length if field is not None or length > 1 else 0,
            activation=str(layer.activation),
            slice_len=spec.slice_len,
            sample_rate_hz=spec.sample_rate_hz,
            field=field,
        )
        for layer, length, field in zip(spec.layers, spec.out_lengths, fields(spec), strict=True)
    )


def _kind(layer: Layer) -> str:
    if not isinstance(layer, Conv):
        return "dense"
    return "transposed conv" if layer.transposed else ("upsampled conv" if layer.upsample > 1 else "conv")
