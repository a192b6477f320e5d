"""Derivatives of layer series: worked out by hand, two ways that agree, and a module that is as it was."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from tests.models.catalogue import network_of
from tests.probe.helpers import fill, in_double
from tests.probe.test_module_untouched import prepare, snapshot
from torch import nn

import convscope as cs
from convscope.probe import latent_gradients


def smooth() -> nn.Module:
    """Tanh throughout: no kinks."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Linear(6, 24), nn.Unflatten(1, (4, 6)), nn.Tanh(),
        nn.ConvTranspose1d(4, 3, 5, 2, padding=2), nn.BatchNorm1d(3), nn.Tanh(), nn.Conv1d(3, 2, 3), nn.Sigmoid(),
    ).eval()  # fmt: skip


def generator() -> nn.Module:
    return fill(network_of("tf1-ciwgan", "generator", dim=2), "he")


def points(count: int = 3, size: int = 6) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (count, size))


def test_a_linear_network_has_its_weights_as_derivative():
    net = nn.Sequential(nn.Linear(3, 8), nn.Unflatten(1, (2, 4)), nn.Conv1d(2, 5, 1))
    weight, kernel = net[0].weight.detach().double().numpy(), net[2].weight.detach().double().numpy()[:, :, 0]
    dense = weight.reshape(2, 4, 3)  # (C, L, V)
    expected = {"0": dense.mean(0).T, "2": np.einsum("kc,clv->kvl", kernel, dense).mean(0)}
    for method, tolerance in (("autograd", 1e-12), ("difference", 1e-5)):
        found = latent_gradients(net, points(2, 3), method=method)
        for layer, values in expected.items():
            assert found[layer].shape == (2, 3, 4)
            np.testing.assert_allclose(found[layer], np.stack([values] * 2), rtol=0, atol=tolerance)


def test_a_tanh_unit_by_hand():
    net = nn.Sequential(nn.Linear(2, 3), nn.Unflatten(1, (1, 3)), nn.Tanh())
    z = points(4, 2)
    weight, bias = net[0].weight.detach().double().numpy(), net[0].bias.detach().double().numpy()
    slope = 1 - np.tanh(z @ weight.T + bias) ** 2  # (B, L)
    found = latent_gradients(net, z)["0"]
    np.testing.assert_allclose(found, slope[:, None] * weight.T, rtol=1e-12)
    before = latent_gradients(net, z, at="pre")["0"]
    np.testing.assert_allclose(before, np.broadcast_to(weight.T, before.shape), rtol=1e-12)


def test_forward_mode_is_backward_mode():
    net, z = smooth(), points()
    found = latent_gradients(net, z)
    double = in_double(net)

    def series(one: torch.Tensor) -> torch.Tensor:
        return double(one[None]).mean(1)[0]

    for b, row in enumerate(torch.from_numpy(z)):
        jacobian = torch.autograd.functional.jacobian(series, row)  # (L, V)
        np.testing.assert_allclose(found["6"][b], jacobian.numpy().T, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("reduce", ["mean", "rms", [[1.0, -1.0], [0.5, 2.0]]])
def test_both_ways_agree_on_smooth_networks(reduce):
    layers = "6" if isinstance(reduce, list) else None
    exact = latent_gradients(smooth(), points(), reduce=reduce, layers=layers)
    estimated = latent_gradients(smooth(), points(), reduce=reduce, layers=layers, method="difference")
    assert exact.keys() == estimated.keys()
    for layer, values in exact.items():
        assert np.abs(estimated[layer] - values).max() < 1e-3 * np.abs(values).max()


def test_differences_fall_with_the_square_of_the_step():
    errors = []
    exact = latent_gradients(smooth(), points(), layers="6")["6"]
    for step in (0.4, 0.2):
        found = latent_gradients(smooth(), points(), layers="6", method="difference", step=step)["6"]
        errors.append(np.linalg.norm(found - exact))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2)


def test_generators_with_kinks_agree_better_with_smaller_steps():
    net, z = generator(), points(2, 100)
    exact = latent_gradients(net, z, variables=[5, "z11"])
    distances = []
    for step in (0.1, 0.002):
        found = latent_gradients(net, z, variables=[5, 11], method="difference", step=step)
        distances.append(np.linalg.norm(found["conv4"] - exact["conv4"]) / np.linalg.norm(exact["conv4"]))
    assert distances[1] < 0.3 * distances[0]
    assert distances[1] < 0.05
    assert exact.variables == ("z5", "z11")
    assert exact["out"].shape == (2, 2, 16384)


def test_a_relu_at_its_kink():
    """Forward mode takes the side of zero, the difference both."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Unflatten(1, (1, 1)), nn.ReLU())
    nn.init.ones_(net[0].weight)
    assert latent_gradients(net, np.zeros((1, 1)))["0"].item() == 0
    assert latent_gradients(net, np.zeros((1, 1)), method="difference")["0"].item() == pytest.approx(0.5)


def test_layers_without_a_time_axis_give_their_values():
    net = nn.Sequential(nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, 3))
    exact, estimated = (
        latent_gradients(net, points(2, 4), method=method) for method in ("autograd", "difference")
    )
    assert exact["2"].shape == (2, 4, 3)
    np.testing.assert_allclose(estimated["2"], exact["2"], atol=1e-4)


def test_more_samples_than_a_chunk():
    z = points(35)
    whole = latent_gradients(smooth(), z)["6"]
    np.testing.assert_allclose(whole[20:], latent_gradients(smooth(), z[20:])["6"], rtol=1e-12)


def test_labelled():
    data = latent_gradients(
        generator(), points(2, 100), layers=["conv1", "conv2"], variables=["z3"]
    ).to_xarray()
    assert data["conv1"].dims == ("sample", "variable", "time_conv1")
    assert data["variable"].values.tolist() == ["z3"]
    assert data.attrs["method"] == "autograd"
    assert data["time_conv2"].values[1] > data["time_conv2"].values[0]


def by_autograd(net, x):
    latent_gradients(net, x, variables=[0, 1])


def by_difference(net, x):
    latent_gradients(net, x, variables=[0, 1], method="difference")


def with_an_unknown_layer(net, x):
    with pytest.raises(KeyError):
        latent_gradients(net, x, layers="nowhere")


@pytest.mark.parametrize("use", [by_autograd, by_difference, with_an_unknown_layer])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_module_is_as_it_was(use, batch_norm):
    torch.manual_seed(11)
    net = network_of("torch-atzhou8-2022", "generator", dim=2, batch_norm=batch_norm).train()
    x = points(2, 100).astype(np.float32)
    prepare(net, x)
    before = snapshot(net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        use(net, x)
    after = snapshot(net)
    for part, value in before.items():
        assert after[part] == value, part


@pytest.mark.parametrize(
    ("net", "z", "settings", "message"),
    [
        (smooth, points(), {"method": "guess"}, "method: expected 'autograd' or 'difference', got 'guess'"),
        (smooth, points(), {"step": 0.0}, "step: expected a positive number"),
        (
            smooth,
            points(),
            {"step": 1e-12, "method": "difference"},
            "step: expected one that float32 can add",
        ),
        (smooth, points(), {"variables": ["z6"]}, "variable: expected z0 to z5, got 'z6'"),
        (smooth, points(), {"variables": []}, "variables: expected at least one"),
        (smooth, points()[0], {}, r"z: expected latent vectors \(B, variables\), got \(6,\)"),
        (smooth, np.full((1, 6), np.nan), {}, "finite"),
        (smooth, np.full((1, 6), np.nan), {"method": "difference"}, "finite"),
    ],
)
def test_bad_input_is_refused(net, z, settings, message):
    with pytest.raises(ValueError, match=message):
        latent_gradients(net(), z, **settings)


@pytest.mark.parametrize("method", ["autograd", "difference"])
def test_samples_that_influence_each_other_are_refused(method):
    net = nn.Sequential(
        nn.Linear(6, 8), nn.Unflatten(1, (2, 4)), nn.BatchNorm1d(2, track_running_stats=False), nn.Tanh()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="net: expected samples that do not influence each other"):
            latent_gradients(net, points(), method=method)


def test_the_public_name():
    assert cs.probe.latent_gradients is latent_gradients


def test_one_variable_may_be_a_number():
    net = smooth()
    alone = latent_gradients(net, points(), layers="3", variables=3)
    assert alone.variables == ("z3",)
    assert (alone["3"] == latent_gradients(net, points(), layers="3", variables=["z3"])["3"]).all()


def test_a_design_is_read_as_its_vectors():
    drawn = cs.latents.random(4, size=6, seed=0)
    found = latent_gradients(smooth(), drawn, layers="3", variables=1)
    assert (found["3"] == latent_gradients(smooth(), drawn[:], layers="3", variables=1)["3"]).all()
