"""Moments of a part of a layer are those of the part: the mean of what stands elsewhere does not reach into it."""

from __future__ import annotations

import numpy as np
import pytest

from convscope.acoustics import Interval, Intervals, SpectralMoments, measure

RATE_HZ = 4000


def test_a_louder_vowel_elsewhere_changes_nothing():
    rng = np.random.default_rng(0)
    noise = np.abs(rng.normal(0, 0.05, 1200))  # an average after ReLU: it has a mean of its own
    vowel = np.maximum(np.sin(2 * np.pi * 125 * np.arange(2000) / RATE_HZ), 0)
    marks = Intervals((Interval(0, "s", 0.55, 0.75),))
    centres = [
        measure(np.r_[gain * vowel, noise], SpectralMoments(), rate_hz=RATE_HZ, intervals=marks).wide()[
            "cog"
        ][0]
        for gain in (0.1, 1.0, 10.0)
    ]
    assert centres[1] == pytest.approx(centres[0], rel=1e-9)
    assert centres[2] == pytest.approx(centres[0], rel=1e-9)
    assert 800 < centres[0] < 1200  # of white noise to 2 kHz
