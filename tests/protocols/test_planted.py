"""Planted truth through the network: `cdev` and `taslp` find which latent variable does what, at which layer, how much, and nothing else."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest
from tests.protocols import planted
from tests.protocols.planted import FRICTION, PITCH

from convscope.protocols import cdev, taslp

LAYERS = ["fc", "conv1", "conv2", "conv3", "conv4", "out"]
VALUES = [-2.0, -1.0, 0.0, 1.0, 2.0]

pytest.importorskip("parselmouth", reason="Praat (the extra convscope[acoustics]) is not installed")


@pytest.fixture(scope="module")
def net():
    return planted.generator()


@pytest.fixture(scope="module")
def study(net):
    return cdev(net, variables=range(planted.SIZE), values=VALUES, bases=16)


@pytest.fixture(scope="module")
def effects(study):
    return study.tables["effects"].set_index(["variable", "measure", "layer", "to"])


def test_only_the_two_variables_do_anything(study):
    found = study.tables["tests"]
    assert set(found.loc[found["is_effect"], "variable"]) == {f"z{PITCH}", f"z{FRICTION}"}
    assert set(found["variable"]) == {f"z{place}" for place in range(planted.SIZE)}
    others = found[~found["variable"].isin([f"z{PITCH}", f"z{FRICTION}"])]
    assert len(others) > 100
    assert (others["p_holm"] == 1).all()


def test_each_does_its_own(study):
    found = study.tables["tests"]
    measures = found[found["is_effect"]].groupby("variable")["measure"].unique()
    assert all(each.endswith(("of the vowel", "in the vowel")) for each in measures[f"z{PITCH}"])
    assert set(measures[f"z{FRICTION}"]) == {"intensity of the fricative", "activation in the fricative"}


@pytest.mark.parametrize("layer", ["conv4", "out"])
def test_f0_moves_as_planted_wherever_a_layer_carries_it(effects, layer):
    at_zero = planted.fundamental_frequency_hz(0)
    for value in (-2.0, -1.0, 1.0, 2.0):
        row = effects.loc[f"z{PITCH}", "F0 of the vowel", layer, value]
        assert row.ate == pytest.approx(planted.fundamental_frequency_hz(value) - at_zero, rel=0.05)
        assert row.at_baseline == pytest.approx(at_zero, rel=0.01)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_fricative_grows_as_planted_at_every_layer(effects, layer):
    for value in (-2.0, -1.0, 1.0, 2.0):
        row = effects.loc[f"z{FRICTION}", "activation in the fricative", layer, value]
        assert row.ate / row.at_baseline == pytest.approx(planted.SLOPE * value, rel=0.05)


@pytest.mark.parametrize("layer", ["conv2", "conv3", "conv4", "out"])
def test_so_does_its_intensity_in_decibels(effects, layer):
    for value in (-2.0, -1.0, 1.0, 2.0):
        planted_db = 20 * np.log10(planted.amplitude_of_friction(value))
        row = effects.loc[f"z{FRICTION}", "intensity of the fricative", layer, value]
        assert row.ate == pytest.approx(planted_db, rel=0.05)


@pytest.mark.parametrize("layer", LAYERS)
def test_effects_are_there_when_the_sound_is(study, layer):
    """The fricative is from 0.64 to 0.896 s, and nothing else changes with its level."""
    table = study.tables["over_time"]
    own = table[(table["variable"] == f"z{FRICTION}") & (table["layer"] == layer)]
    inside = (own["time_s"] > 0.66) & (own["time_s"] < 0.88)
    outside = (own["time_s"] < 0.6) | (own["time_s"] > 0.93)
    assert (own.loc[inside, "p_max"] < 0.01).all()
    assert (own.loc[outside, "ate"] == 0).all()
    assert inside.sum() >= 3


def test_what_layers_cannot_carry_is_named(study):
    missing = study.tables["not_measured"].set_index(["measure", "layer"])
    assert "cannot carry F0" in missing.loc[("F0 of the vowel", "conv3"), "reason"]
    assert {"effects_output", "effects_vowel_layers", "effects_fricative_layers", "over_time"} == set(
        study.pictures
    )
    assert [each.appears for each in study.findings] == [True, True]
    assert not any("Take more bases" in str(item) for section in study.sections for item in section.items)
    assert "16 random vectors" in study.methods[0]
    assert set(inspect.signature(cdev).parameters) - {"net", "workers", "on_chunk"} <= set(study.settings)


def test_too_few_bases_for_any_certainty_are_told_of(net):
    study = cdev(net, variables=range(planted.SIZE), values=[0.0, 1.0], bases=8)
    notes = [item for section in study.sections for item in section.items if isinstance(item, str)]
    assert any("8 bases give no p-value below 0.0078" in note for note in notes)


@pytest.fixture(scope="module")
def seen(net):
    return taslp(net, outputs=40, values=VALUES, bases=12, copies=2)


def test_random_outputs_tell_the_variables_apart(seen):
    found = seen.tables["latents_and_measures"]
    certain = found[found["p_holm"] < 0.05].groupby("measure")["variable"].unique()
    assert list(certain["F0 of the vowel"]) == [f"z{PITCH}"]
    assert list(certain["intensity of the fricative"]) == [f"z{FRICTION}"]


def test_the_clearest_variable_is_interpolated_with_its_planted_effect(seen):
    which = seen.settings["which"]
    assert which == f"z{FRICTION}"
    effects = seen.tables["interpolation_effects"].set_index(["measure", "layer", "to"])
    for layer in LAYERS:
        row = effects.loc["activation in the fricative", layer, 2.0]
        assert row.ate / row.at_baseline == pytest.approx(2 * planted.SLOPE, rel=0.05)


def test_layers_have_the_outputs_f0_and_classes(seen):
    r = seen.tables["correlations"].set_index(["measure", "layer"])["r"]
    assert r["F0", "conv4"] > 0.99
    assert ("F0", "conv3") not in r.index
    assert "conv3" in set(seen.tables["not_carried"]["layer"])
    classes = seen.tables["classes"].set_index("layer")
    assert classes.loc["conv4", "accuracy"] > 0.9
    published = seen.tables["correlations_as_published"].set_index(["measure", "layer"])["r"]
    assert np.isfinite(
        published["F0", "conv3"]
    )  # the papers' way has a number there, and the report says not to trust it


def test_the_report_has_all_parts(seen, tmp_path):
    page = seen.write(tmp_path / "study").read_text()
    for title in ("The outputs", "Durations", "Interpolation of z5", "Single feature maps", "Reduplication"):
        assert title in page
    assert {
        "outputs",
        "overlays",
        "correlations",
        "waterfall",
        "map_clusters",
        "trajectories_f0",
        "layer_as_sound",
    } <= set(seen.pictures)
    assert [each.what for each in seen.missing if each.what == "Discovery of latent variables"]
    assert set(inspect.signature(taslp).parameters) - {"net", "workers"} <= set(seen.settings)
    methods = " ".join(seen.methods)
    for words in (
        "called silent 35 dB below",
        "come again",
        "clustered spectrally",
        "flipping signs",
        "correlated (Pearson) with each measure",
    ):
        assert words in methods


def test_the_range_of_f0_is_that_of_the_outputs(seen):
    low, high = (float(each) for each in seen.settings["f0"].partition(" Hz")[0].split("-"))
    at_rest = planted.fundamental_frequency_hz(0)
    assert 0.6 * at_rest < low < at_rest < high < 2 * at_rest
    assert "quartiles of a first pass" in seen.settings["f0"]


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda net: cdev(net, values=[1.0, 2.0]), "values: expected several, the baseline 0 among them"),
        (lambda net: cdev(net, bases=4), "bases: expected at least 8, got 4"),
        (lambda net: cdev(net, variables=["z9"], bases=8), "variable: expected z0 to z7, got 'z9'"),
        (lambda net: cdev(net, variables=[]), "variables: expected at least one, each once, got none"),
        (
            lambda net: cdev(net, variables=["z3", 3]),
            "variables: expected at least one, each once, got z3, z3",
        ),
        (lambda net: taslp(net, outputs=10), "outputs: expected at least 20, got 10"),
        (lambda net: taslp(net, bases=3), "bases: expected at least 8, got 3"),
    ],
)
def test_requests_that_cannot_be(net, run, message):
    with pytest.raises(ValueError, match=message):
        run(net)


def test_curves_of_effects_go_through_the_baseline(study):
    """Where an effect is zero by definition."""
    for name in ("effects_output", "effects_fricative_layers"):
        for axes in study.pictures[name].axes:
            curves = [
                np.stack(line.get_data()) for line in axes.lines if len(line.get_xdata()) == len(VALUES)
            ]
            assert len(curves) == planted.SIZE
            for x, y in curves:
                assert y[x == 0.0].tolist() == [0.0]


def test_large_and_certain_at_different_values_is_no_effect():
    from convscope.protocols._effects import _tests

    keys = {"variable": "z0", "measure": "m", "layer": "out", "at_baseline": 1.0}
    effects = pd.DataFrame(
        [{**keys, "to": 1.0, "ate": 0.001, "p_max": 1e-4}, {**keys, "to": 2.0, "ate": 0.5, "p_max": 0.9}]
    )
    ice = pd.DataFrame([{**keys, "ice": 0.2, "lower": 0.0, "upper": 0.4}])
    assert not _tests(effects, ice, {"m": "s"})["is_effect"].any()
    both = effects.assign(p_max=1e-4)
    assert _tests(both, ice, {"m": "s"})["is_effect"].all()
