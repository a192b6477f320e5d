"""Clicks put at known times."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import acoustics

RATE_HZ = 32000
TIMES_S = (0.1, 0.25, 0.4, 0.47, 0.8)


def clicks(times_s, heights=None):
    """Bursts of 6 kHz on a loud hum of 50 Hz, which the filter takes away."""
    axis_s = np.arange(RATE_HZ) / RATE_HZ
    made = 0.3 * np.sin(2 * np.pi * 50 * axis_s)
    for time_s, height in zip(times_s, heights or [0.8] * len(times_s), strict=True):
        made += (
            height
            * np.cos(2 * np.pi * 6000 * (axis_s - time_s))
            * np.exp(-(((axis_s - time_s) / 0.0007) ** 2))
        )
    return made


def test_peaks_and_their_intervals():
    found = acoustics.measure(clicks(TIMES_S), acoustics.Peaks(), rate_hz=RATE_HZ)
    assert found.wide()["peaks"].iloc[0] == 5
    assert found.only("peak")["time_s"].to_numpy() == pytest.approx(TIMES_S, abs=1e-4)
    assert found.only("peak")["value"].to_numpy() == pytest.approx(0.8, rel=0.05)
    assert found.only("peak_interval")["value"].to_numpy() == pytest.approx(np.diff(TIMES_S), abs=2e-4)
    assert found.wide()["peak_interval_mean"].iloc[0] == pytest.approx(np.diff(TIMES_S).mean(), abs=1e-4)


def test_low_ones_and_close_ones_do_not_count():
    found = acoustics.measure(
        clicks((0.1, 0.3, 0.33, 0.6), (0.8, 0.7, 0.9, 0.3)), acoustics.Peaks(), rate_hz=RATE_HZ
    )
    assert found.only("peak")["time_s"].to_numpy() == pytest.approx([0.1, 0.33], abs=1e-4)


def test_none_is_a_count_and_a_reason():
    found = acoustics.measure(clicks(()), acoustics.Peaks(), rate_hz=RATE_HZ)
    row = found.table.set_index("measure")
    assert row.loc["peaks", "value"] == 0
    assert row["reason"].to_dict() == {
        "peaks": "",
        "peak": "no peak",
        "peak_interval": "fewer than two peaks",
        "peak_interval_mean": "fewer than two peaks",
    }


def test_a_band_below_the_nyquist_frequency():
    low = acoustics.measure(clicks(TIMES_S), acoustics.Peaks(100, 3000), rate_hz=RATE_HZ)
    assert low.wide()["peaks"].iloc[0] == 0, "6 kHz lies above the band"
