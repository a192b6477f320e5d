"""Vowels, fricatives and silences in known places."""

from __future__ import annotations

import numpy as np
import pytest
from tests.acoustics.planted import layer_of, noise, vowel
from tests.sweep.sweeps import design, generator

import convscope as cs
from convscope import acoustics
from convscope.acoustics import ClassSettings, Interval, Intervals
from convscope.acoustics._classes import segments_of

pytest.importorskip("scipy", reason="scipy is not installed (extra acoustics)")
KNOWN = Intervals(
    tuple(
        Interval(0, name, start_s, start_s + 0.2)
        for name, start_s in (
            ("fricative", 0.0),
            ("vowel", 0.2),
            ("silence", 0.4),
            ("vowel", 0.6),
            ("fricative", 0.8),
        )
    )
)
SOUND = np.concatenate(
    [
        0.3 * noise(2000, 7800, 16000, 0.2),
        vowel(110, 16000, 0.2),
        0.0002 * noise(100, 7800, 16000, 0.2, seed=1),
        vowel(220, 16000, 0.2),
        0.3 * noise(2000, 7800, 16000, 0.2, seed=2),
    ]
)


def plain(label):
    return label


@pytest.mark.parametrize("factor", [1, 4])
def test_classes_are_where_they_were_put(factor):
    series = SOUND if factor == 1 else layer_of(SOUND, factor)
    found = acoustics.find_segments(series, rate_hz=16000 / factor, start_s=(factor - 1) / 32000)
    assert [row.label for row in found] == [row.label for row in KNOWN]
    compared = acoustics.compare_classes(found, KNOWN, class_of=plain)
    assert compared.accuracy > 0.95
    assert min(compared.recall.values()) > 0.9
    assert np.abs(compared.boundary_errors_s).max() < 0.015
    assert compared.boundary_errors_s.size == 4
    assert compared.confusion.to_numpy().sum() == pytest.approx(1.0, abs=0.01)


def test_a_constant_below_a_layer_does_not_matter():
    frames = acoustics.classify(layer_of(SOUND, 4), rate_hz=4000)
    shifted = acoustics.classify(5 + layer_of(SOUND, 4), rate_hz=4000)
    assert (frames.classes == shifted.classes).all()


def test_what_carries_no_classes_says_so():
    frames = acoustics.classify(layer_of(SOUND, 64), rate_hz=250)
    assert frames.classes.size == 0
    assert "the harmonics of a voice need 3000 Hz" in frames.reason
    assert acoustics.classify(np.zeros(16000), rate_hz=16000).reason == "the series is constant"
    with pytest.raises(ValueError, match="layer: expected one that carries classes of sound"):
        acoustics.find_segments(layer_of(SOUND, 64), rate_hz=250)
    assert len(acoustics.find_segments(np.zeros(16000), rate_hz=16000)) == 0


def test_short_segments_are_given_to_their_neighbours():
    settings = ClassSettings(shortest_s=0.05)
    found = acoustics.find_segments(SOUND, rate_hz=16000, settings=settings)
    assert all(row.span.duration_s >= 0.05 for row in found)
    assert all(left.label != right.label for left, right in zip(found.rows, found.rows[1:], strict=False))


def test_layers_are_chosen_by_name():
    net = generator(strides=(4, 4, 4, 4, 4))
    series = cs.fast_probe(net, design(2)[:2])
    with pytest.raises(
        ValueError, match="layer: expected one of fc, conv1, conv2, conv3, conv4, out, got None"
    ):
        acoustics.find_segments(series)
    with pytest.raises(ValueError, match="got 'conv9'"):
        acoustics.find_segments(series, layer="conv9")
    found = acoustics.find_segments(series, layer="out")
    assert list(found) == list(acoustics.find_segments(np.asarray(series["out"]), rate_hz=16000))
    assert {row.sound for row in found} == {0, 1}


def test_comparison_counts_what_was_not_found():
    known = Intervals((Interval(0, "s", 0.0, 0.1), Interval(0, "aa", 0.1, 0.3), Interval(0, "n", 0.3, 0.4)))
    found = Intervals((Interval(0, "fricative", 0.0, 0.12), Interval(0, "vowel", 0.12, 0.2)))
    compared = acoustics.compare_classes(found, known)
    assert compared.confusion.loc["vowel"].tolist() == pytest.approx([0.08, 0.02, 0, 0.1], abs=0.002)
    assert compared.recall == {"vowel": pytest.approx(0.4, abs=0.01), "fricative": pytest.approx(1)}
    assert compared.boundary_errors_s == pytest.approx([0.02])
    with pytest.raises(ValueError, match="known: expected labels of a vowel"):
        acoustics.compare_classes(found, Intervals((Interval(0, "n", 0, 1),)))


def test_synthetic_words_on_output_and_layer():
    pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed (extra speech)")
    corpus = cs.data.synthesise_words(tokens_per_word=2, seed=3)
    known = Intervals.from_words(corpus)
    found = acoustics.find_segments(corpus.waveforms, rate_hz=16000)
    compared = acoustics.compare_classes(found, known)
    assert compared.accuracy > 0.9
    assert compared.recall["fricative"] > 0.95
    layers = np.stack([layer_of(row, 4) for row in corpus.waveforms])
    on_layer = acoustics.compare_classes(acoustics.find_segments(layers, rate_hz=4000), known)
    assert on_layer.accuracy > 0.85


def test_segments_that_overlap_cannot_be_compared():
    found = Intervals((Interval(0, "vowel", 0.0, 1.0), Interval(0, "fricative", 0.2, 0.4)))
    with pytest.raises(
        ValueError, match="found: expected segments that follow each other, got overlapping ones in sound 0"
    ):
        acoustics.compare_classes(found, KNOWN)


def test_a_short_first_segment_is_given_to_its_successor():
    times_s = np.arange(40) * 0.005
    classes = np.array(["fricative"] * 2 + ["vowel"] * 20 + ["silence"] * 2 + ["vowel"] * 16)
    frames = acoustics.ClassFrames(times_s, np.zeros(40), np.zeros(40), classes)
    ((label, span),) = segments_of(frames, 0.02)
    assert label == "vowel"
    assert (span.start_s, span.end_s) == pytest.approx((-0.0025, 0.1975))
    assert [each for each, _ in segments_of(frames, 0.005)] == ["fricative", "vowel", "silence", "vowel"]


def test_a_gap_before_a_found_segment_is_not_found():
    known = Intervals((Interval(0, "vowel", 0.0, 0.4),))
    found = Intervals((Interval(0, "vowel", 0.1, 0.2), Interval(0, "silence", 0.25, 0.3)))
    compared = acoustics.compare_classes(found, known, class_of=plain)
    assert compared.confusion.loc["vowel"].to_dict() == pytest.approx(
        {"vowel": 0.1, "fricative": 0, "silence": 0.05, "none": 0.25}, abs=0.002
    )


@pytest.mark.parametrize("start_s", [0.0, 0.5 / 16000])
def test_nothing_begins_before_a_sound(start_s):
    found = acoustics.find_segments(SOUND, rate_hz=16000, start_s=start_s)
    assert found.rows[0].start_s == 0
    pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    voiced = acoustics.voiced_intervals(vowel(120, 16000), rate_hz=16000, start_s=start_s)
    assert all(row.start_s >= 0 for row in voiced)
    earlier = acoustics.find_segments(SOUND, rate_hz=16000, start_s=-0.5)
    assert earlier.rows[0].start_s == pytest.approx(-0.5, abs=1e-4), "of a sound whose zero is within it"


@pytest.mark.parametrize(
    ("series", "settings", "message"),
    [
        (np.zeros((3, 16384)), {"rate_hz": 16000}, "series: expected one .* find_segments takes many, got 3 of them"),
        (SOUND, {"rate_hz": 0}, "rate_hz: expected a positive number, got 0"),
        (np.zeros(0), {"rate_hz": 16000}, "source: expected at least one value"),
    ],
)  # fmt: skip
def test_one_sound_is_classified_at_a_time(series, settings, message):
    with pytest.raises(ValueError, match=message):
        acoustics.classify(series, **settings)


def test_samples_are_classified_as_sounds():
    samples = np.round(SOUND * 32768).astype(np.int16)
    ours, theirs = (acoustics.classify(each, rate_hz=16000) for each in (samples[None], SOUND))
    assert (ours.classes == theirs.classes).mean() > 0.99
    assert ours.level_db[:30] == pytest.approx(theirs.level_db[:30], abs=0.01)


def test_comparisons_are_checked():
    with pytest.raises(ValueError, match="step_s: expected a positive number, got 0"):
        acoustics.compare_classes(KNOWN, KNOWN, step_s=0)
    found = acoustics.measure(SOUND, acoustics.Intensity(), rate_hz=16000)
    with pytest.raises(TypeError, match="found: expected Intervals, got Measurements"):
        acoustics.compare_classes(found, KNOWN)
