"""What critic, generator and Q-network minimise: arrays in, a number out.

Letters: B samples, N entries of a code. Scores (B,) are the critic's, before any squashing.

Sources: DCGAN (Radford et al. 2016), LSGAN (Mao et al. 2017), WGAN (Arjovsky et al. 2017), WGAN-GP (Gulrajani et al. 2017), as
WaveGAN (Donahue et al. 2019) uses them; ciwGAN and fiwGAN (Beguš 2021).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ._config import CodeKind, LossKind


def critic_loss(kind: LossKind, real: Tensor, generated: Tensor) -> Tensor:
    """Of scores (B,) of real and generated sounds; the gradient penalty is not in it."""
    match kind:
        case "dcgan":
            ones, zeros = torch.ones_like(real), torch.zeros_like(generated)
            with_logits = F.binary_cross_entropy_with_logits
            return (with_logits(real, ones) + with_logits(generated, zeros)) / 2
        case "lsgan":
            return ((real - 1).square().mean() + generated.square().mean()) / 2
        case "wgan" | "wgan-gp":
            return generated.mean() - real.mean()


def generator_loss(kind: LossKind, generated: Tensor) -> Tensor:
    """Of scores (B,)."""
    match kind:
        case "dcgan":
            return F.binary_cross_entropy_with_logits(generated, torch.ones_like(generated))
        case "lsgan":
            return (generated - 1).square().mean()
        case "wgan" | "wgan-gp":
            return -generated.mean()


def gradient_penalty(scores: Callable[[Tensor], Tensor], mixed: Tensor) -> Tensor:
    """Mean of (‖∇ scores(mixed)‖₂ − 1)² over sounds (B, C, L); ``scores`` gives (B,)."""
    mixed = mixed.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(scores(mixed).sum(), mixed, create_graph=True)
    slopes = torch.linalg.vector_norm(gradient.flatten(1), dim=1)  # (B,)
    penalty: Tensor = (slopes - 1).square().mean()
    return penalty


def q_loss(kind: CodeKind, logits: Tensor, code: Tensor) -> Tensor:
    """Of logits and codes (B, N): softmax cross-entropy for one-hot codes, the mean over bits of the sigmoid's for binary ones."""
    if kind == "one_hot":
        return F.cross_entropy(logits, code)
    return F.binary_cross_entropy_with_logits(logits, code)


def q_hits(kind: CodeKind, logits: Tensor, code: Tensor) -> Tensor:
    """Part of (B, N) that is recognised: codes where they are one-hot, bits where they are binary."""
    if kind == "one_hot":
        return (logits.argmax(1) == code.argmax(1)).float().mean()
    hits: Tensor = (logits > 0) == (code > 0.5)
    return hits.float().mean()
