"""Sources: which files become items, with which labels and segments, and what is left out by name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from convscope import data

RATE_HZ = 16000


def plant(folder, *names, samples=100, level=0.5, rate_hz=8000):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data.write_sound(path, np.full(samples, level), rate_hz)


def labels_of(source):
    return {item.name: item.label for item in source.items() if isinstance(item, data.Item)}


def reasons_of(source):
    return {item.name: item.reason for item in source.items() if isinstance(item, data.LeftOut)}


# -- Folder ---------------------------------------------------------------------------------------------------------


def test_a_folder_gives_natural_order_and_the_names_of_its_folders(tmp_path):
    plant(
        tmp_path,
        "10.wav",
        "9.WAV",
        "ask/2.flac",
        "ask/deep/1.wav",
        ".hidden.wav",
        ".git/old.wav",
        "größe/ﬁ ʃ.wav",
    )
    (tmp_path / "._9.wav").write_bytes(b"what macOS leaves behind")
    (tmp_path / "README.md").write_text("no sound")
    (tmp_path / "folder.wav").mkdir()
    labels = labels_of(data.Folder(tmp_path))
    assert list(labels.items()) == [
        *(("9.WAV", ""), ("10.wav", "")),
        *(("ask/2.flac", "ask"), ("ask/deep/1.wav", "ask/deep"), ("größe/ﬁ ʃ.wav", "größe")),
    ]
    assert reasons_of(data.Folder(tmp_path)) == {}


def test_an_items_sound_is_that_of_its_file(tmp_path):
    stereo = np.stack([np.full(50, 0.5), np.full(50, 0.25)], axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, 22050)
    (item,) = data.Folder(tmp_path).items()
    assert item.sound.sample_rate_hz == 22050
    np.testing.assert_array_equal(item.sound.samples, np.full(50, 0.375, np.float32))
    assert item.segments == ()


def test_labels_from_names_or_none(tmp_path):
    plant(tmp_path, "0_george_1.wav", "deep/9_theo_2.wav", "noise.wav")
    digits = data.Folder(tmp_path, label=r"^(\d)_")
    assert labels_of(digits) == {"0_george_1.wav": "0", "deep/9_theo_2.wav": "9"}
    assert reasons_of(digits) == {"noise.wav": r"the name does not match '^(\\d)_'"}
    assert set(labels_of(data.Folder(tmp_path, label=None)).values()) == {""}
    assert list(labels_of(data.Folder(tmp_path, pattern="deep/*"))) == ["deep/9_theo_2.wav"]


def test_a_broken_sound_is_left_out_by_name_and_the_rest_goes_on(tmp_path):
    plant(tmp_path, "a.wav", "c.wav")
    (tmp_path / "b.wav").write_bytes(b"noise")
    (tmp_path / "empty.wav").write_bytes(b"")
    source = data.Folder(tmp_path)
    assert list(labels_of(source)) == ["a.wav", "c.wav"]
    assert reasons_of(source) == {"b.wav": "Format not recognised.", "empty.wav": "Format not recognised."}


@pytest.mark.parametrize(
    ("label", "message"), [(r"\d", "has 0"), (r"(\d)(\d)", "has 2"), ("(", "expected a regular expression")]
)
def test_a_label_is_an_expression_with_one_group(label, message):
    with pytest.raises(ValueError, match=message):
        data.Folder("anywhere", label=label)


def test_items_are_read_one_at_a_time(tmp_path):
    plant(tmp_path, "1.wav", "2.wav")
    items = data.Folder(tmp_path).items()
    assert next(items).name == "1.wav"
    (tmp_path / "2.wav").write_bytes(b"broken while the first was in use")
    assert isinstance(next(items), data.LeftOut)


@pytest.mark.parametrize("source", [data.Folder, data.Timit, data.LibriSpeech])
def test_a_folder_must_be_one(source, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{source.__name__}: no such folder: .*absent"):
        next(source(tmp_path / "absent").items())
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=f"{source.__name__}: expected a folder, got a file"):
        next(source(tmp_path / "file").items())


# -- Manifest -------------------------------------------------------------------------------------------------------


def manifest(folder, text):
    path = folder / "list.csv"
    path.write_bytes(text.encode())
    return data.Manifest(path)


def test_a_manifest_gives_its_rows_in_order(tmp_path):
    ramp = np.arange(800) / 1000
    (tmp_path / "deep").mkdir()
    data.write_sound(tmp_path / "deep" / "tag á.wav", ramp, 1000)
    plant(tmp_path, "b.wav")
    source = manifest(
        tmp_path,
        "\ufeffpath, start_s,end_s,label,part\r\n"
        'deep/tag á.wav,0.25,0.5,"coda, long",withheld\r\n'
        "b.wav,,,,\r\n\r\n"
        "deep/tag á.wav,0.75,,x,train\r\n",
    )
    first, whole, last = source.items()
    assert [item.name for item in (first, whole, last)] == [
        "deep/tag á.wav#0.25-0.5",
        "b.wav",
        "deep/tag á.wav#0.75-",
    ]
    assert [item.label for item in (first, whole, last)] == ["coda, long", "", "x"]
    assert [item.part for item in (first, whole, last)] == ["withheld", None, "train"]
    np.testing.assert_allclose(first.sound.samples, ramp[250:500], atol=1e-4)
    np.testing.assert_allclose(last.sound.samples, ramp[750:], atol=1e-4)
    assert whole.sound.samples.size == 100


def test_a_manifest_names_sounds_that_it_cannot_use(tmp_path):
    plant(tmp_path, "a.wav", samples=100, rate_hz=1000)
    source = manifest(
        tmp_path,
        "path,start_s,end_s\na.wav,,\nabsent.wav,,\nabsent.wav,0,0.05\na.wav,0,0.2\na.wav,0.1,\na.wav,0.0001,0.0002\na.wav,,0.1\n",
    )
    assert reasons_of(source) == {
        "absent.wav": "no such file",
        "absent.wav#0-0.05": "no such file",
        "a.wav#0-0.2": "goes from sample 0 to 200, the sound has 100",
        "a.wav#0.1-": "goes from sample 100 to 100, the sound has 100",
        "a.wav#0.0001-0.0002": "goes from sample 0 to 0, the sound has 100",
    }
    assert list(labels_of(source)) == ["a.wav", "a.wav#-0.1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,labels,words\n",
            "line 1: unknown columns 'labels', 'words'; known are path, label, start_s, end_s, part",
        ),
        ("label\n", "line 1: expected a header with a column path .* got label"),
        ("path,path\n", "got path, path"),
        ("", "got nothing"),
        ("path,label\na.wav\n", "line 2: expected 2 fields, got 1"),
        ("path,label\na.wav,x\n,y\n", "line 3: expected a path, got an empty field"),
        ("path,start_s\na.wav,soon\n", "line 2: expected start_s in seconds, 0 or more, got 'soon'"),
        ("path,start_s\na.wav,-1\n", "got '-1'"),
        ("path,end_s\na.wav,nan\n", "expected end_s in seconds, 0 or more, got 'nan'"),
        ("path,start_s,end_s\na.wav,0.5,0.5\n", "expected end_s after start_s, got 0.5 after 0.5"),
        ("path,part\na.wav,test\n", "expected part 'train' or 'withheld', got 'test'"),
        ('path,label\na.wav,"x\n', "unexpected end of data"),
    ],
)
def test_a_manifest_that_cannot_be_understood_is_an_error_before_the_first_item(tmp_path, text, message):
    plant(tmp_path, "a.wav")
    with pytest.raises(ValueError, match=message) as caught:
        next(manifest(tmp_path, text).items())
    assert str(tmp_path / "list.csv") in str(caught.value)


def test_an_error_in_the_last_row_comes_before_the_first_item(tmp_path):
    plant(tmp_path, "a.wav")
    rows = "".join(f"a.wav,{i}\n" for i in range(50))
    with pytest.raises(ValueError, match="line 52: expected 2 fields, got 3"):
        next(manifest(tmp_path, f"path,label\n{rows}a.wav,x,y\n").items())


# -- SyntheticWords -------------------------------------------------------------------------------------------------


def test_synthetic_words_end_with_their_last_phone():
    pytest.importorskip(
        "espeakng_loader", reason="espeakng-loader (the extra convscope[speech]) is not installed"
    )
    source = data.SyntheticWords(("ask", "oily"), tokens_per_word=3, seed=5)
    corpus = data.synthesise_words(("ask", "oily"), tokens_per_word=3, seed=5)
    items = list(source.items())
    assert [item.name for item in items] == ["ask#0", "ask#1", "ask#2", "oily#0", "oily#1", "oily#2"]
    assert [item.label for item in items] == ["ask"] * 3 + ["oily"] * 3
    for item, row, token in zip(items, corpus.waveforms, corpus.tokens, strict=True):
        np.testing.assert_array_equal(item.sound.samples, row[: token.length])
        assert [s.label for s in item.segments] == [p.label for p in token.phones]
        assert item.segments[-1].end_s == pytest.approx(item.sound.duration_s, abs=1 / RATE_HZ)


def test_synthetic_words_are_distinct():
    with pytest.raises(ValueError, match="expected each word once, got"):
        data.SyntheticWords(("ask", "ask"))


# -- all ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [data.Timit, data.LibriSpeech])
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"words": "ask"}, "expected words as a tuple .* got 'ask'"),
        ({"words": ()}, r"expected words as a tuple .* got \(\)"),
        ({"silence_s": -0.1}, "expected silence_s of 0 or more seconds, got -0.1"),
    ],
)
def test_words_and_silence_are_checked(source, option, message):
    with pytest.raises(ValueError, match=message):
        source("anywhere", **option)


def test_every_source_describes_itself_in_json(tmp_path):
    assert data.Folder(Path("a"), label=r"^(\d)_").describe() == {
        "kind": "Folder",
        "path": "a",
        "label": r"^(\d)_",
        "pattern": "**/*",
    }
    assert data.LibriSpeech("a", skip_most_frequent=78, keep_most_frequent=508).describe() == {
        "kind": "LibriSpeech",
        "path": "a",
        "words": None,
        "silence_s": 0.025,
        "tier": "words",
        "phone_tier": "phones",
        "alignments": None,
        "skip_most_frequent": 78,
        "keep_most_frequent": 508,
    }
    assert data.Manifest("list.csv").describe() == {"kind": "Manifest", "path": "list.csv"}
    assert data.SyntheticWords(("ask",)).describe()["words"] == ["ask"]


def test_an_item_has_a_name_and_a_known_part():
    sound = data.Sound(np.ones(1, np.float32), 1)
    with pytest.raises(ValueError, match="expected a name"):
        data.Item("", sound)
    with pytest.raises(ValueError, match="expected part 'train', 'withheld' or None, got 'test'"):
        data.Item("a", sound, part="test")


# -- open_source ----------------------------------------------------------------------------------------------------


def test_a_source_is_chosen_by_what_is_there(tmp_path):
    kinds = {"timit": "d/SA1.wrd", "libri": "d/1-2.TextGrid", "digits": "d/0.WAV"}
    for folder, name in kinds.items():
        (tmp_path / folder / "d").mkdir(parents=True)
        (tmp_path / folder / name).write_text("")
        (tmp_path / folder / "d" / "1.wav").write_text("")
    (tmp_path / "list.CSV").write_text("path\n")
    assert isinstance(data.open_source("words", tokens_per_word=2), data.SyntheticWords)
    assert data.open_source(tmp_path / "timit", words=("ask",)) == data.Timit(
        tmp_path / "timit", words=("ask",)
    )
    assert data.open_source(str(tmp_path / "libri")) == data.LibriSpeech(tmp_path / "libri")
    assert data.open_source(tmp_path / "digits", label=None) == data.Folder(tmp_path / "digits", label=None)
    assert data.open_source(tmp_path / "list.CSV") == data.Manifest(tmp_path / "list.CSV")
    elsewhere = data.open_source(tmp_path / "digits", alignments=tmp_path / "libri")
    assert elsewhere == data.LibriSpeech(tmp_path / "digits", alignments=tmp_path / "libri")


def test_a_folder_named_words_is_a_folder(tmp_path, monkeypatch):
    plant(tmp_path, "words/a.wav")
    monkeypatch.chdir(tmp_path)
    assert data.open_source("./words") == data.Folder(Path("words"))
    assert data.open_source(Path("words")) == data.Folder(Path("words"))


def test_where_nothing_is_the_error_says_what_was_looked_for(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"a folder, a CSV file or 'words', there is nothing at .*absent"
    ):
        data.open_source(tmp_path / "absent")
    (tmp_path / ".hidden.wav").write_text("")
    looked_for = re.escape(".WRD, .TextGrid, .wav, .flac, .ogg")
    with pytest.raises(ValueError, match=rf"files that end in {looked_for} in .*, found none"):
        data.open_source(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=r"ends in \.csv, got .*notes\.txt"):
        data.open_source(tmp_path / "notes.txt")


def test_a_setting_of_another_source_is_refused(tmp_path):
    plant(tmp_path, "a.wav")
    with pytest.raises(TypeError, match=r"is read by Folder: .*'words'"):
        data.open_source(tmp_path, words=("ask",))
