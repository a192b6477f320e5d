"""Permutation importances of a random forest, against the largest that an annotation without meaning gives.

Importance is how much the deviance of rows that the forest has not seen rises when one variable is permuted among them
(Breiman 2001); the null repeats all of it with permuted annotations (Altmann et al. 2010), and the largest importance over
variables makes the p-values family-wise. It finds effects that are not linear, of |z| say, which a Lasso cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._checks import Floats
from .._libraries import library
from ._annotation import by_class

_REPEATS = 3
_SEEN = 2 / 3
_LEAST_PROBABILITY = 1e-3  # a forest's shares reach 0


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """``importance`` (p,) and its ``p`` (p,), family-wise."""

    importance: Floats
    p: Floats


def forest(x: Floats, y: NDArray[np.intp], *, trees: int, permutations: int, seed: int) -> Forest:
    """Of variables (n, p) and classes (n,)."""
    rng = np.random.default_rng(seed)
    importance = _importance(x, y, trees, rng)
    largest = np.array([_importance(x, rng.permutation(y), trees, rng).max() for _ in range(permutations)])
    reached = (largest[:, None] >= importance).sum(0)
    return Forest(importance, (reached + 1) / (permutations + 1))


def _importance(x: Floats, y: NDArray[np.intp], trees: int, rng: np.random.Generator) -> Floats:
    seen = by_class(y, _SEEN, rng)
    ensemble = library("sklearn.ensemble")
    model = ensemble.RandomForestClassifier(trees, random_state=int(rng.integers(2**31)))
    model.fit(x[seen], y[seen])
    unseen, truth = x[~seen], y[~seen]
    before = _deviance(model, unseen, truth).mean()
    count, variables = unseen.shape
    risen = np.zeros(variables)
    for _ in range(_REPEATS):
        order = rng.permutation(count)
        # All variables in one call: a forest takes as long for a few hundred rows as for a few.
        copies = np.tile(unseen, (variables, 1, 1))  # (p, n, p)
        for variable in range(variables):
            copies[variable, :, variable] = unseen[order, variable]
        flat = copies.reshape(-1, variables)
        risen += _deviance(model, flat, np.tile(truth, variables)).reshape(variables, count).mean(1) - before
    return risen / _REPEATS


def _deviance(model: object, x: Floats, y: NDArray[np.intp]) -> Floats:
    shares = model.predict_proba(x.astype(np.float32))  # type: ignore[attr-defined] # scikit-learn has no types
    made: Floats = -2 * np.log(np.maximum(shares[np.arange(len(y)), y], _LEAST_PROBABILITY))
    return made
