"""p-values of several tests at once: Holm (1979) for the family-wise error, Benjamini & Hochberg (1995) for false discoveries.

Not by statsmodels' ``multipletests``, which collects all garbage of the process for each Holm: a tenth of a second and more.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._checks import Floats, check_choice, require
from ._libraries import Frame, library

Correction = Literal["holm", "bh"]


def adjust(p: ArrayLike, method: Correction) -> Floats:
    """Correct p-values for their number.

    Parameters
    ----------
    p : (n,); a NaN stays NaN and is not counted as a test.
    method : ``"holm"`` or ``"bh"``.

    Returns
    -------
    numpy.ndarray
        (n,) float64, none above 1.

    Raises
    ------
    ValueError
        for another method, or values outside 0 to 1.

    Source
    ------
    Holm 1979, Scand. J. Stat. 6: 65-70; Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57: 289-300.

    Examples
    --------
    >>> adjust([0.01, 0.04, 0.03], "holm").tolist()
    [0.03, 0.06, 0.06]
    """
    check_choice("method", method, ("holm", "bh"))
    values = np.asarray(p, np.float64)
    corrected = np.full(values.shape, np.nan)
    tested = ~np.isnan(values)
    outside = values[tested & ~((values >= 0) & (values <= 1))]
    require(len(outside) == 0, "p", "values from 0 to 1", ", ".join(f"{each:g}" for each in outside[:3]))
    if tested.any():
        correct = _holm if method == "holm" else library("scipy.stats").false_discovery_control
        corrected[tested] = correct(values[tested])
    return corrected


def with_adjusted(table: Frame, column: str = "p") -> Frame:
    """The table with ``p_holm`` and ``p_bh`` (of any ``column``) directly behind it, over all its rows."""
    made = table.drop(columns=[f"{column}_holm", f"{column}_bh"], errors="ignore")
    place = made.columns.get_loc(column) + 1
    made.insert(place, f"{column}_bh", adjust(made[column], "bh"))
    made.insert(place, f"{column}_holm", adjust(made[column], "holm"))
    return made


def _holm(p: Floats) -> Floats:
    """The k-th smallest of n times n - k + 1, never below an earlier one."""
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1)
    return corrected
