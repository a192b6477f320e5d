"""Networks on disk in the package's own format."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.models.catalogue import every_network, network_of

import convscope as cs
from convscope.models import CheckpointError, SpecError
from convscope.models._text import from_json, to_json

KEY = "convscope.network"


@pytest.fixture
def networks():
    return {
        role: network_of("tf1-ciwgan", role, dim=2, batch_norm=True) for role in ("generator", "q_network")
    }


@every_network
def test_descriptions_come_back(name, role, slice_len):
    spec = network_of(name, role, slice_len, dim=2).spec
    assert from_json(to_json(spec)) == spec


def test_networks_come_back(tmp_path, networks):
    networks["generator"].conv1.norm.running_mean.fill_(0.3)
    networks["generator"].conv1.norm.num_batches_tracked.fill_(7)
    cs.models.save(networks, tmp_path / "runs" / "trained")
    loaded = cs.models.load(tmp_path / "runs" / "trained")
    assert set(loaded) == set(networks)
    for role, network in networks.items():
        assert loaded[role].spec == network.spec
        assert not loaded[role].training
        assert all(parameter.requires_grad for parameter in loaded[role].parameters())
        wanted = network.state_dict()
        for name, values in loaded[role].state_dict().items():
            assert torch.equal(values, wanted[name])
    (alone,) = cs.models.load(tmp_path / "runs" / "trained" / "q_network.safetensors").values()
    assert alone.spec == networks["q_network"].spec


def test_what_is_there_is_replaced_only_if_asked_for(tmp_path, networks):
    cs.models.save(networks, tmp_path / "trained")
    with pytest.raises(FileExistsError, match="trained: is there already"):
        cs.models.save(networks, tmp_path / "trained")
    cs.models.save({"generator": networks["generator"]}, tmp_path / "trained", replace=True)
    assert set(cs.models.load(tmp_path / "trained")) == {"generator"}
    assert [path.name for path in tmp_path.iterdir()] == ["trained"]


def test_what_a_link_points_to_is_replaced_and_files_are_not(tmp_path, networks, monkeypatch):
    for name in ("real", "gone"):
        (tmp_path / f"to {name}").symlink_to(name)
    (tmp_path / "real").mkdir()
    for name in ("real", "gone"):
        cs.models.save(networks, tmp_path / f"to {name}", replace=name == "real")
        assert (tmp_path / f"to {name}").is_symlink()
        assert set(cs.models.load(tmp_path / name)) == set(networks)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="file: is no folder"):
        cs.models.save(networks, tmp_path / "file", replace=True)
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "real" / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "real" / "inside")
    for name in (".", ".."):
        with pytest.raises(ValueError, match="got one that the working folder is in"):
            cs.models.save(networks, name, replace=True)
    assert {path.name for path in tmp_path.iterdir()} == {"to real", "to gone", "real", "gone", "file"}


@pytest.mark.parametrize("moment", ["save_file", "fsync", "the folder's fsync"])
def test_a_full_disk_leaves_what_was_there(tmp_path, networks, monkeypatch, moment):
    cs.models.save(networks, tmp_path / "trained")
    before = cs.models.load(tmp_path / "trained")["generator"].fc.weight.clone()

    def full(path, *_, **__):
        if moment != "the folder's fsync" or path == tmp_path:
            raise OSError(28, "No space left on device")

    targets = {"save_file": "convscope.models.checkpoints._native.save_file", "fsync": "os.fsync"}
    monkeypatch.setattr(targets.get(moment, "convscope._folders.sync"), full)
    with torch.no_grad():
        networks["generator"].fc.weight.zero_()
    with pytest.raises(OSError, match="No space left"):
        cs.models.save(networks, tmp_path / "trained", replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["trained"]
    assert torch.equal(cs.models.load(tmp_path / "trained")["generator"].fc.weight, before)


def test_a_file_cut_off_anywhere(tmp_path, networks):
    cs.models.save({"generator": networks["generator"]}, tmp_path / "trained")
    path = tmp_path / "trained" / "generator.safetensors"
    whole = path.read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(
            CheckpointError, match=r"generator\.safetensors: damaged, cut off, or no safetensors file"
        ):
            cs.models.load(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(CheckpointError, match=r"generator\.safetensors: Is a directory"):
        cs.models.load(tmp_path / "trained")
    with pytest.raises(CheckpointError, match="File name too long"):
        cs.models.load(tmp_path / ("x" * 300))
    shutil.rmtree(tmp_path / "trained")
    with pytest.raises(CheckpointError, match=r"trained: expected a folder with \.safetensors files"):
        cs.models.load(tmp_path / "trained")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda tensors: tensors.pop("conv2.bias"),
            r"there is no variable conv2\.bias, which conv2\.bias of the generator",
        ),
        (
            lambda tensors: tensors.update(more=torch.zeros(2)),
            r"more: no parameter of a tf1-ciwgan generator",
        ),
        (
            lambda tensors: tensors.update({"conv2.bias": torch.zeros(3)}),
            r"conv2\.bias: expected \[8\] .*got \[3\]",
        ),
        (
            lambda tensors: tensors["conv2.bias"].fill_(torch.nan),
            r"conv2\.bias: 8 of 8 values are not finite",
        ),
        (
            lambda tensors: tensors.update({"conv2.bias": torch.full((8,), 1e300, dtype=torch.float64)}),
            r"conv2\.bias: 8 of 8 values are not finite in single precision",
        ),
        (
            lambda tensors: tensors.update({"conv2.bias": torch.zeros(8, dtype=torch.int64)}),
            r"conv2\.bias: expected floating-point numbers, got int64",
        ),
        (
            lambda tensors: tensors.update({"conv2.norm.num_batches_tracked": torch.zeros(2)}),
            r"conv2\.norm\.num_batches_tracked: expected a count, got float32 of shape \[2\]",
        ),
        (
            lambda tensors: tensors.update({"conv2.norm.num_batches_tracked": torch.tensor(torch.nan)}),
            r"conv2\.norm\.num_batches_tracked: expected a count, got float32 of shape \[\]",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, networks, change, message):
    path = tmp_path / "generator.safetensors"
    tensors = {name: values.clone() for name, values in networks["generator"].state_dict().items()}
    change(tensors)
    save_file(tensors, path, metadata={KEY: to_json(networks["generator"].spec)})
    with pytest.raises(CheckpointError, match=rf"generator\.safetensors: {message}"):
        cs.models.load(path)


def test_files_of_others(tmp_path, networks):
    path = tmp_path / "generator.safetensors"
    cs.models.save({"generator": networks["generator"]}, tmp_path / "trained")
    save_file(load_file(tmp_path / "trained" / "generator.safetensors"), path)
    with pytest.raises(CheckpointError, match="not written by convscope"):
        cs.models.load(path)
    spec = json.loads(to_json(networks["generator"].spec))
    for wrong in (spec | {"wings": 2}, {"layers": []}, spec | {"layers": [{"kind": "attention"}]}, [1], None):
        with pytest.raises(SpecError, match="expected the description of a network"):
            from_json(json.dumps(wrong))
        save_file({"a": torch.zeros(1)}, path, metadata={KEY: json.dumps(wrong)})
        with pytest.raises(CheckpointError, match=r"generator\.safetensors: expected the description"):
            cs.models.load(path)


def _layer(i, **changed):
    return lambda spec: spec["layers"][i].update(changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_layer(1, activation={"kind": "gelu"}), r"layers\[1\]: activation: kind: expected one of identity, .*got 'gelu'"),
        (_layer(1, activation=None), r"activation: expected its fields, got None"),
        (_layer(1, activation={"kind": "relu", "slope": "x"}), r"activation: slope: expected a finite number, got 'x'"),
        (_layer(1, norm={"eps": float("nan")}), r"norm: eps: expected a finite number, got nan"),
        (_layer(1, norm={"eps": 10**400}), r"too large"),
        (_layer(1, norm={"statistics": "median"}), r"norm: statistics: expected one of running, batch, got 'median'"),
        (_layer(1, kernel=25.0), r"layers\[1\]: kernel: expected int, got 25\.0"),
        (_layer(1, bias="no"), r"bias: expected bool, got 'no'"),
        (_layer(1, transposed=1), r"transposed: expected bool, got 1"),
        (_layer(1, padding=[1, 2, 3]), r"padding: expected a list of 2, got \[1, 2, 3\]"),
        (_layer(1, padding=[1.0, 2]), r"padding\[0\]: expected int, got 1\.0"),
        (_layer(1, shuffle={}), r"shuffle: radius: expected a value, got None"),
        (_layer(1, name="a.b"), r"layers\[1\]: name: expected an identifier, got 'a\.b'"),
        (_layer(1, name=[1]), r"layers\[1\]: name: expected str, got \[1\]"),
        (_layer(1, kernel=2**62, padding=[0, 0]), r"[Ss]torage size calculation overflowed"),
        (_layer(1, name="forward"), r"attribute 'forward' already exists"),
        (_layer(0, order="rows"), r"layers\[0\]: order: expected one of channels_last, channels_first, got 'rows'"),
        (lambda spec: spec.update(role=["generator"]), r"role: expected one of generator, .*got \['generator'\]"),
        (lambda spec: spec.update(role="foo"), r"role: expected one of generator, .*got 'foo'"),
        (lambda spec: spec.update(layers="abc"), r"layers: expected a list, got 'abc'"),
        (lambda spec: spec.update(sample_rate_hz=-5), r"sample_rate_hz: expected at least 1, got -5"),
        (lambda spec: spec.update(num_categories=-3), r"num_categories: expected at least 0, got -3"),
        (lambda spec: spec.update(slice_len=-1), r"slice_len: expected at least 0, got -1"),
        (lambda spec: spec.update(slice_len=True), r"slice_len: expected int, got True"),
        (lambda spec: spec.pop("in_length"), r"network: in_length: expected a value, got None"),
    ],
)  # fmt: skip
def test_descriptions_that_cannot_be(tmp_path, networks, change, message):
    path, net = tmp_path / "generator.safetensors", networks["generator"]
    spec = json.loads(to_json(net.spec))
    change(spec)
    save_file(net.state_dict(), path, metadata={KEY: json.dumps(spec)})
    with pytest.raises(CheckpointError, match=rf"generator\.safetensors: .*{message}"):
        cs.models.load(path)


@pytest.mark.parametrize("write", [cs.models.save, cs.models.export_checkpoint])
def test_a_network_under_the_name_of_another(tmp_path, networks, write):
    for given, message in [
        (
            {"discriminator": networks["generator"]},
            "expected a discriminator under that name, got a generator",
        ),
        ({}, "expected at least one, got none"),
    ]:
        with pytest.raises(ValueError, match=f"networks: {message}"):
            write(given, tmp_path / "net")
    assert not any(tmp_path.iterdir())


def test_a_description_that_never_ends(tmp_path):
    path = tmp_path / "generator.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={KEY: "[" * 100_000})
    with pytest.raises(
        CheckpointError, match=r"generator\.safetensors: expected the description of a network: maximum"
    ):
        cs.models.load(path)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.float8_e4m3fn])
def test_other_precisions_are_read(tmp_path, networks, dtype):
    path, net = tmp_path / "generator.safetensors", networks["generator"]
    stored = {name: v.to(dtype) if v.is_floating_point() else v for name, v in net.state_dict().items()}
    save_file(stored, path, metadata={KEY: to_json(net.spec)})
    loaded = cs.models.load(path)["generator"].state_dict()
    for name, values in stored.items():
        assert torch.equal(loaded[name], values.to(loaded[name].dtype))


def test_two_networks_of_a_role(tmp_path, networks):
    cs.models.save(networks, tmp_path / "trained")
    shutil.copy(tmp_path / "trained" / "generator.safetensors", tmp_path / "trained" / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"other\.safetensors: a second generator in the folder"):
        cs.models.load(tmp_path / "trained")


def test_a_description_of_its_own(tmp_path):
    spec = network_of("tf1-ciwgan", "generator", dim=2).spec
    own = dataclasses.replace(spec, name="mine", layers=spec.layers[:3], slice_len=256)
    cs.models.save({"generator": cs.models.build(own)}, tmp_path / "own")
    assert cs.models.load(tmp_path / "own")["generator"].spec == own
