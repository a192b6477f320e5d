"""Latent discovery: three variables of a hundred, none at all, several classes, separation, and glmnet's conventions."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import stats

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")
pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra stats)")
pytest.importorskip("statsmodels", reason="statsmodels is not installed (extra stats)")

QUICK = {"folds": 5, "lambdas": 15, "resamples": 20, "trees": 0}


def planted(
    rng: np.random.Generator, count: int = 600, variables: int = 100
) -> tuple[np.ndarray, np.ndarray]:
    """z11, z5 and z74 decide whether there is an [s]."""
    z = rng.uniform(-1, 1, (count, variables))
    logit = -0.5 + 2.5 * z[:, 11] - 2.0 * z[:, 5] + 1.8 * z[:, 74]
    return z, rng.random(count) < 1 / (1 + np.exp(-logit))


def test_three_variables_of_a_hundred():
    found = stats.discover_latents(*planted(np.random.default_rng(1)), **QUICK)
    assert found.standing_out == ("z11", "z5", "z74")
    assert found.before_elbow[:3] == ("z11", "z5", "z74")
    assert len(found.before_elbow) <= 5
    strongest = found.variables.iloc[:3]
    assert np.sign(strongest["lasso_1se"]).tolist() == [1, -1, 1]
    assert (strongest["stability"] == 1).all()
    assert found.settings["lambda_1se"] > found.settings["lambda_min"]
    assert (found.lasso_path["kept"].diff().dropna() >= -2).all(), "smaller lambdas keep more"
    assert found.lasso_path["kept"][0] == 0


def test_a_forest_finds_what_is_not_linear():
    rng = np.random.default_rng(1)
    z = rng.uniform(-1, 1, (500, 12))
    heard = np.abs(z[:, 4]) + 0.1 * rng.standard_normal(500) > 0.5
    found = stats.discover_latents(z, heard, **(QUICK | {"trees": 40}))
    assert found.standing_out == ()
    table = found.variables.set_index("variable")
    assert table["p_importance"]["z4"] == 0.05
    assert table["importance"].idxmax() == "z4"
    assert (table["p_importance"].drop("z4") > 0.05).all()


def test_an_annotation_without_meaning_rarely_finds_anything():
    rng = np.random.default_rng(2)
    found = []
    for _ in range(20):
        z = rng.uniform(-1, 1, (150, 15))
        quick = QUICK | {"lambdas": 8, "resamples": 10}
        found.append(len(stats.discover_latents(z, rng.random(150) < 0.4, **quick).standing_out) > 0)
    assert np.mean(found) <= 0.15


def test_the_forests_null_keeps_its_level():
    from convscope.stats.discovery._forest import forest

    rng = np.random.default_rng(3)
    p = [
        forest(rng.uniform(-1, 1, (80, 6)), rng.integers(0, 2, 80), trees=8, permutations=19, seed=i).p.min()
        for i in range(20)
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.16


def test_several_classes():
    rng = np.random.default_rng(4)
    z = rng.uniform(-1, 1, (500, 10))
    score = np.stack([0 * z[:, 0], 3 * z[:, 2], 3 * z[:, 7]], axis=1) + rng.gumbel(size=(500, 3))
    word = np.array(["ask", "dark", "wash"])[score.argmax(1)]
    found = stats.discover_latents(z, word, **QUICK)
    assert set(found.standing_out) == {"z2", "z7"}
    rows = found.coefficients.set_index(["variable", "class"])
    assert rows["joint_beta"]["z2", "dark"] > 5 * abs(rows["joint_beta"]["z2", "wash"]) > 0
    assert set(found.coefficients["against"]) == {"ask"}


def test_coefficients_alone_are_those_of_statsmodels():
    discrete = pytest.importorskip("statsmodels.discrete.discrete_model")
    z, y = planted(np.random.default_rng(5), variables=80)
    row = stats.discover_latents(z, y, **QUICK).variables.set_index("variable").loc["z11"]
    x = (z[:, 11] - z[:, 11].mean()) / z[:, 11].std()
    fitted = discrete.Logit(y.astype(float), np.column_stack([np.ones_like(x), x])).fit(disp=0)
    assert row["beta"] == pytest.approx(fitted.params[1], rel=1e-6)
    assert row["se"] == pytest.approx(fitted.bse[1], rel=1e-6)
    assert row["p"] == pytest.approx(fitted.llr_pvalue, rel=1e-6)


def test_the_lasso_is_at_glmnets_optimum():
    """Karush, Kuhn and Tucker: gradients are lambda where a coefficient is kept, and below elsewhere."""
    from convscope.stats.discovery._annotation import annotated
    from convscope.stats.discovery._lasso import _largest_lambda, _path

    z, y = planted(np.random.default_rng(6), variables=80)
    data = annotated(z, y, None)
    largest = _largest_lambda(data.x, data.y)
    none, half, tenth = _path(data.x, data.y, largest * np.array([1.0001, 0.5, 0.1]), 0)
    assert not none.beta.any()
    for fit, penalty in ((half, 0.5 * largest), (tenth, 0.1 * largest)):
        shares = 1 / (1 + np.exp(-(data.x @ fit.beta[0] + fit.intercept)))
        gradient = data.x.T @ (data.y - shares) / len(data.y)
        kept = fit.beta[0] != 0
        assert 0 < kept.sum() < 80
        assert gradient[kept] == pytest.approx(penalty * np.sign(fit.beta[0][kept]), rel=0.01)
        assert (np.abs(gradient[~kept]) < 1.01 * penalty).all()


def test_perfect_separation_is_said_and_still_found():
    rng = np.random.default_rng(7)
    z = rng.uniform(-1, 1, (300, 6))
    found = stats.discover_latents(z, z[:, 3] > 0.1, **QUICK)
    assert found.standing_out[0] == "z3"
    row = found.variables.set_index("variable").loc["z3"]
    assert np.isnan(row["beta"])
    assert row["p"] < 1e-50
    assert any("z3 alone separates classes" in problem for problem in found.problems)


def test_constant_variables_and_missing_annotations_are_left_out_and_said():
    rng = np.random.default_rng(8)
    z, y = planted(rng, variables=80)
    z[:, 2] = 0.5
    labels = np.where(y, "s", "none").astype(object)
    labels[:7] = None
    found = stats.discover_latents(z, labels, **QUICK)
    assert "z2" not in set(found.variables["variable"])
    assert "z2 does not vary and was left out" in found.problems
    assert found.settings["dropped"] == 7


def test_one_hot_codes_have_no_joint_model_and_it_is_not_called_separation():
    rng = np.random.default_rng(10)
    z, y = planted(rng, variables=80)
    z[:, :4] = np.eye(4)[rng.integers(0, 4, 600)]
    found = stats.discover_latents(z, y, **QUICK)
    assert [problem for problem in found.problems if "determine each other" in problem]
    assert not [problem for problem in found.problems if "separate" in problem]
    assert {"z11", "z74"} <= set(found.standing_out)


def test_fewer_rows_than_variables_have_no_joint_model():
    rng = np.random.default_rng(9)
    found = stats.discover_latents(rng.uniform(-1, 1, (60, 50)), rng.random(60) < 0.5, **QUICK)
    assert found.variables["joint_beta"].isna().all()
    assert any("too few rows" in problem for problem in found.problems)


def test_the_elbow_is_where_coefficients_bend():
    assert stats.elbow([1.0, 0.98, 0.95, 0.1, 0.08, 0.05, 0.02, 0.0]) == 3
    assert stats.elbow([0.3, 5.0, 0.2, 0.1]) == 1
    with pytest.raises(ValueError, match="strengths: expected three or more"):
        stats.elbow([1.0, 2.0])
    with pytest.raises(ValueError, match="strengths: expected finite numbers"):
        stats.elbow([1.0, np.nan, 2.0])


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda z, y: (z[:-1], y), {}, "annotation: expected one for each of 599 latent vectors, got 600"),
        (lambda z, y: (z, np.ones(600)), {}, "annotation: expected two or more classes, got 1"),
        (lambda z, y: (z, np.arange(600) < 3), {}, "at least 5 rows of each class, one for each fold, got 3"),
        (lambda z, y: (np.where(z > 0.99, np.nan, z), y), {}, "z: expected finite numbers"),
        (lambda z, y: (0 * z, y), {}, "z: expected variables that vary"),
        (lambda z, y: (z[:, 0], y), {}, r"z: expected latent vectors \(n, variables\)"),
        (lambda z, y: (z, y), {"names": ["a"]}, "names: expected 100 different ones"),
        (lambda z, y: (z, y), {"folds": 2}, "folds: expected at least 3, got 2"),
    ],
)
def test_what_cannot_be_discovered_is_refused(change, settings, message):
    with pytest.raises(ValueError, match=message):
        stats.discover_latents(*change(*planted(np.random.default_rng(0))), **(QUICK | settings))


def test_what_the_lasso_drops_does_not_stand_out():
    """z1 is z0 with noise: alone it passes every test, beside z0 it says nothing."""
    rng = np.random.default_rng(0)
    z = rng.uniform(-1, 1, (600, 12))
    z[:, 1] = z[:, 0] + 0.6 * rng.uniform(-1, 1, 600)
    found = stats.discover_latents(z, rng.random(600) < 1 / (1 + np.exp(-4 * z[:, 0])), **QUICK)
    shadow = found.variables.set_index("variable").loc["z1"]
    assert shadow["p_holm"] < 1e-20
    assert shadow["stability"] < 0.8
    assert found.standing_out == ("z0",)


@pytest.mark.parametrize(
    "measure",
    [
        lambda y: y + np.arange(600) / 600,
        lambda y: np.arange(600),
        lambda y: [None, *range(599)],
        lambda y: np.repeat(np.arange(12) / 7, 50),
    ],
)
def test_a_measure_is_no_annotation(measure):
    z, y = planted(np.random.default_rng(0))
    with pytest.raises(ValueError, match="annotation: expected classes; numbers belong to correlate"):
        stats.discover_latents(z, measure(y), **QUICK)


def test_numbers_of_words_are_classes():
    from convscope.stats.discovery._annotation import annotated

    z = np.random.default_rng(0).uniform(-1, 1, (600, 3))
    assert len(annotated(z, np.arange(600) % 12, None, least=10).classes) == 12
