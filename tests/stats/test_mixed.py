"""Mixed models against nlme, statsmodels and dense matrices; where statsmodels' optimisers fail; units."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from convscope import stats
from convscope.stats import _mixed_fit

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")
pytest.importorskip("scipy", reason="SciPy is not installed (extra stats)")

LME = """
suppressMessages(library(nlme))
d <- read.csv(file("stdin"))
for (method in c("REML", "ML")) {
  fit <- lme(FIXED, random = RANDOM, data = d, method = method,
             control = lmeControl(maxIter = 500, msMaxIter = 500, tolerance = 1e-10, msTol = 1e-12))
  cat(format(c(fixef(fit), sqrt(diag(vcov(fit))), as.numeric(VarCorr(fit)[, 2]), logLik(fit)), digits = 12), "\\n")
}
"""


def intensities(seed: int = 0) -> pd.DataFrame:
    """In dB, as a layer has them beside the output: sounds do not differ, and statsmodels says "Singular matrix"."""
    rng = np.random.default_rng(seed)
    output = 80 + 3 * rng.standard_normal(350)
    layer = -13 + 1.1 * output + 2.8 * rng.standard_normal(350)
    return pd.DataFrame({"layer": layer, "output": output, "sound": np.arange(70).repeat(5)})


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(20), 15)
    f2_hz = rng.normal(1500, 300, 300)
    slope = 0.01 + rng.normal(0, 0.005, 20)[item]
    level = 60 + rng.normal(0, 2, 20)[item] + slope * (f2_hz - 1500) + rng.normal(0, 1, 300)
    return pd.DataFrame(
        {"level": level, "f2": f2_hz, "f2_khz": f2_hz / 1000, "item": item, "milli": 1000 * level}
    )


def test_ordinary_intensities_have_a_model():
    """Least squares, where sounds have no variance of their own."""
    table = intensities()
    model = stats.mixed_model(table, "layer", predictors="output", items="sound")
    assert model.converged
    assert model.fit["singular"][0]
    assert model.variances["sd"][0] == 0
    line = stats.linear_model(table, "layer", predictors="output").coefficients
    assert model.coefficients["estimate"].tolist() == pytest.approx(line["estimate"].tolist(), rel=1e-9)
    assert model.coefficients["se"].tolist() == pytest.approx(line["se"].tolist(), rel=1e-9)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="Rscript is not on the PATH")
@pytest.mark.parametrize(
    ("slopes", "random"), [((), "~1|item"), (("x",), "~x|item"), (("x", "w"), "~x+w|item")]
)
def test_it_is_what_nlme_gives(slopes, random):
    rng = np.random.default_rng(3)
    item = rng.integers(0, 18, 240)
    x, w = rng.standard_normal((2, 240))
    own = rng.multivariate_normal([0, 0, 0], [[1, 0.5, 0], [0.5, 0.8, 0.1], [0, 0.1, 0.4]], 18)[item].T
    y = 5 + own[0] + (1 + own[1]) * x + (own[2] - 1) * w + 0.6 * rng.standard_normal(240)
    table = pd.DataFrame({"x": x, "w": w, "y": y, "item": item})
    script = LME.replace("FIXED", "y ~ x + w").replace("RANDOM", random)
    done = subprocess.run(
        ["Rscript", "-e", script], input=table.to_csv(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    for reml, line in zip((True, False), done.stdout.strip().splitlines(), strict=True):
        model = stats.mixed_model(table, "y", predictors=["x", "w"], items="item", slopes=slopes, reml=reml)
        theirs = [float(each) for each in line.split()]
        ours = [*model.coefficients["estimate"], *model.coefficients["se"], *model.variances["sd"].dropna()]
        assert model.converged
        assert ours == pytest.approx(theirs[:-1], rel=1e-4)
        assert model.fit["log_likelihood"][0] == pytest.approx(theirs[-1], abs=1e-5)


def test_it_is_what_statsmodels_gives_where_units_do_no_harm(table):
    formulas = pytest.importorskip("statsmodels.formula.api")
    scaled = table.assign(x=(table.f2 - table.f2.mean()) / table.f2.std())
    ours = stats.mixed_model(scaled, "level", predictors="x", items="item", slopes="x")
    theirs = formulas.mixedlm("level ~ x", scaled, groups="item", re_formula="~x").fit(method=["lbfgs"])
    np.testing.assert_allclose(ours.coefficients.estimate, theirs.fe_params, rtol=1e-4)
    np.testing.assert_allclose(ours.coefficients.se, theirs.bse_fe, rtol=1e-4)
    assert ours.fit.log_likelihood[0] == pytest.approx(theirs.llf, abs=1e-4)


@pytest.mark.parametrize("reml", [True, False])
def test_the_profiled_deviance_is_that_of_the_whole_covariance(reml):
    """And its gradient that of differences."""
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 6, 40)
    terms = np.column_stack([np.ones(40), rng.standard_normal((40, 2))])
    y = rng.standard_normal(40)
    products = _mixed_fit._products(y, terms, [0, 2], codes, reml)
    factor = np.array([[0.7, 0.0], [-0.4, 1.3]])
    found = _mixed_fit._profile(products, factor)

    z = terms[:, [0, 2]]
    whole = np.eye(40) + (codes[:, None] == codes) * (z @ factor @ factor.T @ z.T)
    inverse = np.linalg.inv(whole)
    information = terms.T @ inverse @ terms
    beta = np.linalg.solve(information, terms.T @ inverse @ y)
    residuals = y - terms @ beta
    freedom = 37 if reml else 40
    scale = residuals @ inverse @ residuals / freedom
    deviance = np.linalg.slogdet(whole)[1] + freedom * (1 + np.log(2 * np.pi * scale))
    deviance += np.linalg.slogdet(information)[1] if reml else 0
    assert found.beta == pytest.approx(beta, rel=1e-9)
    assert found.deviance == pytest.approx(deviance, rel=1e-12)
    for place in ((0, 0), (1, 0), (1, 1)):
        step = np.zeros((2, 2))
        step[place] = 1e-5
        ends = [_mixed_fit._profile(products, factor + sign * step).deviance for sign in (1, -1)]
        assert found.gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)


def test_residuals_that_are_nothing_are_told_of():
    rng = np.random.default_rng(1)
    item = np.arange(15).repeat(10)
    x = rng.standard_normal(150)
    table = pd.DataFrame({"x": x, "y": x + rng.standard_normal(15)[item], "item": item})
    model = stats.mixed_model(table, "y", predictors="x", items="item")
    assert "no residuals" in model.problems[0]
    assert model.coefficients["estimate"][1] == pytest.approx(1, abs=1e-6)


def test_optimisers_that_do_not_agree_are_told_of(monkeypatch):
    monkeypatch.setattr(_mixed_fit, "_ROUNDS", 0)
    model = stats.mixed_model(intensities(), "layer", predictors="output", items="sound")
    assert not model.converged
    assert "do not agree" in model.problems[0]


def test_a_mixed_model_in_hz_is_that_in_khz(table):
    hz = stats.mixed_model(table, "level", predictors="f2", items="item", slopes="f2")
    khz = stats.mixed_model(table, "level", predictors="f2_khz", items="item", slopes="f2_khz")
    assert hz.converged
    assert hz.problems == khz.problems == ()
    one, other = hz.coefficients.iloc[1], khz.coefficients.iloc[1]
    assert one.estimate == pytest.approx(0.01, abs=3 * one.se)
    assert one.se == pytest.approx(0.005 / np.sqrt(20), rel=0.4)
    assert 1000 * one.estimate == pytest.approx(other.estimate, rel=1e-5)
    assert one.z == pytest.approx(other.z, rel=1e-4)
    assert hz.variances["sd"].iloc[1] * 1000 == pytest.approx(khz.variances["sd"].iloc[1], rel=1e-3)
    assert hz.variances["sd"].iloc[-1] == pytest.approx(1.0, rel=0.15)
    # REML's likelihood is of the data in their units: it differs by what the units of slopes add
    assert hz.fit.log_likelihood[0] == pytest.approx(khz.fit.log_likelihood[0] - np.log(1000), abs=1e-6)


def test_neither_do_units_of_the_response(table):
    one = stats.mixed_model(table, "level", predictors="f2", items="item", reml=False)
    other = stats.mixed_model(table, "milli", predictors="f2", items="item", reml=False)
    np.testing.assert_allclose(other.coefficients.estimate, 1000 * one.coefficients.estimate, rtol=1e-6)
    np.testing.assert_allclose(other.coefficients.z, one.coefficients.z, rtol=1e-6)
    assert other.fit.log_likelihood[0] == pytest.approx(
        one.fit.log_likelihood[0] - 300 * np.log(1000), abs=1e-6
    )
