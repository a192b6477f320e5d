"""Intensity as Praat defines it, and the duration of what sounds, in NumPy.

Praat's manual, "Sound: To Intensity...": squares weighted by a Kaiser-20 window of 6.4 periods of the lowest
pitch, the mean of each window removed, every 0.8 periods, in dB re 2e-5. Values agree with Praat's within
1e-6 dB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._capacity import duration_reason, intensity_reason
from ._measure import Measure, Output, Reading, expect, expect_whole
from ._optional import library
from ._spans import Span, inside, runs
from ._wave import Floats, Wave

REFERENCE_POWER = 4e-10  # (2e-5 Pa)^2
BLOCK_VALUES = 1 << 20  # of frames that are looked at together
_BEYOND = "no frame there: the window reaches beyond the sound"
NEAR_S = 0.005  # to either side: what varies within it sounds
SILENCE_DB = -200.0  # what rounding leaves of digital silence lies below


@dataclass(frozen=True, slots=True)
class Intensity(Measure):
    """Intensity in dB re 2e-5 (full scale ±1 is 1 Pa).

    Gives ``intensity_mean``, by energy over the frames of an interval, ``intensity_max``, and with ``points``
    the track ``intensity`` at the centres of as many equal parts.

    Parameters
    ----------
    floor_hz : float
        Praat's minimum pitch: the lowest that must not show as ripple. 100 Hz in the papers.
    points : int
        Values on normalised time.
    """

    floor_hz: float = 100.0
    points: int = 0

    def __post_init__(self) -> None:
        expect(self.floor_hz > 0, "floor_hz", "a positive number", self.floor_hz)
        expect_whole("points", self.points, least=0)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Mean, maximum, and the track."""
        single = (Output("intensity_mean", "dB"), Output("intensity_max", "dB"))
        return (*single, Output("intensity", "dB", self.points)) if self.points else single

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        return intensity_reason(rate_hz, length, floor_hz=self.floor_hz)

    def track(self, wave: Wave, waveform: Wave | None) -> tuple[Floats, Floats]:
        """Times of the frames, and their power."""
        return intensity_frames(wave, self.floor_hz)

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """Over the frames in the interval; where there is none, between those around its middle. None where the window reaches beyond the sound."""
        times_s, power = track
        chosen = power[inside(times_s, span)]
        if not chosen.size:
            chosen = np.interp([(span.start_s + span.end_s) / 2], times_s, power, left=np.nan, right=np.nan)
        mean_db, max_db = decibels(np.array([chosen.mean(), chosen.max()]))
        reason = _BEYOND if np.isnan(chosen).any() else ""
        readings = {
            "intensity_mean": Reading(float(mean_db), reason=reason or _silent(mean_db)),
            "intensity_max": Reading(float(max_db), reason=reason or _silent(max_db)),
        }
        if self.points:
            points_s = span.points_s(self.points)
            values = np.interp(points_s, times_s, decibels(power), left=np.nan, right=np.nan)
            is_beyond = bool((points_s < times_s[0]).any() or (points_s > times_s[-1]).any())
            readings["intensity"] = Reading(values, points_s, _BEYOND if is_beyond else "digital silence")
        return readings


@dataclass(frozen=True, slots=True)
class Duration(Measure):
    """When it sounds: from the first to the last value that stands out.

    Gives ``duration`` in s and ``sounding_start`` and ``sounding_end``, times in s. A stretch sounds where
    values within 5 ms range over more than the threshold, so a constant that a layer rests at does not count,
    and edges are those of single values.

    Parameters
    ----------
    threshold_db : float
        Below the widest range of the whole sound.
    shortest_s : float
        Shorter stretches are clicks, and do not count.
    gap_s : float
        Silences up to this, such as closures of stops, belong to the sound.
    """

    threshold_db: float = -30.0
    shortest_s: float = 0.02
    gap_s: float = 0.1

    def __post_init__(self) -> None:
        expect(self.threshold_db < 0, "threshold_db", "a negative number", self.threshold_db)
        settings = (self.shortest_s, self.gap_s)
        expect(min(settings) >= 0, "shortest_s, gap_s", "0 or more", settings)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Duration, start and end."""
        return (Output("duration", "s"), Output("sounding_start", "s"), Output("sounding_end", "s"))

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        return duration_reason(rate_hz, resolution_s=self.shortest_s or NEAR_S)

    def track(self, wave: Wave, waveform: Wave | None) -> tuple[Span, ...]:
        """The stretches that sound."""
        is_sounding = sounding(wave, self.threshold_db)
        return runs(wave.times_s(), is_sounding, shortest_s=self.shortest_s, gap_s=self.gap_s)

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """From the first to the last of them in the interval."""
        cut = [each for each in track if each.end_s > span.start_s and each.start_s < span.end_s]
        if not cut:
            return {output.name: Reading(np.nan, reason="nothing sounds") for output in self.outputs}
        start_s, end_s = max(cut[0].start_s, span.start_s), min(cut[-1].end_s, span.end_s)
        return {
            "duration": Reading(end_s - start_s),
            "sounding_start": Reading(start_s),
            "sounding_end": Reading(end_s),
        }


def intensity_frames(wave: Wave, floor_hz: float) -> tuple[Floats, Floats]:
    """(frames,) times and (frames,) power of each, as Praat places and weighs them."""
    values, window_s, step_s = wave.centred(), 6.4 / floor_hz, 0.8 / floor_hz
    # In Praat's order of operations: frames often lie exactly between two values, and rounding decides which is theirs.
    spacing_s = 1 / wave.rate_hz
    duration_s = spacing_s * values.size
    half = int(np.floor(0.5 * window_s / spacing_s))
    place = np.arange(-half, half + 1) * spacing_s / (0.5 * window_s)
    root = np.maximum(1 - place**2, 0)
    weights = np.where(root > 0, np.i0((2 * np.pi**2 + 0.5) * np.sqrt(root)), 0)
    count = int(np.floor((duration_s - window_s) / step_s)) + 1
    first_s = 0.5 * duration_s - 0.5 * (count * step_s) + 0.5 * step_s
    middles_s = first_s + np.arange(count) * step_s
    centres = np.floor((middles_s - 0.5 * spacing_s) / spacing_s + 1.5).astype(int) - 1
    most = max(BLOCK_VALUES // weights.size, 1)
    blocks = (centres[first : first + most] for first in range(0, count, most))
    power = np.concatenate([_weighted_power(values, weights, block) for block in blocks])
    return wave.from_praat_s(middles_s), power


def _weighted_power(values: Floats, weights: Floats, centres: NDArray[np.intp]) -> Floats:
    """(frames,) mean squares in windows around these places, each without its mean; what lies beyond the sound does not count."""
    half = weights.size // 2
    rows = centres[:, None] + np.arange(-half, half + 1)  # (frames, window)
    is_there = (rows >= 0) & (rows < values.size)
    frames = np.where(is_there, values[np.clip(rows, 0, values.size - 1)], 0)
    weighing = np.where(is_there, weights, 0)
    frames = np.where(is_there, frames - (frames.sum(1) / is_there.sum(1))[:, None], 0)
    power: Floats = (frames**2 * weighing).sum(1) / weighing.sum(1)
    return power


def decibels(power: Floats) -> Floats:
    """10 lg(power / 4e-10); NaN for digital silence."""
    with np.errstate(divide="ignore"):
        found: Floats = 10 * np.log10(power / REFERENCE_POWER)
    return np.where(found > SILENCE_DB, found, np.nan)


def sounding(wave: Wave, threshold_db: float) -> Any:
    """(L,) whether each value is part of a stretch that ranges over more than the threshold."""
    ndimage = library("scipy.ndimage")
    size = 2 * max(round(NEAR_S * wave.rate_hz), 1) + 1
    span = ndimage.maximum_filter1d(wave.values, size) - ndimage.minimum_filter1d(wave.values, size)
    near = span > span.max() * 10 ** (threshold_db / 20)
    # What is near to activity is wider than it by half a window on each side.
    return ndimage.minimum_filter1d(near.astype(np.uint8), size, mode="constant", cval=1) > 0


def _silent(level_db: float) -> str:
    return "" if np.isfinite(level_db) else "digital silence"
