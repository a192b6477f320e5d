"""`fit_gamm` on tables with known truth, and on what it cannot model."""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys

import numpy as np
import pandas as pd
import pytest
from tests.stats.gamm.cases import simulate

from convscope.stats import Result, fit_gamm

SMALL = {"k": 7, "k_token": 5}


@pytest.fixture(scope="module")
def table():
    return simulate(seed=2, tokens=10, bend=0.5, shift=0.2)


@pytest.fixture(scope="module")
def result(table):
    return fit_gamm(table, rho=0.5, **SMALL)


def test_planted_differences_are_found_where_they_are(table, result):
    times = np.linspace(0, 1, 41)
    truth = 0.2 + 0.5 * np.cos(6 * times)
    difference = result.difference("c", "a", times)
    assert ((difference.lower < truth) & (truth < difference.upper)).all()
    assert result.smooths.set_index("term").p["s(time):groupOc"] < 1e-4
    none = result.difference("b", "a", times)
    assert not none.significant.any()
    intervals = result.significant_intervals("c", "a", times)
    strong = np.abs(truth) > 0.55
    assert all(((intervals.start <= time) & (time <= intervals.end)).any() for time in times[strong])
    assert list(intervals.columns) == ["group", "other", "start", "end", "difference"]


def test_any_pair_comes_from_one_fit(table, result):
    other = fit_gamm(table, rho=0.5, reference="c", **SMALL)
    assert other.groups == ("c", "a", "b")
    times = np.linspace(0, 1, 9)
    ours, again = result.difference("b", "c", times), other.difference("b", "c", times)
    np.testing.assert_allclose(ours.difference, again.difference, atol=0.1)  # the penalties are others
    np.testing.assert_allclose(
        result.difference("b", "c", times).difference, -result.difference("c", "b", times).difference
    )


def test_rows_may_come_in_any_order(table, result):
    shuffled = table.sample(frac=1, random_state=0)
    again = fit_gamm(shuffled, rho=0.5, **SMALL)
    pd.testing.assert_frame_equal(again.parametric, result.parametric)
    pd.testing.assert_frame_equal(again.smooths, result.smooths)
    np.testing.assert_array_equal(again.fitted, result.fitted[shuffled.index])
    np.testing.assert_array_equal(again.residuals("ar1"), result.residuals("ar1")[shuffled.index])


def test_simultaneous_bands_are_wider_and_the_default(result):
    wide, narrow = result.difference("c"), result.difference("c", simultaneous=False)
    assert narrow.critical[0] == pytest.approx(1.959964)
    assert wide.critical[0] > 2.3
    assert (wide.upper > narrow.upper).all()
    assert result.difference("c").equals(wide)  # a seed of its own
    assert not result.difference("c", seed=1).equals(wide)


def test_draws_have_the_distribution_that_the_critical_value_is_of(result):
    """A band of level .8 holds four fifths of curves drawn from the coefficients' distribution, whole."""
    times = np.linspace(0, 1, 30)
    band = result.predict(times, ["b"], level=0.8)
    rows = result.lpmatrix("b", times)
    draws = np.random.default_rng(9).multivariate_normal(result.curves.coefficients, result.vcov, 4000)
    curves = draws @ rows.T
    inside = ((curves >= band.lower.to_numpy()) & (curves <= band.upper.to_numpy())).all(1).mean()
    assert inside == pytest.approx(0.8, abs=0.03)


def test_residuals(table, result):
    np.testing.assert_allclose(result.fitted + result.residuals(), table.value)
    innovations = result.residuals("ar1")
    first = table.groupby("token").head(1).index
    np.testing.assert_allclose(innovations[first], result.residuals()[first])
    with pytest.raises(ValueError, match="kind: expected 'response' or 'ar1', got 'pearson'"):
        result.residuals("pearson")


def test_rho_by_reml_is_near_the_planted_one():
    table = simulate(seed=3, groups=("a", "b"), tokens=20, length=40, rho=0.6, between=0.2)
    result = fit_gamm(table)
    assert result.info.rho == pytest.approx(0.6, abs=0.1)
    profile = dict(result.info.rho_profile)
    assert min(profile, key=profile.get) == result.info.rho
    low = fit_gamm(table, rho="acf")
    assert low.info.rho < 0.6  # token curves eat it: why REML is the default
    assert result.info.rho_by == "reml"
    assert fit_gamm(table, rho=None).info.rho == 0


def test_speakers_widen_what_is_said_of_groups():
    """Each speaker says one word only: the tokens of a word are not independent."""
    table = simulate(seed=4, groups=("a", "b"), tokens=12, speakers=6)
    table["speaker"] = table["speaker"] + table["group"]
    table.loc[table.speaker == "s1a", "value"] += 1
    plain, with_speakers = fit_gamm(table, rho=0.5), fit_gamm(table, rho=0.5, speaker="speaker")
    assert with_speakers.parametric.se[1] > 1.3 * plain.parametric.se[1]
    assert "s(speaker)" in list(with_speakers.smooths.term)
    assert with_speakers.formula.endswith('s(speaker, bs="re")')


def test_one_curve_without_groups(table):
    result = fit_gamm(table, group=None, rho=0.5, **SMALL)
    assert list(result.parametric.term) == ["(Intercept)"]
    assert list(result.smooths.term) == ["s(time)", "s(time,token)"]
    assert result.groups == ("all",)


def test_what_is_written(tmp_path, result):
    assert result.formula == (
        'value ~ group + s(time, k=7) + s(time, by=groupO, k=7) + s(time, token, bs="fs", m=1, k=5)'
    )
    result.to_csv(tmp_path / "new" / "gamm")
    read = pd.read_csv(tmp_path / "new" / "gamm" / "parametric.csv")
    np.testing.assert_allclose(read.estimate, result.parametric.estimate)
    assert json.loads((tmp_path / "new" / "gamm" / "info.json").read_text())["rho"] == 0.5
    assert json.loads(json.dumps(result.to_dict()))["formula"] == result.formula
    latex = result.to_latex()
    assert r"s(time):groupOc & " in latex
    assert "& $<$0.0001" in latex
    assert "rho 0.5 (given)" in str(result)


def test_it_is_a_result_as_others_are(tmp_path, result):
    assert isinstance(result, Result)
    assert list(result.tables) == ["parametric", "smooths", "curves"]
    one = result.to_latex("smooths", digits=2)
    assert r"\toprule" in one
    assert "s(time):groupOc" in one
    assert "Intercept" not in one
    assert "(Intercept)" in result.to_latex("parametric")
    with pytest.raises(ValueError, match="table: expected one of parametric, smooths, curves, got levels"):
        result.to_latex("levels")
    with pytest.raises(
        ValueError, match="table: expected one of parametric, smooths, curves for digits, got None"
    ):
        result.to_latex(digits=2)
    with pytest.raises(
        ValueError, match="path: expected a folder for the tables parametric, smooths, curves"
    ):
        result.to_csv(tmp_path / "gamm.csv")
    assert {file.name for file in result.to_csv(tmp_path)} == {
        "parametric.csv",
        "smooths.csv",
        "curves.csv",
        "info.json",
    }


def test_every_attribute_is_documented(result):
    for shown in (result, result.info):
        about = inspect.getdoc(type(shown))
        listed = {
            name.strip()
            for line in about.splitlines()
            if " : " in line or line.startswith(("parametric", "smooths"))
            for name in line.replace("(", ":").split(":")[0].split(",")
        }
        assert {field.name for field in dataclasses.fields(shown)} <= listed
        assert "residuals_" not in about


def test_numbers_are_names_too(table):
    numbered = table.assign(group=table.group.map({"a": 1, "b": 2, "c": 10}))
    result = fit_gamm(numbered, rho=0.5, reference=10, **SMALL)
    assert result.groups == ("10", "1", "2")


def test_a_level_far_from_zero_changes_nothing(table, result):
    far = fit_gamm(table.assign(value=table.value + 1e6), rho=0.5, **SMALL)
    np.testing.assert_allclose(far.smooths.p, result.smooths.p, rtol=1e-5, atol=1e-12)
    assert far.parametric.estimate[0] == pytest.approx(result.parametric.estimate[0] + 1e6)
    np.testing.assert_allclose(far.fitted - 1e6, result.fitted, atol=1e-5)
    assert far.info.converged


def test_times_that_differ_by_rounding_are_one(table):
    jittered = table.assign(time=table.time + np.where(table.token < "t015", 3e-13, 0))
    assert fit_gamm(jittered, rho=0.5, **SMALL).smooths.edf[0] == pytest.approx(
        fit_gamm(table, rho=0.5, **SMALL).smooths.edf[0]
    )


def test_curves_that_follow_every_value_are_told_of():
    small = simulate(seed=1, groups=("a", "b"), tokens=8, length=8, noise=1e-3, between=0.5)
    result = fit_gamm(small, rho=0.0, k=8, k_token=8)
    assert result.info.residual_df < 1
    assert "take a smaller k_token" in result.info.remarks[0]


def test_many_rows_take_little_memory():
    """Functions are evaluated at distinct times, not at rows."""
    import tracemalloc

    time = np.arange(400.0)
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {"token": f"t{i}", "group": "ab"[i % 2], "time": time, "value": rng.normal(size=400).cumsum()}
        )
        for i in range(40)
    ]
    many = pd.concat(parts, ignore_index=True)
    fit_gamm(many[many.time < 20], rho=0.3)  # imports
    tracemalloc.start()
    fit_gamm(many, rho=0.3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6  # 16,000 rows by 400 knots would be 51 MB, several times


def test_names_that_r_does_not_take_go_in_backticks(table):
    odd = table.rename(columns={"value": "my value", "time": "time (s)", "group": "the word"})
    result = fit_gamm(odd, value="my value", time="time (s)", group="the word", rho=0.5, **SMALL)
    assert result.formula.startswith(
        "`my value` ~ `the word` + s(`time (s)`, k=7) + s(`time (s)`, by=`the wordO`, k=7)"
    )


def test_a_word_with_one_token_is_told_of(table):
    few = table[~((table.group == "b") & (table.token != "t001"))]
    result = fit_gamm(few, rho=0.5, **SMALL)
    assert "one token only of b" in result.info.remarks[0]


BAD = {
    "one token of each": (
        lambda t: t[t.token.isin(["t000", "t001", "t002"])],
        r"token: expected several tokens of at least one group, got one of each",
    ),
    "one sample": (
        lambda t: t[(t.group != "b") | ((t.token == "t001") & (t.time == 0))],
        r"group: expected at least 2 different times in each group, got 1 in 'b'",
    ),
    "constant": (lambda t: t.assign(value=0.5), r"value: expected values that vary, got 0.5 in all \d+ rows"),
    "NaN": (lambda t: t.assign(value=t.value.where(t.index > 2)), r"value: expected a number in each row of column 'value', got 3 of 360 without"),
    "NaN times": (lambda t: t.assign(time=t.time.where(t.index > 0)), r"time: expected a number in each row"),
    "text": (lambda t: t.assign(value="x"), r"value: expected numbers, got"),
    "no name": (lambda t: t.assign(token=t.token.where(t.index > 2)), r"token: expected a name in each row, got 3"),
    "token of two groups": (
        lambda t: t.assign(token=t.token.replace("t001", "t000")),
        r"token: expected names that are unique, got 't000' in group 'a' and 'b'",
    ),
    "token twice": (
        lambda t: t.assign(token=t.token.replace("t003", "t000")),
        r"token: expected one row for each token and time, got 12 more, such as of 't000' at 0",
    ),
    "one time": (lambda t: t.assign(time=1.0), r"time: expected at least 3 different times, got 1 in all 360 rows"),
    "two times": (lambda t: t[t.time.isin(t.time.unique()[:2])], r"time: expected at least 3 different times, got 2"),
    "no rows": (lambda t: t[:0], r"table: expected rows, got none"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_modelled(table, case):
    spoil, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        fit_gamm(spoil(table), rho=0.5, **SMALL)


def test_one_speaker_is_no_effect(table):
    with pytest.raises(ValueError, match="speaker: expected at least two speakers, got 's0' only"):
        fit_gamm(table, rho=0.5, speaker="speaker", **SMALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 13}, r"k: expected a whole number from 3 to 12, the number of different times, got 13"),
        ({"k_token": 13}, r"k_token: expected a whole number from 2 to 12"),
        ({"k": 6.0}, r"k: expected a whole number from 3 to 12, the number of different times, got 6.0"),
        ({"k": 2.5}, r"k: expected a whole number from 3"),
        ({"rho": 1.0}, r"rho: expected a number between -1 and 1, got 1.0"),
        ({"rho": "ml"}, r"rho: expected a number, 'reml', 'acf' or None, got 'ml'"),
        ({"engine": "gam"}, r"engine: expected 'native' or 'mgcv' or 'mssm', got 'gam'"),
        ({"reference": "d"}, r"reference: expected one of a, b, c, got 'd'"),
    ],
)
def test_requests_that_cannot_be(table, options, message):
    with pytest.raises(ValueError, match=message):
        fit_gamm(table, **{"rho": 0.5, **SMALL, **options})


def test_columns_that_are_not_there(table):
    with pytest.raises(
        KeyError, match="value: no column 'sound'; there are token, group, speaker, time, value"
    ):
        fit_gamm(table, value="sound")


def test_what_is_asked_of_a_result(result):
    with pytest.raises(ValueError, match="group: expected one of a, b, c \\(as text\\), got 'd'"):
        result.difference("d")
    with pytest.raises(ValueError, match=r"level: expected a number between 0 and 1, such as 0\.95, got 95"):
        result.predict(level=95)
    with pytest.raises(ValueError, match="times: expected finite times"):
        result.predict([np.nan])
    with pytest.raises(ValueError, match="draws: expected at least 100, got 10"):
        result.predict(draws=10)


@pytest.mark.parametrize(
    ("library", "engine", "extra"),
    [
        ("scipy.stats", "native", "stats"),
        ("threadpoolctl", "native", "stats"),
        ("mssm.models", "mssm", "mssm"),
    ],
)
def test_a_library_that_is_missing_is_named_with_its_extra(table, monkeypatch, library, engine, extra):
    monkeypatch.setitem(sys.modules, library, None)
    for module in [name for name in sys.modules if name.startswith("convscope.stats.gamm._native")]:
        monkeypatch.delitem(sys.modules, module)
    package = library.partition(".")[0]
    with pytest.raises(
        ImportError, match=rf"expected {package}, which is not installed; pip install 'convscope\[{extra}\]'"
    ):
        fit_gamm(table, rho=0.5, engine=engine, **SMALL)
