"""The distribution of weighted sums of chi-squared variables over an independent estimate of their scale.

Their characteristic function, inverted by the trapezoidal rule: its error is the probability of values that are further out than the step
resolves, here below 1e-11. Source: Davies 1973, "Numerical inversion of a characteristic function", Biometrika 60: 415-417.
"""

from __future__ import annotations

import numpy as np
import scipy.stats

from ._basis import Floats

_SMALLEST = 1e-10  # what the sum can tell from nothing
_FURTHEST = 60.0  # of a chi-squared variable, in units of its weight
_END = -34.0  # logarithm of a characteristic function that adds nothing any more
_MOST_TERMS = 1 << 19
_AT_ONCE = 1 << 13


def probability_above(threshold: float, weights: Floats, residual_df: float) -> float:
    """P(sum of weights * chi2(1) > threshold * chi2(residual_df) / residual_df), weights positive.

    Below 1e-10 it is that of the F distribution with the same mean.
    """
    if threshold <= 0:
        return 1.0
    plain = float(scipy.stats.f.sf(threshold / weights.sum(), weights.sum(), residual_df))
    if np.ptp(weights) == 0 and weights[0] == 1:
        return plain
    every = np.append(weights, -threshold / residual_df)  # of a sum that is above zero
    freedom = np.append(np.ones(len(weights)), residual_df)
    reach = 2 * (weights.sum() + threshold) + _FURTHEST * (weights.max() + threshold / np.sqrt(residual_df))
    step = np.pi / reach
    below = 0.5
    for first in range(0, _MOST_TERMS, _AT_ONCE):
        number = np.arange(first, first + _AT_ONCE) + 0.5
        u = 2 * step * number[:, None] * every  # (terms, variables)
        log_size = -0.25 * (freedom * np.log1p(u**2)).sum(1)
        angle = 0.5 * (freedom * np.arctan(u)).sum(1)
        below -= float((np.exp(log_size) * np.sin(angle) / (np.pi * number)).sum())
        if log_size[-1] < _END:
            break
    above = 1 - below
    return min(above, 1.0) if above > _SMALLEST else min(plain, _SMALLEST)
