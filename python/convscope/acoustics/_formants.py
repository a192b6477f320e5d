"""Formants, by Praat's Burg analysis, asked only for what lies below the layer's own band."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._capacity import formant_reason, formant_settings, images_reason
from ._measure import Measure, Output, Reading, expect, expect_whole
from ._optional import library
from ._praat import formants_of, sound_of
from ._spans import Span, inside
from ._wave import Floats, Wave

SILENCE_DB = -50.0  # of the largest range; Praat finds formants in digital silence (505, 1646 and 4003 Hz)


@dataclass(frozen=True, slots=True)
class Formants(Measure):
    """Formant frequencies, by Praat's Burg method.

    Gives ``f1_median`` to ``f{report}_median`` in Hz over the frames of an interval, and with ``points`` the
    tracks ``f1`` and so on at the centres of as many equal parts. Frames 50 dB or more below the loudest one
    are masked.

    Where a rate does not carry ``maximum_hz``, Praat is asked for 0.475 of the rate and as many formants as
    lie below: 1900 Hz and 2.5 at 4 kHz, for F1 and F2 alone. An F2 above that, as in [i], is not there, and
    what is found in its place is none.

    Parameters
    ----------
    count : float
        Formants that Praat looks for below ``maximum_hz``, in halves.
    maximum_hz : float
        5000 for male, 5500 for female speakers.
    report : int
        Formants in the result.
    window_s : float
        Praat's window length; it uses twice as much, with Gaussian slopes.
    points : int
        Values on normalised time.
    """

    count: float = 5.0
    maximum_hz: float = 5500.0
    report: int = 3
    window_s: float = 0.025
    points: int = 0

    def __post_init__(self) -> None:
        expect(
            self.count >= 1 and 2 * self.count == int(2 * self.count),
            "count",
            "1 or more, in halves",
            self.count,
        )
        expect_whole("report", self.report, least=1)
        expect(self.report <= self.count, "report", f"1 to {math.floor(self.count)}", self.report)
        expect(
            self.maximum_hz > 0 and self.window_s > 0,
            "maximum_hz, window_s",
            "positive numbers",
            (self.maximum_hz, self.window_s),
        )
        expect_whole("points", self.points, least=0)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Medians, then tracks."""
        numbers = range(1, self.report + 1)
        single = tuple(Output(f"f{number}_median", "Hz") for number in numbers)
        tracks = tuple(Output(f"f{number}", "Hz", self.points) for number in numbers)
        return (*single, *tracks) if self.points else single

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        return formant_reason(rate_hz, length, window_s=self.window_s)

    def untrusted(self, rate_hz: float, length: int) -> str:
        """Also where Praat looks for formants above the series' own band."""
        return self.cannot(rate_hz, length) or images_reason(rate_hz, high_hz=self.maximum_hz)

    def track(self, wave: Wave, waveform: Wave | None) -> tuple[Any, Floats, Any]:
        """Praat's Formant, the times of its frames, and which of them hold sound."""
        count, maximum_hz = formant_settings(wave.rate_hz, count=self.count, maximum_hz=self.maximum_hz)
        found = formants_of(sound_of(wave), count=count, maximum_hz=maximum_hz, window_s=self.window_s)
        times_s = wave.from_praat_s(found.ts())
        is_sound = (
            np.ones(times_s.size, bool) if wave.as_published else holds_sound(wave, times_s, self.window_s)
        )
        return found, times_s, is_sound

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """Over the frames in the interval that hold sound."""
        found, times_s, is_sound = track
        frames_s = times_s[inside(times_s, span) & is_sound]
        silent = "" if frames_s.size else "no frame with sound"
        points_s = span.points_s(self.points)
        is_heard = _near(points_s, times_s, is_sound)
        readings: dict[str, Reading] = {}
        for number in range(1, self.report + 1):
            beyond = self._beyond(number, wave)
            values = _values(found, number, frames_s, wave) if not beyond else np.empty(0)
            values = values[np.isfinite(values)]
            readings[f"f{number}_median"] = Reading(
                float(np.median(values)) if values.size else np.nan,
                reason=beyond or silent or ("" if values.size else "no frame with this formant"),
            )
            if self.points:
                tracked = np.full(self.points, np.nan)
                if not beyond:
                    tracked[is_heard] = _values(found, number, points_s[is_heard], wave)
                readings[f"f{number}"] = Reading(tracked, points_s, beyond or "no formant there")
        return readings

    def _beyond(self, number: int, wave: Wave) -> str:
        """Why this formant is none of those that Praat was asked for."""
        count, maximum_hz = formant_settings(wave.rate_hz, count=self.count, maximum_hz=self.maximum_hz)
        if number <= math.floor(count):
            return ""
        return f"F{number} lies above the {maximum_hz:.4g} Hz that a rate of {wave.rate_hz:g} Hz carries"


def holds_sound(wave: Wave, times_s: Floats, window_s: float) -> Any:
    """(frames,) whether the values around each time range over more than a 300th of the loudest stretch."""
    ndimage = library("scipy.ndimage")
    size = 2 * max(round(window_s * wave.rate_hz / 2), 1) + 1
    span = ndimage.maximum_filter1d(wave.values, size) - ndimage.minimum_filter1d(wave.values, size)
    nearest = np.clip(np.rint((times_s - wave.start_s) * wave.rate_hz).astype(int), 0, span.size - 1)
    return span[nearest] > span.max() * 10 ** (SILENCE_DB / 20)


def _values(found: Any, number: int, times_s: Floats, wave: Wave) -> Floats:
    return np.array([found.get_value_at_time(number, wave.to_praat_s(time)) for time in times_s], np.float64)


def _near(points_s: Floats, times_s: Floats, is_sound: Any) -> Any:
    """(points,) whether the frame nearest to each holds sound."""
    nearest = np.abs(points_s[:, None] - times_s).argmin(axis=1)
    return is_sound[nearest]
