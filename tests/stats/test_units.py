"""Units change nothing: a slope in Hz is a thousandth of one in kHz, with the same test."""

from __future__ import annotations

import numpy as np
import pytest

from convscope import stats

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra stats)")
pytest.importorskip("statsmodels", reason="statsmodels is not installed (extra stats)")


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
    assert hz.fit.log_likelihood[0] == pytest.approx(khz.fit.log_likelihood[0] - np.log(1000), abs=1e-3)


def test_neither_do_units_of_the_response(table):
    one = stats.mixed_model(table, "level", predictors="f2", items="item", reml=False)
    other = stats.mixed_model(table, "milli", predictors="f2", items="item", reml=False)
    np.testing.assert_allclose(
        other.coefficients.estimate, 1000 * one.coefficients.estimate, rtol=1e-3
    )  # as exact as the optimiser
    np.testing.assert_allclose(other.coefficients.z, one.coefficients.z, rtol=1e-2)
    assert other.fit.log_likelihood[0] == pytest.approx(
        one.fit.log_likelihood[0] - 300 * np.log(1000), abs=1e-3
    )


def test_it_is_what_statsmodels_gives_where_units_do_no_harm(table):
    import statsmodels.formula.api as formulas

    scaled = table.assign(x=(table.f2 - table.f2.mean()) / table.f2.std())
    ours = stats.mixed_model(scaled, "level", predictors="x", items="item", slopes="x")
    theirs = formulas.mixedlm("level ~ x", scaled, groups="item", re_formula="~x").fit(method=["lbfgs"])
    np.testing.assert_allclose(ours.coefficients.estimate, theirs.fe_params, rtol=1e-4)
    np.testing.assert_allclose(ours.coefficients.se, theirs.bse_fe, rtol=1e-3)
    assert ours.fit.log_likelihood[0] == pytest.approx(theirs.llf, abs=1e-3)


def test_distances_are_corrected_too():
    measured = np.random.default_rng(1).normal(size=(30, 3))
    effects = stats.causal_effects(measured, [0.0, 1.0, 2.0]).effects
    assert (effects.p_wasserstein_holm >= effects.p_wasserstein).all()
    columns = list(effects.columns)
    assert columns[columns.index("p_wasserstein") + 1] == "p_wasserstein_holm"


def test_events_have_no_partners_by_number():
    rows = [("out", 0, 0.2), ("out", 1, 0.35), ("conv4", 0, 0.35)]
    table = pd.DataFrame(rows, columns=["layer", "point", "value"]).assign(sound=0, measure="voiced_period")
    with pytest.raises(
        ValueError, match=r"events that are found have to be matched by their times, got voiced_period"
    ):
        stats.pair_layers(table)
