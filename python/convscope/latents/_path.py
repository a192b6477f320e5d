"""Several variables that change together, the others as in the bases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._design import Design, require
from ._given import as_design
from ._varied import Varied, checked_values


class Path(Varied):
    """Every step of a path for every base. `path` makes one."""

    kind = "path"

    def __init__(self, bases: Design, values: dict[int, NDArray[np.float64]]) -> None:
        self.steps = len(next(iter(values.values())))
        super().__init__(bases, values, self.steps)

    def __repr__(self) -> str:
        names = ", ".join(f"z{place}" for place in self.values)
        return f"Path({names} in {self.steps} steps; {len(self.bases)} bases x {self.size})"

    @property
    def axes(self) -> dict[str, NDArray[Any]]:
        """The numbers of the steps."""
        return {"step": np.arange(self.steps)}

    def _variables(self, numbers: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        base, *others = super()._variables(numbers).items()
        return dict([base, ("step", self._cells(numbers)), *others])

    def _set(self, cells: NDArray[np.int64]) -> dict[int, NDArray[np.float64]]:
        return {i: each[cells] for i, each in self.values.items()}


def path(values: Mapping[Any, ArrayLike], *, bases: Design | ArrayLike) -> Path:
    """Several latent variables that change together, step by step, all others fixed as in each base.

    What Beguš and Zhou (TASLP 2022) did with two codes, from one at 1.5 by way of neither to the other at 1.5:
    ``path({"z0": down, "z1": up}, bases=...)`` with ``down = np.maximum(np.arange(1.5, -1.6, -0.125), 0)`` and ``up = down[::-1]``.

    Parameters
    ----------
    values : mapping from a variable (0 or ``"z0"``) to its values, (steps,), equally many for all
    bases : what the other variables are: a design such as `random`, or (bases, size).

    Raises
    ------
    ValueError
        naming the argument.

    Examples
    --------
    >>> design = path({"z0": [1.5, 0.0, 0.0], "z1": [0.0, 0.0, 1.5]}, bases=[[0.0, 0.0, 0.5]])
    >>> design[:].tolist()
    [[1.5, 0.0, 0.5], [0.0, 0.0, 0.5], [0.0, 1.5, 0.5]]
    >>> design.variables()["step"].tolist()
    [0, 1, 2]
    """
    design = as_design("bases", bases)
    found = checked_values(values, design.size)
    lengths = {len(each) for each in found.values()}
    require(len(lengths) == 1, "values", "as many for each variable", sorted(lengths))
    return Path(design, found)
