"""Where sorted coefficients bend: the point farthest from the chord between the first and the last one.

The papers look for an elbow by eye. This is the rule of Kneedle for a whole curve (Satopää, Albrecht, Irwin & Raghavan 2011,
section II). Every curve has such a point, that of noise as well: an elbow orders, it does not test.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._checks import require


def elbow(strengths: ArrayLike) -> int:
    """How many values stand before the bend when sorted from the largest.

    Parameters
    ----------
    strengths : (n,) sizes of coefficients or importances, in any order.

    Returns
    -------
    int
        From 0, where all are about equal, to n - 1.

    Raises
    ------
    ValueError
        for fewer than three values, NaN or infinite ones.

    Source
    ------
    Satopää et al. 2011, "Finding a 'Kneedle' in a Haystack", ICDCS Workshops.

    Examples
    --------
    >>> elbow([0.1, 2.0, 0.2, 1.8, 0.15, 0.12, 1.7])
    3
    """
    ordered = np.sort(np.asarray(strengths, np.float64))[::-1]
    require(ordered.ndim == 1 and len(ordered) >= 3, "strengths", "three or more", f"shape {ordered.shape}")
    require(bool(np.isfinite(ordered).all()), "strengths", "finite numbers", "NaN or infinite ones")
    chord = np.linspace(ordered[0], ordered[-1], len(ordered))
    return int(np.argmax(chord - ordered))
