"""Intervals from every kind of annotation, and series cut by them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.acoustics.planted import noise, vowel

import convscope as cs
from convscope import acoustics
from convscope.acoustics import Interval, Intervals
from convscope.data import Segment

pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra acoustics)")
TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

0
0.5
<exists>
1
"IntervalTier"
"phones"
0
0.5
4
0
0.1
""
0.1
0.2
"s"
0.2
0.35
"ɑ"
0.35
0.5
""
"""


def test_a_textgrid(tmp_path):
    pytest.importorskip("praatio", reason="praatio is not installed (extra train)")
    path = tmp_path / "a.TextGrid"
    path.write_text(TEXTGRID, encoding="utf-8")
    found = Intervals.from_textgrid(path, "phones", sound=2)
    assert found.rows == (Interval(2, "s", 0.1, 0.2), Interval(2, "ɑ", 0.2, 0.35))
    with pytest.raises(ValueError, match=r"a\.TextGrid: expected a tier named 'words', got none"):
        Intervals.from_textgrid(path, "words")
    path.write_text("nothing", encoding="utf-8")
    with pytest.raises(cs.data.TextGridError, match="is no TextGrid"):
        Intervals.from_textgrid(path, "phones")


def test_timit(tmp_path):
    path = tmp_path / "SA1.PHN"
    path.write_text("0 1600 h#\n1600 3200 s\n3200 4800 aa\n")
    found = Intervals.from_phn(path)
    assert [(row.label, row.start_s, row.end_s) for row in found] == [
        ("h#", 0, 0.1),
        ("s", 0.1, 0.2),
        ("aa", 0.2, 0.3),
    ]
    path.write_text("0 1600\n")
    with pytest.raises(ValueError, match=r"SA1\.PHN, line 1: expected 'start end label'"):
        Intervals.from_phn(path)


def test_a_table_there_and_back(tmp_path):
    marks = Intervals((Interval(1, "NA", 0.3, 0.4), Interval(0, "s", 0.1, 0.25)))
    assert [row.sound for row in marks] == [0, 1], "by sound"
    assert Intervals.from_table(marks.to_table()) == marks
    marks.to_table().to_csv(tmp_path / "marks.csv", index=False)
    assert Intervals.from_table(tmp_path / "marks.csv") == marks
    with pytest.raises(ValueError, match="columns sound, label, start_s, end_s, got none named end_s"):
        Intervals.from_table(marks.to_table().drop(columns="end_s"))


def test_synthetic_words():
    pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed (extra speech)")
    corpus = cs.data.synthesise_words(("ask", "wash"), tokens_per_word=2, seed=1)
    found = Intervals.from_words(corpus)
    assert found.of(0)[0].start_s == pytest.approx(0.025)
    assert len(found) == sum(len(token.phones) for token in corpus.tokens)
    fricatives = found.labelled("[sS]")
    table = acoustics.measure(
        corpus.waveforms,
        acoustics.SpectralMoments(750, 8000),
        rate_hz=corpus.sample_rate_hz,
        intervals=fricatives,
    ).wide()
    centres_hz = table.groupby("label", observed=True)["cog"].mean()
    assert centres_hz["s"] > 1.15 * centres_hz["S"], "[s] is higher than [ʃ]"


def test_means_are_of_the_interval_alone():
    sound = np.concatenate([vowel(100, 16000, 0.5), vowel(200, 16000, 0.5), noise(2000, 7000, 16000, 0.5)])
    marks = Intervals.from_segments(
        [[Segment("low", 0.05, 0.45), Segment("high", 0.55, 0.95), Segment("s", 1.05, 1.45)]]
    )
    found = acoustics.measure(
        sound, acoustics.Intensity(), acoustics.SpectralMoments(), rate_hz=16000, intervals=marks
    ).wide()
    assert found["label"].tolist() == ["low", "high", "s"]
    assert found["interval"].tolist() == [0, 1, 2]
    assert found["cog"].iloc[2] == pytest.approx(4500, rel=0.03)
    rms_db = [10 * np.log10(np.mean(part**2) / 4e-10) for part in np.split(sound, 3)]
    assert found["intensity_mean"].to_numpy() == pytest.approx(rms_db, abs=0.2)


def test_f0_in_intervals_shorter_than_its_window():
    pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    marks = Intervals((Interval(0, "v", 0.2, 0.22),))
    found = acoustics.measure(vowel(150, 16000), acoustics.F0(), rate_hz=16000, intervals=marks)
    assert found.wide()["f0_median"].iloc[0] == pytest.approx(150, rel=0.001)


def test_numbers_are_those_of_the_intervals_given_whatever_is_cut_off():
    marks = Intervals(
        (Interval(0, "before", -0.5, -0.2), Interval(0, "v", 0.1, 0.2), Interval(1, "w", 0.1, 0.9))
    )
    sounds = np.stack([vowel(120, 16000), vowel(150, 16000)])
    measured = acoustics.measure(
        sounds, acoustics.Intensity(), rate_hz=16000, intervals=marks, beyond="clip"
    ).wide()
    assert measured[["sound", "interval", "label"]].values.tolist() == [[0, 1, "v"], [1, 0, "w"]]
    cut = acoustics.normalised_time(sounds, marks, points=2, rate_hz=16000, beyond="clip")
    assert cut[["interval", "label"]].values.tolist() == [[1, "v"], [1, "v"], [2, "w"], [2, "w"]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0.5, "s", 0.1, 0.2), "intervals: expected whole numbers of sounds, got .*0.5"),
        ((0, None, 0.1, 0.2), "intervals: expected a label in each row, got rows without one"),
        ((0, "s", float("nan"), 0.2), "intervals: expected a start_s in each row"),
    ],
)
def test_rows_that_are_no_intervals_are_refused(row, message):
    table = pandas.DataFrame([row], columns=["sound", "label", "start_s", "end_s"])
    with pytest.raises(ValueError, match=message):
        Intervals.from_table(table)


def test_no_intervals_make_empty_tables_of_the_same_columns():
    whole = acoustics.measure(vowel(120, 16000), acoustics.Intensity(points=2), rate_hz=16000)
    none = acoustics.measure(
        vowel(120, 16000), acoustics.Intensity(points=2), rate_hz=16000, intervals=Intervals(())
    )
    assert len(none.table) == 0
    numbers = ["sound", "rate_hz", "interval", "point", "time_s", "frequency_hz", "value"]
    assert none.table.dtypes[numbers].equals(whole.table.dtypes[numbers])
    assert len(none.wide()) == len(none.reasons()) == 0


def test_an_interval_that_is_all_beyond_is_an_error_however_little():
    late = Intervals((Interval(0, "s", 1.0241, 1.030),))
    with pytest.raises(ValueError, match="intervals: expected all within the sound"):
        late.within(0.0, 1.024)


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([["s", "S", "s"], ["S", "s"]], "Intervals(5 in 2 sounds: s 3, S 2)"),
        ([["s"]], "Intervals(1 in 1 sound: s 1)"),
        ([], "Intervals(0 in 0 sounds)"),
        (
            [list("abcdefghij")],
            "Intervals(10 in 1 sound: a 1, b 1, c 1, d 1, e 1, f 1, g 1, h 1 and 2 labels more)",
        ),
    ],
)
def test_the_repr_counts(labels, shown):
    marks = [[Segment(label, i, i + 1) for i, label in enumerate(sound)] for sound in labels]
    assert repr(Intervals.from_segments(marks)) == shown
