"""Where the coefficients are that tokens share, and what penalises them.

Of the m = 1 + c functions that a row is made of (the constant, and c of time) each goes to several coefficients: the constant to the
intercept, its group's and its speaker's; a function of time to the curve of the reference and to its group's difference from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ._basis import Floats
from ._token_table import Numbers


@dataclass(frozen=True, eq=False)
class Layout:
    """p coefficients: intercept, groups, the curve of the reference, difference curves, speakers.

    ``penalty`` (c, c) is that of a curve.
    """

    groups: int
    speakers: int  # 0 where there is no such effect
    penalty: Floats

    @property
    def c(self) -> int:
        """Functions of time."""
        return len(self.penalty)

    @property
    def p(self) -> int:
        """Coefficients in all."""
        return self.groups * (1 + self.c) + self.speakers

    def curve(self, group: int) -> slice:
        """Of the reference (0), or of a group's difference from it."""
        return slice(self.groups + group * self.c, self.groups + (group + 1) * self.c)

    @property
    def of_speakers(self) -> slice:
        """Their levels."""
        return slice(self.p - self.speakers, self.p)

    @cached_property
    def penalties(self) -> list[tuple[slice, Floats]]:
        """Which coefficients each smoothing parameter is for, and their matrix."""
        found = [(self.curve(group), self.penalty) for group in range(self.groups)]
        return found + ([(self.of_speakers, np.eye(self.speakers))] if self.speakers else [])

    @cached_property
    def unpenalised(self) -> int:
        """Coefficients that no penalty sees: levels of groups, slopes of curves."""
        return self.p - sum(int(np.linalg.matrix_rank(matrix)) for _, matrix in self.penalties)

    @property
    def sources(self) -> Numbers:
        """(e,) which of the m functions each entry of `targets` is."""
        functions = np.arange(1, self.c + 1)
        return np.concatenate([np.zeros(3, np.int64), functions, functions])

    def targets(self, group_of: Numbers, speaker_of: Numbers) -> Numbers:
        """(..., e) the coefficients that functions go to; p stands for none."""
        nowhere = np.full_like(group_of, self.p)
        levels = [
            np.zeros_like(group_of),
            np.where(group_of > 0, group_of, nowhere),
            self.p - self.speakers + speaker_of if self.speakers else nowhere,
        ]
        functions = np.arange(self.c)
        reference = np.broadcast_to(self.groups + functions, (*group_of.shape, self.c))
        difference = self.groups + group_of[..., None] * self.c + functions
        difference = np.where(group_of[..., None] > 0, difference, self.p)
        return np.concatenate([np.stack(levels, -1), reference, difference], -1)

    def rows(self, group_of: Numbers, functions: Floats) -> Floats:
        """(n, p) rows of the model for values (n, m) of the functions, without speakers."""
        made = np.zeros((len(functions), self.p + 1))
        targets = self.targets(group_of, np.zeros_like(group_of))
        targets[:, 2] = self.p  # no speaker
        np.put_along_axis(made, targets, functions[:, self.sources], 1)
        return made[:, : self.p]
