"""A store without its network: status, soundness, other formats, and two of them side by side."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import xarray
from tests.sweep.sweeps import bases, design, generator

import convscope as cs
from convscope.data import read_sound
from convscope.sweep import compare_sweeps, export_sweep, sweep_status, verify_sweep

needs_arrow = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed (extra parquet)"
)


@pytest.fixture
def store(tmp_path):
    out = tmp_path / "sweep.zarr"
    cs.Sweep(generator(), design(), out=out, shard=4, keep=["series", "peak", "moments"], audio=True).run()
    return out


@pytest.fixture
def half(tmp_path):
    """Shards 1, 3 and 5 of six."""
    out = tmp_path / "half.zarr"
    cs.Sweep(generator(), design(), out=out, shard=4).run("ranks", rank=1, world=2)
    return out


def test_status(store, half):
    assert sweep_status(store).is_complete
    status = sweep_status(half)
    assert (status.done, status.missing, status.samples_done) == (3, 3, 9)
    assert "3 missing, about" in str(status)
    assert status.seconds_left > 0


def test_verify(store):
    assert verify_sweep(store).is_sound
    (store / "conv1" / "mean" / "c" / "0" / "0").write_bytes(b"")
    found = verify_sweep(store)
    assert found.damaged == {0: "conv1/mean/c/0/0: expected " + found.damaged[0].split("expected ")[1]}
    assert sweep_status(store).missing == 1


def test_nothing_there(tmp_path):
    for call in (sweep_status, verify_sweep, lambda out: export_sweep(out, tmp_path / "a.nc")):
        with pytest.raises(FileNotFoundError, match="expected the store of a sweep"):
            call(tmp_path / "nothing")


@needs_arrow
def test_parquet_is_tidy(store, tmp_path):
    import pyarrow.parquet

    export_sweep(store, tmp_path / "a.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pydict()
    tree = cs.open_sweep(store)
    assert len(table["sample"]) == 21 * 3
    assert set(table) == {
        *("sample", "base", "z6", "code0", "code1", "code2", "code3", "layer", "reduction"),
        *("peak", "energy", "centroid"),
    }
    rows = [i for i, layer in enumerate(table["layer"]) if layer == "conv1"]
    assert [table["sample"][i] for i in rows] == list(range(21))
    assert [table["peak"][i] for i in rows] == pytest.approx(tree["conv1"]["mean_peak"].values)
    assert [table["z6"][i] for i in rows] == tree["z6"].values.tolist()
    energy = np.square(tree["conv1"]["mean"].values.astype(np.float64)).mean(1)
    assert [table["energy"][i] for i in rows] == pytest.approx(energy)


@needs_arrow
def test_parquet_of_an_unfinished_store_has_what_is_there(half, tmp_path):
    import pyarrow.parquet

    export_sweep(half, tmp_path / "a.parquet", layers=["out"], samples=slice(2, 14))
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pydict()
    assert table["sample"] == [4, 5, 6, 7, 12, 13]


@needs_arrow
def test_parquet_needs_series_or_scalars(tmp_path):
    cs.Sweep(generator(), design(), out=tmp_path / "a", keep="moments").run()
    with pytest.raises(ValueError, match="expected series or scalars of layers with a time axis"):
        export_sweep(tmp_path / "a", tmp_path / "a.parquet")
    assert not (tmp_path / "a.parquet").exists()


def test_netcdf(store, tmp_path):
    export_sweep(store, tmp_path / "a.nc", layers=["conv1"], samples=slice(3, 9))
    tree = xarray.open_datatree(tmp_path / "a.nc", engine="h5netcdf")
    whole = cs.open_sweep(store)
    assert set(tree.children) == {"conv1", "audio", "moments"}
    assert np.array_equal(tree["conv1"]["mean"], whole["conv1"]["mean"][3:9])
    assert tree["sample"].values.tolist() == list(range(3, 9))
    assert tree.attrs["weights_sha256"] == whole.attrs["weights_sha256"]


def test_npz(store, tmp_path):
    export_sweep(store, tmp_path / "a.npz")
    whole = cs.open_sweep(store)
    with np.load(tmp_path / "a.npz") as arrays:
        assert np.array_equal(arrays["conv1/mean"], whole["conv1"]["mean"])
        assert np.array_equal(arrays["z6"], whole["z6"])
        assert np.array_equal(arrays["moments/out/mean"], whole["moments/out"]["mean"])
        assert np.array_equal(arrays["conv1/time"], whole["conv1"]["time"])


def test_sounds(store, tmp_path):
    export_sweep(store, tmp_path / "sounds", layers=["conv1", "out"], samples=slice(0, 2))
    names = sorted(path.name for path in (tmp_path / "sounds").iterdir())
    assert names == ["conv1-00.wav", "conv1-01.wav", "out-00.wav", "out-01.wav"]
    sound = read_sound(tmp_path / "sounds" / "out-01.wav")
    whole = cs.open_sweep(store)
    assert sound.sample_rate_hz == 16000
    assert np.array_equal(sound.samples, whole["out"]["mean"][1].values)
    slow = read_sound(tmp_path / "sounds" / "conv1-01.wav")
    assert len(slow.samples) == 256, "at the network's rate"
    assert np.abs(slow.samples.reshape(64, 4).mean(1) - whole["conv1"]["mean"][1].values).max() < 0.2


def test_the_stored_waveform_as_sound(store, tmp_path):
    export_sweep(store, tmp_path / "sounds", layers=["audio"], samples=slice(3, 5))
    assert sorted(path.name for path in (tmp_path / "sounds").iterdir()) == ["audio-03.wav", "audio-04.wav"]
    stored = cs.open_sweep(store)["audio"]["waveform"][4].values
    sound = read_sound(tmp_path / "sounds" / "audio-04.wav")
    assert sound.sample_rate_hz == 16000
    assert np.abs(sound.samples * 32768 - stored).max() <= 1


def test_sounds_at_another_rate(store, tmp_path):
    export_sweep(store, tmp_path / "sounds", layers=["conv1"], samples=slice(0, 1), rate_hz=4000)
    sound = read_sound(tmp_path / "sounds" / "conv1-00.wav")
    assert sound.sample_rate_hz == 4000
    assert np.array_equal(sound.samples, cs.open_sweep(store)["conv1"]["mean"][0].values.clip(-1, 1))


@pytest.mark.parametrize(
    ("to", "options", "message"),
    [
        ("a.csv", {}, "to: expected .parquet, .nc, .npz, a folder for WAV files, got"),
        ("a.nc", {"layers": ["conv7"]}, "layers: expected some of fc, conv1, out, audio, got conv7"),
        ("a.nc", {"samples": slice(0, 5, 2)}, "samples: expected steps of 1, got 2"),
        ("a.nc", {"rate_hz": 8000}, "rate_hz: of WAV files only"),
    ],
)
def test_wrong_exports(store, tmp_path, to, options, message):
    with pytest.raises(ValueError, match=message):
        export_sweep(store, tmp_path / to, **options)


def test_an_export_replaces_nothing_and_leaves_nothing_half_written(store, tmp_path, full_disk):
    (tmp_path / "a.nc").write_text("mine")
    with pytest.raises(FileExistsError):
        export_sweep(store, tmp_path / "a.nc")
    before = set(tmp_path.iterdir())
    with full_disk(2000), pytest.raises(OSError, match=r"too large|Can't|write"):
        export_sweep(store, tmp_path / "b.npz")
    assert set(tmp_path.iterdir()) == before


def test_a_planted_difference_is_found(tmp_path):
    """The second network is the first with a bias on its last layer: before the tanh, that is the difference, everywhere."""
    import torch

    nets = [generator(), generator()]
    with torch.no_grad():
        list(nets[1].out.parameters())[-1].add_(0.25)
    for net, name in zip(nets, "ab", strict=True):
        cs.Sweep(net, design(), out=tmp_path / name, shard=5, at="pre").run()
    found = compare_sweeps(tmp_path / "a", tmp_path / "b")
    assert found["out"]["difference"].dims == ("z6", "time")
    assert np.allclose(found["out"]["difference"], 0.25, atol=1e-6)
    assert (found["out"]["effect_size"] > 1e4).all()
    assert (found["out"]["pairs"] == 7).all()
    assert (found["conv1"]["difference"] == 0).all()
    assert np.isnan(found["conv1"]["effect_size"]).all(), "no difference has no spread"
    assert found["out"]["z6"].values.tolist() == [-4.5, 0, 4.5]
    assert np.array_equal(found["out"]["time"], cs.open_sweep(tmp_path / "a")["out"]["time"])


def test_numbers_of_a_comparison_are_those_of_numpy(tmp_path):
    for seed, name in ((3, "a"), (4, "b")):
        cs.Sweep(generator(seed), design(), out=tmp_path / name, shard=5).run()
    found = compare_sweeps(tmp_path / "a", tmp_path / "b", layers=["conv1"])
    one, other = (cs.open_sweep(tmp_path / name)["conv1"]["mean"].values.astype(float) for name in "ab")
    apart = (other - one).reshape(7, 3, -1)
    assert np.allclose(found["conv1"]["difference"], apart.mean(0), rtol=1e-12)
    assert np.allclose(found["conv1"]["effect_size"], apart.mean(0) / apart.std(0, ddof=1), rtol=1e-9)
    assert np.allclose(found["conv1"]["first"], one.reshape(7, 3, -1).mean(0), rtol=1e-12)


def test_only_what_both_have_is_compared(tmp_path):
    rows = [
        cs.latents.grid({"z6": [-1, 0, 1], "z7": [0, 2]}, bases=bases(4)),
        cs.latents.grid({"z7": [2, 0, 5], "z6": [1, 3, -1]}, bases=bases(3)),
    ]
    for each, name in zip(rows, "ab", strict=True):
        cs.Sweep(generator(), each, out=tmp_path / name, shard=5).run()
    found = compare_sweeps(tmp_path / "a", tmp_path / "b")
    assert found["out"]["z6"].values.tolist() == [-1, 1]
    assert found["out"]["z7"].values.tolist() == [0, 2]
    assert (found["out"]["pairs"] == 3).all()
    assert (found["out"]["difference"] == 0).all()


def test_unfinished_stores_are_compared_where_both_are_there(half, tmp_path):
    cs.Sweep(generator(), design(), out=tmp_path / "b", shard=7).run("ranks", rank=0, world=2)
    found = compare_sweeps(half, tmp_path / "b")
    pairs = {4, 5, 6, 7, 12, 13, 14, 15, 20} & {*range(7), *range(14, 21)}
    assert int(found["out"]["pairs"].sum()) == len(pairs)


def test_random_samples_that_neither_has_are_no_pairs(tmp_path):
    for name in "ab":
        rows = cs.latents.random(12, size=10, seed=1)
        cs.Sweep(generator(), rows, out=tmp_path / name, shard=4).run("ranks", rank=0, world=2)
    found = compare_sweeps(tmp_path / "a", tmp_path / "b")
    assert int(found["out"]["pairs"]) == 8
    assert (found["out"]["difference"] == 0).all()


def test_the_rate_is_that_of_all_who_are_at_work():
    from convscope.sweep._receipts import Receipt
    from convscope.sweep._status import _busy_seconds

    def receipt(process, seconds, finished):
        return Receipt(0, 0, 10, "12345678", {}, 0, seconds, process, finished)

    one_after_the_other = [receipt("a", 2.0, 100.0), receipt("a", 2.0, 102.0), receipt("b", 2.0, 500.0)]
    assert _busy_seconds(one_after_the_other) == 6
    at_once = [receipt("a", 2.0, 100.0), receipt("b", 2.0, 100.5), receipt("a", 2.0, 102.0)]
    assert _busy_seconds(at_once) == 4


def test_other_layers_are_left_out_with_the_reason(tmp_path):
    cs.Sweep(generator(), design(), out=tmp_path / "a").run()
    cs.Sweep(generator(), design(), out=tmp_path / "b", layers="conv1").run()
    found = compare_sweeps(tmp_path / "a", tmp_path / "b")
    assert set(found.children) == {"conv1"}
    assert "out: the second has no series out/mean" in found.attrs["left_out"]
    with pytest.raises(ValueError, match="layers: out cannot be compared: the second has no series"):
        compare_sweeps(tmp_path / "a", tmp_path / "b", layers=["out"])


def test_networks_of_other_lengths_have_nothing_in_common(tmp_path):
    cs.Sweep(generator(), design(), out=tmp_path / "a").run()
    cs.Sweep(generator(strides=(4, 4, 2)), design(), out=tmp_path / "b").run()
    with pytest.raises(ValueError, match=r"no layer can be compared: .*out: \(256,\) and \(512,\) positions"):
        compare_sweeps(tmp_path / "a", tmp_path / "b")


def test_designs_that_do_not_match_are_refused(store, tmp_path):
    cs.Sweep(generator(), bases(), out=tmp_path / "random").run()
    with pytest.raises(ValueError, match="expected the same variables, got base, z6 and none"):
        compare_sweeps(store, tmp_path / "random")
    other = cs.latents.variable("z6", [-4.5, 0, 4.5], bases=cs.latents.random(7, size=10, seed=1))
    cs.Sweep(generator(), other, out=tmp_path / "other").run()
    with pytest.raises(
        ValueError, match=r"sample 0 of the first stands for another latent vector .* seed included"
    ):
        compare_sweeps(store, tmp_path / "other")
    far = cs.latents.variable("z6", [7.0], bases=bases())
    cs.Sweep(generator(), far, out=tmp_path / "far").run()
    with pytest.raises(ValueError, match="expected samples of equal variables, got none"):
        compare_sweeps(store, tmp_path / "far")


def test_listeners_are_compared_by_their_logits(tmp_path):
    sounds = np.random.default_rng(2).uniform(-1, 1, (6, 256)).astype(np.float32)
    for seed in (1, 2):
        spec = cs.models.preset("tf1-ciwgan", role="q_network", strides=(4, 4), num_categories=4, dim=2)
        cs.Sweep(cs.models.build(spec, seed=seed), sounds, out=tmp_path / str(seed)).run()
    found = compare_sweeps(tmp_path / "1", tmp_path / "2", layers=["logits"])
    assert found["logits"]["difference"].dims == ("unit",)
    assert int(found["logits"]["pairs"]) == 6
