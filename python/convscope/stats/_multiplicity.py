"""p-values of several tests at once: Holm (1979) for the family-wise error, Benjamini & Hochberg (1995) for false discoveries."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._checks import Floats
from ._libraries import Frame, library

METHODS = {"p_holm": "holm", "p_bh": "fdr_bh"}


def adjust(p: ArrayLike, method: str) -> Floats:
    """p-values corrected by a method of statsmodels' ``multipletests``; a NaN stays NaN and is not counted as a test."""
    values = np.asarray(p, np.float64)
    corrected = np.full(values.shape, np.nan)
    tested = np.isfinite(values)
    if tested.any():
        multitest = library("statsmodels.stats.multitest")
        corrected[tested] = multitest.multipletests(values[tested], method=method)[1]
    return corrected


def with_adjusted(table: Frame, column: str = "p") -> Frame:
    """The table with ``p_holm`` and ``p_bh`` directly behind ``p``, over all its rows."""
    made = table.copy()
    place = made.columns.get_loc(column) + 1
    for name, method in reversed(METHODS.items()):
        made.insert(place, name, adjust(made[column], method))
    return made
