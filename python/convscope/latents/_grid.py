"""One variable or several over values, the others as in the bases."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._design import Design, require
from ._given import as_design
from ._varied import Varied, checked_values


class Grid(Varied):
    """Every combination of values for every base; the last variable changes fastest. `variable` and `grid` make one."""

    kind = "grid"

    def __init__(self, bases: Design, values: dict[int, NDArray[np.float64]]) -> None:
        self._shape = tuple(len(each) for each in values.values())
        super().__init__(bases, values, math.prod(self._shape))

    def __repr__(self) -> str:
        ranges = ", ".join(
            f"z{place}: {len(each)} from {each.min():g} to {each.max():g}"
            for place, each in self.values.items()
        )
        return f"Grid({ranges}; {len(self.bases)} bases x {self.size})"

    @property
    def axes(self) -> dict[str, NDArray[Any]]:
        """The values of each variable."""
        return {f"z{i}": each for i, each in self.values.items()}

    def _set(self, cells: NDArray[np.int64]) -> dict[int, NDArray[np.float64]]:
        places = np.unravel_index(cells, self._shape)
        return {i: each[place] for (i, each), place in zip(self.values.items(), places, strict=True)}


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
