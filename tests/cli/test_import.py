"""`convscope import`: a checkpoint of others becomes a folder that NET can name."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.checkpoints import bundles
from tests.models.checkpoints import tensorflow_reference as reference

import convscope as cs


@pytest.fixture
def checkpoint(folder):
    of = reference.variables(16384)
    bundles.write(folder / "model.ckpt-7", of)
    return of


def test_from_a_checkpoint_to_layers(convscope, checkpoint, folder):
    result = convscope("import", "model.ckpt-7")
    assert result.exit_code == 0
    assert "read as tf1-ciwgan: net:generator, net:discriminator, net:q_network" in result.stdout
    assert "slice_len 16384: 5 convolutions" in result.stderr
    assert "G/upconv_4/conv2d_transpose/bias [1] -> out.bias" in (folder / "net" / "import.txt").read_text()
    for role in ("generator", "discriminator", "q_network"):
        assert role in result.stdout
    probed = convscope("probe", "net:generator", "random:2:5", "--out", "g.npz")
    assert probed.exit_code == 0
    assert "random, drawn" not in probed.stderr
    rows = np.load("g.npz")
    maps = reference.generator(checkpoint, _latents(2, 5, 30, 5), 16384)
    np.testing.assert_allclose(rows["conv2"], maps[2].mean(2), atol=1e-5)


def _latents(count, seed, size, categories):
    """As `random:COUNT:SEED` makes them for a generator with codes."""
    from convscope.cli._inputs import Wanted, read_inputs

    wanted = Wanted((size,), False, 16000, categories)
    return read_inputs([f"random:{count}:{seed}"], wanted).values


def test_a_network_by_folder_and_role_or_by_file(convscope, checkpoint):
    assert convscope("import", "model.ckpt-7", "-o", "run/net").exit_code == 0
    for net in ("run/net:q_network", "run/net:Q-network", "run/net/q_network.safetensors"):
        result = convscope("layers", net)
        assert result.exit_code == 0
        assert "logits" in result.stdout
    for net in ("run/net", "run/net:critic"):
        result = convscope("layers", net)
        assert result.exit_code == 2
        assert (
            "NET: expected run/net:discriminator or run/net:generator or run/net:q_network, got"
            in result.stderr
        )


def test_an_existing_folder_is_replaced_only_if_asked_for(convscope, checkpoint, folder):
    (folder / "net").mkdir()
    refused = convscope("import", "model.ckpt-7")
    assert refused.exit_code == 2
    assert "--out: net exists already; --force replaces it" in refused.stderr
    assert convscope("import", "model.ckpt-7", "--force").exit_code == 0
    assert set(cs.models.load(folder / "net")) == {"generator", "discriminator", "q_network"}
    assert convscope("import", "model.ckpt-7", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("results", "results holds more than networks, paper for one, which --force does not replace"),
        ("words.csv", "words.csv is no folder"),
        (".", "holds more than networks"),
    ],
)
def test_what_is_no_folder_of_networks_is_never_replaced(convscope, checkpoint, folder, name, message):
    (folder / "results" / "paper").mkdir(parents=True)
    (folder / "words.csv").write_text("mine")
    before = sorted(folder.rglob("*"))
    refused = convscope("import", "model.ckpt-7", "-o", name, "--force")
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert sorted(folder.rglob("*")) == before


def test_a_report_that_cannot_be_written_leaves_no_networks(convscope, checkpoint, folder, monkeypatch):
    def full(self, *_, **__):
        raise OSError(28, "No space left on device", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        result = convscope("import", "model.ckpt-7")
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == [
        "model.ckpt-7.data-00000-of-00001",
        "model.ckpt-7.index",
    ]


def test_names_that_no_text_holds_are_written_out(convscope, checkpoint, folder):
    of = {name: values for name, values in checkpoint.items() if name.startswith("G/")}
    bundles.write(folder / "model.ckpt-7", {f"\x1b[31m/{name}": values for name, values in of.items()})
    for path in folder.glob("model.ckpt-7.*"):
        path.rename(path.with_name(path.name.replace("model", os.fsdecode(b"\xff"))))
    assert convscope("import", os.fsdecode(b"\xff.ckpt-7")).exit_code == 0
    report = (folder / "net" / "import.txt").read_text()
    assert r"\udcff.ckpt-7: TensorFlow 1 checkpoint" in report
    assert r"    \x1b[31m/G/upconv_4/conv2d_transpose/bias [1] -> out.bias" in report


def test_what_is_wrong_is_one_line_and_writes_nothing(convscope, checkpoint, folder):
    data = folder / "model.ckpt-7.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    result = convscope("import", "model.ckpt-7")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("convscope: model.ckpt-7.data-00000-of-00001: ")
    assert "cut off" in line
    assert not (folder / "net").exists()
    torch.save(torch.nn.Linear(2, 2), folder / "whole.pt")
    result = convscope("import", "whole.pt")
    assert result.exit_code == 1
    assert "--trust-pickle" in result.stderr
    assert convscope("import", "nowhere.pt").exit_code == 1


def test_a_network_that_computes_no_numbers_is_a_failure(convscope, checkpoint, folder):
    checkpoint["G/upconv_3/conv2d_transpose/kernel"][:] = (
        3e38  # sums of them are infinite, differences no number
    )
    bundles.write(folder / "model.ckpt-7", checkpoint)
    with np.errstate(invalid="ignore", over="ignore"):
        result = convscope("import", "model.ckpt-7")
    assert result.exit_code == 1
    assert "beyond 3 times PyTorch's error: generator conv4" in result.stderr
