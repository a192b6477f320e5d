"""A probed module is as it was: weights, flags, gradients, hooks, attributes; and so is every random state."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
import torch
from tests.models.catalogue import network_of
from tests.probe.helpers import inputs_for
from torch import nn

import convscope as cs


def ours() -> tuple[nn.Module, np.ndarray]:
    net = network_of("tf1-ciwgan", "q_network", dim=2).train()
    return net, inputs_for(net, 3)


def normed() -> tuple[nn.Module, np.ndarray]:
    net = network_of("torch-atzhou8-2022", "generator", dim=2, batch_norm=True).train()
    return net, inputs_for(net, 3)


def batch_statistics() -> tuple[nn.Module, np.ndarray]:
    net = network_of("tf1-ciwgan", "discriminator", dim=2, batch_norm=True).train()
    return net, inputs_for(net, 3)


def foreign() -> tuple[nn.Module, np.ndarray]:
    net = nn.Sequential(nn.Conv1d(2, 3, 5), nn.BatchNorm1d(3), nn.ReLU(), nn.Dropout(0.5), nn.Conv1d(3, 1, 3))
    return net, np.random.default_rng(0).standard_normal((3, 2, 40)).astype(np.float32)


def fallback() -> tuple[nn.Module, np.ndarray]:
    net = nn.Sequential(
        nn.Conv1d(2, 3, 5), nn.BatchNorm1d(3), nn.ELU(inplace=True), nn.Dropout(0.5), nn.Conv1d(3, 1, 3)
    )
    return net, np.random.default_rng(0).standard_normal((3, 2, 40)).astype(np.float32)


NETWORKS = (ours, normed, batch_statistics, foreign, fallback)


def prepare(net: nn.Module, x: np.ndarray) -> None:
    """Mixed flags, a frozen parameter, gradients and a hook, so that there is something to lose."""
    modules = list(net.modules())
    modules[1].train(not modules[1].training)
    parameters = list(net.parameters())
    parameters[0].requires_grad_(False)
    for parameter in parameters[1:]:
        parameter.grad = torch.full_like(parameter, 0.5)


def snapshot(net: nn.Module) -> dict:
    modules = dict(net.named_modules())
    return {
        "state": {
            key: (tensor.data_ptr(), tensor.numpy().tobytes()) for key, tensor in net.state_dict().items()
        },
        "training": {name: module.training for name, module in modules.items()},
        "gradients": {
            key: (p.requires_grad, None if p.grad is None else p.grad.numpy().tobytes())
            for key, p in net.named_parameters()
        },
        "identities": {name: id(module) for name, module in modules.items()},
        "hooks": {
            name: [
                (key, list(value)) for key, value in sorted(vars(module).items()) if key.endswith("_hooks")
            ]
            for name, module in modules.items()
        },
        "attributes": {name: sorted(vars(module)) for name, module in modules.items()},
        "class": {
            name: (type(module), type(module).__call__, type(module).__getattr__)
            for name, module in modules.items()
        },
        "random": (
            torch.get_rng_state().numpy().tobytes(),
            np.random.get_state()[1].tobytes(),  # noqa: NPY002 - the legacy global state is what must not move
            random.getstate(),
        ),
        "settings": (
            torch.is_grad_enabled(),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.is_inference_mode_enabled(),
        ),
    }


def run(net, x):
    cs.fast_probe(net, x)


def run_with_nan(net, x):
    spoilt = x.copy()
    spoilt.flat[3] = np.nan
    with pytest.raises(ValueError, match="nan"):
        cs.fast_probe(net, spoilt)


def run_with_unknown_layer(net, x):
    with pytest.raises(KeyError):
        cs.fast_probe(net, x, layers="nowhere")


def run_interrupted(net, x):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cs.fast_probe(net, x, chunk=1, progress=stop)


def run_with_wrong_shape(net, x):
    with pytest.raises((ValueError, RuntimeError)):
        cs.fast_probe(net, x[..., :-1, None])


def verify(net, x):
    cs.verify(net, x)


def probe_before_activation(net, x):
    probe = cs.Probe(net, at="pre", reduce="rms", input_shape=x.shape[1:])
    probe.run(x)
    probe.run(torch.from_numpy(x))


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize(
    "use",
    [
        run,
        run_with_nan,
        run_with_unknown_layer,
        run_interrupted,
        run_with_wrong_shape,
        verify,
        probe_before_activation,
    ],
)
def test_the_module_is_as_it_was(make, use):
    torch.manual_seed(11)
    net, x = make()
    prepare(net, x)
    before = snapshot(net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which networks warn is the subject of test_foreign_modules
        use(net, x)
    after = snapshot(net)
    for part, value in before.items():
        assert after[part] == value, part


@pytest.mark.parametrize("make", NETWORKS)
def test_hooks_of_the_user_are_not_called(make):
    net, x = make()
    calls = []
    for module in net.modules():
        module.register_forward_hook(lambda *_: calls.append("forward"))
        module.register_forward_pre_hook(lambda *_: calls.append("before"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cs.fast_probe(net, x)
    assert calls == []


@pytest.mark.parametrize("make", NETWORKS)
def test_the_network_trains_on_afterwards(make):
    net, x = make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cs.fast_probe(net, x)
    net.train()
    net(torch.from_numpy(x)).square().mean().backward()
    assert all(
        parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in net.parameters()
    )


def test_a_probe_does_not_see_later_weights_and_fast_probe_does():
    net, x = ours()
    probe = cs.Probe(net)
    before = probe.run(x)["conv3"]
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1.5)
    np.testing.assert_array_equal(probe.run(x)["conv3"], before)
    assert np.abs(cs.fast_probe(net, x)["conv3"] - before).max() > 0
