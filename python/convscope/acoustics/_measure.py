"""What a measure is: parameters, what comes out, whether a series can carry it, and a track that is read at intervals.

A track is made once of a whole sound and read for every interval: Praat's windows reach beyond the edges of a
short vowel, and its pitch needs the sound around it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

from ._spans import Span
from ._wave import Floats, Wave


@dataclass(frozen=True, slots=True)
class Output:
    """One thing that a measure gives.

    ``points`` values of every interval, each with a time; 0 for a single value, None where their number is
    found. With bands each point has a value for each frequency.
    """

    name: str
    unit: str
    points: int | None = 0
    has_bands: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """An output's values in one interval: a number, (points,), or (points, bands) with ``frequencies_hz``.

    ``reason`` says why values are NaN, or, as published, why they should not be trusted.
    """

    values: float | Floats
    times_s: Floats | None = None
    reason: str = ""
    frequencies_hz: Floats | None = None


class Refusal(ValueError):
    """A track that cannot be made; the message becomes the reason of its values."""


class Measure(ABC):
    """One measure with its parameters: a frozen dataclass."""

    __slots__ = ()
    needs_waveform: ClassVar[bool] = False

    @property
    @abstractmethod
    def outputs(self) -> tuple[Output, ...]:
        """What comes out."""

    @abstractmethod
    def cannot(self, rate_hz: float, length: int) -> str:
        """Why a series of this rate and length cannot carry it; "" where it can."""

    def untrusted(self, rate_hz: float, length: int) -> str:
        """Why values should not be trusted that are measured as published, of the series drawn out to 16 kHz."""
        return self.cannot(rate_hz, length)

    @abstractmethod
    def track(self, wave: Wave, waveform: Wave | None) -> Any:
        """Whatever `read` needs of the whole series; ``waveform`` is the output that it belongs to."""

    @abstractmethod
    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """Readings by the names of `outputs`, all of them."""


def expect(holds: bool, what: str, expected: str, got: object) -> None:
    """ValueError that names a parameter."""
    if not holds:
        raise ValueError(f"{what}: expected {expected}, got {got}")


def expect_whole(what: str, count: object, *, least: int) -> None:
    """A number of points, slices, processes."""
    is_whole = isinstance(count, Integral) and not isinstance(count, bool)
    expect(is_whole and count >= least, what, f"{least} or more, a whole number", count)  # type: ignore[operator]


def expect_range(floor_hz: float, ceiling_hz: float) -> None:
    """A range of F0."""
    expect(
        0 < floor_hz < ceiling_hz,
        "floor_hz, ceiling_hz",
        "a floor below the ceiling, both positive",
        f"{floor_hz:g} and {ceiling_hz:g}",
    )
