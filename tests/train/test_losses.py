"""Losses by hand on a few scores, and each kind's run."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.train.runs import changed, noise_slices, small_config

from convscope.train import (
    Config,
    Feed,
    Loss,
    critic_loss,
    critic_step,
    generator_loss,
    generator_step,
    new_state,
    q_loss,
)

REAL, FAKE = torch.tensor([1.0, 3.0]), torch.tensor([-1.0, 0.0])


def softplus(x):
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("kind", "of_critic", "of_generator"),
    [
        ("wgan", -0.5 - 2, 0.5),
        ("wgan-gp", -0.5 - 2, 0.5),
        ("lsgan", ((0 + 4) / 2 + (1 + 0) / 2) / 2, (4 + 1) / 2),
        (
            "dcgan",
            ((softplus(-1) + softplus(-3)) / 2 + (softplus(-1) + softplus(0)) / 2) / 2,
            (softplus(1) + softplus(0)) / 2,
        ),
    ],
)
def test_adversarial_losses(kind, of_critic, of_generator):
    assert float(critic_loss(kind, REAL, FAKE)) == pytest.approx(of_critic, rel=1e-6)
    assert float(generator_loss(kind, FAKE)) == pytest.approx(of_generator, rel=1e-6)


def test_q_losses():
    logits, code = torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    assert float(q_loss("one_hot", logits, code)) == pytest.approx(softplus(-2), rel=1e-6)
    assert float(q_loss("binary", logits, code)) == pytest.approx((softplus(-2) + softplus(0)) / 2, rel=1e-6)


def weights(state, role):
    return [parameter.detach().clone() for parameter in state.networks[role].parameters()]


def moved(state, role, before):
    return max(
        float((a - b).detach().abs().max())
        for a, b in zip(state.networks[role].parameters(), before, strict=True)
    )


@pytest.mark.parametrize("kind", ["wgan-gp", "wgan", "lsgan", "dcgan"])
@pytest.mark.parametrize("code", ["none", "one_hot"])
def test_an_update_changes_its_networks_and_no_others(tmp_path, kind, code):
    base = small_config(code)
    config = Config(
        name="x", network=base.network, code=base.code, loss=Loss(kind=kind, clip=0.02), run=base.run
    )
    state = new_state(config)
    inputs = Feed(state, noise_slices(tmp_path)).step(0)
    before = {role: weights(state, role) for role in config.roles}
    report = critic_step(state, inputs.critic[0])
    assert moved(state, "discriminator", before["discriminator"]) > 0
    assert all(moved(state, role, before[role]) == 0 for role in config.roles if role != "discriminator")
    assert ("penalty" in report) == (kind == "wgan-gp")
    if kind == "wgan":
        assert max(float(p.detach().abs().max()) for p in state.critic.parameters()) <= 0.02
    before = {role: weights(state, role) for role in config.roles}
    report = generator_step(state, inputs.generator)
    assert moved(state, "discriminator", before["discriminator"]) == 0
    assert all(moved(state, role, before[role]) > 0 for role in config.roles if role != "discriminator")
    assert ("q_loss" in report) == (code != "none")
    for network in state.networks.values():
        assert all(p.requires_grad for p in network.parameters())


def test_the_losses_have_the_originals_optimisers():
    kinds = {kind: Config(loss=Loss(kind=kind)).critic for kind in ("wgan-gp", "wgan", "lsgan", "dcgan")}
    assert [(o.kind, o.rate) for o in kinds.values()] == [
        ("tf-adam", 1e-4),
        ("tf-rmsprop", 5e-5),
        ("tf-rmsprop", 1e-4),
        ("tf-adam", 2e-4),
    ]


@pytest.mark.parametrize("update", ["together", "after", "in_adam", "twice"])
def test_how_q_reaches_the_generator(tmp_path, update):
    """With a Q that learns nothing of weight zero, and one that does: which optimiser the difference went through."""
    config = changed(small_config(), "loss", q_update=update)
    state = new_state(config)
    inputs = Feed(state, noise_slices(tmp_path)).step(0)
    generator_step(state, inputs.generator)
    in_q = {id(p) for group in state.optimisers["q"].param_groups for p in group["params"]}
    of_generator = {id(p) for p in state.generator.parameters()}
    assert of_generator.isdisjoint(in_q) == (update == "in_adam")
    silent = new_state(changed(config, "loss", q_weight=0.0))
    generator_step(silent, inputs.generator)
    adam = {
        name: opt.state_dict()["state"]
        for name, opt in (
            ("heard", state.optimisers["generator"]),
            ("silent", silent.optimisers["generator"]),
        )
    }
    same = all(torch.equal(adam["heard"][i]["mean"], adam["silent"][i]["mean"]) for i in adam["heard"])
    assert same == (update in ("together", "after")), (
        "the generator's Adam sees Q's gradient only where it is in the sum"
    )


def test_mixed_precision_is_near_full_precision(tmp_path):
    reports = []
    for precision in (False, True):
        state = new_state(small_config())
        inputs = Feed(state, noise_slices(tmp_path)).step(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision):
            report = critic_step(state, inputs.critic[0]) | generator_step(state, inputs.generator)
        reports.append({name: float(value) for name, value in report.items()})
        assert all(p.dtype == torch.float32 for p in state.generator.parameters())
    full, half = reports
    for name, value in full.items():
        if name != "q_accuracy":
            assert half[name] == pytest.approx(value, rel=0.05, abs=0.02), name
    assert full != half
    assert np.isfinite(list(half.values())).all()
