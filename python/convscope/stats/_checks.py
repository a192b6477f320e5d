"""Checks of arguments, once, at the door: what was expected and what came."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._libraries import Frame, library

Floats = NDArray[np.float64]


def require(holds: bool, name: str, expected: str, got: object) -> None:
    """ValueError naming the argument."""
    if not holds:
        raise ValueError(f"{name}: expected {expected}, got {got if isinstance(got, str) else repr(got)}")


def check_level(level: float) -> float:
    """A confidence level."""
    require(0 < level < 1, "level", "a number between 0 and 1, such as 0.95", level)
    return float(level)


def check_count(name: str, value: int, least: int = 1) -> int:
    """A whole number of at least so many."""
    count = operator.index(value)
    require(count >= least, name, f"at least {least}", count)
    return count


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """One of the known names."""
    require(value in known, name, " or ".join(map(repr, known)), repr(value))


def table_of(given: Any) -> Frame:
    """A table itself, or that of what measuring returns (`acoustics.Measurements`, which is not known here)."""
    frame = library("pandas").DataFrame
    table = given if isinstance(given, frame) else getattr(given, "table", None)
    require(
        isinstance(table, frame),
        "table",
        "a pandas.DataFrame, or a result that has one as its table",
        type(given).__name__,
    )
    return table


def column_names(columns: str | Iterable[str]) -> list[str]:
    """One name or several, as a list."""
    return [columns] if isinstance(columns, str) else list(columns)


def check_columns(table: Frame, wanted: str | Iterable[str]) -> list[str]:
    """The wanted columns, all of which the table must have."""
    names = column_names(wanted)
    missing = [column for column in names if column not in table.columns]
    require(
        not missing,
        "table",
        f"the columns {', '.join(map(str, names))}",
        f"{', '.join(map(str, table.columns))}: no {', '.join(map(str, missing))}",
    )
    return names


def numbers(table: Frame, column: str) -> Floats:
    """A column as float64; what is missing is NaN, what is infinite is refused."""
    try:
        values: Floats = table[column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{column}: expected numbers, got {table[column].dtype}") from error
    require(not np.isinf(values).any(), column, "finite numbers or NaN", "infinite ones")
    return values


def groups_of(table: Frame, by: list[str]) -> Iterable[tuple[tuple[Any, ...], Frame]]:
    """(key, rows) of each combination of the columns, in the order of appearance; all rows without columns."""
    if not by:
        return [((), table)]
    return [(key, rows) for key, rows in table.groupby(by, sort=False, dropna=False, observed=True)]
