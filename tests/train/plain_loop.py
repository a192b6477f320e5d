"""WaveGAN-GP with a Q-network as a plain PyTorch loop, written from the papers' definitions: nothing of `convscope.train` in it.

Parameters come in and go out as dictionaries with the names of `convscope.models`; what varies from step to step is handed in.
TensorFlow's arithmetic: SAME padding, Adam and RMSProp as its documentation defines them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

PENALTY = 10.0
BETA1, BETA2, ADAM_EPSILON = 0.5, 0.9, 1e-8
DECAY, RMSPROP_EPSILON = 0.9, 1e-10


def same(kernel, stride):
    total = kernel - stride
    return total // 2, total - total // 2


def speak(weights, z, strides):
    """Latents (B, Z) -> sounds (B, 1, L)."""
    h = z @ weights["fc.weight"].T + weights["fc.bias"]
    h = torch.relu(h.view(len(z), 16, -1).permute(0, 2, 1))
    names = [f"conv{i + 1}" for i in range(len(strides) - 1)] + ["out"]
    for name, stride in zip(names, strides, strict=True):
        w, b = weights[f"{name}.weight"], weights[f"{name}.bias"]
        left, _ = same(w.shape[2], stride)
        full = F.conv_transpose1d(h, w, b, stride=stride)
        h = full[:, :, left : left + stride * h.shape[2]]
        h = torch.tanh(h) if name == "out" else torch.relu(h)
    return h


def shuffled(h, p):
    """The original's definition, for one shift of the whole batch."""
    length = h.shape[2]
    padded = F.pad(h, (max(p, 0), max(-p, 0)), mode="reflect")
    return padded[:, :, max(-p, 0) : max(-p, 0) + length]


def hear(weights, x, strides, shifts):
    """Sounds (B, 1, L) -> logits (B, n); a shift for each of the first layers."""
    h = x
    for i, stride in enumerate(strides):
        w, b = weights[f"conv{i + 1}.weight"], weights[f"conv{i + 1}.bias"]
        h = F.conv1d(F.pad(h, same(w.shape[2], stride)), w, b, stride=stride)
        h = torch.where(h > 0, h, 0.2 * h)
        if i < len(shifts):
            h = shuffled(h, int(shifts[i]))
    h = h.permute(0, 2, 1).reshape(len(x), -1)
    return h @ weights["logits.weight"].T + weights["logits.bias"]


class Adam:
    def __init__(self, weights, rate):
        self.weights, self.rate, self.t = weights, rate, 0
        self.m = [torch.zeros_like(w) for w in weights]
        self.v = [torch.zeros_like(w) for w in weights]

    def step(self, gradients):
        self.t += 1
        rate = self.rate * (1 - BETA2**self.t) ** 0.5 / (1 - BETA1**self.t)
        with torch.no_grad():
            for w, g, m, v in zip(self.weights, gradients, self.m, self.v, strict=True):
                m.copy_(BETA1 * m + (1 - BETA1) * g)
                v.copy_(BETA2 * v + (1 - BETA2) * g * g)
                w -= rate * m / (v.sqrt() + ADAM_EPSILON)


class RMSProp:
    def __init__(self, weights, rate):
        self.weights, self.rate = weights, rate
        self.s = [torch.ones_like(w) for w in weights]

    def step(self, gradients):
        with torch.no_grad():
            for w, g, s in zip(self.weights, gradients, self.s, strict=True):
                s.copy_(DECAY * s + (1 - DECAY) * g * g)
                w -= self.rate * g / (s + RMSPROP_EPSILON).sqrt()


def loop(g, d, q, steps, *, strides, code, code_kind, rate=1e-4):
    """Train parameters ``g``, ``d``, ``q`` (name -> tensor) in place; returns one dictionary of losses for each step.

    ``steps`` yields (critic updates, generator update): the first a list of (x, z, alpha, real, generated and mixed shifts), the second
    (z, shifts, q shifts).
    """
    for weights in (g, d, q):
        for tensor in weights.values():
            tensor.requires_grad_(True)
    g_list, d_list, q_list = (list(weights.values()) for weights in (g, d, q))
    g_adam, d_adam, rms = Adam(g_list, rate), Adam(d_list, rate), RMSProp(q_list + g_list, rate)
    log = []
    for critic_updates, (z, shifts, q_shifts) in steps:
        for x, z_critic, alpha, real_shifts, generated_shifts, mixed_shifts in critic_updates:
            fake = speak(g, z_critic, strides).detach()
            real_scores = hear(d, x, strides, real_shifts)[:, 0]
            fake_scores = hear(d, fake, strides, generated_shifts)[:, 0]
            mixed = (x + alpha * (fake - x)).requires_grad_(True)
            mixed_scores = hear(d, mixed, strides, mixed_shifts)[:, 0]
            slope = torch.autograd.grad(mixed_scores.sum(), mixed, create_graph=True)[0]
            slope = (slope**2).sum(dim=(1, 2)).sqrt()
            penalty = ((slope - 1) ** 2).mean()
            loss = fake_scores.mean() - real_scores.mean() + PENALTY * penalty
            gradients = torch.autograd.grad(loss, d_list, allow_unused=True)
            d_adam.step(gradients)
        fake = speak(g, z, strides)
        g_loss = -hear(d, fake, strides, shifts)[:, 0].mean()
        logits = hear(q, fake, strides, q_shifts)
        truth = z[:, :code]
        if code_kind == "one_hot":
            q_loss = -(truth * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
        else:
            p = torch.sigmoid(logits)
            q_loss = -(truth * p.log() + (1 - truth) * (1 - p).log()).mean()
        g_gradients = torch.autograd.grad(g_loss, g_list, retain_graph=True)
        q_gradients = torch.autograd.grad(q_loss, q_list + g_list)
        g_adam.step(g_gradients)
        rms.step(q_gradients)
        log.append(
            {
                "critic_loss": loss.item(),
                "wasserstein": (real_scores.mean() - fake_scores.mean()).item(),
                "penalty": penalty.item(),
                "generator_loss": g_loss.item(),
                "q_loss": q_loss.item(),
            }
        )
    return log
