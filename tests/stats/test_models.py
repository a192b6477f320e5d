"""Linear and mixed models against planted coefficients, NumPy, and themselves on many null data sets."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import stats

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")
pytest.importorskip("statsmodels", reason="statsmodels is not installed (extra stats)")


def durations(rng: np.random.Generator, count: int = 25) -> pd.DataFrame:
    """As TASLP has them: output and Conv4 differ by little."""
    output = rng.uniform(0.1, 0.5, count)
    return pd.DataFrame(
        {"output_s": output, "layer_s": 0.01 + 0.96 * output + 0.01 * rng.standard_normal(count)}
    )


def items(rng: np.random.Generator, count: int, each: int, slope: float, spread: float = 0.0) -> pd.DataFrame:
    item = np.arange(count).repeat(each)
    x = rng.standard_normal(count * each)
    own = slope + spread * rng.standard_normal(count)[item]
    y = own * x + rng.standard_normal(count)[item] + 0.5 * rng.standard_normal(len(x))
    return pd.DataFrame({"x": x, "y": y, "item": item})


def test_a_planted_line_is_found():
    model = stats.linear_model(durations(np.random.default_rng(0)), "layer_s", predictors="output_s")
    slope = model.coefficients.iloc[1]
    assert slope["lower"] < 0.96 < slope["upper"]
    assert slope["t"] == pytest.approx(slope["estimate"] / slope["se"])
    assert model.models["adjusted_r2"][0] > 0.97
    assert np.isnan(model.coefficients["p_holm"][0]), "the intercept is no hypothesis"


def test_estimates_are_those_of_least_squares():
    table = durations(np.random.default_rng(1))
    model = stats.linear_model(table, "layer_s", predictors="output_s")
    x, y = table["output_s"].to_numpy(), table["layer_s"].to_numpy()
    design = np.column_stack([np.ones_like(x), x])
    beta, squares, *_ = np.linalg.lstsq(design, y, rcond=None)
    errors = np.sqrt(squares[0] / (len(x) - 2) * np.diag(np.linalg.inv(design.T @ design)))
    assert model.coefficients["estimate"].tolist() == pytest.approx(beta.tolist(), rel=1e-10)
    assert model.coefficients["se"].tolist() == pytest.approx(errors.tolist(), rel=1e-10)


def test_words_are_coded_against_the_reference_asked_for():
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {"word": rng.choice(["ask", "wash", "year"], 300), "layer": rng.choice(["a", "b"], 300)}
    )
    table["y"] = table["word"].map({"ask": 0.0, "wash": 1.0, "year": 3.0}) + 0.01 * rng.standard_normal(300)
    model = stats.linear_model(table, "y", predictors="word", by="layer", reference={"word": "wash"})
    assert model.coefficients["term"].tolist() == ["(Intercept)", "word[ask]", "word[year]"] * 2
    assert model.coefficients["estimate"].tolist() == pytest.approx([1, -1, 2] * 2, abs=0.01)


def test_clustered_errors_hold_where_rows_repeat():
    """The predictor is the item's, so that rows say the same ten times."""
    rng = np.random.default_rng(3)
    rejected = []
    for _ in range(200):
        item = np.arange(30).repeat(10)
        x, own = rng.standard_normal((2, 30))[:, item]
        table = pd.DataFrame({"x": x, "y": own + 0.2 * rng.standard_normal(300), "item": item})
        naive = stats.linear_model(table, "y", predictors="x").coefficients["p"][1]
        honest = stats.linear_model(table, "y", predictors="x", items="item").coefficients["p"][1]
        rejected.append((naive < 0.05, honest < 0.05))
    naive_rate, honest_rate = np.mean(rejected, axis=0)
    assert naive_rate > 0.4
    assert honest_rate < 0.11


def test_a_mixed_model_finds_the_planted_slope_and_variances():
    model = stats.mixed_model(
        items(np.random.default_rng(4), 60, 12, 2.0, spread=0.7),
        "y",
        predictors="x",
        items="item",
        slopes="x",
    )
    assert model.converged
    assert model.problems == ()
    slope = model.coefficients.iloc[1]
    assert slope["lower"] < 2.0 < slope["upper"]
    spreads = model.variances[model.variances["with"] == ""].set_index("term")["sd"]
    assert spreads["(Intercept)"] == pytest.approx(1.0, rel=0.25)
    assert spreads["x"] == pytest.approx(0.7, rel=0.25)
    assert spreads["(Residual)"] == pytest.approx(0.5, rel=0.1)


def test_mixed_models_keep_their_level_where_linear_ones_do_not():
    """Slopes differ from item to item around zero."""
    rng = np.random.default_rng(5)
    rejected = []
    for _ in range(30):
        table = items(rng, 24, 8, 0.0, spread=0.7)
        mixed = stats.mixed_model(table, "y", predictors="x", items="item", slopes="x")
        linear = stats.linear_model(table, "y", predictors="x")
        rejected.append((mixed.coefficients["p"][1] < 0.05, linear.coefficients["p"][1] < 0.05))
    mixed_rate, linear_rate = np.mean(rejected, axis=0)
    assert mixed_rate <= 0.12
    assert linear_rate > mixed_rate


def test_a_random_effect_without_variance_is_called_singular():
    rng = np.random.default_rng(6)
    table = pd.DataFrame({"x": rng.standard_normal(80), "item": np.arange(10).repeat(8)})
    model = stats.mixed_model(
        table.assign(y=table["x"] + rng.standard_normal(80)), "y", predictors="x", items="item", slopes="x"
    )
    assert model.fit["singular"][0]
    assert any("singular" in problem for problem in model.problems)


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda t: t.assign(x=1.0), {}, "predictors: expected columns that vary"),
        (lambda t: t.assign(w=2 * t["x"]), {"predictors": ["x", "w"]}, "do not determine each other"),
        (lambda t: t.assign(y=3.0), {}, "response that varies"),
        (lambda t: t.head(2), {}, "at least 3 complete rows, got 2"),
        (lambda t: t.assign(w="a"), {"predictors": "w", "reference": {"w": "b"}}, r"a level of w \(a\)"),
        (lambda t: t, {"reference": {"x": 1}}, "predictors that are no numbers"),
        (lambda t: t, {"items": "nowhere"}, "no nowhere"),
        (lambda t: t.assign(item=0), {"items": "item"}, "more items than the 2 terms, got 1"),
    ],
)
def test_linear_models_that_cannot_be_are_refused(change, settings, message):
    table = change(items(np.random.default_rng(0), 6, 4, 1.0))
    with pytest.raises(ValueError, match=message):
        stats.linear_model(table, "y", **({"predictors": "x"} | settings))


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda t: t.assign(item=np.arange(len(t))), {}, "items that repeat"),
        (lambda t: t.assign(item=0), {}, "items: expected at least 3, got 1"),
        (lambda t: t, {"slopes": "z"}, "slopes: expected predictors of x, got z"),
        (lambda t: t.assign(y=np.nan), {}, "complete rows"),
    ],
)
def test_mixed_models_that_cannot_be_are_refused(change, settings, message):
    table = change(items(np.random.default_rng(0), 6, 4, 1.0))
    with pytest.raises(ValueError, match=message):
        stats.mixed_model(table, "y", predictors="x", items="item", **settings)


def test_categories_have_an_order_of_their_own():
    rng = np.random.default_rng(0)
    kinds = pd.Categorical(["low", "mid", "high"] * 4, categories=["low", "mid", "high", "never"])
    table = pd.DataFrame({"y": rng.standard_normal(12), "height": kinds})
    terms = stats.linear_model(table, "y", predictors="height").coefficients["term"].tolist()
    assert terms == ["(Intercept)", "height[mid]", "height[high]"]


def layers_with_gaps() -> pd.DataFrame:
    """conv1 has no values, conv2 constant ones, conv3 two rows, conv4 a model."""
    table = pd.concat([durations(np.random.default_rng(i)).assign(layer=f"conv{i}") for i in range(1, 5)])
    table.loc[table["layer"] == "conv1", "layer_s"] = np.nan
    table.loc[table["layer"] == "conv2", "layer_s"] = 0.1
    return table[(table["layer"] != "conv3") | (table.index < 2)].reset_index(drop=True)


def test_groups_without_a_model_say_why():
    table = layers_with_gaps()
    found = stats.linear_model(table, "layer_s", predictors="output_s", by="layer")
    models = found.models.set_index("layer")
    assert models["reason"].tolist() == [
        "table: expected at least 3 complete rows, got 0",
        "table: expected a response that varies, got constant values",
        "table: expected at least 3 complete rows, got 2",
        "",
    ]
    assert models["r2"].isna().tolist() == [True, True, True, False]
    assert models["dropped"].tolist() == [25, 0, 0, 0]
    alone = stats.linear_model(table[table["layer"] == "conv4"], "layer_s", predictors="output_s")
    assert found.coefficients.drop(columns="layer").equals(alone.coefficients), "no test counts but its own"
    with pytest.raises(ValueError, match="at least 3 complete rows, got 0"):
        stats.linear_model(table[table["layer"] == "conv1"], "layer_s", predictors="output_s")


def test_no_group_with_a_model_is_a_table_without_rows():
    table = layers_with_gaps().query("layer == 'conv1'")
    found = stats.linear_model(table, "layer_s", predictors="output_s", by="layer")
    assert len(found.coefficients) == 0
    assert {"layer", "term", "estimate", "p_holm"} <= set(found.coefficients.columns)


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda t: t.head(0), {}, "table: expected rows, got none"),
        (lambda t: t.replace(0.1, np.inf), {}, "layer_s: expected finite numbers"),
        (lambda t: t, {"reference": {"output_s": 1}}, "predictors that are no numbers"),
        (
            lambda t: t.assign(word="a"),
            {"predictors": "word", "reference": {"word": "b"}},
            r"a level of word",
        ),
        (lambda t: t, {"predictors": []}, "predictors: expected at least one column"),
    ],
)
def test_what_is_wrong_with_the_call_is_no_reason_of_a_group(change, settings, message):
    with pytest.raises(ValueError, match=message):
        stats.linear_model(
            change(layers_with_gaps()), "layer_s", **({"predictors": "output_s", "by": "layer"} | settings)
        )


def test_mixed_models_with_missing_values():
    table = items(np.random.default_rng(9), 20, 6, 1.0)
    whole = stats.mixed_model(table[7:], "y", predictors="x", items="item")
    table.loc[:2, "x"], table.loc[3:6, "y"] = np.nan, np.nan
    model = stats.mixed_model(table, "y", predictors="x", items="item")
    assert model.coefficients.equals(whole.coefficients)
    assert (model.fit["n"][0], model.fit["dropped"][0]) == (113, 7)
    with pytest.raises(ValueError, match="table: expected complete rows, got none of 120"):
        stats.mixed_model(table.assign(x=np.nan), "y", predictors="x", items="item")
    with pytest.raises(ValueError, match="items: expected at least 3, got 1"):
        stats.mixed_model(table.tail(1), "y", predictors="x", items="item")


def test_settings_have_every_argument():
    table = items(np.random.default_rng(0), 6, 4, 1.0).assign(word=list("ab") * 12, layer="out")
    linear = stats.linear_model(
        table, "y", predictors=["x", "word"], by="layer", reference={"word": "b"}, level=0.9
    )
    assert linear.settings == {
        "response": "y",
        "predictors": ["x", "word"],
        "by": ["layer"],
        "items": None,
        "reference": {"word": "b"},
        "level": 0.9,
    }
    mixed = stats.mixed_model(
        table, "y", predictors=["x", "word"], items="item", reference={"word": "b"}, reml=False
    )
    assert mixed.settings == {
        "response": "y",
        "predictors": ["x", "word"],
        "items": "item",
        "slopes": [],
        "reference": {"word": "b"},
        "reml": False,
        "level": 0.95,
    }
