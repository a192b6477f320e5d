"""Layer series cut to intervals, on normalised time: what the models of [s] and [ʃ] are fitted to (ICASSP 2022, section 4.2)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ._about import about_sounds, with_about
from ._intervals import Beyond, DataFrame, Intervals, check_sounds
from ._measure import expect, expect_whole
from ._optional import library
from ._source import Layer, source_of
from ._wave import Floats

_COLUMNS = ("layer", "sound", "interval", "label", "point", "time", "time_s", "value", "positions")


def normalised_time(
    source: Any,
    intervals: Intervals,
    *,
    points: int = 10,
    by: Literal["value", "mean"] = "value",
    rate_hz: float | None = None,
    start_s: float = 0.0,
    reduction: str | None = None,
    beyond: Beyond = "error",
    about: Any = None,
) -> DataFrame:
    """Series in intervals at as many points of normalised time.

    By values: from 0 to 1, both ends included, on straight lines between positions of the whole series, by the
    layer's own time axis. By means: of the positions in each of as many equal parts, at their middles (where a
    part holds no position, the value there), which leaves nothing out of a layer that is faster than the points.
    More points than an interval holds positions add nothing: the column ``positions`` says how many there are,
    and a model should not be given more.

    Parameters
    ----------
    source, rate_hz, start_s, reduction
        As for `measure`.
    intervals : Intervals
        What to cut out.
    points : int
        At least 2.
    by : "value" or "mean"
        What stands for a point.
    beyond : "error" or "clip"
        What to do with intervals that reach beyond the sound.
    about : mapping or DataFrame, optional
        What is known about each sound, as for `measure`: ``{"speaker": speakers}``.

    Returns
    -------
    pandas.DataFrame
        Columns layer, sound, interval (number among ``intervals``: the token of a model), label, point, time
        (0 to 1), time_s, value, positions, and what is known about each sound. Values are NaN where a sound
        is.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> from convscope.acoustics import Interval
    >>> marks = Intervals((Interval(0, "s", 0.25, 0.75),))
    >>> normalised_time(np.arange(100.0), marks, points=3, rate_hz=100)["value"].tolist()
    [25.0, 50.0, 75.0]
    """
    expect_whole("points", points, least=2)
    expect(by in ("value", "mean"), "by", "'value' or 'mean'", repr(by))
    found = source_of(source, rate_hz=rate_hz, start_s=start_s, reduction=reduction)
    known = about_sounds(found.about, about, found.count, taken=_COLUMNS)
    pandas = library("pandas")
    tables = []
    for layer in found.layers:
        axis = layer.axis
        check_sounds(intervals, layer.count)
        inside = list(intervals.numbered_within(axis.begin_s, axis.end_s, beyond=beyond))
        rows = [row for _, row in inside]
        times = np.arange(points) / (points - 1) if by == "value" else (np.arange(points) + 0.5) / points
        starts, durations = (
            np.array([getattr(row.span, name) for row in rows], np.float64)[:, None]
            for name in ("start_s", "duration_s")
        )
        times_s = starts + durations * times  # (intervals, points)
        numbers = np.repeat(np.array([number for number, _ in inside], np.int64), points)
        sounds = np.array([row.sound for row in rows], np.int64)
        positions = [axis.part(row.start_s, row.end_s).values.size for row in rows]
        half_s = durations / points / 2 if by == "mean" else None
        values = _at(layer, sounds, times_s, half_s)
        tables.append(
            pandas.DataFrame(
                {
                    "layer": layer.name,
                    "sound": np.repeat(sounds, points),
                    "interval": numbers,
                    "label": np.repeat(np.array([row.label for row in rows], object), points),
                    "point": np.tile(np.arange(points), len(rows)),
                    "time": np.tile(times, len(rows)),
                    "time_s": times_s.ravel(),
                    "value": values.ravel(),
                    "positions": np.repeat(np.array(positions, np.int64), points),
                }
            )
        )
    return with_about(pandas.concat(tables, ignore_index=True), known)


def _at(layer: Layer, sounds: Any, times_s: Floats, half_s: Floats | None) -> Floats:
    """(intervals, points) values of the series at those times, or means from ``half_s`` (intervals, 1) before to after them."""
    made = np.empty(times_s.shape)
    for sound, wave in enumerate(layer.waves()):
        own_s = wave.times_s()
        for i in range(*np.searchsorted(sounds, [sound, sound + 1])):  # intervals are in order of sounds
            made[i] = np.interp(times_s[i], own_s, wave.values)
            if half_s is not None:
                firsts, ends = (np.searchsorted(own_s, times_s[i] + side * half_s[i]) for side in (-1, 1))
                for point in np.flatnonzero(ends > firsts):
                    made[i, point] = wave.values[firsts[point] : ends[point]].mean()
    return made
