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


@pytest.mark.parametrize("moment", ["save_file", "fsync"])
def test_a_full_disk_leaves_what_was_there(tmp_path, networks, monkeypatch, moment):
    cs.models.save(networks, tmp_path / "trained")
    before = cs.models.load(tmp_path / "trained")["generator"].fc.weight.clone()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    target = "convscope.models.checkpoints._native.save_file" if moment == "save_file" else "os.fsync"
    monkeypatch.setattr(target, full)
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
    for wrong in (spec | {"wings": 2}, {"layers": []}, spec | {"layers": [{"kind": "attention"}]}, [1]):
        with pytest.raises(SpecError, match="expected the description of a network"):
            from_json(json.dumps(wrong))
        save_file({"a": torch.zeros(1)}, path, metadata={KEY: json.dumps(wrong)})
        with pytest.raises(CheckpointError, match=r"generator\.safetensors: expected the description"):
            cs.models.load(path)


def test_a_description_of_its_own(tmp_path):
    spec = network_of("tf1-ciwgan", "generator", dim=2).spec
    own = dataclasses.replace(spec, name="mine", layers=spec.layers[:3], slice_len=256)
    cs.models.save({"generator": cs.models.build(own)}, tmp_path / "own")
    assert cs.models.load(tmp_path / "own")["generator"].spec == own
