"""Text of a Praat TextGrid with one tier of intervals, in Praat's short format.

A tier has no gaps: what is not labelled is an interval without a label. Source: Praat's manual, "TextGrid file
formats".
"""

from __future__ import annotations

from collections.abc import Sequence

from ._measure import expect

SLIVER_S = 1e-6  # gaps of rounding, which would be intervals to Praat


def textgrid_of(
    marks: Sequence[tuple[str, float, float]],
    end_s: float,
    *,
    tier: str,
    overlap_s: float = 0.0,
    where: str = "",
) -> str:
    """The text, from 0 to ``end_s``, of labels with their starts and ends, by start.

    Neighbours that overlap by less than ``overlap_s`` are laid side by side.

    Examples
    --------
    >>> textgrid_of([("s", 0.1, 0.2)], 0.5, tier="phones").split()[-10:]
    ['3', '0', '0.1', '""', '0.1', '0.2', '"s"', '0.2', '0.5', '""']
    """
    expect(end_s > 0, "duration_s", "positive numbers", f"{end_s:g} of {where}")
    rows: list[tuple[str, float, float]] = []
    reached_s = 0.0
    for label, start_s, stop_s in marks:
        is_apart = start_s >= reached_s - max(overlap_s, SLIVER_S) and stop_s > reached_s
        expect(
            is_apart,
            "intervals",
            "ones that follow each other",
            f"overlapping ones in {where}, {label!r} at {start_s:g} s",
        )
        if start_s - reached_s > SLIVER_S:
            rows.append(("", reached_s, start_s))
            reached_s = start_s
        rows.append((label, reached_s, stop_s))
        reached_s = stop_s
    if end_s - reached_s > SLIVER_S or not rows:
        rows.append(("", reached_s, end_s))
    rows[-1] = (*rows[-1][:2], end_s)
    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", _number(end_s), "<exists>", "1"]
    body = ['"IntervalTier"', _quoted(tier), "0", _number(end_s), str(len(rows))]
    for label, start_s, stop_s in rows:
        body += [_number(start_s), _number(stop_s), _quoted(label)]
    return "\n".join([*head, *body]) + "\n"


def _number(time_s: float) -> str:
    return f"{time_s:.12g}"


def _quoted(text: str) -> str:
    """Praat doubles a quotation mark within a text."""
    return '"' + text.replace('"', '""') + '"'
