"""Cropping, padding and framing, on counting samples whose places are plain to see."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import data

FITTED = {
    ("start", 3): [1, 2, 3],
    ("start", 5): [1, 2, 3, 4, 5],
    ("start", 8): [1, 2, 3, 4, 5, 0, 0, 0],
    ("centre", 2): [2, 3],
    ("centre", 3): [2, 3, 4],
    ("centre", 5): [1, 2, 3, 4, 5],
    ("centre", 7): [0, 1, 2, 3, 4, 5, 0],
    ("centre", 8): [0, 1, 2, 3, 4, 5, 0, 0],
    ("end", 3): [3, 4, 5],
    ("end", 5): [1, 2, 3, 4, 5],
    ("end", 8): [0, 0, 0, 1, 2, 3, 4, 5],
}


@pytest.mark.parametrize(("align", "length"), FITTED)
def test_fit_length_keeps_and_pads_where_it_says(align, length):
    samples = np.arange(1, 6, dtype=np.float32)
    fitted = data.fit_length(samples, length, align=align)
    np.testing.assert_array_equal(fitted, FITTED[align, length])
    assert fitted.dtype == np.float32
    assert not np.shares_memory(fitted, samples)
    both = data.fit_length(np.stack([samples, -samples]), length, align=align)
    np.testing.assert_array_equal(both, [fitted, -fitted])


@pytest.mark.parametrize("align", ["start", "centre", "end"])
def test_fit_length_of_nothing_and_to_nothing(align):
    np.testing.assert_array_equal(data.fit_length(np.zeros(0), 3, align=align), [0, 0, 0])
    assert data.fit_length(np.ones((2, 3)), 0, align=align).shape == (2, 0)


def test_fit_length_names_what_it_expected():
    with pytest.raises(ValueError, match="expected a length of 0 or more samples, got -1"):
        data.fit_length(np.zeros(3), -1)
    with pytest.raises(ValueError, match="'start', 'centre' or 'end', got 'center'"):
        data.fit_length(np.zeros(3), 5, align="center")
    with pytest.raises(ValueError, match="got a scalar"):
        data.fit_length(np.array(1.0), 5)


# samples: (slices with the end padded, whole slices) of length 4 and hop 4.
COUNTS = {0: (0, 0), 1: (1, 0), 3: (1, 0), 4: (1, 1), 5: (2, 1), 7: (2, 1), 8: (2, 2), 9: (3, 2)}


@pytest.mark.parametrize("samples", COUNTS)
def test_slices_without_overlap_hold_every_sample_once(samples):
    sound = np.arange(1, samples + 1)
    padded, whole = data.slices(sound, 4), data.slices(sound, 4, pad_end=False)
    assert padded.shape == (COUNTS[samples][0], 4)
    assert whole.shape == (COUNTS[samples][1], 4)
    np.testing.assert_array_equal(padded.ravel()[:samples], sound)
    assert not padded.ravel()[samples:].any()
    np.testing.assert_array_equal(whole.ravel(), sound[: whole.size])


@pytest.mark.parametrize("hop", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("samples", range(1, 14))
def test_slices_start_every_hop_and_are_the_fewest_that_reach_the_end(samples, hop):
    sound = np.arange(1, samples + 1)
    cut = data.slices(sound, 4, hop=hop)
    for i, row in enumerate(cut):
        np.testing.assert_array_equal(row, data.fit_length(sound[i * hop :], 4))
    last = (len(cut) - 1) * hop
    assert last < samples, "the last slice starts inside the sound"
    assert last == 0 or last - hop + 4 < samples, "without the last slice some of the end would be missing"
    assert last + max(hop, 4) >= samples, "another slice would still find samples"
    whole = data.slices(sound, 4, hop=hop, pad_end=False)
    np.testing.assert_array_equal(whole, cut[[i for i in range(len(cut)) if i * hop + 4 <= samples]])


def test_slices_are_writable_and_independent():
    sound = np.zeros(8, np.float32)
    cut = data.slices(sound, 4, hop=2)
    cut[0] = 1
    assert not cut[1].any()
    assert not sound.any()


@pytest.mark.parametrize(("length", "hop"), [(0, None), (4, 0), (-1, 1)])
def test_slices_need_a_length_and_a_hop(length, hop):
    with pytest.raises(ValueError, match="expected length and hop of 1 or more"):
        data.slices(np.zeros(8), length, hop=hop)


def test_slices_are_of_one_waveform():
    with pytest.raises(ValueError, match=r"expected one waveform \(N,\), got shape \(2, 8\)"):
        data.slices(np.zeros((2, 8)), 4)
