"""Means of differences within bases: intervals by resampling bases, p-values by flipping signs.

A cell is one measure, value, step or time point; all cells share the draws, so that the largest deviation over cells is that
of one data set. Bands are simultaneous over cells: mean ± q se with q the quantile of max |mean* - mean| / se* (studentised
bootstrap). p_max compares with the largest |t| over cells (single step). Sums over all draws are one matrix product.

Source: Efron & Tibshirani 1993; Westfall & Young 1993, section 2.6; Nichols & Holmes 2002.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .._checks import Floats
from .._resample import bca_interval, drawn_counts, drawn_signs, percentile_interval

Interval = Literal["percentile", "bca"]
LEAST_BASES = 8  # below, no sign flip reaches p < .01 and resamples hardly differ
_CELLS = 512  # at a time: 2,000 draws of them are 8 MB
_TIE = 1e-10  # relative: flipped sums that are the observed one, summed in another order
_LEAST_ERROR = (
    0.25  # of the error: a draw that misses the few bases with an effect would be infinitely far off
)


@dataclass(frozen=True, slots=True, eq=False)
class PairedMeans:
    """(cells,) each; NaN where fewer than `LEAST_BASES` bases have a difference."""

    mean: Floats
    lower: Floats
    upper: Floats
    band_lower: Floats
    band_upper: Floats
    p: Floats
    p_max: Floats
    pairs: NDArray[np.int64]


def paired_means(
    differences: Floats, *, level: float, interval: Interval, draws: int, flips: int, seed: int
) -> PairedMeans:
    """Mean over bases of each cell (bases, cells) of differences, with what is known of it."""
    bases, cells = differences.shape
    rng = np.random.default_rng(seed)
    counts = drawn_counts(bases, draws, rng)  # (draws, bases)
    signs = drawn_signs(bases, flips, rng)  # (flips, bases)
    present = np.isfinite(differences)
    pairs = present.sum(0)
    usable = np.flatnonzero(pairs >= LEAST_BASES)
    mean, lower, upper, error, p = (np.full(cells, np.nan) for _ in range(5))
    t = np.full(cells, np.nan)
    largest_deviation, largest_t = np.zeros(len(counts)), np.zeros(len(signs))
    for first in range(0, len(usable), _CELLS):
        chosen = usable[first : first + _CELLS]
        there = present[:, chosen].astype(np.float64)
        values = np.where(present[:, chosen], differences[:, chosen], 0.0)
        mean[chosen] = values.sum(0) / pairs[chosen]
        centred = (
            values - mean[chosen]
        ) * there  # first: a mean much larger than the spread would take its digits
        centred[:, np.abs(centred).max(0) < _TIE * np.abs(mean[chosen])] = 0
        _, error[chosen] = _moments(centred, there, np.ones((1, bases)))
        shifts, errors = _moments(centred, there, counts)  # (draws, cells)
        lower[chosen], upper[chosen] = _bounds(shifts, mean[chosen], centred, interval, level)
        deviation = _ratio(np.abs(shifts), np.maximum(errors, _LEAST_ERROR * error[chosen]))
        largest_deviation = np.maximum(largest_deviation, deviation.max(1))
        p[chosen], t[chosen], flipped_t = _flipped(values, pairs[chosen], mean[chosen], signs)
        largest_t = np.maximum(largest_t, flipped_t.max(1))
    reach = np.quantile(largest_deviation, level) * error
    p_max = np.full(cells, np.nan)
    every_pattern = len(signs) == 2.0**bases
    p_max[usable] = [_share_at_least(largest_t, t[cell], every_pattern) for cell in usable]
    return PairedMeans(mean, lower, upper, mean - reach, mean + reach, p, p_max, pairs)


def _moments(centred: Floats, there: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """(draws, cells) means of centred values and their standard errors, of bases taken so many times."""
    count = np.maximum(weights @ there, 1)
    mean = weights @ centred / count
    variance = np.maximum(weights @ centred**2 / count - mean**2, 0)
    return mean, np.sqrt(variance / np.maximum(count - 1, 1))


def _bounds(
    shifts: Floats, mean: Floats, centred: Floats, interval: Interval, level: float
) -> tuple[Floats, Floats]:
    if interval == "percentile":
        lower, upper = percentile_interval(shifts, level)
    else:
        acceleration = _ratio((centred**3).sum(0), 6 * (centred**2).sum(0) ** 1.5)
        lower, upper = bca_interval(shifts, np.zeros_like(mean), acceleration, level)
    return mean + lower, mean + upper


def _flipped(
    values: Floats, pairs: NDArray[np.int64], mean: Floats, signs: Floats
) -> tuple[Floats, Floats, Floats]:
    """p (cells,), |t| (cells,) and |t| of every flip (flips, cells).

    Flips do not change the sum of squares, so that t follows from the mean.
    """
    square = (values**2).sum(0) / pairs
    flipped = np.abs(signs @ values / pairs)
    observed = np.abs(mean)
    reached = (flipped >= observed * (1 - _TIE)).sum(0)
    every_pattern = len(signs) == 2 ** len(values)
    p = reached / len(signs) if every_pattern else (reached + 1) / (len(signs) + 1)

    def t(size: Floats) -> Floats:
        return _ratio(size, np.sqrt(np.maximum(square - size**2, 0) / (pairs - 1)))

    return p, t(observed), t(flipped)


def _ratio(above: Floats, below: Floats) -> Floats:
    """0 where there is nothing above, and a large number, not infinity, where only the divisor is 0."""
    made: Floats = np.where(above == 0, 0.0, above / np.maximum(below, 1e-12 * np.abs(above) + 1e-300))
    return made


def _share_at_least(drawn: Floats, observed: float, every_pattern: bool) -> float:
    """The observed signs are among all patterns, and beside drawn ones."""
    reached = int(np.sum(drawn >= observed * (1 - _TIE)))
    return reached / len(drawn) if every_pattern else (reached + 1) / (len(drawn) + 1)
