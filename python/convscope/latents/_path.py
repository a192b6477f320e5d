"""Several variables that change together, the others as in the bases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._design import Design, Floats, Setting, require
from ._given import as_design
from ._grid import checked_values


class Path(Design):
    """Every step of a path for every base. `path` makes one."""

    def __init__(self, bases: Design, values: dict[int, NDArray[np.float64]]) -> None:
        self.steps = len(next(iter(values.values())))
        super().__init__(len(bases) * self.steps, bases.size)
        self.bases, self.values = bases, values

    def __repr__(self) -> str:
        names = ", ".join(f"z{place}" for place in self.values)
        return f"Path({names} in {self.steps} steps; {len(self.bases)} bases x {self.size})"

    def describe(self) -> dict[str, Setting]:
        """Its settings; the bases' behind ``base ``."""
        behind = {f"base {name}": value for name, value in self.bases.describe().items()}
        return {"kind": "path"} | {f"z{i}": each.tolist() for i, each in self.values.items()} | behind

    @property
    def axes(self) -> dict[str, NDArray[Any]]:
        """The numbers of the steps."""
        return {"step": np.arange(self.steps)}

    def _cells(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return numbers % self.steps

    def _variables(self, numbers: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        base, step = np.divmod(numbers, self.steps)
        return {"base": base, "step": step} | {f"z{i}": each[step] for i, each in self.values.items()}

    def _rows(self, numbers: NDArray[np.int64]) -> Floats:
        base, step = np.divmod(numbers, self.steps)
        needed, which = np.unique(base, return_inverse=True)
        made: Floats = self.bases[needed][which]
        for i, each in self.values.items():
            made[:, i] = each[step]
        return made


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
