"""What a sweep writes: the bits of `fast_probe`, labelled, that xarray alone can open."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
import xarray
from tests.sweep.sweeps import arrays, assert_same, bases, design, generator

import convscope as cs


@pytest.fixture
def net():
    return generator()


@pytest.fixture
def out(tmp_path):
    return tmp_path / "sweep.zarr"


def test_series_are_the_bits_of_fast_probe(net, out):
    cs.Sweep(net, design(), out=out, shard=4).run()
    expected = cs.fast_probe(net, design()[:])
    tree = cs.open_sweep(out)
    for name, series in expected.items():
        stored = tree[name]["mean"]
        assert stored.dims == ("sample", "time")
        assert stored.values.tobytes() == series.tobytes()


@pytest.mark.parametrize("shard", [1, 2, 5, 7, 20, 21, 1000])
@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_any_shard_length_gives_the_same_values(net, tmp_path, shard, executor):
    status = cs.Sweep(net, design(), out=tmp_path / "a", shard=shard, layers="conv*").run(executor)
    assert status.is_complete
    assert status.samples_done == status.samples == 21
    assert status.shards == -(-21 // shard)
    cs.Sweep(net, design(), out=tmp_path / "b", layers="conv*").run()
    assert_same(tmp_path / "a", tmp_path / "b")


def test_each_sample_says_what_it_is(net, out):
    rows = design()
    cs.Sweep(net, rows, out=out, shard=4).run()
    tree = cs.open_sweep(out)
    assert tree["sample"].values.tolist() == list(range(21))
    assert tree["base"].values.tolist() == np.repeat(np.arange(7), 3).tolist()
    assert tree["z6"].values.tolist() == [-4.5, 0.0, 4.5] * 7
    assert np.array_equal(tree["z"].values, rows[:])
    assert np.array_equal(tree["code"].values, rows[:][:, :4])
    assert {"base", "z6", "code"} <= set(tree.coords)
    assert tree["conv1"]["sample"].values.tolist() == list(range(21)), "inherited by every layer"


def test_times_are_those_of_the_layers(net, out):
    probe = cs.Probe(net)
    cs.Sweep(net, design(), out=out).run()
    tree = cs.open_sweep(out)
    for layer in probe.layers:
        group = tree[layer.name]
        assert np.array_equal(group["time"].values, layer.times_s())
        assert group["time"].attrs["units"] == "s"
        assert np.array_equal(group["field_centre"].values, layer.field_centres_s())
        assert "field_centre" in group.coords
        assert group.attrs["rate_hz"] == layer.rate_hz
        assert group.attrs["channels"] == layer.channels


def test_attributes_say_what_made_it(net, out):
    cs.Sweep(net, design(), out=out).run()
    facts = cs.open_sweep(out).attrs
    assert facts["network"] == "tf1-ciwgan generator"
    assert len(facts["weights_sha256"]) == 64
    assert facts["precision"] == "float32"
    assert facts["engine"].startswith("cpu (")
    assert '"kind": "grid"' in facts["design"]
    assert cs.__version__ in facts["versions"]
    assert "conv1" in facts["specification"]


def test_several_reductions_lie_side_by_side(net, out):
    readout = {"conv1": np.eye(2, 2), "out": np.ones((1, 1))}
    sweep = cs.Sweep(
        net,
        design(),
        out=out,
        shard=5,
        layers=["conv1", "out"],
        reduce={"mean": "mean", "peak": "max", "each": readout},
    )
    sweep.run()
    z = design()[:]
    tree = cs.open_sweep(out)
    for name, reduce in (("mean", "mean"), ("peak", "max"), ("each", readout)):
        expected = cs.fast_probe(net, z, layers=["conv1", "out"], reduce=reduce)
        for layer in ("conv1", "out"):
            assert tree[layer][name].values.tobytes() == expected[layer].tobytes()
    assert tree["conv1"]["each"].dims == ("sample", "readout", "time")


def test_a_listener_keeps_its_logits_without_a_time_axis(out):
    net = cs.models.build(
        cs.models.preset("tf1-ciwgan", role="q_network", strides=(4, 4), num_categories=4, dim=2)
    )
    sounds = np.random.default_rng(2).uniform(-1, 1, (6, 256)).astype(np.float32)
    cs.Sweep(net, sounds, out=out, shard=4, latents=False).run()
    tree = cs.open_sweep(out)
    expected = cs.fast_probe(net, sounds)
    assert tree["logits"]["mean"].dims == ("sample", "unit")
    for name, series in expected.items():
        assert np.array_equal(tree[name]["mean"].values, series)
    assert "z" not in tree


@pytest.mark.parametrize("reduce", ["mean", "rms"])
@pytest.mark.parametrize("layers", ["*", "conv1"])
def test_the_waveform_is_stored_as_16_bit_samples(net, out, reduce, layers):
    cs.Sweep(net, design(), out=out, shard=5, layers=layers, reduce=reduce, audio=True).run()
    tree = cs.open_sweep(out)
    waveform = np.asarray(cs.fast_probe(net, design()[:], layers="out")["out"], np.float64)
    assert tree["audio"]["waveform"].dtype == np.int16
    assert np.array_equal(tree["audio"]["waveform"].values, np.rint(waveform.clip(-1, 1) * 32767))
    assert tree["audio"]["time"].values[1] == pytest.approx(1 / 16000)
    assert ("out" in tree) == (layers == "*")


def test_float16_halves_the_store_and_refuses_what_it_cannot_hold(net, tmp_path):
    cs.Sweep(net, design(), out=tmp_path / "half", dtype="float16").run()
    expected = cs.fast_probe(net, design()[:])
    tree = cs.open_sweep(tmp_path / "half")
    for name, series in expected.items():
        assert np.array_equal(tree[name]["mean"].values, series.astype(np.float16))
    expected = cs.fast_probe(net, design()[:])
    cs.Sweep(net, design(), out=tmp_path / "scalars", dtype="float16", keep="energy").run()
    energies = cs.open_sweep(tmp_path / "scalars")["out"]["mean_energy"]
    assert energies.dtype == np.float32, "small numbers would be lost"
    assert np.allclose(energies, np.square(expected["out"], dtype=float).mean(1), rtol=1e-6)
    loud = cs.latents.variable("z6", [1e9], bases=bases())
    with pytest.raises(ValueError, match=r"float16 holds values to 65504, got .* in fc/mean"):
        cs.Sweep(net, loud, out=tmp_path / "loud", dtype="float16").run()
    assert cs.Sweep(net, loud, out=tmp_path / "loud", dtype="float16").status().failures.keys() == {0}


@pytest.mark.parametrize("compression", ["blosc", "zstd", "none"])
def test_compression_does_not_change_values(net, tmp_path, compression):
    cs.Sweep(net, design(), out=tmp_path / "a", compression=compression, shard=4).run()
    cs.Sweep(net, design(), out=tmp_path / "b", shard=4).run()
    assert_same(tmp_path / "a", tmp_path / "b")


def test_a_shard_is_one_file_of_each_array(net, out):
    net = generator(strides=(4, 4, 4, 4, 4))
    cs.Sweep(net, design(100), out=out, shard=150, layers="out").run()
    assert sorted(path.name for path in (out / "out" / "mean" / "c").iterdir()) == ["0", "1"]
    import zarr

    stored = zarr.open_array(str(out / "out" / "mean"))
    assert stored.shards == (150, 16384)
    assert stored.chunks == (15, 16384), "chunks are what is read at a time: a megabyte"


def test_the_store_opens_without_convscope(net, out):
    cs.Sweep(net, design(), out=out, shard=5, keep=["series", "peak", "moments"]).run()
    code = f"""
import sys, warnings
warnings.simplefilter("error")
sys.modules["convscope"] = None  # importing it fails
import xarray
tree = xarray.open_datatree({str(out)!r}, engine="zarr")
assert tree["conv1"]["mean"].shape == (21, 64)
assert float(tree["conv1"]["mean"].sel(sample=3).max()) == float(tree["conv1"]["mean_peak"][3])
assert tree["moments/conv1"]["mean"].dims == ("z6", "time")
one = xarray.open_dataset({str(out)!r}, engine="zarr", group="conv1")
assert "field_centre" in one.coords and one["time"].attrs["units"] == "s"
import zarr
assert zarr.open_group({str(out)!r}, mode="r")["conv1/mean"].shape == (21, 64)
print("opened")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "opened\n", done.stderr


def test_an_unfinished_store_opens_too(net, out):
    sweep = cs.Sweep(net, design(), out=out, shard=7, layers="conv1")
    _stop_after(sweep, 1)
    tree = cs.open_sweep(out)
    assert np.isfinite(tree["conv1"]["mean"][:7]).all()
    assert np.isnan(tree["conv1"]["mean"][7:]).all()
    assert tree["sample"].values.tolist() == [*range(7), *[-1] * 14]


def test_a_network_of_ones_own(out):
    from torch import nn

    net = nn.Sequential(
        nn.Linear(10, 32), nn.ReLU(), nn.Unflatten(1, (4, 8)), nn.ConvTranspose1d(4, 2, 4, 2), nn.ReLU()
    )
    cs.Sweep(net, bases(6), out=out, shard=4).run()
    tree = cs.open_sweep(out)
    for name, series in cs.fast_probe(net, bases(6)[:]).items():
        assert np.array_equal(tree[name.replace("/", ".")]["mean"].values, series)


def test_a_network_that_runs_in_pytorch(out):
    import torch
    from torch import nn

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv1d(1, 4, 5, padding=2)

        def forward(self, x):
            return torch.sort(self.first(x[:, None]))[0].relu()

    net = Odd()
    sounds = np.random.default_rng(1).uniform(-1, 1, (5, 64)).astype(np.float32)
    with pytest.warns(UserWarning, match="probing in PyTorch"):
        sweep = cs.Sweep(net, sounds, out=out, shard=2, input_shape=(64,))
    status = sweep.run()
    assert status.is_complete
    assert "torch" in cs.open_sweep(out).attrs["versions"]


def test_progress_is_told(net, out):
    told = []
    cs.Sweep(net, design(), out=out, shard=5).run(progress=lambda done, shards: told.append((done, shards)))
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_progress_as_lines(net, out, capsys, monkeypatch):
    from convscope.sweep import _progress

    monkeypatch.setattr(_progress, "_LINE_EVERY_S", 0.0)
    cs.Sweep(net, design(), out=out, shard=7).run(progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"convscope: sweep: {i} of 3 shards" for i in (1, 2, 3)]


def test_a_module_is_left_as_it_was(net, out):
    before = {name: values.clone() for name, values in net.state_dict().items()}
    cs.Sweep(net, design(), out=out).run()
    assert all(values.equal(before[name]) for name, values in net.state_dict().items())


def _stop_after(sweep, shards):
    class Stopped(Exception):
        pass

    def stop(done, _):
        if done == shards:
            raise Stopped

    with pytest.raises(Stopped):
        sweep.run("serial", progress=stop)


def test_stores_of_equal_sweeps_are_equal_files(net, tmp_path):
    """So that two processes may write the same shard, and a digest of one is that of the other."""
    for name in ("a", "b"):
        cs.Sweep(net, design(), out=tmp_path / name, shard=5, keep=["series", "moments", "top:2:peak"]).run()
    files = {
        name: {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file() and path.parent.name != "receipts"
        }
        for name in ("a", "b")
    }
    assert files["a"] == files["b"]
    assert len(files["a"]) > 50


def test_missing_values_open_as_xarray_expects(net, out):
    sweep = cs.Sweep(net, design(), out=out, shard=7, layers="conv1", keep=["series", "peak"])
    sweep.begin()
    tree = xarray.open_datatree(out, engine="zarr")
    assert np.isnan(tree["conv1"]["mean"]).all()
    assert set(arrays(out)["sample"].tolist()) == {-1}


def test_shards_of_nothing_but_the_fill_value_are_written(out):
    """Zarr leaves those out unless told otherwise, and a shard of NaN would look as if it were missing."""
    net = generator()
    with torch.no_grad():
        for parameter in net.fc.parameters():
            parameter.fill_(float("nan"))
    sweep = cs.Sweep(net, design(), out=out, shard=7)
    status = sweep.run()
    assert status.is_complete
    assert status.not_finite == 21 * (16 + 64 + 256)
    assert "values of the last shards are NaN or infinite" in str(status)
    assert (out / "fc" / "mean" / "c" / "1" / "0").stat().st_size > 0
    assert sweep.verify().is_sound


def test_wrapped_networks_are_the_network_inside(net, out):
    cs.Sweep(net, design(), out=out, audio=True).run()
    assert cs.Sweep(torch.nn.DataParallel(net), design(), out=out, audio=True).run().is_complete


def test_the_clock_of_a_network_of_ones_own_belongs_to_the_sweep(out):
    net = torch.nn.Sequential(torch.nn.Conv1d(1, 2, 5, padding=2), torch.nn.ReLU())
    sounds = np.zeros((4, 1024), np.float32)
    settings = {"out": out, "input_shape": (1, 1024), "keep": ["series", "centroid"]}
    cs.Sweep(net, sounds, sample_rate_hz=16000, **settings).run()
    with pytest.raises(ValueError, match="sample rate: store has 16000, this sweep 8000"):
        cs.Sweep(net, sounds, sample_rate_hz=8000, **settings).run()


def test_scalars_do_not_depend_on_the_samples_beside(net, tmp_path):
    rows = bases(9)
    for name, shard in (("a", 1), ("b", 9)):
        cs.Sweep(net, rows, out=tmp_path / name, shard=shard, keep=["peak", "energy", "centroid"]).run()
    assert_same(tmp_path / "a", tmp_path / "b")
