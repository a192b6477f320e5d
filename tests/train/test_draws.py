"""Draws: functions of seed, purpose and number; every sound once an epoch; distributions as published."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convscope import latents
from convscope.models import PhaseShuffle
from convscope.train import Draws, Purpose

DRAWS = Draws(seed=7, batch_size=8, sounds=20, latent_dim=10, code=latents.OneHot(3))
SHUFFLES = (PhaseShuffle(2), PhaseShuffle(2, "sample"))


def everything(draws, number):
    return [
        draws.rows(number),
        draws.starts(number),
        draws.latents(Purpose.CRITIC, number),
        draws.mix(number),
        draws.shifts(Purpose.REAL_SHIFTS, number, SHUFFLES),
    ]


def test_a_draw_needs_no_draw_before_it():
    first = [np.asarray(values) for values in everything(DRAWS, 1_000_003)]
    for number in range(5):
        everything(DRAWS, number)
    again = Draws(seed=7, batch_size=8, sounds=20, latent_dim=10, code=latents.OneHot(3))
    for one, other in zip(first, everything(again, 1_000_003), strict=True):
        np.testing.assert_array_equal(one, np.asarray(other))


def test_every_sound_comes_once_an_epoch_in_an_order_of_its_own():
    rows = np.concatenate([DRAWS.rows(number) for number in range(10)])  # four epochs of twenty
    epochs = rows.reshape(4, 20)
    for epoch in epochs:
        assert sorted(epoch) == list(range(20))
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 4


def test_purposes_numbers_and_seeds_have_draws_of_their_own():
    made = [
        DRAWS.latents(purpose, number)[:, 3:].numpy().tobytes()
        for purpose in (Purpose.CRITIC, Purpose.GENERATOR, Purpose.Q_NETWORK)
        for number in range(3)
    ]
    other = Draws(seed=8, batch_size=8, sounds=20, latent_dim=10, code=latents.OneHot(3))
    made.append(other.latents(Purpose.CRITIC, 0)[:, 3:].numpy().tobytes())
    assert len(set(made)) == 10


def test_mixes_and_latents_are_uniform_and_codes_equally_likely():
    draws = Draws(seed=1, batch_size=20000, sounds=10, latent_dim=5, code=latents.OneHot(3))
    mix = draws.mix(0)
    assert mix.shape == (20000, 1, 1)
    assert (float(mix.min()), float(mix.max())) == pytest.approx((0, 1), abs=1e-3)
    assert float(mix.mean()) == pytest.approx(0.5, abs=0.01)
    z = draws.latents(Purpose.CRITIC, 0)
    assert torch.equal(z[:, :3].sum(dim=1), torch.ones(20000))
    np.testing.assert_allclose(z[:, :3].mean(dim=0), 1 / 3, atol=0.015)
    assert float(z[:, 3:].mean()) == pytest.approx(0, abs=0.02)
    assert float(z[:, 3:].std()) == pytest.approx(3**-0.5, abs=0.01)


def test_shifts_are_the_batchs_or_the_samples_own():
    shifts = DRAWS.shifts(Purpose.REAL_SHIFTS, 5, SHUFFLES)
    assert shifts.shape == (2, 8)
    assert len(set(shifts[0].tolist())) == 1
    assert len(set(shifts[1].tolist())) > 1
    seen = {int(DRAWS.shifts(Purpose.REAL_SHIFTS, number, SHUFFLES)[0, 0]) for number in range(100)}
    assert seen == {-2, -1, 0, 1, 2}
