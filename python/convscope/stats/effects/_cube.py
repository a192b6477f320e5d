"""Rows of a design to a cube (bases, values, points), whatever the order of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._checks import Floats, require
from .._libraries import library
from ._paired_means import LEAST_BASES


@dataclass(frozen=True, slots=True, eq=False)
class Cube:
    """``measured`` (B, V, T) of bases ``bases`` (B,) at ``values`` (V,), ascending; ``has_time`` where T is an axis."""

    measured: Floats
    bases: NDArray[Any]
    values: Floats
    has_time: bool


def cube(measured: ArrayLike, variable: ArrayLike, base: ArrayLike | None) -> Cube:
    """Bring what was measured in order.

    Parameters
    ----------
    measured : (bases, values) or (bases, values, T) without ``base``, else (rows,) or (rows, T).
    variable : (values,) without ``base``, else (rows,).
    base : (rows,) the base of each row.

    Raises
    ------
    ValueError
        for shapes that do not fit, a pair of base and value that comes twice, infinite values, or too few bases.
    """
    array = np.asarray(measured, np.float64)
    at = np.asarray(variable, np.float64)
    require(
        at.ndim == 1 and bool(np.isfinite(at).all()),
        "variable",
        "a list of finite numbers",
        f"shape {at.shape}",
    )
    require(not np.isinf(array).any(), "measured", "finite numbers or NaN", "infinite ones")
    if base is None:
        fits = array.ndim in (2, 3) and array.shape[1] == len(at)
        require(fits, "measured", f"(bases, {len(at)}) or (bases, {len(at)}, times)", str(array.shape))
        values, place = np.unique(at, return_inverse=True)
        require(len(values) == len(at), "variable", "each value once", at.tolist())
        ordered = array[:, np.argsort(place)].reshape(len(array), len(at), -1)
        made = Cube(ordered, np.arange(len(array)), values, array.ndim == 3)
    else:
        owners = np.asarray(base)
        fits = array.ndim in (1, 2) and len(array) == len(at) and owners.shape == (len(at),)
        require(fits, "measured", f"rows for {len(at)} values and {owners.size} bases", str(array.shape))
        require(not library("pandas").isna(owners).any(), "base", "one in each row", "rows without one")
        bases, row = np.unique(owners, return_inverse=True)
        values, place = np.unique(at, return_inverse=True)
        cells = row * len(values) + place
        require(
            len(np.unique(cells)) == len(cells),
            "base",
            "each value of the variable once for each base",
            "repeats",
        )
        flat = np.full((len(bases) * len(values), array[0].size if len(array) else 1), np.nan)
        flat[cells] = array.reshape(len(array), -1)
        made = Cube(flat.reshape(len(bases), len(values), -1), bases, values, array.ndim == 2)
    require(
        len(made.bases) >= LEAST_BASES, "base", f"at least {LEAST_BASES} bases to resample", len(made.bases)
    )
    require(len(made.values) >= 2, "variable", "at least two values", made.values.tolist())
    return made
