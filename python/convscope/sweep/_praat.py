"""Scalars that Praat measures: F0 and intensity of a layer's series, heard as a sound at the layer's own rate.

Boersma 1993, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound", by way
of Parselmouth (extra `acoustics`, GPL-3).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from ._keep import Floats
from ._scalars import Measure, Scalar, Seconds

_LIBRARIES = ("praat-parselmouth",)
FLOOR_HZ, CEILING_HZ = 60.0, 300.0  # of the papers' male speakers


def f0(floor_hz: float = FLOOR_HZ, ceiling_hz: float = CEILING_HZ) -> Scalar:
    """Median over voiced frames, in Hz; NaN where none is, or the layer's rate cannot carry the range."""

    def of_one(sound: Any) -> float:
        frames = sound.to_pitch_ac(pitch_floor=floor_hz, pitch_ceiling=ceiling_hz).selected_array["frequency"]
        voiced = frames[frames > 0]
        return float(np.median(voiced)) if voiced.size else np.nan

    text = "f0" if (floor_hz, ceiling_hz) == (FLOOR_HZ, CEILING_HZ) else f"f0:{floor_hz:g}:{ceiling_hz:g}"
    return Scalar(
        text,
        _each(of_one),
        "Hz",
        "median F0 (Praat, autocorrelation)",
        needs_clock=True,
        libraries=_LIBRARIES,
    )


def intensity(floor_hz: float = 100.0) -> Scalar:
    """Mean in dB, by Praat's energy average; NaN where the layer is too short for a window."""

    def of_one(sound: Any) -> float:
        return float(sound.to_intensity(minimum_pitch=floor_hz).get_average())

    return Scalar(
        "intensity", _each(of_one), "dB", "mean intensity (Praat)", needs_clock=True, libraries=_LIBRARIES
    )


def _each(of_one: Callable[[Any], float]) -> Measure:
    """One sound after the other: Praat has no batches."""
    if importlib.util.find_spec("parselmouth") is None:
        raise ImportError("keep: f0 and intensity need the extra: pip install 'convscope[acoustics]'")

    def measure(times_s: Seconds, series: Floats) -> Floats:
        import parselmouth

        rate_hz = 1 / (times_s[1] - times_s[0])
        made = np.full(series.shape[:-1], np.nan)
        for place in np.ndindex(*made.shape):
            try:
                made[place] = of_one(parselmouth.Sound(np.asarray(series[place], np.float64), rate_hz))
            except parselmouth.PraatError:  # too short, too slow, or not finite: no such measure
                continue
        return made

    return measure
