"""Praat, through Parselmouth: nothing here but its own calls, so that their results are its own, bit for bit.

Parselmouth holds the interpreter's lock while Praat works, and its objects cannot be pickled: other processes
get arrays (see `_pool`). Extra `acoustics`, GPL-3. Sources: Boersma 1993, "Accurate short-term analysis of
the fundamental frequency and the harmonics-to-noise ratio of a sampled sound"; Jadoul, Thompson and de Boer
2018, "Introducing Parselmouth".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._measure import Refusal
from ._optional import library
from ._wave import Floats, Wave


def sound_of(wave: Wave) -> Any:
    """A parselmouth.Sound of the values without their mean."""
    return library("parselmouth").Sound(wave.centred(), sampling_frequency=wave.rate_hz)


def pitch_of(sound: Any, *, floor_hz: float, ceiling_hz: float) -> Any:
    """To Pitch (ac), all other settings Praat's own."""
    return _asked(sound.to_pitch_ac, pitch_floor=floor_hz, pitch_ceiling=ceiling_hz)


def formants_of(sound: Any, *, count: float, maximum_hz: float, window_s: float) -> Any:
    """To Formant (burg), all other settings Praat's own."""
    return _asked(
        sound.to_formant_burg,
        max_number_of_formants=count,
        maximum_formant=maximum_hz,
        window_length=window_s,
    )


def harmonicity_of(sound: Any, *, floor_hz: float, step_s: float, periods: float) -> Any:
    """To Harmonicity (cc), with Praat's silence threshold."""
    return _asked(
        sound.to_harmonicity_cc, time_step=step_s, minimum_pitch=floor_hz, periods_per_window=periods
    )


def pulses_of(sound: Any, pitch: Any) -> Floats:
    """(pulses,) glottal pulses in Praat's seconds: To PointProcess (cc)."""
    call = library("parselmouth.praat").call
    found = _asked(call, [sound, pitch], "To PointProcess (cc)")
    if not call(found, "Get number of points"):
        return np.empty(0)
    pulses_s: Floats = call(found, "To Matrix").values[0]
    return pulses_s


def _asked(function: Any, *arguments: Any, **settings: Any) -> Any:
    try:
        return function(*arguments, **settings)
    except library("parselmouth").PraatError as error:
        said = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
        raise Refusal(f"Praat: {said}") from error
