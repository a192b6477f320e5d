"""A word and its layers: the drawn data are the series, the axis is in seconds."""

from __future__ import annotations

import io

import matplotlib.image
import numpy as np
import pytest

import convscope as cs
from convscope.plot import plot_word
from convscope.plot._ipa import ipa

LAYERS = ["conv1", "conv2", "conv3", "conv4", "conv5"]


def axes_of(figure):
    return {axes.get_label(): axes for axes in figure.axes}


def texts_of(figure):
    return [text.get_text() for text in figure.texts]


def test_panels_stand_in_order_on_one_time_axis(heard):
    waveforms, series = heard
    figure = plot_word(series, waveform=waveforms[0])
    panels = axes_of(figure)
    assert list(panels) == ["waveform", *LAYERS, "logits"]
    bottoms = [axes.get_position().y0 for axes in figure.axes]
    assert bottoms == sorted(bottoms, reverse=True)
    for name in ("waveform", *LAYERS):
        assert panels[name].get_xlim() == (0, 16384 / 16000)
        assert panels[name].get_position().x0 == panels["waveform"].get_position().x0
    assert panels["conv5"].get_xlabel() == "time (s)"
    assert [name for name in LAYERS if panels[name].xaxis.get_tick_params()["labelbottom"]] == ["conv5"]


@pytest.mark.parametrize("sample", [0, 2, -1])
def test_lines_are_the_series_at_their_own_times(heard, sample):
    waveforms, series = heard
    panels = axes_of(plot_word(series, sample, waveform=waveforms[sample]))
    (sound,) = panels["waveform"].lines
    np.testing.assert_array_equal(sound.get_ydata(), waveforms[sample])
    np.testing.assert_allclose(sound.get_xdata(), np.arange(16384) / 16000)
    for name in LAYERS:
        (line,) = panels[name].lines
        np.testing.assert_array_equal(line.get_ydata(), series[name][sample])
        np.testing.assert_array_equal(line.get_xdata(), series.info(name).times_s())
    heights = [bar.get_height() for bar in panels["logits"].patches]
    np.testing.assert_array_equal(np.float32(heights), series["logits"][sample])


def test_values_lie_inside_their_panel(heard):
    waveforms, series = heard
    panels = axes_of(plot_word(series, 1, waveform=waveforms[1]))
    for name in LAYERS:
        low, high = panels[name].get_ylim()
        assert low < series[name][1].min()
        assert series[name][1].max() < high


def test_a_waveform_beyond_full_scale_stays_in_view(heard):
    waveforms, series = heard
    panels = axes_of(plot_word(series, waveform=5 * waveforms[2]))
    assert panels["waveform"].get_ylim()[1] > 5 * waveforms[2].max()


def test_few_positions_are_dots_and_many_are_not(heard):
    panels = axes_of(plot_word(heard[1]))
    assert [name for name in LAYERS if panels[name].lines[0].get_marker() == "o"] == ["conv4", "conv5"]


def test_phones_have_lines_and_labels_and_end_the_axis(heard, phones):
    waveforms, series = heard
    panels = axes_of(plot_word(series, waveform=waveforms[0], phones=phones))
    behind = panels["phones"]
    assert [line.get_xdata()[0] for line in behind.lines] == [0.025, 0.05, 0.12, 0.3]
    labels = {text.get_text(): text.xy[0] for text in behind.texts}
    assert labels == pytest.approx({"g": 0.0375, "ɹ": 0.085, "ˈiː": 0.21})
    assert panels["conv1"].get_xlim() == behind.get_xlim() == (0, pytest.approx(0.34))
    top, bottom = panels["waveform"].get_position(), panels["conv5"].get_position()
    assert behind.get_position().y1 == pytest.approx(top.y1)
    assert behind.get_position().y0 == pytest.approx(bottom.y0)


def test_labels_of_short_phones_do_not_overlap(heard):
    crowd = [cs.data.Phone(label, 0.1 + 0.01 * i, 0.11 + 0.01 * i) for i, label in enumerate("abcd")]
    behind = axes_of(plot_word(heard[1], phones=crowd, end_s=1.0))["phones"]
    heights = [text.xyann[1] for text in behind.texts]
    assert heights[0] == heights[2] < heights[1] == heights[3]


def test_the_axis_ends_where_told(heard, phones):
    assert axes_of(plot_word(heard[1], phones=phones, end_s=0.1))["conv3"].get_xlim() == (0, 0.1)


def test_names_sizes_and_scale_are_stated(heard):
    texts = texts_of(plot_word(heard[1], title="greasy"))
    assert {"greasy", "conv1", "4 kHz\nfield 1.56 ms\n2 channels", "8 values"} <= set(texts)
    assert "15.625 Hz\nfield 512 ms\n32 channels" in texts
    assert "mean over channels, after the activation; every panel has its own vertical scale" in texts


def test_the_network_heads_the_subtitle(heard):
    made_by = "tf1-ciwgan Q-network, random weights (seed 0)"
    texts = texts_of(plot_word(heard[1], made_by=made_by))
    expected = "mean over channels, after the activation; every panel has its own vertical scale"
    assert f"{made_by}; {expected}" in texts


def test_a_long_subtitle_has_two_lines_and_room_for_them(heard):
    short, long = plot_word(heard[1], made_by="net"), plot_word(heard[1], made_by="net " * 20)
    assert [text.count("\n") for text in texts_of(long) if "over channels" in text.replace("\n", " ")] == [1]
    assert long.get_figheight() > short.get_figheight()


def test_a_resampled_series_says_at_which_rate_it_is_drawn(heard):
    texts = texts_of(plot_word(heard[1].resample(16384)))
    assert "drawn at 16 kHz\n32 channels" in texts
    assert not any(text.startswith("16 kHz") for text in texts)


def test_phones_outside_the_table_keep_their_labels():
    labels = ["'i:", ",OI", "t#", "S", "?!", "", "'", "aa"]
    assert [ipa(label) for label in labels] == ["ˈiː", "ˌɔɪ", "ɾ", "ʃ", "?!", "", "ˈ", "aa"]


def test_another_reduction_before_the_activation_is_stated():
    net = cs.models.build(cs.models.preset("tf1-ciwgan", role="q_network", num_categories=8, dim=2))
    series = cs.fast_probe(net, np.zeros((1, 16384)), reduce="rms", at="pre", layers="conv4")
    assert any(
        text.startswith("rms over channels, before the activation") for text in texts_of(plot_word(series))
    )


def test_a_readout_matrix_has_a_line_per_row():
    net = cs.models.build(cs.models.preset("tf1-ciwgan", role="q_network", num_categories=8, dim=2))
    waveforms = np.random.default_rng(0).uniform(-1, 1, (1, 16384))
    series = cs.fast_probe(net, waveforms, reduce=np.eye(16)[:3], layers="conv4")
    lines = axes_of(plot_word(series))["conv4"].lines
    np.testing.assert_array_equal([line.get_ydata() for line in lines], series["conv4"][0])


def test_torch_series_are_drawn_too(heard):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = cs.models.build(cs.models.preset("tf1-ciwgan", role="q_network", num_categories=8, dim=2), seed=1)
    series = cs.fast_probe(net, torch.from_numpy(heard[0]))
    (line,) = axes_of(plot_word(series))["conv3"].lines
    np.testing.assert_array_equal(line.get_ydata(), heard[1]["conv3"][0])


def test_saving_writes_a_whole_picture_with_nothing_clipped(heard, phones, tmp_path):
    figure = plot_word(heard[1], waveform=heard[0][0], phones=phones, save=tmp_path / "word.png")
    picture = matplotlib.image.imread(tmp_path / "word.png")  # (height, width, 4)
    width, height = figure.get_size_inches() * figure.dpi
    assert picture.shape[:2] == (round(height), round(width))
    edges = [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
    assert all((edge == 1).all() for edge in edges)
    assert picture[..., :3].min() < 0.2


def test_the_same_data_make_the_same_picture(heard):
    first, second = io.BytesIO(), io.BytesIO()
    for buffer in (first, second):
        plot_word(heard[1]).savefig(buffer, format="png")
    assert first.getvalue() == second.getvalue()


def test_matplotlib_keeps_its_state(heard):
    before = dict(matplotlib.rcParams)
    plot_word(heard[1])
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("sample", [3, -4])
def test_a_missing_sample_is_named(heard, sample):
    with pytest.raises(IndexError, match=f"expected a sample below 3, got {sample}"):
        plot_word(heard[1], sample)


def test_wrong_arguments_are_named(heard):
    waveforms, series = heard
    with pytest.raises(ValueError, match=r"waveform \(N,\).*got float64 \(3, 16384\)"):
        plot_word(series, waveform=waveforms)
    by_name = "^sample: expected a row number, got an array; pass the sound as waveform=$"
    with pytest.raises(TypeError, match=by_name):
        plot_word(series, waveforms[0])
    batch = cs.data.Batch(np.float32(waveforms), ("a", "b", "c"), 16000, np.full(3, 16384))
    with pytest.raises(TypeError, match=r"^sample: expected a row number, got Batch$"):
        plot_word(series, batch)
    with pytest.raises(TypeError, match=r"^series: expected a Series, got ndarray$"):
        plot_word(waveforms)
    with pytest.raises(ValueError, match="end_s in seconds, got 0"):
        plot_word(series, end_s=0.0)
    logits = cs.Series({"logits": series["logits"]}, [series.info("logits")], {})
    with pytest.raises(ValueError, match="a time axis in seconds, got logits"):
        plot_word(logits)
