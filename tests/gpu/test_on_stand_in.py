"""The GPU engine from Python to the kernels and back, on the stand-in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.gpu import networks

import convscope as cs
from convscope.probe._cuda_engine import fitting_chunk


@pytest.mark.parametrize("precision", networks.LIMITS)
@pytest.mark.parametrize("role", ["generator", "q_network", "discriminator"])
def test_whole_networks(device, role, precision):
    net = networks.preset(role)
    x = networks.inputs(cs.Probe(net), 2)
    assert cs.Probe(net, device="cuda").layers.names == tuple(layer.name for layer in net.spec.layers)
    networks.assert_within_limits(net, x, precision, device="cuda")


@pytest.mark.parametrize("precision", networks.LIMITS)
@pytest.mark.parametrize("reduce", ["mean", "rms", "max"])
def test_odd_layers_and_reductions(device, reduce, precision):
    x = np.random.default_rng(0).standard_normal((3, 3, 60)).astype(np.float32)
    for at in ("post", "pre"):
        networks.assert_within_limits(networks.odd(), x, precision, device="cuda", reduce=reduce, at=at)


@pytest.mark.parametrize("precision", networks.LIMITS)
@pytest.mark.parametrize("last_channels", [3, 1])
def test_the_kernel_of_compute_capability_9(device, last_channels, precision):
    device.is_hopper = True
    net = networks.of_boxes(last_channels)
    x = np.random.default_rng(0).standard_normal((3, 64, 128)).astype(np.float32)
    networks.assert_within_limits(net, x, precision, device="cuda")
    whole = cs.Probe(net, device="cuda", precision=precision, input_shape=(64, 128)).run(x)
    parts = cs.Probe(net, device="cuda", precision=precision, input_shape=(64, 128), chunk=2).run(x)
    for name in whole:
        np.testing.assert_array_equal(parts[name], whole[name])


def test_same_bits_for_every_batch_and_chunk(device):
    net = networks.odd()
    probe = cs.Probe(net, device="cuda", input_shape=(3, 60))
    x = networks.inputs(probe, 7)
    whole = probe.run(x)
    for chunk in (1, 3, 7, 100):
        again = cs.Probe(net, device="cuda", input_shape=(3, 60), chunk=chunk).run(x)
        for name in whole:
            np.testing.assert_array_equal(again[name], whole[name])
    for name in whole:
        np.testing.assert_array_equal(probe.run(x[2:3])[name], whole[name][2:3])


def test_streaming_reports_every_chunk_once(device):
    net = networks.odd()
    told: list[tuple[int, int]] = []
    probe = cs.Probe(net, device="cuda", input_shape=(3, 60), chunk=2)
    series = probe.run(networks.inputs(probe, 5), progress=lambda done, count: told.append((done, count)))
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert [call["batch"] for call in device.calls] == [2, 2, 1]
    assert all(np.isfinite(array).all() for array in series.values())


def test_an_empty_batch_is_a_batch(device):
    probe = cs.Probe(networks.odd(), device="cuda", input_shape=(3, 60))
    series = probe.run(np.zeros((0, 3, 60), np.float32))
    assert [array.shape for array in series.values()] == [(0, *shape) for shape in probe.series_shapes]
    assert device.calls == []


def test_only_layers_up_to_the_last_probed_are_computed(device):
    net = networks.preset("generator")
    probe = cs.Probe(net, layers=["conv1"], device="cuda")
    assert [row.layer for row in probe.plan] == ["fc", "conv1"]
    probe.run(networks.inputs(probe, 1))
    assert [bool(address) for address in device.calls[0]["series"]] == [False, True]


def test_inputs_of_any_layout(device):
    """Tensors are read by their strides."""
    engine = cs.Probe(networks.odd(), device="cuda", input_shape=(3, 60))._runner.engine
    x = torch.randn(4, 60, 3).transpose(1, 2)
    strided, plain = engine.run(x), engine.run(x.contiguous())
    for name in plain:
        assert torch.equal(strided[name], plain[name])


def test_what_halves_cannot_hold_is_no_number(device):
    probe = cs.Probe(networks.odd(), device="cuda", input_shape=(3, 60), check_finite=False)
    x = networks.inputs(probe, 2)
    x[1] = 1e6
    series = probe.run(x)
    for array in series.values():
        assert np.isfinite(array[0]).all()
        assert np.isnan(array[1]).any()


def test_out_of_memory_names_a_chunk_that_fits_and_leaves_the_engine_whole(device, monkeypatch):
    probe = cs.Probe(networks.preset("generator"), device="cuda", chunk=100)
    x = networks.inputs(probe, 2)
    whole = probe.run(x)
    engine = probe._runner.engine
    device._free_bytes = engine.workspace_bytes(40)

    def empty(shape, **options):
        raise torch.cuda.OutOfMemoryError("no memory")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "empty", empty)
        with pytest.raises(torch.cuda.OutOfMemoryError, match=r"MB are free.*chunk=3\d would fit"):
            engine.run(torch.from_numpy(x))
        device._free_bytes = 10
        with pytest.raises(torch.cuda.OutOfMemoryError, match="not even one sample"):
            engine.run(torch.from_numpy(x))
    for name, array in probe.run(x).items():
        np.testing.assert_array_equal(array, whole[name])


def test_the_default_chunk_is_what_memory_holds(stand_in_module, device):
    net = networks.preset("generator")
    assert cs.Probe(net, device="cuda")._runner.chunk_for(10**6) == 1056
    device._free_bytes = int(cs.Probe(net, device="cuda")._runner.engine.workspace_bytes(700) / 0.9)
    assert cs.Probe(net, device="cuda")._runner.chunk_for(10**6) == 528
    assert cs.Probe(net, device="cuda")._runner.chunk_for(5) == 5


def test_fitting_chunk():
    def workspace(samples):
        return 1000 * samples + 24

    assert fitting_chunk(workspace, 10**9, 1056) == 1056
    assert fitting_chunk(workspace, 600_024, 1056) == 528
    assert fitting_chunk(workspace, 100_024, 1056) == 100
    assert fitting_chunk(workspace, 500, 1056) == 0
