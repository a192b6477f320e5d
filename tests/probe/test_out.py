"""Series into arrays that are there already."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.models.catalogue import network_of
from tests.probe.helpers import fill, inputs_for

import convscope as cs


@pytest.fixture(scope="module")
def net():
    return fill(network_of("tf1-ciwgan", "generator", dim=2), "he")


def test_they_are_filled_and_returned(net):
    z = inputs_for(net, 5)
    probe = cs.Probe(net, ["conv1", "conv2", "out"])
    store = np.full((9, 256), np.nan, np.float32)
    out = {"conv2": store[2:7], "out": np.empty((5, 16384), np.float32)}
    found = probe.run(z, out=out)
    expected = probe.run(z)
    for name in expected:
        assert np.array_equal(found[name], expected[name])
    assert np.shares_memory(found["conv2"], store)
    assert np.isnan(store[:2]).all()
    assert np.isnan(store[7:]).all()


@pytest.mark.parametrize("reduce", [np.ones((3, 4)), np.ones(4)], ids=["matrix", "vector"])
def test_of_read_outs(net, reduce):
    z = inputs_for(net, 2)
    probe = cs.Probe(net, ["conv3"], reduce={"conv3": reduce})
    out = np.empty(probe.run(z)["conv3"].shape, np.float32)
    probe.run(z, out={"conv3": out})
    assert np.array_equal(out, probe.run(z)["conv3"])


def test_of_logits():
    listener = fill(network_of("tf1-ciwgan", "q_network", dim=2), "he")
    x = inputs_for(listener, 3)
    probe = cs.Probe(listener)
    out = np.empty(probe.run(x)["logits"].shape, np.float32)
    probe.run(x, out={"logits": out})
    assert np.array_equal(out, probe.run(x)["logits"])


@pytest.mark.parametrize(
    ("made", "got"),
    [
        (lambda: np.empty((2, 256), np.float64), "float64"),
        (lambda: np.empty((3, 256), np.float32), r"\(3, 256\)"),
        (lambda: np.empty((256, 2), np.float32).T, r"\(2, 256\)"),
        (lambda: np.broadcast_to(np.float32(0), (2, 256)), r"\(2, 256\)"),
        (lambda: torch.empty(2, 256), "Tensor"),
    ],
)
def test_others_are_refused(net, made, got):
    probe = cs.Probe(net, ["conv2"])
    with pytest.raises(
        ValueError, match=rf"out: expected a writeable C-contiguous .*\(2, 256\) for conv2, got .*{got}"
    ):
        probe.run(inputs_for(net, 2), out={"conv2": made()})


def test_unknown_layers_are_refused(net):
    with pytest.raises(ValueError, match="out: expected layers of conv2, got conv9"):
        cs.Probe(net, ["conv2"]).run(inputs_for(net, 2), out={"conv9": np.empty((2, 256), np.float32)})
