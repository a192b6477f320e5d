"""Waterfalls: the traces are the series, ordered and coloured by the variable."""

from __future__ import annotations

import matplotlib.image
import numpy as np
import pytest

import convscope as cs
from convscope.plot import plot_waterfall
from convscope.plot._style import viridis

PANELS = ["conv1", "conv2", "conv3", "conv4", "out"]


def axes_of(figure):
    return {axes.get_label(): axes for axes in figure.axes}


def test_every_convolutional_layer_has_a_panel(spoken):
    values, series = spoken
    assert list(axes_of(plot_waterfall(series, values))) == PANELS


def test_layers_can_be_chosen(spoken):
    values, series = spoken
    assert list(axes_of(plot_waterfall(series, values, layers=["out", "fc"]))) == ["out", "fc"]


def test_traces_are_the_series_from_back_to_front(spoken):
    values, series = spoken
    panels = axes_of(plot_waterfall(series, values, positions=None))
    for name in PANELS:
        lines = panels[name].lines
        assert [line.get_label() for line in lines] == ["5", "0", "−3", "−15"]
        for line, row in zip(lines, [0, 2, 3, 1], strict=True):
            np.testing.assert_array_equal(line.get_ydata(), series[name][row])
            np.testing.assert_array_equal(line.get_xdata(), series.info(name).times_s())
        assert panels[name].get_xlabel() == "time (s)"
        assert panels[name].get_xlim() == (0, 16384 / 16000)


def test_dense_layers_show_a_stretch_around_the_loudest_moment_and_say_so(spoken):
    values, series = spoken
    figure = plot_waterfall(series, values)
    panels = axes_of(figure)
    assert panels["conv2"].get_xlim() == (0, 16384 / 16000)
    facts = [text.get_text() for text in figure.texts]
    loudest_s = series.info("out").times_s()[np.abs(series["out"]).max(axis=0).argmax()]
    for name, shown in (("conv3", "128 ms"), ("conv4", "32 ms"), ("out", "8 ms")):
        times_s = series.info(name).times_s()
        for line, row in zip(panels[name].lines, [0, 2, 3, 1], strict=True):
            assert line.get_xdata().size == 128
            start = np.searchsorted(times_s, line.get_xdata()[0])
            np.testing.assert_array_equal(line.get_xdata(), times_s[start : start + 128])
            np.testing.assert_array_equal(line.get_ydata(), series[name][row, start : start + 128])
        start_s, end_s = panels[name].get_xlim()
        assert start_s <= loudest_s <= end_s
        assert any(text.endswith(f"{shown} of 1024 shown") for text in facts)
    assert sum("shown" in text for text in facts) == 3


def test_the_name_stands_right_above_the_traces(spoken):
    values, series = spoken
    figure = plot_waterfall(series, values)
    figure.canvas.draw()
    names = {text.get_text(): text for text in figure.texts}
    for axes in figure.axes:
        lines = [line.get_transform().transform(line.get_xydata())[:, 1].max() for line in axes.lines]
        gap = (names[axes.get_label()].get_window_extent().y0 - max(lines)) / figure.dpi
        assert 0.15 < gap < 0.6


def test_depth_and_colour_follow_the_value_not_the_order(spoken):
    values, series = spoken
    axes = axes_of(plot_waterfall(series, values))["conv2"]
    places = {line.get_label(): line.get_transform().transform((0, 0)) for line in axes.lines}
    front, back = places["−15"], places["5"]
    assert (back > front).all()
    np.testing.assert_allclose(places["−3"], front + 0.6 * (back - front))
    np.testing.assert_allclose(places["0"], front + 0.75 * (back - front))
    colours = {line.get_label(): line.get_color() for line in axes.lines}
    assert colours == {"−15": viridis()(0.0), "−3": viridis()(0.6), "0": viridis()(0.75), "5": viridis()(1.0)}


def test_every_trace_stands_on_the_same_scale(spoken):
    values, series = spoken
    axes = axes_of(plot_waterfall(series, values, positions=None))["conv3"]
    unit = [np.diff(line.get_transform().transform([(0, 0), (1, 1e-3)]), axis=0) for line in axes.lines]
    np.testing.assert_allclose(unit, [unit[0]] * 4)
    low, high = axes.get_ylim()
    assert low <= series["conv3"].min()
    assert series["conv3"].max() < high


def test_the_variable_is_labelled(spoken):
    values, series = spoken
    figure = plot_waterfall(series, values, label="z11")
    texts = [text.get_text() for text in axes_of(figure)["conv1"].texts]
    assert texts == ["−15", "−3", "0", "5", "z11"]
    assert figure.texts[-2].get_text() == "z11 from −15 to 5"
    assert "every panel has its own vertical scale" in figure.texts[-1].get_text()


def test_many_values_are_labelled_sparsely(spoken):
    net = cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=1))
    values = np.arange(40.0)
    axes = plot_waterfall(cs.fast_probe(net, np.zeros((40, 100)), layers="conv1"), values).axes[0]
    assert len(axes.lines) == 40
    assert [text.get_text() for text in axes.texts] == ["0", "7", "14", "21", "28", "35", "latent variable"]


def test_one_value_is_a_waterfall_too(spoken):
    _, series = spoken
    one = cs.Series({name: array[:1] for name, array in series.items()}, series.layers, series.attributes)
    assert [len(axes.lines) for axes in plot_waterfall(one, [2.0]).axes] == [1] * 5


def test_a_waveform_dips_below_zero_and_the_floor_follows(spoken):
    values, series = spoken
    panels = axes_of(plot_waterfall(series, values))
    assert panels["out"].get_ylim()[0] == pytest.approx(series["out"].min())
    assert panels["conv1"].get_ylim()[0] == 0


def test_saving_writes_a_whole_picture_with_nothing_clipped(spoken, tmp_path):
    values, series = spoken
    plot_waterfall(series, values, save=tmp_path / "waterfall.png")
    picture = matplotlib.image.imread(tmp_path / "waterfall.png")  # (height, width, 4)
    edges = [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
    assert all((edge == 1).all() for edge in edges)
    assert picture[..., :3].min() < 0.2


def test_wrong_arguments_are_named(spoken, heard):
    values, series = spoken
    with pytest.raises(ValueError, match=r"a finite value for each of 4 samples, got shape \(3,\)"):
        plot_waterfall(series, values[:3])
    with pytest.raises(ValueError, match="finite value"):
        plot_waterfall(series, [0, 1, np.nan, 2])
    with pytest.raises(ValueError, match="2 or more positions in view, got 1"):
        plot_waterfall(series, values, positions=1)
    with pytest.raises(TypeError, match=r"^series: expected a Series, got ndarray$"):
        plot_waterfall(series["conv1"], values)
    with pytest.raises(KeyError, match="no series of layer 'conv9'; there are fc, conv1"):
        plot_waterfall(series, values, layers=["conv9"])
    with pytest.raises(ValueError, match="layer 'logits' has"):
        plot_waterfall(heard[1], [1, 2, 3], layers=["logits"])
