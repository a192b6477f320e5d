"""The same model in R's mgcv (bam, fREML, discrete=FALSE): its output on simulated words, and on request R itself.

``mgcv/null3*`` are committed; the larger ones lie with the project's shared data.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.stats.gamm.cases import simulate

from convscope.stats import fit_gamm

FIXTURES = ["null3_0", "null3_0.5", "sub80_0", "sub80_0.3", "sub200_0.5"]
HERE = Path(__file__).parent / "mgcv"


@pytest.fixture(params=FIXTURES)
def fixture(request):
    """(table, rho, mgcv's tables by name)"""
    name, rho = request.param.split("_")
    folder = HERE if name == "null3" else request.getfixturevalue("shared_data") / "gamm"
    kinds = ("ptab", "stab", "pred", "diff")
    tables = {kind: pd.read_csv(folder / f"mgcv_{request.param}_{kind}.csv") for kind in kinds}
    return pd.read_csv(folder / f"{name}.csv"), float(rho), tables


def test_tables_curves_and_decisions(fixture):
    table, rho, theirs = fixture
    ours = fit_gamm(table, time="sample", group="word", k_token=10, rho=rho)
    assert ours.info.converged
    levels, smooths = theirs["ptab"], theirs["stab"]
    assert list(ours.parametric.term) == list(levels.iloc[:, 0])
    assert list(ours.smooths.term) == list(smooths.iloc[:, 0])
    np.testing.assert_allclose(ours.parametric.estimate, levels["Estimate"], atol=1e-5)
    np.testing.assert_allclose(ours.parametric.se, levels["Std. Error"], atol=1e-5)
    np.testing.assert_allclose(ours.parametric.p, levels["Pr(>|t|)"], atol=1e-3)
    np.testing.assert_allclose(ours.smooths.edf, smooths["edf"], atol=1e-3)
    np.testing.assert_allclose(ours.smooths.ref_df, smooths["Ref.df"], atol=1e-3)
    np.testing.assert_allclose(ours.smooths.p, smooths["p-value"], atol=1e-3)
    # mgcv's F of a curve is one of two that differ by a sign; that of the tokens is exact
    assert ours.smooths.F.iloc[-1] == pytest.approx(smooths["F"].iloc[-1], rel=1e-6)

    curves = theirs["pred"].set_index(["word", "sample"])
    found = ours.predict(np.unique(curves.index.get_level_values("sample"))).set_index(["group", "time"])
    found = found.loc[curves.index]
    np.testing.assert_allclose(found.fit, curves.fit, atol=1e-5)
    np.testing.assert_allclose(found.se, curves.se, atol=1e-5)

    same = []
    for word, expected in theirs["diff"].groupby("word"):
        difference = ours.difference(word, times=expected["sample"])
        np.testing.assert_allclose(difference.difference, expected["diff"], atol=1e-5)
        np.testing.assert_allclose(difference.se, expected["se"], atol=1e-5)
        outside = np.abs(expected["diff"]) > expected["crit"] * expected["se"]
        same.append(difference.significant.to_numpy() == outside.to_numpy())
    assert np.concatenate(same).mean() >= 0.995


@pytest.fixture(scope="module")
def mgcv():
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    done = subprocess.run(["Rscript", "-e", "library(mgcv)"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("R has no package mgcv")


@pytest.mark.parametrize(
    ("ragged", "speaker", "rho"), [(False, None, 0.4), (True, None, 0.0), (True, "speaker", 0.4)]
)
def test_with_r_itself(mgcv, monkeypatch, rho, speaker, ragged):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    table = simulate(seed=5, tokens=8, ragged=ragged, speakers=4, rho=0.4, bend=0.4)
    options = {"rho": rho, "speaker": speaker, "k": 8, "k_token": 7}
    ours, theirs = fit_gamm(table, **options), fit_gamm(table, engine="mgcv", **options)
    assert theirs.info.engine == "mgcv"
    assert ours.formula == theirs.formula
    np.testing.assert_allclose(ours.parametric.estimate, theirs.parametric.estimate, atol=1e-5)
    np.testing.assert_allclose(ours.parametric.se, theirs.parametric.se, atol=1e-5)
    smooths = ours.smooths.merge(theirs.smooths, on="term", suffixes=("", "_r"))
    assert len(smooths) == len(ours.smooths)
    np.testing.assert_allclose(smooths.edf, smooths.edf_r, atol=1e-3)
    np.testing.assert_allclose(smooths.ref_df, smooths.ref_df_r, atol=1e-3)
    # where speakers are random, too, mgcv tests the tokens against another distribution
    tested = smooths if speaker is None else smooths[smooths.term != "s(time,token)"]
    np.testing.assert_allclose(tested.p, tested.p_r, atol=1e-3)
    times = theirs.curves.times
    np.testing.assert_allclose(ours.predict(times).fit, theirs.predict(times).fit, atol=1e-5)
    np.testing.assert_allclose(ours.predict(times).se, theirs.predict(times).se, atol=1e-5)
    np.testing.assert_allclose(ours.fitted, theirs.fitted, atol=1e-5)
    np.testing.assert_allclose(ours.residuals("ar1"), theirs.residuals("ar1"), atol=1e-5)


def test_curves_far_above_the_noise(mgcv, monkeypatch):
    """They are hardly penalised."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    table = simulate(seed=0, groups=("a", "b"), tokens=8, length=20, bend=1.0, noise=1e-3, between=3e-4)
    ours, theirs = (fit_gamm(table, rho=0.3, k=8, k_token=6, engine=engine) for engine in ("native", "mgcv"))
    assert ours.info.scale == pytest.approx(theirs.info.scale, rel=1e-5)
    np.testing.assert_allclose(ours.smooths.edf, theirs.smooths.edf, atol=1e-3)


@pytest.mark.parametrize("names", [("ask", "speaker", "token"), ("01", "02", "NA"), ("a b", "T", "it's")])
def test_groups_may_have_any_name(mgcv, monkeypatch, names):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    table = simulate(seed=6, tokens=4, groups=names, length=8)
    ours, theirs = (fit_gamm(table, rho=0.2, k=5, k_token=4, engine=each) for each in ("native", "mgcv"))
    np.testing.assert_allclose(ours.parametric.estimate, theirs.parametric.estimate, atol=1e-5)
    assert list(ours.parametric.term) == list(theirs.parametric.term)


def test_one_named_group(mgcv, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    table = simulate(seed=6, tokens=6, groups=("a",), length=8)
    ours, theirs = (fit_gamm(table, rho=0.2, k=5, k_token=4, engine=each) for each in ("native", "mgcv"))
    np.testing.assert_allclose(ours.predict(theirs.curves.times).fit, theirs.predict().fit, atol=1e-5)
    assert ours.formula == 'value ~ s(time, k=5) + s(time, token, bs="fs", m=1, k=4)'


def test_curves_of_tokens_vanish_in_mgcv_too(mgcv, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    table = simulate(seed=1, tokens=10, groups=("a", "b"), length=16, rho=-0.5, between=0.0)
    ours = fit_gamm(table, k=6, k_token=5)
    assert ours.info.remarks[0].startswith("curves of tokens vanish")
    theirs = fit_gamm(table, k=6, k_token=5, rho=ours.info.rho, engine="mgcv")
    assert theirs.smooths.edf.iloc[-1] < 1e-2


def test_r_is_asked_for_no_more_than_it_can_hold(mgcv, monkeypatch):
    monkeypatch.setattr("convscope.stats.gamm._mgcv._BYTES_PER_SQUARE", 1e12)
    with pytest.raises(RuntimeError, match=r"mgcv would need about .* GB for \d+ coefficients"):
        fit_gamm(simulate(seed=0), engine="mgcv", rho=0)


def test_other_engines_take_rho_as_given():
    for engine in ("mgcv", "mssm"):
        with pytest.raises(ValueError, match=f"rho: expected a number for engine='{engine}'"):
            fit_gamm(simulate(seed=0), engine=engine)


def test_mssm_is_a_second_opinion():
    pytest.importorskip("mssm", reason="mssm is not installed (extra mssm, GPL-3)")
    table = simulate(seed=5, tokens=10, rho=0.4, bend=0.5)
    ours, theirs = fit_gamm(table, rho=0.4), fit_gamm(table, rho=0.4, engine="mssm")
    np.testing.assert_allclose(ours.parametric.estimate, theirs.parametric.estimate, atol=0.01)
    times = theirs.curves.times
    assert np.abs(ours.predict(times).fit - theirs.predict(times).fit).max() < 0.05
    assert ours.smooths.p.iloc[2] < 1e-6
    assert theirs.smooths.p.iloc[2] < 1e-4
