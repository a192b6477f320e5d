"""When a layer answers: its peak in every glottal period, behind the waveform's.

Beguš, Zhou and Zhao 2023, "Encoding of speech in convolutional layers and the brain stem based on language
experience" (Scientific Reports): the latency of a layer's peak behind the waveform's, period by period. Times
are the centres of what positions see or make, where the source knows them; shares of the slice are off by up
to a few samples per layer.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ._capacity import f0_reason, latency_reason
from ._measure import Measure, Output, Reading, Refusal, expect, expect_range
from ._praat import pitch_of, pulses_of, sound_of
from ._spans import Span
from ._wave import Floats, Wave


@dataclass(frozen=True, slots=True)
class PeakLatency(Measure):
    """The peak of a layer in each glottal period of the waveform, behind the peak of the waveform.

    Gives ``peak_latency`` in s for each period, at its pulse, and ``peak_latency_mean``. Peaks are highest
    values, placed between positions by a parabola. Pulses are Praat's (To PointProcess (cc)).

    Parameters
    ----------
    floor_hz, ceiling_hz : float
        Range of the waveform's F0.
    before : float
        Where the period looked at begins, in periods before the pulse: latencies may be negative.
    """

    needs_waveform: ClassVar[bool] = True
    floor_hz: float = 75.0
    ceiling_hz: float = 450.0
    before: float = 0.25

    def __post_init__(self) -> None:
        expect_range(self.floor_hz, self.ceiling_hz)
        expect(0 <= self.before < 1, "before", "a share of a period, 0 to below 1", self.before)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Each, and their mean."""
        return (Output("peak_latency", "s", None), Output("peak_latency_mean", "s"))

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        return latency_reason(rate_hz, ceiling_hz=self.ceiling_hz)

    def track(self, wave: Wave, waveform: Wave | None) -> tuple[Floats, Floats]:
        """Times of the pulses, and the latency in each period."""
        assert waveform is not None
        reason = waveform.trouble() or f0_reason(
            waveform.rate_hz, waveform.values.size, floor_hz=self.floor_hz, ceiling_hz=self.ceiling_hz
        )
        if reason and not wave.as_published:
            raise Refusal(f"the waveform: {reason}")
        pulses_s, periods_s = glottal_periods(waveform, self.floor_hz, self.ceiling_hz)
        shift_s = waveform.field_times_s()[0] - waveform.start_s
        starts_s = pulses_s - self.before * periods_s + shift_s
        ends_s = starts_s + periods_s
        # A voice may peak downwards; the larger side is the same throughout a sound.
        sign = 1.0 if waveform.centred().max() >= -waveform.centred().min() else -1.0
        peaks_s = peak_times(sign * waveform.values, waveform.field_times_s(), starts_s, ends_s)
        return pulses_s, peak_times(wave.values, wave.field_times_s(), starts_s, ends_s) - peaks_s

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """Of the periods that begin in the interval."""
        pulses_s, latencies_s = track
        is_in = (pulses_s >= span.start_s) & (pulses_s < span.end_s)
        chosen = latencies_s[is_in]
        known = chosen[np.isfinite(chosen)]
        reason = "" if known.size else "no glottal period"
        return {
            "peak_latency": Reading(chosen, pulses_s[is_in], reason or "no peak in the period"),
            "peak_latency_mean": Reading(float(known.mean()) if known.size else np.nan, reason=reason),
        }


@functools.lru_cache(maxsize=2)  # all layers of a sound ask for the same
def glottal_periods(waveform: Wave, floor_hz: float, ceiling_hz: float) -> tuple[Floats, Floats]:
    """(periods,) pulses that begin a period, and its length, in s."""
    sound = sound_of(waveform)
    pulses_s = waveform.from_praat_s(
        pulses_of(sound, pitch_of(sound, floor_hz=floor_hz, ceiling_hz=ceiling_hz))
    )
    periods_s = np.diff(pulses_s)
    is_period = periods_s < 1.5 / floor_hz  # else voice pauses in between
    return pulses_s[:-1][is_period], periods_s[is_period]


def peak_times(values: Floats, times_s: Floats, starts_s: Floats, ends_s: Floats) -> Floats:
    """(periods,) time of the highest value in each [start, end), between positions by a parabola; NaN where it is no peak."""
    found = np.full(starts_s.size, np.nan)
    firsts, lasts = np.searchsorted(times_s, starts_s), np.searchsorted(times_s, ends_s)
    step_s = float(times_s[1] - times_s[0]) if times_s.size > 1 else 0.0
    for i, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
        if first == last:
            continue
        best = first + int(values[first:last].argmax())
        around = values[best - 1 : best + 2]
        if around.size == 3 and np.ptp(around) > 0 and around[1] == around.max():
            found[i] = times_s[best] + step_s * vertex(*around)
    return found


def vertex(left: float, middle: float, right: float) -> float:
    """Where a parabola through three values, the middle one the highest, has its top: steps from the middle."""
    bend = left - 2 * middle + right
    return float(0.5 * (left - right) / bend) if bend < 0 else 0.0
