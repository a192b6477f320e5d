"""One update of the critic, and one of generator and Q-network.

Each takes networks and optimisers (`State`) and everything that varies (inputs), updates the weights, and returns what a log wants to know as
tensors that nobody has waited for. Work that the published loops do for nothing is left out: the critic's update makes no gradient of the generator
and sends none through it, its real and generated sounds pass together, the penalty's second derivative meets only weights, the generator's
update makes no gradient of the critic's weights.

Letters: B samples, L samples of a slice, Z latent variables, S shuffled layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..models import SpeechNetwork
from ._convolutions import products_where_faster
from ._losses import critic_loss, generator_loss, gradient_penalty, q_hits, q_loss
from ._parallel import average_gradients
from ._state import State
from ._twice import differentiated_twice, is_linear_in_pieces

Report = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class CriticInputs:
    """For one update of the critic; shifts stay on the host."""

    sounds: Tensor  # (B, C, L), real
    latents: Tensor  # (B, Z)
    mix: Tensor  # (B, 1, 1), the part of the generated sound in the mixed one
    real_shifts: Tensor  # (S, B)
    generated_shifts: Tensor
    mixed_shifts: Tensor


@dataclass(frozen=True, slots=True)
class GeneratorInputs:
    """For one update of generator and Q-network."""

    latents: Tensor  # (B, Z)
    q_latents: Tensor  # (B, Z), where Q's update has a batch of its own
    shifts: Tensor  # (S, B), the critic's
    q_shifts: Tensor  # (S, B)


@products_where_faster()
def critic_step(state: State, inputs: CriticInputs) -> Report:
    """Update the critic once.

    Minimises mean D(G(z)) − mean D(x) + λ mean (‖∇D(x̂)‖₂ − 1)² with x̂ between x and G(z) (wgan-gp), or the loss that the
    configuration names.
    """
    loss_of, critic = state.config.loss, state.critic
    with torch.no_grad():
        generated = _spoken(state, inputs.latents)  # (B, C, L)
    real_scores, generated_scores = _scores(critic, inputs, generated)
    loss = critic_loss(loss_of.kind, real_scores, generated_scores)
    report = {
        "critic_loss": loss.detach(),
        "wasserstein": (real_scores.mean() - generated_scores.mean()).detach(),
    }
    _set_gradients_to_none(critic)
    if loss_of.kind == "wgan-gp":
        with differentiated_twice() if is_linear_in_pieces(critic.spec) else nullcontext():
            penalty = gradient_penalty(
                lambda mixed: critic(mixed, inputs.mixed_shifts)[:, 0],
                torch.lerp(inputs.sounds, generated, inputs.mix),
            )
        loss = loss + loss_of.penalty * penalty
        report |= {"critic_loss": loss.detach(), "penalty": penalty.detach()}
    loss.backward()
    average_gradients(critic.parameters())
    state.optimisers["critic"].step()
    if loss_of.kind == "wgan":
        with torch.no_grad():
            for parameter in critic.parameters():
                parameter.clamp_(-loss_of.clip, loss_of.clip)
    return report


@products_where_faster()
def generator_step(state: State, inputs: GeneratorInputs) -> Report:
    """Update the generator once and, with codes, Q-network and generator once more by how well the code is heard.

    The published programs differ in how Q's gradient reaches the generator (``loss.q_update``):

    ========  =============================================================================================================
    together  both gradients at the same weights and latents, then both optimisers (TensorFlow)
    after     the generator's update first, then Q's with latents of its own (torch-atzhou8-2025b, the papers' text)
    in_adam   the sum of both through the generator's optimiser; Q's updates only Q (torch-atzhou8 until July 2023)
    twice     the sum of both through both optimisers (torch-atzhou8 from July 2023 to 2025a)
    ========  =============================================================================================================
    """
    update, q = state.config.loss.q_update, state.q
    weights = list(state.generator.parameters())
    generated = _spoken(state, inputs.latents)  # (B, C, L)
    report, to_please = _critic_says(state, generated, inputs.shifts)
    if q is None or update == "after":
        _update(state, "generator", weights, torch.autograd.grad(generated, weights, to_please))
    if q is None:
        return report
    latents = inputs.latents
    if update == "after":
        latents = inputs.q_latents
        generated = _spoken(state, latents)
    heard, to_be_heard = _q_says(state, q, generated, latents[:, : state.config.code.size], inputs)
    if update == "after":
        _update(state, "q", weights, torch.autograd.grad(generated, weights, to_be_heard))
    elif update == "together":
        pleasing = torch.autograd.grad(generated, weights, to_please, retain_graph=True)
        clear = torch.autograd.grad(generated, weights, to_be_heard)
        _update(state, "generator", weights, pleasing)
        _update(state, "q", weights, clear)
    else:
        both = torch.autograd.grad(generated, weights, to_please + to_be_heard)
        _update(state, "generator", weights, both)
        _update(state, "q", weights, both)
    return report | heard


def _spoken(state: State, latents: Tensor) -> Tensor:
    """(B, C, L), in full precision also where the generator works in half."""
    sounds: Tensor = state.generator(latents)
    return sounds.to(latents.dtype)


def _scores(critic: SpeechNetwork, inputs: CriticInputs, generated: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) of real and of generated sounds, in one pass unless each pass has statistics of its own."""
    if any(layer.norm is not None for layer in critic.spec.layers):
        real = critic(inputs.sounds, inputs.real_shifts)
        return real[:, 0], critic(generated, inputs.generated_shifts)[:, 0]
    shifts = torch.cat([inputs.real_shifts, inputs.generated_shifts], dim=1)
    scores = critic(torch.cat([inputs.sounds, generated]), shifts)[:, 0]
    count = len(inputs.sounds)
    return scores[:count], scores[count:]


def _critic_says(state: State, generated: Tensor, shifts: Tensor) -> tuple[Report, Tensor]:
    """The generator's loss, and its gradient (B, C, L) with respect to the sounds alone."""
    sounds = generated.detach().requires_grad_()
    loss = generator_loss(state.config.loss.kind, state.critic(sounds, shifts)[:, 0])
    (gradient,) = torch.autograd.grad(loss, sounds)
    return {"generator_loss": loss.detach()}, gradient


def _q_says(
    state: State, q: SpeechNetwork, generated: Tensor, code: Tensor, inputs: GeneratorInputs
) -> tuple[Report, Tensor]:
    """Q's loss, with its gradients left in Q, and its gradient (B, C, L) with respect to the sounds."""
    kind = state.config.code.kind
    sounds = generated.detach().requires_grad_()
    logits = q(sounds, inputs.q_shifts)  # (B, N)
    loss = q_loss(kind, logits, code)
    _set_gradients_to_none(q)
    (state.config.loss.q_weight * loss).backward()
    average_gradients(q.parameters())
    assert sounds.grad is not None
    return {"q_loss": loss.detach(), "q_accuracy": q_hits(kind, logits.detach(), code)}, sounds.grad


def _update(
    state: State, optimiser: str, weights: Sequence[nn.Parameter], gradients: Sequence[Tensor]
) -> None:
    """Of the generator's weights, and of whatever else the optimiser holds that has a gradient."""
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    average_gradients(weights)
    state.optimisers[optimiser].step()
    _set_gradients_to_none(state.generator)


def _set_gradients_to_none(network: SpeechNetwork) -> None:
    for parameter in network.parameters():
        parameter.grad = None
