"""Wasserstein distances between the distributions of a measure at two values of a variable.

An effect may spread or split a distribution and leave its mean. The distance of two samples is never zero, so it comes with
a p-value: within each base the two values change places at random. Resamples of bases give the interval; near zero it is
biased upwards, as the distance is.

Source: CDEV (Beguš, Leban & Gero 2023, arXiv 2303.10931); Vallender 1974.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import Floats
from .._libraries import library
from .._resample import percentile_interval
from ._paired_means import LEAST_BASES


@dataclass(frozen=True, slots=True)
class Distance:
    """Of one cell; NaN where fewer than `LEAST_BASES` bases have both values."""

    distance: float
    lower: float
    upper: float
    p: float


def distance(a: Floats, b: Floats, *, level: float, draws: int, seed: int) -> Distance:
    """Of the values (bases,) of the same bases at two values of a variable; NaN pairs are left out."""
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    if len(a) < LEAST_BASES:
        return Distance(np.nan, np.nan, np.nan, np.nan)
    observed = float(library("scipy.stats").wasserstein_distance(a, b))
    rng = np.random.default_rng(seed)
    taken = rng.integers(0, len(a), (draws, len(a)))
    lower, upper = percentile_interval(_of_equal_sizes(a[taken], b[taken]), level)
    swapped = rng.random((draws, len(a))) < 0.5
    by_chance = _of_equal_sizes(np.where(swapped, b, a), np.where(swapped, a, b))
    p = (np.sum(by_chance >= observed * (1 - 1e-10)) + 1) / (draws + 1)
    return Distance(observed, float(lower), float(upper), float(p))


def _of_equal_sizes(a: Floats, b: Floats) -> Floats:
    """(draws, n) and (draws, n) to (draws,): with equal sizes, sorted values are each other's counterparts."""
    found: Floats = np.abs(np.sort(a, axis=1) - np.sort(b, axis=1)).mean(1)
    return found
