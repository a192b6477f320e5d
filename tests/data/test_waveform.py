"""Resampling and normalising, on sines whose frequency, level and phase are known."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import data

RATES_HZ = [(8000, 16000), (22050, 16000), (44100, 16000), (16000, 22050)]


def sine(frequency_hz, sample_rate_hz, *, amplitude=0.5, duration_s=0.5, dtype=np.float32):
    time_s = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    return (amplitude * np.sin(2 * np.pi * frequency_hz * time_s)).astype(dtype)


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES_HZ)
@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 2e-6), (np.float64, 2e-7)])
def test_a_sine_keeps_frequency_amplitude_and_phase(from_hz, to_hz, dtype, error):
    resampled = data.resample(sine(1000, from_hz, dtype=dtype), from_hz, to_hz)
    expected = sine(1000, to_hz, dtype=np.float64)
    assert resampled.dtype == dtype
    assert resampled.size == expected.size
    # The ends ring: outside the sound the filter sees silence.
    middle = slice(to_hz // 10, -to_hz // 10)
    assert np.abs(resampled - expected)[middle].max() < error


def test_what_the_lower_rate_cannot_hold_is_removed_not_folded():
    resampled = data.resample(sine(10000, 22050), 22050, 16000)
    assert np.abs(resampled[1600:-1600]).max() < 1e-5


def test_an_event_stays_at_its_time():
    click = np.zeros(4410, np.float32)
    click[2205] = 1  # 0.1 s
    assert np.argmax(data.resample(click, 22050, 16000)) == 1600


@pytest.mark.parametrize("samples", [0, 1, 2, 7, 441, 1000])
@pytest.mark.parametrize(("from_hz", "to_hz"), RATES_HZ)
def test_length_is_rounded_half_up(samples, from_hz, to_hz):
    resampled = data.resample(np.ones(samples, np.float32), from_hz, to_hz)
    assert resampled.shape == (int(samples * to_hz / from_hz + 0.5),)


def test_rows_have_the_same_bits_alone_and_in_a_batch():
    batch = np.random.default_rng(0).standard_normal((3, 1001))
    together = data.resample(batch, 22050, 16000)
    assert together.shape == (3, 726)
    for row, alone in zip(together, batch, strict=True):
        np.testing.assert_array_equal(row, data.resample(alone, 22050, 16000))


def test_strided_samples_are_read_as_what_they_are():
    samples = np.random.default_rng(0).standard_normal((2, 1000))[:, ::-2]
    np.testing.assert_array_equal(
        data.resample(samples, 22050, 16000), data.resample(samples.copy(), 22050, 16000)
    )


@pytest.mark.parametrize("shape", [(0,), (0, 441), (3, 0)])
def test_resampling_nothing_gives_nothing(shape):
    expected = (*shape[:-1], shape[-1] * 16000 // 22050)
    assert data.resample(np.zeros(shape, np.float32), 22050, 16000).shape == expected


def test_equal_rates_give_an_equal_new_array():
    samples = sine(100, 16000)
    same = data.resample(samples, 16000, 16000)
    np.testing.assert_array_equal(same, samples)
    assert not np.shares_memory(same, samples)


def test_resample_names_what_it_expected():
    with pytest.raises(TypeError, match="expected float32 or float64 samples, got int16"):
        data.resample(np.zeros(10, np.int16), 22050, 16000)
    with pytest.raises(ValueError, match=r"expected samples \(N,\) or \(B, N\), got shape \(1, 1, 1\)"):
        data.resample(np.zeros((1, 1, 1)), 22050, 16000)
    with pytest.raises(ValueError, match="expected positive rates in Hz, got from_hz=0, to_hz=16000"):
        data.resample(np.zeros(10), 0, 16000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_row_gets_its_own_peak_and_silence_stays_silence(dtype):
    samples = np.array([[0.1, -0.2], [3, 1], [0, 0]], dtype)
    before = samples.copy()
    normalised = data.peak_normalise(samples, peak=0.5)
    np.testing.assert_array_equal(normalised, np.array([[0.25, -0.5], [0.5, 1 / 6], [0, 0]], dtype))
    assert normalised.dtype == dtype
    np.testing.assert_array_equal(samples, before)


def test_the_faintest_sound_can_be_normalised():
    faintest = np.finfo(np.float32).smallest_subnormal
    np.testing.assert_array_equal(data.peak_normalise(np.array([faintest, 0], np.float32)), [1, 0])


@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0)])
def test_normalising_nothing_gives_nothing(shape):
    assert data.peak_normalise(np.zeros(shape)).shape == shape


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_samples_cannot_be_normalised(value):
    with pytest.raises(ValueError, match="expected finite samples"):
        data.peak_normalise(np.array([[0.5, value], [0.1, 0.1]]))


@pytest.mark.parametrize("peak", [0, -1, np.inf, np.nan])
def test_a_peak_is_positive_and_finite(peak):
    with pytest.raises(ValueError, match="expected a positive finite peak"):
        data.peak_normalise(np.ones(3), peak=peak)
