"""Slices: which samples, where the zeros go, at what level, and nothing random that was not drawn."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import data

LONG, SHORT, SPIKE = 0, 1, 2
RAMP = np.arange(1, 101)
SHORT_SOUND = np.array([3, -6, 2])


class Planted:
    """A ramp of 100 samples, three samples, and a sound whose peak -32768 lies behind its first part."""

    def items(self):
        sounds = {
            "ramp": RAMP,
            "short": SHORT_SOUND,
            "spike": np.r_[np.zeros(10), np.full(10, 16384), -32768],
        }
        for name, integers in sounds.items():
            samples = (integers / 32768).astype(np.float32)
            yield data.Item(name, data.Sound(samples, 16000), label={"short": "b"}.get(name, "a"))

    def describe(self):
        return {"kind": "Planted"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return data.build_cache(Planted(), tmp_path_factory.mktemp("data") / "cache", withhold=0)


@pytest.fixture
def slices(cache):
    def made(item=None, **settings):
        rows = cache.where() if item is None else [item]
        return data.Slices(cache, rows, **{"length": 10, "normalise": None, **settings})

    return made


def integers(batch):
    return np.rint(batch * 32768).astype(int)


def read(slices, *draws):
    """Row 0 with each pair of draws."""
    return integers(slices.read(np.zeros(len(draws), int), draws))


def test_the_first_slice_of_a_sound(slices):
    batch = slices().read([0, 1, 2, 0], np.full((4, 2), 0.99))
    assert (batch.dtype, batch.shape) == (np.float32, (4, 10))
    np.testing.assert_array_equal(integers(batch), [RAMP[:10], [3, -6, 2] + [0] * 7, [0] * 10, RAMP[:10]])


def test_rows_are_those_of_the_slices_not_of_the_cache(cache):
    chosen = data.Slices(cache, [SHORT, LONG], length=3, normalise=None)
    assert len(chosen) == 2
    assert chosen.labels.tolist() == [1, 0]
    assert [cache.labels[i] for i in chosen.labels] == ["b", "a"]
    np.testing.assert_array_equal(integers(chosen.read([0, 1], np.zeros((2, 2)))), [SHORT_SOUND, RAMP[:3]])


@pytest.mark.parametrize(
    ("draw", "cut"), [(0.0, 0), (0.24, 0), (0.26, 1), (0.51, 2), (0.75, 3), (1 - 2**-53, 3)]
)
def test_jitter_cuts_the_beginning(slices, draw, cut):
    (row,) = read(slices(LONG, jitter=3), (draw, 0.5))
    np.testing.assert_array_equal(row, RAMP[cut : cut + 10])


def test_jitter_always_leaves_a_sample(slices):
    rows = read(slices(SHORT, jitter=1000), *((u, 0) for u in (0, 0.34, 0.67, 1 - 2**-53)))
    assert [row[:3].tolist() for row in rows] == [[3, -6, 2], [-6, 2, 0], [2, 0, 0], [2, 0, 0]]


def test_a_random_start_reaches_every_place_in_the_sound(slices):
    draws = [(u, 0) for u in (0, 1 - 2**-53, *((np.arange(91) + 0.5) / 91))]
    rows = read(slices(LONG, start="random"), *draws)
    np.testing.assert_array_equal(rows[0], RAMP[:10])
    np.testing.assert_array_equal(rows[1], RAMP[-10:])
    np.testing.assert_array_equal(rows[2:, 0], np.arange(1, 92), err_msg="each of the 91 starts once")
    assert (np.diff(rows, axis=1) == 1).all(), "all within the sound"


def test_a_random_start_of_a_short_sound_is_its_beginning(slices):
    rows = read(slices(SHORT, start="random"), (0.0, 0), (0.999, 0))
    assert [row.tolist() for row in rows] == [[3, -6, 2] + [0] * 7] * 2
    (exact,) = read(slices(LONG, start="random", length=100), (0.999, 0))
    np.testing.assert_array_equal(exact, RAMP)


def test_zeros_go_right_left_or_anywhere(slices):
    (left,) = read(slices(SHORT, pad="left"), (0.9, 0.9))
    assert left.tolist() == [0] * 7 + [3, -6, 2]
    draws = [(0, u) for u in (0, 1 - 2**-53, *((np.arange(8) + 0.5) / 8))]
    rows = read(slices(SHORT, pad="random"), *draws)
    before = (rows != 0).argmax(axis=1)
    assert before.tolist() == [0, 7, *range(8)], "each of the 8 places once"
    assert (np.sort(rows, axis=1) == [-6, *[0] * 7, 2, 3]).all()
    (long,) = read(slices(LONG, pad="random"), (0, 0.9))
    np.testing.assert_array_equal(long, RAMP[:10])


def test_the_two_draws_have_one_use_each(slices):
    jittered = slices(SHORT, jitter=2, pad="random")
    (row,) = read(jittered, (0.4, 0.99))
    assert row.tolist() == [0] * 8 + [-6, 2]


def test_the_level_is_of_the_item_of_the_slice_or_as_it_was(slices):
    peak = slices(SPIKE, length=20, normalise="peak").read([0], [[0, 0]])[0]
    np.testing.assert_array_equal(peak, [0] * 10 + [0.5] * 10)
    own = slices(SPIKE, length=20, normalise="slice").read([0], [[0, 0]])[0]
    np.testing.assert_array_equal(own, [0] * 10 + [1] * 10)
    plain = slices(SPIKE, length=21, normalise=None).read([0], [[0, 0]])[0]
    np.testing.assert_array_equal(plain, [0] * 10 + [0.5] * 10 + [-1])
    whole = slices(SPIKE, length=21, normalise="slice").read([0], [[0, 0]])[0]
    np.testing.assert_array_equal(whole, plain, err_msg="the peak of -32768 is 32768")


@pytest.mark.parametrize("normalise", ["peak", "slice", None])
def test_a_silent_slice_is_silence_never_nan(slices, normalise):
    batch = slices(SPIKE, length=10, normalise=normalise).read([0], [[0, 0]])
    np.testing.assert_array_equal(batch, np.zeros((1, 10)))


def test_peak_and_level_are_those_of_the_tensorflow_loader(cache):
    """Floats of k / 32768, divided by the file's largest: to the bit."""
    loaded = (RAMP / 32768).astype(np.float32)
    wanted = loaded / np.abs(loaded).max()
    np.testing.assert_array_equal(data.Slices(cache, [LONG], length=100).read([0], [[0, 0]])[0], wanted)


def test_the_same_call_gives_the_same_bits_in_any_batch(slices):
    rng = np.random.default_rng(1)
    random = slices(start="random", pad="random", normalise="slice")
    rows, draws = rng.integers(0, 3, 50), rng.random((50, 2))
    batch = random.read(rows, draws)
    np.testing.assert_array_equal(random.read(rows, draws), batch)
    for i in range(50):
        np.testing.assert_array_equal(random.read(rows[i : i + 1], draws[i : i + 1])[0], batch[i])
    assert not np.array_equal(random.read(rows, rng.random((50, 2))), batch)
    assert random.read([], np.zeros((0, 2))).shape == (0, 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rows": []}, "rows of the cache, 0 to 2, got none"),
        ({"rows": [0, 3]}, "0 to 2, got 0 to 3"),
        ({"rows": [-1]}, "got -1 to -1"),
        ({"rows": [0.5]}, r"rows \(n,\) of integers, got \(1,\) float64"),
        ({"rows": [[0]]}, r"got \(1, 1\) int64"),
        ({"rows": [True, False, True]}, r"of integers, got \(3,\) bool"),
        ({"length": 0}, "a length of 1 or more samples, got 0"),
        ({"start": "end"}, r"start in \('first', 'random'\), got 'end'"),
        ({"pad": "both"}, "pad in .* got 'both'"),
        ({"normalise": "rms"}, "normalise in .* got 'rms'"),
        ({"jitter": -1}, "jitter ≥ 0, and 0 with start='random', got -1 with 'first'"),
        ({"jitter": 1, "start": "random"}, "got 1 with 'random'"),
    ],
)
def test_settings_out_of_range_are_refused(cache, settings, message):
    with pytest.raises(ValueError, match=message):
        data.Slices(cache, **{"rows": [0], **settings})


@pytest.mark.parametrize(
    ("rows", "draws", "error", "message"),
    [
        ([3], [[0, 0]], IndexError, "rows 0 to 2, got 3 to 3"),
        ([-1], [[0, 0]], IndexError, "got -1 to -1"),
        ([0], [[0]], ValueError, r"draws \(1, 2\) in \[0, 1\), got shape \(1, 1\)"),
        ([0, 1], [[0, 0]], ValueError, r"draws \(2, 2\)"),
        ([0], [[1.0, 0]], ValueError, "draws"),
        ([0], [[0, -0.1]], ValueError, "draws"),
        ([0], [[np.nan, 0]], ValueError, "draws"),
    ],
)
def test_rows_and_draws_are_checked(slices, rows, draws, error, message):
    with pytest.raises(error, match=message):
        slices().read(rows, draws)
