"""Sound files of every kind in and out, with values planted by soundfile itself."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from convscope import data

RAMP = np.linspace(-1, 1, 4096, endpoint=False)  # (N,) float64, exact in 16 bits


@pytest.mark.parametrize(
    ("name", "subtype", "error"),
    [
        ("a.wav", "PCM_U8", 2**-7),
        ("a.wav", "PCM_16", 0),
        ("a.wav", "PCM_24", 0),
        ("a.wav", "PCM_32", 0),
        ("a.wav", "FLOAT", 0),
        ("a.wav", "DOUBLE", 0),
        ("a.flac", "PCM_16", 0),
        ("a.flac", "PCM_24", 0),
        ("a.aiff", "PCM_16", 0),
    ],
)
def test_every_encoding_comes_back(tmp_path, name, subtype, error):
    data.write_sound(tmp_path / name, RAMP, 8000, subtype=subtype)
    sound = data.read_sound(tmp_path / name)
    assert soundfile.info(tmp_path / name).subtype == subtype
    assert sound.samples.dtype == np.float32
    assert sound.sample_rate_hz == 8000
    assert sound.duration_s == 4096 / 8000
    assert np.abs(sound.samples - RAMP).max() <= error


def test_ogg_keeps_a_tone(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    data.write_sound(tmp_path / "tone.ogg", tone, 16000, subtype="VORBIS")
    sound = data.read_sound(tmp_path / "tone.ogg")
    assert np.argmax(np.abs(np.fft.rfft(sound.samples))) == 440
    assert np.abs(sound.samples - tone).max() < 0.05


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_full_scale_does_not_wrap(tmp_path, subtype, bits, dtype):
    data.write_sound(tmp_path / "full.wav", np.array([1, -1, 0], dtype), 16000, subtype=subtype)
    step = 2.0 ** (1 - bits)
    np.testing.assert_array_equal(data.read_sound(tmp_path / "full.wav").samples, [1 - step, -1, 0])


def test_every_16_bit_integer_survives_reading_and_writing(tmp_path):
    integers = np.arange(-(2**15), 2**15).astype(np.int16)
    soundfile.write(tmp_path / "planted.wav", integers, 16000)
    data.write_sound(tmp_path / "again.wav", data.read_sound(tmp_path / "planted.wav").samples, 16000)
    np.testing.assert_array_equal(soundfile.read(tmp_path / "again.wav", dtype="int16")[0], integers)


def test_channels_are_averaged(tmp_path):
    left, right = np.array([0.5, 0.5, -0.25]), np.array([0.25, -0.5, 0.75])
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, right], axis=1), 16000, subtype="FLOAT")
    np.testing.assert_array_equal(data.read_sound(tmp_path / "stereo.wav").samples, [0.375, 0, 0.25])


def test_reading_resamples(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    data.write_sound(tmp_path / "tone.wav", tone, 22050)
    sound = data.read_sound(tmp_path / "tone.wav", sample_rate_hz=16000)
    assert (sound.samples.shape, sound.samples.dtype, sound.sample_rate_hz) == ((16000,), np.float32, 16000)
    spectrum = np.abs(np.fft.rfft(sound.samples)) / 8000
    assert np.argmax(spectrum) == 1000
    assert spectrum[1000] == pytest.approx(0.5, abs=1e-4)


def test_silence_stays_silence(tmp_path):
    data.write_sound(tmp_path / "silence.wav", np.zeros(100), 22050)
    assert not data.read_sound(tmp_path / "silence.wav", sample_rate_hz=16000).samples.any()


def broken_files(folder):
    flac = folder / "cut.flac"
    data.write_sound(flac, np.random.default_rng(0).uniform(-1, 1, 8000), 16000)
    (folder / "noise.wav").write_bytes(b"no sound at all" * 10)
    (folder / "empty.wav").write_bytes(b"")
    flac.write_bytes(flac.read_bytes()[:10000])
    (folder / "headerless.raw").write_bytes(bytes(100))
    soundfile.write(folder / "nothing.wav", np.zeros(0), 16000)
    soundfile.write(folder / "nan.wav", np.array([0, np.nan, np.inf]), 16000, subtype="FLOAT")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("noise.wav", "Format not recognised"),
        ("empty.wav", "Format not recognised"),
        ("cut.flac", "lost sync"),
        ("headerless.raw", "samplerate must be specified"),
        ("nothing.wav", "holds no samples at 16000 Hz"),
        ("nan.wav", "2 of 3 samples are not finite"),
    ],
)
def test_a_broken_file_is_named_with_its_cause(tmp_path, name, reason):
    broken_files(tmp_path)
    with pytest.raises(data.SoundError) as caught:
        data.read_sound(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: {caught.value.reason}"
    assert reason in caught.value.reason
    assert isinstance(caught.value, ValueError)


def test_a_header_that_claims_more_than_memory_holds_is_a_broken_file(tmp_path, monkeypatch):
    def read(*_, **__):
        raise MemoryError("Unable to allocate 256. GiB")

    data.write_sound(tmp_path / "a.flac", RAMP, 16000)
    monkeypatch.setattr(soundfile.SoundFile, "read", read)
    with pytest.raises(data.SoundError, match=r"a\.flac: Unable to allocate 256\. GiB"):
        data.read_sound(tmp_path / "a.flac")


def test_a_missing_file_and_a_wrong_rate_are_not_broken_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.wav"):
        data.read_sound(tmp_path / "absent.wav")
    data.write_sound(tmp_path / "a.wav", RAMP, 8000)
    with pytest.raises(ValueError, match="positive rates in Hz, got from_hz=8000, to_hz=0"):
        data.read_sound(tmp_path / "a.wav", sample_rate_hz=0)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.array([0, 1.5, -2]), r"2 of 3 samples lie outside \[-1, 1\], the peak is 2;"),
        (np.array([0, np.nan]), "1 of 2 samples are not finite"),
        (np.zeros((2, 3)), r"got shape \(2, 3\) float64"),
        (np.zeros(3, np.int16), r"got shape \(3,\) int16"),
        (np.zeros(0), r"N ≥ 1, got shape \(0,\)"),
    ],
)
def test_refused_samples_leave_the_old_file_alone(tmp_path, samples, message):
    data.write_sound(tmp_path / "a.wav", RAMP, 8000)
    with pytest.raises(ValueError, match=message):
        data.write_sound(tmp_path / "a.wav", samples, 8000)
    assert data.read_sound(tmp_path / "a.wav").samples.size == RAMP.size
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(OSError, match=r"a\.wav"):
        data.write_sound(tmp_path / "a.wav", RAMP, 8000)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_clipping_is_asked_for(tmp_path):
    data.write_sound(tmp_path / "a.wav", np.array([0.5, 1.5, -2]), 8000, subtype="FLOAT", clip=True)
    np.testing.assert_array_equal(data.read_sound(tmp_path / "a.wav").samples, [0.5, 1, -1])


@pytest.mark.parametrize(
    ("name", "subtype", "message"),
    [
        ("a.ogg", "PCM_16", "a.ogg cannot hold 'PCM_16'; encodings of its format: .*VORBIS"),
        ("a.mp4", "PCM_16", "encodings of its format: none"),
        ("a", "PCM_16", "encodings of its format: none"),
    ],
)
def test_a_format_names_the_encodings_it_has(tmp_path, name, subtype, message):
    with pytest.raises(ValueError, match=message):
        data.write_sound(tmp_path / name, RAMP, 8000, subtype=subtype)


def test_a_rate_is_positive(tmp_path):
    with pytest.raises(ValueError, match="expected a positive sample_rate_hz, got 0"):
        data.write_sound(tmp_path / "a.wav", RAMP, 0)
    with pytest.raises(ValueError, match="expected a positive sample_rate_hz, got 0"):
        data.Sound(np.zeros(3, np.float32), 0)
    with pytest.raises(ValueError, match=r"expected \(N,\) float32, got \(3,\) float64"):
        data.Sound(np.zeros(3), 16000)
