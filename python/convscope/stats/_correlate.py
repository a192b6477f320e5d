"""Correlations with intervals, of rows that are independent or that come from items."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._checks import (
    Floats,
    check_choice,
    check_columns,
    check_count,
    check_level,
    column_names,
    groups_of,
    numbers,
)  # fmt: skip
from ._libraries import Frame, library
from ._multiplicity import with_adjusted
from ._resample import drawn_counts
from ._result import Result

Method = Literal["pearson", "spearman"]
LEAST_PAIRS = 4  # Fisher's z has the standard error 1 / sqrt(n - 3)
LEAST_ITEMS = 8  # resampling fewer says little about their population


@dataclass(frozen=True, slots=True, eq=False)
class Correlations(Result):
    """``correlations``: one row per group, with r, lower, upper, n, dropped, items, p, p_holm, p_bh, reason."""

    correlations: Frame
    settings: Mapping[str, Any]


def correlate(
    table: Frame,
    x: str,
    y: str,
    *,
    by: str | Iterable[str] = (),
    method: Method = "pearson",
    items: str | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Correlations:
    """Correlate two columns within each group.

    Parameters
    ----------
    table : pandas.DataFrame
        Such as `pair_layers` returns.
    x, y : columns of numbers; pairs with a NaN are dropped and counted.
    by : columns that make the groups, such as ``["measure", "layer"]``.
    method : Pearson's r, or Spearman's of ranks.
    items : the column of what repeats (a sound with several intervals or points). Without it every row counts as independent,
        and points of one sound are not: the interval would be too narrow.
    level : of the intervals.
    draws : resamples of items.
    seed : of those.

    Returns
    -------
    Correlations
        Corrections (Holm, Benjamini-Hochberg) are over all groups. Where there is no r, ``reason`` says why.

    Notes
    -----
    The interval is that of Fisher's z. Its standard error is 1/sqrt(n - 3), for Spearman sqrt((1 + r²/2) / (n - 3))
    (Bonett & Wright 2000), and the p-value is that of Student's t. With ``items`` both come from the standard deviation of
    z over resamples of whole items and Student's t with items - 1 degrees of freedom.

    Source
    ------
    Correlations of layers with the output: Beguš & Zhou 2022 (TASLP), section IV. Fisher 1921; Bonett & Wright 2000,
    Psychometrika 65: 23-28.

    Examples
    --------
    >>> import pandas as pd
    >>> pairs = pd.DataFrame({"layer": "conv4", "a": [1.0, 2, 3, 4, 5], "b": [1.0, 3, 2, 5, 4]})
    >>> row = correlate(pairs, "a", "b", by="layer").correlations.iloc[0]
    >>> round(row.r, 2), round(row.lower, 2), round(row.upper, 2), row.n
    (np.float64(0.8), np.float64(-0.28), np.float64(0.99), np.int64(5))
    """
    check_choice("method", method, ("pearson", "spearman"))
    level, draws = check_level(level), check_count("draws", draws, 100)
    groups = column_names(by)
    check_columns(table, [*groups, x, y, *([] if items is None else [items])])
    rows = []
    for key, part in groups_of(table, groups):
        a, b = numbers(part, x), numbers(part, y)
        paired = np.isfinite(a) & np.isfinite(b)
        units = None if items is None else np.unique(part[items].to_numpy()[paired], return_inverse=True)[1]
        found = _correlation(a[paired], b[paired], units, method, level, draws, seed)
        rows.append(dict(zip(groups, key, strict=True)) | found | {"dropped": int((~paired).sum())})
    columns = [*groups, "r", "lower", "upper", "n", "dropped", "items", "p", "reason"]
    made = library("pandas").DataFrame(rows, columns=columns)
    settings = {
        "x": x,
        "y": y,
        "method": method,
        "items": items,
        "level": level,
        "draws": draws,
        "seed": seed,
    }
    return Correlations(with_adjusted(made), settings)


def _correlation(
    a: Floats,
    b: Floats,
    units: NDArray[np.intp] | None,
    method: Method,
    level: float,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    count = len(a)
    items = count if units is None else len(np.unique(units))
    found: dict[str, Any] = {"n": count, "items": items, "reason": ""}
    nothing = dict.fromkeys(("r", "lower", "upper", "p"), math.nan)
    if count < LEAST_PAIRS:
        return found | nothing | {"reason": f"fewer than {LEAST_PAIRS} pairs"}
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return found | nothing | {"reason": "constant values"}
    one = np.ones((1, count))
    r = float(_weighted_r(a, b, one, method)[0])
    student = library("scipy.stats").t
    if units is None:
        spread = 1.0 if method == "pearson" else math.sqrt(1 + r * r / 2)
        half = library("scipy.stats").norm.ppf((1 + level) / 2) * spread / math.sqrt(count - 3)
        statistic, freedom = _divided(r * math.sqrt(count - 2), math.sqrt(max(1 - r * r, 0))), count - 2
    else:
        if items < LEAST_ITEMS:
            return found | nothing | {"r": r, "reason": f"fewer than {LEAST_ITEMS} items to resample"}
        counts = drawn_counts(items, draws, np.random.default_rng(seed))
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.arctanh(np.clip(_weighted_r(a, b, counts[:, units], method), -1, 1))
        error = float(np.std(z[np.isfinite(z)], ddof=1))
        half = student.ppf((1 + level) / 2, items - 1) * error
        statistic, freedom = _divided(np.arctanh(r) if abs(r) < 1 else math.inf, error), items - 1
    centre = math.atanh(r) if abs(r) < 1 else math.copysign(math.inf, r)
    p = float(2 * student.sf(abs(statistic), freedom))
    return found | {"r": r, "lower": math.tanh(centre - half), "upper": math.tanh(centre + half), "p": p}


def _divided(above: float, below: float) -> float:
    return above / below if below > 0 else math.inf


def _weighted_r(a: Floats, b: Floats, weights: Floats, method: Method) -> Floats:
    """(draws,) correlations of rows taken so many times (draws, rows)."""
    if method == "spearman":
        left, right = _weighted_ranks(a, weights), _weighted_ranks(b, weights)
    else:
        left, right = (np.broadcast_to(each - each.mean(), weights.shape) for each in (a, b))
    total = weights.sum(1, keepdims=True)
    left, right = (each - (weights * each).sum(1, keepdims=True) / total for each in (left, right))
    with np.errstate(divide="ignore", invalid="ignore"):  # a draw without variance has no r: NaN
        r: Floats = (weights * left * right).sum(1) / np.sqrt(
            (weights * left**2).sum(1) * (weights * right**2).sum(1)
        )
    return np.clip(r, -1, 1)


def _weighted_ranks(values: Floats, weights: Floats) -> Floats:
    """(draws, rows) mean ranks among rows taken so many times."""
    distinct, place = np.unique(values, return_inverse=True)
    of_value = weights @ (place[:, None] == np.arange(len(distinct))).astype(np.float64)  # (draws, distinct)
    ranks: Floats = (np.cumsum(of_value, axis=1) - of_value / 2 + 0.5)[:, place]
    return ranks
