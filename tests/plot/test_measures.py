"""Figures of measures and models: every number is where it belongs."""

from __future__ import annotations

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from convscope.plot import (
    plot_correlations,
    plot_curves,
    plot_differences,
    plot_effects,
    plot_elbow,
    plot_overlays,
    plot_profiles,
    plot_trajectories,
)
from convscope.stats import causal_effects, effects_of_table

TIMES = np.linspace(0, 1, 21)


@pytest.fixture
def curves():
    tables = [
        pd.DataFrame({"group": group, "time": TIMES, "fit": shift + TIMES, "lower": shift + TIMES - 0.1, "upper": shift + TIMES + 0.1})
        for group, shift in (("ask", 0.0), ("wash", 2.0))
    ]  # fmt: skip
    return pd.concat(tables, ignore_index=True)


@pytest.fixture
def difference():
    value = TIMES - 0.5
    return pd.DataFrame(
        {
            "group": "wash",
            "other": "ask",
            "time": TIMES,
            "difference": value,
            "lower": value - 0.2,
            "upper": value + 0.2,
            "significant": np.abs(value) > 0.2,
        }
    )


def lines_of(axes):
    return [np.stack(line.get_data()) for line in axes.lines]


def test_each_group_has_its_curve_and_means(curves, tmp_path):
    raw = pd.DataFrame({"group": "ask", "time": [0.0, 0.0, 1.0], "value": [1.0, 3.0, 5.0]})
    figure = plot_curves(curves, raw=raw, save=tmp_path / "curves.svg")
    assert {text.get_text() for text in figure.texts} >= {"ask", "wash"}
    first, second = figure.axes
    own = [line for line in lines_of(first) if line.shape[1] == 21 and line[1, 0] == 0.0]
    assert len(own) == 1
    assert any(line.shape == (2, 2) and line[1].tolist() == [2.0, 5.0] for line in lines_of(first))
    assert first.get_ylim() == second.get_ylim()  # groups can be compared
    assert (tmp_path / "curves.svg").read_text().lstrip().startswith("<?xml")


def test_stretches_that_differ_are_marked(difference):
    (axes,) = plot_differences([difference]).axes
    marked = next(line[1] for line in lines_of(axes) if np.isnan(line[1]).any())
    np.testing.assert_array_equal(~np.isnan(marked), difference.significant)
    assert np.nanmax(marked) < difference.lower.min()  # below the band


def test_a_correlation_is_a_point_within_its_interval():
    table = pd.DataFrame(
        {
            "measure": ["F0", "F0", "intensity"],
            "layer": ["conv3", "conv4", "conv4"],
            "r": [np.nan, 0.5, 0.8],
            "lower": [np.nan, 0.2, 0.7],
            "upper": [np.nan, 0.7, 0.9],
            "n": [0, 38, 38],
            "reason": [
                "fewer than 4 pairs: a rate of 250 Hz cannot carry F0: the harmonics of a voice need 3000 Hz",
                "",
                "",
            ],
        }
    )
    pitch, loudness = plot_correlations(table).axes
    assert [text.get_text() for text in pitch.texts] == ["a rate of 250 Hz cannot carry F0", "38"]
    points = [line[:, 0].tolist() for line in lines_of(pitch) if line.shape == (2, 1)]
    assert points == [[0.5, 0.0]]
    assert [label.get_text() for label in loudness.get_yticklabels()] == ["conv3", "conv4"]


def test_effects_have_a_line_each():
    table = pd.DataFrame(
        [
            {"measure": measure, "variable": variable, "t": t, "ate": slope * t, "band_lower": slope * t - 1, "band_upper": slope * t + 1}
            for measure in ("F0 (Hz)", "duration (s)")
            for variable, slope in (("z3", 2.0), ("z5", 0.0))
            for t in (-1, 0, 1)
        ]
    )  # fmt: skip
    figure = plot_effects(table, x="t", x_label="value")
    assert len(figure.axes) == 2
    drawn = [line[1].tolist() for line in lines_of(figure.axes[0])]
    assert [-2.0, 0.0, 2.0] in drawn
    assert [0.0, 0.0, 0.0] in drawn
    assert {text.get_text() for text in figure.texts} >= {"z3", "z5"}


def test_effects_of_stats_are_drawn_as_they_are():
    rng = np.random.default_rng(0)
    base, to = (each.ravel() for each in np.meshgrid(np.arange(12), [-1.0, 0.0, 2.0], indexing="ij"))
    rows = [
        pd.DataFrame(
            {
                "base": base,
                "z11": to,
                "layer": layer,
                "measure": "f0",
                "value": slope * to + rng.normal(0, 0.1, 36),
            }
        )
        for layer, slope in (("conv4", 5.0), ("out", 9.0))
    ]
    found = effects_of_table(pd.concat(rows), variable="z11", draws=200)
    figure = plot_effects(found)
    (axes,) = figure.axes
    assert {"conv4", "out"} <= {text.get_text() for text in figure.texts}
    curves = [line for line in lines_of(axes) if line.shape == (2, 3)]
    assert [curve[0].tolist() for curve in curves] == [[-1, 0, 2]] * 2, "through the baseline"
    assert [curve[1][1] for curve in curves] == [0, 0]
    assert curves[1][1][2] == pytest.approx(18, rel=0.05)
    bands = [collection.get_paths()[0].get_extents() for collection in axes.collections]
    widest = found.effects.query("layer == 'out' and to == 2").iloc[0]
    assert bands[1].y1 == pytest.approx(widest["band_upper"]), "the band, not the pointwise interval"
    without = plot_effects(found.effects)
    assert [line.shape for line in lines_of(without.axes[0])].count((2, 3)) == 0


def test_effects_of_one_measure_need_no_names():
    rng = np.random.default_rng(0)
    found = causal_effects(rng.standard_normal((12, 1)) + np.arange(-1.0, 2.0), [-1.0, 0.0, 1.0], draws=200)
    assert len(plot_effects(found).axes) == 1


def test_measures_that_no_layer_carries_have_no_panel():
    rows = [("f0", "conv2", np.nan), ("intensity", "conv2", 0.5)]
    table = pd.DataFrame(rows, columns=["measure", "layer", "r"]).assign(lower=0.2, upper=0.7, n=9)
    assert len(plot_correlations(table).axes) == 1
    with pytest.raises(ValueError, match="table: expected a row with an r, got none"):
        plot_correlations(table[:1])


def test_the_strongest_variables_come_first_and_are_named():
    (axes,) = plot_elbow([f"z{i}" for i in range(30)], np.arange(30), chosen=2).axes
    assert [text.get_text() for text in axes.texts] == ["z29", "z28"]
    filled = axes.lines[-1].get_data()
    np.testing.assert_array_equal(filled[1], [29, 28])
    with pytest.raises(ValueError, match=r"strengths: expected one for each of 2 names, got shape \(3,\)"):
        plot_elbow(["a", "b"], [1, 2, 3], chosen=1)


def test_overlays_reach_the_waveforms_peak(spoken):
    _, series = spoken
    figure = plot_overlays(series, 1, ["conv3", "conv4"], output="out", span_s=(0.1, 0.3))
    wave, layer = lines_of(figure.axes[0])[:2]
    assert layer[0].min() >= 0.1
    assert layer[0].max() <= 0.3
    whole = np.abs(np.asarray(series["out"])[1])
    at = (series.layers[-1].times_s() >= 0.1) & (series.layers[-1].times_s() <= 0.3)
    assert np.abs(layer[1]).max() == pytest.approx(whole[at].max())
    inner = series.info("conv3").times_s()
    gain = whole[at].max() / np.abs(np.asarray(series["conv3"])[1][(inner >= 0.1) & (inner <= 0.3)]).max()
    assert np.abs(wave[1]).max() == pytest.approx(whole[at].max())
    assert f"conv3 × {gain:.3g}" in {text.get_text() for text in figure.texts}
    with pytest.raises(ValueError, match="sample: expected one of 4, got 9"):
        plot_overlays(series, 9, ["conv3"], output="out")
    with pytest.raises(ValueError, match="layers: expected layers with a time axis, got 'conv9'"):
        plot_overlays(series, 0, ["conv9"], output="out")


def test_trajectories_lie_beside_the_outputs():
    table = pd.DataFrame(
        [
            {"layer": layer, "sound": sound, "point": point, "value": 100 + 10 * sound + point}
            for layer in ("out", "conv4")
            for sound in (3, 8)
            for point in (0.0, 0.5, 1.0)
        ]
    )
    (axes,) = plot_trajectories(table, output="out", unit="F0 (Hz)").axes
    values = sorted(line[1].tolist() for line in lines_of(axes))
    assert values == [[130.0, 130.5, 131.0]] * 2 + [[180.0, 180.5, 181.0]] * 2
    with pytest.raises(ValueError, match="expected other layers beside 'out'"):
        plot_trajectories(table[table.layer == "out"], output="out", unit="")


def test_profiles_are_means_of_their_maps(tmp_path):
    maps = np.random.default_rng(0).random((8, 21))
    figure = plot_profiles({"a": maps, "b": maps[:3]}, TIMES, save=tmp_path / "p.png")
    assert matplotlib.image.imread(tmp_path / "p.png").shape[2] == 4
    np.testing.assert_allclose(lines_of(figure.axes[0])[0][1], maps.mean(0))
    with pytest.raises(ValueError, match=r"profiles: expected \(maps, 21\) of 'a', got shape \(8, 5\)"):
        plot_profiles({"a": maps[:, :5]}, TIMES)


@pytest.mark.parametrize("draw", [plot_curves, plot_correlations, lambda table: plot_differences([table])])
def test_tables_without_what_is_needed(draw):
    with pytest.raises(ValueError, match=r"expected a table with columns .*, got none called"):
        draw(pd.DataFrame({"time": [1.0]}))


def test_raw_values_need_a_group(curves):
    with pytest.raises(
        ValueError, match="raw: expected a table with columns group, time, value, got none called group"
    ):
        plot_curves(curves, raw=pd.DataFrame({"time": [0.0], "value": [1.0]}))


def test_nothing_to_draw(curves):
    with pytest.raises(ValueError, match="differences: expected at least one table, got none"):
        plot_differences([])
    with pytest.raises(ValueError, match="curves: expected rows, got none"):
        plot_curves(curves[:0])
