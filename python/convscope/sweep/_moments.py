"""Counts, means and squared deviations by cell, in float64, and their exact merging (Chan, Golub and LeVeque 1983).

A part holds ``cells`` (m,), ascending, ``count`` (m,), ``mean`` and ``squares`` (m, ...).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Part = dict[str, NDArray[Any]]


def moments_of(values: NDArray[np.floating], cells: NDArray[np.int64]) -> Part:
    """Of values (n, ...), each row belonging to a cell."""
    order = np.argsort(cells, kind="stable")
    found, firsts, count = np.unique(cells[order], return_index=True, return_counts=True)
    rows = values[order].astype(np.float64)
    mean = np.add.reduceat(rows, firsts, axis=0) / _beside(count, rows)
    rows -= np.repeat(mean, count, axis=0)
    squares = np.add.reduceat(np.square(rows), firsts, axis=0)
    return {"cells": found, "count": count.astype(np.int64), "mean": mean, "squares": squares}


def no_moments(cells: NDArray[np.int64], shape: tuple[int, ...]) -> Part:
    """Of nothing yet, for values of this shape."""
    whole = (len(cells), *shape)
    return {
        "cells": cells,
        "count": np.zeros(len(cells), np.int64),
        "mean": np.zeros(whole),
        "squares": np.zeros(whole),
    }


def joined_moments(first: Part, second: Part) -> Part:
    """Of two parts that follow each other."""
    made = no_moments(np.union1d(first["cells"], second["cells"]), first["mean"].shape[1:])
    for part in (first, second):
        merge_moments(made, np.searchsorted(made["cells"], part["cells"]), part)
    return made


def merge_moments(into: Part, where: NDArray[np.int64], part: Part) -> None:
    """Add a part to the rows ``where``."""
    n, m = into["count"][where], part["count"]
    total = n + m
    apart = part["mean"] - into["mean"][where]
    into["mean"][where] += apart * _beside(m / total, apart)
    into["squares"][where] += part["squares"] + np.square(apart) * _beside(n * (m / total), apart)
    into["count"][where] = total


def variances(part: Part) -> NDArray[np.float64]:
    """Of samples (n - 1); NaN for one."""
    degrees = _beside(part["count"] - 1, part["squares"])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(degrees > 0, part["squares"] / degrees, np.nan)


def _beside(rows: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """(m,) against (m, ...)."""
    return rows.reshape(-1, *(1,) * (values.ndim - 1))
