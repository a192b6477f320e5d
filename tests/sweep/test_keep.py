"""What is kept instead of whole series: planted signals give known answers, and shards do not show."""

from __future__ import annotations

import numpy as np
import pytest
from tests.sweep.sweeps import assert_same, bases, design, generator

import convscope as cs
from convscope.sweep._gather import Moments, Top, gather
from convscope.sweep._keep import Decimated, Window
from convscope.sweep._keep_text import parse_keep
from convscope.sweep._scalars import SCALARS


@pytest.fixture(scope="module")
def net():
    return generator()


@pytest.fixture(scope="module")
def layer(net):
    return cs.Probe(net).layers[2]  # out: 256 positions at 16 kHz


def test_scalars_of_planted_series(layer):
    times = layer.times_s()
    series = np.zeros((3, 256), np.float32)
    series[0, 100] = -2
    series[1] = 0.5
    found = {name: scalar(layer, series) for name, scalar in SCALARS.items()}
    assert found["peak"].tolist() == [2, 0.5, 0]
    assert found["energy"] == pytest.approx([4 / 256, 0.25, 0])
    assert found["centroid"][:2] == pytest.approx([times[100], times.mean()])
    assert np.isnan(found["centroid"][2]), "silence has no centre"


def test_a_window_is_what_lies_in_it(net, tmp_path):
    text = "window:0.002:0.004:0.01:0.0105"
    cs.Sweep(net, design(), out=tmp_path / "a", layers=["conv1", "out"], keep=["series", text]).run()
    tree = cs.open_sweep(tmp_path / "a")
    for name in ("conv1", "out"):
        whole, part = tree[name]["mean"], tree[name]["mean_window"]
        times = whole["time"].values
        inside = ((times >= 0.002) & (times <= 0.004)) | ((times >= 0.01) & (times <= 0.0105))
        assert part.dims == ("sample", "time_window")
        assert np.array_equal(part.values, whole.values[:, inside])
        assert np.array_equal(part["time_window"], times[inside])
        assert np.array_equal(tree[name]["field_centre_window"], tree[name]["field_centre"].values[inside])


def test_decimation_keeps_low_tones_and_takes_high_ones_away(layer):
    times = layer.times_s()
    low, high = np.sin(2 * np.pi * 500 * times), np.sin(2 * np.pi * 6000 * times)
    block = np.stack([low, high]).astype(np.float32)
    keep = Decimated(4)
    variable = keep.variable(layer, (256,))
    made = keep(layer, block)
    assert made.shape == (2, *variable.shape) == (2, 64)
    there = variable.axes[0].values
    middle = slice(16, -16)
    assert np.abs(made[0] - np.sin(2 * np.pi * 500 * there))[middle].max() < 0.02, (
        "its times are those of the tone"
    )
    assert np.abs(made[1])[middle].max() < 0.01


def test_moments_are_those_of_numpy(net, tmp_path):
    rows = cs.latents.grid({"z6": [-1, 0, 1], "z8": [0.5, 2]}, bases=bases(50))
    cs.Sweep(net, rows, out=tmp_path / "a", shard=77, keep=["series", "moments"]).run()
    tree = cs.open_sweep(tmp_path / "a")
    for name in ("fc", "conv1", "out"):
        series = tree[name]["mean"].values.reshape(50, 3, 2, -1).astype(np.float64)
        found = tree["moments"][name]
        assert found["mean"].dims == ("z6", "z8", "time")
        assert found["z8"].values.tolist() == [0.5, 2]
        assert (found["mean_count"] == 50).all()
        assert np.allclose(found["mean"], series.mean(0), rtol=1e-13, atol=1e-15)
        assert np.allclose(found["mean_variance"], series.var(0, ddof=1), rtol=1e-10, atol=1e-18)


def test_moments_far_from_zero_keep_their_digits(layer):
    """Where sums of squares would lose everything: 10,000 and a spread of a thousandth."""
    generator = np.random.default_rng(3)
    series = (1e4 + 1e-3 * generator.standard_normal((1000, 4))).astype(np.float32)
    what = Moments()
    results = what.results(layer, "mean", (4,), cs.latents.random(1000, size=10))
    numbers = np.arange(1000)
    parts = [
        gather(what, layer, series[i : i + 90], numbers[i : i + 90], numbers[i : i + 90] * 0)
        for i in range(0, 1000, 90)
    ]
    found = what.merged(results, parts)
    exact = series.astype(np.float64)
    assert found["mean"] == pytest.approx(exact.mean(0), rel=1e-14)
    assert found["mean_variance"] == pytest.approx(exact.var(0, ddof=1), rel=1e-7)


def test_moments_of_one_base_have_no_variance(net, tmp_path):
    cs.Sweep(net, design(1), out=tmp_path / "a", keep="moments").run()
    tree = cs.open_sweep(tmp_path / "a")
    assert np.isnan(tree["moments/conv1"]["mean_variance"]).all()
    assert np.isfinite(tree["moments/conv1"]["mean"]).all()


@pytest.mark.parametrize(
    ("rows", "dims"),
    [
        (cs.latents.lines(np.eye(3, 10), -np.eye(3, 10), steps=5), ("position", "time")),
        (cs.latents.random(9, size=10), ("time",)),
    ],
)
def test_moments_over_lines_and_over_everything(net, tmp_path, rows, dims):
    cs.Sweep(net, rows, out=tmp_path / "a", shard=4, keep=["series", "moments"]).run()
    tree = cs.open_sweep(tmp_path / "a")
    series = tree["conv1"]["mean"].values.astype(np.float64)
    cells = len(dims) == 2
    expected = series.reshape(3, 5, -1).mean(0) if cells else series.mean(0)
    assert tree["moments/conv1"]["mean"].dims == dims
    assert np.allclose(tree["moments/conv1"]["mean"], expected, rtol=1e-13)


def test_top_are_the_largest_in_order(net, tmp_path):
    rows = cs.latents.random(60, size=10, code=cs.latents.OneHot(4), seed=8)
    cs.Sweep(net, rows, out=tmp_path / "a", shard=13, keep=["series", "peak", "top:7:peak"]).run()
    tree = cs.open_sweep(tmp_path / "a")
    for name in ("fc", "conv1", "out"):
        peaks = tree[name]["mean_peak"].values
        best = np.argsort(-peaks, kind="stable")[:7]
        found = tree["top"][name]
        assert found["mean_sample"].values.tolist() == best.tolist()
        assert np.array_equal(found["mean_score"], peaks[best])
        assert np.array_equal(found["mean"], tree[name]["mean"].values[best])


def test_top_takes_the_earlier_of_equal_ones_and_leaves_nan_for_last(layer):
    series = np.array([[1.0], [3.0], [np.nan], [3.0], [2.0]], np.float32)
    what = Top(4, "peak")
    results = what.results(layer, "mean", (1,), cs.latents.random(5, size=10))
    numbers = np.arange(5)
    for step in (1, 2, 5):
        parts = [
            what.part(layer, series[i : i + step], numbers[i : i + step], numbers) for i in range(0, 5, step)
        ]
        assert what.merged(results, parts)["mean_sample"].tolist() == [1, 3, 4, 0]


def test_top_of_fewer_samples_than_asked_for(net, tmp_path):
    cs.Sweep(net, design(1), out=tmp_path / "a", keep="top:5:energy").run()
    found = cs.open_sweep(tmp_path / "a")["top/out"]
    assert found["mean_sample"].values[3:].tolist() == [-1, -1]
    assert np.isnan(found["mean"][3:]).all()


@pytest.mark.parametrize("keep", [["moments", "top:3:peak"], ["peak", "decimate:4"]])
def test_results_do_not_depend_on_who_came_first(net, tmp_path, keep):
    settings = {"shard": 4, "keep": keep, "layers": ["conv1", "out"]}
    cs.Sweep(net, design(), out=tmp_path / "a", **settings).run("serial")
    for rank in (2, 0, 1):
        cs.Sweep(net, design(), out=tmp_path / "b", **settings).run("ranks", rank=rank, world=3)
    assert_same(tmp_path / "a", tmp_path / "b")


def test_results_are_merged_once(net, tmp_path, monkeypatch):
    sweep = cs.Sweep(net, design(), out=tmp_path / "a", shard=4, keep="moments")
    sweep.run()
    monkeypatch.setattr(Moments, "merged", lambda *_: pytest.fail("they are there"))
    sweep.run()


@pytest.mark.parametrize(
    "text",
    [
        "whole",
        "window:1",
        "window:2:1",
        "window:a:b",
        "decimate:1",
        "decimate:x",
        "top:0:peak",
        "top:3:loud",
        "moments:2",
        "f0:300:75",
        "f0:75:75",
        "",
    ],
)
def test_what_is_unknown_is_refused_with_the_forms_there_are(text):
    with pytest.raises(
        ValueError, match="keep: expected series, window:START:END, decimate:FACTOR, peak, energy"
    ):
        parse_keep(text)


def test_nothing_and_twice_the_same_are_refused():
    with pytest.raises(ValueError, match="at least one of"):
        parse_keep([])
    with pytest.raises(ValueError, match="each kind once, got peak twice"):
        parse_keep(["peak", "peak"])
    with pytest.raises(ValueError, match="each kind once"):
        parse_keep(["window:0:1", "window:0:2"])


def test_f0_and_intensity_of_planted_tones():
    pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    times = (np.arange(4096) + 0.5) / 4000
    series = np.stack(
        [0.5 * np.sin(2 * np.pi * 120 * times), 0.05 * np.sin(2 * np.pi * 240 * times), 0 * times]
    )
    (pitch, loudness), _ = parse_keep(["f0:75:300", "intensity"])
    found = pitch.measure(times, series.astype(np.float32))
    assert found[:2] == pytest.approx([120, 240], rel=1e-3)
    assert np.isnan(found[2])
    decibels = loudness.measure(times, series.astype(np.float32))
    assert decibels[0] - decibels[1] == pytest.approx(20, abs=0.01)
    assert np.isnan(pitch.measure(times[::250], series[:, ::250])).all(), "16 Hz carry no pitch"


def test_f0_and_intensity_are_praats():
    parselmouth = pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    times = (np.arange(4096) + 0.5) / 4000
    tones = [np.sin(2 * np.pi * hz * times) * np.linspace(0.1, 1, 4096) for hz in (95, 130, 210)]
    series = np.float32(np.maximum(tones, 0))
    (pitch, loudness), _ = parse_keep(["f0", "intensity"])
    found = np.stack([pitch.measure(times, series), loudness.measure(times, series)])
    for values, got in zip(series.astype(np.float64), found.T, strict=True):
        sound = parselmouth.Sound(values, 4000)
        frames = sound.to_pitch_ac(pitch_floor=60, pitch_ceiling=300).selected_array["frequency"]
        assert got[0] == pytest.approx(np.median(frames[frames > 0]), rel=1e-9)
        assert got[1] == pytest.approx(sound.to_intensity(minimum_pitch=100).get_average(), abs=1e-5)


def test_f0_in_a_store(net, tmp_path):
    pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    net = generator(strides=(4, 4, 4, 4, 4))
    cs.Sweep(net, design(2), out=tmp_path / "a", keep=["f0", "intensity"], layers=["fc", "out"]).run()
    tree = cs.open_sweep(tmp_path / "a")
    assert tree["out"]["mean_f0"].attrs["units"] == "Hz"
    assert np.isnan(tree["fc"]["mean_f0"]).all(), "16 positions are too few"
    assert np.isfinite(tree["out"]["mean_intensity"]).all()


def test_texts_are_read_back():
    texts = ["series", "window:0.1:0.25:0.5:1.0", "decimate:4", "peak", "moments", "top:12:energy"]
    kept, gathered = parse_keep(texts)
    assert [each.text for each in (*kept, *gathered)] == texts
    assert kept[1] == Window(((0.1, 0.25), (0.5, 1.0)))


def test_what_a_layer_cannot_give_is_refused_before_anything_runs(net, tmp_path):
    with pytest.raises(ValueError, match=r"got none of fc in window:0.0:0.0001: it has one every 0.001 s"):
        cs.Sweep(net, design(), out=tmp_path / "a", keep="window:0:0.0001")
    with pytest.raises(ValueError, match="a divisor of the 16 positions of fc, got 3"):
        cs.Sweep(net, design(), out=tmp_path / "a", keep="decimate:3")
    assert not (tmp_path / "a").exists()
