"""Findings that should not appear do not: layers made so that they have nothing of the output, or too little to tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import convscope as cs
from convscope.acoustics import F0, Interval, Intervals
from convscope.probe import Series
from convscope.protocols import Study
from convscope.protocols._feature_maps import add_maps
from convscope.protocols._interpolation import Interpolated
from convscope.protocols._layers_and_output import add_classes, add_durations, add_tracks
from convscope.protocols._outputs import longest_of_each, segments, voice_of
from convscope.protocols._reduplication import add_copies
from convscope.protocols._taslp import _layer_as_sound, above_rest
from convscope.protocols._variables import add_discovery

pytest.importorskip("parselmouth", reason="Praat (the extra convscope[acoustics]) is not installed")
COUNT, LENGTH, RATE_HZ = 24, 16384, 16000
TABLE = cs.Probe(
    cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=1)), ["conv3", "conv4", "out"]
).layers


def outputs(rng):
    """Vowels of different length, pitch and loudness, then silence."""
    time_s = np.arange(LENGTH) / RATE_HZ
    sounds = np.zeros((COUNT, LENGTH), np.float32)
    for sound in sounds:
        f0, ends_s = rng.uniform(100, 200), rng.uniform(0.3, 0.8)
        wave = sum(np.cos(2 * np.pi * k * f0 * time_s) / k for k in range(1, 12))
        sound[:] = rng.uniform(0.1, 0.9) * wave / np.abs(wave).max() * ((time_s > 0.1) & (time_s < ends_s))
        sound[:] *= 1 + 0.5 * np.sin(2 * np.pi * 3 * time_s + rng.uniform(0, 6))
    return sounds


def series(conv3, conv4, out):
    return Series({"conv3": conv3, "conv4": conv4, "out": out}, TABLE, {"reduce": "mean", "at": "post"})


def rectified(sounds, rate):
    return np.maximum(sounds, 0).reshape(COUNT, -1, RATE_HZ // rate).mean(2).astype(np.float32)


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(4)


def verdicts(study):
    return {each.claim: each.appears for each in study.findings}


def test_a_layer_that_follows_the_output_and_one_that_does_not(rng):
    out = outputs(rng)
    noise = np.abs(rng.normal(0, 0.1, (COUNT, 4096))).astype(np.float32)
    f0 = F0(75, 450, 10)
    for conv4, rises in ((rectified(out, 4000), True), (noise, False)):
        study = Study("", "")
        conv3 = np.abs(rng.normal(0, 0.1, (COUNT, 1024))).astype(np.float32)
        given = series(conv3, conv4, out)
        marks = segments(given, f0)
        add_tracks(study, given, longest_of_each(marks, "vowel"), f0, "out", 1, 0)
        add_durations(study, given, "out", 1)
        add_classes(study, given, marks, f0, "out")
        found = verdicts(study)
        assert found["Later layers correlate more with the output's intensity"] is rises
        durations = found["Durations at the layer before the output are those of the output"]
        assert durations is (
            True if rises else None
        )  # noise sounds all the time: there is nothing to compare
        assert found["Layers show vowels as periodic, fricatives as aperiodic, stops as silent"] is rises


def test_layers_that_fall_do_not_rise(rng):
    out = outputs(rng)
    conv4 = rectified(out, 4000)
    conv4 = np.abs(conv4 + rng.normal(0, 0.2, conv4.shape)).astype(np.float32)
    study, f0 = Study("", ""), F0(75, 450, 10)
    given = series(rectified(out, 1000), conv4, out)
    add_tracks(study, given, longest_of_each(segments(given, f0), "vowel"), f0, "out", 1, 0)
    assert verdicts(study)["Later layers correlate more with the output's intensity"] is False


def test_a_layer_that_never_repeats_does_not_agree_with_outputs_that_seldom_do(monkeypatch, rng):
    class Found:
        def __init__(self, count):
            self.count, self.p = count, 0.5

    out = outputs(rng)
    given = series(rectified(out, 1000), rectified(out, 4000), out)
    repeats = iter([*[1] * 16, *[2, 2, 2, 1], *[1] * 12])  # conv4, then the output
    monkeypatch.setattr(
        "convscope.protocols._reduplication.find_copies", lambda *_, **__: Found(next(repeats))
    )
    study = Study("", "")
    add_copies(study, given, "out", 16, 0)
    assert verdicts(study) == {"What the output repeats is repeated in the layers, too": False}


def test_a_latent_that_makes_fricatives_is_discovered():
    """z4 decides, by its sign; z0 and z1 are a code."""
    pytest.importorskip("sklearn", reason="scikit-learn (the extra convscope[stats]) is not installed")
    rng = np.random.default_rng(0)
    z = rng.uniform(-1, 1, (120, 6)).astype(np.float32)
    hisses = Intervals(
        tuple(Interval(sound, "fricative", 0.1, 0.3) for sound in np.flatnonzero(z[:, 4] > 0.1))
    )
    study = Study("", "")
    assert add_discovery(study, z, hisses, seed=0, code=2) == "z4"
    assert verdicts(study) == {"A few latent variables decide whether there is a fricative": True}
    assert "elbow" in study.pictures
    assert study.tables["latents"]["variable"].iloc[0] == "z4"
    by_code = Study("", "")
    assert add_discovery(by_code, z, hisses, seed=0, code=5) is None, "an entry of a code is not interpolated"
    assert "z4 of the code" in by_code.findings[0].evidence


def test_short_hisses_and_too_few_are_said():
    z = np.random.default_rng(0).uniform(-1, 1, (60, 3)).astype(np.float32)
    study = Study("", "")
    short = Intervals(tuple(Interval(sound, "fricative", 0.1, 0.15) for sound in range(30)))
    assert add_discovery(study, z, short, seed=0, code=0) is None
    assert "0 of 60 outputs have a fricative of 80 ms" in study.findings[0].evidence


def test_intervals_that_allow_both_are_undecided(rng):
    """Durations with a slope near one, of few sounds and much noise."""
    durations = rng.uniform(0.2, 0.9, COUNT)
    time_s = np.arange(4096) / 4000
    conv4 = (np.abs(np.sin(2 * np.pi * 120 * time_s)) * (time_s < durations[:, None])).astype(np.float32)
    ends_s = np.clip(durations + rng.normal(0, 0.05, COUNT), 0.1, 1.0)
    full_s = np.arange(LENGTH) / RATE_HZ
    sounds = (np.sin(2 * np.pi * 120 * full_s) * (full_s < ends_s[:, None])).astype(np.float32)
    study = Study("", "")
    add_durations(study, series(conv4[:, ::4], conv4, sounds), "out", 1)
    assert verdicts(study) == {
        "Durations at the layer before the output are those of the output": "undecided"
    }


def test_silent_outputs_have_no_segments(rng):
    out = outputs(rng)
    out[3] *= 1e-4
    given = series(rectified(out, 1000), rectified(out, 4000), out)
    assert 3 not in {each.sound for each in segments(given, F0())}
    assert 4 in {each.sound for each in segments(given, F0())}


def test_outputs_that_cannot_be_searched_say_why(monkeypatch, rng):
    out = outputs(rng)
    given = series(rectified(out, 1000), rectified(out, 4000), out)

    def refuse(*_, **__):
        raise ValueError("series: expected one that varies, got constant values")

    monkeypatch.setattr("convscope.protocols._reduplication.find_copies", refuse)
    study = Study("", "")
    add_copies(study, given, "out", 4, 0)
    assert verdicts(study) == {"What the output repeats is repeated in the layers, too": None}
    assert "expected one that varies" in study.missing[0].reason
    not_asked = Study("", "")
    add_copies(not_asked, given, "out", 0, 0)
    assert [each.reason for each in not_asked.missing] == ["Not asked for."]


def test_too_few_vowels_are_said(rng):
    out = outputs(rng)
    study = Study("", "")
    given = series(rectified(out, 1000), rectified(out, 4000), out)
    add_tracks(study, given, Intervals((Interval(0, "vowel", 0.1, 0.3),)), F0(points=10), "out", 1, 0)
    assert [each.reason for each in study.missing] == [
        "1 outputs have a vowel; correlations need at least 8."
    ]


def test_few_maps_are_not_clustered():
    net = cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=1))
    moved = Interpolated("z3", np.array([-1.0, 1.0]), cs.latents.random(8, size=100, seed=0))
    study = Study("", "")
    add_maps(study, net, cs.Probe(net), moved, "out", 0)
    assert [each.reason for each in study.missing] == [
        "The layer before the output has fewer than four maps."
    ]


def test_outputs_without_a_voice_are_looked_at_in_the_papers_range(rng):
    hiss = rng.normal(0, 0.1, (COUNT, LENGTH)).astype(np.float32)
    given = series(rectified(hiss, 1000), rectified(hiss, 4000), hiss)
    voice = voice_of(given, None)
    assert voice.f0 == F0(75, 450)
    assert "expected voiced frames between 60 and 300 Hz, got none" in voice.text
    assert voice_of(given, F0(100, 300, points=4)).text == "100-300 Hz, as given"


def test_the_level_that_a_layer_rests_at_is_no_sound():
    """After a tone of 0.4 s a layer rests at 0.3: nothing is left there, and the tone is."""
    time_s = np.arange(1250) / 1250
    tone = np.where(time_s < 0.4, 1 + np.sin(2 * np.pi * 200 * time_s), 0.3)
    found = above_rest(tone[None], 1250.0)[0]
    assert np.abs(found[time_s > 0.5]).max() < 0.01
    middle = (time_s > 0.1) & (time_s < 0.3)
    assert found[middle] == pytest.approx(np.sin(2 * np.pi * 200 * time_s)[middle], abs=0.02)


def test_a_slow_layer_is_not_drawn_as_a_sound(rng):
    out = outputs(rng)
    section = Study("", "").section("")
    given = series(rectified(out, 1000), rectified(out, 4000), out)
    _layer_as_sound(section, given, replace(given.info("conv3"), length=100))
    assert [item.reason for item in section.items] == ["It has 97.6562 values per second."]
