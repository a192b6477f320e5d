"""TIMIT's tree: words where their boundaries say, phones where they lie in the word, and every fault by name."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from convscope import data

RATE_HZ = 16000
WORDS = "1000 5000 She\n5000 9000 had\n9000 15000 ask\n"
PHONES = "0 1000 h#\n1000 3000 sh\n3000 5200 iy\n5200 9000 hv\n9000 12000 ae\n12000 16000 s\n"
CLICKS = {1000: 0.25, 3000: 0.5, 5000: 0.75, 9000: 0.625, 12000: 0.875}


def plant(folder, stem="SA1", *, words=WORDS, phones=PHONES, suffix=".WAV", encoding="NIST", case=str):
    folder.mkdir(parents=True, exist_ok=True)
    if suffix:
        samples = np.zeros(16000)
        for where, level in CLICKS.items():
            samples[where] = level
        soundfile.write(folder / f"{stem}{suffix}", samples, RATE_HZ, format=encoding, subtype="PCM_16")
    if words is not None:
        (folder / case(f"{stem}.WRD")).write_text(words)
    if phones is not None:
        (folder / case(f"{stem}.PHN")).write_text(phones)


def split(source):
    items = list(source.items())
    taken = {item.name: item for item in items if isinstance(item, data.Item)}
    return taken, {item.name: item.reason for item in items if isinstance(item, data.LeftOut)}


@pytest.mark.parametrize(
    ("suffix", "encoding", "case"),
    [(".WAV", "NIST", str), (".WAV.wav", "WAV", str), (".wav", "WAV", str.lower), (".flac", "FLAC", str)],
)
def test_words_are_cut_with_silence_and_phones_move_along(tmp_path, suffix, encoding, case):
    plant(tmp_path / "TRAIN" / "DR1", suffix=suffix, encoding=encoding, case=case)
    items, left_out = split(data.Timit(tmp_path))
    assert left_out == {}
    assert [name.upper() for name in items] == [f"TRAIN/DR1/SA1#{i}" for i in range(3)]
    assert [item.label for item in items.values()] == ["she", "had", "ask"]
    she = next(iter(items.values()))
    silence = 400  # 25 ms
    assert she.sound.samples.size == 4000 + 2 * silence
    assert np.flatnonzero(she.sound.samples).tolist() == [silence, silence + 2000]
    assert she.sound.samples[[silence, silence + 2000]].tolist() == [0.25, 0.5]
    # [iy] goes on into the next word: it is clipped to this one, and its rest belongs to that.
    assert [s.label for s in she.segments] == ["sh", "iy"]
    times = [(s.start_s * RATE_HZ, s.end_s * RATE_HZ) for s in she.segments]
    np.testing.assert_allclose(times, [(400, 2400), (2400, 4400)], atol=1e-6)
    had = list(items.values())[1]
    assert [s.label for s in had.segments] == ["iy", "hv"]
    assert had.segments[0].end_s * RATE_HZ == pytest.approx(400 + 200)


def test_both_containers_of_a_sound_are_one_utterance(tmp_path):
    plant(tmp_path)
    data.write_sound(tmp_path / "SA1.WAV.wav", np.full(16000, 0.5), RATE_HZ)
    items, left_out = split(data.Timit(tmp_path))
    assert (len(items), left_out) == (3, {})
    assert items["SA1#0"].sound.samples[401] == 0.5, "the RIFF file is read"


def test_a_list_of_words_in_any_case_keeps_the_names(tmp_path):
    plant(tmp_path)
    items, left_out = split(data.Timit(tmp_path, words=("ASK", "she"), silence_s=0))
    assert list(items) == ["SA1#0", "SA1#2"]
    assert items["SA1#2"].sound.samples.size == 6000
    assert left_out == {}


def test_utterances_without_wanted_words_are_not_read(tmp_path):
    plant(tmp_path)
    (tmp_path / "SA1.WAV").write_bytes(b"broken")
    assert split(data.Timit(tmp_path, words=("water",))) == ({}, {})
    assert split(data.Timit(tmp_path, words=("ask",)))[1] == {"SA1": "Format not recognised."}


def test_the_order_is_natural_and_hidden_files_are_ignored(tmp_path):
    for stem in ("SX10", "SX9", ".SX1"):
        plant(tmp_path, stem, words="0 10 ask\n")
    plant(tmp_path / ".git", words="0 10 ask\n")
    (tmp_path / "._SX9.WRD").write_bytes(b"\xff\xfe")
    assert list(split(data.Timit(tmp_path))[0]) == ["SX9#0", "SX10#0"]


def test_words_without_phones_are_items_without_segments(tmp_path):
    plant(tmp_path, phones=None)
    items, _ = split(data.Timit(tmp_path))
    assert {item.segments for item in items.values()} == {()}
    assert len(items) == 3


def test_a_bad_word_is_left_out_alone(tmp_path):
    plant(
        tmp_path,
        words="0 100 good\n\n100 100 empty\n300 200 backwards\n15000 16001 beyond\n15000 16000 last\n",
    )
    items, left_out = split(data.Timit(tmp_path))
    assert [item.label for item in items.values()] == ["good", "last"]
    assert left_out == {
        "SA1#1": "'empty' is empty: from sample 100 to 100",
        "SA1#2": "'backwards' is empty: from sample 300 to 200",
        "SA1#3": "'beyond' goes from sample 15000 to 16001, the sound has 16000",
    }


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"words": "0 10 ask\n10 she\n"}, "SA1.WRD, line 2: expected 'start end label', got '10 she'"),
        ({"words": "0 -10 ask\n"}, "SA1.WRD, line 1: expected 'start end label', got '0 -10 ask'"),
        ({"words": "0 1.5 ask\n"}, "SA1.WRD, line 1: expected 'start end label', got '0 1.5 ask'"),
        ({"phones": "0 10\n"}, "SA1.PHN, line 1: expected 'start end label', got '0 10'"),
        ({"words": None}, "no .WRD file beside it"),
        ({"suffix": None}, "no sound file beside its .WRD file"),
    ],
)
def test_a_faulty_utterance_is_left_out_by_name(tmp_path, fault, reason):
    plant(tmp_path, **fault)
    plant(tmp_path, "SA2")
    items, left_out = split(data.Timit(tmp_path))
    assert left_out == {"SA1": reason}
    assert list(items) == ["SA2#0", "SA2#1", "SA2#2"]


def test_a_word_file_that_is_no_text_is_named(tmp_path):
    plant(tmp_path)
    (tmp_path / "SA1.WRD").write_bytes(b"0 10 \xff\n")
    _, left_out = split(data.Timit(tmp_path))
    assert left_out["SA1"].startswith("SA1.WRD cannot be read: 'utf-8' codec")


def test_segments_survive_another_sampling_rate(tmp_path):
    """The click at a phone's boundary is where its segment starts, in a cache of half the rate."""
    plant(tmp_path, words="1000 5000 she\n")
    cache = data.build_cache(data.Timit(tmp_path), tmp_path / "cache", sample_rate_hz=8000)
    assert cache.name(0) == "SA1#0"
    vowel = cache.segments(0)[1]
    assert vowel.label == "iy"
    level = np.abs(cache.samples(0).astype(float))
    assert level.argmax() == round(vowel.start_s * 8000) == (400 + 2000) // 2


def test_sequences_are_the_beginnings_of_words_up_to_the_vowels_end(tmp_path):
    words = "0 4000 stop\n4000 8000 two\n8000 12000 tree\n12000 15000 sea\n"
    phones = (
        "0 1000 s\n1000 1500 tcl\n1500 2000 t\n2000 3500 aa\n3500 4000 pcl\n"
        "4000 4500 tcl\n4500 5000 t\n5000 8500 ux\n"
        "8500 9000 t\n9000 9500 r\n9500 12000 iy\n12000 13000 s\n13000 15000 iy\n"
    )
    plant(tmp_path, words=words, phones=phones)
    items, left_out = split(data.Timit(tmp_path, sequences=("TV", "sTV"), silence_s=0))
    assert left_out == {}
    assert {name: (item.label, item.sound.samples.size) for name, item in items.items()} == {
        "SA1#0": ("sTV", 3500),
        "SA1#1": ("TV", 4000),  # the vowel's rest is the next word's
    }
    assert [segment.label for segment in items["SA1#0"].segments] == ["s", "tcl", "t", "aa"]
    assert list(split(data.Timit(tmp_path, sequences=("TV",)))[0]) == ["SA1#1"]


def test_sequences_need_phones_and_known_names(tmp_path):
    plant(tmp_path, phones=None)
    items, left_out = split(data.Timit(tmp_path, sequences=("TV",)))
    assert items == {}
    assert left_out == {"SA1": "no phones in a .PHN file beside it"}
    for wrong in (("VT",), "TV", ()):
        with pytest.raises(ValueError, match="Timit: expected sequences as a tuple of TV and sTV"):
            data.Timit(tmp_path, sequences=wrong)
