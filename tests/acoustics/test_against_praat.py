"""Where Praat does the work the bits are its own; where NumPy does, the differences are rounding."""

from __future__ import annotations

import numpy as np
import pytest
from tests.acoustics.planted import noise, placed, vowel

from convscope import acoustics
from convscope.acoustics._intensity import decibels, intensity_frames
from convscope.acoustics._spectrum import moments

parselmouth = pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")

SOUNDS = {
    "vowel": (vowel(123.4, 16000, 0.7), 16000),
    "layer": (0.2 + np.maximum(vowel(101.1, 4000, 1.024), 0), 4000),
    "in silence": (placed(vowel(140, 16000, 0.4), 16000, 0.31, 1.024), 16000),
    "noisy": (vowel(200, 16000, 0.5) + 0.05 * noise(500, 8000, 16000, 0.5), 16000),
}
sounds = pytest.mark.parametrize("name", SOUNDS)


def praat(name):
    values, rate_hz = SOUNDS[name]
    return values, rate_hz, parselmouth.Sound(values - values.mean(), sampling_frequency=rate_hz)


@sounds
def test_f0_is_praats(name):
    values, rate_hz, sound = praat(name)
    pitch = sound.to_pitch_ac(pitch_floor=75, pitch_ceiling=450)
    frames = pitch.selected_array["frequency"]
    found = acoustics.measure(values, acoustics.F0(points=10), rate_hz=rate_hz)
    row = found.wide().iloc[0]
    assert row["f0_median"] == np.median(frames[frames > 0])
    assert row["f0_mean"] == frames[frames > 0].mean()
    points_s = sound.duration * (np.arange(10) + 0.5) / 10
    track = found.only("f0")["value"].to_numpy()
    expected = [pitch.get_value_at_time(time) for time in points_s]
    assert track == pytest.approx(expected, rel=1e-9, nan_ok=True), (
        "times are on another axis, half a value later"
    )
    assert np.isfinite(track).any()


@sounds
def test_formants_are_praats(name):
    values, rate_hz, sound = praat(name)
    count, maximum_hz = (2.5, 1900) if rate_hz == 4000 else (5, 5500)
    formants = sound.to_formant_burg(max_number_of_formants=count, maximum_formant=maximum_hz)
    times_s = formants.ts()
    if name == "in silence":
        times_s = times_s[(times_s > 0.31 - 0.0125) & (times_s < 0.71 + 0.0125)]
    row = acoustics.measure(values, acoustics.Formants(report=2), rate_hz=rate_hz).wide().iloc[0]
    for number in (1, 2):
        expected = np.nanmedian([formants.get_value_at_time(number, time) for time in times_s])
        assert row[f"f{number}_median"] == pytest.approx(expected, rel=1e-12)


def test_formant_values_are_the_same_bits():
    values, rate_hz, sound = praat("vowel")
    formants = sound.to_formant_burg(max_number_of_formants=5, maximum_formant=5500)
    wave = acoustics.Wave(values, rate_hz, start_s=0.5 / rate_hz)  # Praat's own axis
    measure = acoustics.Formants(report=3)
    readings = measure.read(measure.track(wave, None), wave, acoustics.Span(0, sound.duration))
    for number in (1, 2, 3):
        values_hz = [formants.get_value_at_time(number, time) for time in formants.ts()]
        assert readings[f"f{number}_median"].values == np.median(values_hz)


@sounds
def test_harmonicity_is_praats(name):
    values, rate_hz, sound = praat(name)
    frames = sound.to_harmonicity_cc(time_step=0.01, minimum_pitch=75, periods_per_window=1).values[0]
    row = acoustics.measure(values, acoustics.Harmonicity(), rate_hz=rate_hz).wide().iloc[0]
    assert row["harmonicity_mean"] == frames[frames > -200].mean()


@pytest.mark.parametrize("rate_hz", [16000, 22050, 4000, 1000, 250])
@pytest.mark.parametrize("floor_hz", [60, 75, 100])
def test_intensity_is_praats(rate_hz, floor_hz):
    generator = np.random.default_rng(5)
    values = 0.3 + 0.1 * generator.standard_normal(round(1.024 * rate_hz)) * np.linspace(
        0, 1, round(1.024 * rate_hz)
    )
    expected = parselmouth.Sound(values - values.mean(), rate_hz).to_intensity(minimum_pitch=floor_hz)
    wave = acoustics.Wave(values, rate_hz)
    times_s, power = intensity_frames(wave, floor_hz)
    assert wave.to_praat_s(times_s) == pytest.approx(expected.xs(), abs=1e-12)
    assert decibels(power) == pytest.approx(expected.values[0], abs=2e-6)
    row = acoustics.measure(values, acoustics.Intensity(floor_hz), rate_hz=rate_hz).wide().iloc[0]
    assert row["intensity_mean"] == pytest.approx(expected.get_average(), abs=2e-6)


@sounds
def test_moments_are_praats(name):
    values, rate_hz, sound = praat(name)
    spectrum = sound.to_spectrum()
    expected = (
        spectrum.get_center_of_gravity(2),
        spectrum.get_standard_deviation(2),
        spectrum.get_skewness(2),
        spectrum.get_kurtosis(2),
    )
    assert moments(values - values.mean(), rate_hz, 0, rate_hz / 2) == pytest.approx(expected, rel=1e-9)


def test_the_spectrogram_has_praats_shape():
    """Praat 6.1's density is 8000 times ours at 16 kHz, a constant; ours adds up to the power of the sound."""
    values, rate_hz, sound = praat("noisy")
    expected = sound.to_spectrogram(window_length=0.005, maximum_frequency=5000, time_step=0.002)
    wave = acoustics.Wave(values, rate_hz, start_s=0.5 / rate_hz)
    times_s, frequencies_hz, density = acoustics.spectrogram(wave, window_s=0.005, step_s=0.002)
    assert np.sum(density, axis=1).mean() * frequencies_hz[1] == pytest.approx(np.mean(values**2), rel=0.05)
    columns = [np.interp(expected.ys(), frequencies_hz, row) for row in density]
    at_ours = np.array([np.interp(times_s, expected.xs(), row) for row in expected.values]).T
    is_loud = at_ours > at_ours.max() * 1e-4
    differences_db = 10 * np.log10(np.array(columns)[is_loud] / at_ours[is_loud])
    assert np.median(differences_db) == pytest.approx(-10 * np.log10(8000), abs=0.1)
    assert np.percentile(np.abs(differences_db - np.median(differences_db)), 90) < 1


def test_before_praats_first_frame_there_is_no_intensity():
    time_s = np.arange(16384) / 16000
    sound = np.sin(2 * np.pi * 200 * time_s) * (time_s > 0.02)
    marks = acoustics.Intervals(
        (acoustics.Interval(0, "start", 0.0, 0.015), acoustics.Interval(0, "whole", 0.0, 1.0))
    )
    found = acoustics.measure(sound, acoustics.Intensity(points=4), rate_hz=16000, intervals=marks).table
    start = found[found["label"] == "start"]
    assert start["value"].isna().all()
    assert set(start["reason"]) == {"no frame there: the window reaches beyond the sound"}
    praat = parselmouth.Sound(sound - sound.mean(), 16000).to_intensity(minimum_pitch=100)
    track = found[(found["label"] == "whole") & (found["measure"] == "intensity")]
    for row in track.itertuples():
        expected = praat.get_value(row.time_s + 0.5 / 16000)
        assert np.isnan(expected) == np.isnan(row.value)
