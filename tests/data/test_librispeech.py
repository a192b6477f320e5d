"""Recordings with TextGrids: both formats, both encodings, selection by frequency, every fault by name."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from convscope import data

RATE_HZ = 16000
CLICK_S = 0.5
WORDS = [("", 0.0, 0.25), ("Ask", 0.25, 0.75), ("<unk>", 0.75, 0.8), ('o"ily', 0.8, 1.0)]
PHONES = [
    ("sil", 0.0, 0.25),
    ("AE1", 0.25, CLICK_S),
    ("S", CLICK_S, 0.79),
    ("spn", 0.79, 0.85),
    ("ɔɪ", 0.85, 1.0),
]


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def long_form(tiers, end_s):
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end_s}"]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, marks) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {quoted(name)}"]
        lines += ["        xmin = 0", f"        xmax = {end_s}", f"        intervals: size = {len(marks)}"]
        for i, (label, start, end) in enumerate(marks, start=1):
            lines += [f"        intervals [{i}]:", f"            xmin = {start}", f"            xmax = {end}"]
            lines += [f"            text = {quoted(label)}"]
    return "\n".join(lines) + "\n"


def short_form(tiers, end_s):
    lines = ['File type = "ooTextFile short"', '"TextGrid"', "", "0", f"{end_s}", "<exists>", f"{len(tiers)}"]
    for name, marks in tiers.items():
        lines += ['"IntervalTier"', quoted(name), "0", f"{end_s}", f"{len(marks)}"]
        for label, start, end in marks:
            lines += [f"{start}", f"{end}", quoted(label)]
    return "\n".join(lines) + "\n"


def plant_sound(path, seconds=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.full(round(seconds * RATE_HZ), 0.125)
    samples[round(CLICK_S * RATE_HZ)] = 0.5
    data.write_sound(path, samples, RATE_HZ)


def plant_grid(path, words=WORDS, phones=PHONES, *, form=long_form, encoding="utf-8", end_s=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    tiers = {"words": words} | ({"phones": phones} if phones else {})
    path.write_text(form(tiers, end_s), encoding=encoding)


def split(source):
    items = list(source.items())
    taken = {item.name: item for item in items if isinstance(item, data.Item)}
    return taken, {item.name: item.reason for item in items if isinstance(item, data.LeftOut)}


def test_a_missing_library_names_the_extra(tmp_path, monkeypatch):
    plant_sound(tmp_path / "1.flac")
    plant_grid(tmp_path / "1.TextGrid")
    monkeypatch.setitem(sys.modules, "praatio", None)
    with pytest.raises(ImportError, match=r'pip install "convscope\[train\]"'):
        list(data.LibriSpeech(tmp_path).items())


@pytest.fixture(autouse=True)
def _needs_praatio(request):
    if request.node.originalname != "test_a_missing_library_names_the_extra":
        pytest.importorskip("praatio", reason="praatio (the extra convscope[train]) is not installed")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("form", [long_form, short_form])
def test_words_are_cut_with_silence_and_phones_move_along(tmp_path, form, encoding):
    plant_sound(tmp_path / "84" / "121" / "84-121-0000.flac")
    plant_grid(tmp_path / "84" / "121" / "84-121-0000.TextGrid", form=form, encoding=encoding)
    items, left_out = split(data.LibriSpeech(tmp_path))
    assert left_out == {}
    assert list(items) == ["84/121/84-121-0000#1", "84/121/84-121-0000#3"]
    ask, oily = items.values()
    assert (ask.label, oily.label) == ("ask", 'o"ily')
    assert ask.sound.samples.size == RATE_HZ // 2 + 2 * 400
    assert not ask.sound.samples[:400].any()
    assert not ask.sound.samples[-400:].any()
    assert [s.label for s in ask.segments] == ["AE1", "S"]
    assert [s.label for s in oily.segments] == ["ɔɪ"]
    assert ask.sound.samples.argmax() == pytest.approx(ask.segments[1].start_s * RATE_HZ)
    assert ask.segments[1].end_s == pytest.approx(0.025 + 0.5), "clipped to the word"


def test_alignments_may_lie_elsewhere_and_have_no_phones(tmp_path):
    plant_sound(tmp_path / "sounds" / "84" / "a.wav")
    plant_grid(tmp_path / "grids" / "flat" / "a.textgrid", phones=None)
    items, left_out = split(data.LibriSpeech(tmp_path / "sounds", alignments=tmp_path / "grids"))
    assert list(items) == ["84/a#1", "84/a#3"]
    assert {item.segments for item in items.values()} == {()}
    assert left_out == {}


def test_a_textgrid_belongs_to_the_sound_beside_it_or_to_the_only_one_of_its_name(tmp_path):
    for speaker in ("s1", "s2"):
        plant_sound(tmp_path / "beside" / speaker / "1.wav")
        plant_grid(tmp_path / "beside" / speaker / "1.TextGrid", words=[(speaker, 0.0, 1.0)])
        plant_sound(tmp_path / "apart" / speaker / "1.wav")
        plant_grid(tmp_path / "apart" / f"{speaker}-grids" / "1.TextGrid")
    items, left_out = split(data.LibriSpeech(tmp_path / "beside"))
    assert {name: item.label for name, item in items.items()} == {"s1/1#0": "s1", "s2/1#0": "s2"}
    assert left_out == {}
    items, left_out = split(data.LibriSpeech(tmp_path / "apart"))
    assert items == {}
    assert set(left_out) == {"s1/1", "s2/1"}
    assert "s1/1.wav, s2/1.wav, s1-grids/1.TextGrid, s2-grids/1.TextGrid" in left_out["s1/1"]


def plant_counted(folder):
    """Word k of a, b, c, d occurs 4, 3, 3 and 1 times, b and c tie."""
    plant_sound(folder / "1.wav", 1.1)
    sequence = ["a", "B", "c", "a", "b", "C", "A", "b", "c", "a", "d"]
    marks = [(word, i / 10, (i + 1) / 10) for i, word in enumerate(sequence)]
    plant_grid(folder / "1.TextGrid", marks, None, end_s=1.1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"a": 4, "b": 3, "c": 3, "d": 1}),
        ({"skip_most_frequent": 1}, {"b": 3, "c": 3, "d": 1}),
        ({"keep_most_frequent": 2}, {"a": 4, "b": 3}),
        ({"skip_most_frequent": 2, "keep_most_frequent": 1}, {"c": 3}),
        ({"skip_most_frequent": 1, "keep_most_frequent": 2, "words": ("A", "C", "d")}, {"c": 3}),
        ({"skip_most_frequent": 4}, {}),
    ],
)
def test_words_by_frequency(tmp_path, options, expected):
    plant_counted(tmp_path)
    items, left_out = split(data.LibriSpeech(tmp_path, **options))
    labels = [item.label for item in items.values()]
    assert {label: labels.count(label) for label in labels} == expected
    assert left_out == {}


def test_counts_out_of_range_are_refused():
    with pytest.raises(
        ValueError, match="skip_most_frequent ≥ 0 and keep_most_frequent ≥ 1 or None, got -1 and None"
    ):
        data.LibriSpeech("a", skip_most_frequent=-1)
    with pytest.raises(ValueError, match="got 0 and 0"):
        data.LibriSpeech("a", keep_most_frequent=0)


def broken(path, change):
    content = path.read_bytes()
    path.write_bytes(change(content))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: b"", "1.TextGrid is no TextGrid: "),
        (lambda content: b"\x00\xff" + content, "1.TextGrid is no TextGrid: "),
        (lambda content: content.replace(b"0.75", b"soon"), "1.TextGrid is no TextGrid: "),
        (lambda content: content[: content.index(b'"<unk>"')], "1.TextGrid is no TextGrid: "),
        (lambda content: content.replace(b'"words"', b'"orthography"'), "1.TextGrid has no tier 'words'"),
        (
            lambda content: content[: content.index(b"        intervals [4]")],
            "1.TextGrid: tier 'words' ends at 0.8 s of 1 s, is the file cut off?",
        ),
    ],
)
def test_a_broken_textgrid_is_left_out_by_name(tmp_path, change, reason):
    for stem in ("1", "2"):
        plant_sound(tmp_path / f"{stem}.wav")
        plant_grid(tmp_path / f"{stem}.TextGrid")
    broken(tmp_path / "1.TextGrid", change)
    items, left_out = split(data.LibriSpeech(tmp_path, keep_most_frequent=9))
    assert list(left_out) == ["1"]
    assert left_out["1"].startswith(reason)
    assert list(items) == ["2#1", "2#3"]


@pytest.mark.parametrize("stop", range(40, 420, 20))
def test_a_short_textgrid_that_was_cut_off_never_passes_for_a_whole_one(tmp_path, stop):
    plant_sound(tmp_path / "1.wav")
    plant_grid(tmp_path / "1.TextGrid", form=short_form)
    whole = (tmp_path / "1.TextGrid").read_bytes()
    first_tier = whole.index(b'"IntervalTier"', whole.index(b'"words"'))
    (tmp_path / "1.TextGrid").write_bytes(whole[: stop * first_tier // 420])
    items, left_out = split(data.LibriSpeech(tmp_path))
    assert items == {}
    assert list(left_out) == ["1"]


def test_sounds_and_textgrids_without_each_other_are_named(tmp_path):
    plant_sound(tmp_path / "only sound.wav")
    plant_grid(tmp_path / "only grid.TextGrid")
    plant_grid(tmp_path / "broken.TextGrid")
    (tmp_path / "broken.wav").write_bytes(b"noise")
    assert split(data.LibriSpeech(tmp_path)) == (
        {},
        {
            "broken": "Format not recognised.",
            "only sound": "no TextGrid of its name",
            "only grid.TextGrid": "no sound of its name",
        },
    )


def test_a_word_beyond_its_sound_is_left_out_alone(tmp_path):
    plant_sound(tmp_path / "1.wav", 0.9)
    plant_grid(tmp_path / "1.TextGrid")
    items, left_out = split(data.LibriSpeech(tmp_path))
    assert list(items) == ["1#1"]
    assert left_out == {"1#3": "'o\"ily' goes from sample 12800 to 16000, the sound has 14400"}
