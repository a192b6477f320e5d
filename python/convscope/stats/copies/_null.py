"""Series by chance that have no copies, and how alike to themselves the most alike of them are.

Two kinds, for neither is right for everything, and a copy must be beyond both. "noise" has the series' spectrum and random
phases (Theiler et al. 1992) and goes through the same envelope: right for steady noise. "contour" has the envelope's own slow
movement, by the sieve bootstrap (an autoregression with resampled residuals; Bühlmann 1997): right for a wandering loudness.
Plain random phases would not do: an echo is in the spectrum, which they keep. So the autocorrelation of the first is tapered to
zero before the nearest copy (Blackman & Tukey 1958), and the order of the second is low.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import Floats
from .._libraries import library

_ORDER = 6  # frames of memory: less than the shortest stretch has
_START_UP = 100  # frames until an autoregression has forgotten how it began
_MOST = 0.999  # correlations above are as good as equal, and Fisher's z would be infinite


def noise_like(series: Floats, shortest: int, rng: np.random.Generator) -> Floats:
    """Noise (K, L) with the correlations of a series within ``shortest`` positions; the rows share their phases."""
    count = series.shape[-1]
    length = 2 * count  # room for lags without wrapping around
    spectrum = np.fft.rfft(series - series.mean(-1, keepdims=True), length)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, length)
    lags = np.minimum(np.arange(length), length - np.arange(length))
    taper = 0.5 * (1 + np.cos(np.pi * np.clip(2 * lags / shortest - 1, 0, 1)))  # 1 up to half of it
    power = np.maximum(np.fft.rfft(correlation * taper, length).real, 0)
    drawn = np.fft.rfft(rng.standard_normal(length)) * np.exp(1j * np.angle(spectrum))
    made: Floats = np.fft.irfft(np.sqrt(power) * drawn, length)[..., :count]
    return made


def contour_like(frames: Floats, rng: np.random.Generator) -> Floats:
    """Frames (K, N) of the same autoregressions with their residuals in another order, the same for all rows."""
    signal = library("scipy.signal")
    centred = frames - frames.mean(-1, keepdims=True)
    weights = [_burg(row, _ORDER) for row in centred]
    taken = rng.integers(_ORDER, frames.shape[1], frames.shape[1] + _START_UP)
    residuals = [signal.lfilter(each, [1.0], row) for each, row in zip(weights, centred, strict=True)]
    drawn = [signal.lfilter([1.0], each, row[taken]) for each, row in zip(weights, residuals, strict=True)]
    return np.stack(drawn)[:, _START_UP:]


def _burg(values: Floats, order: int) -> Floats:
    """(order + 1,) prediction error filter by Burg's method (1975), stable by construction."""
    forward, backward = values[1:], values[:-1]
    weights = np.ones(1)
    for _ in range(order):
        energy = forward @ forward + backward @ backward
        reflection = -2 * (forward @ backward) / energy if energy > 0 else 0.0
        longer = np.append(weights, 0.0)
        weights = longer + reflection * longer[::-1]
        forward, backward = (forward + reflection * backward)[1:], (backward + reflection * forward)[:-1]
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class Null:
    """The largest z (draws, windows) of random series, and of each its largest excess over all windows (draws,).

    An excess is counted in standard deviations of a window's own largest z, so that short windows, which are alike by
    chance, do not decide.
    """

    centre: Floats
    spread: Floats
    excess: Floats

    @classmethod
    def of(cls, largest: Sequence[Sequence[float]]) -> Null:
        """From the largest correlation of each draw at each window."""
        z = fisher_z(np.array(largest))
        centre, spread = z.mean(0), z.std(0, ddof=1) + 1e-6
        return cls(centre, spread, ((z - centre) / spread).max(1))

    def p(self, largest: Floats) -> float:
        """The share of random series as alike to themselves as one with these largest correlations (windows,)."""
        observed = ((fisher_z(largest) - self.centre) / self.spread).max()
        return float((np.sum(self.excess >= observed) + 1) / (len(self.excess) + 1))

    def threshold(self, level: float) -> Floats:
        """(windows,) correlations that only 1 - level of random series reach anywhere."""
        made: Floats = np.tanh(self.centre + np.quantile(self.excess, level) * self.spread)
        return made


def fisher_z(correlation: Any) -> Floats:
    """The inverse hyperbolic tangent, finite for equal windows too."""
    made: Floats = np.arctanh(np.clip(correlation, -_MOST, _MOST))
    return made
