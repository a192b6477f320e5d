"""`convscope probe`: what is written is what `fast_probe` returns, and nothing is lost to bad input."""

from __future__ import annotations

import json

import matplotlib.image
import numpy as np
import pytest
import xarray

import convscope as cs

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


def test_json_is_all_of_stdout(convscope, recordings):
    result = convscope("probe", Q_NETWORK, recordings, "--json")
    summary = json.loads(result.stdout)
    assert summary["samples"] == 3
    assert summary["layers"] == ["conv1", "conv2", "conv3", "conv4", "conv5", "logits"]
    assert (summary["series"], summary["picture"], summary["skipped"]) == ("series.nc", "series.png", [])
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
