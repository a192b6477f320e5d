"""What a series can carry: reasons, as pure functions of its rate, its length and a measure's parameters.

Praat seldom refuses: asked for formants above the Nyquist frequency, or for the pitch of 250 values per
second, it returns numbers. So it is asked only what passes here. A layer is sampled without a low-pass filter
before it; limits come from six vowels at 40 fundamentals from 62 to 440 Hz, rectified and averaged down to
each rate, and are given with what was found. `tests/acoustics/test_capacity.py` has the experiment for F0.
"""

from __future__ import annotations

import math

# F0 in 60-300 Hz is over 1 % off, of these vowels mostly an octave low, in 0 % of them at 5.3 kHz, 2 % at 4 kHz, 6 %
# at 3.2 kHz, 9 % at 2.7 kHz, 16 % at 2 kHz and 57 % at 1 kHz: harmonics fold. With 75-450 Hz at 4 kHz in 6 %.
# No rate prevents errors upwards: where a formant leaves little but one harmonic, Praat takes that one for F0, the
# fourth from 98.3 % of the power on, the third from 98.9 %, the second from 99.4 % (75-450 Hz, voices of 95-105 Hz).
# Of 348 voiced outputs of the zoo's words8 it does so in 15 with 75-450 Hz, of 342 in 44 with 60-600 Hz; hence `f0_range`.
# Harmonicity of 20 dB is found as 18.5, 19.9, 17.0, 12.2 and 8.1 dB at 16, 4, 3.2, 2 and 1 kHz.
VOICE_RATE_HZ = 3000.0
VALUES_PER_PERIOD = 8.0  # of the ceiling: 75-450 Hz at 4 kHz have 8.9

# Intensity of steady noise varies between frames by 2.6 dB with 16 values in a window, 3.7 with 8, 5.6 with 4.
INTENSITY_VALUES = 8

# At 4 kHz, 1900 Hz and 2.5 formants give F1 and F2 within 2 % (median) and 8 % (worst); three formants, or
# Praat's five up to 5500 Hz, give junk. A rectified vowel is worse: a nonlinearity moves F1 itself.
BAND_SHARE = 0.475  # of the rate
TWO_FORMANTS_HZ = 1800.0

SPECTRUM_HZ = 500.0  # a narrower band holds the contour of a sound, not its spectrum
SPECTRUM_VALUES = 64  # 4 ms at 16 kHz
LATENCY_VALUES = 4.0  # in a period: a parabola needs three
COURSE_VALUES = 16


def f0_reason(rate_hz: float, length: int, *, floor_hz: float, ceiling_hz: float) -> str:
    """Why F0 between ``floor_hz`` and ``ceiling_hz`` cannot be measured; "" where it can.

    Examples
    --------
    >>> f0_reason(4000, 4096, floor_hz=75, ceiling_hz=450)
    ''
    >>> f0_reason(62.5, 64, floor_hz=5, ceiling_hz=150)
    'a rate of 62.5 Hz cannot carry F0: the harmonics of a voice need 3000 Hz'
    """
    if rate_hz < VOICE_RATE_HZ:
        return f"a rate of {rate_hz:g} Hz cannot carry F0: the harmonics of a voice need {VOICE_RATE_HZ:g} Hz"
    if rate_hz < VALUES_PER_PERIOD * ceiling_hz:
        return (
            f"a rate of {rate_hz:g} Hz has {rate_hz / ceiling_hz:.1f} values in a period of {ceiling_hz:g} Hz, F0 needs "
            f"{VALUES_PER_PERIOD:g}: lower the ceiling to {rate_hz / VALUES_PER_PERIOD:g} Hz"
        )
    return window_reason(rate_hz, length, 3 / floor_hz, f"F0 from {floor_hz:g} Hz")


def harmonicity_reason(rate_hz: float, length: int, *, floor_hz: float, periods: float) -> str:
    """Why the ratio of harmonics to noise cannot be measured; "" where it can."""
    if rate_hz < VOICE_RATE_HZ:
        return (
            f"a rate of {rate_hz:g} Hz cannot carry harmonicity: folded harmonics count as noise below "
            f"{VOICE_RATE_HZ:g} Hz"
        )
    return window_reason(rate_hz, length, (1 + periods) / floor_hz, f"harmonicity from {floor_hz:g} Hz")


def intensity_reason(rate_hz: float, length: int, *, floor_hz: float) -> str:
    """Why intensity cannot be measured with windows of 6.4 periods of ``floor_hz``; "" where it can."""
    held = 6.4 / floor_hz * rate_hz
    if held < INTENSITY_VALUES:
        return (
            f"a window of {6400 / floor_hz:g} ms holds {held:.1f} values at {rate_hz:g} Hz, intensity needs "
            f"{INTENSITY_VALUES}: lower the minimum pitch to {6.4 * rate_hz / INTENSITY_VALUES:g} Hz"
        )
    return window_reason(
        rate_hz, length, 6.4 / floor_hz, f"intensity with a minimum pitch of {floor_hz:g} Hz"
    )


def formant_settings(rate_hz: float, *, count: float, maximum_hz: float) -> tuple[float, float]:
    """Formants and highest frequency that Praat is asked for: at most 0.475 of the rate, and as many as lie below it.

    Examples
    --------
    >>> formant_settings(16000, count=5, maximum_hz=5500), formant_settings(4000, count=5, maximum_hz=5500)
    ((5, 5500), (2.5, 1900.0))
    """
    highest_hz = BAND_SHARE * rate_hz
    if maximum_hz <= highest_hz:
        return count, maximum_hz
    # Half a formant more than the band's share: LPC needs a pole for the slope of the source.
    below = math.ceil(2 * (count * highest_hz / maximum_hz + 0.5)) / 2
    return min(below, count), highest_hz


def formant_reason(rate_hz: float, length: int, *, window_s: float) -> str:
    """Why no formant can be measured; "" where F1 and F2 can."""
    highest_hz = BAND_SHARE * rate_hz
    if highest_hz < TWO_FORMANTS_HZ:
        return (
            f"formants above the band: F1 and F2 need {TWO_FORMANTS_HZ:g} Hz, a rate of {rate_hz:g} Hz carries "
            f"{highest_hz:.4g} Hz"
        )
    return window_reason(rate_hz, length, 2 * window_s, "formants")


def band_reason(rate_hz: float, *, low_hz: float, high_hz: float) -> str:
    """Why a spectrum between ``low_hz`` and ``high_hz`` cannot be had; "" where it can."""
    nyquist_hz = rate_hz / 2
    if high_hz > nyquist_hz:
        return f"a band up to {high_hz:g} Hz lies above the Nyquist frequency, {nyquist_hz:g} Hz"
    if high_hz - low_hz < SPECTRUM_HZ:
        return f"the band of {high_hz - low_hz:g} Hz holds no spectrum of a sound, which needs {SPECTRUM_HZ:g} Hz"
    return ""


def images_reason(rate_hz: float, *, high_hz: float) -> str:
    """Why a spectrum up to ``high_hz`` of a series drawn out by straight lines says little; "" where it is one."""
    if high_hz <= rate_hz / 2:
        return ""
    return (
        f"looked at up to {high_hz:g} Hz: above {rate_hz / 2:g} Hz there are images that straight lines make"
    )


def moments_reason(length: int) -> str:
    """Why a stretch of ``length`` values has no moments; "" where it has."""
    return (
        "" if length >= SPECTRUM_VALUES else f"{length} values in the slice, moments need {SPECTRUM_VALUES}"
    )


def peaks_reason(rate_hz: float, *, high_hz: float) -> str:
    """Why a band-pass filter up to ``high_hz`` cannot be had; "" where it can."""
    nyquist_hz = rate_hz / 2
    return (
        ""
        if high_hz <= nyquist_hz
        else f"a filter up to {high_hz:g} Hz lies above the Nyquist frequency, {nyquist_hz:g} Hz"
    )


def latency_reason(rate_hz: float, *, ceiling_hz: float) -> str:
    """Why a peak in each period of up to ``ceiling_hz`` cannot be found; "" where it can."""
    if rate_hz < LATENCY_VALUES * ceiling_hz:
        return (
            f"a rate of {rate_hz:g} Hz has {rate_hz / ceiling_hz:.1f} values in a period of {ceiling_hz:g} Hz, a peak "
            f"needs {LATENCY_VALUES:g}"
        )
    return ""


def duration_reason(rate_hz: float, *, resolution_s: float) -> str:
    """Why edges cannot be placed to ``resolution_s``; "" where they can."""
    if 1 / rate_hz > resolution_s:
        return f"a value every {1000 / rate_hz:g} ms cannot place edges to {1000 * resolution_s:g} ms"
    return ""


def course_reason(length: int) -> str:
    """Why ``length`` values make no course to be laid on another; "" where they do."""
    return "" if length >= COURSE_VALUES else f"{length} values, a course needs {COURSE_VALUES}"


def window_reason(rate_hz: float, length: int, window_s: float, what: str) -> str:
    """Why a window does not fit; "" where it does."""
    duration_s = length / rate_hz
    if duration_s < window_s * (1 - 1e-9):
        return f"window longer than the signal: {what} needs {1000 * window_s:.4g} ms, it has {1000 * duration_s:.4g} ms"
    return ""
