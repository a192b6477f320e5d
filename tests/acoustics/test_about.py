"""What a sound is travels with it: from a store or the caller to every table, so that statistics need no merge."""

from __future__ import annotations

import numpy as np
import pytest
from tests.acoustics.planted import vowel

import convscope as cs
from convscope import acoustics
from convscope.acoustics import Intensity, Interval, Intervals, measure, normalised_time

pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra acoustics)")
RATE_HZ = 16000
SOUNDS = np.stack([gain * vowel(120, RATE_HZ, 0.3) for gain in (1.0, 0.5, 0.1)])
WORDS = {"word": ["wash", "ask", "wash"], "loudness": np.array([1.0, 0.5, np.nan]), "take": [3, 2, 1]}
MARKS = Intervals((Interval(0, "a", 0.05, 0.1), Interval(2, "a", 0.1, 0.15), Interval(2, "b", 0.2, 0.25)))


def measured(about=WORDS, **settings):
    return measure(SOUNDS, Intensity(points=2), rate_hz=RATE_HZ, about=about, **settings)


@pytest.mark.parametrize("about", [WORDS, pandas.DataFrame(WORDS, index=[7, 8, 9])])
def test_what_is_told_is_in_every_form_of_the_table(about):
    found = measured(about, intervals=MARKS)
    assert found.table.columns[-4:].tolist() == ["reason", "word", "loudness", "take"]
    assert found.settings["about"] == ["word", "loudness", "take"]
    wide = found.wide()
    assert wide.columns[-3:].tolist() == ["word", "loudness", "take"]
    assert wide["word"].tolist() == ["wash"] * 3
    assert wide["take"].tolist() == [3, 1, 1]
    assert wide["loudness"].isna().tolist() == [False, True, True], "also where it is not known"
    dataset = found.to_xarray()
    assert dataset["word"].dims == dataset["take"].dims == ("sound",)
    assert dataset["take"].sel(sound=2).item() == 1
    assert dataset["word"].values.tolist() == ["wash", "wash"]


def test_processes_and_files_have_it_too(tmp_path):
    found = measured(workers=2)
    assert found.table.equals(measured().table)
    found.to_csv(tmp_path / "a.csv")
    assert pandas.read_csv(tmp_path / "a.csv")["word"].tolist() == found.table["word"].tolist()


def test_normalised_time_has_it():
    table = normalised_time(SOUNDS, MARKS, points=2, rate_hz=RATE_HZ, about=WORDS)
    assert table.columns[-4:].tolist() == ["positions", "word", "loudness", "take"]
    assert table["take"].tolist() == [3, 3, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"word": ["ask"]}, r"about 'word': expected 3 values, one for each sound, got shape \(1,\)"),
        ({"z": np.ones((3, 2))}, r"about 'z': expected 3 values, one for each sound, got shape \(3, 2\)"),
        ({"value": [1, 2, 3]}, "about: expected names that are no columns of the table, got 'value'"),
        ({"intensity_max": [1, 2, 3]}, "no columns of the table, got 'intensity_max'"),
        ({"intensity_2": [1, 2, 3]}, "no columns of the table, got 'intensity_2'"),
        ({3: [1, 2, 3]}, "about: expected names, got 3"),
    ],
)
def test_what_does_not_fit_is_refused(about, message):
    with pytest.raises(ValueError, match=message):
        measured(about)


def test_other_kinds_are_refused():
    with pytest.raises(TypeError, match="about: expected a mapping of names or a DataFrame, got list"):
        measured([1, 2, 3])
    with pytest.raises(ValueError, match="no columns of the table, got 'positions'"):
        normalised_time(SOUNDS, MARKS, rate_hz=RATE_HZ, about={"positions": [1, 2, 3]})


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    net = cs.zoo.load("words8")["generator"]
    bases = cs.latents.random(10, size=12, code=cs.latents.OneHot(8))
    design = cs.latents.grid({11: [-2.0, 0.0, 2.0]}, bases=bases)
    out = tmp_path_factory.mktemp("swept") / "sweep.zarr"
    cs.Sweep(net, design, out=out, layers=["conv3", "out"]).run()
    return cs.open_sweep(out), design


def test_a_store_knows_its_samples(swept):
    tree, design = swept
    for source in (tree, tree["conv3"]):
        found = measure(source, Intensity(200))
        assert found.settings["about"] == ["base", "z11"]
        wide = found.wide()
        for name, values in design.variables().items():
            assert wide[name].tolist() == values[wide["sound"]].tolist()
    said = measure(tree, Intensity(200), about={"word": ["ask"] * len(design)})
    assert said.table.columns[-3:].tolist() == ["base", "z11", "word"]
    with pytest.raises(ValueError, match="about: expected names that the source does not have, got 'base'"):
        measure(tree, Intensity(200), about={"base": np.arange(30)})
    marks = Intervals((Interval(4, "s", 0.1, 0.3),))
    assert normalised_time(tree, marks, points=2)["z11"].tolist() == [0.0] * 4


def test_effects_need_no_merge(swept):
    stats = pytest.importorskip("convscope.stats", reason="convscope[stats] is not installed")
    tree, _ = swept
    found = measure(tree, Intensity(200))
    effects = stats.effects_of_table(found.table, variable="z11", baseline=0.0).effects
    rows = effects[(effects["measure"] == "intensity_mean") & (effects["layer"] == "out")]
    wide = found.wide()
    own = wide[wide["layer"] == "out"].pivot(index="base", columns="z11", values="intensity_mean")
    assert rows.set_index("to")["ate"][2.0] == pytest.approx((own[2.0] - own[0.0]).mean())


def test_models_need_no_merge():
    stats = pytest.importorskip("convscope.stats", reason="convscope[stats] is not installed")
    pytest.importorskip("scipy", reason="scipy is not installed (extra stats)")
    rng = np.random.default_rng(0)
    sounds = np.stack([np.sin(np.arange(60) / 10) * (i % 2) + rng.normal(0, 0.2, 60) for i in range(16)])
    marks = Intervals(tuple(Interval(i, "s", 0.1, 0.5) for i in range(16)))
    table = normalised_time(sounds, marks, rate_hz=100, about={"word": ["ask", "wash"] * 8})
    result = stats.fit_gamm(table, group="word", token="interval", k=6, k_token=4, rho=0)
    assert set(result.parametric["term"]) == {"(Intercept)", "word" + "Owash"} or len(result.parametric) == 2
    assert acoustics.measure is measure
