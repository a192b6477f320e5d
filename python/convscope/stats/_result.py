"""What every result of `stats` is: a frozen dataclass that holds tables, and writes them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from .._folders import write_files
from ._checks import check_columns, require
from ._libraries import Frame, library

_SMALLEST_P = 1e-4  # smaller ones are printed as such: their digits mean nothing


class Result:
    """Base of frozen dataclasses whose fields are tables (pandas.DataFrame) and the settings that they were made with.

    For LaTeX a subclass names, by table, columns that a paper hardly prints (``_aside``) and the one without which a row says
    nothing (``_said``).
    """

    __slots__ = ()
    _aside: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    _said: ClassVar[Mapping[str, str]] = {}

    def __repr__(self) -> str:
        """Tables with their numbers of rows, and the first problem."""
        sizes = [f"{name}: {len(table)} row{'s' * (len(table) != 1)}" for name, table in self.tables.items()]
        problems: Sequence[str] = getattr(self, "problems", ())
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        said = f"; {problems[0]}{more}" if problems else ""
        return f"{type(self).__name__}({', '.join(sizes)}{said})"

    @property
    def tables(self) -> Mapping[str, Frame]:
        """Every table, by the name of its field."""
        frame = library("pandas").DataFrame
        fields = dataclasses.fields(self)  # type: ignore[arg-type] # every subclass is a dataclass
        held = {field.name: getattr(self, field.name) for field in fields}
        return {name: value for name, value in held.items() if isinstance(value, frame)}

    def to_csv(self, path: str | Path) -> list[Path]:
        """Write every table.

        Parameters
        ----------
        path : a folder, which gets one file for each table; or, where there is one table only, a file that ends in ``.csv``.

        Returns
        -------
        list of Path
            The files.
        """
        place, tables = Path(path), self.tables
        if place.suffix == ".csv":
            require(len(tables) == 1, "path", f"a folder for the tables {', '.join(tables)}", str(place))
            files = {place: next(iter(tables.values()))}
        else:
            files = {place / f"{name}.csv": table for name, table in tables.items()}
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
        write_files({file: table.to_csv(index=False).encode() for file, table in files.items()})
        return list(files)

    def to_latex(
        self,
        table: str | None = None,
        *,
        columns: Sequence[str] | None = None,
        digits: int = 3,
        skip_empty: bool = False,
    ) -> str:
        """One table for a paper (booktabs): numbers to the right, with so many significant digits, p-values down to <0.0001.

        Parameters
        ----------
        table : its name in `tables`; by default the first one.
        columns : which ones, in this order; by default those that papers print: reasons, counts of what was dropped and
            second corrections are left out.
        digits : significant ones.
        skip_empty : leave out rows of which there is no estimate, such as groups with too few pairs.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            for a table or columns that there are not.
        """
        tables = self.tables
        name = next(iter(tables)) if table is None else table
        require(name in tables, "table", f"one of {', '.join(tables)}", name)
        whole = tables[name]
        chosen = [column for column in whole.columns if column not in self._aside.get(name, ())]
        shown = whole[chosen if columns is None else check_columns(whole, columns)]
        if skip_empty and name in self._said:
            shown = shown[whole[self._said[name]].notna()]
        types = library("pandas").api.types
        is_number = [
            types.is_numeric_dtype(shown[column]) and not types.is_bool_dtype(shown[column])
            for column in shown.columns
        ]
        printed = shown.astype(object)
        for column in shown.columns:
            printed[column] = [_cell(value, digits, is_p=_is_p(str(column))) for value in shown[column]]
        sides = "".join("r" if each else "l" for each in is_number)
        text: str = printed.to_latex(index=False, escape=True, column_format=sides)
        return text


def _is_p(column: str) -> bool:
    return column == "p" or column.startswith("p_") or column.endswith("_p")


def _cell(value: Any, digits: int, *, is_p: bool) -> str:
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "--"
    return f"<{_SMALLEST_P:.4f}" if is_p and value < _SMALLEST_P else f"{value:.{digits}g}"
