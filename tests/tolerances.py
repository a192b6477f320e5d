"""The one tolerance: at most so many times the error that a plain float32 computation of the same thing makes: twice for the
direct forms, three times for the spectral one.

Errors are relative in the Euclidean norm over the whole array. A plain result of a handful of values can be right by luck,
so a few roundings of the terms that were added up are allowed beside it: `amplitude` is the same computation on absolute
values, the scale of those terms. The spectral form mixes all inputs of a window into each of its outputs, so the scale of its
terms is that of the loudest value in the window (tests/reference/spectral.py), and a quiet output beside a loud one is not held
to its own scale.
"""

from __future__ import annotations

import numpy as np

ROUNDING = 2.0**-24  # relative error of one float32 rounding
LUCK = 4  # roundings that a sum of up to a hundred terms in another order may be off by, with one value to judge by


def relative_error(values, exact) -> float:
    """||values - exact|| / ||exact||; where the exact result is zero, only zero is right."""
    exact = np.asarray(exact, np.float64)
    values = np.asarray(values, np.float64)
    assert values.shape == exact.shape
    norm = np.linalg.norm(exact)
    if norm == 0:
        return float("inf") if values.any() else 0.0
    return float(np.linalg.norm(values - exact) / norm)


def assert_error_at_most(
    ours, plain, exact, *, times: float, amplitude=None, roundings: float = 0, name: str = ""
) -> None:
    """``ours`` may be ``times`` as far from ``exact`` as ``plain`` is, and some roundings of the result or of its terms."""
    error, plain_error = relative_error(ours, exact), relative_error(plain, exact)
    allowed = times * plain_error + roundings * ROUNDING
    if amplitude is not None and np.any(exact):
        allowed += LUCK * ROUNDING * np.linalg.norm(amplitude) / np.linalg.norm(exact)
    assert error <= allowed, (
        f"{name}: error {error:.2e}, plain float32 {plain_error:.2e}, allowed {allowed:.2e}"
    )


def assert_error_at_most_twice(ours, plain, exact, **allowances) -> None:
    """`assert_error_at_most` of the direct forms and of whatever is computed by them."""
    assert_error_at_most(ours, plain, exact, times=2, **allowances)
