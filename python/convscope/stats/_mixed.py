"""Linear models with random intercepts and slopes of items, where sounds, words or bases repeat.

statsmodels' MixedLM fits them. An optimiser that stops is no fit: whether it converged, whether the covariance lies on the
boundary (a random effect without variance) and what it warned of is part of the result.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._checks import Floats, check_columns, check_level, column_names, numbers, require
from ._libraries import Frame, library
from ._result import Result
from ._terms import complete_rows, design_matrix

_OPTIMISERS = ["lbfgs", "bfgs", "powell"]  # each has been seen to stop short of the maximum: the best counts
_SINGULAR = 1e-4  # of the residual variance: less is no variance that the data show


@dataclass(frozen=True, slots=True, eq=False)
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

    @property
    def converged(self) -> bool:
        """Whether the optimiser found a maximum; where not, no number here is one to report."""
        return bool(self.fit["converged"].iloc[0])


def mixed_model(
    table: Frame,
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
    table : pandas.DataFrame
    response : the column of numbers that is explained.
    predictors : columns of the fixed terms, as in `linear_model`.
    items : the column of what repeats.
    slopes : predictors, numbers, whose effect differs from item to item.
    reference : the reference level of predictors that are no numbers.
    reml : restricted likelihood; False to compare models with different fixed terms.
    level : of the intervals.

    Raises
    ------
    ValueError
        for fewer than three items, items that never repeat, constant or collinear predictors.

    Notes
    -----
    Tests are Wald's with the normal distribution, as statsmodels has them: with few items (below about 20) they reject too
    often for predictors that do not vary within items.

    Source
    ------
    Laird & Ware 1982, Biometrics 38: 963-974.

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
    level = check_level(level)
    terms, random = column_names(predictors), column_names(slopes)
    used = check_columns(table, [response, *terms, items])
    missing = [name for name in random if name not in terms]
    require(not missing, "slopes", f"predictors of {', '.join(terms)}", ", ".join(missing))
    complete = complete_rows(table, used)
    require(len(complete) > 0, "table", "complete rows", "none")
    matrix, names = design_matrix(complete, terms, reference or {})
    for name in random:
        require(name in names, "slopes", "predictors that are numbers", name)
    codes = np.unique(complete[items].to_numpy(), return_inverse=True)[1]
    count = int(codes.max()) + 1
    require(count >= 3, "items", "at least 3", count)
    require(
        len(complete) > count, "items", "items that repeat; use linear_model", f"one row for each of {count}"
    )
    values = numbers(complete, response)
    require(float(np.ptp(values)) > 0, response, "values that vary", "constant ones")

    picked = [0, *(names.index(name) for name in random)]
    scaling = _Scaling.of(matrix, values)
    model = library("statsmodels.regression.mixed_linear_model").MixedLM(
        scaling.response(values), scaling.terms(matrix), codes, scaling.terms(matrix)[:, picked]
    )
    tried = [_fit(model, optimiser, reml=reml) for optimiser in _OPTIMISERS]
    fitted, messages = max(tried, key=lambda each: each[0].llf if np.isfinite(each[0].llf) else -np.inf)
    covariance, residual = np.asarray(fitted.cov_re), float(fitted.scale)
    spread = _covariance(scaling.terms(matrix), picked, codes, covariance, residual)
    singular = bool(np.linalg.eigvalsh(covariance)[0] < _SINGULAR * residual)
    converged = bool(fitted.converged)
    back = scaling.back
    estimates = back @ np.asarray(fitted.fe_params) + scaling.centre * np.eye(len(names))[0]
    errors = np.sqrt(np.diag(back @ spread @ back.T))
    of_random = back[np.ix_(picked, picked)]
    z, normal = estimates / errors, library("scipy.stats").norm
    reach = normal.ppf((1 + level) / 2) * errors
    frame = library("pandas").DataFrame
    coefficients = frame(
        {
            "term": names,
            "estimate": estimates,
            "se": errors,
            "z": z,
            "p": 2 * normal.sf(np.abs(z)),
            "lower": estimates - reach,
            "upper": estimates + reach,
        }
    )
    fit = frame(
        [
            {"n": len(complete), "items": count, "dropped": len(table) - len(complete)}
            | {
                "log_likelihood": float(fitted.llf) + scaling.log_likelihood(len(values), reml=reml),
                "reml": reml,
                "converged": converged,
                "singular": singular,
            }
        ]
    )
    settings = {"response": response, "predictors": terms, "items": items, "slopes": random, "reml": reml}
    return MixedModel(
        coefficients,
        frame(
            _variances(
                of_random @ covariance @ of_random.T, residual * scaling.spread**2, ["(Intercept)", *random]
            )
        ),
        fit,
        _problems(converged, singular, messages),
        settings | {"level": level},
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


def _fit(model: Any, optimiser: str, *, reml: bool) -> tuple[Any, list[str]]:
    """By one optimiser, and what it was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = model.fit(reml=reml, method=[optimiser])
    return fitted, [str(each.message) for each in caught]


def _covariance(terms: Floats, picked: list[int], codes: Any, of_random: Floats, residual: float) -> Floats:
    """(p, p) of the fixed terms for these variances: the inverse of the sum over items of X' V^-1 X. It needs no numerical Hessian."""
    information = np.zeros((terms.shape[1],) * 2)
    for item in range(int(codes.max()) + 1):
        own = terms[codes == item]
        within = own[:, picked] @ of_random @ own[:, picked].T + residual * np.eye(len(own))
        information += own.T @ np.linalg.solve(within, own)
    return np.linalg.inv(information).astype(np.float64, copy=False)


def _variances(covariance: Any, residual: float, names: list[str]) -> list[dict[str, Any]]:
    rows = [
        {"term": name, "with": "", "variance": covariance[i, i], "sd": float(np.sqrt(covariance[i, i]))}
        for i, name in enumerate(names)
    ]
    for i, name in enumerate(names):
        for j in range(i):
            scale = np.sqrt(covariance[i, i] * covariance[j, j])
            share = covariance[i, j] / scale if scale > 0 else np.nan
            rows.append({"term": name, "with": names[j], "correlation": float(share)})
    return [*rows, {"term": "(Residual)", "with": "", "variance": residual, "sd": float(np.sqrt(residual))}]


def _problems(converged: bool, singular: bool, messages: list[str]) -> tuple[str, ...]:
    found = []
    if not converged:
        found.append("the optimiser did not converge: these are not the estimates of a fit")
    if singular:
        found.append(
            "singular: a random effect has no variance of its own; take it out, or report it as zero"
        )
    said = [
        message for message in dict.fromkeys(messages) if "Hessian" not in message
    ]  # which is not used here
    return (*found, *(f"statsmodels: {message}" for message in said))
