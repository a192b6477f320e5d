"""Predictors as the columns of a design matrix: numbers as they are, everything else in treatment coding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._checks import Floats, numbers, require
from ._libraries import Frame, library


def design_matrix(
    table: Frame, predictors: Sequence[str], reference: Mapping[str, Any]
) -> tuple[Floats, list[str]]:
    """(rows, terms) with an intercept in front, and the names of the terms.

    A column of text, categories or booleans is one term for each level but its reference: ``word[wash]``. The reference is
    the first level in order (categories have one of their own), unless ``reference`` names another.

    Raises
    ------
    ValueError
        for a column without variation, a reference that is not among the rows, or columns that determine each other.
    """
    columns, names = [np.ones(len(table))], ["(Intercept)"]
    for name in predictors:
        if _is_number(table[name]):
            columns.append(numbers(table, name))
            names.append(name)
            continue
        levels = _levels(table[name])
        first = reference.get(name, levels[0])
        _check_level(name, first, levels)
        for level in levels:
            if level != first:
                columns.append((table[name] == level).to_numpy(np.float64))
                names.append(f"{name}[{level}]")
    matrix = np.stack(columns, axis=1)
    rank = np.linalg.matrix_rank(matrix / np.maximum(np.abs(matrix).max(0), 1e-300))
    require(
        rank == matrix.shape[1],
        "predictors",
        f"columns that vary and do not determine each other ({', '.join(names[1:])})",
        f"{rank} independent ones, the intercept counted, of {matrix.shape[1]}",
    )
    return matrix, names


def check_predictors(table: Frame, predictors: Sequence[str], reference: Mapping[str, Any]) -> None:
    """What can be wrong with them whatever the group: numbers that are infinite, references of other columns or levels."""
    require(bool(predictors), "predictors", "at least one column", "none")
    unknown = [name for name in reference if name not in predictors]
    require(not unknown, "reference", f"predictors of {', '.join(predictors)}", ", ".join(map(str, unknown)))
    for name in predictors:
        if _is_number(table[name]):
            require(name not in reference, "reference", "predictors that are no numbers", name)
            numbers(table, name)
        elif name in reference:
            _check_level(name, reference[name], _levels(table[name].dropna()))


def _is_number(column: Any) -> bool:
    types = library("pandas").api.types
    return bool(types.is_numeric_dtype(column) and not types.is_bool_dtype(column))


def _check_level(name: str, level: Any, levels: list[Any]) -> None:
    require(level in levels, "reference", f"a level of {name} ({', '.join(map(str, levels))})", level)


def _levels(column: Any) -> list[Any]:
    found = set(column.unique())
    if isinstance(column.dtype, library("pandas").CategoricalDtype):
        return [level for level in column.cat.categories if level in found]
    return sorted(found, key=str)


def complete_rows(table: Frame, columns: Sequence[str]) -> Frame:
    """Rows that have a value in each of the columns."""
    return table[table[list(columns)].notna().all(axis=1)]
