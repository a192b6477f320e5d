"""Thin-plate regression splines of one covariate, and the basis that every token's own curve is made of.

The radial functions of all distinct times, truncated to the eigenvectors of largest absolute eigenvalue, beside the polynomials that the
penalty does not see. Times are brought to an interval of length one first, which changes no curve. Source: Wood 2003, "Thin plate
regression splines", Journal of the Royal Statistical Society B 65: 95-114, section 3; for the token's basis, Wood 2017, "Generalized
Additive Models", 2nd edition, section 5.4.2 (natural parameterisation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

MOST_KNOTS = 2000  # distinct times that the radial functions are centred on; mgcv, too, takes no more


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """k functions of time: k - order that are penalised, then the polynomials below ``order``.

    ``to_functions`` (knots, k - order) maps radial functions to the former, ``transform`` (k, c) all of them to those in use.
    """

    knots: Floats
    order: int
    to_functions: Floats
    transform: Floats
    middle: float
    width: float

    def __call__(self, times: Floats) -> Floats:
        """(n, c) values at times (n,)."""
        scaled = (times - self.middle) / self.width
        radial = _radial(scaled[:, None] - self.knots, self.order)
        everything = np.hstack([radial @ self.to_functions, np.vander(scaled, self.order, increasing=True)])
        values: Floats = everything @ self.transform
        return values

    def transformed(self, transform: Floats) -> Basis:
        """Linear combinations of the same functions."""
        return Basis(
            self.knots, self.order, self.to_functions, self.transform @ transform, self.middle, self.width
        )


def thin_plate(distinct: Floats, k: int, *, order: int) -> tuple[Basis, Floats]:
    """The basis of size k over distinct times, and its penalty (k, k).

    ``order`` is that of the derivative that the penalty squares and integrates: 2 for curves, 1 for the curves of tokens.
    """
    if len(distinct) > MOST_KNOTS:
        distinct = distinct[np.linspace(0, len(distinct) - 1, MOST_KNOTS).round().astype(int)]
    middle, width = float(distinct.mean()), float(np.ptp(distinct))
    knots = (distinct - middle) / width
    values, vectors = np.linalg.eigh(_radial(knots[:, None] - knots, order))
    largest = np.argsort(-np.abs(values), kind="stable")[:k]
    values, vectors = values[largest], vectors[:, largest]
    polynomials = np.vander(knots, order, increasing=True)
    free = _complement(vectors.T @ polynomials)  # (k, k - order): radial functions that are no polynomials
    penalty = np.zeros((k, k))
    penalty[: k - order, : k - order] = free.T @ (values[:, None] * free)
    return Basis(knots, order, vectors @ free, np.eye(k), middle, width), penalty


def centred(basis: Basis, penalty: Floats, distinct: Floats, counts: Floats) -> tuple[Basis, Floats]:
    """The k - 1 functions whose values sum to zero over all rows, ``counts`` of each time, and their penalty."""
    free = _complement((counts / counts.sum() @ basis(distinct))[:, None])
    return basis.transformed(free), free.T @ penalty @ free


def token_basis(distinct: Floats, counts: Floats, k: int) -> Basis:
    """k functions for the curve of one token: k - 1 with the identity as their penalty, and last the constant.

    Orthogonal over all rows, ``counts`` of each time, so that the penalties of shape and of level are about different things.
    """
    basis, penalty = thin_plate(distinct, k, order=1)
    triangle = np.linalg.qr(np.sqrt(counts)[:, None] * basis(distinct), mode="r")
    inverse = np.linalg.inv(triangle)
    penalties, vectors = np.linalg.eigh(inverse.T @ penalty @ inverse)
    transform = inverse @ vectors[:, ::-1]
    transform[:, :-1] /= np.sqrt(penalties[:0:-1])
    transform[:, -1] *= np.sqrt(counts.sum())
    return basis.transformed(transform)


def _radial(distances: Floats, order: int) -> Floats:
    """Green's functions of the penalty, up to a polynomial."""
    distances = np.abs(distances)
    return distances**3 / 12 if order == 2 else -distances / 2


def _complement(columns: Floats) -> Floats:
    """Orthonormal, orthogonal to the columns: (n, c) -> (n, n - c)."""
    q, _ = np.linalg.qr(columns, mode="complete")
    rest: Floats = q[:, columns.shape[1] :]
    return rest
