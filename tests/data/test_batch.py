"""Files and folders to batches: which files, in which order, at what level and length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convscope import data

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "data" / "spoken_digits" / "recordings"


def plant(folder, *names, level=0.5, samples=100):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data.write_sound(path, np.full(samples, level), 16000)


def test_a_folder_gives_its_sounds_in_natural_order(tmp_path):
    plant(
        tmp_path, "10.wav", "9.wav", "b/2.flac", "b/10.FLAC", "B/1.WAV", "a10b2.wav", "a10b11.wav", "a9.wav"
    )
    assert data.load_folder(tmp_path, slice_len=8).names == (
        *("9.wav", "10.wav", "a9.wav", "a10b2.wav", "a10b11.wav"),
        *("B/1.WAV", "b/2.flac", "b/10.FLAC"),
    )


def test_hidden_files_and_other_files_are_ignored(tmp_path):
    plant(tmp_path, "ask.wav", ".hidden.wav", ".cache/old.wav", "deep/.snapshot/older.wav")
    (tmp_path / "._ask.wav").write_bytes(b"what macOS leaves behind")
    (tmp_path / "README.md").write_text("not a sound")
    (tmp_path / "folder.wav").mkdir()
    batch = data.load_folder(tmp_path, slice_len=8)
    assert batch.names == ("ask.wav",)
    assert batch.skipped == ()


@pytest.mark.parametrize("kind", [str, Path])
def test_one_path_is_one_sound(tmp_path, kind):
    plant(tmp_path, "ask.wav")
    batch = data.load_sounds(kind(tmp_path / "ask.wav"), slice_len=8)
    assert batch.names == (str(tmp_path / "ask.wav"),)


def test_a_pattern_narrows_the_choice(tmp_path):
    plant(tmp_path, "0_george_0.wav", "0_jackson_0.wav", "deep/1_george_0.wav")
    assert data.load_folder(tmp_path, pattern="*_george_*", slice_len=8).names == ("0_george_0.wav",)
    assert data.load_folder(tmp_path, pattern="**/*_george_*", slice_len=8).names == (
        "0_george_0.wav",
        "deep/1_george_0.wav",
    )


def test_an_empty_folder_says_what_was_looked_for(tmp_path):
    with pytest.raises(
        data.SoundError, match=r"matches '\*\*/\*' and ends in \.wav, \.flac, \.ogg"
    ) as caught:
        data.load_folder(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_folder_must_be_one(tmp_path):
    plant(tmp_path, "ask.wav")
    with pytest.raises(FileNotFoundError, match=r"no such folder: .*absent"):
        data.load_folder(tmp_path / "absent")
    with pytest.raises(NotADirectoryError, match=r"got a file: .*ask\.wav"):
        data.load_folder(tmp_path / "ask.wav")


def test_files_keep_the_order_given(tmp_path):
    plant(tmp_path, "b.wav", level=0.5)
    plant(tmp_path, "a.wav", level=-0.25, samples=3)
    paths = [tmp_path / "b.wav", str(tmp_path / "a.wav")]
    batch = data.load_sounds(iter(paths), slice_len=4, normalise=None)
    np.testing.assert_array_equal(batch.waveforms, [[0.5] * 4, [-0.25, -0.25, -0.25, 0]])
    assert batch.waveforms.dtype == np.float32
    assert batch.names == tuple(map(str, paths))
    assert batch.lengths.tolist() == [100, 3]
    assert batch.sample_rate_hz == 16000


def test_the_whole_file_is_normalised_before_it_is_cropped(tmp_path):
    data.write_sound(tmp_path / "a.wav", np.array([0.125, 0.125, 0.5, -0.25]), 16000)
    load = {"slice_len": 2, "sample_rate_hz": 16000}
    np.testing.assert_array_equal(data.load_sounds([tmp_path / "a.wav"], **load).waveforms, [[0.25, 0.25]])
    np.testing.assert_array_equal(
        data.load_sounds([tmp_path / "a.wav"], **load, align="end").waveforms, [[1, -0.5]]
    )


def test_lengths_count_samples_after_resampling(tmp_path):
    data.write_sound(tmp_path / "a.wav", np.full(800, 0.5), 8000)
    batch = data.load_folder(tmp_path, slice_len=64)
    assert batch.lengths.tolist() == [1600]
    assert batch.waveforms.shape == (1, 64)


def test_silence_is_loaded_as_silence(tmp_path):
    plant(tmp_path, "silence.wav", level=0.0)
    np.testing.assert_array_equal(data.load_folder(tmp_path, slice_len=4).waveforms, [[0, 0, 0, 0]])


def test_every_unreadable_file_is_named_with_its_reason(tmp_path):
    plant(tmp_path, "good.wav")
    (tmp_path / "bad.wav").write_bytes(b"noise")
    (tmp_path / "worse.flac").write_bytes(b"")
    with pytest.raises(data.SoundError) as caught:
        data.load_folder(tmp_path)
    first, *rest = str(caught.value).splitlines()
    assert first == "load_sounds: 2 of 3 files cannot be read"
    assert rest == [
        f"  {tmp_path / 'bad.wav'}: Format not recognised.",
        f"  {tmp_path / 'worse.flac'}: Format not recognised.",
    ]


def test_skipped_files_leave_no_empty_rows(tmp_path):
    plant(tmp_path, "a.wav", "z.wav")
    (tmp_path / "bad.wav").write_bytes(b"noise")
    batch = data.load_folder(tmp_path, slice_len=4, on_error="skip")
    assert batch.names == ("a.wav", "z.wav")
    np.testing.assert_array_equal(batch.waveforms, np.ones((2, 4)))
    assert batch.lengths.tolist() == [100, 100]
    assert batch.skipped == (("bad.wav", "Format not recognised."),)
    absent = str(tmp_path / "absent.wav")
    batch = data.load_sounds([absent, tmp_path / "a.wav"], on_error="skip")
    assert batch.skipped == ((absent, "no such file"),)


def test_a_batch_is_never_empty(tmp_path):
    with pytest.raises(data.SoundError, match="1 of 1 files cannot be read"):
        data.load_sounds([tmp_path / "absent.wav"], on_error="skip")
    with pytest.raises(data.SoundError, match="expected at least one path, got none"):
        data.load_sounds([])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"slice_len": 0}, "slice_len of 1 or more samples, got 0"),
        ({"normalise": "rms"}, "expected normalise 'peak' or None, got 'rms'"),
        ({"on_error": "ignore"}, "expected on_error 'raise' or 'skip', got 'ignore'"),
        ({"align": "middle"}, "'start', 'centre' or 'end', got 'middle'"),
    ],
)
def test_unknown_options_are_refused(tmp_path, option, message):
    plant(tmp_path, "a.wav")
    with pytest.raises(ValueError, match=message):
        data.load_folder(tmp_path, **option)


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no spoken digits at {RECORDINGS}")
def test_real_recordings():
    batch = data.load_folder(RECORDINGS, pattern="[0-9]_george_[0-4].wav")
    assert batch.names == tuple(f"{digit}_george_{i}.wav" for digit in range(10) for i in range(5))
    assert batch.waveforms.shape == (50, 16384)
    assert batch.skipped == ()
    for row, name, length in zip(batch.waveforms, batch.names, batch.lengths, strict=True):
        eight_khz = data.read_sound(RECORDINGS / name)
        assert eight_khz.sample_rate_hz == 8000
        assert length == 2 * eight_khz.samples.size
        assert not row[length:].any()
        # Upsampled speech has nothing above the old Nyquist frequency of 4 kHz.
        power = np.abs(np.fft.rfft(row)) ** 2
        assert power[4200 * 16384 // 16000 :].sum() < 1e-4 * power.sum()
        assert length > 16384 or np.abs(row).max() == 1
