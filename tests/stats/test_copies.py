"""Copies: one, two and three planted ones, with noise and stretch; noise has none."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import stats

pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")
signal = pytest.importorskip("scipy.signal", reason="SciPy is not installed (extra stats)")

RATE_HZ = 4000
LAG_S = 0.29


def contour(length_s: float) -> np.ndarray:
    """Three humps that do not look like each other's continuation."""
    at = np.arange(round(length_s * RATE_HZ)) / round(length_s * RATE_HZ)
    return sum(
        height * np.exp(-0.5 * ((at - centre) / width) ** 2)
        for centre, width, height in ((0.2, 0.08, 1.0), (0.5, 0.06, 0.5), (0.8, 0.07, 0.8))
    )


def sound(rng: np.random.Generator, copies: int, noise: float = 0.05, stretch: float = 0.05) -> np.ndarray:
    made = np.zeros(4096)
    for copy in range(copies):
        shape = contour(0.27 * (1 + stretch * rng.uniform(-1, 1))) * rng.uniform(0.8, 1.2)
        first = round((0.05 + copy * LAG_S) * RATE_HZ)
        made[first : first + len(shape)] += shape
    time_s = np.arange(4096) / RATE_HZ
    return made * np.sin(2 * np.pi * 150 * time_s) + noise * rng.standard_normal(4096)


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_planted_copies_are_counted(copies):
    rng = np.random.default_rng(copies)
    found = [stats.find_copies(sound(rng, copies), RATE_HZ, draws=39) for _ in range(4)]
    assert [each.count for each in found] == [copies] * 4


def test_their_lags_are_the_planted_ones():
    found = stats.find_copies(sound(np.random.default_rng(0), 3, stretch=0.0), RATE_HZ, draws=39)
    assert found.occurrences["lag_s"].tolist() == pytest.approx([0, LAG_S, 2 * LAG_S], abs=0.021)
    assert (found.occurrences["similarity"] > 0.9).all()
    assert found.similarity.shape == (len(found.starts_s),) * 2


@pytest.mark.parametrize(("seed", "noise"), [(0, 0.0), (3, 0.1), (5, 0.02)])
def test_the_very_same_again_is_not_stretched(seed, noise):
    """A copy bit by bit, 0.3 s later: a longer window and a shorter copy of it are less alike and do not win."""
    rng = np.random.default_rng(seed)
    series = noise * rng.standard_normal(4096)
    shape = contour(0.27)
    again = shape * np.sin(2 * np.pi * 150 * np.arange(len(shape)) / RATE_HZ)
    again = again + noise * rng.standard_normal(len(shape))
    for first in (200, 200 + round(0.3 * RATE_HZ)):
        series[first : first + len(shape)] = again
    found = stats.find_copies(series, RATE_HZ, draws=39).occurrences
    assert found["lag_s"].tolist() == pytest.approx([0, 0.3])
    lengths_s = found["end_s"] - found["start_s"]
    assert lengths_s[0] == pytest.approx(lengths_s[1])
    assert found["similarity"].min() > 0.97


def test_a_copy_that_is_longer_is_found_longer():
    series, shapes = np.zeros(4096), (contour(0.25), contour(0.25 * 1.15))
    for first, shape in zip((200, 200 + round(0.4 * RATE_HZ)), shapes, strict=True):
        series[first : first + len(shape)] = shape
    tone = np.sin(2 * np.pi * 150 * np.arange(4096) / RATE_HZ)
    found = stats.find_copies(series * tone, RATE_HZ, draws=39).occurrences
    lengths_s = found["end_s"] - found["start_s"]
    assert lengths_s[1] > lengths_s[0]


@pytest.mark.parametrize(
    ("make", "rate_hz", "sets"),
    [
        (lambda rng: rng.standard_normal(64), 62.5, 40),
        (lambda rng: signal.lfilter([1], [1, -0.7], rng.standard_normal(64)), 62.5, 40),
        (lambda rng: np.abs(rng.standard_normal(1024)), 1000, 16),
    ],
    ids=["white", "autoregressive", "rectified"],
)
def test_noise_has_no_copies(make, rate_hz, sets):
    rng = np.random.default_rng(7)
    p = np.array([stats.find_copies(make(rng), rate_hz, draws=19).p for _ in range(sets)])
    assert (p <= 0.05).mean() <= 0.12
    assert p.min() < 0.5, "p is not stuck at one"


def test_several_readouts_tell_syllables_apart_that_are_equally_loud():
    """The same contour twice, but in another read-out each time."""
    rng = np.random.default_rng(3)
    first, second = np.zeros((2, 1024))
    at = np.linspace(0, 1, 270)
    shape = np.exp(-0.5 * ((at - 0.3) / 0.12) ** 2) + 0.6 * np.exp(-0.5 * ((at - 0.8) / 0.05) ** 2)
    first[50 : 50 + len(shape)], second[340 : 340 + len(shape)] = shape, shape
    tone = np.sin(2 * np.pi * 150 * np.arange(1024) / 1000)
    rows = np.stack([first, second]) * tone + 0.02 * rng.standard_normal((2, 1024))
    assert stats.find_copies(rows.sum(0), 1000, draws=39).count == 2
    assert stats.find_copies(rows, 1000, draws=39, readouts=True).count == 1


def test_the_same_seed_gives_the_same_result():
    series = sound(np.random.default_rng(5), 2)
    one, other = (stats.find_copies(series, RATE_HZ, draws=19, seed=4) for _ in range(2))
    assert one.p == other.p
    assert one.occurrences.equals(other.occurrences)


@pytest.mark.parametrize(
    ("series", "settings", "message"),
    [
        (np.ones(1000), {}, "series: expected one that varies"),
        (np.r_[np.nan, np.ones(999)], {}, "series: expected finite numbers"),
        (
            np.zeros((2, 900)),
            {},
            r"series: expected \(L,\) of one sound, or \(K, L\) with readouts=True, got",
        ),
        (
            np.zeros((2, 3, 4)),
            {"readouts": True},
            r"series: expected \(L,\) or \(K, L\), got shape \(2, 3, 4\)",
        ),
        (np.arange(150.0), {}, "at most half of the series"),
        (np.arange(1000.0), {"shortest_s": 0.5}, "shortest_s: expected a time between 0 and longest_s"),
        (np.arange(1000.0), {"tolerance": 0.7}, "tolerance: expected a share"),
        (np.arange(1000.0), {"draws": 5}, "draws: expected at least 19, got 5"),
    ],
)
def test_bad_series_are_refused(series, settings, message):
    with pytest.raises(ValueError, match=message):
        stats.find_copies(series, 1000, **settings)


def test_recordings_of_minutes_are_refused():
    with pytest.raises(ValueError, match="series: expected at most 30 s at 100 frames per second"):
        stats.find_copies(np.random.default_rng(0).standard_normal(40 * 1000), 1000.0)
