"""The range of F0 of a voice, found in two passes.

A wide range lets Praat take a strong harmonic for F0, or half of F0; a narrow one must be known. So the first
pass looks in a wide one, and quartiles, which few errors do not reach, set the second. De Looze and Hirst 2008,
"Detecting changes in key and range for the automatic modelling and coding of intonation"; Hirst 2011, "The analysis by
synthesis of speech melody: from data to models".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ._intervals import Intervals, check_sounds
from ._measure import expect
from ._pitch import F0, pitch_track
from ._source import Layer, one_layer
from ._spans import inside
from ._wave import Floats

FIRST = F0(60.0, 600.0)
FLOOR_SHARE, CEILING_SHARE = 0.75, 1.5  # of the quartiles: an octave at least


def f0_range(
    source: Any,
    *,
    layer: str | None = None,
    rate_hz: float | None = None,
    start_s: float = 0.0,
    reduction: str | None = None,
    intervals: Intervals | None = None,
    first: F0 = FIRST,
) -> F0:
    """The range in which to look for the F0 of a source: 0.75 of its lower quartile to 1.5 of its upper one.

    Quartiles are over the voiced frames of all sounds together, by Praat in the ``first`` range. The source should be
    one voice, or voices alike: of a man and a child together the range is as wide as both. Errors in a quarter of the
    frames reach a quartile: a ceiling far above the voice is the sign, and a narrower first range the remedy.

    Parameters
    ----------
    source, rate_hz, start_s, reduction
        As for `measure`.
    layer : str, optional
        Which layer, of a source that has several: mostly "out".
    intervals : Intervals, optional
        Whose frames count, such as vowels; all unless given.
    first : F0
        The range of the first pass, in Hz; the result stays within it and has its ``points``.

    Returns
    -------
    F0
        Floor and ceiling in whole Hz, the ceiling twice the floor or more where the first range allows it.

    Raises
    ------
    ImportError
        If Praat is not installed.
    ValueError
        If the source has several layers and none is named, the layer's rate cannot carry F0 in the first range, an
        interval lies beyond the sounds, or no frame is voiced.

    Examples
    --------
    >>> time_s = np.arange(8000) / 16000
    >>> voice = sum(np.sin(2 * np.pi * 120 * n * time_s) / n for n in range(1, 9))
    >>> f0_range(voice, rate_hz=16000)
    F0(floor_hz=90.0, ceiling_hz=180.0, points=0)
    """
    found = one_layer(source, layer, rate_hz=rate_hz, start_s=start_s, reduction=reduction)
    reason = first.cannot(found.rate_hz, found.length)
    expect(not reason, "layer", "one that carries F0", reason)
    if intervals is not None:
        check_sounds(intervals, found.count)
        intervals = intervals.within(found.axis.begin_s, found.axis.end_s)
    voiced_hz = np.concatenate(list(_voiced(found, first, intervals)))
    within = f"between {first.floor_hz:g} and {first.ceiling_hz:g} Hz"
    expect(voiced_hz.size > 0, "source", f"voiced frames {within}", "none")
    low_hz, high_hz = np.percentile(voiced_hz, [25, 75])
    floor_hz, ceiling_hz = _around(float(low_hz), float(high_hz), first)
    return replace(first, floor_hz=floor_hz, ceiling_hz=ceiling_hz)


def _voiced(layer: Layer, first: F0, intervals: Intervals | None) -> Iterator[Floats]:
    """(frames,) F0 in Hz of each sound where it is voiced."""
    for sound, wave in enumerate(layer.waves()):
        spans = None if intervals is None else [row.span for row in intervals.of(sound)]
        if wave.trouble() or spans == []:
            yield np.empty(0)
            continue
        _, times_s, frequencies_hz = pitch_track(wave, first.floor_hz, first.ceiling_hz)
        is_in = (
            np.ones(times_s.size, bool)
            if spans is None
            else np.any([inside(times_s, each) for each in spans], 0)
        )
        yield frequencies_hz[is_in & (frequencies_hz > 0)]


def _around(low_hz: float, high_hz: float, first: F0) -> tuple[float, float]:
    """Floor and ceiling around the quartiles: an octave apart or more, as far as the first range allows."""
    floor_hz = max(float(round(FLOOR_SHARE * low_hz)), float(first.floor_hz))
    ceiling_hz = max(float(round(CEILING_SHARE * high_hz)), 2 * floor_hz)
    ceiling_hz = min(ceiling_hz, float(first.ceiling_hz))
    return max(min(floor_hz, ceiling_hz // 2), float(first.floor_hz)), ceiling_hz
