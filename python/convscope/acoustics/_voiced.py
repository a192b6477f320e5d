"""Voiced intervals of generated outputs: in place of the annotation by hand that TASLP needed."""

from __future__ import annotations

from typing import Any

from ._classes import found_in
from ._intervals import Intervals
from ._measure import expect
from ._pitch import VoicedPeriods
from ._source import one_layer


def voiced_intervals(
    source: Any,
    *,
    layer: str | None = None,
    rate_hz: float | None = None,
    start_s: float = 0.0,
    reduction: str | None = None,
    settings: VoicedPeriods | None = None,
) -> Intervals:
    """The voiced periods of all sounds, labelled "voiced", to measure other layers in.

    Parameters
    ----------
    source, rate_hz, start_s, reduction
        As for `measure`.
    layer : str, optional
        Which layer, of a source that has several: mostly "out".
    settings : VoicedPeriods, optional
        Range of F0 in Hz; shortest period, and gaps that are closed, in s.

    Returns
    -------
    Intervals
        A sound without voice has none.

    Raises
    ------
    ImportError
        If Praat is not installed.
    TypeError
        For what is no source.
    ValueError
        If the source has several layers and none is named, or the layer's rate or length cannot carry F0.

    Examples
    --------
    >>> import numpy as np
    >>> time_s = np.arange(8000) / 16000
    >>> voice_then_nothing = np.sin(2 * np.pi * 120 * time_s) * (time_s < 0.25)
    >>> voiced_intervals(voice_then_nothing, rate_hz=16000)
    Intervals(1 in 1 sound: voiced 1)
    """
    chosen = settings or VoicedPeriods()
    found = one_layer(source, layer, rate_hz=rate_hz, start_s=start_s, reduction=reduction)
    reason = chosen.cannot(found.rate_hz, found.length)
    expect(not reason, "layer", "one that carries F0", reason)
    return found_in(
        found,
        lambda wave: [] if wave.trouble() else [("voiced", period) for period in chosen.track(wave, None)],
    )
