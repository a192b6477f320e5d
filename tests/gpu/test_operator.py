"""The probe as an operator of PyTorch."""

from __future__ import annotations

import gc

import pytest
import torch
from tests.gpu import networks
from torch import library

import convscope as cs


@pytest.fixture
def probe():
    return cs.Probe(networks.preset("q_network"), reduce="mean")


def test_it_is_what_run_returns(probe):
    x = torch.from_numpy(networks.inputs(probe, 3))
    found, wanted = probe.operator(x), probe.run(x)
    assert list(found) == list(wanted)
    for name in wanted:
        assert torch.equal(found[name], wanted[name])


def test_opcheck(probe):
    x = torch.from_numpy(networks.inputs(probe, 2))
    library.opcheck(torch.ops.convscope.probe.default, (x, probe._number))


def test_shapes_are_known_without_running(probe):
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        series = probe.operator(torch.empty(11, 16384))
    assert {name: tuple(s.shape) for name, s in series.items()} == {
        name: (11, *shape) for name, shape in zip(probe.layers.names, probe.series_shapes, strict=True)
    }


def test_a_probe_that_is_gone_is_named(probe):
    number = cs.Probe(networks.odd(), input_shape=(3, 60))._number
    gc.collect()
    with pytest.raises(RuntimeError, match=f"still there, got number {number}"):
        torch.ops.convscope.probe(torch.zeros(1, 3, 60), number)


def test_compiled_code_has_it_as_one_operator(probe):
    def loudness(x):
        series = probe.operator(2 * x)
        return series["conv1"].mean(1) + series["conv5"].mean(1)

    x = torch.from_numpy(networks.inputs(probe, 2))
    compiled = torch.compile(loudness, backend="aot_eager", fullgraph=True)
    assert torch.allclose(compiled(x), loudness(x))
