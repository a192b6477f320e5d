"""Where there is nothing to measure by, nothing is made up: edges of sounds, samples as integers, waveforms of another length."""

from __future__ import annotations

import numpy as np
import pytest

from convscope.acoustics import (
    Intensity,
    Interval,
    Intervals,
    Lag,
    Peaks,
    find_segments,
    measure,
    voiced_intervals,
)

parselmouth = pytest.importorskip(
    "parselmouth", reason="Praat (the extra convscope[acoustics]) is not installed"
)
RATE_HZ = 16000
TIME_S = np.arange(16384) / RATE_HZ


def test_before_praats_first_frame_there_is_no_intensity():
    sound = np.sin(2 * np.pi * 200 * TIME_S) * (TIME_S > 0.02)
    marks = Intervals((Interval(0, "start", 0.0, 0.015), Interval(0, "whole", 0.0, 1.0)))
    found = measure(sound, Intensity(points=4), rate_hz=RATE_HZ, intervals=marks).table
    start = found[found["label"] == "start"]
    assert start["value"].isna().all()
    assert set(start["reason"]) == {"no frame there: the window reaches beyond the sound"}
    praat = parselmouth.Sound(sound - sound.mean(), RATE_HZ).to_intensity(minimum_pitch=100)
    track = found[(found["label"] == "whole") & (found["measure"] == "intensity")]
    for row in track.itertuples():
        expected = praat.get_value(row.time_s + 0.5 / RATE_HZ)
        assert np.isnan(expected) == np.isnan(row.value)


def test_samples_of_16_bits_are_the_same_sound():
    sound = 0.3 * np.sin(2 * np.pi * 3000 * TIME_S)
    samples = np.round(sound * 32768).astype(np.int16)
    measures = Intensity(), Peaks(2000, 8000)
    ours, theirs = (measure(each, *measures, rate_hz=RATE_HZ).table for each in (samples, sound))
    np.testing.assert_allclose(ours["value"], theirs["value"], atol=0.01)
    with pytest.raises(TypeError, match="samples of 16 or 32 bits, got uint8"):
        measure(samples.astype(np.uint8), Intensity(), rate_hz=RATE_HZ)


def test_a_waveform_of_another_length_is_refused():
    sound = np.sin(2 * np.pi * 150 * TIME_S) * np.sin(2 * np.pi * 3 * TIME_S)
    with pytest.raises(
        ValueError, match=r"waveform: expected sounds of 1.024 s as in the source, got 0.512 s"
    ):
        measure(sound, Lag(), rate_hz=RATE_HZ, waveform=sound[:8192], waveform_rate_hz=RATE_HZ)
    with pytest.raises(ValueError, match=r"expected sounds of 1.024 s as in the source, got 2.048 s"):
        measure(sound, Lag(), rate_hz=RATE_HZ, waveform=sound, waveform_rate_hz=RATE_HZ / 2)


def test_what_does_not_follow_the_waveform_has_no_lag():
    rising = np.linspace(0, 1, 1024)
    falling = np.linspace(1, 0, 1024)
    found = measure(rising, Lag(), rate_hz=1000, waveform=falling, waveform_rate_hz=1000).table
    assert found["value"].isna().all()


def test_an_interval_that_is_all_beyond_is_an_error_however_little():
    late = Intervals((Interval(0, "s", 1.0241, 1.030),))
    with pytest.raises(ValueError, match="intervals: expected all within the sound"):
        late.within(0.0, 1.024)


def test_stores_of_several_reductions(tmp_path):
    import convscope as cs

    net = cs.zoo.load("words8")["generator"]
    design = cs.latents.random(4, size=12, code=cs.latents.OneHot(8))
    cs.Sweep(net, design, out=tmp_path / "s.zarr", reduce=["mean", "max"]).run()
    tree = cs.open_sweep(tmp_path / "s.zarr")
    assert len(voiced_intervals(tree, layer="out", reduction="mean"))
    assert len(find_segments(tree, layer="out", reduction="mean"))
