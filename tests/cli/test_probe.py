"""`convscope probe`: what is written is what `fast_probe` returns, and nothing is lost to bad input."""

from __future__ import annotations

import json

import matplotlib.image
import numpy as np
import pytest
import soundfile
import xarray

import convscope as cs
from convscope import _core
from convscope.cli._inputs import read_inputs
from convscope.cli._network import load_network

Q_NETWORK = "tf1-ciwgan:q_network:num_categories=8,dim=2,seed=3"
GENERATOR = "tf1-ciwgan:generator:dim=2"
NOTE = "convscope: the preset's weights are random, drawn from its seed: no trained network is shipped yet\n"


@pytest.fixture
def q_network():
    return cs.models.build(cs.models.preset("tf1-ciwgan", role="q_network", num_categories=8, dim=2), seed=3)


@pytest.fixture
def generator():
    return cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", dim=2))


def files_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_recordings_become_the_series_of_fast_probe(convscope, folder, recordings, q_network):
    result = convscope("probe", Q_NETWORK, recordings)
    assert (result.exit_code, result.stderr) == (0, NOTE)
    assert files_in(folder) == ["series.nc", "series.png"]
    expected = cs.fast_probe(q_network, cs.data.load_folder(recordings))
    with xarray.open_dataset("series.nc", engine="h5netcdf") as dataset:
        assert set(dataset.data_vars) == set(expected)
        for name in expected:
            np.testing.assert_array_equal(dataset[name], expected[name])
        assert dataset["conv4"].dims == ("sample", "time_conv4")
        assert dataset["logits"].dims == ("sample", "unit_logits")
        np.testing.assert_array_equal(dataset["time_conv4"], expected.info("conv4").times_s())
        assert dataset["time_conv4"].attrs["units"] == "s"
        assert dataset["source"].to_numpy().tolist() == [
            f"{recordings}/{n}.wav" for n in ("ask", "dark", "oily")
        ]
        assert dataset.attrs["network"] == Q_NETWORK
        assert dataset.attrs["convscope"] == cs.__version__
        assert dataset.attrs["weights"] == "random (seed 3)"
        assert dataset["length"].to_numpy().tolist() == [8000] * 3


def test_the_picture_is_a_picture(convscope, recordings):
    convscope("probe", Q_NETWORK, recordings / "ask.wav", "-o", "ask.nc")
    assert matplotlib.image.imread("ask.png").shape[2] == 4


def test_npz_holds_the_same(convscope, folder, recordings, q_network):
    arguments = ("probe", Q_NETWORK, recordings, "--out", "series.npz", "--no-picture")
    result = convscope(*arguments, "-l", "conv[45]", "-l", "conv1")
    assert result.exit_code == 0
    assert files_in(folder) == ["series.npz"]
    expected = cs.fast_probe(q_network, cs.data.load_folder(recordings), layers=["conv1", "conv4", "conv5"])
    with np.load("series.npz", allow_pickle=False) as archive:
        for name in expected:
            np.testing.assert_array_equal(archive[name], expected[name])
            np.testing.assert_array_equal(archive[f"time_{name}"], expected.info(name).times_s())
        assert "conv2" not in archive
        assert json.loads(str(archive["attributes"]))["network"] == Q_NETWORK
        assert archive["source"][0] == f"{recordings}/ask.wav"


def test_options_reach_the_probe(convscope, generator):
    options = ("--reduce", "rms", "--at", "pre", "--threads", 1, "--chunk", 1, "-l", "conv2")
    assert convscope("probe", GENERATOR, "random:3:5", *options).exit_code == 0
    z = np.random.default_rng(5).uniform(-1, 1, (3, 100))
    expected = cs.fast_probe(generator, z, reduce="rms", at="pre", layers="conv2")
    with xarray.open_dataset("series.nc", engine="h5netcdf") as dataset:
        np.testing.assert_array_equal(dataset["conv2"], expected["conv2"])
        assert (dataset.attrs["reduce"], dataset.attrs["at"]) == ("rms", "pre")
        assert set(dataset.data_vars) == {"conv2"}


def test_arrays_files_and_numbers_come_in_order(convscope, folder, generator):
    draw = np.random.default_rng(0).uniform
    one, two, three = draw(-1, 1, (1, 100)), draw(-1, 1, (2, 100)), draw(-1, 1, 100)
    np.save("one.npy", one)
    np.savez("two.npz", z=two, other=np.zeros(3))
    np.savez("three.npz", three)
    inputs = ("two.npz:z", "one.npy", "random:1:9", "three.npz")
    assert convscope("probe", GENERATOR, *inputs, "--no-picture", "-l", "fc").exit_code == 0
    z = np.concatenate([two, one, np.random.default_rng(9).uniform(-1, 1, (1, 100)), three[None]])
    with xarray.open_dataset("series.nc", engine="h5netcdf") as dataset:
        np.testing.assert_array_equal(dataset["fc"], cs.fast_probe(generator, z, layers="fc")["fc"])
        assert dataset["source"].to_numpy().tolist() == [
            "two.npz:z[0]", "two.npz:z[1]", "one.npy[0]", "random:1:9[0]", "three.npz[0]"
        ]  # fmt: skip


def test_sound_at_another_rate_is_resampled(convscope, folder, q_network):
    samples = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    cs.data.write_sound("tone.wav", 0.3 * samples, 22050, subtype="FLOAT")
    assert convscope("probe", Q_NETWORK, "tone.wav", "-l", "conv1").exit_code == 0
    expected = cs.fast_probe(
        q_network, cs.data.load_sounds(["tone.wav"], sample_rate_hz=16000), layers="conv1"
    )
    with xarray.open_dataset("series.nc", engine="h5netcdf") as dataset:
        np.testing.assert_array_equal(dataset["conv1"], expected["conv1"])


def test_ones_own_module_reads_recordings(convscope, folder, recordings):
    (folder / "own.py").write_text(
        "import torch\n\ndef make():\n    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(torch.nn.Conv1d(1, 3, 9, 4, 4), torch.nn.ReLU())\n"
    )
    result = convscope("probe", "own.py:make", recordings, "--input-shape", "1,16384")
    assert (result.exit_code, result.stderr) == (0, "")
    with xarray.open_dataset("series.nc", engine="h5netcdf") as dataset:
        assert dataset["0"].shape == (3, 4096)
        assert dataset.attrs["network"] == "own.py:make"
        assert "weights" not in dataset.attrs


def test_a_module_that_runs_in_pytorch_is_a_note(convscope, folder):
    (folder / "own.py").write_text(
        "from torch import nn\n\nclass Sorted(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.first = nn.Conv1d(1, 3, 9, 4, 4)\n"
        "    def forward(self, x):\n        return self.first(x.sort(-1).values)\n"
    )
    result = convscope("probe", "own.py:Sorted", "random:2", "--input-shape", "1,4096")
    assert result.exit_code == 0
    assert result.stderr.startswith("convscope: note: probing in PyTorch")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("net", "full_name"),
    [
        ("tf1-wavegan:generator", "tf1-wavegan:generator:seed=0"),
        ("tf1-wavegan:generator:dim=2", "tf1-wavegan:generator:dim=2,seed=0"),
        ("tf1-wavegan:generator:seed=2,dim=2", "tf1-wavegan:generator:seed=2,dim=2"),
    ],
)
def test_the_network_attribute_always_has_the_seed(convscope, net, full_name):
    assert convscope("probe", net, "random:1", "-l", "fc", "--no-picture").exit_code == 0
    with xarray.open_dataset("series.nc", engine="h5netcdf") as dataset:
        assert dataset.attrs["network"] == full_name
        assert dataset.attrs["weights"] == f"random (seed {full_name.partition('seed=')[2][0]})"
        assert "length" not in dataset.coords


def test_the_picture_names_the_network_and_its_weights(convscope, recordings, monkeypatch):
    seen = {}

    def plot_word(*_, **options):
        seen.update(options)
        return cs.plot._style.sheet(1, 1)

    monkeypatch.setattr("convscope.plot.plot_word", plot_word)
    assert convscope("probe", Q_NETWORK, recordings).exit_code == 0
    assert seen["made_by"] == "tf1-ciwgan Q-network, random weights (seed 3)"


def plant_long_and_silent(folder):
    sound = np.sin(np.arange(40000.0))
    for i in range(5):
        cs.data.write_sound(folder / f"long{i}.wav", sound, 16000)
    both = 0.5 * np.stack([sound[:8000], -sound[:8000]], axis=1)
    soundfile.write(folder / "anti.wav", both, 16000, subtype="FLOAT")
    cs.data.write_sound(folder / "late.wav", np.r_[np.zeros(20000), sound[:1000]], 16000)


def test_sounds_that_are_cut_or_silent_are_named(convscope, folder):
    plant_long_and_silent(folder)
    result = convscope("probe", Q_NETWORK, ".", "--json")
    assert result.exit_code == 0
    cut, silent, late, random = result.stderr.splitlines()
    assert cut == (
        "convscope: 6 of 7 sounds are longer than the slice (1.024 s) and were cut: "
        "./late.wav (1.3 s), ./long0.wav (2.5 s), ./long1.wav (2.5 s) and 3 more"
    )
    assert silent == "convscope: silent after mixing to mono: ./anti.wav"
    assert late == "convscope: silent in the slice that is probed: ./late.wav"
    assert random + "\n" == NOTE
    summary = json.loads(result.stdout)
    assert len(summary["cut"]) == 6
    assert summary["cut"][1] == {"name": "./long0.wav", "seconds": 2.5}
    assert summary["silent"] == ["./anti.wav", "./late.wav"]
    with xarray.open_dataset("series.nc", engine="h5netcdf") as dataset:
        assert dataset["length"].to_numpy().tolist() == [8000, 21000, *[40000] * 5]
        assert dataset["length"].attrs["units"] == "samples"


def test_one_cut_sound_is_one(convscope, folder):
    cs.data.write_sound(folder / "long.wav", np.sin(np.arange(160000.0)), 16000)
    cs.data.write_sound(folder / "short.wav", np.sin(np.arange(100.0)), 16000)
    said = convscope("probe", Q_NETWORK, "long.wav", "short.wav").stderr
    assert "1 of 2 sounds is longer than the slice (1.024 s) and was cut: long.wav (10.0 s)\n" in said


def test_random_latents_of_a_generator_with_categories_begin_with_a_code(convscope):
    text = "tf1-ciwgan:generator:num_categories=5,dim=2"
    network = load_network(text)
    values = read_inputs(["random:200:3"], network.wanted(network.prepare())).values
    assert values.shape == (200, 100)
    codes = values[:, :5]
    assert set(np.unique(codes)) == {0.0, 1.0}
    np.testing.assert_array_equal(codes.sum(axis=1), 1)
    assert codes.sum(axis=0).min() > 20
    plain = np.random.default_rng(3).uniform(-1, 1, (200, 100))
    np.testing.assert_array_equal(values[:, 5:], plain[:, 5:])
    again = read_inputs(["random:200:3"], network.wanted(network.prepare())).values
    np.testing.assert_array_equal(values, again)


def test_inputs_are_checked_before_what_exists(convscope, folder):
    (folder / "series.nc").write_text("precious")
    result = convscope("probe", Q_NETWORK, "missing.wav")
    assert (result.exit_code, "no such file or folder: missing.wav" in result.stderr) == (2, True)


def test_an_interrupt_between_the_files_says_what_is_there(convscope, folder, recordings, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("convscope.cli._probe.write_figure", interrupted)
    result = convscope("probe", Q_NETWORK, recordings)
    assert result.exit_code == 130
    assert result.stderr.endswith("convscope: interrupted: series.nc is written, the picture is not\n")
    assert files_in(folder) == ["series.nc"]


def test_json_is_all_of_stdout(convscope, recordings):
    result = convscope("probe", Q_NETWORK, recordings, "--json")
    summary = json.loads(result.stdout)
    assert summary["samples"] == 3
    assert summary["layers"] == ["conv1", "conv2", "conv3", "conv4", "conv5", "logits"]
    assert (summary["series"], summary["picture"], summary["skipped"]) == ("series.nc", "series.png", [])
    assert summary["cut"] == summary["silent"] == []
    assert summary["samples_per_second"] == pytest.approx(3 / summary["seconds"])


@pytest.mark.parametrize("existing", ["series.nc", "series.png"])
def test_existing_files_are_kept_unless_forced(convscope, folder, recordings, existing):
    (folder / existing).write_text("precious")
    refused = convscope("probe", Q_NETWORK, recordings)
    assert refused.exit_code == 2
    assert f"{existing} exists already; --force replaces" in refused.stderr
    assert (folder / existing).read_text() == "precious"
    assert files_in(folder) == [existing]
    assert convscope("probe", Q_NETWORK, recordings, "--force").exit_code == 0
    assert (folder / existing).read_bytes() != b"precious"


def test_failure_while_writing_leaves_the_old_file(convscope, folder, recordings, monkeypatch):
    (folder / "series.nc").write_text("precious")

    def full(*_, **__):
        (folder / "unrelated").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xarray.Dataset, "to_netcdf", full)
    result = convscope("probe", Q_NETWORK, recordings, "--force")
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert (folder / "series.nc").read_text() == "precious"
    assert files_in(folder) == ["series.nc", "unrelated"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([Q_NETWORK, "rec", "-l", "conf4"], "no layer matches 'conf4'. Did you mean 'conv4'"),
        ([Q_NETWORK, "rek"], "no such file or folder: rek; did you mean rec"),
        ([Q_NETWORK, "rec/asc.wav"], "did you mean ask.wav"),
        ([Q_NETWORK, "z.npy"], "expected real numbers (B, 16384), got float64 (2, 100)"),
        ([Q_NETWORK, "empty.npz"], "expected empty.npz:NAME with one of a, b"),
        ([Q_NETWORK, "words.npy"], "expected real numbers"),
        ([Q_NETWORK, "none.npy"], "expected at least one sample"),
        ([GENERATOR, "rec/ask.wav"], "the network reads 100 latent variables, not sound"),
        ([GENERATOR, "random:0"], "expected random:COUNT[:SEED]"),
        ([GENERATOR, "random:2:3:4"], "expected random:COUNT[:SEED]"),
        ([GENERATOR, "random:many"], "expected random:COUNT[:SEED]"),
        ([GENERATOR, "random:2", "-o", "series.csv"], "ends in .nc (NetCDF) or .npz (NumPy), got series.csv"),
        ([GENERATOR, "random:2", "-o", "there/series.nc"], "no such folder: there"),
        ([GENERATOR, "random:2", "--threads", "0"], "--threads"),
    ],
)
def test_misuse_is_one_line_before_any_file(convscope, folder, recordings, arguments, message):
    np.save("z.npy", np.zeros((2, 100)))
    np.savez("empty.npz", a=np.zeros(1), b=np.zeros(1))
    np.save("words.npy", np.full((1, 16384), "x"))
    np.save("none.npy", np.zeros((0, 16384)))
    before = files_in(folder)
    result = convscope("probe", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert files_in(folder) == before


def test_unreadable_sounds_are_named_together(convscope, folder, recordings):
    (recordings / "broken.wav").write_text("not a sound")
    (recordings / "empty.wav").write_bytes(b"")
    result = convscope("probe", Q_NETWORK, recordings)
    assert result.exit_code == 1
    assert "2 of 5 files cannot be read" in result.stderr
    assert "broken.wav: " in result.stderr
    assert "empty.wav: " in result.stderr
    assert result.stderr.count("\n") == 1
    assert files_in(folder) == []


def test_unreadable_sounds_are_skipped_when_asked(convscope, recordings):
    (recordings / "broken.wav").write_text("not a sound")
    result = convscope("probe", Q_NETWORK, recordings, "--on-error", "skip", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["skipped"] == [f"{recordings}/broken.wav"]
    assert f"skipped {recordings}/broken.wav: " in result.stderr
    with xarray.open_dataset("series.nc", engine="h5netcdf") as dataset:
        assert dataset.sizes["sample"] == 3


def test_an_unreadable_array_is_a_failure_that_names_it(convscope, folder):
    (folder / "z.npy").write_text("not an array")
    result = convscope("probe", GENERATOR, "z.npy")
    assert result.exit_code == 1
    assert "z.npy: cannot be read as an array" in result.stderr


def test_a_value_that_is_not_finite_is_named(convscope, folder):
    z = np.zeros((3, 100))
    z[1, 7] = np.nan
    np.save("z.npy", z)
    result = convscope("probe", GENERATOR, "z.npy")
    assert result.exit_code == 1
    assert "x[1, 7] is nan" in result.stderr
    assert files_in(folder) == ["z.npy"]


def test_logits_alone_have_no_picture(convscope, folder, recordings):
    result = convscope("probe", Q_NETWORK, recordings, "-l", "logits")
    assert result.exit_code == 0
    assert "no picture: none of the layers has a time axis" in result.stderr
    assert files_in(folder) == ["series.nc"]


WIDE = "tf1-ciwgan:generator:dim=16"


def series_of(convscope, *options):
    assert (
        convscope("probe", WIDE, "random:2:5", "--force", "--no-picture", "-l", "conv*", *options).exit_code
        == 0
    )
    with xarray.open_dataset("series.nc", engine="h5netcdf") as dataset:
        return dataset.load()


@pytest.mark.parametrize("algorithm", ["auto", "direct", "spectral"])
def test_the_algorithm_reaches_the_probe(convscope, algorithm):
    found = series_of(convscope, "--algorithm", algorithm)
    net = cs.models.build(cs.models.preset("tf1-ciwgan", role="generator", dim=16))
    z = np.random.default_rng(5).uniform(-1, 1, (2, 100))
    for name, values in cs.fast_probe(net, z, layers="conv*", algorithm=algorithm).items():
        np.testing.assert_array_equal(found[name], values)


def test_algorithms_differ_in_the_last_bits_only(convscope):
    direct, spectral = (series_of(convscope, "--algorithm", name) for name in ("direct", "spectral"))
    assert np.any(direct["conv2"].to_numpy() != spectral["conv2"].to_numpy())
    np.testing.assert_allclose(direct["conv2"], spectral["conv2"], rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(not _core.has_bfloat16(), reason="this processor has no AVX512_BF16")
def test_bfloat16_reaches_the_probe_and_the_file(convscope):
    single, half = series_of(convscope), series_of(convscope, "--precision", "bfloat16")
    assert (single.attrs["precision"], half.attrs["precision"]) == ("float32", "bfloat16")
    difference = np.linalg.norm(half["conv2"] - single["conv2"]) / np.linalg.norm(single["conv2"])
    assert 1e-5 < difference < 1e-2


@pytest.mark.parametrize("command", ["probe", "plan", "verify"])
def test_bfloat16_where_there_is_none_is_one_line(convscope, monkeypatch, command):
    monkeypatch.setattr(_core, "has_bfloat16", lambda: False)
    inputs = ["random:1"] if command != "plan" else []
    result = convscope(command, WIDE, *inputs, "--precision", "bfloat16")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "bfloat16 needs a processor with AVX512_BF16" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["probe", "plan", "verify"])
def test_bfloat16_of_the_direct_form_is_misuse(convscope, command):
    inputs = ["random:1"] if command != "plan" else []
    options = ("--precision", "bfloat16", "--algorithm", "direct")
    result = convscope(command, WIDE, *inputs, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "spectral form only" in result.stderr
