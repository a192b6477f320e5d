"""What grids and paths have in common: bases, of which some variables are set."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._design import Design, Floats, Setting, finite, require


class Varied(Design):
    """Rows that are a base each, with ``values`` of some variables in its place; ``per_base`` rows behind each other are of one base."""

    kind: str

    def __init__(self, bases: Design, values: dict[int, NDArray[np.float64]], per_base: int) -> None:
        super().__init__(len(bases) * per_base, bases.size)
        self.bases, self.values, self._per_base = bases, values, per_base

    def describe(self) -> dict[str, Setting]:
        """Its settings; the bases' behind ``base ``."""
        behind = {f"base {name}": value for name, value in self.bases.describe().items()}
        return {"kind": self.kind} | {f"z{i}": each.tolist() for i, each in self.values.items()} | behind

    @abstractmethod
    def _set(self, cells: NDArray[np.int64]) -> dict[int, NDArray[np.float64]]:
        """What each variable is set to."""

    def _cells(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return numbers % self._per_base

    def _variables(self, numbers: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        named = {f"z{i}": each for i, each in self._set(self._cells(numbers)).items()}
        return {"base": numbers // self._per_base} | named

    def _rows(self, numbers: NDArray[np.int64]) -> Floats:
        needed, which = np.unique(numbers // self._per_base, return_inverse=True)
        made: Floats = self.bases[needed][which]
        for i, each in self._set(self._cells(numbers)).items():
            made[:, i] = each
        return made


def checked_values(values: Mapping[Any, ArrayLike], size: int) -> dict[int, NDArray[np.float64]]:
    """(values,) by place in a vector of ``size``; ValueError naming the argument."""
    require(len(values) > 0, "values", "at least one variable", "none")
    found: dict[int, NDArray[np.float64]] = {}
    for which, each in values.items():
        place = place_of(which, size)
        require(place not in found, "values", "each variable once", f"z{place} twice")
        listed = found[place] = finite(f"values of z{place}", each)
        name, shape = f"values of z{place}", listed.shape
        require(len(shape) == 1 and shape[0] > 0, name, "a list of one or more", f"shape {shape}")
    return found


def place_of(which: int | str, size: int) -> int:
    """The place of a variable that is named by it or as ``z11``; ValueError where a vector of ``size`` has none such."""
    matched = re.fullmatch(r"z?(\d{1,9})", str(which))
    place = int(matched[1]) if matched else -1
    require(0 <= place < size, "variable", f"z0 to z{size - 1}", which)
    return place
