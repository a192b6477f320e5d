"""Arrays, a probe's series, a store and datasets: the same numbers, on each layer's own clock."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from tests.sweep.sweeps import design, generator

import convscope as cs
from convscope import acoustics
from convscope.acoustics import Duration, Intensity, Interval, Intervals, Lag
from convscope.data._voices import VOICES

pytest.importorskip("pandas", reason="pandas is not installed (extra acoustics)")
STRIDES = (4, 4, 4, 4, 4)  # fc 16, then 64 to 16384 positions of 1.024 s
MEASURES = (Intensity(100), Duration(), Lag())


@pytest.fixture(scope="module")
def net():
    return generator(strides=STRIDES)


@pytest.fixture(scope="module")
def series(net):
    return cs.fast_probe(net, design(2)[:])


@pytest.fixture(scope="module")
def found(series):
    return acoustics.measure(series, *MEASURES)


def same(one, other):
    """But for what a store knows of its samples."""
    tables = [
        found.table.drop(columns=found.settings["about"]).astype({"layer": str}) for found in (one, other)
    ]
    assert tables[0].equals(tables[1])


def test_every_layer_has_its_rate_and_its_reasons(series, found):
    rates = found.table.drop_duplicates("layer").set_index("layer")["rate_hz"].to_dict()
    assert rates == {layer.name: layer.rate_hz for layer in series.layers}
    for layer in series.layers:
        rows = found.table[
            (found.table["layer"] == layer.name) & (found.table["measure"] == "intensity_mean")
        ]
        assert rows["value"].isna().all() == (layer.rate_hz < 125)
    assert found.to_xarray()["layer"].values.tolist() == list(series), "in order of execution"
    reasons = found.reasons()
    assert set(reasons["layer"]) >= {"fc"}
    assert (reasons["values"] > 0).all()


def test_a_layer_is_measured_as_its_array(series, found):
    alone = acoustics.measure(
        np.asarray(series["conv3"]), Intensity(100), rate_hz=series.info("conv3").rate_hz
    )
    rows = found.only("intensity_mean")
    assert alone.only("intensity_mean")["value"].tolist() == rows[rows["layer"] == "conv3"]["value"].tolist()


def test_torch_arrays_are_the_same(series, found):
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(np.asarray(series["out"])).requires_grad_()
    whole = acoustics.measure(tensor, Intensity(100), rate_hz=16000).only("intensity_mean")
    rows = found.only("intensity_mean")
    assert whole["value"].tolist() == rows[rows["layer"] == "out"]["value"].tolist()


def test_a_store_and_a_dataset_are_the_same(net, series, found, tmp_path):
    cs.Sweep(net, design(2), out=tmp_path / "a", shard=3).run()
    same(acoustics.measure(cs.open_sweep(tmp_path / "a"), *MEASURES), found)
    same(acoustics.measure(series.to_xarray(), *MEASURES), found)
    one = acoustics.measure(cs.open_sweep(tmp_path / "a")["conv3"].to_dataset(), Intensity(100)).table
    rows = found.only("intensity_mean", "intensity_max")
    assert one["value"].tolist() == rows[rows["layer"] == "conv3"]["value"].tolist()


def test_shards_that_are_missing_are_nan(net, tmp_path):
    sweep = cs.Sweep(net, design(2), out=tmp_path / "a", shard=4)
    sweep.run(executor="ranks", rank=1, world=2)
    table = acoustics.measure(cs.open_sweep(tmp_path / "a"), Intensity(100)).table
    missing = table[table["reason"].astype(str).str.contains("are not finite")]
    assert set(missing["sound"]) == {0, 1, 2, 3, 8, 9, 10, 11} & set(range(len(design(2))))


def test_several_reductions_need_a_name(net, tmp_path):
    cs.Sweep(net, design(1), out=tmp_path / "a", reduce=["mean", "rms"]).run()
    tree = cs.open_sweep(tmp_path / "a")
    with pytest.raises(ValueError, match="reduction: expected one of mean, rms of fc, got None"):
        acoustics.measure(tree, Intensity())
    mean, rms = (acoustics.measure(tree, Intensity(), reduction=name).table for name in ("mean", "rms"))
    assert not mean["value"].equals(rms["value"])


def test_layers_without_a_clock_are_left_out_by_name():
    spec = cs.models.preset("tf1-ciwgan", role="q", num_categories=4, dim=2)
    net = cs.models.build(spec, seed=1).eval()
    sounds = np.random.default_rng(0).uniform(-1, 1, (2, spec.slice_len)).astype(np.float32)
    found = acoustics.measure(cs.fast_probe(net, sounds), Intensity(100))
    assert "no time axis" in found.settings["left_out"].values()
    assert set(found.settings["left_out"]).isdisjoint(found.table["layer"])


def test_times_are_on_the_layers_axis(series):
    marks = Intervals((Interval(0, "a", 0.25, 0.75),))
    one_sound = {name: np.asarray(series[name])[:1] for name in ("conv3", "out")}
    for name, values in one_sound.items():
        info = series.info(name)
        table = acoustics.measure(
            values, Intensity(100, points=5), rate_hz=info.rate_hz, start_s=info.times_s()[0], intervals=marks
        ).only("intensity")
        assert table["time_s"].to_numpy() == pytest.approx([0.3, 0.4, 0.5, 0.6, 0.7])


@pytest.mark.parametrize(
    ("times_s", "rate_hz", "message"),
    [
        ([0.0, 0.1, 0.3, 0.4], None, "times of x: expected even steps, got steps from 0.1 to 0.2 s"),
        ([0.0, 0.1, 0.2, 0.3], 20.0, "rate_hz of x: expected 10 as its times have it, got 20.0"),
    ],
)
def test_unequal_rates_are_refused(times_s, rate_hz, message):
    xarray = pytest.importorskip("xarray")
    time = ("time", times_s, {"units": "s"})
    attributes = {} if rate_hz is None else {"rate_hz": rate_hz}
    dataset = xarray.Dataset({"x": (("sample", "time"), np.ones((2, 4)))}, {"time": time}, attributes)
    with pytest.raises(ValueError, match=message):
        acoustics.measure(dataset, Intensity())


def test_datasets_without_seconds_are_refused():
    xarray = pytest.importorskip("xarray")
    dataset = xarray.Dataset({"x": (("sample", "time"), np.ones((2, 4)))}, {"time": ("time", range(4))})
    with pytest.raises(
        ValueError, match="source: expected layers with time series, got x: no time axis in seconds"
    ):
        acoustics.measure(dataset, Intensity())


def test_a_large_store_is_read_in_blocks(net, tmp_path, monkeypatch):
    from convscope.acoustics import _run

    cs.Sweep(net, design(2), out=tmp_path / "a").run()
    tree = cs.open_sweep(tmp_path / "a")
    whole = acoustics.measure(tree, *MEASURES)
    told = []
    monkeypatch.setattr(_run, "BLOCK_BYTES", 1)
    same(acoustics.measure(tree, *MEASURES, progress=lambda done, total: told.append((done, total))), whole)
    count = len(design(2))
    assert told == [(i + 1, count) for i in range(count)]


@pytest.fixture(scope="module")
def kept(net, tmp_path_factory):
    """A store of windows, one of every second value, one without series."""

    def store(name, *keep):
        out = tmp_path_factory.mktemp("kept") / name
        cs.Sweep(net, design(2), out=out, layers=["conv4", "out"], keep=keep).run()
        return cs.open_sweep(out)

    return {
        "window": store("window", "window:0.2:0.5"),
        "windows": store("windows", "window:0.1:0.2:0.5:0.7"),
        "decimated": store("decimated", "decimate:2"),
        "scalar": store("scalar", "peak"),
    }


def test_a_kept_window_is_measured_as_the_stretch_it_is(kept, series):
    found = acoustics.measure(kept["window"], Intensity(100), Lag())
    info = series.info("conv4")
    times_s = info.times_s()
    held = (times_s >= 0.2) & (times_s <= 0.5)
    layer = found.settings["layers"]["conv4"]
    assert (layer["rate_hz"], layer["length"], layer["start_s"]) == (4000, held.sum(), times_s[held][0])
    alone = acoustics.measure(
        np.asarray(series["conv4"])[:, held], Intensity(100), rate_hz=4000, start_s=times_s[held][0]
    )
    rows = found.only("intensity_mean")
    expected = alone.only("intensity_mean")["value"].to_numpy()
    assert rows[rows["layer"] == "conv4"]["value"].to_numpy() == pytest.approx(expected, rel=1e-9)


def test_several_windows_are_no_series(kept):
    with pytest.raises(
        ValueError,
        match="source: expected layers with time series, got conv4: times of conv4: expected even steps",
    ):
        acoustics.measure(kept["windows"], Intensity())


def test_a_decimated_series_has_half_the_rate(kept):
    found = acoustics.measure(kept["decimated"], Intensity(100))
    assert {name: each["rate_hz"] for name, each in found.settings["layers"].items()} == {
        "conv4": 2000,
        "out": 8000,
    }
    stored = kept["decimated"]["out"]["mean_decimated"].values
    alone = acoustics.measure(stored, Intensity(100), rate_hz=8000).table
    rows = found.table[found.table["layer"] == "out"]
    assert rows["value"].to_numpy() == pytest.approx(alone["value"].to_numpy(), rel=1e-9)


def test_scalars_are_no_series(kept):
    with pytest.raises(
        ValueError, match="source: expected layers with time series, got conv4: kept without its series"
    ):
        acoustics.measure(kept["scalar"], Intensity())


def test_one_layer_of_a_store(net, found, tmp_path):
    cs.Sweep(net, design(2), out=tmp_path / "a").run()
    one = acoustics.measure(cs.open_sweep(tmp_path / "a")["conv3"], Intensity(100)).table
    rows = found.only("intensity_mean", "intensity_max")
    assert one["value"].tolist() == rows[rows["layer"] == "conv3"]["value"].tolist()
    assert set(one["layer"]) == {"conv3"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reduction": "mean"}, "reduction: expected none beside a source that has one, got mean"),
        ({"start_s": 0.5}, "start_s: expected none beside a source that knows its times, got 0.5"),
        ({"rate_hz": 4000}, "rate_hz: expected none beside a source that knows its rates, got 4000"),
        ({"waveform": "out", "waveform_rate_hz": 16000}, "waveform_rate_hz: expected none beside a layer"),
    ],
)
def test_what_would_be_ignored_is_refused(series, settings, message):
    with pytest.raises(ValueError, match=message):
        acoustics.measure(series, Intensity(), Lag(), **settings)


def test_a_dataset_has_no_other_reduction(series):
    with pytest.raises(
        ValueError, match="reduction: expected one of fc, conv1, conv2, conv3, conv4, out, got rms"
    ):
        acoustics.measure(series.to_xarray(), Intensity(), reduction="rms")


def test_samples_of_16_bits_are_the_same_sound():
    sound = 0.3 * np.sin(2 * np.pi * 3000 * np.arange(16384) / 16000)
    samples = np.round(sound * 32768).astype(np.int16)
    measures = Intensity(), acoustics.Peaks(2000, 8000)
    ours, theirs = (acoustics.measure(each, *measures, rate_hz=16000).table for each in (samples, sound))
    np.testing.assert_allclose(ours["value"], theirs["value"], atol=0.01)
    with pytest.raises(TypeError, match="samples of 16 or 32 bits, got uint8"):
        acoustics.measure(samples.astype(np.uint8), Intensity(), rate_hz=16000)


def test_intervals_of_a_store_of_several_reductions(tmp_path):
    pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    net = cs.zoo.load("words8")["generator"]
    design = cs.latents.random(4, size=12, code=cs.latents.OneHot(8))
    cs.Sweep(net, design, out=tmp_path / "s.zarr", reduce=["mean", "max"]).run()
    tree = cs.open_sweep(tmp_path / "s.zarr")
    assert len(acoustics.voiced_intervals(tree, layer="out", reduction="mean"))
    assert len(acoustics.find_segments(tree, layer="out", reduction="mean"))


def test_a_batch_knows_its_rate():
    sounds = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 8000)).astype(np.float32)
    batch = cs.data.Batch(sounds, ("a", "b", "c"), 16000, np.full(3, 8000))
    expected = acoustics.measure(sounds, Intensity(100), rate_hz=16000).table
    assert acoustics.measure(batch, Intensity(100)).table.equals(expected)
    assert acoustics.find_segments(batch) == acoustics.find_segments(sounds, rate_hz=16000)
    marks = Intervals((Interval(1, "s", 0.1, 0.3),))
    cut = acoustics.normalised_time(batch, marks, points=3)
    assert cut.equals(acoustics.normalised_time(sounds, marks, points=3, rate_hz=16000))
    with pytest.raises(
        ValueError, match="rate_hz: expected none beside a source that knows its rates, got 8000"
    ):
        acoustics.measure(batch, Intensity(100), rate_hz=8000)
    with pytest.raises(ValueError, match="reduction: expected none beside a source that has one"):
        acoustics.measure(batch, Intensity(100), reduction="mean")


def test_words_are_measured_as_they_are():
    pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed (extra speech)")
    pytest.importorskip("parselmouth", reason="Praat is not installed (extra acoustics)")
    corpus = cs.data.synthesise_words(("ask", "wash"), tokens_per_word=2, seed=1)
    voiced = acoustics.voiced_intervals(corpus)
    assert voiced == acoustics.voiced_intervals(corpus.waveforms, rate_hz=corpus.sample_rate_hz)
    assert len(voiced) >= 4
    assert repr(corpus) == "WordCorpus(4 tokens of ask, wash; 16384 samples at 16000 Hz)"
    assert "voices: 'Sequence[str] | None' = None" in str(inspect.signature(cs.data.synthesise_words))
    said = cs.data.synthesise_words(("ask", "wash"), tokens_per_word=2, seed=1, voices=VOICES)
    assert said.sha256 == corpus.sha256, "none named is all"
