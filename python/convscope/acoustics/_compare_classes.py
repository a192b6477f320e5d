"""Segments found beside segments known: which class was taken for which, and how far boundaries are off."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from convscope.data import BOUNDARY_TOLERANCE_S

from ._classes import CLASSES
from ._intervals import DataFrame, Intervals
from ._measure import expect
from ._optional import library

# TIMIT's phones and espeak-ng's. Voiced obstruents, nasals and liquids are left out: they are none of these.
PHONE_CLASSES: Mapping[str, str] = {
    "vowel": r"(?!e[nml]g?$)[',]?[aeiouAEIOU@03V].*",
    "fricative": r"s|sh|S|f|th|T|hh|h|H",
    "silence": r"[ptkbdg]cl|h#|pau|epi|q|_.*",
}


@dataclass(frozen=True, slots=True, eq=False)
class ClassComparison:
    """How well classes were found.

    Attributes
    ----------
    confusion : pandas.DataFrame
        Seconds, rows by known class, columns by found class; "none" where nothing was found.
    accuracy : float
        Share of the known time with the right class.
    recall : mapping
        The same for each known class.
    boundary_errors_s : (boundaries,) array
        Of each boundary between two known classes, the nearest boundary found minus it.
    """

    confusion: DataFrame
    accuracy: float
    recall: Mapping[str, float]
    boundary_errors_s: np.ndarray


def class_of_phone(label: str) -> str | None:
    """The class of a phone of TIMIT or espeak-ng; None for what is none of the three.

    ARPABET in capitals is read as espeak-ng's, where T is a fricative: lower its labels first.

    Examples
    --------
    >>> [class_of_phone(label) for label in ("ae", "'aa", "sh", "kcl", "n", "eng")]
    ['vowel', 'vowel', 'fricative', 'silence', None, None]
    """
    for name in ("fricative", "silence", "vowel"):
        if re.fullmatch(PHONE_CLASSES[name], label):
            return name
    return None


def compare_classes(
    found: Intervals,
    known: Intervals,
    *,
    class_of: Callable[[str], str | None] = class_of_phone,
    step_s: float = 0.001,
) -> ClassComparison:
    """Lay segments on known ones: how much time is of which class in both, and how far boundaries are off.

    Parameters
    ----------
    found : Intervals
        As `find_segments` labels them: "vowel", "fricative", "silence".
    known : Intervals
        Such as phones. Sounds without any do not count.
    class_of : function
        The class of a known label, None for what does not count; `class_of_phone` unless given.
    step_s : float
        How finely time is looked at, in s.

    Returns
    -------
    ClassComparison
        Seconds by known and found class, shares of time that are right, errors of boundaries in s.

    Raises
    ------
    ValueError
        If no known label is of any class, segments found overlap, or the step is not positive.

    Examples
    --------
    >>> from convscope.data import Segment
    >>> known = Intervals.from_segments([[Segment("s", 0.0, 0.1), Segment("aa", 0.1, 0.3)]])
    >>> found = Intervals.from_segments([[Segment("fricative", 0.0, 0.12), Segment("vowel", 0.12, 0.3)]])
    >>> compared = compare_classes(found, known)
    >>> round(compared.accuracy, 2), compared.boundary_errors_s.round(3).tolist()
    (0.93, [0.02])
    """
    for what, given in (("found", found), ("known", known)):
        if not isinstance(given, Intervals):
            raise TypeError(f"{what}: expected Intervals, got {type(given).__name__}")
    expect(step_s > 0, "step_s", "a positive number", step_s)
    seconds: dict[tuple[str, str], float] = {}
    errors: list[float] = []
    for sound in sorted({row.sound for row in known}):
        rows = [(class_of(row.label), row) for row in known.of(sound)]
        segments = found.of(sound)
        ends = np.array([each.end_s for each in segments])
        names = [each.label for each in segments]
        starts = np.array([each.start_s for each in segments])
        is_apart = bool((starts[1:] >= ends[:-1] - BOUNDARY_TOLERANCE_S).all())
        expect(is_apart, "found", "segments that follow each other", f"overlapping ones in sound {sound}")
        for name, row in rows:
            if name is None:
                continue
            times_s = row.start_s + (np.arange(max(round(row.span.duration_s / step_s), 1)) + 0.5) * step_s
            places = np.searchsorted(ends, times_s, side="right")
            for time_s, place in zip(times_s.tolist(), places.tolist(), strict=True):
                is_there = place < len(names) and starts[place] <= time_s
                key = (name, names[place] if is_there else "none")
                seconds[key] = seconds.get(key, 0.0) + step_s
        for (before, left), (after, right) in itertools.pairwise(rows):
            is_edge = (
                None not in (before, after) and before != after and abs(left.end_s - right.start_s) < step_s
            )
            if is_edge and starts.size:
                nearest = starts[np.abs(starts - right.start_s).argmin()]
                errors.append(float(nearest - right.start_s))
    expect(bool(seconds), "known", "labels of a vowel, a fricative or silence", "none")
    table = np.array([[seconds.get((name, other), 0.0) for other in (*CLASSES, "none")] for name in CLASSES])
    totals = table.sum(1)
    correct = np.diag(table[:, : len(CLASSES)])
    confusion = library("pandas").DataFrame(table, index=list(CLASSES), columns=[*CLASSES, "none"])
    return ClassComparison(
        confusion.rename_axis(index="known", columns="found"),
        float(correct.sum() / totals.sum()),
        {name: float(correct[i] / totals[i]) for i, name in enumerate(CLASSES) if totals[i] > 0},
        np.array(errors),
    )
