"""Choosing layers by name, pattern and predicate; what matches nothing is an error that helps."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.catalogue import network_of

import convscope as cs
from convscope.probe import UnknownLayerError

ALL = ["fc", "conv1", "conv2", "conv3", "conv4", "out"]


@pytest.fixture(scope="module")
def net():
    return network_of("tf1-ciwgan", "generator", dim=1)


CHOICES = {
    "all": (None, ALL),
    "one": ("conv4", ["conv4"]),
    "list": (["conv4"], ["conv4"]),
    "order of execution": (["out", "fc", "conv2"], ["fc", "conv2", "out"]),
    "twice": (["conv1", "conv1", "conv*"], ["conv1", "conv2", "conv3", "conv4"]),
    "pattern": ("conv*", ["conv1", "conv2", "conv3", "conv4"]),
    "set of characters": ("conv[13]", ["conv1", "conv3"]),
    "one character": ("??", ["fc"]),
    "everything": ("*", ALL),
    "tuple": (("fc", "o*"), ["fc", "out"]),
    "generator": ((name for name in ("fc", "out")), ["fc", "out"]),
    "predicate": (lambda name: name.endswith("3") or name == "out", ["conv3", "out"]),
}


@pytest.mark.parametrize("case", CHOICES)
def test_choices(net, case):
    wanted, expected = CHOICES[case]
    probe = cs.Probe(net, layers=wanted)
    assert list(probe.layers.names) == expected
    assert list(probe.run(np.zeros((1, 100)))) == expected


UNKNOWN = {
    "typo": ("con4", "no layer matches 'con4'. Did you mean 'conv4'"),
    "case": ("Conv4", "no layer matches 'Conv4'. Did you mean 'conv4'"),
    "one of a list": (["fc", "conv9"], "no layer matches 'conv9'. Did you mean"),
    "nothing close": ("xyz", "no layer matches 'xyz'. Layers: fc, conv1, conv2, conv3, conv4, out"),
    "pattern": ("deconv*", r"no layer matches 'deconv\*'"),
    "empty name": ("", "no layer matches ''"),
    "empty list": ([], "no layers asked for; there are fc, conv1"),
    "predicate": (lambda name: False, "the layer predicate holds for none of fc, conv1"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_matches_nothing_is_never_an_empty_result(net, case):
    wanted, message = UNKNOWN[case]
    with pytest.raises(UnknownLayerError, match=message) as caught:
        cs.Probe(net, layers=wanted)
    assert isinstance(caught.value, KeyError)
    assert not str(caught.value).startswith(("'", '"'))


@pytest.mark.parametrize("wanted", [3, [3], [None]])
def test_what_is_not_a_name(net, wanted):
    with pytest.raises(TypeError):
        cs.Probe(net, layers=wanted)


def test_a_series_that_was_not_probed(net):
    series = cs.fast_probe(net, np.zeros((1, 100)), layers=["fc", "out"])
    with pytest.raises(KeyError, match="no series of layer 'conv4'; there are fc, out"):
        series["conv4"]
    with pytest.raises(KeyError, match="no series of layer 'conv4'"):
        series.info("conv4")


def test_the_layer_table():
    probe = cs.Probe(network_of("tf1-ciwgan", "q_network", dim=4))
    assert probe.layers.names == ("conv1", "conv2", "conv3", "conv4", "conv5", "logits")
    assert [(layer.channels, layer.length) for layer in probe.layers] == [
        (4, 4096), (8, 1024), (16, 256), (32, 64), (64, 16), (3, 0),
    ]  # fmt: skip
    assert [layer.rate_hz for layer in probe.layers[:5]] == [4000, 1000, 250, 62.5, 15.625]
    assert np.isnan(probe.layers[-1].rate_hz)
    printed = str(probe)
    assert "conv5" in printed
    assert "leaky_relu(0.2)" in printed
    assert probe.input_shape == (16384,)
