"""The PyTorch engine on networks that are no chain: each layer's activation is its own, or the warning says what it is."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import convscope as cs


class Net(nn.Module):
    """``forward(self, x)`` from a function, with the given submodules."""

    def __init__(self, function, **children):
        super().__init__()
        self.function = function
        for name, child in children.items():
            setattr(self, name, child)

    def forward(self, x):
        return self.function(self, x)


@pytest.fixture
def x():
    return torch.from_numpy(np.random.default_rng(0).standard_normal((3, 3, 40)).astype(np.float32))


@pytest.fixture
def a():
    return seeded(nn.Conv1d(3, 4, 3, padding=1), 1)


@pytest.fixture
def b():
    return seeded(nn.Conv1d(3, 4, 3, padding=1), 2)


def seeded(module, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(generator=generator)
    return module


def probe(net, x, at="post"):
    """The series and the one warning's text ("" when the network compiles)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        warnings.simplefilter("ignore", FutureWarning)
        series = cs.fast_probe(net.eval(), x, at=at)
    assert len(caught) <= 1
    return series, str(caught[0].message) if caught else ""


def assert_same(series, expected):
    np.testing.assert_allclose(series.numpy(), expected.detach().numpy(), atol=2e-6)


def in_parallel(net, x):
    left, right = net.a(x), net.b(x)
    return F.relu(left) + F.relu(right)


def in_parallel_in_place(net, x):
    left, right = net.a(x), net.b(x)
    return F.relu_(left) + F.relu_(right)


def added_in_place(net, x):
    h = net.a(x)
    h += net.b(x)
    return F.relu(h)


def gated(net, x):
    h = net.a(x)
    return torch.tanh(h[:, :2]) * torch.sigmoid(h[:, 2:])


@pytest.mark.parametrize("function", [in_parallel, in_parallel_in_place])
@pytest.mark.parametrize("at", ["pre", "post"])
def test_layers_side_by_side_keep_their_own_activations(function, at, a, b, x):
    series, _ = probe(Net(function, a=a, b=b), x, at)
    for name, layer in (("a", a), ("b", b)):
        value = layer(x)
        assert_same(series[name], (value.relu() if at == "post" else value).mean(1))


def test_a_sum_in_place_does_not_reach_back_into_the_layer(a, b, x):
    series, message = probe(Net(added_in_place, a=a, b=b), x)
    assert_same(series["a"], a(x).mean(1))
    assert "taken without an activation of their own" in message


def test_a_gate_is_no_activation_and_the_warning_says_so(a, x):
    series, message = probe(Net(gated, a=a), x)
    assert_same(series["a"], a(x).mean(1))
    assert "a (before getitem)" in message


@pytest.mark.parametrize(
    "shape",
    [
        lambda h: torch.tanh(h * 2),
        lambda h: torch.tanh(h) / 2,
        lambda h: 3 * torch.tanh(h),
        lambda h: torch.mul(torch.tanh(h), other=2.0),
        lambda h: h.clamp(min=0),
        lambda h: torch.sin(h),
        lambda h: F.relu(h.clone() + 0.1),
        lambda h: torch.tanh(F.relu(h)),
    ],
)
def test_factors_and_uncommon_activations(shape, a, x):
    series, _ = probe(Net(lambda net, x: shape(net.a(x)).cumsum(2), a=a), x)
    assert_same(series["a"], shape(a(x)).mean(1))


def test_channels_follow_a_transpose(a, x):
    norm = nn.LayerNorm(4)
    net = Net(lambda net, x: F.gelu(net.norm(net.a(x).transpose(1, 2))).transpose(1, 2), a=a, norm=norm)
    series, _ = probe(net, x)
    assert_same(series["a"], F.gelu(norm(a(x).transpose(1, 2))).mean(2))


def test_a_linear_layer_over_time_is_averaged_over_its_features(x):
    linear = seeded(nn.Linear(3, 5), 3)
    series, _ = probe(Net(lambda net, x: F.relu(net.l(x.transpose(1, 2))).cumsum(1), l=linear), x)
    assert_same(series["l"], linear(x.transpose(1, 2)).relu().mean(2))


def test_a_layer_used_twice_is_two_layers(x):
    conv = seeded(nn.Conv1d(3, 3, 3, padding=1), 4)
    series, _ = probe(Net(lambda net, x: net.a(net.a(x).relu()).relu(), a=conv), x)
    assert_same(series["a"], conv(x).relu().mean(1))
    assert_same(series["a#2"], conv(conv(x).relu()).relu().mean(1))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("norm", [nn.utils.weight_norm, nn.utils.spectral_norm])
def test_weights_that_a_hook_computes(norm, x):
    conv = norm(seeded(nn.Conv1d(3, 4, 3, padding=1), 5)).eval()
    series, message = probe(Net(lambda net, x: net.a(x).relu(), a=conv), x)
    assert_same(series["a"], conv(x).relu().mean(1))
    assert "in a hook" in message


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_hook_on_our_own_network_is_not_overlooked():
    net = cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=1)).eval()
    nn.utils.weight_norm(net.conv1)
    with torch.no_grad():
        net.conv1.weight_g.mul_(2)  # what the hook will use; `conv1.weight` is still the old product
    z = torch.zeros(2, 100) + 0.3
    series, message = probe(net, z)
    assert "WeightNorm" in message
    assert_same(series["out"], net(z)[:, 0])


def test_a_weight_without_a_name_still_makes_a_layer(a, x):
    series, _ = probe(Net(lambda net, x: F.conv1d(x, net.a.weight * 2, padding=1).relu(), a=a), x)
    assert_same(series["conv1d"], F.conv1d(x, a.weight * 2, padding=1).relu().mean(1))


def test_samples_that_influence_each_other_run_together():
    conv = seeded(nn.Conv1d(3, 4, 3, padding=1), 6)
    many = torch.from_numpy(np.random.default_rng(1).standard_normal((40, 3, 20)).astype(np.float32))
    series, _ = probe(Net(lambda net, x: net.a(x - x.mean(0)).relu(), a=conv), many)
    assert_same(series["a"], conv(many - many.mean(0)).relu().mean(1))


def test_a_dense_result_that_was_a_map_before_is_not_reordered(x):
    linear = seeded(nn.Linear(20, 40), 7)
    conv = seeded(nn.Conv1d(8, 3, 3, padding=1), 8)

    def forward(net, z):
        return net.c(net.l(z).view(-1, 5, 8).transpose(1, 2).flatten(1).view(-1, 8, 5)).relu()

    z = x[:, 0, :20]
    series, _ = probe(Net(forward, l=linear, c=conv), z)
    assert_same(series["c"], forward(Net(None, l=linear, c=conv), z).mean(1))


def test_dropout_that_is_never_off_is_not_dropped(a, x):
    with pytest.warns(UserWarning, match="dropout"):
        cs.Probe(Net(lambda net, x: F.relu(net.a(F.dropout(x))), a=a), input_shape=(3, 40))


@pytest.mark.parametrize(
    ("layers", "shape", "rates"),
    [
        ((nn.Conv1d(80, 4, 3, padding=1), nn.ConvTranspose1d(4, 1, 64, stride=64)), (80, 50), [250, 16000]),
        ((nn.ConvTranspose1d(100, 4, 16), nn.ConvTranspose1d(4, 1, 4, stride=4)), (100, 1), [4000, 16000]),
        ((nn.Conv1d(80, 4, 3), nn.Conv1d(4, 4, 3)), (80, 50), [np.nan, np.nan]),
        ((nn.Conv1d(1, 4, 4, stride=4), nn.Conv1d(4, 4, 4, stride=4)), (1, 2048), [4000, 1000]),
    ],
    ids=["vocoder", "generator without a dense layer", "features in, features out", "critic"],
)
def test_the_clock_belongs_to_the_sound(layers, shape, rates):
    probe = cs.Probe(nn.Sequential(*layers), input_shape=shape)
    np.testing.assert_allclose([layer.rate_hz for layer in probe.layers], rates)


def test_complex_weights_are_refused():
    with pytest.raises(TypeError, match="expected real weights, got complex ones"):
        cs.Probe(nn.Sequential(nn.Linear(3, 2, dtype=torch.complex64)))
