"""The losses of a run beside those of an independent plain PyTorch loop, from the same weights and draws."""

from __future__ import annotations

import pytest
import torch
from tests.train import plain_loop
from tests.train.runs import noise_slices, small_config

from convscope.train import Feed, critic_step, generator_step, new_state

STEPS = 20


def columns(shifts):
    """One shift for each layer: the batch's."""
    assert (shifts == shifts[:, :1]).all()
    return shifts[:, 0].tolist()


def plain_inputs(inputs, dtype):
    critic = [
        (
            update.sounds.to(dtype),
            update.latents.to(dtype),
            update.mix.to(dtype),
            columns(update.real_shifts),
            columns(update.generated_shifts),
            columns(update.mixed_shifts),
        )
        for update in inputs.critic
    ]
    last = inputs.generator
    return critic, (last.latents.to(dtype), columns(last.shifts), columns(last.q_shifts))


def our_losses(state, steps):
    log = []
    for inputs in steps:
        report = {}
        for update in inputs.critic:
            report = critic_step(state, update)
        log.append(
            {name: float(value) for name, value in (report | generator_step(state, inputs.generator)).items()}
        )
    return log


@pytest.mark.parametrize("kind", ["one_hot", "binary"])
def test_twenty_steps_have_the_losses_of_a_plain_loop(tmp_path, kind):
    config = small_config(code=kind)
    state = new_state(config)
    feed = Feed(state, noise_slices(tmp_path))
    weights = [
        {name: values.detach().clone() for name, values in state.networks[role].named_parameters()}
        for role in ("generator", "discriminator", "q_network")
    ]
    steps = [feed.step(step) for step in range(STEPS)]
    expected = plain_loop.loop(
        *weights,
        (plain_inputs(inputs, torch.float32) for inputs in steps),
        strides=config.network.strides,
        code=config.code.size,
        code_kind=kind,
    )
    got = our_losses(state, steps)
    assert len({round(losses["critic_loss"], 6) for losses in expected}) == STEPS, "every step has its own"
    for step, (ours, plain) in enumerate(zip(got, expected, strict=True)):
        for name, value in plain.items():
            assert ours[name] == pytest.approx(value, rel=1e-5, abs=1e-5), f"step {step}: {name}"
