"""Scalars of `convscope.acoustics`: F0 and intensity of a layer's series, heard as a sound at the layer's own rate.

What a rate or a length cannot carry is NaN; `convscope.acoustics.measure` of the stored series says why.
"""

from __future__ import annotations

import importlib.util

import numpy as np

from ..acoustics import F0, Intensity, Measure, single_values
from ._keep import Floats
from ._scalars import Measure as OfSeries
from ._scalars import Scalar, Seconds

FLOOR_HZ, CEILING_HZ = 60.0, 300.0  # of the papers' male speakers


def f0(floor_hz: float = FLOOR_HZ, ceiling_hz: float = CEILING_HZ) -> Scalar:
    """Median over voiced frames, in Hz, by Praat; NaN where none is, or the layer's rate cannot carry the range."""
    if importlib.util.find_spec("parselmouth") is None:
        raise ImportError("keep: f0 needs the extra: pip install 'convscope[acoustics]'")
    return Scalar(
        "f0" if (floor_hz, ceiling_hz) == (FLOOR_HZ, CEILING_HZ) else f"f0:{floor_hz:g}:{ceiling_hz:g}",
        _single(F0(floor_hz, ceiling_hz), "f0_median"),
        "Hz",
        "median F0 (Praat, autocorrelation)",
        needs_clock=True,
        libraries=("praat-parselmouth",),
    )


def intensity() -> Scalar:
    """Mean in dB, by energy as Praat takes it; NaN where the layer is too short or too slow for a window."""
    return Scalar(
        "intensity",
        _single(Intensity(100.0), "intensity_mean"),
        "dB",
        "mean intensity (as Praat defines it)",
        needs_clock=True,
    )


def _single(measure: Measure, name: str) -> OfSeries:
    def of_series(times_s: Seconds, series: Floats) -> Floats:
        if len(times_s) < 2:
            return np.full(series.shape[:-1], np.nan)
        rate_hz = round((len(times_s) - 1) / float(np.ptp(times_s)), 6)
        return single_values(measure, series, rate_hz=rate_hz)[name]

    return of_series
