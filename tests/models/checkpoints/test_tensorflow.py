"""Networks from TensorFlow 1 checkpoints compute what their graphs computed, sample by sample."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.checkpoints import bundles
from tests.models.checkpoints import tensorflow_reference as reference

import convscope as cs
from convscope.models import CheckpointError
from convscope.models.checkpoints import read_checkpoint

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "tf1_checkpoint"
LIMIT = 1e-5


def maps_of(network: torch.nn.Module, x: np.ndarray) -> list[np.ndarray]:
    """Of every layer, (B, L, C) or (B, n)."""
    h = torch.from_numpy(x.astype(np.float32))
    maps, h = [], h.unsqueeze(1) if network.spec.role != "generator" else h
    with torch.inference_mode():
        for layer in network.children():
            h = layer(h)
            maps.append((h.transpose(1, 2) if h.dim() == 3 else h).numpy())
    return maps


def assert_same(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    assert len(found) == len(wanted)
    for got, exact in zip(found, wanted, strict=True):
        assert np.abs(got - exact).max() <= LIMIT * max(np.abs(exact).max(), 1)


def stored(folder: Path, of: dict[str, np.ndarray]) -> Path:
    bundles.write(folder / "model.ckpt-7", of)
    return folder / "model.ckpt-7"


CASES = {
    "16384": {"slice_len": 16384},
    "batch norm": {"slice_len": 16384, "norm": True},
    "nearest neighbour": {"slice_len": 16384, "nearest": True},
    "post-filter": {"slice_len": 16384, "filtered": 512},
    "32768": {"slice_len": 32768, "dim": 1},
    "65536, batch norm": {"slice_len": 65536, "dim": 1, "norm": True},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_layer_of_every_network(tmp_path, case):
    of, slice_len = reference.variables(**case), case["slice_len"]
    (tmp_path / "args.txt").write_text(f"data_dir,/data/words\ndata_slice_len,{slice_len}\n")
    networks = cs.models.import_checkpoint(stored(tmp_path, of))
    assert set(networks) == {"generator", "discriminator", "q_network"}
    rng = np.random.default_rng(1)
    z, x = rng.uniform(-1, 1, (2, 30)), rng.uniform(-1, 1, (2, slice_len))
    assert_same(maps_of(networks["generator"], z), reference.generator(of, z, slice_len))
    for scope, role in (("D", "discriminator"), ("Q", "q_network")):
        assert_same(maps_of(networks[role], x), reference.critic(of, x, slice_len, scope))


def test_padding_as_in_pytorch_would_be_341_samples_off(tmp_path):
    """The ports' padding on the same weights: the same sound, 21 ms early."""
    of = reference.variables(16384)
    network = cs.models.import_checkpoint(stored(tmp_path, of))["generator"]
    layers = (
        dataclasses.replace(layer, padding=(11, 10)) if isinstance(layer, cs.models.Conv) else layer
        for layer in network.spec.layers
    )
    naive = cs.models.build(dataclasses.replace(network.spec, layers=tuple(layers))).eval()
    naive.load_state_dict(network.state_dict())
    z = np.random.default_rng(1).uniform(-1, 1, (1, 30))
    exact = reference.generator(of, z, 16384)[-1][0, :, 0]
    ours, early = (maps_of(made, z)[-1][0, :, 0] for made in (network, naive))
    assert np.abs(ours - exact).max() < LIMIT
    assert np.abs(early[2000:-2000] - exact[2341:-1659]).max() < LIMIT
    assert np.abs(early - exact).max() > 0.01


@pytest.mark.skipif(not REAL.exists(), reason="needs shared/data/tf1_checkpoint")
def test_a_real_checkpoint_and_what_its_graph_computed():
    networks = cs.models.import_checkpoint(REAL)
    with np.load(REAL / "expected.npz") as expected:
        made = {"G": maps_of(networks["generator"], expected["z"])}
        for scope, role in (("D", "discriminator"), ("Q", "q_network")):
            made[scope] = maps_of(networks[role], expected["x"])
        for scope, name in (("G", "G_z"), ("D", "D_x"), ("Q", "Q_x")):
            np.testing.assert_allclose(made[scope][-1].squeeze(), expected[name].squeeze(), atol=LIMIT)
        means = [map_.mean(2) for map_ in (*made["G"], *made["D"][:-1], *made["Q"][:-1])]
        names = [*(f"G{i}" for i in range(6)), *(f"DQ{i}" for i in range(10))]
        for name, mean in zip(names, means, strict=True):
            np.testing.assert_allclose(mean, expected[name], atol=LIMIT)


def graph(layers: dict[str, int]) -> bytes:
    """A MetaGraphDef with convolutions of these strides."""
    nodes = b""
    for name, stride in layers.items():
        strides = bundles.inside(1, bundles.inside(3, bytes([1, 1, stride, 1])))
        attribute = bundles.inside(1, b"strides") + bundles.inside(2, strides)
        node = bundles.inside(1, name.encode()) + bundles.inside(2, b"Conv2D") + bundles.inside(5, attribute)
        nodes += bundles.inside(1, node)
    return bundles.inside(2, nodes)


def test_the_length_of_six_layers(tmp_path):
    """From the graph, from args.txt, from the caller, or not at all."""
    path = stored(tmp_path, reference.variables(32768, dim=1))
    with pytest.raises(CheckpointError, match=r"32768 or of 65536 samples.*expected slice_len, got none"):
        cs.models.import_checkpoint(path)
    assert cs.models.import_checkpoint(path, slice_len=65536)["generator"].spec.slice_len == 65536
    (tmp_path / "args.txt").write_text("data_slice_len,32768\n")
    assert cs.models.import_checkpoint(path)["q_network"].spec.slice_len == 32768
    for wrong in ("", "data_slice_len\n", f"data_slice_len,{'1' * 5000}\n", "data_slice_len,\u00b2\n"):
        (tmp_path / "args.txt").write_text(wrong)
        with pytest.raises(CheckpointError, match=r"expected slice_len, got none"):
            cs.models.import_checkpoint(path)
    (tmp_path / "args.txt").write_text("data_slice_len,77\n")
    with pytest.raises(CheckpointError, match=r"slice_len: expected one of .*got 77"):
        cs.models.import_checkpoint(path)
    (tmp_path / "model.ckpt-7.meta").write_bytes(graph({f"D/downconv_{'9' * 5000}/conv1d/Conv1D": 2}))
    with pytest.raises(CheckpointError, match=r"slice_len: expected one of .*got 77"):
        cs.models.import_checkpoint(path)
    (tmp_path / "model.ckpt-7.meta").write_bytes(b"\xff" * 100)
    with pytest.raises(CheckpointError, match=r"model\.ckpt-7\.meta: a number of more than 64 bits"):
        cs.models.import_checkpoint(path)
    (tmp_path / "model.ckpt-7.meta").write_bytes(
        graph({"D/downconv_4/conv1d/Conv1D": 2, "D/downconv_5/conv1d/Conv1D": 4})
    )
    assert cs.models.import_checkpoint(path)["discriminator"].spec.slice_len == 65536


def test_the_report_has_a_row_for_every_parameter(tmp_path):
    of = reference.variables(16384, norm=True)
    report = read_checkpoint(stored(tmp_path, of))
    training = {
        name for name in of if name.endswith(("/Adam", "/RMSProp")) or "power" in name or "step" in name
    }
    assert {row.variable for row in report.mapped} == set(of) - training
    assert set(report.ignored) == training
    text = str(report)
    assert "G/upconv_0/conv2d_transpose/kernel [1, 25, 16, 32] -> conv1.weight" in text
    assert "read as tf1-ciwgan" in text
    assert "slice_len 16384: 5 convolutions" in text


def test_a_generator_alone_and_scopes_of_its_own(tmp_path):
    of = {
        f"run/{name}": values for name, values in reference.variables(16384).items() if name.startswith("G/")
    }
    networks = cs.models.import_checkpoint(stored(tmp_path, of))
    assert [(role, network.spec.name) for role, network in networks.items()] == [("generator", "tf1-wavegan")]


def test_a_class_embedding(tmp_path):
    of = {name: values for name, values in reference.variables(16384).items() if name.startswith("G/")}
    rng = np.random.default_rng(2)
    kernel = of["G/upconv_0/conv2d_transpose/kernel"]
    of["G/upconv_0/conv2d_transpose/kernel"] = rng.standard_normal((1, 25, 16, 33)).astype(np.float32) * 0.1
    assert kernel.shape == (1, 25, 16, 32)
    shapes = {"embedding/embeddings": (5, 7), "dense/kernel": (7, 16), "dense/bias": (16,)}
    of |= {f"G/embed/{name}": rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    of = {name: values for name, values in of.items() if "Adam" not in name}
    network = cs.models.import_checkpoint(stored(tmp_path, of))["generator"]
    assert network.spec.name == "tf1-ciwgan-embed"
    z, code = rng.uniform(-1, 1, (3, 30)), np.eye(5)[[0, 3, 3]]
    first = maps_of(network, np.concatenate([code, z], 1))[0]
    rows = code @ of["G/embed/embedding/embeddings"] @ of["G/embed/dense/kernel"] + of["G/embed/dense/bias"]
    np.testing.assert_allclose(first[:, :, -1], rows, atol=1e-5)
    np.testing.assert_allclose(
        first[:, :, :-1], reference.generator(reference.variables(16384), z, 16384)[0], atol=1e-5
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda of: of.pop("G/upconv_2/conv2d_transpose/bias"),
            r"model\.ckpt-7: there is no variable G/upconv_2/conv2d_transpose/bias",
        ),
        (
            lambda of: [of.pop(name) for name in list(of) if name.startswith("G/upconv_4/")],
            r"there is no variable G/upconv_4/conv2d_transpose/kernel",
        ),
        (lambda of: of.pop("D/downconv_0/conv1d/kernel"), r"there is no variable D/downconv_0/conv1d/kernel"),
        (
            lambda of: of.update({"G/upconv_9x": np.zeros(3, np.float32)}),
            r"G/upconv_9x: no variable of a tf1-ciwgan generator",
        ),
        (
            lambda of: of.update({"encoder/w": np.zeros(3, np.float32)}),
            r"encoder/w: no variable of a generator",
        ),
        (
            lambda of: of.update({"Q/Qdownconv_1/conv1d/bias": np.zeros(3, np.float32)}),
            r"Q/Qdownconv_1/conv1d/bias: expected \[4\] for conv2\.bias of the q_network, got \[3\]",
        ),
        (
            lambda of: of.update({"G/z_project/dense/kernel": np.zeros((30, 4, 4), np.float32)}),
            r"G/z_project/dense/kernel: expected 2 dimensions, got shape \(30, 4, 4\)",
        ),
        (
            lambda of: of["D/output/dense/kernel"].__setitem__((3, 0), np.nan),
            r"D/output/dense/kernel: 1 of 512 values are not finite",
        ),
        (
            lambda of: of["G/upconv_1/batch_normalization/moving_variance"].__setitem__(1, -0.5),
            r"G/upconv_1/batch_normalization/moving_variance: expected variances of at least 0, got -0\.5",
        ),
        (
            lambda of: of.update({"Q/Qoutput/dense/kernel": np.float32(1)}),
            r"Q/Qoutput/dense/kernel: expected 2 dimensions, got shape \(\)",
        ),
        (
            lambda of: of.update({"G/embed/embedding/embeddings": np.float32(1)}),
            r"G/embed/embedding/embeddings: expected 2 dimensions, got shape \(\)",
        ),
        (
            lambda of: of.update({"D/downconv_0/conv1d/kernel": np.zeros((25, 1, 0), np.float32)}),
            r"D/: no tf1-ciwgan: dim: expected at least 1, got 0",
        ),
        (
            lambda of: of.update({"D/output/dense/bias": np.array([1e300])}),
            r"D/output/dense/bias: 1 of 1 values are not finite in single precision",
        ),
        (
            lambda of: of.update({"D/output/dense/bias": np.array([1], np.int32)}),
            r"D/output/dense/bias: expected floating-point numbers, got int32",
        ),
        (
            lambda of: of.update({f"D/downconv_{'9' * 4000}/x": np.zeros(1, np.float32)}),
            r"D/downconv_9+/x: no variable of a tf1-ciwgan discriminator",
        ),
        (
            lambda of: of.update({"G/\x1b[31mred\nline": np.zeros(1, np.float32)}),
            r"G/\\x1b\[31mred\\nline: no variable of a tf1-ciwgan generator",
        ),
        (lambda of: of.clear(), r"no variable of a generator"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, message):
    of = reference.variables(16384, norm=True)
    change(of)
    with pytest.raises(CheckpointError, match=message):
        cs.models.import_checkpoint(stored(tmp_path, of))


def test_presets_of_other_systems_are_refused(tmp_path):
    path = stored(tmp_path, reference.variables(16384))
    with pytest.raises(CheckpointError, match="expected one of the tf1- presets, got 'torch-ceti'"):
        cs.models.import_checkpoint(path, preset="torch-ceti")
    with pytest.raises(CheckpointError, match=r"Q/: no tf1-wavegan: .*has no Q-network"):
        cs.models.import_checkpoint(path, preset="tf1-wavegan")
    with pytest.raises(CheckpointError, match=r"slice_len: expected one of"):
        cs.models.import_checkpoint(path, slice_len=1000)


def test_partitioned_variables_are_refused_as_such(tmp_path):
    of = {name: np.zeros_like(values) for name, values in reference.variables(16384).items()}
    entries = {name.encode(): bundles.entry(values) for name, values in of.items()}
    name = b"G/upconv_0/conv2d_transpose/bias"
    entries |= {b"": bundles.number(1, 1), name: entries[name] + bundles.inside(7, b"")}
    entries[b"\0" + name + b"\0\1\1\3\x80"] = bundles.entry(np.zeros(3, np.float32))
    (tmp_path / "model.index").write_bytes(bundles.table(entries))
    (tmp_path / "model.data-00000-of-00001").write_bytes(bytes(10**6))
    with pytest.raises(CheckpointError, match=r"G/upconv_0/conv2d_transpose/bias: stored in slices"):
        cs.models.import_checkpoint(tmp_path / "model")


@pytest.mark.parametrize("left", ["model.ckpt-7.data-00000-of-00001", "model.ckpt-7.meta"])
def test_a_missing_index_is_what_is_missing(tmp_path, left):
    (tmp_path / left).write_bytes(b"")
    for name in ("model.ckpt-7", left):
        with pytest.raises(CheckpointError, match=r"model\.ckpt-7\.index: no such file$"):
            cs.models.import_checkpoint(tmp_path / name)
    with pytest.raises(CheckpointError, match=r"model\.ckpt-9\.index: no such file$"):
        cs.models.import_checkpoint(tmp_path / "model.ckpt-9.index")
    with pytest.raises(CheckpointError, match=r"expected a file `checkpoint` or one \.index file, got none"):
        cs.models.import_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"File name too long"):
        cs.models.import_checkpoint(tmp_path / ("x" * 300))


def test_shapes_that_no_memory_holds(tmp_path):
    """A claim of the index alone, refused before anything is made of that size."""
    of = reference.variables(16384)
    entries = {b"": bundles.number(1, 1)}
    for name, values in of.items():
        entries[name.encode()] = bundles.entry(np.asarray(values))
    shape = b"".join(bundles.inside(2, bundles.number(1, size)) for size in (30, 2**45))
    entries[b"G/z_project/dense/kernel"] = (
        bundles.number(1, 1) + bundles.inside(2, shape) + bundles.number(5, 2**52)
    )
    (tmp_path / "model.index").write_bytes(bundles.table(entries))
    (tmp_path / "model.data-00000-of-00001").write_bytes(bytes(100))
    with pytest.raises(CheckpointError, match="G/z_project/dense/kernel"):
        cs.models.import_checkpoint(tmp_path / "model")
