"""Sounds whose F0, formants, level, duration and spectrum are known because they are put there."""

from __future__ import annotations

import numpy as np

# First two formants far enough below 1900 Hz that a layer at 4 kHz carries them; bandwidths beside.
FORMANTS_HZ = ((700, 80), (1220, 90), (2600, 120), (3500, 175), (4500, 225))
RESONANCE_RATE_HZ = 16000


def vowel(f0_hz, rate_hz, duration_s=0.5, formants_hz=FORMANTS_HZ):
    """(L,) harmonics of a falling source through resonances, none above the Nyquist frequency; peak 0.5."""
    times_s = (np.arange(round(duration_s * rate_hz)) + 0.5) / rate_hz
    harmonics_hz = np.arange(1, int(min(rate_hz, RESONANCE_RATE_HZ) / 2 / f0_hz) + 1) * f0_hz
    harmonics_hz = harmonics_hz[harmonics_hz < rate_hz / 2]
    around = np.exp(2j * np.pi * harmonics_hz / RESONANCE_RATE_HZ)
    gains = f0_hz / harmonics_hz + 0j
    for frequency_hz, width_hz in formants_hz:
        pole = np.exp((-np.pi * width_hz + 2j * np.pi * frequency_hz) / RESONANCE_RATE_HZ)
        gains *= abs(1 - pole) ** 2 / ((1 - pole / around) * (1 - pole.conj() / around))
    phases = np.exp(2j * np.pi * harmonics_hz[:, None] * times_s)
    made = np.real(gains[:, None] * phases).sum(0)
    return 0.5 * made / np.abs(made).max()


def led_by(harmonic, f0_hz=100.0, share=0.99, rate_hz=16000, duration_s=0.5):
    """(L,) a voice with one harmonic that holds this share of the power, as a narrow formant makes it; peak 0.3."""
    times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    others = sum(np.sin(2 * np.pi * n * f0_hz * times_s) / n for n in range(1, 16) if n != harmonic)
    strong = np.sin(2 * np.pi * harmonic * f0_hz * times_s)
    made = np.sqrt(1 - share) * others / others.std() + np.sqrt(share) * strong / strong.std()
    return 0.3 * made / np.abs(made).max()


def noise(low_hz, high_hz, rate_hz, duration_s=1.0, seed=0):
    """(L,) noise with all its power, evenly, between two frequencies; peak 0.5."""
    length = round(duration_s * rate_hz)
    frequencies_hz = np.fft.rfftfreq(length, 1 / rate_hz)
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, frequencies_hz.size)
    is_in = (frequencies_hz >= low_hz) & (frequencies_hz <= high_hz)
    made = np.fft.irfft(is_in * np.exp(1j * phases), length)
    return 0.5 * made / np.abs(made).max()


def placed(sound, rate_hz, start_s, total_s):
    """(L,) the sound from ``start_s`` on, zeros around it."""
    made = np.zeros(round(total_s * rate_hz))
    first = round(start_s * rate_hz)
    made[first : first + sound.size] = sound
    return made


def layer_of(sound, factor):
    """(L / factor,) rectified and averaged: as a layer might have it, with a mean and without a low-pass filter before."""
    kept = sound[: sound.size // factor * factor]
    return np.maximum(kept, 0).reshape(-1, factor).mean(1)
