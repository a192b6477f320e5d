"""One variable or several over values, the others as in the bases."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._design import Design, Floats, Setting, finite, require
from ._given import as_design


class Grid(Design):
    """Every combination of values for every base; the last variable changes fastest. `variable` and `grid` make one."""

    def __init__(self, bases: Design, values: dict[int, NDArray[np.float64]]) -> None:
        self._shape = (len(bases), *(len(each) for each in values.values()))
        super().__init__(math.prod(self._shape), bases.size)
        self.bases, self.values = bases, values

    def __repr__(self) -> str:
        ranges = ", ".join(
            f"z{place}: {len(each)} from {each.min():g} to {each.max():g}"
            for place, each in self.values.items()
        )
        return f"Grid({ranges}; {len(self.bases)} bases x {self.size})"

    def describe(self) -> dict[str, Setting]:
        """Its settings; the bases' behind ``base ``."""
        behind = {f"base {name}": value for name, value in self.bases.describe().items()}
        return {"kind": "grid"} | {f"z{i}": each.tolist() for i, each in self.values.items()} | behind

    @property
    def axes(self) -> dict[str, NDArray[Any]]:
        """The values of each variable."""
        return {f"z{i}": each for i, each in self.values.items()}

    def _cells(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return numbers % math.prod(self._shape[1:])

    def _variables(self, numbers: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        base, *places = np.unravel_index(numbers, self._shape)
        named = {f"z{i}": each[place] for (i, each), place in zip(self.values.items(), places, strict=True)}
        return {"base": np.asarray(base)} | named

    def _rows(self, numbers: NDArray[np.int64]) -> Floats:
        base, *places = np.unravel_index(numbers, self._shape)
        needed, which = np.unique(base, return_inverse=True)
        made: Floats = self.bases[needed][which]
        for (i, each), place in zip(self.values.items(), places, strict=True):
            made[:, i] = each[place]
        return made


def variable(which: int | str, values: ArrayLike, *, bases: Design | ArrayLike) -> Grid:
    """One latent variable over values, all others fixed as in each base: the papers' interpolation.

    Parameters
    ----------
    which : its place in the vector from 0, the code counted: 11 or ``"z11"``.
    values : (values,), also beyond the training range, such as ``np.arange(-15, 6, 2)``.
    bases : what the other variables are: a design such as `random`, or (bases, size).

    Raises
    ------
    ValueError
        naming the argument.

    Examples
    --------
    >>> design = variable("z1", [-4.5, 4.5], bases=[[0.0, 0.0], [1.0, 1.0]])
    >>> design[:].tolist()
    [[0.0, -4.5], [0.0, 4.5], [1.0, -4.5], [1.0, 4.5]]
    >>> {name: values.tolist() for name, values in design.variables().items()}
    {'base': [0, 0, 1, 1], 'z1': [-4.5, 4.5, -4.5, 4.5]}
    """
    return grid({which: values}, bases=bases)


def grid(values: Mapping[Any, ArrayLike], *, bases: Design | ArrayLike) -> Grid:
    """Several latent variables over values of their own, every combination, as `variable` does one."""
    design = as_design("bases", bases)
    found = checked_values(values, design.size)
    for place, listed in found.items():
        require(
            len(np.unique(listed)) == len(listed), f"values of z{place}", "each value once", listed.tolist()
        )
    return Grid(design, found)


def checked_values(values: Mapping[Any, ArrayLike], size: int) -> dict[int, NDArray[np.float64]]:
    """(values,) by place in a vector of ``size``; ValueError naming the argument."""
    require(len(values) > 0, "values", "at least one variable", "none")
    found: dict[int, NDArray[np.float64]] = {}
    for which, each in values.items():
        place = _place(which, size)
        require(place not in found, "values", "each variable once", f"z{place} twice")
        listed = found[place] = finite(f"values of z{place}", each)
        name, shape = f"values of z{place}", listed.shape
        require(len(shape) == 1 and shape[0] > 0, name, "a list of one or more", f"shape {shape}")
    return found


def _place(which: int | str, size: int) -> int:
    matched = re.fullmatch(r"z?(\d{1,9})", str(which))
    place = int(matched[1]) if matched else -1
    require(0 <= place < size, "variable", f"z0 to z{size - 1}", which)
    return place
