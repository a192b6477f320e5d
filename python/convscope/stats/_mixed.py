"""Linear models with random intercepts and slopes of items, where sounds, words or bases repeat.

`_mixed_fit` fits them. An optimiser that stops is no fit: whether it converged, and whether the covariance lies on the boundary
(a random effect without variance), is part of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ._checks import Floats, check_columns, check_level, column_names, numbers, require, table_of
from ._libraries import Frame, library
from ._mixed_fit import MixedFit, fit_mixed
from ._result import Result
from ._terms import check_predictors, complete_rows, design_matrix


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MixedModel(Result):
    """``coefficients``: estimate, se, z, p, lower, upper of each fixed term; ``variances``: of the random terms, their
    correlations and the residual; ``fit``: n, items, dropped, log_likelihood, converged, singular.

    ``problems`` says in words what is wrong with the fit; empty when nothing is.
    """

    coefficients: Frame
    variances: Frame
    fit: Frame
    problems: tuple[str, ...]
    settings: Mapping[str, Any]

    _aside: ClassVar[Mapping[str, tuple[str, ...]]] = {"fit": ("dropped", "reml")}

    @property
    def converged(self) -> bool:
        """Whether two optimisers agree on a maximum; where not, no number here is one to report."""
        return bool(self.fit["converged"].iloc[0])


def mixed_model(
    table: Any,
    response: str,
    *,
    predictors: str | Iterable[str],
    items: str,
    slopes: str | Iterable[str] = (),
    reference: Mapping[str, Any] | None = None,
    reml: bool = True,
    level: float = 0.95,
) -> MixedModel:
    """A linear model in which every item has an intercept, and slopes, of its own.

    Parameters
    ----------
    table : pandas.DataFrame, or a result that has one as its table
    response : the column of numbers that is explained.
    predictors : columns of the fixed terms, as in `linear_model`.
    items : the column of what repeats.
    slopes : predictors, numbers, whose effect differs from item to item.
    reference : the reference level of predictors that are no numbers.
    reml : restricted likelihood; False to compare models with different fixed terms.
    level : of the intervals.

    Returns
    -------
    MixedModel
        In the units of the table. Rows without a value in one of the columns are left out and counted.

    Raises
    ------
    ValueError
        for columns that are not there, no complete rows, fewer than three items, items that never repeat, constant or
        collinear predictors, slopes that are no numbers.

    Notes
    -----
    Estimates and likelihood are those of nlme's lme and lme4's lmer, one column of items allowed. Tests are Wald's with the
    normal distribution: with few items (below about 20) they reject too often for predictors that do not vary within items.

    Source
    ------
    Laird & Ware 1982, Biometrics 38: 963-974; Bates, Mächler, Bolker & Walker 2015, J. Stat. Software 67(1).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> item, x = np.repeat(np.arange(12), 6), rng.standard_normal(72)
    >>> y = 2 * x + rng.standard_normal(12)[item] + 0.1 * rng.standard_normal(72)
    >>> model = mixed_model(pd.DataFrame({"y": y, "x": x, "item": item}), "y", predictors="x", items="item")
    >>> round(float(model.coefficients.estimate[1]), 1), model.converged
    (2.0, True)
    """
    level, table = check_level(level), table_of(table)
    terms, random = column_names(predictors), column_names(slopes)
    used = check_columns(table, [response, *terms, items])
    check_predictors(table, terms, reference or {})
    missing = [name for name in random if name not in terms]
    require(not missing, "slopes", f"predictors of {', '.join(terms)}", ", ".join(missing))
    complete = complete_rows(table, used)
    require(len(complete) > 0, "table", "complete rows", f"none of {len(table)}")
    codes = np.unique(complete[items].to_numpy(), return_inverse=True)[1]
    _check_items(codes)
    matrix, names = design_matrix(complete, terms, reference or {})
    for name in random:
        require(name in names, "slopes", "predictors that are numbers", name)
    require(
        len(complete) > len(names), "table", f"more complete rows than the {len(names)} terms", len(complete)
    )
    values = numbers(complete, response)
    require(float(np.ptp(values)) > 0, response, "values that vary", "constant ones")

    picked = [0, *(names.index(name) for name in random)]
    scaling = _Scaling.of(matrix, values)
    fitted = fit_mixed(scaling.response(values), scaling.terms(matrix), picked, codes, reml=reml)
    counts = {"n": len(complete), "items": int(codes.max()) + 1, "dropped": len(table) - len(complete)}
    likelihood = fitted.log_likelihood + scaling.log_likelihood(len(values), reml=reml)
    judged = {"reml": reml, "converged": fitted.converged, "singular": fitted.singular}
    settings = {"response": response, "predictors": terms, "items": items, "slopes": random}
    return MixedModel(
        _coefficients(fitted, scaling, names, level),
        _variances(fitted, scaling, picked, ["(Intercept)", *random]),
        library("pandas").DataFrame([counts | {"log_likelihood": likelihood} | judged]),
        _problems(fitted),
        settings | {"reference": dict(reference or {}), "reml": reml, "level": level},
    )


def _check_items(codes: NDArray[np.intp]) -> None:
    count = int(codes.max()) + 1
    require(count >= 3, "items", "at least 3", count)
    require(
        len(codes) > count, "items", "items that repeat; use linear_model", f"one row for each of {count}"
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Scaling:
    """Terms and response with mean zero and deviation one, in which units do not matter; and the way ``back`` (p, p) to the given ones."""

    means: Floats
    deviations: Floats
    centre: float
    spread: float

    @classmethod
    def of(cls, matrix: Floats, values: Floats) -> _Scaling:
        means, deviations = matrix.mean(0), matrix.std(0)
        means[0], deviations[0] = 0.0, 1.0  # the intercept
        return cls(means, deviations, float(values.mean()), float(values.std()))

    def terms(self, matrix: Floats) -> Floats:
        return (matrix - self.means) / self.deviations

    def response(self, values: Floats) -> Floats:
        return (values - self.centre) / self.spread

    @property
    def back(self) -> Floats:
        """Coefficients of scaled terms to those of the given ones; the response's centre is to be added."""
        found = np.diag(self.spread / self.deviations)
        found[0, 1:] = -self.spread * self.means[1:] / self.deviations[1:]
        return found

    def log_likelihood(self, rows: int, *, reml: bool) -> float:
        """What units add to it."""
        if not reml:
            return -rows * float(np.log(self.spread))
        return -(rows - len(self.means)) * float(np.log(self.spread)) - float(np.log(self.deviations).sum())


def _coefficients(fitted: MixedFit, scaling: _Scaling, names: list[str], level: float) -> Frame:
    """In the given units, with Wald's tests."""
    back, normal = scaling.back, library("scipy.stats").norm
    estimates = back @ fitted.beta + scaling.centre * np.eye(len(names))[0]
    errors = np.sqrt(np.diag(back @ fitted.spread @ back.T))
    z, reach = estimates / errors, normal.ppf((1 + level) / 2) * errors
    columns = {"term": names, "estimate": estimates, "se": errors, "z": z, "p": 2 * normal.sf(np.abs(z))}
    bounds = {"lower": estimates - reach, "upper": estimates + reach}
    return library("pandas").DataFrame(columns | bounds)


def _variances(fitted: MixedFit, scaling: _Scaling, picked: list[int], names: list[str]) -> Frame:
    """Of the random terms in the given units, their correlations, the residual."""
    back = scaling.back[np.ix_(picked, picked)]
    covariance, residual = back @ fitted.covariance @ back.T, fitted.residual * scaling.spread**2
    deviations = np.sqrt(np.diag(covariance))
    rows: list[dict[str, Any]] = [
        {"term": name, "with": "", "variance": covariance[i, i], "sd": deviations[i]}
        for i, name in enumerate(names)
    ]
    for i, j in zip(*np.tril_indices(len(names), -1), strict=True):
        scale = deviations[i] * deviations[j]
        share = float(covariance[i, j] / scale) if scale > 0 else np.nan
        rows.append({"term": names[i], "with": names[j], "correlation": share})
    rows.append({"term": "(Residual)", "with": "", "variance": residual, "sd": float(np.sqrt(residual))})
    return library("pandas").DataFrame(rows)


def _problems(fitted: MixedFit) -> tuple[str, ...]:
    found = []
    if fitted.exact:
        found.append("no residuals: the terms explain the response exactly, tests mean nothing")
    if not fitted.converged:
        found.append("two optimisers do not agree on a maximum: these are not the estimates of a fit")
    if fitted.singular:
        found.append(
            "singular: a random effect has no variance of its own; take it out, or report it as zero"
        )
    return tuple(found)
