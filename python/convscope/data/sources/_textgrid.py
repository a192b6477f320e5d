"""Praat's TextGrids, long and short, in UTF-8 and UTF-16: praatio reads them."""

from __future__ import annotations

from pathlib import Path

from convscope.data.sources._item import Segment

# Times are written with limited digits: a tier that ends this close to its grid's end was written to its end.
BOUNDARY_TOLERANCE_S = 0.011


class TextGridError(ValueError):
    """A TextGrid that cannot be used, and why."""


def read_tiers(path: Path, names: tuple[str, ...]) -> dict[str, list[Segment]]:
    """Return the intervals of those of the named tiers that are there, empty ones included.

    Raises
    ------
    ImportError
        If praatio is not installed.
    TextGridError
        If the file is damaged, or a tier stops before the grid's end, as in a file that was cut off.
    """
    try:
        from praatio import textgrid
    except ImportError as error:
        raise ImportError(
            'TextGrids are read by praatio: pip install "convscope[train]"', name="praatio"
        ) from error
    try:
        # With the empty intervals, which a whole tier needs to reach its end.
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True, reportingMode="silence")
    except Exception as error:  # praatio lets out whatever a broken file makes of its parser
        raise TextGridError(f"{path.name} is no TextGrid: {type(error).__name__}: {error}") from error
    tiers = {}
    for name in names:
        if name not in grid.tierNames:
            continue
        tier = grid.getTier(name)
        if not isinstance(tier, textgrid.IntervalTier):
            raise TextGridError(f"{path.name}: tier {name!r} holds points, expected intervals")
        end_s = tier.entries[-1].end if tier.entries else 0.0
        if end_s < grid.maxTimestamp - BOUNDARY_TOLERANCE_S:
            raise TextGridError(
                f"{path.name}: tier {name!r} ends at {end_s:g} s of {grid.maxTimestamp:g} s, is the file cut off?"
            )
        tiers[name] = [Segment(entry.label, entry.start, entry.end) for entry in tier.entries]
    return tiers
