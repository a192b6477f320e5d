"""Latent vectors are functions of the seed and their number, distributed as they should be."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import latents
from convscope.latents import Binary, OneHot

KINDS = {
    "plain": {},
    "one-hot": {"code": OneHot(8)},
    "binary": {"code": Binary(13)},
    "values": {"code": [5.0, -0.5]},
    "normal": {"distribution": "normal", "size": 7},
    "normal, binary": {"distribution": "normal", "code": Binary(3), "size": 10},
}
every_kind = pytest.mark.parametrize("options", KINDS.values(), ids=KINDS.keys())


@every_kind
def test_a_row_needs_no_others(options):
    z = latents.random(1000, seed=5, **options)
    whole = z[:]
    assert whole.shape == (1000, options.get("size", 100))
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(z[617], whole[617])
    np.testing.assert_array_equal(z[-1], whole[-1])
    np.testing.assert_array_equal(z[300:310], whole[300:310])
    np.testing.assert_array_equal(z[::7], whole[::7])
    np.testing.assert_array_equal(z[[9, 3, 4, 5, 999]], whole[[9, 3, 4, 5, 999]])
    np.testing.assert_array_equal(np.asarray(z), whole)
    many = latents.random(10**15, seed=5, **options)
    np.testing.assert_array_equal(many[:1000], whole)
    np.testing.assert_array_equal(many[5:1000:300], whole[5::300])


def test_the_millionth_row_is_what_it_was():
    """Of this seed, on every machine and in every version."""
    row = latents.random(10**7, code=OneHot(4), size=6, seed=3)[1_234_567]
    np.testing.assert_array_equal(
        row, np.array([0, 0, 0, 1, 0.35429930686950684, 0.6930346488952637], np.float32)
    )


@every_kind
def test_seeds_and_rows_differ(options):
    z = latents.random(50, seed=1, **options)[:]
    assert len(np.unique(z, axis=0)) == 50
    assert not np.array_equal(z, latents.random(50, seed=2, **options)[:])


def test_uniform():
    z = latents.random(20_000, size=10, seed=1)[:].astype(np.float64)
    assert z.min() >= -1
    assert z.max() < 1
    counts, _ = np.histogram(z, 20, (-1, 1))
    assert np.abs(counts / 10_000 - 1).max() < 0.05
    assert np.abs(np.corrcoef(z.T) - np.eye(10)).max() < 0.03
    assert abs(np.corrcoef(z[:-1, 0], z[1:, 0])[0, 1]) < 0.03


def test_normal():
    z = latents.random(20_000, size=9, distribution="normal", seed=1)[:].astype(np.float64)
    assert abs(z.mean()) < 0.01
    assert abs(z.std() - 1) < 0.01
    assert abs((np.abs(z) < 1).mean() - 0.6827) < 0.005
    assert abs((np.abs(z) > 3).mean() - 0.0027) < 0.0005
    assert np.abs(np.corrcoef(z.T) - np.eye(9)).max() < 0.03


def test_codes():
    one_hot = latents.random(8000, code=OneHot(8), seed=1)[:]
    np.testing.assert_array_equal(np.sort(one_hot[:, :8], axis=1), np.tile([0] * 7 + [1], (8000, 1)))
    assert np.abs(one_hot[:, :8].mean(0) * 8 - 1).max() < 0.1
    binary = latents.random(8000, code=Binary(13), seed=1)[:]
    assert set(np.unique(binary[:, :13])) == {0, 1}
    assert np.abs(binary[:, :13].mean(0) - 0.5).max() < 0.03
    each = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(latents.random(4, code=each)[[2, 0]][:, :3], each[[2, 0]])


def test_the_rest_is_the_same_under_fixed_codes():
    """Marginal values: one code after the other on the same variables."""
    low, high = (latents.random(100, code=[value, 0.0], seed=4)[:] for value in (-1.0, 12.5))
    np.testing.assert_array_equal(low[:, 2:], high[:, 2:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": -1}, "count: expected at least 0, got -1"),
        ({"size": 0}, "size: expected at least 1, got 0"),
        ({"seed": -3}, "seed: expected at least 0, got -3"),
        ({"distribution": "cauchy"}, "distribution: expected uniform or normal, got 'cauchy'"),
        ({"code": OneHot(101)}, "code: expected at most size=100 entries, got 101"),
        ({"code": [[1.0, 0.0]] * 3}, r"code: expected entries of one code, or of 10, got 'shape \(3, 2\)'"),
    ],
)
def test_what_is_wrong_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        latents.random(**{"count": 10, **options})


def test_rows_that_are_not_there():
    z = latents.random(10)
    for number in (10, -11):
        with pytest.raises(IndexError, match="expected a row below 10"):
            z[number]
    assert z[20:30].shape == (0, 100)
    assert len(list(z)) == 10
    assert "10 x 100" in repr(z)
    with pytest.raises(ValueError, match="categories: expected at least 1"):
        OneHot(0)
