"""Lasso logistic regression by glmnet's conventions, the path fitted by scikit-learn (SAGA).

Standardised variables, no penalty on the intercept, (1/n) log-likelihood - lambda |beta|_1, lambda falling from the smallest
one that keeps nothing, deviance by cross-validation, its minimum ("min") and the largest lambda within a standard error of it
("1se"). Stability: how often half of the rows keep a variable at 1se (Meinshausen & Bühlmann 2010).

Source: Friedman, Hastie & Tibshirani 2010, J. Stat. Software 33(1); Beguš 2020 (Frontiers in AI) for its use on latents.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._checks import Floats
from .._libraries import Frame, library
from ._annotation import by_class, fold_numbers

_RATIO = 5e-3  # smallest lambda to largest: below, little is shrunk and each fit takes long
_TOLERANCE = 1e-4
_ITERATIONS = 3000
_LEAST_PROBABILITY = 1e-5  # glmnet's: one wrong, certain row does not decide a fold


@dataclass(frozen=True, slots=True, eq=False)
class Lasso:
    """Coefficients (variables,) of the largest class contrast at both lambdas, and ``path``: lambda, deviance, se, kept."""

    at_min: Floats
    at_1se: Floats
    lambda_min: float
    lambda_1se: float
    path: Frame
    problems: tuple[str, ...]


def lasso(x: Floats, y: NDArray[np.intp], *, folds: int, lambdas: int, seed: int) -> Lasso:
    """Of standardised variables (n, p) and classes (n,)."""
    penalties = np.geomspace(1, _RATIO, lambdas) * _largest_lambda(x, y)
    fold = fold_numbers(y, folds, np.random.default_rng(seed))
    deviance = np.array([_held_out_deviance(x, y, fold == each, penalties, seed) for each in range(folds)])
    sizes = np.bincount(fold, minlength=folds)
    mean = np.average(deviance, axis=0, weights=sizes)
    error = np.sqrt(np.average((deviance - mean) ** 2, axis=0, weights=sizes) / (folds - 1))
    best = int(np.argmin(mean))
    sparse = int(np.flatnonzero(mean <= mean[best] + error[best])[0])
    fits = list(_path(x, y, penalties, seed))
    path: dict[str, Any] = {"lambda": penalties, "deviance": mean, "se": error}
    path |= {"kept": [int((np.abs(fit.beta).max(0) > 0).sum()) for fit in fits]}
    problems = []
    if best == lambdas - 1:
        problems.append("lasso: the best lambda is the smallest one tried")
    if not all(fit.converged for fit in fits):
        problems.append("lasso: small lambdas did not converge")
    return Lasso(
        _signed(fits[best].beta),
        _signed(fits[sparse].beta),
        float(penalties[best]),
        float(penalties[sparse]),
        library("pandas").DataFrame(path),
        tuple(problems),
    )


def stability(x: Floats, y: NDArray[np.intp], penalty: float, *, resamples: int, seed: int) -> Floats:
    """(p,) the share of random halves of the rows that keep a variable at this lambda."""
    rng = np.random.default_rng(seed)
    kept = np.zeros(x.shape[1])
    for _ in range(resamples):
        half = by_class(y, 0.5, rng)
        fit = next(_path(x[half], y[half], np.array([penalty]), seed))
        kept += np.abs(fit.beta).max(0) > 0
    return kept / resamples


def _largest_lambda(x: Floats, y: NDArray[np.intp]) -> float:
    indicators = (y[:, None] == np.arange(y.max() + 1)).astype(np.float64)  # (n, classes)
    return float(np.abs(x.T @ (indicators - indicators.mean(0))).max() / len(x))


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """``beta`` (contrasts, p), one row with two classes, and ``intercept`` (contrasts,)."""

    beta: Floats
    intercept: Floats
    converged: bool


def _path(x: Floats, y: NDArray[np.intp], penalties: Floats, seed: int) -> Iterator[_Fit]:
    """One fit for each lambda, each from the one before."""
    linear = library("sklearn.linear_model")
    model = linear.LogisticRegression(
        l1_ratio=1.0, solver="saga", warm_start=True, max_iter=_ITERATIONS, tol=_TOLERANCE, random_state=seed
    )
    for penalty in penalties:
        model.set_params(C=1 / (len(x) * penalty))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", library("sklearn.exceptions").ConvergenceWarning)  # n_iter_ tells
            model.fit(x, y)
        yield _Fit(model.coef_.copy(), model.intercept_.copy(), bool(np.max(model.n_iter_) < _ITERATIONS))


def _held_out_deviance(
    x: Floats, y: NDArray[np.intp], held: NDArray[np.bool_], penalties: Floats, seed: int
) -> Floats:
    """(lambdas,) -2 log-likelihood per row left out, with the variables standardised by the others as glmnet does."""
    centre, scale = x[~held].mean(0), x[~held].std(0)
    scale[scale == 0] = 1
    inside, outside = ((x[rows] - centre) / scale for rows in (~held, held))
    found = []
    for fit in _path(inside, y[~held], penalties, seed):
        scores = outside @ fit.beta.T + fit.intercept
        if scores.shape[1] == 1:
            scores = np.column_stack([np.zeros(len(scores)), scores])
        log = scores - library("scipy.special").logsumexp(scores, axis=1, keepdims=True)
        of_truth = np.maximum(log[np.arange(len(log)), y[held]], np.log(_LEAST_PROBABILITY))
        found.append(-2 * of_truth.mean())
    return np.array(found)


def _signed(beta: Floats) -> Floats:
    """(contrasts, p) to (p,), the one of largest size with its sign."""
    found: Floats = beta[np.abs(beta).argmax(0), np.arange(beta.shape[1])]
    return found
