"""Resampling whole units (bases, items, sounds) and what is read from the draws.

Rows of one unit are not independent: drawing rows would give intervals that are too narrow by the square root of the rows
per unit. A draw is kept as how often each unit was taken, so that sums over all draws are one matrix product.
"""

from __future__ import annotations

import numpy as np

from ._checks import Floats
from ._libraries import library


def drawn_counts(units: int, draws: int, rng: np.random.Generator) -> Floats:
    """(draws, units) how often each unit was taken, with replacement, ``units`` in each draw."""
    return rng.multinomial(units, np.full(units, 1 / units), size=draws).astype(np.float64)


def percentile_interval(draws: Floats, level: float) -> tuple[Floats, Floats]:
    """Of (draws, cells): the bounds (cells,)."""
    lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return lower, upper


def bca_interval(
    draws: Floats, estimate: Floats, acceleration: Floats, level: float
) -> tuple[Floats, Floats]:
    """The bias-corrected and accelerated interval (Efron 1987, equations 2.3 and 6.6).

    Parameters
    ----------
    draws : (draws, cells).
    estimate : (cells,) of the data itself.
    acceleration : (cells,) a sixth of the skewness of the jackknife.
    level : confidence.
    """
    norm = library("scipy.stats").norm
    count = len(draws)
    below = ((draws < estimate).sum(0) + 0.5 * (draws == estimate).sum(0)) / count
    bias = norm.ppf(np.clip(below, 1 / (count + 1), count / (count + 1)))  # (cells,)
    ordered = np.sort(draws, axis=0)
    bounds = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        shifted = bias + norm.ppf(tail)
        share = norm.cdf(bias + shifted / (1 - acceleration * shifted))
        place = np.clip(share * (count + 1) - 1, 0, count - 1)
        low = np.floor(place).astype(np.intp)
        high = np.minimum(low + 1, count - 1)
        values = [np.take_along_axis(ordered, index[None], 0)[0] for index in (low, high)]
        bounds.append(values[0] + (place - low) * (values[1] - values[0]))
    return bounds[0], bounds[1]


def drawn_signs(units: int, flips: int, rng: np.random.Generator) -> Floats:
    """(flips, units) of -1 and +1; where there are no more patterns than that, each of them once."""
    if 2**units <= flips:
        patterns = np.arange(2**units)[:, None] >> np.arange(units) & 1
        return (1 - 2 * patterns).astype(np.float64)
    return rng.choice([-1.0, 1.0], size=(flips, units))
