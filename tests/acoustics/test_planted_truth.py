"""What is put into a sound is found in it, at 16 kHz and at the 4 kHz of a layer."""

from __future__ import annotations

import numpy as np
import pytest
from tests.acoustics.planted import layer_of, noise, placed, vowel

import convscope as cs
from convscope import acoustics

pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
RATES_HZ = (16000, 4000)


def one(sound, *measures, rate_hz, **settings):
    """Single values of one sound by name."""
    row = acoustics.measure(sound, *measures, rate_hz=rate_hz, **settings).wide().iloc[0]
    return row.drop(["sound", "layer", "interval", "label"]).astype(float).to_dict()


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("f0_hz", [82, 120, 175, 240, 330])
def test_f0_within_one_percent(rate_hz, f0_hz):
    sound = vowel(f0_hz, rate_hz)
    for settings in [(75, 450), (60, 300)] if f0_hz < 300 else [(75, 450)]:
        found = one(sound, acoustics.F0(*settings), rate_hz=rate_hz)
        assert found["f0_median"] == pytest.approx(f0_hz, rel=0.01)
        assert found["voiced"] == 1


@pytest.mark.parametrize("f0_hz", [90, 120, 150])
def test_f0_of_a_rectified_layer(f0_hz):
    found = one(layer_of(vowel(f0_hz, 16000), 4), acoustics.F0(60, 300), rate_hz=4000)
    assert found["f0_median"] == pytest.approx(f0_hz, rel=0.01)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("formants_hz", [(700, 1220), (500, 1500), (650, 1550), (450, 950)])
def test_formants_within_five_percent(rate_hz, formants_hz):
    resonances = [(formants_hz[0], 80), (formants_hz[1], 90), (2600, 120), (3500, 175), (4500, 225)]
    found = one(vowel(110, rate_hz, formants_hz=resonances), acoustics.Formants(report=2), rate_hz=rate_hz)
    assert [found["f1_median"], found["f2_median"]] == pytest.approx(formants_hz, rel=0.05)


def test_f3_is_there_at_16_khz_and_not_at_4():
    found = one(vowel(110, 16000), acoustics.Formants(), rate_hz=16000)
    assert found["f3_median"] == pytest.approx(2600, rel=0.05)
    table = acoustics.measure(vowel(110, 4000), acoustics.Formants(), rate_hz=4000).table
    assert table["value"].isna().tolist() == [False, False, True]
    assert table["reason"].iloc[2] == "F3 lies above the 1900 Hz that a rate of 4000 Hz carries"


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_intensity_is_that_of_the_mean_square(rate_hz):
    sound = vowel(120, rate_hz, 1.0)
    found = one(np.stack([sound, sound / 10])[1], acoustics.Intensity(), rate_hz=rate_hz)
    expected_db = 10 * np.log10(np.mean((sound / 10) ** 2) / 4e-10)
    assert found["intensity_mean"] == pytest.approx(expected_db, abs=0.02)
    with_mean = one(sound / 10 + 3, acoustics.Intensity(), rate_hz=rate_hz)
    assert with_mean["intensity_mean"] == pytest.approx(expected_db, abs=0.02), "a mean is no sound"


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("duration_s", [0.08, 0.25, 0.6])
@pytest.mark.parametrize("kind", ["vowel", "fricative", "layer at rest"])
def test_duration_within_5_ms(rate_hz, duration_s, kind):
    sound = (
        noise(500, rate_hz / 2, rate_hz, duration_s)
        if kind == "fricative"
        else vowel(120, rate_hz, duration_s)
    )
    series = placed(sound, rate_hz, 0.2, 1.024)
    if kind == "layer at rest":
        series = 0.3 + np.maximum(series, 0)
    found = one(series, acoustics.Duration(), rate_hz=rate_hz)
    assert found["duration"] == pytest.approx(duration_s, abs=0.005)
    assert found["sounding_start"] == pytest.approx(0.2, abs=0.005)


@pytest.mark.parametrize(
    ("rate_hz", "low_hz", "high_hz"),
    [(16000, 750, 1900), (16000, 2000, 7000), (16000, 4000, 7900), (4000, 750, 1900), (4000, 1000, 1600)],
)
def test_moments_within_three_percent(rate_hz, low_hz, high_hz):
    sound = noise(low_hz, high_hz, rate_hz)
    found = one(sound, acoustics.SpectralMoments(low_hz, high_hz), rate_hz=rate_hz)
    assert found["cog"] == pytest.approx((low_hz + high_hz) / 2, rel=0.03)
    assert found["spectral_sd"] == pytest.approx((high_hz - low_hz) / 12**0.5, rel=0.03)
    assert found["skewness"] == pytest.approx(0, abs=0.03)
    assert found["kurtosis"] == pytest.approx(-1.2, rel=0.03)
    shifted = one(sound + 2, acoustics.SpectralMoments(), rate_hz=rate_hz)
    assert shifted["cog"] == pytest.approx((low_hz + high_hz) / 2, rel=0.03), "a mean would drag it to 0 Hz"


def test_moments_in_slices_follow_the_sound():
    halves = np.concatenate([noise(1000, 3000, 16000, 0.5), noise(4000, 7000, 16000, 0.5, seed=1)])
    table = acoustics.measure(halves, acoustics.SpectralMoments(slices=10), rate_hz=16000).only("cog")
    assert table["value"].to_numpy() == pytest.approx([2000] * 5 + [5500] * 5, rel=0.05), "noise varies"
    assert table["time_s"].to_numpy() == pytest.approx(np.arange(0.05, 1, 0.1), abs=1e-4)


def test_voiced_periods_are_where_they_were_put():
    sound = placed(vowel(130, 16000, 0.2), 16000, 0.1, 1.024) + placed(
        vowel(110, 16000, 0.3), 16000, 0.6, 1.024
    )
    found = acoustics.measure(sound, acoustics.VoicedPeriods(), rate_hz=16000)
    assert found.wide()[["voiced_periods", "voiced_duration"]].iloc[0].tolist() == pytest.approx(
        [2, 0.5], abs=0.02
    )
    each = found.only("voiced_period")
    assert each["value"].to_numpy() == pytest.approx([0.2, 0.3], abs=0.015)
    assert each["time_s"].to_numpy() == pytest.approx([0.2, 0.75], abs=0.01)
    spans = acoustics.voiced_intervals(sound, rate_hz=16000)
    assert [(row.start_s, row.end_s) for row in spans] == [
        pytest.approx((0.1, 0.3), abs=0.01),
        pytest.approx((0.6, 0.9), abs=0.01),
    ]


@pytest.mark.parametrize("ratio_db", [0, 10, 20])
def test_harmonicity_is_the_ratio_that_was_mixed(ratio_db):
    clean = vowel(120, 16000, 1.0)
    hiss = np.random.default_rng(2).standard_normal(clean.size) * clean.std() * 10 ** (-ratio_db / 20)
    found = one(clean + hiss, acoustics.Harmonicity(), rate_hz=16000)
    assert found["harmonicity_mean"] == pytest.approx(ratio_db, abs=1)


def test_tracks_on_normalised_time():
    rate_hz, times_s = 16000, np.arange(16384) / 16000
    phase = 2 * np.pi * np.cumsum(100 + 50 * times_s) / rate_hz
    sound = sum(np.sin(n * phase) / n for n in range(1, 8)) * 0.1 * (1 + times_s)
    marks = acoustics.Intervals((acoustics.Interval(0, "v", 0.2, 0.8),))
    measures = (
        acoustics.F0(points=10),
        acoustics.Intensity(points=10),
        acoustics.Formants(report=1, points=10),
    )
    found = acoustics.measure(sound, *measures, rate_hz=rate_hz, intervals=marks)
    track = found.only("f0")
    expected_s = 0.2 + 0.6 * (np.arange(10) + 0.5) / 10
    assert track["time_s"].to_numpy() == pytest.approx(expected_s)
    assert track["value"].to_numpy() == pytest.approx(100 + 50 * expected_s, rel=0.005)
    assert np.diff(found.only("intensity")["value"]) == pytest.approx(np.full(9, 0.36), abs=0.12)
    assert len(found.only("f1")) == 10


def test_levels_of_bands():
    sound = noise(1000, 1990, 16000, 1.0)
    table = acoustics.measure(sound, acoustics.Spectrogram(4000, bands=4, points=5), rate_hz=16000).table
    levels = table.pivot(index="point", columns="frequency_hz", values="value")
    assert levels.columns.tolist() == [500, 1500, 2500, 3500]
    density_db = 10 * np.log10(np.mean(sound**2) / 990 / 4e-10)
    assert levels[1500].mean() == pytest.approx(density_db, abs=1)
    assert (levels[1500] - levels[3500]).min() > 30


@pytest.mark.parametrize("factor", [1, 4, 64, 256])
def test_the_envelope_is_the_course(factor):
    times_s = (np.arange(16384 // factor) * factor + (factor - 1) / 2) / 16000
    rise = 0.1 + times_s
    series = rise if factor > 1 else rise * np.sin(2 * np.pi * 300 * times_s) * np.pi / 2
    settings = {"rate_hz": 16000 / factor, "start_s": times_s[0]}
    found = acoustics.measure(series, acoustics.Envelope(points=8), **settings).table
    assert found["value"].to_numpy()[1:-1] == pytest.approx(0.1 + found["time_s"].to_numpy()[1:-1], abs=0.01)


def test_presets_are_measures_with_distinct_outputs():
    for name, measures in acoustics.PRESETS.items():
        names = [output.name for each in measures for output in each.outputs]
        assert len(set(names)) == len(names) > 0, name
    assert acoustics.PRESETS["taslp-m1"][0] == acoustics.F0(60, 300, points=10)
    assert acoustics.PRESETS["taslp-m3"][0] == acoustics.F0(75, 450, points=40)
    assert acoustics.PRESETS["taslp-conv1"][0] == acoustics.F0(5, 150, points=40)
    assert acoustics.PRESETS["gap-fricatives"][0] == acoustics.SpectralMoments(750, 8000, slices=10)
    assert cs.acoustics.PRESETS is acoustics.PRESETS


def test_a_louder_vowel_elsewhere_changes_no_moments():
    rng = np.random.default_rng(0)
    hiss = np.abs(rng.normal(0, 0.05, 1200))  # an average after ReLU: it has a mean of its own
    loud = np.maximum(np.sin(2 * np.pi * 125 * np.arange(2000) / 4000), 0)
    marks = acoustics.Intervals((acoustics.Interval(0, "s", 0.55, 0.75),))
    centres = [
        acoustics.measure(
            np.r_[gain * loud, hiss], acoustics.SpectralMoments(), rate_hz=4000, intervals=marks
        ).wide()["cog"][0]
        for gain in (0.1, 1.0, 10.0)
    ]
    assert centres[1] == pytest.approx(centres[0], rel=1e-9)
    assert centres[2] == pytest.approx(centres[0], rel=1e-9)
    assert 800 < centres[0] < 1200  # of white noise to 2 kHz


@pytest.mark.parametrize(
    ("settings", "end_s"),
    [
        ({}, 0.49),
        ({"gap_s": 0.05}, 0.4),
        ({"shortest_s": 0.0}, 0.802),
        ({"gap_s": 0.05, "shortest_s": 0.0}, 0.802),
    ],
)
def test_a_closure_belongs_to_a_sound_and_a_click_does_not(settings, end_s):
    """A vowel to 0.4 s, silence of 80 ms, a burst of 10 ms; 0.3 s later a click of 2 ms."""
    sound = placed(vowel(120, 16000, 0.2), 16000, 0.2, 1.024)
    sound += placed(noise(1000, 7000, 16000, 0.01), 16000, 0.48, 1.024)
    sound += placed(noise(1000, 7000, 16000, 0.002), 16000, 0.8, 1.024)
    found = one(sound, acoustics.Duration(**settings), rate_hz=16000)
    assert found["sounding_start"] == pytest.approx(0.2, abs=0.005)
    assert found["sounding_end"] == pytest.approx(end_s, abs=0.003)
    assert found["duration"] == pytest.approx(end_s - 0.2, abs=0.006)


@pytest.mark.parametrize(("level_db", "is_heard"), [(-47, True), (-53, False)])
def test_formants_are_masked_50_db_below_the_loudest(level_db, is_heard):
    loud = vowel(110, 16000, 0.4)
    sound = np.concatenate([loud, np.zeros(1600), loud * 10 ** (level_db / 20)])
    marks = acoustics.Intervals((acoustics.Interval(0, "quiet", 0.6, 0.8),))
    settings = {"rate_hz": 16000, "intervals": marks}
    table = acoustics.measure(sound, acoustics.Formants(report=1, points=3), **settings).table
    assert table["value"].notna().tolist() == [is_heard] * 4
    assert set(table["reason"]) == ({""} if is_heard else {"no frame with sound", "no formant there"})
