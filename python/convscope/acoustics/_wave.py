"""One series as a sound: its values, its rate, and when its first value is.

Measures see nothing else. A position stands for the share of time around its centre, so a series of rate r
that starts at t lasts from t - 1/2r; Praat counts from there, and `to_praat_s` and `from_praat_s` are the
only places that know it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]
PUBLISHED_RATE_HZ = 16000.0
ROUNDING = 8 * float(
    np.finfo(np.float32).eps
)  # series are sums in single precision: such a ripple is not sound


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """A series in time.

    Attributes
    ----------
    values : (L,) float64
        As they came.
    rate_hz : float
        Values per second.
    start_s : float
        Time of the first value.
    field_start_s : float, optional
        Centre of what the first value really sees or makes, where that is known: latencies are measured from
        it.
    as_published : bool
        Whether the means stay and no frame is masked, as in the papers.
    """

    values: Floats
    rate_hz: float
    start_s: float = 0.0
    field_start_s: float | None = None
    as_published: bool = False

    @property
    def begin_s(self) -> float:
        """Where the share of the first value begins."""
        return self.start_s - 0.5 / self.rate_hz

    @property
    def end_s(self) -> float:
        """Where the share of the last value ends."""
        return self.begin_s + self.values.size / self.rate_hz

    def times_s(self) -> Floats:
        """(L,) time of each value."""
        return self.start_s + np.arange(self.values.size) / self.rate_hz

    def field_times_s(self) -> Floats:
        """(L,) time of each value for latencies."""
        shift_s = 0.0 if self.field_start_s is None else self.field_start_s - self.start_s
        return self.times_s() + shift_s

    def centred(self) -> Floats:
        """(L,) values without their mean: an average after ReLU has one, and it would drag a spectrum's centre to 0 Hz."""
        return self.values if self.as_published else self.values - self.values.mean()

    def part(self, start_s: float, end_s: float) -> Wave:
        """The values whose times lie in [start_s, end_s)."""
        # A boundary at a value's own time comes with the rounding of its division.
        grain = 1e-6 / self.rate_hz
        first, last = np.searchsorted(self.times_s(), [start_s - grain, end_s - grain])
        return replace(
            self,
            values=self.values[first:last],
            start_s=self.start_s + first / self.rate_hz,
            field_start_s=None if self.field_start_s is None else self.field_start_s + first / self.rate_hz,
        )

    def to_praat_s(self, time_s: float) -> float:
        """Seconds from the beginning, as Praat counts."""
        return time_s - self.begin_s

    def from_praat_s(self, times_s: Floats) -> Floats:
        """Praat's seconds on this series' axis."""
        return times_s + self.begin_s

    def trouble(self) -> str:
        """Why nothing at all can be measured; "" where something can."""
        if not np.isfinite(self.values).all():
            return (
                f"{np.count_nonzero(~np.isfinite(self.values))} of {self.values.size} values are not finite"
            )
        span = np.ptp(self.values)
        if span == 0:
            return "the series is constant"
        if span <= ROUNDING * np.abs(self.values).max():
            return "the series is constant up to rounding"
        return ""


@functools.lru_cache(maxsize=2)  # all measures of a sound ask for the same, and keep their tracks by it
def with_means(wave: Wave) -> Wave:
    """The series itself, measured as published."""
    return replace(wave, as_published=True)


@functools.lru_cache(maxsize=2)
def as_published(wave: Wave) -> Wave:
    """The series as the papers measured it: clipped at full scale, drawn out to 16 kHz by straight lines.

    Beguš and Zhou 2022 (TASLP, section IV). Values line up with the centres of their shares and the ends are
    held; the papers do not say what they did at the ends. A series of 16 kHz or more stays at its rate.
    """
    limited = np.clip(wave.values, -1, 1)
    if wave.rate_hz >= PUBLISHED_RATE_HZ:
        return replace(wave, values=limited, as_published=True)
    length = round(wave.values.size / wave.rate_hz * PUBLISHED_RATE_HZ)
    start_s = wave.begin_s + 0.5 / PUBLISHED_RATE_HZ
    times_s = start_s + np.arange(length) / PUBLISHED_RATE_HZ
    shift_s = 0.0 if wave.field_start_s is None else wave.field_start_s - wave.start_s
    return Wave(
        np.interp(times_s, wave.times_s(), limited),
        PUBLISHED_RATE_HZ,
        start_s,
        None if wave.field_start_s is None else start_s + shift_s,
        as_published=True,
    )
