"""Linear models of a layer's values on the output's, as TASLP has them for durations (β, SE, t, p, adjusted R²)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._checks import check_columns, check_level, column_names, groups_of, numbers, require
from ._libraries import Frame, library
from ._multiplicity import with_adjusted
from ._result import Result
from ._terms import complete_rows, design_matrix


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel(Result):
    """``coefficients``: estimate, se, t, df, p, p_holm, p_bh, lower, upper of each term; ``models``: n, dropped, r2, adjusted_r2,
    sigma, f, f_p and aic of each group."""

    coefficients: Frame
    models: Frame
    settings: Mapping[str, Any]


def linear_model(
    table: Frame,
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
    table : pandas.DataFrame
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
        Corrections are over all terms of all groups, intercepts apart.

    Raises
    ------
    ValueError
        for fewer complete rows than terms + 1, constant or collinear predictors, infinite values.

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
    level = check_level(level)
    terms, groups = column_names(predictors), column_names(by)
    require(bool(terms), "predictors", "at least one column", "none")
    used = [response, *terms, *([] if items is None else [items])]
    check_columns(table, [*groups, *used])
    coefficients, models = [], []
    for key, part in groups_of(table, groups):
        group = dict(zip(groups, key, strict=True))
        complete = complete_rows(part, used)
        matrix, names = design_matrix(complete, terms, reference or {})
        enough = matrix.shape[1] + 1
        where = f"table{f' {group}' if group else ''}"
        require(len(complete) >= enough, where, f"at least {enough} complete rows", len(complete))
        fitted = _fit(complete, numbers(complete, response), matrix, items, where)
        bounds = fitted.conf_int(1 - level)
        coefficients += [
            group
            | {"term": name, "estimate": fitted.params[i], "se": fitted.bse[i], "t": fitted.tvalues[i]}
            | {"df": _freedom(fitted), "p": fitted.pvalues[i], "lower": bounds[i, 0], "upper": bounds[i, 1]}
            for i, name in enumerate(names)
        ]
        models.append(
            group
            | {"n": len(complete), "dropped": len(part) - len(complete), "r2": fitted.rsquared}
            | {"adjusted_r2": fitted.rsquared_adj, "sigma": float(np.sqrt(fitted.scale))}
            | {"f": fitted.fvalue, "f_p": fitted.f_pvalue, "aic": fitted.aic}
        )
    frame = library("pandas").DataFrame
    settings = {"response": response, "predictors": terms, "items": items, "level": level}
    return LinearModel(_adjusted_slopes(frame(coefficients)), frame(models), settings)


def _fit(complete: Frame, values: Any, matrix: Any, items: str | None, where: str) -> Any:
    require(float(np.ptp(values)) > 0, where, "a response that varies", "constant values")
    model = library("statsmodels.regression.linear_model").OLS(values, matrix)
    if items is None:
        return model.fit()
    codes = np.unique(complete[items].to_numpy(), return_inverse=True)[1]
    require(
        codes.max() >= matrix.shape[1],
        where,
        f"more items than the {matrix.shape[1]} terms",
        int(codes.max()) + 1,
    )
    return model.fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)


def _freedom(fitted: Any) -> float:
    """With clusters statsmodels keeps those of its tests apart from the residual ones."""
    return float(getattr(fitted, "df_resid_inference", None) or fitted.df_resid)


def _adjusted_slopes(coefficients: Frame) -> Frame:
    """The intercept is no hypothesis: its p-value is not counted among the tests."""
    is_slope = coefficients["term"] != "(Intercept)"
    made = with_adjusted(coefficients.assign(p=coefficients["p"].where(is_slope)))
    return made.assign(p=coefficients["p"])
