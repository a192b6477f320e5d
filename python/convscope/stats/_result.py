"""What every result of `stats` is: a frozen dataclass that holds tables, and writes them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._folders import write_files
from ._checks import require
from ._libraries import Frame, library

_SMALLEST_P = 1e-4  # smaller ones are printed as such: their digits mean nothing


class Result:
    """Base of frozen dataclasses whose fields are tables (pandas.DataFrame) and the settings that they were made with."""

    __slots__ = ()

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

    def to_latex(self, table: str | None = None, *, digits: int = 3) -> str:
        """One table for a paper (booktabs): numbers with so many significant digits, p-values down to <0.0001.

        Parameters
        ----------
        table : its name in `tables`; by default the first one.
        digits : significant ones.
        """
        tables = self.tables
        name = next(iter(tables)) if table is None else table
        require(name in tables, "table", f"one of {', '.join(tables)}", name)
        shown = tables[name].copy()
        for column in shown.columns:
            is_p = str(column) == "p" or str(column).startswith("p_")
            shown[column] = [_cell(value, digits, is_p=is_p) for value in shown[column]]
        text: str = shown.to_latex(index=False, escape=True)
        return text


def _cell(value: Any, digits: int, *, is_p: bool) -> str:
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "--"
    return f"<{_SMALLEST_P:.4f}" if is_p and value < _SMALLEST_P else f"{value:.{digits}g}"
