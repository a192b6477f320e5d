"""Logistic regressions of an annotation on each variable alone, and on all of them together.

Tests are likelihood ratios: Wald's fails where a variable separates the classes (Hauck & Donner 1977), and there is where one
looks. A coefficient that separation makes infinite is NaN; its p-value stands.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._checks import Floats
from .._libraries import library

_LARGEST_ERROR = 1e2  # of a standardised coefficient: it runs away, since the classes are (nearly) separate


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """Coefficients (classes - 1, terms) against the first class without the intercept; NaN where they are infinite."""

    beta: Floats
    se: Floats
    log_likelihood: float
    separated: bool


def logistic(x: Floats, y: NDArray[np.intp]) -> Logistic:
    """Multinomial (with two classes, plain) logistic regression by maximum likelihood: (n, terms) and (n,)."""
    design = np.column_stack([np.ones(len(x)), x])
    model = library("statsmodels.discrete.discrete_model").MNLogit(y, design)
    shape = (int(y.max()), x.shape[1])
    beta, se, value = np.full(shape, np.nan), np.full(shape, np.nan), np.nan
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what they say of convergence and overflow is judged below
        try:
            fitted = model.fit(method="newton", maxiter=50, disp=0)
            beta, se = (np.asarray(each, np.float64).T[:, 1:] for each in (fitted.params, fitted.bse))
            value = float(fitted.llf)
        except np.linalg.LinAlgError:
            pass  # the Hessian vanished on the way to infinity
    if np.isfinite(value) and np.isfinite(se).all() and (se < _LARGEST_ERROR).all():
        return Logistic(beta, se, value, separated=False)
    infinite = np.full(shape, np.nan)
    return Logistic(infinite, infinite, largest_log_likelihood(x, y), separated=True)


def largest_log_likelihood(x: Floats, y: NDArray[np.intp]) -> float:
    """What the likelihood tends to as coefficients grow, to about 1e-3: that of a penalty that hardly holds them."""
    linear = library("sklearn.linear_model")
    model = linear.LogisticRegression(C=1e6, max_iter=5000, tol=1e-8).fit(x, y)
    of_truth = model.predict_proba(x)[np.arange(len(y)), y]
    return float(np.log(of_truth).sum())


def null_log_likelihood(y: NDArray[np.intp]) -> float:
    """Of the shares of the classes."""
    counts = np.bincount(y)
    return float(np.sum(counts * np.log(counts / len(y))))


def likelihood_ratio_p(better: float, simpler: float, freedom: int) -> float:
    """Of twice the difference of log-likelihoods."""
    return float(library("scipy.stats").chi2.sf(max(2 * (better - simpler), 0.0), freedom))
