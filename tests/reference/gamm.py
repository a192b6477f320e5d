"""The additive mixed model, in float64 and dense: one row for each value, one column for each coefficient.

Nothing is exploited: all products, all inverses. For a few tokens only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dense:
    """What the model makes of values for given smoothing parameters."""

    reml: float
    scale: float
    coefficients: np.ndarray
    inverse: np.ndarray  # (X'X + S)^-1
    products: np.ndarray  # X'X
    penalty: np.ndarray  # S


def whiten(rows: np.ndarray, token_of: np.ndarray, rho: float) -> np.ndarray:
    """AR(1) innovations row by row, beginning anew with each token."""
    made = rows.copy()
    for i in range(1, len(rows)):
        if token_of[i] == token_of[i - 1]:
            made[i] = (rows[i] - rho * rows[i - 1]) / np.sqrt(1 - rho**2)
    return made


def solve(columns, values, token_of, penalties, theta, rho) -> Dense:
    """``penalties``: (indices, matrix) of each smoothing parameter exp(theta)."""
    x, y = whiten(columns, token_of, rho), whiten(values[:, None], token_of, rho)[:, 0]
    penalty = np.zeros((x.shape[1],) * 2)
    log_penalty, rank = 0.0, 0
    for (where, matrix), log_strength in zip(penalties, theta, strict=True):
        penalty[np.ix_(where, where)] += np.exp(log_strength) * matrix
        own = np.linalg.matrix_rank(matrix)
        log_penalty, rank = log_penalty + own * log_strength, rank + own
    products = x.T @ x
    inverse = np.linalg.inv(products + penalty)
    coefficients = inverse @ x.T @ y
    deviance = ((y - x @ coefficients) ** 2).sum() + coefficients @ penalty @ coefficients
    free = len(y) - (x.shape[1] - rank)
    scale = deviance / free
    starts = len(np.unique(token_of))
    reml = 0.5 * (
        free * (np.log(2 * np.pi * scale) + 1)
        + np.linalg.slogdet(products + penalty)[1]
        - log_penalty
        + (len(y) - starts) * np.log(1 - rho**2)
    )
    return Dense(reml, scale, coefficients, inverse, products, penalty)
