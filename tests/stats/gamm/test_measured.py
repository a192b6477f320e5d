"""What is said of calibration is what was measured, and benchmarks refuse to save what breaks the package's promises."""

from __future__ import annotations

import importlib
import json

import pytest

PLACES = (
    "python/convscope/stats/gamm/_curves.py",
    "python/convscope/stats/gamm/_result.py",
    "docs/statistics.md",
    "docs/design/0010-findings.md",
)


@pytest.fixture
def script(repository, monkeypatch):
    """A file of benchmarks/, as a module."""
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    return importlib.import_module


@pytest.fixture(scope="module")
def newest(repository):
    return max((repository / "benchmarks" / "results").glob("*-gamm-calibration.json"))


@pytest.fixture(scope="module")
def null(newest):
    """Shares of null data sets, one row for each way of taking rho."""
    return [each for each in json.loads(newest.read_text())["results"] if each["planted"] == "nothing"]


def test_tests_and_simultaneous_bands_keep_their_level(script, null):
    assert len(null) == 3
    check = script("calibrate_gamm").check
    check(null)
    for test in ("level", "curve", "simultaneous band"):
        with pytest.raises(AssertionError, match=rf"rho 0.5: {test} 0\.100 of null sets"):
            check([null[0] | {test: 0.1}])
    check([null[0] | {"planted": "a shift of 0.1", "level": 0.7}])


def test_time_memory_and_agreement_with_mgcv_are_as_promised(script, repository):
    check = script("bench_gamm").check
    newest = max((repository / "benchmarks" / "results").glob("*-gamm.json"))
    rows = json.loads(newest.read_text())["results"]
    check(rows)
    ours, theirs = rows[0], rows[-1]
    for worse in (
        ours | {"median_s": 5.1},
        ours | {"peak_mb": 1001.0},
        theirs | {"differences": theirs["differences"] | {"se": 1.1e-5}},
    ):
        with pytest.raises(AssertionError):
            check([worse])


@pytest.mark.parametrize("place", PLACES)
def test_how_often_pointwise_bands_err_is_said_as_measured(repository, newest, null, place):
    shares = [round(100 * each["pointwise band"]) for each in null]
    text = " ".join((repository / place).read_text().split())
    assert f"{min(shares)} to {max(shares)} of 100" in text
    assert newest.name in text
