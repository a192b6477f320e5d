"""What is said of calibration is what was measured: the newest file of benchmarks/calibrate_gamm.py."""

from __future__ import annotations

import json

import pytest

PLACES = (
    "python/convscope/stats/gamm/_curves.py",
    "python/convscope/stats/gamm/_result.py",
    "docs/statistics.md",
    "docs/design/0010-findings.md",
)
TESTS = ("level", "curve", "simultaneous band")


@pytest.fixture(scope="module")
def newest(repository):
    return max((repository / "benchmarks" / "results").glob("*-gamm-calibration.json"))


@pytest.fixture(scope="module")
def null(newest):
    """Shares of null data sets, one row for each way of taking rho."""
    return [each for each in json.loads(newest.read_text())["results"] if each["planted"] == "nothing"]


def test_tests_and_simultaneous_bands_keep_their_level(null):
    assert len(null) == 3
    assert all(0.03 <= each[test] <= 0.07 for each in null for test in TESTS)


@pytest.mark.parametrize("place", PLACES)
def test_how_often_pointwise_bands_err_is_said_as_measured(repository, newest, null, place):
    shares = [round(100 * each["pointwise band"]) for each in null]
    text = " ".join((repository / place).read_text().split())
    assert f"{min(shares)} to {max(shares)} of 100" in text
    assert newest.name in text
