"""Linear models of a layer's values on the output's, as TASLP has them for durations (β, SE, t, p, adjusted R²)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ._checks import check_columns, check_level, column_names, groups_of, numbers, require, table_of
from ._libraries import Frame, library
from ._multiplicity import with_adjusted
from ._result import Result
from ._terms import check_predictors, complete_rows, design_matrix

_FITTED = ("r2", "adjusted_r2", "sigma", "f", "f_p", "aic")
_OF_TERM = ("term", "estimate", "se", "t", "df", "p", "lower", "upper")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LinearModel(Result):
    """``coefficients``: estimate, se, t, df, p, p_holm, p_bh, lower, upper of each term; ``models``: n, dropped, r2, adjusted_r2,
    sigma, f, f_p, aic and reason of each group. A group without a model has NaN and the reason there, and no coefficients."""

    coefficients: Frame
    models: Frame
    settings: Mapping[str, Any]

    _aside: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "coefficients": ("lower", "upper", "p_bh"),
        "models": ("dropped", "sigma", "aic", "reason"),
    }
    _said: ClassVar[Mapping[str, str]] = {"models": "r2"}


def linear_model(
    table: Any,
    response: str,
    *,
    predictors: str | Iterable[str],
    by: str | Iterable[str] = (),
    items: str | None = None,
    reference: Mapping[str, Any] | None = None,
    level: float = 0.95,
) -> LinearModel:
    """Least squares of a column on others, within each group.

    Parameters
    ----------
    table : pandas.DataFrame, or a result that has one as its table
    response : the column of numbers that is explained.
    predictors : columns; those that are no numbers come in treatment coding, ``word[wash]`` against the reference.
    by : columns that make the groups, each of which has a model of its own.
    items : the column of what repeats. With it the standard errors are those of clustered rows, with items - 1 degrees of
        freedom; `mixed_model` models the items instead.
    reference : the reference level of predictors that are no numbers; by default the first in order.
    level : of the intervals.

    Returns
    -------
    LinearModel
        Corrections are over all terms of all groups, intercepts apart. A group that has no model (fewer complete rows than
        terms + 1, a constant response, constant or collinear predictors) has a ``reason`` in ``models``.

    Raises
    ------
    ValueError
        for columns that are not there, a table without rows, infinite values, references that are no levels; without ``by``
        also for what is a reason with it.

    Source
    ------
    Durations of Conv4 and output: Beguš & Zhou 2022 (TASLP), section IV-A. Clustered errors: Liang & Zeger 1986.

    Examples
    --------
    >>> import pandas as pd
    >>> pairs = pd.DataFrame({"layer_s": [0.1, 0.2, 0.3, 0.4], "output_s": [0.11, 0.19, 0.31, 0.39]})
    >>> model = linear_model(pairs, "layer_s", predictors="output_s")
    >>> [round(float(each), 3) for each in (model.coefficients.estimate[1], model.models.adjusted_r2[0])]
    [1.034, 0.99]
    """
    level, table = check_level(level), table_of(table)
    terms, groups = column_names(predictors), column_names(by)
    used = [response, *terms, *([] if items is None else [items])]
    check_columns(table, [*groups, *used])
    require(len(table) > 0, "table", "rows", "none")
    numbers(table, response)
    check_predictors(table, terms, reference or {})
    coefficients, models = [], []
    for key, part in groups_of(table, groups):
        group = dict(zip(groups, key, strict=True))
        complete = complete_rows(part, used)
        counts = group | {"n": len(complete), "dropped": len(part) - len(complete)}
        try:
            fitted, names = _fit(complete, response, terms, items, reference or {})
        except ValueError as error:
            if not groups:
                raise
            models.append(counts | dict.fromkeys(_FITTED, np.nan) | {"reason": str(error)})
            continue
        coefficients += [group | row for row in _terms(fitted, names, level)]
        models.append(counts | _quality(fitted) | {"reason": ""})
    made = library("pandas").DataFrame(coefficients, columns=[*groups, *_OF_TERM])
    settings = {"response": response, "predictors": terms, "by": groups, "items": items}
    return LinearModel(
        _adjusted_slopes(made),
        library("pandas").DataFrame(models),
        settings | {"reference": dict(reference or {}), "level": level},
    )


def _fit(
    complete: Frame, response: str, terms: list[str], items: str | None, reference: Mapping[str, Any]
) -> tuple[Any, list[str]]:
    """A model of statsmodels, and the names of its terms."""
    _check_rows(complete, len(terms) + 2)  # each predictor is at least one term
    matrix, names = design_matrix(complete, terms, reference)
    _check_rows(complete, len(names) + 1)
    values = numbers(complete, response)
    require(float(np.ptp(values)) > 0, "table", "a response that varies", "constant values")
    model = library("statsmodels.regression.linear_model").OLS(values, matrix)
    if items is None:
        return model.fit(), names
    codes = np.unique(complete[items].to_numpy(), return_inverse=True)[1]
    count = int(codes.max()) + 1
    require(count > len(names), "table", f"more items than the {len(names)} terms", count)
    return model.fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True), names


def _check_rows(complete: Frame, least: int) -> None:
    require(len(complete) >= least, "table", f"at least {least} complete rows", len(complete))


def _terms(fitted: Any, names: list[str], level: float) -> list[dict[str, Any]]:
    bounds = fitted.conf_int(1 - level)
    return [
        {"term": name, "estimate": fitted.params[i], "se": fitted.bse[i], "t": fitted.tvalues[i]}
        | {"df": _freedom(fitted), "p": fitted.pvalues[i], "lower": bounds[i, 0], "upper": bounds[i, 1]}
        for i, name in enumerate(names)
    ]


def _quality(fitted: Any) -> dict[str, float]:
    return {
        "r2": fitted.rsquared,
        "adjusted_r2": fitted.rsquared_adj,
        "sigma": float(np.sqrt(fitted.scale)),
        "f": fitted.fvalue,
        "f_p": fitted.f_pvalue,
        "aic": fitted.aic,
    }


def _freedom(fitted: Any) -> float:
    """With clusters statsmodels keeps those of its tests apart from the residual ones."""
    return float(getattr(fitted, "df_resid_inference", None) or fitted.df_resid)


def _adjusted_slopes(coefficients: Frame) -> Frame:
    """The intercept is no hypothesis: its p-value is not counted among the tests."""
    is_slope = coefficients["term"] != "(Intercept)"
    made = with_adjusted(coefficients.assign(p=coefficients["p"].where(is_slope)))
    return made.assign(p=coefficients["p"])
