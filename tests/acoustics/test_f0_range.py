"""A voice at 100 Hz among sounds whose fourth harmonic is so strong that Praat takes it for F0."""

from __future__ import annotations

import numpy as np
import pytest
from tests.acoustics.planted import led_by, noise, placed, vowel

import convscope as cs
from convscope.acoustics import F0, Interval, Intervals, f0_range, measure

pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
RATE_HZ = 16000


VOICES = np.stack(
    [vowel(f0_hz, RATE_HZ) for f0_hz in np.linspace(92, 108, 9)]
    + [led_by(4, f0_hz) for f0_hz in (98, 100, 102)]
)
PLANTED_HZ = np.array([*np.linspace(92, 108, 9), 98, 100, 102])


def medians(range_hz):
    return measure(VOICES, range_hz, rate_hz=RATE_HZ).wide()["f0_median"].to_numpy()


def test_the_second_pass_finds_what_the_first_takes_for_four_times_as_much():
    assert medians(F0(75, 450))[9:] == pytest.approx(4 * PLANTED_HZ[9:], rel=0.01), (
        "else there is nothing to show"
    )
    found = f0_range(VOICES, rate_hz=RATE_HZ, first=F0(60, 600, points=4))
    assert found.points == 4
    assert 60 < found.floor_hz < 92
    assert 2 * found.floor_hz <= found.ceiling_hz < 390
    assert medians(found) == pytest.approx(PLANTED_HZ, rel=0.01)


def test_it_is_the_quartiles():
    voices = np.stack([vowel(f0_hz, RATE_HZ) for f0_hz in (120, 120, 200, 200)])
    assert f0_range(voices, rate_hz=RATE_HZ) == F0(90, 300)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (F0(60, 600), F0(90, 180)),
        (F0(100, 600), F0(100, 200)),
        (F0(60, 150), F0(75, 150)),
        (F0(90.5, 150), F0(90.5, 150)),  # less than an octave: as it is
    ],
)
def test_it_stays_within_the_first_range(first, expected):
    assert f0_range(vowel(120, RATE_HZ), rate_hz=RATE_HZ, first=first) == expected


def test_frames_count_in_intervals_alone():
    sound = placed(vowel(100, RATE_HZ, 0.4), RATE_HZ, 0.1, 1.2) + placed(
        vowel(300, RATE_HZ, 0.5), RATE_HZ, 0.6, 1.2
    )
    marks = Intervals((Interval(0, "a", 0.15, 0.45), Interval(0, "a", 0.2, 0.4)))
    assert f0_range(sound, rate_hz=RATE_HZ, intervals=marks) == F0(75, 150)
    assert f0_range(sound, rate_hz=RATE_HZ).ceiling_hz > 400
    with pytest.raises(ValueError, match="intervals: expected all within the sound"):
        f0_range(sound, rate_hz=RATE_HZ, intervals=Intervals((Interval(0, "a", 1.0, 2.0),)))
    with pytest.raises(ValueError, match="intervals: expected sounds below 1"):
        f0_range(sound, rate_hz=RATE_HZ, intervals=Intervals((Interval(1, "a", 0.1, 0.2),)))


def test_silent_sounds_do_not_count():
    voices = np.stack([np.zeros(8000), vowel(120, RATE_HZ), np.full(8000, np.nan)])
    assert f0_range(voices, rate_hz=RATE_HZ) == F0(90, 180)


@pytest.mark.parametrize(
    ("source", "settings", "message"),
    [
        (noise(500, 8000, RATE_HZ), {"rate_hz": RATE_HZ}, "source: expected voiced frames between 60 and 600 Hz, got none"),
        (np.zeros(8000), {"rate_hz": RATE_HZ}, "source: expected voiced frames"),
        (vowel(120, 4000), {"rate_hz": 4000}, "layer: expected one that carries F0, got .* lower the ceiling to 500 Hz"),
        (vowel(120, 1000), {"rate_hz": 1000}, "layer: expected one that carries F0, got a rate of 1000 Hz"),
    ],
)  # fmt: skip
def test_what_has_no_range_is_refused(source, settings, message):
    with pytest.raises(ValueError, match=message):
        f0_range(source, **settings)


def test_of_a_network():
    net = cs.zoo.load("words8")["generator"]
    series = cs.fast_probe(net, cs.latents.random(12, size=12, code=cs.latents.OneHot(8))[:])
    with pytest.raises(ValueError, match="layer: expected one of fc, conv1, conv2, conv3, out, got None"):
        f0_range(series)
    found = f0_range(series, layer="out")
    assert found == f0_range(np.asarray(series["out"]), rate_hz=series.info("out").rate_hz)
