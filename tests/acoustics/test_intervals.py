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


def test_normalised_time_reads_the_layers_axis():
    """A ramp of time itself, at a layer's rate and offset: values are times."""
    layer_s = 0.5 * 255 / 16000 + np.arange(64) / 62.5
    marks = Intervals((Interval(0, "s", 0.1, 0.3), Interval(1, "S", 0.2, 0.7)))
    table = acoustics.normalised_time(
        np.stack([layer_s, 2 * layer_s]), marks, points=5, rate_hz=62.5, start_s=layer_s[0]
    )
    assert table["time"].tolist() == [0, 0.25, 0.5, 0.75, 1] * 2
    assert table["label"].tolist() == ["s"] * 5 + ["S"] * 5
    assert table["interval"].tolist() == [0] * 5 + [1] * 5
    expected = [0.1, 0.15, 0.2, 0.25, 0.3, *(2 * np.linspace(0.2, 0.7, 5))]
    assert table["value"].to_numpy() == pytest.approx(expected)
    assert table["time_s"].to_numpy() == pytest.approx([*expected[:5], *np.linspace(0.2, 0.7, 5)])
    assert table.groupby("label")["positions"].first().to_dict() == {"s": 13, "S": 31}


def test_normalised_time_of_several_layers_and_its_errors():
    net = cs.models.build(
        cs.models.preset("tf1-ciwgan", role="generator", dim=2, latent_dim=10), seed=1
    ).eval()
    series = cs.fast_probe(net, np.random.default_rng(0).uniform(-1, 1, (2, 10)).astype(np.float32))
    marks = Intervals((Interval(1, "s", 0.1, 0.3),))
    table = acoustics.normalised_time(series, marks, points=3)
    assert table["layer"].unique().tolist() == list(series)
    times_s = series.info("conv2").times_s()
    values = table[table["layer"] == "conv2"]["value"].to_numpy()
    assert values == pytest.approx(np.interp([0.1, 0.2, 0.3], times_s, series["conv2"][1]), rel=1e-6)
    with pytest.raises(ValueError, match="points: expected 2 or more, got 1"):
        acoustics.normalised_time(series, marks, points=1)
    with pytest.raises(ValueError, match="intervals: expected all within the sound"):
        acoustics.normalised_time(series, Intervals((Interval(0, "s", 0.5, 2),)))
    with pytest.raises(ValueError, match="intervals: expected sounds below 2"):
        acoustics.normalised_time(series, Intervals((Interval(2, "s", 0.5, 0.6),)))


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
