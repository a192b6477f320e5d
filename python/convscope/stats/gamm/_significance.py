"""Tests of curves and of tokens against zero.

Curves: the Wald statistic with as many directions as the curve has effective degrees of freedom, the last two of them mixed for the
fraction. Source: Wood 2013, "On p-values for smooth components of an extended generalized additive model", Biometrika 100: 221-228. The
mixture has two forms, which differ by an arbitrary sign: p and F are means over both.

Tokens: what their coefficients take from the penalised deviance, against its distribution without them. Source: Wood 2013, "A simple test for
random effects in regression models", Biometrika 100: 1005-1010; the weighted sum of some thousand chi-squared variables that it comes to
is matched by an F distribution with its first two moments (Satterthwaite), which costs no eigenvalues.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.stats

from ._arrowhead import Arrowhead, Fit
from ._basis import Floats
from ._quadratic import probability_above


@dataclass(frozen=True, slots=True)
class Significance:
    """F, its reference degrees of freedom, and p."""

    f: float
    ref_df: float
    p: float


def of_curve(
    coefficients: Floats, covariance: Floats, products: Floats, *, ref_df: float, residual_df: float
) -> Significance:
    """Whether c coefficients with a covariance (c, c) are zero; ``products`` (c, c) are of their whitened columns."""
    values, vectors = np.linalg.eigh(products)
    root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    spread, directions = np.linalg.eigh(root @ covariance @ root.T)
    spread, directions = spread[::-1], directions[:, ::-1]
    there = int((spread > spread[0] * np.finfo(np.float64).eps ** 0.9).sum())
    rank = min(ref_df, float(there))
    whole = int(rank)
    fraction = rank - whole
    along = directions.T @ (root @ coefficients)  # (c,)
    if fraction == 0:
        statistics = [float((along[:whole] ** 2 / spread[:whole]).sum())] * 2
        weights = np.ones(whole)
    elif whole == 0:
        statistics = [float(along[0] ** 2 / spread[0])] * 2
        weights = np.ones(1)
    else:
        before = float((along[: whole - 1] ** 2 / spread[: whole - 1]).sum())
        last = along[whole - 1 : whole + 1] / np.sqrt(spread[whole - 1 : whole + 1])
        mixed = np.sqrt(fraction * (1 - fraction) / 2)
        plus_minus = 2 * mixed * last[0] * last[1]
        both = before + last[0] ** 2 + fraction * last[1] ** 2
        statistics = [both + plus_minus, both - plus_minus]
        split = np.sqrt(1 - fraction**2) / 2
        weights = np.append(np.ones(whole - 1), [(fraction + 1) / 2 + split, (fraction + 1) / 2 - split])
    p = np.mean([probability_above(each, weights, residual_df) for each in statistics])
    return Significance(float(np.mean(statistics)) / rank, rank, float(p))


def of_tokens(equations: Arrowhead, fit: Fit, *, residual_df: float) -> Significance:
    """Whether tokens of a group differ at all."""
    products, tokens = equations.products, equations.tokens
    penalty, ridge, covariance = equations.penalty(fit.theta), equations.ridge(fit.theta), fit.covariance
    without = equations.sum_matrices(products.shared) + penalty
    inverse = scipy.linalg.cho_solve(scipy.linalg.cho_factor(without), np.eye(len(without)))
    deviance = products.squares - float(equations.values @ inverse @ equations.values)
    statistic = (deviance - fit.deviance) / fit.scale
    # The weights are eigenvalues of B - U R, B block-diagonal, U and R of rank p: B = 1 - Lambda W, R = to_own', and
    # U = Lambda to_own' V + mixed' E S V, with E the inverse without tokens.
    kept = np.eye(tokens.q) - ridge[:, None] * fit.own_inverse  # (P, q, q)
    plain, turned = (fit.to_own * ridge).mT, products.mixed.mT  # (P, q, m)
    carried = inverse @ penalty @ covariance
    once = (
        equations.sum_matrices(fit.to_own @ plain) @ covariance
        + equations.sum_matrices(fit.to_own @ turned) @ carried
    )
    twice = (
        equations.sum_matrices(fit.to_own @ kept @ plain) @ covariance
        + equations.sum_matrices(fit.to_own @ kept @ turned) @ carried
    )
    count = tokens.pattern_count
    first = count @ np.einsum("pii->p", kept) - np.trace(once)
    second = count @ np.einsum("pij,pji->p", kept, kept) - 2 * np.trace(twice) + (once * once.T).sum()
    p = scipy.stats.f.sf(statistic / first, first**2 / second, residual_df)
    rank = token_rank(equations)
    return Significance(statistic / rank, float(rank), float(p))


def of_speakers(equations: Arrowhead, fit: Fit, *, residual_df: float) -> Significance:
    """Whether speakers differ in level; by the weights themselves, which are as few as speakers."""
    where, covariance = equations.layout.of_speakers, fit.covariance
    penalty, ridge = equations.penalty(fit.theta), equations.ridge(fit.theta)
    by_way = equations.sum_matrices((fit.to_own * ridge) @ fit.to_own.mT)
    sampling = (covariance - covariance @ (penalty + by_way) @ covariance)[where, where]
    root = np.linalg.cholesky(covariance[where, where])
    own = scipy.linalg.solve_triangular(root, fit.coefficients[where], lower=True)
    half = scipy.linalg.solve_triangular(root, sampling, lower=True)
    weights = np.linalg.eigvalsh(scipy.linalg.solve_triangular(root, half.T, lower=True))
    weights = weights[weights > weights.max() * np.finfo(np.float64).eps ** 0.8]
    statistic = float(own @ own) / fit.scale
    p = probability_above(statistic, weights, residual_df)
    return Significance(statistic / len(weights), float(len(weights)), p)


def token_rank(equations: Arrowhead) -> int:
    """Dimensions in which tokens can differ: those of their functions at their times, less what levels and slopes of groups can make."""
    tokens = equations.tokens
    own = int(tokens.pattern_count @ tokens.own_ranks())
    line = tokens.has_line()
    lost = 0
    for group in range(equations.layout.groups):
        patterns = tokens.pair_pattern[tokens.cell_group[tokens.pair_cell] == group]
        lost += 1 + bool(line[patterns].all())
    return own - lost
