"""Intervals of time: which frames they hold, their parts, and runs of frames made into them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._wave import Floats


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of time, in seconds."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Its length."""
        return self.end_s - self.start_s

    def points_s(self, count: int) -> Floats:
        """(count,) centres of as many equal parts."""
        return self.start_s + self.duration_s * (np.arange(count) + 0.5) / count


def inside(times_s: Floats, span: Span) -> Any:
    """(frames,) which of them lie in the interval, both ends included."""
    return (times_s >= span.start_s) & (times_s <= span.end_s)


def runs(times_s: Floats, is_in: Any, *, shortest_s: float, gap_s: float) -> tuple[Span, ...]:
    """Stretches of frames that are in: gaps closed first, short ones dropped then. A frame lasts a step."""
    if times_s.size < 2:
        return ()
    step_s = float(times_s[1] - times_s[0])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_in, [False]]).astype(np.int8)))
    begins_s = times_s[edges[0::2]] - step_s / 2
    ends_s = times_s[edges[1::2] - 1] + step_s / 2
    found: list[Span] = []
    for begin_s, end_s in zip(begins_s.tolist(), ends_s.tolist(), strict=True):
        if found and begin_s - found[-1].end_s <= gap_s + 1e-9:
            found[-1] = Span(found[-1].start_s, end_s)
        else:
            found.append(Span(begin_s, end_s))
    return tuple(each for each in found if each.duration_s >= shortest_s - 1e-9)
