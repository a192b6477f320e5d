"""Networks written back as the code that they are from reads them."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from tests.models.catalogue import every_network, network_of
from tests.models.checkpoints import tensorflow_reference as reference

import convscope as cs
from convscope.models.checkpoints import TensorBundle
from convscope.models.checkpoints._table import read_table, write_table

AMBIGUOUS = "ignore:.*have the same weights"


def assert_back(network, path):
    spec = network.spec
    tells = (
        spec.name.startswith("tf1") or spec.slice_len == 256
    )  # or the articulatory generator's only length
    networks = cs.models.import_checkpoint(
        path, preset=spec.name, slice_len=None if tells else spec.slice_len
    )
    found = networks[spec.role]
    wanted = network.state_dict()
    assert {name for name, _ in found.named_parameters()} == {name for name, _ in network.named_parameters()}
    for name, values in found.state_dict().items():
        assert torch.equal(values, wanted[name]), name
    assert [layer.padding for layer in found.spec.layers[1:-1]] == [
        layer.padding for layer in spec.layers[1:-1]
    ]


@every_network
def test_and_back_again(tmp_path, name, role, slice_len):
    for batch_norm in (False,) if name == "torch-jtcramer" else (False, True):
        network = network_of(name, role, slice_len, dim=2, batch_norm=batch_norm)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_mean.uniform_(-1, 1)
        path = tmp_path / f"{batch_norm}" / "model.ckpt-7"
        files = cs.models.export_checkpoint({role: network}, path)
        assert all(file.is_file() for file in files)
        one_file = path if path.is_file() or name.startswith("tf1") else files[0]
        assert_back(network, one_file)


@pytest.mark.parametrize("upsample", ["zeros", "nearest"])
@pytest.mark.parametrize("changed", ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"])
def test_norms_that_any_number_shows_to_be_used(tmp_path, changed, upsample):
    """Of a port that has them in any case."""
    for role in ("generator", "discriminator"):
        options = {"upsample": upsample} if role == "generator" else {}
        network = network_of("torch-mostafaelaraby", role, dim=2, batch_norm=True, **options)
        getattr(network.conv3.norm, changed).data.fill_(3)
        for name in ("a.tar", "b.tar"):
            cs.models.export_checkpoint({role: network}, tmp_path / name, replace=True)
            network = cs.models.import_checkpoint(tmp_path / name)[role]
            assert network.conv3.norm is not None
            assert (network.state_dict()[f"conv3.norm.{changed}"] == 3).all()


def test_networks_of_different_length_by_design(tmp_path):
    """The articulatory generator makes 256 frames whatever the discriminator's slice."""
    networks = {
        "generator": network_of("articulationgan", "generator", dim=4),
        "discriminator": network_of("articulationgan", "discriminator", 20480, dim=2),
    }
    cs.models.export_checkpoint(networks, tmp_path / "x")
    found = cs.models.import_checkpoint(tmp_path / "x")
    assert {role: network.spec.slice_len for role, network in found.items()} == {
        "generator": 256, "discriminator": 20480,
    }  # fmt: skip


def test_tables_that_are_empty_or_long():
    for count in (0, 1, 1000):
        entries = {f"name {i:04d}".encode(): bytes([i % 256]) * (i % 300) for i in range(count)}
        assert read_table(write_table(entries), "table") == entries


def test_a_whole_checkpoint(tmp_path):
    from tests.models.checkpoints import bundles

    of = reference.variables(32768, dim=1, norm=True)
    bundles.write(tmp_path / "old", of)
    networks = cs.models.import_checkpoint(tmp_path / "old", slice_len=32768)
    files = cs.models.export_checkpoint(networks, tmp_path / "new" / "model.ckpt-0")
    assert {file.name for file in files} == {
        "model.ckpt-0.index", "model.ckpt-0.data-00000-of-00001", "checkpoint", "args.txt",
    }  # fmt: skip
    bundle = TensorBundle(tmp_path / "new")
    kept = {name for name in of if not re.search("Adam|RMSProp|power|step", name)}
    assert set(bundle) == kept
    for name in kept:
        np.testing.assert_array_equal(bundle[name], of[name])
    assert cs.models.import_checkpoint(tmp_path / "new")["generator"].spec == networks["generator"].spec


@pytest.mark.parametrize("name", ["tf1-ciwgan", "torch-ceti", "torch-mostafaelaraby"])
def test_a_full_disk_leaves_what_was_there(tmp_path, full_disk, name):
    networks = {role: network_of(name, role, dim=2) for role in ("generator", "discriminator")}
    files = cs.models.export_checkpoint(networks, tmp_path / "x")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(files) == set(before)
    with full_disk(20_000), pytest.raises(OSError, match="File too large"):
        cs.models.export_checkpoint(networks, tmp_path / "x", replace=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_graph_of_an_earlier_checkpoint_is_not_left(tmp_path):
    network = network_of("tf1-ciwgan", "generator", 32768, dim=2)
    (tmp_path / "x.meta").write_bytes(b"of other strides")
    with pytest.raises(FileExistsError, match=r"x\.meta: is there already"):
        cs.models.export_checkpoint({"generator": network}, tmp_path / "x")
    cs.models.export_checkpoint({"generator": network}, tmp_path / "x", replace=True)
    found = cs.models.import_checkpoint(tmp_path / "x", preset="tf1-ciwgan")
    assert found["generator"].spec.slice_len == 32768
    (tmp_path / "y.index").mkdir()
    with pytest.raises(IsADirectoryError, match=r"y\.index: is a folder"):
        cs.models.export_checkpoint({"generator": network}, tmp_path / "y", replace=True)
    assert not (tmp_path / "y.data-00000-of-00001").exists()


def test_what_has_no_system_is_refused(tmp_path):
    a, b = network_of("tf1-ciwgan", "generator", dim=2), network_of("torch-ceti", "q_network", dim=2)
    with pytest.raises(ValueError, match="expected those of one preset, got tf1-ciwgan, torch-ceti"):
        cs.models.export_checkpoint({"generator": a, "q_network": b}, tmp_path / "x")
    normalised = network_of("torch-jtcramer", "generator", dim=2, batch_norm=True)
    with pytest.raises(ValueError, match="torch-jtcramer has no names for batch norms"):
        cs.models.export_checkpoint({"generator": normalised}, tmp_path / "x")
