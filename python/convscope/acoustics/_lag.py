"""The course of a layer, and how far it is behind the waveform's, by cross-correlation.

Times are the centres of what positions see or make, where the source knows them, as in `_latency`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ._capacity import course_reason
from ._latency import vertex
from ._measure import Measure, Output, Reading, Refusal, expect, expect_whole
from ._optional import library
from ._spans import Span
from ._wave import Floats, Wave

GRAINS = 16  # steps in a standard deviation; a parabola places the lag between them


@dataclass(frozen=True, slots=True)
class Envelope(Measure):
    """The course of a series: its values where none is negative (after ReLU), else their distance from the mean; smoothed.

    Gives ``envelope`` at the centres of ``points`` equal parts of an interval.

    Parameters
    ----------
    points : int
        Values on normalised time.
    smoothing_s : float
        Standard deviation of the Gaussian, at least the series' step.
    """

    points: int = 10
    smoothing_s: float = 0.01

    def __post_init__(self) -> None:
        expect_whole("points", self.points, least=1)
        expect(self.smoothing_s > 0, "smoothing_s", "a positive number", self.smoothing_s)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The track."""
        return (Output("envelope", "", self.points),)

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        return course_reason(length)

    def track(self, wave: Wave, waveform: Wave | None) -> Wave:
        """`envelope`."""
        return envelope(wave, max(self.smoothing_s, 1 / wave.rate_hz))

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """Between its values by straight lines."""
        points_s = span.points_s(self.points)
        return {"envelope": Reading(np.interp(points_s, track.times_s(), track.values), points_s)}


@dataclass(frozen=True, slots=True)
class Lag(Measure):
    """How far a layer's envelope is behind the waveform's, by cross-correlation.

    Gives ``lag`` in s, positive where the layer is late, and ``lag_correlation``, Pearson's r there. A layer
    without negative values (after ReLU) is its own envelope; others are rectified about their mean. Both are
    smoothed alike. The waveform's envelope is read between the layer's positions, so that the lag is finer
    than the layer's step.

    Parameters
    ----------
    maximum_s : float
        Largest lag looked at, to either side.
    smoothing_s : float
        Standard deviation of the Gaussian, at least the layer's step.
    """

    needs_waveform: ClassVar[bool] = True
    maximum_s: float = 0.05
    smoothing_s: float = 0.01

    def __post_init__(self) -> None:
        settings = (self.maximum_s, self.smoothing_s)
        expect(min(settings) > 0, "maximum_s, smoothing_s", "positive numbers", settings)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Lag and correlation."""
        return (Output("lag", "s"), Output("lag_correlation", ""))

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        return course_reason(length)

    def track(self, wave: Wave, waveform: Wave | None) -> tuple[Wave, Wave, float]:
        """The layer's envelope, the waveform's, and how much both are smoothed."""
        assert waveform is not None
        if waveform.trouble():
            raise Refusal(f"the waveform: {waveform.trouble()}")
        smoothing_s = max(self.smoothing_s, 1 / wave.rate_hz)
        return envelope(wave, smoothing_s), envelope(waveform, smoothing_s), smoothing_s

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """Of the positions in the interval."""
        whole, other, smoothing_s = track
        own = whole.part(span.start_s, span.end_s)
        reason = course_reason(own.values.size)
        if not reason and np.ptp(own.values) == 0:
            reason = "the envelope is constant in the interval"
        if reason:
            return {output.name: Reading(np.nan, reason=reason) for output in self.outputs}
        step_s = smoothing_s / GRAINS
        steps = int(self.maximum_s / step_s)
        lags_s = np.arange(-steps, steps + 1) * step_s
        stride = max(int(own.rate_hz * smoothing_s / 4), 1)  # in between there is nothing new
        moments_s = own.field_times_s()[::stride] - lags_s[:, None]  # (lags, positions)
        shifted = np.interp(moments_s, other.field_times_s(), other.values)
        found = _correlations(shifted, own.values[::stride])
        best = int(np.nanargmax(found)) if np.isfinite(found).any() else -1
        if not 0 < best < lags_s.size - 1:
            reason = "the waveform is silent there" if best < 0 else f"no maximum within {self.maximum_s:g} s"
            return {output.name: Reading(np.nan, reason=reason) for output in self.outputs}
        if found[best] <= 0:
            reason = "the layer does not follow the waveform"
            return {output.name: Reading(np.nan, reason=reason) for output in self.outputs}
        return {
            "lag": Reading(float(lags_s[best] + step_s * vertex(*found[best - 1 : best + 2]))),
            "lag_correlation": Reading(float(found[best])),
        }


def envelope(wave: Wave, smoothing_s: float) -> Wave:
    """The course of a sound, in steps of a sixteenth of the smoothing or the wave's own.

    Values if none is negative, else their distance from the mean; averaged over each step and smoothed by a
    Gaussian.
    """
    ndimage = library("scipy.ndimage")
    values = wave.values if wave.values.min() >= 0 else np.abs(wave.values - wave.values.mean())
    held = max(int(wave.rate_hz * smoothing_s / GRAINS), 1)
    means = values[: values.size // held * held].reshape(-1, held).mean(1)
    shift_s = (held - 1) / 2 / wave.rate_hz
    return Wave(
        ndimage.gaussian_filter1d(means, smoothing_s * wave.rate_hz / held, mode="nearest"),
        wave.rate_hz / held,
        wave.start_s + shift_s,
        None if wave.field_start_s is None else wave.field_start_s + shift_s,
    )


def _correlations(rows: Floats, values: Floats) -> Floats:
    """(rows,) Pearson's r of each row with the values; NaN for constant rows."""
    rows = rows - rows.mean(1, keepdims=True)
    values = values - values.mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (rows * values).sum(1) / np.sqrt((rows**2).sum(1) * (values**2).sum())
    return found
