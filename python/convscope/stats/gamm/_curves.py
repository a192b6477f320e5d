"""Curves with bands, from coefficients and their covariance.

A pointwise band holds the true curve at any one time with its level; over a whole curve it is left more often, and "significant" stretches
of a difference that is none come up in 11 to 13 of 100 null data sets (benchmarks/results/2026-11-22-gamm-calibration.json). A simultaneous
band holds the whole curve. Its half-width is the quantile of the largest of the curve's standardised deviations, drawn from the
coefficients' distribution. Source: Ruppert, Wand and Carroll 2003, "Semiparametric Regression", section 6.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import check_count, check_level
from .._libraries import library
from ._basis import Floats

DRAWS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """A curve (T,), its standard errors, the band's half-width in units of them, and its limits."""

    fit: Floats
    se: Floats
    critical: float
    lower: Floats
    upper: Floats

    @property
    def leaves_zero_out(self) -> np.ndarray:
        """(T,) where zero is outside."""
        return (self.lower > 0) | (self.upper < 0)


def band(
    rows: Floats,
    coefficients: Floats,
    covariance: Floats,
    *,
    level: float,
    simultaneous: bool,
    draws: int = DRAWS,
    seed: int = 0,
) -> Band:
    """Of the curve rows @ coefficients, (T, p) @ (p,)."""
    check_level(level)
    used = rows.any(0)
    values, vectors = np.linalg.eigh(covariance[np.ix_(used, used)])
    # the symmetric root, which no sign or order of eigenvectors changes: the same draws everywhere
    deviations = rows[:, used] @ ((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
    se = np.sqrt((deviations**2).sum(1))
    critical = float(library("scipy.stats").norm.ppf((1 + level) / 2))
    if simultaneous:
        critical = _largest(deviations, se, level, draws, seed)
    fit = rows @ coefficients
    return Band(fit, se, critical, fit - critical * se, fit + critical * se)


def stretches(times: Floats, inside: np.ndarray) -> list[tuple[float, float]]:
    """First and last time of each run of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, inside, False].astype(int)))
    return [
        (float(times[first]), float(times[end - 1]))
        for first, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def _largest(deviations: Floats, se: Floats, level: float, draws: int, seed: int) -> float:
    """Quantile of the largest standardised deviation over the curve."""
    check_count("draws", draws, 100)
    there = se > 0
    if not there.any():
        return 0.0
    standardised = deviations[there] / se[there, None]  # (T, p)
    normal = np.random.default_rng(seed).standard_normal((draws, standardised.shape[1]))
    return float(np.quantile(np.abs(normal @ standardised.T).max(1), level))
