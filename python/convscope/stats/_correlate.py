"""Correlations with intervals, of rows that are independent or that come from items."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

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
    table_of,
)  # fmt: skip
from ._libraries import Frame, library
from ._multiplicity import with_adjusted
from ._pairs import reasons
from ._resample import drawn_counts
from ._result import Result

Method = Literal["pearson", "spearman"]
LEAST_PAIRS = 4  # Fisher's z has the standard error 1 / sqrt(n - 3)
LEAST_ITEMS = 8  # resampling fewer says little about their population
ROUNDING = 1e-13  # of a sum of squares: what is left of it without the mean is no variance
BLOCK_VALUES = 1 << 21  # of draws that are looked at together


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Correlations(Result):
    """``correlations``: one row per group, with r, lower, upper, n, dropped, items, p, p_holm, p_bh, reason."""

    correlations: Frame
    settings: Mapping[str, Any]

    _aside: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "correlations": ("dropped", "items", "p", "p_bh", "reason")
    }
    _said: ClassVar[Mapping[str, str]] = {"correlations": "r"}


def correlate(
    table: Any,
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
    table : pandas.DataFrame, or a result that has one as its table
        Such as `pair_layers` returns.
    x, y : columns of numbers; pairs with a NaN, or of no item, are dropped and counted.
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
        Corrections (Holm, Benjamini-Hochberg) are over all groups. Where there is no r, ``reason`` says why; with too few
        pairs, also the commonest ``reason`` of the rows dropped, where the table has that column.

    Raises
    ------
    ValueError
        for columns that are not there or no numbers, infinite values, a method, level or number of draws that cannot be.

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
    groups, table = column_names(by), table_of(table)
    check_columns(table, [*groups, x, y, *([] if items is None else [items])])
    rows = []
    for key, part in groups_of(table, groups):
        a, b = numbers(part, x), numbers(part, y)
        paired = np.isfinite(a) & np.isfinite(b)
        if items is not None:
            paired &= part[items].notna().to_numpy()
        units = None if items is None else np.unique(part[items].to_numpy()[paired], return_inverse=True)[1]
        found = _correlation(a[paired], b[paired], units, method, level, draws, seed)
        if found["n"] < LEAST_PAIRS:
            found["reason"] += _commonest_reason(part[~paired])
        rows.append(dict(zip(groups, key, strict=True)) | found | {"dropped": int((~paired).sum())})
    columns = [*groups, "r", "lower", "upper", "n", "dropped", "items", "p", "reason"]
    made = library("pandas").DataFrame(rows, columns=columns)
    settings = {"x": x, "y": y, "by": groups, "method": method, "items": items}
    return Correlations(with_adjusted(made), settings | {"level": level, "draws": draws, "seed": seed})


def _commonest_reason(dropped: Frame) -> str:
    """Of the rows that made no pair, to be put behind ours."""
    if "reason" not in dropped:
        return ""
    said = reasons(dropped["reason"])
    counts = said[said != ""].value_counts()
    return f": {counts.index[0]}" if len(counts) else ""


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
    r = _r(*((a, b) if method == "pearson" else (_ranks(a), _ranks(b))))
    student = library("scipy.stats").t
    if units is None:
        spread = 1.0 if method == "pearson" else math.sqrt(1 + r * r / 2)
        half = library("scipy.stats").norm.ppf((1 + level) / 2) * spread / math.sqrt(count - 3)
        statistic, freedom = _divided(r * math.sqrt(count - 2), math.sqrt(max(1 - r * r, 0))), count - 2
    else:
        if items < LEAST_ITEMS:
            return found | nothing | {"r": r, "reason": f"fewer than {LEAST_ITEMS} items to resample"}
        resampled = _resampled_pearson if method == "pearson" else _resampled_spearman
        with np.errstate(divide="ignore"):  # a perfect correlation is infinite as z
            z = np.arctanh(resampled(a, b, units, draws, np.random.default_rng(seed)))
        finite = z[np.isfinite(z)]
        error = float(np.std(finite, ddof=1)) if finite.size > 1 else 0.0
        half = student.ppf((1 + level) / 2, items - 1) * error
        statistic, freedom = _divided(np.arctanh(r) if abs(r) < 1 else math.inf, error), items - 1
    centre = math.atanh(r) if abs(r) < 1 else math.copysign(math.inf, r)
    p = float(2 * student.sf(abs(statistic), freedom))
    return found | {"r": r, "lower": math.tanh(centre - half), "upper": math.tanh(centre + half), "p": p}


def _divided(above: float, below: float) -> float:
    return above / below if below > 0 else math.inf


def _r(a: Floats, b: Floats) -> float:
    left, right = a - a.mean(), b - b.mean()
    return float(np.clip(left @ right / math.sqrt((left @ left) * (right @ right)), -1, 1))


def _ranks(values: Floats) -> Floats:
    found: Floats = library("scipy.stats").rankdata(values)
    return found


def _resampled_pearson(
    a: Floats, b: Floats, units: NDArray[np.intp], draws: int, rng: np.random.Generator
) -> Floats:
    """(draws,) r of resampled units, from sums that each unit contributes."""
    left, right = a - a.mean(), b - b.mean()
    terms = (np.ones(len(a)), left, right, left**2, right**2, left * right)
    of_unit = np.stack([np.bincount(units, term) for term in terms], axis=1)  # (units, 6)
    sums = [counts @ of_unit for counts in _drawn(len(of_unit), len(of_unit), draws, rng)]
    n, x, y, xx, yy, xy = np.concatenate(sums).T
    of_x, of_y = (
        np.where(left > ROUNDING * whole, left, 0)
        for left, whole in ((xx - x * x / n, xx), (yy - y * y / n, yy))
    )
    return _r_of_sums(of_x, of_y, xy - x * y / n)


def _resampled_spearman(
    a: Floats, b: Floats, units: NDArray[np.intp], draws: int, rng: np.random.Generator
) -> Floats:
    """(draws,) r of the ranks within each resample of units."""
    found = []
    for counts in _drawn(int(units.max()) + 1, len(a), draws, rng):
        weights = counts[:, units]  # (some draws, rows)
        ranks = [_weighted_ranks(values, weights) for values in (a, b)]
        total = weights.sum(1, keepdims=True)
        left, right = (each - (weights * each).sum(1, keepdims=True) / total for each in ranks)
        found.append(
            _r_of_sums(*((weights * product).sum(1) for product in (left**2, right**2, left * right)))
        )
    return np.concatenate(found)


def _drawn(units: int, row: int, draws: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Counts (some draws, units), so many that ``row`` numbers for each of them fit into memory; the draws do not depend on it."""
    most = max(BLOCK_VALUES // row, 1)
    for first in range(0, draws, most):
        yield drawn_counts(units, min(most, draws - first), rng)


def _r_of_sums(xx: Floats, yy: Floats, xy: Floats) -> Floats:
    """From centred sums of squares and products; NaN for a draw without variance."""
    varies = (xx > 0) & (yy > 0)
    r: Floats = xy / np.sqrt(np.where(varies, xx * yy, np.nan))
    return np.clip(r, -1, 1)


def _weighted_ranks(values: Floats, weights: Floats) -> Floats:
    """(draws, rows) mean ranks among rows taken so many times."""
    order = np.argsort(values, kind="stable")
    _, starts, place = np.unique(values[order], return_index=True, return_inverse=True)
    of_value = np.add.reduceat(weights[:, order], starts, axis=1)  # (draws, distinct values)
    ranks = np.empty(weights.shape)
    ranks[:, order] = (np.cumsum(of_value, axis=1) - of_value / 2 + 0.5)[:, place]
    return ranks
