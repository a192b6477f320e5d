"""TensorFlow's update rules, step by step, by hand; and where torch's differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convscope.train import TensorFlowAdam, TensorFlowRMSProp

GRADIENTS = [0.5, -2.0, 1e-9, 0.0, 3.0]


def trajectory(make, gradients=GRADIENTS):
    weight = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimiser, seen = make([weight]), []
    for gradient in gradients:
        weight.grad = torch.tensor([gradient], dtype=torch.float64)
        optimiser.step()
        seen.append(weight.item())
    return np.array(seen)


def test_rmsprop_starts_its_mean_square_at_one_and_has_epsilon_inside_the_root():
    weight, square, expected = 1.0, 1.0, []
    for gradient in GRADIENTS:
        square = 0.9 * square + 0.1 * gradient**2
        weight -= 0.01 * gradient / (square + 1e-10) ** 0.5
        expected.append(weight)
    np.testing.assert_allclose(trajectory(lambda w: TensorFlowRMSProp(w, rate=0.01)), expected, rtol=1e-14)


def test_adam_has_epsilon_beside_the_uncorrected_root():
    weight, mean, square, expected = 1.0, 0.0, 0.0, []
    for t, gradient in enumerate(GRADIENTS, start=1):
        mean = 0.5 * mean + 0.5 * gradient
        square = 0.9 * square + 0.1 * gradient**2
        weight -= 0.01 * (1 - 0.9**t) ** 0.5 / (1 - 0.5**t) * mean / (square**0.5 + 1e-8)
        expected.append(weight)
    got = trajectory(lambda w: TensorFlowAdam(w, rate=0.01, beta1=0.5, beta2=0.9))
    np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_torchs_own_differ_as_documented():
    """So that nobody replaces these by them: the first steps show it."""
    ours = trajectory(lambda w: TensorFlowRMSProp(w, rate=0.01))
    theirs = trajectory(lambda w: torch.optim.RMSprop(w, lr=0.01, alpha=0.9, eps=1e-10))
    assert abs(1 - ours[0]) < abs(1 - theirs[0]) / 2, "a mean square of one makes the first step small"
    tiny = [1e-9] * 3
    ours = trajectory(lambda w: TensorFlowAdam(w, rate=0.01), tiny)
    theirs = trajectory(lambda w: torch.optim.Adam(w, lr=0.01), tiny)
    assert abs(1 - ours[0]) < abs(1 - theirs[0]) / 2, "epsilon weighs more"


@pytest.mark.parametrize("kind", [TensorFlowAdam, TensorFlowRMSProp])
def test_its_state_survives_saving(kind):
    def steps(state, gradients):
        weight = torch.nn.Parameter(torch.tensor([1.0]))
        optimiser = kind([weight], rate=0.1)
        if state is not None:
            weight.data, saved = state[0].clone(), state[1]
            optimiser.load_state_dict(saved)
        for gradient in gradients:
            weight.grad = torch.tensor([gradient])
            optimiser.step()
        return weight.detach().clone(), optimiser.state_dict()

    whole = steps(None, GRADIENTS)[0]
    assert torch.equal(steps(steps(None, GRADIENTS[:2]), GRADIENTS[2:])[0], whole)


def test_a_weight_without_a_gradient_stays():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    for optimiser in (TensorFlowAdam([weight], rate=1.0), TensorFlowRMSProp([weight], rate=1.0)):
        optimiser.step()
    assert weight.item() == 1.0
