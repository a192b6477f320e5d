"""The sentence at the end: where convscope is ahead, by how much, and where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ._engines import ENGINES, OURS
from ._results import Result, Row, Spread, Status

DIRECT = f"{OURS} direct"
Standing = Literal["ahead", "level", "behind"]
TROUBLES: dict[Status, str] = {
    "wrong": "is wrong",
    "failed": "is missing: it failed",
    "not installed": "is not installed",
    "cannot run this network": "cannot run this network",
    "too slow": "is too slow",
}


def standing(ratio: Spread) -> Standing:
    """Of convscope, from another's time divided by its own: level where the quartiles lie on both sides of 1."""
    if ratio.low > 1:
        return "ahead"
    return "behind" if ratio.high < 1 else "level"


def fastest_peer(result: Result) -> tuple[Row, Spread] | None:
    """The peer that takes the least of our time."""
    ratios = [(row, result.ratio(row, OURS)) for row in result.rows if not ENGINES[row.engine].is_ours]
    known = [(row, ratio) for row, ratio in ratios if ratio is not None]
    return min(known, key=lambda pair: pair[1].median, default=None)


def verdict(results: Sequence[Result]) -> str:
    """A few sentences on the whole networks; prefixes are not counted."""
    whole = [result for result in results if result.case.depth is None]
    compared = [(result, best) for result in whole if (best := fastest_peer(result)) is not None]
    parts = [_summary(compared)]
    for kind, words in (("level", "level with"), ("behind", "slower than")):
        found = [
            f"{words} {row.engine} in {result.case} (which takes {_ratio(ratio)} of its time)"
            for result, (row, ratio) in compared
            if standing(ratio) == kind
        ]
        parts += [f"It is {'; '.join(found)}."] if found else []
    own = [
        f"{result.case} ({_ratio(ratio)})"
        for result in whole
        if (row := result.row(DIRECT)) is not None
        and (ratio := result.ratio(row, OURS)) is not None
        and standing(ratio) == "behind"
    ]
    parts += [f"Its own direct form is faster in {'; '.join(own)}."] if own else []
    parts += _troubles(whole)
    return " ".join(parts)


def _summary(compared: Sequence[tuple[Result, tuple[Row, Spread]]]) -> str:
    if not compared:
        return "convscope was compared with no peer."
    ahead = [ratio.median for _, (_, ratio) in compared if standing(ratio) == "ahead"]
    cases = f"{len(compared)} case{'s' * (len(compared) != 1)}"
    load = compared[0][0].case.load  # the same in a whole report
    cases += f" with {load}" if load else ""
    if not ahead:
        return f"convscope is not the fastest in {cases}."
    low, high = f"{min(ahead):.2f}", f"{max(ahead):.2f}"
    span = low if low == high else f"{low} to {high}"
    return (
        f"convscope is the fastest in {len(ahead)} of {cases}: the fastest peer takes {span} times its time."
    )


def _troubles(results: Sequence[Result]) -> list[str]:
    """What was not timed, each reason once."""
    found: dict[tuple[str, Status, str], int] = {}
    for result in results:
        for row in result.rows:
            if row.status != "ok":
                key = (row.engine, row.status, row.message)
                found[key] = found.get(key, 0) + 1
    return [
        f"{engine} {TROUBLES[status]}"
        f"{'' if count == len(results) else f' in {count} of {len(results)} cases'} ({message})."
        for (engine, status, message), count in found.items()
    ]


def _ratio(ratio: Spread) -> str:
    return f"{ratio.median:.2f}, {ratio.low:.2f}–{ratio.high:.2f}"
