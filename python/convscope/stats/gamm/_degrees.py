"""Effective degrees of freedom, from the blocks of F = (X'X + S)^-1 X'X.

edf = tr F, and for tests edf1 = 2 tr F - tr FF, which is what the curve would have without shrinkage. Source: Wood 2017, "Generalized Additive
Models", 2nd edition, sections 5.4.2 and 6.1.2. With V = (X'X + S)^-1: F = 1 - VS and 2F - FF = 1 - VSVS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._arrowhead import Arrowhead, Fit
from ._basis import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Degrees:
    """Of each of `Layout.penalties` in their order, then of the tokens; ``total`` has the levels of groups, too."""

    edf: Floats
    edf1: Floats
    total: float


def degrees(equations: Arrowhead, fit: Fit) -> Degrees:
    """Of a fit."""
    layout, tokens = equations.layout, equations.tokens
    penalty, ridge, covariance = equations.penalty(fit.theta), equations.ridge(fit.theta), fit.covariance
    # what penalties do to shared coefficients, by themselves and by way of the tokens
    by_way = equations.sum_matrices((fit.to_own * ridge) @ fit.to_own.mT)
    shrunk = covariance @ penalty
    twice = covariance @ (penalty + by_way) @ covariance
    edf, edf1 = [], []
    for where, _ in layout.penalties:
        size = where.stop - where.start
        edf.append(size - np.trace(shrunk[where, where]))
        edf1.append(size - (twice[where, where] * penalty[where, where]).sum())
    count, pattern = tokens.pair_count, tokens.pair_pattern
    size = len(tokens.pattern_of) * tokens.q
    around = fit.to_own[pattern].mT @ equations.around_pairs(covariance) @ fit.to_own[pattern]  # (R, q, q)
    weighted = fit.own_inverse * ridge  # W Lambda
    once = tokens.pattern_count @ np.einsum("pii->p", weighted) + count @ np.einsum("rii->r", around * ridge)
    of_own = tokens.pattern_count @ np.einsum("pij,pji->p", weighted, weighted)
    of_both = 2 * count @ np.einsum("rij,rji->r", weighted[pattern], around * ridge)
    across = np.trace(covariance @ (by_way + penalty) @ covariance @ by_way)
    edf.append(size - once)
    edf1.append(size - (of_own + of_both + across))
    return Degrees(np.array(edf), np.array(edf1), float(layout.groups + sum(edf)))
