"""Curves of engines that evaluate them once: rows of the model at the times they were asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._basis import Floats
from ._result import POINTS
from ._token_table import TokenTable


@dataclass(frozen=True, slots=True, eq=False)
class TabulatedCurves:
    """Curves at the times of `grid`."""

    groups: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    times: Floats
    table: Floats  # (groups, T, p)

    def rows(self, group: str, times: Floats) -> Floats:
        """(T, p) for times among those."""
        nearest = np.abs(self.times[:, None] - times).argmin(0)
        if not np.allclose(self.times[nearest], times, rtol=0, atol=1e-9):
            raise ValueError(
                f"times: expected some of the {len(self.times)} that this engine was asked for (.curves.times), got others"
            )
        found: Floats = self.table[self.groups.index(group), nearest]
        return found


def grid(table: TokenTable) -> Floats:
    """(T,) times that a curve is drawn at, and those of the values."""
    even = np.linspace(table.times.min(), table.times.max(), POINTS)
    return np.unique(np.concatenate([even, table.times]))
