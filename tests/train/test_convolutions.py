"""Convolutions as matrix products, and gradients to be differentiated again, beside PyTorch's own."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from tests.train.runs import changed, small_config
from torch.autograd.profiler import profile

from convscope import models
from convscope.train import CriticInputs, critic_step, gradient_penalty, new_state
from convscope.train._convolutions import products_where_faster
from convscope.train._twice import differentiated_twice, is_linear_in_pieces

# B, channels on the sound's side, its positions, channels on the other, taps, stride, padding
SHAPES = [
    (3, 5, 64, 7, 25, 4, 0),
    (3, 1, 64, 7, 25, 4, 0),
    (2, 4, 50, 6, 9, 2, 3),
    (2, 4, 37, 6, 5, 3, 1),
    (2, 1, 37, 6, 5, 3, 2),
    (1, 3, 9, 2, 9, 4, 0),
    (2, 1, 2000, 3, 25, 4, 11),
]


def both(run):
    plain = run()
    with profile() as seen, products_where_faster():
        ours = run()
    names = {event.key for event in seen.key_averages()}
    assert not {"aten::convolution", "aten::convolution_backward"} & names, (
        "nothing left to PyTorch's convolution"
    )
    return plain, ours


def close(plain, ours):
    for expected, got in zip(plain, ours, strict=True):
        assert got.shape == expected.shape
        assert (got - expected).abs().max() <= 3e-6 * expected.abs().max()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_convolution_and_its_gradients(shape):
    count, channels, length, others, taps, stride, padding = shape
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, channels, length, generator=generator, requires_grad=True)
    weight = torch.randn(others, channels, taps, generator=generator, requires_grad=True)
    bias = torch.randn(others, generator=generator, requires_grad=True)

    def run():
        y = F.conv1d(x, weight, bias, stride, padding, 1)
        slope = torch.linspace(0.5, 2, y.numel()).view_as(y)
        return y, *torch.autograd.grad((y * slope).sum(), (x, weight, bias))

    close(*both(run))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("added", [0, 1])
def test_a_transposed_convolution_and_its_gradients(shape, added):
    count, channels, _, others, taps, stride, padding = shape
    added = min(added, padding)
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(count, others, 12, generator=generator, requires_grad=True)
    weight = torch.randn(others, channels, taps, generator=generator, requires_grad=True)

    def run():
        x = F.conv_transpose1d(y, weight, None, stride, padding, added)
        slope = torch.linspace(0.5, 2, x.numel()).view_as(x)
        return x, *torch.autograd.grad((x * slope).sum(), (y, weight))

    close(*both(run))


def test_other_layers_are_left_to_pytorch():
    x, weight = torch.randn(2, 4, 400), torch.randn(6, 4, 9)
    with profile() as seen, products_where_faster():
        F.conv1d(x, weight, None, 4)
        F.conv1d(x[..., :40].double(), weight.double(), None, 4)
        F.conv1d(x[..., :40], weight, None, 1, 0, 2)
    assert next(event.count for event in seen.key_averages() if event.key == "aten::convolution") == 3


def penalty_of(net, x, shifts, context):
    net.zero_grad()
    if context is None:
        penalty = gradient_penalty(lambda mixed: net(mixed, shifts)[:, 0], x)
    else:
        with context():
            penalty = gradient_penalty(lambda mixed: net(mixed, shifts)[:, 0], x)
    penalty.backward()
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in net.parameters()]
    return [penalty.detach(), *(gradient.clone() for gradient in gradients)]


@pytest.mark.parametrize("slope", ["tf1-ciwgan", "articulationgan"])  # LeakyReLU and ReLU
def test_a_gradient_penalty_is_pytorchs_with_fewer_convolutions(slope):
    spec = models.preset(slope, role="discriminator", dim=2)
    net = models.build(spec, seed=1)
    x = torch.randn(3, 1, 16384, generator=torch.Generator().manual_seed(0))
    shifts = torch.zeros(len(net.shuffles), 3, dtype=torch.int64)
    with profile() as plainly:
        expected = penalty_of(net, x, shifts, None)
    with profile() as twice:
        got = penalty_of(net, x, shifts, differentiated_twice)
    for one, other in zip(expected, got, strict=True):
        assert (one - other).abs().max() <= 1e-5 * max(one.abs().max(), 1e-6)
    assert float(got[0]) > 0.01

    def passes(seen):
        names = ("aten::convolution", "aten::convolution_backward", "aten::mm", "aten::bmm")
        return sum(event.count for event in seen.key_averages() if event.key in names)

    assert passes(twice) < passes(plainly)
    count = {event.key: event.count for event in twice.key_averages()}
    assert count["aten::convolution_backward"] <= 5, "one for each layer, none for zeros"


def test_only_networks_without_curves_are_taken_for_linear_in_pieces():
    def is_linear(name, **options):
        return is_linear_in_pieces(models.preset(name, role="discriminator", dim=1, **options))

    assert is_linear("tf1-ciwgan")
    assert not is_linear("tf1-ciwgan", batch_norm=True)
    assert not is_linear("torch-jtcramer"), "its scores go through a sigmoid"


@pytest.mark.parametrize(
    "options", [{}, {"batch_norm": True}, {"dialect": "torch-jtcramer", "strides": (), "slice_len": 16384}]
)
def test_the_critics_gradients_are_pytorchs_for_every_kind_of_critic(tmp_path, options):
    config = changed(small_config(), "network", **options)
    state = new_state(config)
    length = config.spec("generator").slice_len
    shifts = torch.zeros(len(state.critic.shuffles), 4, dtype=torch.int64)
    generator = torch.Generator().manual_seed(0)
    sounds = torch.rand(4, 1, length, generator=generator) * 2 - 1
    z = torch.rand(4, 10, generator=generator)
    mix = torch.rand(4, 1, 1, generator=generator)
    inputs = CriticInputs(sounds, z, mix, shifts, shifts, shifts)
    net = copy.deepcopy(state.critic)
    with torch.no_grad():
        generated = state.generator(z)
    mixed = sounds + mix * (generated - sounds)
    loss = net(generated, shifts).mean() - net(sounds, shifts).mean()
    loss = loss + 10 * gradient_penalty(lambda x: net(x, shifts)[:, 0], mixed)
    loss.backward()
    report = critic_step(state, inputs)
    assert float(report["critic_loss"]) == pytest.approx(loss.item(), rel=1e-5)
    for (name, ours), plain in zip(state.critic.named_parameters(), net.parameters(), strict=True):
        # Of the output's bias, and of those before a norm, both are rounding: these make no difference to the loss.
        limit = 1e-4 * float(plain.grad.abs().max()) + 1e-5
        assert float((ours.grad - plain.grad).abs().max()) <= limit, name
