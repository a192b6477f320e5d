"""Long recordings are looked at in blocks of frames: the bits do not depend on how many."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from tests.acoustics.planted import vowel

from convscope import acoustics
from convscope.acoustics import _classes, _intensity

pytest.importorskip("pandas", reason="pandas is not installed (extra acoustics)")
SOUND = vowel(120, 16000, 0.7)
MINUTE = np.random.default_rng(0).standard_normal(60 * 16000)


def intensities():
    return (
        acoustics.measure(SOUND, acoustics.Intensity(points=20), rate_hz=16000)
        .table["value"]
        .fillna(0)
        .tolist()
    )


def classes():
    frames = acoustics.classify(SOUND, rate_hz=16000)
    return frames.level_db.tolist(), frames.periodicity.tolist(), frames.classes.tolist()


@pytest.mark.parametrize(("looked_at", "module"), [(intensities, _intensity), (classes, _classes)])
def test_blocks_do_not_change_bits(looked_at, module, monkeypatch):
    whole = looked_at()
    for values in (1, 3000):
        monkeypatch.setattr(module, "BLOCK_VALUES", values)
        assert looked_at() == whole


@pytest.mark.parametrize(
    "looked_at",
    [
        lambda: acoustics.measure(MINUTE, acoustics.Intensity(), rate_hz=16000),
        lambda: acoustics.find_segments(MINUTE, rate_hz=16000),
    ],
    ids=["intensity", "classes"],
)
def test_a_minute_takes_no_more_memory_than_some_blocks(looked_at):
    looked_at()  # imports
    tracemalloc.start()
    try:
        looked_at()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * 8 * (1 << 20) + 10 * MINUTE.nbytes
