"""Clicks and the intervals between them, as for the codas of sperm whales.

Beguš, Leban and Gero 2023, "Approaching an unknown communication system by latent space exploration and
causal inference" (arXiv 2303.10931): band-pass from 2 to 16 kHz, peaks above 0.4, 40 ms apart at least.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._capacity import peaks_reason
from ._measure import Measure, Output, Reading, expect
from ._optional import library
from ._spans import Span
from ._wave import Floats, Wave


@dataclass(frozen=True, slots=True)
class Peaks(Measure):
    """Peaks of the magnitude after a band-pass filter, and the time between them.

    Gives ``peaks``, their number; ``peak``, the height of each, at its time; ``peak_interval`` in s, from
    each to the next, at the time of the first; and ``peak_interval_mean``.

    Parameters
    ----------
    low_hz, high_hz : float
        The band; at the Nyquist frequency the filter is open above.
    height : float
        Lowest peak, full scale being 1.
    gap_s : float
        Least time between two peaks; the higher one stays.
    """

    low_hz: float = 2000.0
    high_hz: float = 16000.0
    height: float = 0.4
    gap_s: float = 0.04

    def __post_init__(self) -> None:
        expect(
            0 < self.low_hz < self.high_hz,
            "low_hz, high_hz",
            "a band above 0 Hz, upwards",
            (self.low_hz, self.high_hz),
        )
        expect(
            min(self.height, self.gap_s) > 0, "height, gap_s", "positive numbers", (self.height, self.gap_s)
        )

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Number, heights, intervals, their mean."""
        return (
            Output("peaks", ""),
            Output("peak", "", None),
            Output("peak_interval", "s", None),
            Output("peak_interval_mean", "s"),
        )

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        return peaks_reason(rate_hz, high_hz=self.high_hz)

    def track(self, wave: Wave, waveform: Wave | None) -> tuple[Floats, Floats]:
        """Times and heights of the peaks."""
        signal = library("scipy.signal")
        magnitude = np.abs(self._filtered(wave))
        places, _ = signal.find_peaks(
            magnitude, height=self.height, distance=max(round(self.gap_s * wave.rate_hz), 1)
        )
        return wave.start_s + places / wave.rate_hz, magnitude[places]

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """Those in the interval."""
        times_s, heights = track
        is_in = (times_s >= span.start_s) & (times_s < span.end_s)
        times_s, heights = times_s[is_in], heights[is_in]
        intervals_s = np.diff(times_s)
        few = "" if times_s.size > 1 else "fewer than two peaks"
        return {
            "peaks": Reading(float(times_s.size)),
            "peak": Reading(heights, times_s, "no peak"),
            "peak_interval": Reading(intervals_s, times_s[:-1], few),
            "peak_interval_mean": Reading(
                float(intervals_s.mean()) if intervals_s.size else np.nan, reason=few
            ),
        }

    def _filtered(self, wave: Wave) -> Floats:
        """Forwards and backwards through a Butterworth filter of order 4: no delay."""
        sections, values = filter_sections(self.low_hz, self.high_hz, wave.rate_hz), wave.centred()
        reach = 3 * (2 * len(sections) + 1)
        found: Floats = library("scipy.signal").sosfiltfilt(
            sections, values, padlen=min(reach, values.size - 1)
        )
        return found


@functools.lru_cache(maxsize=8)  # it takes longer than filtering
def filter_sections(low_hz: float, high_hz: float, rate_hz: float) -> Any:
    """(sections, 6) a band-pass of order 4, or a high-pass where the band ends at the Nyquist frequency."""
    is_open = high_hz >= rate_hz / 2
    edges, kind = (low_hz, "highpass") if is_open else ((low_hz, high_hz), "bandpass")
    return library("scipy.signal").butter(4, edges, kind, fs=rate_hz, output="sos")
