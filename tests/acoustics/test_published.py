"""The papers' way: numbers are there, each with the reason not to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from tests.acoustics.planted import layer_of, vowel

import convscope as cs
from convscope import acoustics
from convscope.acoustics import F0, Formants, Intensity
from convscope.acoustics._pitch import pitch_of as PITCH

parselmouth = pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
SOUND = vowel(120, 16000, 1.024)


def drawn_out(layer, factor):
    """By hand: centres of shares, ends held, clipped at 1, 16 kHz."""
    return np.interp(
        np.arange(16384), (factor - 1) / 2 + factor * np.arange(layer.size), np.clip(layer, -1, 1)
    )


@pytest.mark.parametrize("factor", [4, 16, 64, 256])
def test_values_are_praats_of_the_series_drawn_out(factor):
    layer = layer_of(4 * SOUND, factor)
    found = acoustics.measure(
        layer, Intensity(100), F0(75, 450), Formants(), rate_hz=16000 / factor, as_published=True
    )
    sound = parselmouth.Sound(drawn_out(layer, factor), 16000)
    row = found.wide().iloc[0]
    assert row["intensity_mean"] == pytest.approx(
        sound.to_intensity(minimum_pitch=100).get_average(), abs=1e-5
    )
    frames = sound.to_pitch_ac(pitch_floor=75, pitch_ceiling=450).selected_array["frequency"]
    expected_hz = np.median(frames[frames > 0]) if frames.any() else np.nan
    assert row["f0_median"] == pytest.approx(expected_hz, rel=1e-6, nan_ok=True)


def test_every_value_keeps_its_reason():
    kinds = {}
    for factor in (1, 4, 16, 64):
        table = acoustics.measure(
            layer_of(SOUND, factor), F0(75, 450), Formants(), rate_hz=16000 / factor, as_published=True
        ).table
        kinds[factor] = set(table[table["value"].notna()]["reason"])
    assert kinds[1] == {""}
    images = "looked at up to 5500 Hz: above 2000 Hz there are images that straight lines make"
    assert kinds[4] == {"", images}, "F0 is carried, formants are looked for where nothing is"
    for factor in (16, 64):
        assert any("the harmonics of a voice need 3000 Hz" in reason for reason in kinds[factor])
        assert any("formants above the band" in reason for reason in kinds[factor])
        assert "" not in kinds[factor]


@pytest.mark.parametrize(
    "measure", [acoustics.SpectralMoments(), acoustics.Spectrogram(), acoustics.Formants()]
)
def test_images_are_named(measure):
    table = acoustics.measure(layer_of(SOUND, 4), measure, rate_hz=4000, as_published=True).table
    assert table["value"].notna().any()
    assert table["reason"].astype(str).str.contains("above 2000 Hz there are images").all()
    assert measure.untrusted(16000, 16384) == ""


def test_conv1_at_5_to_150_hz():
    """TASLP's preset exists by name; with the guard there is nothing, without it a number and a warning."""
    layer = 0.3 + 0.2 * np.sin(2 * np.pi * 9 * np.arange(64) / 62.5)
    guarded = acoustics.measure(layer, *acoustics.PRESETS["taslp-conv1"], rate_hz=62.5)
    assert guarded.table["value"].isna().all()
    published = acoustics.measure(layer, *acoustics.PRESETS["taslp-conv1"], rate_hz=62.5, as_published=True)
    median = published.only("f0_median").iloc[0]
    assert median["value"] == pytest.approx(9, rel=0.05)
    assert "a rate of 62.5 Hz cannot carry F0" in median["reason"]
    assert published.settings["as_published"] is True


def test_means_stay_in():
    layer = 0.5 + 0.1 * np.sin(2 * np.pi * 100 * np.arange(4096) / 4000)
    moments = acoustics.SpectralMoments()
    published = acoustics.measure(layer, moments, rate_hz=4000, as_published=True).wide()
    guarded = acoustics.measure(layer, moments, rate_hz=4000).wide()
    assert published["cog"].iloc[0] < 10
    assert guarded["cog"].iloc[0] == pytest.approx(100, rel=0.05)


def test_layers_as_sounds(tmp_path):
    net = cs.models.build(
        cs.models.preset("tf1-ciwgan", role="generator", dim=2, latent_dim=10), seed=1
    ).eval()
    series = cs.fast_probe(net, np.random.default_rng(0).uniform(-1, 1, (2, 10)).astype(np.float32))
    written = acoustics.write_layer_sounds(tmp_path / "sounds", series)
    assert [path.name for path in written[:3]] == ["000000-fc.wav", "000000-conv1.wav", "000000-conv2.wav"]
    assert len(written) == 2 * len(series)
    for path in written:
        sound = cs.data.read_sound(path)
        assert (sound.sample_rate_hz, sound.samples.size) == (16000, 16384)
    layer = np.asarray(series["conv3"][1], np.float64)
    expected = drawn_out(layer, 16)
    read = cs.data.read_sound(tmp_path / "sounds" / "000001-conv3.wav").samples
    assert read == pytest.approx(expected, abs=1 / 32768)


def test_values_above_one_are_clipped_in_files(tmp_path):
    (path,) = acoustics.write_layer_sounds(tmp_path, np.linspace(0, 3, 4096), rate_hz=4000)
    assert cs.data.read_sound(path).samples.max() == pytest.approx(1, abs=1e-4)
    with pytest.raises(ValueError, match="at most 16000 Hz, got 44100"):
        acoustics.write_layer_sounds(tmp_path, np.zeros(4096), rate_hz=44100)


def test_measures_of_one_range_share_praats_pitch(monkeypatch):
    from convscope.acoustics import VoicedPeriods, _pitch

    asked = []
    monkeypatch.setattr(
        _pitch, "pitch_of", lambda sound, **range_hz: asked.append(range_hz) or PITCH(sound, **range_hz)
    )
    for as_published in (False, True):
        _pitch.pitch_track.cache_clear()
        asked.clear()
        acoustics.measure(
            layer_of(SOUND, 4), F0(75, 450), VoicedPeriods(75, 450), rate_hz=4000, as_published=as_published
        )
        assert asked == [{"floor_hz": 75, "ceiling_hz": 450}]


@dataclass(frozen=True, slots=True)
class MeanOfTheWaveform(acoustics.Measure):
    """What a measure sees of the waveform once its mean may be removed."""

    needs_waveform: ClassVar[bool] = True

    @property
    def outputs(self):
        return (acoustics.Output("mean_seen", ""),)

    def cannot(self, rate_hz, length):
        return ""

    def track(self, wave, waveform):
        return waveform.centred().mean()

    def read(self, track, wave, span):
        return {"mean_seen": acoustics.Reading(float(track))}


def test_the_waveforms_mean_stays_in_too():
    settings = {"rate_hz": 16000, "waveform": 0.25 + SOUND, "waveform_rate_hz": 16000}
    for as_published, mean in ((False, 0.0), (True, 0.25 + SOUND.mean())):
        found = acoustics.measure(SOUND, MeanOfTheWaveform(), as_published=as_published, **settings)
        assert found.wide()["mean_seen"].iloc[0] == pytest.approx(mean, abs=1e-9)
