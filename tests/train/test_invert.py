"""Inversion: latent vectors of sounds that the generator made itself are found again, and the reached errors are true."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convscope import latents, models
from convscope.train import invert


@pytest.fixture(scope="module")
def generator():
    net = models.build(
        models.preset(
            "tf1-ciwgan", role="generator", strides=(4, 4, 4), dim=8, latent_dim=6, num_categories=2
        ),
        seed=3,
    )
    with torch.no_grad():  # loud enough to differ by latent vector
        for parameter in net.parameters():
            parameter.mul_(2)
    return net.eval()


def made(generator, z):
    with torch.no_grad():
        return generator(torch.from_numpy(z))[:, 0].numpy()


def test_a_sound_of_its_own_is_found_again(generator):
    truth = latents.random(3, size=6, code=latents.OneHot(2), seed=9)[:]
    found = invert(generator, made(generator, truth), code=latents.OneHot(2), restarts=12, steps=300, seed=1)
    assert found.latents.shape == (3, 6)
    assert (found.spectral_error < 0.05).all()
    assert (found.waveform_error < 0.05).all()
    assert (found.spectral_error < 0.2 * found.random_error).all()
    np.testing.assert_allclose(found.latents, truth, atol=0.05)
    np.testing.assert_array_equal(found.sounds, made(generator, found.latents))
    own = np.linalg.norm(found.sounds - made(generator, truth), axis=1) / np.linalg.norm(
        made(generator, truth), axis=1
    )
    np.testing.assert_allclose(found.waveform_error, own, rtol=1e-4)


def test_a_given_code_stays_and_bounds_hold(generator):
    target = made(generator, latents.random(1, size=6, code=[1.0, 0.0], seed=2)[:])
    found = invert(generator, target, code=[0.0, 1.0], restarts=2, steps=20, rate=1.0, bound=0.5)
    assert found.latents[0, :2].tolist() == [0.0, 1.0]
    assert np.abs(found.latents[:, 2:]).max() <= 0.5
    moved = invert(generator, target, code=latents.OneHot(2), restarts=2, steps=20, rate=1.0)
    assert moved.latents[:, :2].min() >= 0


def test_the_generator_is_left_as_it_was_and_the_same_seed_finds_the_same(generator):
    generator.train()
    target = made(generator, latents.random(1, size=6, seed=2)[:])
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    random_state = torch.get_rng_state()
    found = invert(generator, target[0], restarts=2, steps=5)
    again = invert(generator, target, restarts=2, steps=5)
    assert generator.training
    assert all(parameter.grad is None for parameter in generator.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in generator.state_dict().items())
    assert torch.equal(random_state, torch.get_rng_state())
    np.testing.assert_array_equal(found.latents, again.latents)


def test_what_cannot_be_inverted_is_named(generator):
    length = generator.spec.slice_len
    with pytest.raises(ValueError, match=rf"sounds: expected \(B, {length}\), got \(3, 5\)"):
        invert(generator, np.ones((3, 5)))
    with pytest.raises(ValueError, match="no silent sound"):
        invert(generator, np.zeros((1, length)))
    with pytest.raises(ValueError, match="restarts: expected at least 1"):
        invert(generator, np.ones((1, length)), restarts=0)
    critic = models.build(models.preset("tf1-ciwgan", role="discriminator", strides=(4, 4), dim=2))
    with pytest.raises(ValueError, match="generator: expected one, got a discriminator"):
        invert(critic, np.ones((1, 256)))
