"""F0, voiced periods and harmonicity: Praat's tracks, read at intervals."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._capacity import f0_reason, harmonicity_reason
from ._measure import Measure, Output, Reading, expect, expect_range, expect_whole
from ._praat import harmonicity_of, pitch_of, sound_of
from ._spans import Span, inside, runs
from ._wave import Floats, Wave

_NOT_VOICED = "no voiced frame"
_PRAAT_UNDEFINED_DB = -200.0


@dataclass(frozen=True, slots=True)
class F0(Measure):
    """Fundamental frequency, by Praat's autocorrelation (Boersma 1993).

    Gives ``f0_median`` and ``f0_mean`` in Hz over the voiced frames of an interval, ``voiced``, the share of
    frames that are, and with ``points`` the track ``f0`` at the centres of as many equal parts, as Praat
    interpolates it between voiced frames.

    Parameters
    ----------
    floor_hz, ceiling_hz : float
        The range looked at. The papers' are 60-300, 75-450 and, for the first layer, 5-150 Hz; `f0_range` finds a
        voice's own.
    points : int
        Values on normalised time; 10 in ProsodyPro.

    Raises
    ------
    ValueError
        If the floor is not below the ceiling, or ``points`` is negative.

    Examples
    --------
    >>> F0(75, 450).cannot(1000.0, 1024)
    'a rate of 1000 Hz cannot carry F0: the harmonics of a voice need 3000 Hz'
    """

    floor_hz: float = 75.0
    ceiling_hz: float = 450.0
    points: int = 0

    def __post_init__(self) -> None:
        expect_range(self.floor_hz, self.ceiling_hz)
        expect_whole("points", self.points, least=0)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Median, mean, voiced share, and the track."""
        single = (Output("f0_median", "Hz"), Output("f0_mean", "Hz"), Output("voiced", ""))
        return (*single, Output("f0", "Hz", self.points)) if self.points else single

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        return f0_reason(rate_hz, length, floor_hz=self.floor_hz, ceiling_hz=self.ceiling_hz)

    def track(self, wave: Wave, waveform: Wave | None) -> Any:
        """Praat's Pitch, the times of its frames, and their frequencies."""
        return pitch_track(wave, self.floor_hz, self.ceiling_hz)

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """Over the frames in the interval."""
        pitch, times_s, frequencies_hz = track
        chosen = frequencies_hz[inside(times_s, span)]
        voiced = chosen[chosen > 0]
        no_frame = "" if chosen.size else "no frame of the track in the interval"
        reason = no_frame or ("" if voiced.size else _NOT_VOICED)
        readings = {
            "f0_median": Reading(float(np.median(voiced)) if voiced.size else np.nan, reason=reason),
            "f0_mean": Reading(float(voiced.mean()) if voiced.size else np.nan, reason=reason),
            "voiced": Reading(voiced.size / chosen.size if chosen.size else np.nan, reason=no_frame),
        }
        if self.points:
            points_s = span.points_s(self.points)
            values = np.array([pitch.get_value_at_time(wave.to_praat_s(time)) for time in points_s])
            readings["f0"] = Reading(values, points_s, "not voiced there")
        return readings


@dataclass(frozen=True, slots=True)
class VoicedPeriods(Measure):
    """Stretches of voice: what TASLP annotated by hand.

    Gives ``voiced_periods``, their number; ``voiced_duration`` in s, all of them together; and
    ``voiced_period`` in s, the duration of each, at its middle.

    Parameters
    ----------
    floor_hz, ceiling_hz : float
        Range of F0.
    shortest_s : float
        Shorter ones do not count.
    gap_s : float
        Gaps up to this are closed.
    """

    floor_hz: float = 75.0
    ceiling_hz: float = 450.0
    shortest_s: float = 0.03
    gap_s: float = 0.02

    def __post_init__(self) -> None:
        expect_range(self.floor_hz, self.ceiling_hz)
        expect(
            self.shortest_s >= 0 and self.gap_s >= 0,
            "shortest_s, gap_s",
            "0 or more",
            (self.shortest_s, self.gap_s),
        )

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Number, duration of all, duration of each."""
        return (
            Output("voiced_periods", ""),
            Output("voiced_duration", "s"),
            Output("voiced_period", "s", None),
        )

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        return f0_reason(rate_hz, length, floor_hz=self.floor_hz, ceiling_hz=self.ceiling_hz)

    def track(self, wave: Wave, waveform: Wave | None) -> tuple[Span, ...]:
        """The periods of the whole sound."""
        _, times_s, frequencies_hz = pitch_track(wave, self.floor_hz, self.ceiling_hz)
        return runs(times_s, frequencies_hz > 0, shortest_s=self.shortest_s, gap_s=self.gap_s)

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """What of them lies in the interval."""
        cut = [Span(max(each.start_s, span.start_s), min(each.end_s, span.end_s)) for each in track]
        cut = [each for each in cut if each.duration_s >= max(self.shortest_s, 1e-9)]
        durations_s = np.array([each.duration_s for each in cut], np.float64)
        middles_s = np.array([(each.start_s + each.end_s) / 2 for each in cut], np.float64)
        return {
            "voiced_periods": Reading(float(len(cut))),
            "voiced_duration": Reading(float(durations_s.sum())),
            "voiced_period": Reading(durations_s, middles_s, _NOT_VOICED),
        }


@dataclass(frozen=True, slots=True)
class Harmonicity(Measure):
    """Ratio of harmonics to noise, by Praat's cross-correlation.

    Gives ``harmonicity_mean`` in dB over the frames that Praat holds for sound. Noise above the Nyquist
    frequency is not there any more, so values of different rates are not of one scale.

    Parameters
    ----------
    floor_hz : float
        Praat's minimum pitch: windows hold ``periods_per_window`` of its periods.
    step_s : float
        Time between frames.
    periods_per_window : float
        1 in Praat.

    Raises
    ------
    ValueError
        If one of them is not positive.

    Examples
    --------
    >>> Harmonicity().cannot(1000.0, 1024)
    'a rate of 1000 Hz cannot carry harmonicity: folded harmonics count as noise below 3000 Hz'
    """

    floor_hz: float = 75.0
    step_s: float = 0.01
    periods_per_window: float = 1.0

    def __post_init__(self) -> None:
        settings = (self.floor_hz, self.step_s, self.periods_per_window)
        expect(
            all(each > 0 for each in settings),
            "floor_hz, step_s, periods_per_window",
            "positive numbers",
            settings,
        )

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The mean."""
        return (Output("harmonicity_mean", "dB"),)

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        return harmonicity_reason(rate_hz, length, floor_hz=self.floor_hz, periods=self.periods_per_window)

    def track(self, wave: Wave, waveform: Wave | None) -> tuple[Floats, Floats]:
        """Times and values of the frames."""
        found = harmonicity_of(
            sound_of(wave), floor_hz=self.floor_hz, step_s=self.step_s, periods=self.periods_per_window
        )
        return wave.from_praat_s(found.xs()), found.values[0]

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """Over the frames in the interval."""
        times_s, values_db = track
        chosen = values_db[inside(times_s, span) & (values_db > _PRAAT_UNDEFINED_DB)]
        if not chosen.size:
            return {"harmonicity_mean": Reading(np.nan, reason="no frame with sound")}
        return {"harmonicity_mean": Reading(float(chosen.mean()))}


@functools.lru_cache(maxsize=2)  # measures of one range follow each other on one sound
def pitch_track(wave: Wave, floor_hz: float, ceiling_hz: float) -> tuple[Any, Floats, Floats]:
    """Praat's Pitch, (frames,) times and (frames,) frequencies in Hz, 0 where unvoiced."""
    pitch = pitch_of(sound_of(wave), floor_hz=floor_hz, ceiling_hz=ceiling_hz)
    return pitch, wave.from_praat_s(pitch.xs()), pitch.selected_array["frequency"]
