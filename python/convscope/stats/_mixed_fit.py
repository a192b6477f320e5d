"""Random intercepts and slopes of items by restricted or full maximum likelihood, all else profiled out.

Item i has y = X beta + Z b + e, where b has the covariance sigma² L L'. For a relative factor L (q, q), lower triangular,
beta and sigma² follow by least squares, and the rest of the deviance needs only Z'Z, Z'X and Z'y of each item: made once,
no matrix has as many rows as the table. Gradients are exact. An optimiser that stops is no fit, so that another one, which
uses no gradients, has to agree that nothing is left to gain.

Source: Bates, Mächler, Bolker & Walker 2015, J. Stat. Software 67(1), sections 3.4 and 4 (profiled deviance, REML criterion).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._checks import Floats
from ._libraries import library

_STARTS = (0.1, 0.5, 1.0, 5.0, 25.0)  # deviations of items in those of the residual
_GRID = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, 36)])
_GAIN = 1e-6  # of the deviance: less is no gain, and a test of one parameter needs 3.8
_ROUNDS = 5  # of both optimisers in turn
_EXACT = {"gtol": 1e-7, "ftol": 1e-15, "maxiter": 500}
_LEAST_SHARE = 1e-14  # of the sum of squares: what is left of it then is rounding
_NOTHING = 1e-12  # of the response's: residuals so small are no noise


@dataclass(frozen=True, slots=True, eq=False)
class MixedFit:
    """``beta`` (p,) with covariance ``spread`` (p, p), ``covariance`` (q, q) of random terms, ``residual`` variance.

    ``singular``: a direction of random terms explains nothing and was set to zero. ``exact``: there are no residuals.
    """

    beta: Floats
    spread: Floats
    covariance: Floats
    residual: float
    log_likelihood: float
    converged: bool
    singular: bool
    exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Products:
    """Of G items: Z'Z (G, q, q), Z'X (G, q, p), Z'y (G, q); of all rows: X'X (p, p), X'y (p,), y'y."""

    zz: Floats
    zx: Floats
    zy: Floats
    xx: Floats
    xy: Floats
    yy: float
    rows: int
    reml: bool

    @property
    def freedom(self) -> int:
        return self.rows - (len(self.xx) if self.reml else 0)


@dataclass(frozen=True, slots=True, eq=False)
class _Profile:
    """For one factor: beta, the inverse of X'V⁻¹X, the sum of squares left, the deviance and its gradient (q, q) by the factor."""

    beta: Floats
    inverse: Floats
    squares: float
    deviance: float
    gradient: Floats


def fit_mixed(
    y: Floats, terms: Floats, picked: list[int], codes: NDArray[np.intp], *, reml: bool
) -> MixedFit:
    """Of a response (n,) and terms (n, p), those ``picked`` random, too, of items with ``codes`` (n,) from 0.

    Terms and response should be of about equal size: starts and tolerances are for standardised ones.
    """
    start = np.linalg.lstsq(terms, y, rcond=None)[0]
    # What is left without items, so that a good fit does not lose its digits to a large y'y.
    products = _products(y - terms @ start, terms, picked, codes, reml)
    factor, converged = _optimum(products)
    factor, singular = _without_nothing(products, factor)
    best = _profile(products, factor)
    residual = best.squares / products.freedom
    return MixedFit(
        start + best.beta,
        residual * best.inverse,
        residual * factor @ factor.T,
        residual,
        -best.deviance / 2,
        converged,
        singular,
        best.squares <= _NOTHING * float(y @ y),
    )


def _products(y: Floats, terms: Floats, picked: list[int], codes: NDArray[np.intp], reml: bool) -> _Products:
    order = np.argsort(codes, kind="stable")
    first = np.flatnonzero(np.diff(codes[order], prepend=-1))
    z = terms[:, picked]

    def of_items(columns: Floats) -> Floats:
        """(n, q, k) summed over the rows of each item."""
        summed: Floats = np.add.reduceat((z[:, :, None] * columns[:, None])[order], first)
        return summed

    return _Products(
        of_items(z),
        of_items(terms),
        of_items(y[:, None])[..., 0],
        terms.T @ terms,
        terms.T @ y,
        float(y @ y),
        len(y),
        reml,
    )


def _profile(of: _Products, factor: Floats) -> _Profile:
    """V = I + Z L L' Z' for each item. By Woodbury, Z'V⁻¹M = S Z'M with S = I - Z'Z L (I + L'Z'Z L)⁻¹ L'."""
    inner = np.eye(len(factor)) + factor.T @ of.zz @ factor  # (G, q, q)
    root = np.linalg.cholesky(inner)
    left = np.linalg.solve(root, factor.T @ of.zx)  # (G, q, p)
    right = np.linalg.solve(root, (of.zy @ factor)[..., None])[..., 0]  # (G, q)
    information = of.xx - np.einsum("gqi,gqj->ij", left, left)
    explained = of.xy - np.einsum("gqi,gq->i", left, right)
    whole = np.linalg.cholesky(information)
    inverse = np.linalg.inv(information)
    beta = inverse @ explained
    squares = max(of.yy - float((right**2).sum()) - float(explained @ beta), _LEAST_SHARE * of.yy, 1e-300)
    deviance = 2 * float(np.log(np.diagonal(root, axis1=1, axis2=2)).sum())
    deviance += of.freedom * (1 + math.log(2 * math.pi * squares / of.freedom))

    shrunk = np.eye(len(factor)) - of.zz @ factor @ np.linalg.solve(inner, factor.T[None])  # S (G, q, q)
    scores = np.einsum("gqr,gr->gq", shrunk, of.zy - of.zx @ beta)
    slope = np.einsum("gqr,grs->qs", shrunk, of.zz) - of.freedom / squares * scores.T @ scores
    if of.reml:
        deviance += 2 * float(np.log(np.diag(whole)).sum())
        seen = shrunk @ of.zx  # (G, q, p)
        slope -= np.einsum("gqi,ij,grj->qr", seen, inverse, seen)
    return _Profile(beta, inverse, squares, deviance, 2 * slope @ factor)


def _optimum(of: _Products) -> tuple[Floats, bool]:
    """The factor of the least deviance, and whether a second optimiser agrees."""
    size = of.zz.shape[1]
    lower = np.tril_indices(size)

    def as_factor(theta: Floats) -> Floats:
        made = np.zeros((size, size))
        made[lower] = theta
        return made

    def deviance(theta: Floats) -> tuple[float, Floats]:
        try:
            found = _profile(of, as_factor(theta))
        except np.linalg.LinAlgError:  # a factor so large that double precision leaves nothing of X
            return math.inf, np.zeros(len(theta))
        return found.deviance, found.gradient[lower]

    def alone(theta: Floats) -> float:
        return deviance(theta)[0]

    minimise = library("scipy.optimize").minimize
    # Without bounds: columns with the other sign are the same model, so that zero is a minimum there, no edge.
    theta = _scalar_start(alone) if size == 1 else _best_end(minimise, deviance, lower, size)
    for _ in range(_ROUNDS):
        check = minimise(alone, theta, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9})
        if check.fun > alone(theta) - _GAIN:
            return as_factor(theta), True
        again = minimise(deviance, check.x, jac=True, method="L-BFGS-B", options=_EXACT)
        theta = again.x if again.fun <= check.fun else check.x
    return as_factor(theta), False


def _scalar_start(alone: Callable[[Floats], float]) -> Floats:
    """The best of a grid, then of all between its neighbours: a deviance of one theta may have two minima."""
    values = [alone(np.array([theta])) for theta in _GRID]
    best = int(np.argmin(values))
    bounds = _GRID[max(best - 1, 0)], _GRID[min(best + 1, len(_GRID) - 1)]
    found = library("scipy.optimize").minimize_scalar(
        lambda theta: alone(np.array([theta])),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-9 * bounds[1]},
    )
    return np.array([found.x if found.fun < values[best] else _GRID[best]])


def _best_end(
    minimise: Callable[..., Any],
    deviance: Callable[[Floats], tuple[float, Floats]],
    lower: tuple[NDArray[np.intp], ...],
    size: int,
) -> Floats:
    """Of descents from several starts."""
    starts = [scale * np.eye(size)[lower] for scale in _STARTS]
    ends = [minimise(deviance, start, jac=True, method="L-BFGS-B", options=_EXACT) for start in starts]
    best: Floats = min(ends, key=lambda end: float(end.fun)).x
    return best


def _without_nothing(of: _Products, factor: Floats) -> tuple[Floats, bool]:
    """The factor without directions that explain nothing, and whether there were such."""
    values, axes = np.linalg.eigh(factor @ factor.T)  # ascending
    least, singular = _profile(of, factor).deviance, False
    for i in range(len(values)):
        kept = np.sqrt(np.maximum(values, 0)) * (np.arange(len(values)) > i)
        if _profile(of, axes * kept).deviance > least + _GAIN:
            break
        factor, singular = axes * kept, True
    return factor, singular
