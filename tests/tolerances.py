"""The one tolerance: at most twice the error that a plain float32 computation of the same thing makes.

Errors are relative in the Euclidean norm over the whole array. A plain result of a handful of values can be right by luck,
so one rounding of the terms that were added up is allowed beside it: `amplitude` is the same computation on absolute
values, the scale of those terms.
"""

from __future__ import annotations

import numpy as np

ROUNDING = 2.0**-24  # relative error of one float32 rounding


def relative_error(values, exact) -> float:
    """||values - exact|| / ||exact||; where the exact result is zero, only zero is right."""
    exact = np.asarray(exact, np.float64)
    values = np.asarray(values, np.float64)
    assert values.shape == exact.shape
    norm = np.linalg.norm(exact)
    if norm == 0:
        return float("inf") if values.any() else 0.0
    return float(np.linalg.norm(values - exact) / norm)


def assert_error_at_most_twice(ours, plain, exact, *, amplitude=None, name: str = "") -> None:
    """``ours`` may be twice as far from ``exact`` as ``plain`` is."""
    error, plain_error = relative_error(ours, exact), relative_error(plain, exact)
    terms = 1.0 if amplitude is None or not np.any(exact) else np.linalg.norm(amplitude) / np.linalg.norm(exact)
    allowed = 2 * plain_error + ROUNDING * terms
    assert error <= allowed, f"{name}: error {error:.2e}, plain float32 {plain_error:.2e}, allowed {allowed:.2e}"
