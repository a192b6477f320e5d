"""Correlations: planted ones, the published formulas, and intervals that hold what they promise."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from convscope import stats

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")
scipy_stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed (extra stats)")


def correlated(rng: np.random.Generator, count: int, r: float) -> pd.DataFrame:
    x, noise = rng.standard_normal((2, count))
    return pd.DataFrame({"x": x, "y": r * x + np.sqrt(1 - r * r) * noise})


def repeated(rng: np.random.Generator, items: int, each: int) -> pd.DataFrame:
    """Nothing in common between x and y, but rows of an item are nearly the same."""
    means = rng.standard_normal((2, items)).repeat(each, axis=1)
    x, y = means + 0.3 * rng.standard_normal((2, items * each))
    return pd.DataFrame({"x": x, "y": y, "sound": np.arange(items).repeat(each)})


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_r_and_p_are_scipys(method):
    table = correlated(np.random.default_rng(0), 40, 0.4).round(1)  # with ties
    row = stats.correlate(table, "x", "y", method=method).correlations.iloc[0]
    expected = getattr(scipy_stats, f"{method}r")(table["x"], table["y"])
    assert row["r"] == pytest.approx(expected.statistic, rel=1e-12)
    assert row["p"] == pytest.approx(expected.pvalue, rel=1e-9)
    if method == "pearson":
        interval = expected.confidence_interval(0.95)
        assert (row["lower"], row["upper"]) == pytest.approx(tuple(interval), rel=1e-12)


def test_weighted_ranks_are_the_ranks_of_repeated_rows():
    from convscope.stats._correlate import _weighted_ranks

    rng = np.random.default_rng(0)
    values, counts = rng.integers(0, 5, 12).astype(float), rng.integers(0, 4, 12)
    expected = scipy_stats.rankdata(np.repeat(values, counts))
    found = _weighted_ranks(values, counts[None].astype(float))[0]
    assert np.repeat(found, counts) == pytest.approx(expected)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_intervals_cover_the_planted_correlation(method):
    rng = np.random.default_rng(1)
    truth = 0.6 if method == "pearson" else 6 / np.pi * np.arcsin(0.3)  # of a normal pair
    groups = pd.concat([correlated(rng, 30, 0.6).assign(set=i) for i in range(400)])
    found = stats.correlate(groups, "x", "y", by="set", method=method).correlations
    covered = ((found["lower"] <= truth) & (truth <= found["upper"])).mean()
    assert 0.92 <= covered <= 0.98


def test_items_that_repeat_are_not_counted_as_independent():
    """Twenty sounds of ten points: rows as such reject a true null most of the time, items do not."""
    rng = np.random.default_rng(2)
    groups = pd.concat([repeated(rng, 20, 10).assign(set=i) for i in range(200)])
    naive = stats.correlate(groups, "x", "y", by="set").correlations
    honest = stats.correlate(groups, "x", "y", by="set", items="sound", draws=400).correlations
    assert (naive["p"] < 0.05).mean() > 0.4
    assert (honest["p"] < 0.05).mean() <= 0.10
    excludes_zero = (honest["lower"] > 0) | (honest["upper"] < 0)
    assert (excludes_zero == (honest["p"] < 0.05)).all(), "interval and test agree"
    assert (honest["items"] == 20).all()


def test_missing_pairs_are_dropped_and_counted():
    table = correlated(np.random.default_rng(3), 20, 0.5)
    whole = stats.correlate(table.iloc[3:], "x", "y").correlations.iloc[0]
    table.loc[0, "x"], table.loc[1:2, "y"] = np.nan, np.nan
    row = stats.correlate(table, "x", "y").correlations.iloc[0]
    assert (row["n"], row["dropped"]) == (17, 3)
    assert row["r"] == whole["r"]


def test_what_has_no_correlation_says_why():
    table = pd.DataFrame({"layer": ["a"] * 6 + ["b"] * 3 + ["c"] * 6, "x": 1.0, "y": 1.0, "sound": 0})
    table.loc[table["layer"].isin(["b", "c"]), "x"] = [1.0, 2, 3, 4, 5, 6, 7, 8, 9]
    table.loc[table["layer"].isin(["b", "c"]), "y"] = [1.0, 2, 3, 5, 4, 6, 7, 9, 8]
    found = stats.correlate(table, "x", "y", by="layer").correlations
    assert found["reason"].tolist() == ["constant values", "fewer than 4 pairs", ""]
    assert found["r"].isna().tolist() == [True, True, False]
    assert found["p_holm"][2] == found["p"][2], "what could not be tested is no test"
    few = stats.correlate(table, "x", "y", by="layer", items="sound").correlations
    assert few["reason"][2] == "fewer than 8 items to resample"


def test_perfect_correlation_has_a_finite_table():
    table = pd.DataFrame({"x": np.arange(12.0), "sound": np.arange(12)})
    for items in (None, "sound"):
        row = stats.correlate(table.assign(y=-2 * table["x"]), "x", "y", items=items).correlations.iloc[0]
        assert (row["r"], row["lower"], row["upper"]) == pytest.approx((-1, -1, -1))
        assert row["p"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "kendall"}, "method: expected 'pearson' or 'spearman', got 'kendall'"),
        ({"level": 95}, "level: expected a number between 0 and 1"),
        ({"by": "word"}, "no word"),
        ({"draws": 3, "items": "sound"}, "draws: expected at least 100, got 3"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    table = repeated(np.random.default_rng(0), 10, 2)
    with pytest.raises(ValueError, match=message):
        stats.correlate(table, "x", "y", **settings)


def test_infinite_values_and_text_are_refused():
    table = pd.DataFrame({"x": [1.0, np.inf, 2, 3], "y": [1.0, 2, 3, 4], "word": list("abcd")})
    with pytest.raises(ValueError, match="x: expected finite numbers or NaN"):
        stats.correlate(table, "x", "y")
    with pytest.raises(ValueError, match="word: expected numbers"):
        stats.correlate(table, "word", "y")


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_resamples_are_correlations_of_resampled_rows(method):
    """Taken literally: rows of each drawn item put together, as often as it was drawn."""
    from convscope.stats import _correlate

    rng = np.random.default_rng(4)
    table = repeated(rng, 9, 3).round(1)
    units = table["sound"].to_numpy()
    resampled = getattr(_correlate, f"_resampled_{method}")
    found = resampled(table["x"].to_numpy(), table["y"].to_numpy(), units, 20, np.random.default_rng(7))
    counts = np.random.default_rng(7).multinomial(9, np.full(9, 1 / 9), size=20)
    for r, taken in zip(found, counts, strict=True):
        rows = table.loc[table.index.repeat(taken[units])]
        assert r == pytest.approx(
            getattr(scipy_stats, f"{method}r")(rows["x"], rows["y"]).statistic, rel=1e-9
        )


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_blocks_of_draws_are_the_same_draws(method, monkeypatch):
    from convscope.stats import _correlate

    table = repeated(np.random.default_rng(5), 12, 4)
    settings = {"items": "sound", "method": method, "draws": 100}
    whole = stats.correlate(table, "x", "y", **settings).correlations
    monkeypatch.setattr(_correlate, "BLOCK_VALUES", 100)
    pd.testing.assert_frame_equal(
        stats.correlate(table, "x", "y", **settings).correlations, whole, rtol=1e-12
    )


@pytest.mark.parametrize(
    "settings", [{"method": "spearman"}, {"items": "sound"}, {"items": "sound", "method": "spearman"}]
)
def test_memory_does_not_grow_with_draws_times_rows(settings):
    table = repeated(np.random.default_rng(6), 300, 20)  # 2,000 draws of 6,000 rows would be 96 MB an array
    stats.correlate(table[:400], "x", "y", **settings)
    tracemalloc.start()
    try:
        stats.correlate(table, "x", "y", **settings)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * 8 * (1 << 21)


def test_rows_of_no_item_are_dropped_and_counted():
    table = repeated(np.random.default_rng(8), 10, 3).astype({"sound": object})
    expected = stats.correlate(table[3:], "x", "y", items="sound").correlations.iloc[0]
    table.loc[:2, "sound"] = None
    row = stats.correlate(table, "x", "y", items="sound").correlations.iloc[0]
    assert (row["n"], row["dropped"], row["items"]) == (27, 3, 9)
    assert row["p"] == expected["p"]


def test_the_spread_of_a_spearman_correlation_is_bonett_and_wrights():
    row = stats.correlate(
        correlated(np.random.default_rng(9), 40, 0.8), "x", "y", method="spearman", level=0.9
    ).correlations.iloc[0]
    half = 1.6448536 * np.sqrt((1 + row["r"] ** 2 / 2) / 37)
    assert row["r"] > 0.6, "else the factor hardly shows"
    assert np.arctanh([row["lower"], row["upper"]]) - np.arctanh(row["r"]) == pytest.approx([-half, half])


def test_settings_have_every_argument():
    table = correlated(np.random.default_rng(0), 10, 0.5).assign(layer="out")
    settings = stats.correlate(table, "x", "y", by="layer", draws=100, seed=3).settings
    assert settings == {"x": "x", "y": "y", "by": ["layer"], "method": "pearson", "items": None} | {
        "level": 0.95,
        "draws": 100,
        "seed": 3,
    }
