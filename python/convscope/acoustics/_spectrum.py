"""Spectra: moments of fricatives, and the spectrogram, in NumPy; both as Praat defines them.

Forrest, Weismer, Milenkovic and Dougall 1988, "Statistical analysis of word-initial voiceless obstruents";
Praat's manual, "Spectrum: Get centre of gravity..." with power 2, and "Sound: To Spectrogram...".
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._capacity import band_reason, images_reason, moments_reason, window_reason
from ._intensity import decibels
from ._measure import Measure, Output, Reading, expect, expect_whole
from ._spans import Span
from ._wave import PUBLISHED_RATE_HZ, Floats, Wave

_NAMES = (("cog", "Hz"), ("spectral_sd", "Hz"), ("skewness", ""), ("kurtosis", ""))


@dataclass(frozen=True, slots=True)
class SpectralMoments(Measure):
    """Centre of gravity and standard deviation in Hz, skewness, and kurtosis (0 for a normal curve), weighted by power.

    Gives ``cog``, ``spectral_sd``, ``skewness`` and ``kurtosis`` of every slice of an interval.

    Parameters
    ----------
    low_hz, high_hz : float
        The band looked at; to the Nyquist frequency where ``high_hz`` is None. 750-8000 Hz for fricatives in
        the papers.
    slices : int
        Equal parts of the interval: 10 for slices of 10 %.
    """

    low_hz: float = 0.0
    high_hz: float | None = None
    slices: int = 1

    def __post_init__(self) -> None:
        _expect_band(self.low_hz, self.high_hz)
        expect_whole("slices", self.slices, least=1)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Four moments."""
        return tuple(Output(name, unit, self.slices if self.slices > 1 else 0) for name, unit in _NAMES)

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        return band_reason(rate_hz, low_hz=self.low_hz, high_hz=self._top_hz(rate_hz)) or moments_reason(
            length // self.slices
        )

    def untrusted(self, rate_hz: float, length: int) -> str:
        """Also where the band reaches into images."""
        return self.cannot(rate_hz, length) or images_reason(
            rate_hz, high_hz=self.high_hz or PUBLISHED_RATE_HZ / 2
        )

    def track(self, wave: Wave, waveform: Wave | None) -> Wave:
        """The series itself."""
        return wave

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """Of every slice."""
        edges = span.start_s + span.duration_s * np.arange(self.slices + 1) / self.slices
        found = np.full((self.slices, len(_NAMES)), np.nan)
        reason = ""
        for i in range(self.slices):
            values = track.part(edges[i], edges[i + 1]).values
            short = moments_reason(values.size)
            is_silent = not short and np.ptp(values) == 0 and not wave.as_published
            if short or is_silent:
                reason = reason or short or "digital silence"
                continue
            # A slice's own mean: that of the whole series has the vowels in it, which would reach into the fricative.
            varying = values if wave.as_published else values - values.mean()
            found[i] = moments(varying, wave.rate_hz, self.low_hz, self._top_hz(wave.rate_hz))
            if not np.isfinite(found[i, 0]):
                reason = reason or "no power in the band"
        if self.slices == 1:
            return {name: Reading(float(found[0, i]), reason=reason) for i, (name, _) in enumerate(_NAMES)}
        middles_s = span.points_s(self.slices)
        return {name: Reading(found[:, i], middles_s, reason) for i, (name, _) in enumerate(_NAMES)}

    def _top_hz(self, rate_hz: float) -> float:
        return rate_hz / 2 if self.high_hz is None else self.high_hz


@dataclass(frozen=True, slots=True)
class Spectrogram(Measure):
    """Levels of frequency bands on normalised time: a small spectrogram for tables. `spectrogram` makes the whole picture.

    Gives ``level`` in dB/Hz for each of ``points`` parts of an interval and each of ``bands`` equal bands,
    whose centres are in the column ``frequency_hz``.

    Parameters
    ----------
    high_hz : float, optional
        Where the highest band ends; the Nyquist frequency where None. TASLP compares layers up to 2000 Hz.
    bands, points : int
        Size of the picture.
    window_s : float
        Effective length of the Gaussian window, as Praat counts it.
    """

    high_hz: float | None = None
    bands: int = 16
    points: int = 10
    window_s: float = 0.005

    def __post_init__(self) -> None:
        _expect_band(0, self.high_hz)
        expect_whole("bands", self.bands, least=1)
        expect_whole("points", self.points, least=1)
        expect(self.window_s > 0, "window_s", "a positive number", self.window_s)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Levels."""
        return (Output("level", "dB/Hz", self.points, has_bands=True),)

    def cannot(self, rate_hz: float, length: int) -> str:
        """See `_capacity`."""
        top_hz = rate_hz / 2 if self.high_hz is None else self.high_hz
        return band_reason(rate_hz, low_hz=0, high_hz=top_hz) or window_reason(
            rate_hz, length, 2 * self.window_s, "a spectrogram"
        )

    def untrusted(self, rate_hz: float, length: int) -> str:
        """Also where the band reaches into images."""
        return self.cannot(rate_hz, length) or images_reason(
            rate_hz, high_hz=self.high_hz or PUBLISHED_RATE_HZ / 2
        )

    def track(self, wave: Wave, waveform: Wave | None) -> tuple[Floats, Floats, Floats]:
        """`spectrogram`."""
        return spectrogram(wave, window_s=self.window_s, step_s=max(self.window_s / 2, 1 / wave.rate_hz))

    def read(self, track: Any, wave: Wave, span: Span) -> Mapping[str, Reading]:
        """Mean power of the frames in each part; where there is none, of the nearest."""
        times_s, frequencies_hz, density = track
        top_hz = wave.rate_hz / 2 if self.high_hz is None else self.high_hz
        edges_hz = np.arange(self.bands + 1) * top_hz / self.bands
        edges_s = span.start_s + span.duration_s * np.arange(self.points + 1) / self.points
        rows, bins = _held(times_s, edges_s), _held(frequencies_hz, edges_hz)
        parts = np.stack([density[chosen].mean(0) for chosen in rows])  # (points, bins)
        levels = decibels(np.stack([parts[:, chosen].mean(1) for chosen in bins], axis=1))  # (points, bands)
        middles_hz = (edges_hz[1:] + edges_hz[:-1]) / 2
        return {"level": Reading(levels, span.points_s(self.points), "digital silence", middles_hz)}


def moments(
    values: Floats, rate_hz: float, low_hz: float, high_hz: float
) -> tuple[float, float, float, float]:
    """Centre of gravity, standard deviation, skewness and excess kurtosis of the power spectrum between two frequencies.

    Without a window and padded to a power of two, as in Praat; (N,) values in, NaN where there is no power.
    """
    size = 1 << (values.size - 1).bit_length()
    power = np.abs(np.fft.rfft(values, size)) ** 2
    frequencies_hz = np.fft.rfftfreq(size, 1 / rate_hz)
    is_in = (frequencies_hz >= low_hz) & (frequencies_hz <= high_hz)
    power, frequencies_hz = power[is_in], frequencies_hz[is_in]
    total = power.sum()
    if not total > 0:
        return (np.nan,) * 4
    centre_hz = float((frequencies_hz * power).sum() / total)
    away = frequencies_hz - centre_hz
    second, third, fourth = (float((away**n * power).sum() / total) for n in (2, 3, 4))
    if not second > 0:
        return centre_hz, 0.0, np.nan, np.nan
    return centre_hz, second**0.5, third / second**1.5, fourth / second**2 - 3


def spectrogram(
    wave: Wave, *, window_s: float = 0.005, step_s: float = 0.002
) -> tuple[Floats, Floats, Floats]:
    """Power density over time and frequency, with Praat's Gaussian window.

    Parameters
    ----------
    wave : Wave
        L values; their mean is removed.
    window_s : float
        Effective length of the window; twice as much is used.
    step_s : float
        Between frames.

    Returns
    -------
    times_s (frames,), frequencies_hz (bins,), density (frames, bins)
        Density one-sided in units squared per Hz: its sum over the bins, times their distance, is the frame's
        power.

    Raises
    ------
    ValueError
        If the series is shorter than a window.

    Examples
    --------
    >>> times_s, frequencies_hz, density = spectrogram(Wave(np.sin(np.arange(1600) * 0.5), 16000.0))
    >>> round(float(frequencies_hz[density.mean(0).argmax()]))  # 0.5 / 2π of 16000 Hz
    1250
    """
    values = wave.centred()
    half = max(round(window_s * wave.rate_hz), 1)
    length = 2 * half
    if values.size < length:
        raise ValueError(
            f"spectrogram: expected at least a window of {length} values, got {values.size} at {wave.rate_hz:g} Hz"
        )
    place = (np.arange(length) + 0.5 - half) / half
    window = (np.exp(-12 * place**2) - np.exp(-12)) / (1 - np.exp(-12))
    step = max(round(step_s * wave.rate_hz), 1)
    firsts = np.arange(0, values.size - length + 1, step)
    size = max(1 << (length - 1).bit_length(), 64)
    frames = values[firsts[:, None] + np.arange(length)] * window  # (frames, window)
    density = np.abs(np.fft.rfft(frames, size, axis=1)) ** 2
    density[:, 1:-1] *= 2
    density /= wave.rate_hz * (window**2).sum()
    times_s = np.asarray(wave.start_s + (firsts + half - 0.5) / wave.rate_hz, np.float64)
    return times_s, np.fft.rfftfreq(size, 1 / wave.rate_hz), density


def _held(places: Floats, edges: Floats) -> list[Any]:
    """Of each stretch between two edges the places in it, or the one nearest to its middle."""
    found = []
    for low, high in itertools.pairwise(edges.tolist()):
        inner = np.flatnonzero((places >= low) & (places < high))
        found.append(inner if inner.size else [np.abs(places - (low + high) / 2).argmin()])
    return found


def _expect_band(low_hz: float, high_hz: float | None) -> None:
    is_band = low_hz >= 0 and (high_hz is None or low_hz < high_hz)
    expect(is_band, "low_hz, high_hz", "a band from 0 Hz or higher, upwards", f"{low_hz} and {high_hz}")
