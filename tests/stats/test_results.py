"""Results as files, LaTeX and corrected p-values."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import convscope
from convscope import stats

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")


def correlations(groups: int = 3) -> stats.Correlations:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"layer": np.repeat([f"conv{i}" for i in range(groups)], 20), "x": rng.standard_normal(20 * groups)}
    )
    return stats.correlate(table.assign(y=table["x"] + rng.standard_normal(len(table))), "x", "y", by="layer")


def test_adjusted_p_values_are_those_worked_out_by_hand():
    p = [0.01, 0.04, np.nan, 0.03]
    assert stats.adjust(p, "holm") == pytest.approx([0.03, 0.06, np.nan, 0.06], nan_ok=True)
    assert stats.adjust(p, "bh") == pytest.approx([0.03, 0.04, np.nan, 0.04], nan_ok=True)


def test_one_table_to_a_file_and_all_to_a_folder(tmp_path):
    found = correlations()
    [file] = found.to_csv(tmp_path / "deep" / "r.csv")
    assert pd.read_csv(file)["r"].tolist() == pytest.approx(found.correlations["r"].tolist())
    model = stats.linear_model(pd.DataFrame({"a": [1.0, 2, 3, 5], "b": [2.0, 4, 6, 7]}), "a", predictors="b")
    files = model.to_csv(tmp_path / "model")
    assert [file.name for file in files] == ["coefficients.csv", "models.csv"]
    assert all(len(pd.read_csv(file)) > 0 for file in files)
    with pytest.raises(ValueError, match="path: expected a folder for the tables coefficients, models"):
        model.to_csv(tmp_path / "model.csv")


def test_latex_escapes_and_shortens():
    text = correlations().to_latex(digits=2)
    assert r"\toprule" in text
    assert r"p\_holm" in text
    table = pd.DataFrame({"x": np.arange(50.0), "y": np.arange(50.0) + 0.1 * np.sin(np.arange(50))})
    assert "<0.0001" in stats.correlate(table, "x", "y").to_latex()
    with pytest.raises(ValueError, match="table: expected one of correlations, got nothing"):
        correlations().to_latex("nothing")


def test_results_are_frozen():
    with pytest.raises(AttributeError):
        correlations().settings = {}


def test_the_room_is_light_until_it_is_used():
    root = str(Path(convscope.__file__).parents[1])
    heavy = "{'pandas', 'scipy', 'sklearn', 'statsmodels', 'torch'}"
    code = f"import sys; sys.path.insert(0, {root!r}); import convscope.stats; raise SystemExit(bool({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_library_that_is_missing_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(
        ImportError, match=r"expected scipy, which is not installed; pip install 'convscope\[stats\]'"
    ):
        correlations()


@pytest.mark.parametrize("method", ["holm", "bh"])
@pytest.mark.parametrize(("p", "said"), [([0.5, 1.2], "1.2"), ([-0.1], "-0.1"), ([np.inf, np.nan], "inf")])
def test_what_is_no_p_value_is_refused(method, p, said):
    with pytest.raises(ValueError, match=f"p: expected values from 0 to 1, got {said}"):
        stats.adjust(p, method)


def with_gaps() -> stats.Correlations:
    table = pd.DataFrame({"layer": ["conv1"] * 3 + ["conv2"] * 20, "x": np.arange(23.0)})
    return stats.correlate(table.assign(y=np.sin(table["x"])), "x", "y", by="layer")


def test_latex_has_what_a_paper_prints_with_numbers_to_the_right():
    text = with_gaps().to_latex()
    assert r"\begin{tabular}{lrrrrr}" in text
    assert r"layer & r & lower & upper & n & p\_holm \\" in text
    assert "conv1 & -- & -- & -- & 3 & -- " in text
    assert "conv1" not in with_gaps().to_latex(skip_empty=True)


def test_latex_has_the_columns_that_are_asked_for():
    text = with_gaps().to_latex(columns=["n", "layer", "reason"])
    assert r"\begin{tabular}{rll}" in text
    assert "3 & conv1 & fewer than 4 pairs" in text
    with pytest.raises(ValueError, match="table: expected the columns n, rho"):
        with_gaps().to_latex(columns=["n", "rho"])


@pytest.mark.parametrize("name", ["effects", "increments", "ice", "per_base"])
def test_every_table_of_effects_can_be_printed(name):
    measured = np.random.default_rng(0).standard_normal((12, 3))
    effects = stats.causal_effects(measured, [0.0, 1.0, 2.0], draws=100, flips=99)
    text = effects.to_latex(name, skip_empty=True)
    assert len(text.splitlines()) == len(effects.tables[name]) + 6
    assert "wasserstein" not in text


def test_results_are_told_in_a_line():
    assert repr(correlations()) == "Correlations(correlations: 3 rows)"
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 10, 8))
    alike = pd.DataFrame(
        {"x": x.ravel(), "y": (y - y.mean(1, keepdims=True)).ravel(), "item": np.arange(10).repeat(8)}
    )
    model = stats.mixed_model(alike, "y", predictors="x", items="item")
    assert repr(model).startswith(
        "MixedModel(coefficients: 2 rows, variances: 2 rows, fit: 1 row; singular: a random"
    )
    z = rng.uniform(-1, 1, (100, 3)) * [1, 0, 0]
    found = stats.discover_latents(z, z[:, 0] > 0, folds=3, lambdas=5, resamples=10, trees=0)
    assert "z1 does not vary and was left out and " in repr(found)
    assert len(repr(found)) < 200
    copies = stats.find_copies(rng.standard_normal(64), 62.5, draws=19)
    assert repr(copies) == f"Copies(occurrences: {len(copies.occurrences)} rows; p {copies.p:.2g})"
