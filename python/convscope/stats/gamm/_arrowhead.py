"""The penalised least-squares fit for given smoothing parameters, and REML with its gradient.

Given the coefficients that tokens share, tokens are independent, so the normal equations are an arrowhead: a q x q block for each pattern of
times, and one Schur complement of size p. Source: Wood 2011, "Fast stable restricted maximum likelihood and marginal likelihood
estimation of semiparametric generalized linear models", Journal of the Royal Statistical Society B 73: 3-36, for REML (exact for
Gaussian values; the scale is at its optimum).

theta holds logarithms of smoothing parameters: those of `Layout.penalties`, then of the tokens' shapes and levels.
Letters as in `_tokens`; e entries of a cell's `Layout.targets`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from ._basis import Floats
from ._layout import Layout
from ._tokens import Products, Tokens


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What comes out for one theta.

    ``coefficients`` (p,) are those that tokens share, ``covariance`` (p, p) theirs for a scale of one; ``own_inverse`` (P, q, q) is that of
    the tokens' blocks, ``to_own`` (P, m, q) what of the shared functions goes to a token's.
    """

    theta: Floats
    reml: float
    gradient: Floats
    scale: float
    deviance: float
    coefficients: Floats
    covariance: Floats
    own_inverse: Floats
    to_own: Floats


class Arrowhead:
    """The equations of one set of sums of products."""

    def __init__(self, layout: Layout, tokens: Tokens, products: Products) -> None:
        self.layout, self.tokens, self.products = layout, tokens, products
        self._targets = layout.targets(tokens.cell_group, tokens.cell_speaker)  # (cells, e)
        self._entries_of = np.equal.outer(np.arange(tokens.m), layout.sources).astype(np.float64)  # (m, e)
        self._ranks = np.array([np.linalg.matrix_rank(matrix) for _, matrix in layout.penalties])
        self.values = self.sum_vectors(products.shared_values)  # (p,)
        self._squares = np.zeros_like(products.own)  # (P, q, q): `own_squares` of all cells
        np.add.at(self._squares, tokens.pair_pattern, products.own_squares)

    @property
    def free(self) -> int:
        """Rows less the coefficients that no penalty sees."""
        return len(self.tokens.table.values) - self.layout.unpenalised

    @property
    def ranks(self) -> Floats:
        """Of the penalties, in the order of theta."""
        count = len(self.tokens.pattern_of)
        return np.append(self._ranks, [count * (self.tokens.q - 1), count]).astype(np.float64)

    def ridge(self, theta: Floats) -> Floats:
        """(q,) what penalises a token's functions."""
        return np.append(np.full(self.tokens.q - 1, np.exp(theta[-2])), np.exp(theta[-1]))

    def penalty(self, theta: Floats) -> Floats:
        """(p, p) what penalises shared coefficients."""
        total = np.zeros((self.layout.p, self.layout.p))
        for (where, matrix), log_strength in zip(self.layout.penalties, theta[:-2], strict=True):
            total[where, where] += np.exp(log_strength) * matrix
        return total

    def neutral(self) -> Floats:
        """The theta at which each penalty is as large as what the values say."""
        shared = self.sum_matrices(self.products.shared)
        fixed = [
            np.log(np.trace(shared[where, where]) / np.trace(matrix))
            for where, matrix in self.layout.penalties
        ]
        own = np.diagonal(np.tensordot(self.tokens.pattern_count, self.products.own, 1))
        own = own / len(self.tokens.pattern_of)
        return np.array([*fixed, np.log(own[:-1].mean()), np.log(own[-1])])

    def solve(self, theta: Floats) -> Fit:
        """The fit, REML and its gradient."""
        products, rows = self.products, len(self.tokens.table.values)
        ridge = self.ridge(theta)
        blocks = products.own + np.diag(ridge)
        inverse = np.linalg.inv(blocks).astype(np.float64, copy=False)
        to_own = products.mixed @ inverse
        complement = self.sum_matrices(products.shared - to_own @ products.mixed.mT) + self.penalty(theta)
        own_part = np.einsum("rmq,rq->rm", to_own[self.tokens.pair_pattern], products.own_values)
        right = self.values - self.sum_vectors(own_part)
        factor = scipy.linalg.cho_factor(complement, lower=True)
        coefficients: Floats = scipy.linalg.cho_solve(factor, right)
        covariance: Floats = scipy.linalg.cho_solve(factor, np.eye(self.layout.p))
        deviance = products.squares - float((inverse * self._squares).sum() + right @ coefficients)
        scale = deviance / self.free
        block_roots = np.diagonal(np.linalg.cholesky(blocks), axis1=1, axis2=2)
        log_determinant = 2 * self.tokens.pattern_count @ np.log(block_roots).sum(1)
        log_determinant += 2 * np.log(np.diag(factor[0])).sum() - self.ranks @ theta
        whitening = (rows - len(self.tokens.pattern_of)) * np.log1p(-(products.rho**2))
        reml = 0.5 * (self.free * (np.log(2 * np.pi * scale) + 1) + log_determinant + whitening)
        squares, variances = self._penalised(theta, coefficients, covariance, inverse, to_own)
        gradient = 0.5 * (squares / scale + variances - self.ranks)
        return Fit(theta, float(reml), gradient, scale, deviance, coefficients, covariance, inverse, to_own)

    def _penalised(
        self, theta: Floats, coefficients: Floats, covariance: Floats, inverse: Floats, to_own: Floats
    ) -> tuple[Floats, Floats]:
        """Of each penalty: its value, and the trace of the covariance that it meets."""
        pattern, count = self.tokens.pair_pattern, self.tokens.pair_count
        squares, variances = [], []
        for (where, matrix), log_strength in zip(self.layout.penalties, theta[:-2], strict=True):
            own = coefficients[where]
            squares.append(np.exp(log_strength) * (own @ matrix @ own))
            variances.append(np.exp(log_strength) * (covariance[where, where] * matrix).sum())
        fitted = np.einsum("rmq,rm->rq", self.products.mixed[pattern], self.at_pairs(coefficients))
        cross = self.products.own_values[:, :, None] * fitted[:, None]
        outer = self.products.own_squares - cross - cross.mT
        outer += count[:, None, None] * fitted[:, :, None] * fitted[:, None]
        ridge = self.ridge(theta)
        of_squares = ridge * np.einsum("rij,rji->i", inverse[pattern] @ outer, inverse[pattern])
        around = self.around_pairs(covariance) @ to_own[pattern]
        of_variances = np.einsum("r,rmi,rmi->i", count, to_own[pattern], around)
        of_variances += np.einsum("p,pii->i", self.tokens.pattern_count, inverse)
        of_variances *= ridge
        squares += [of_squares[:-1].sum(), of_squares[-1]]
        variances += [of_variances[:-1].sum(), of_variances[-1]]
        return np.array(squares), np.array(variances)

    def sum_vectors(self, of_pairs: Floats) -> Floats:
        """(R, m), sums over the tokens of each pair -> (p,)."""
        of_cells = np.zeros((len(self._targets), self.tokens.m))
        np.add.at(of_cells, self.tokens.pair_cell, of_pairs)
        total = np.zeros(self.layout.p + 1)
        np.add.at(total, self._targets, of_cells[:, self.layout.sources])
        return total[:-1]

    def sum_matrices(self, of_patterns: Floats) -> Floats:
        """(P, m, m), of one token each -> (p, p), of all tokens."""
        of_cells = np.zeros((len(self._targets), self.tokens.m, self.tokens.m))
        weighted = self.tokens.pair_count[:, None, None] * of_patterns[self.tokens.pair_pattern]
        np.add.at(of_cells, self.tokens.pair_cell, weighted)
        sources = self.layout.sources
        total = np.zeros((self.layout.p + 1, self.layout.p + 1))
        places = self._targets[:, :, None], self._targets[:, None]
        np.add.at(total, places, of_cells[:, sources[:, None], sources])
        return total[:-1, :-1]

    def at_pairs(self, coefficients: Floats) -> Floats:
        """(p,) -> (R, m): what each function is multiplied by in a pair."""
        entries = np.append(coefficients, 0.0)[self._targets]
        found: Floats = (entries @ self._entries_of.T)[self.tokens.pair_cell]
        return found

    def around_pairs(self, matrix: Floats) -> Floats:
        """(p, p) -> (R, m, m): the quadratic form that it is for the functions in a pair."""
        padded = np.pad(matrix, (0, 1))
        entries = padded[self._targets[:, :, None], self._targets[:, None]]  # (cells, e, e)
        found: Floats = (self._entries_of @ entries @ self._entries_of.T)[self.tokens.pair_cell]
        return found
