"""The training loop as it was published, for comparison: a plain port with the work that it does for nothing.

Written from the facts about the PyTorch re-implementation of ciwGAN and fiwGAN, in its own arithmetic (padding of 11, no shuffle of Q,
Adam for generator and critic, RMSProp over Q and generator), at the time when its three losses were as in the paper: the critic's update
sends gradients through the generator and leaves them there, real, generated and mixed sounds pass the critic one after the other, the mixing
weights are as long as the sounds, the generator's update makes gradients of the critic's weights, Q has a pass of the generator to
itself, and every loss is waited for.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PENALTY = 10.0


class UpConv(nn.Module):
    def __init__(self, inputs: int, outputs: int, last: bool) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(inputs, outputs, 25, 4, padding=11, output_padding=1)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.conv(x)) if self.last else F.relu(self.conv(x))


class Generator(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(100, 256 * dim)
        widths = [16 * dim, 8 * dim, 4 * dim, 2 * dim, dim, 1]
        self.layers = nn.Sequential(*(UpConv(a, b, b == 1) for a, b in itertools.pairwise(widths)))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(F.relu(self.project(z)).view(len(z), -1, 16))


class DownConv(nn.Module):
    def __init__(self, inputs: int, outputs: int, radius: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, 25, 4, padding=11)
        self.radius = radius

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.conv(x), 0.2)
        if not self.radius:
            return x
        shift = int(torch.randint(-self.radius, self.radius + 1, ()))
        padded = F.pad(x, (max(shift, 0), max(-shift, 0)), mode="reflect")
        return padded[..., max(-shift, 0) :][..., : x.shape[2]]


class Critic(nn.Module):
    def __init__(self, dim: int, outputs: int, radius: int) -> None:
        super().__init__()
        widths = [1, dim, 2 * dim, 4 * dim, 8 * dim, 16 * dim]
        self.layers = nn.Sequential(*(DownConv(a, b, radius) for a, b in itertools.pairwise(widths)))
        self.head = nn.Linear(256 * dim, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(x).flatten(1))


@dataclass
class PublishedLoop:
    """Networks and optimisers of one run, and its two updates."""

    dim: int
    categories: int
    batch_size: int
    device: str = "cpu"
    critic_updates: int = 5

    def __post_init__(self) -> None:
        self.generator = Generator(self.dim).to(self.device)
        self.critic = Critic(self.dim, 1, 2).to(self.device)
        self.q = Critic(self.dim, self.categories, 0).to(self.device)
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), 1e-4, (0.5, 0.9))
        self.generator_adam = torch.optim.Adam(self.generator.parameters(), 1e-4, (0.5, 0.9))
        self.q_rmsprop = torch.optim.RMSprop([*self.q.parameters(), *self.generator.parameters()], 1e-4)

    def latents(self) -> tuple[Tensor, Tensor]:
        """Of a batch, with a one-hot code in front; on the CPU first, as there."""
        classes = torch.randint(0, self.categories, (self.batch_size,))
        z = torch.empty(self.batch_size, 100 - self.categories).uniform_(-1, 1)
        return torch.cat([F.one_hot(classes, self.categories), z], 1).to(self.device), classes.to(self.device)

    def step(self, sounds: list[Tensor]) -> dict[str, float]:
        """Five updates of the critic, each with real sounds (B, 1, L), and one of generator and Q."""
        for real in sounds:
            losses = self.critic_step(real)
        return losses | self.generator_step()

    def critic_step(self, real: Tensor) -> dict[str, float]:
        """One update of the critic."""
        self.critic_adam.zero_grad()
        fake = self.generator(self.latents()[0])
        epsilon = torch.rand(len(real), 1, 1, device=self.device).repeat(1, 1, real.shape[2])
        mixed = real + epsilon * (fake - real)
        scores = self.critic(mixed)
        gradient = torch.autograd.grad(
            scores, mixed, torch.ones_like(scores), create_graph=True, retain_graph=True
        )[0]
        slopes = gradient.square().sum(dim=(1, 2)).sqrt()
        penalty = PENALTY * (slopes - 1).square().mean()
        loss = self.critic(fake).mean() - self.critic(real).mean() + penalty
        loss.backward()
        self.critic_adam.step()
        return {"critic_loss": loss.item()}

    def generator_step(self) -> dict[str, float]:
        """One update of the generator, then one of Q and the generator."""
        self.generator_adam.zero_grad()
        loss = -self.critic(self.generator(self.latents()[0])).mean()
        loss.backward()
        self.generator_adam.step()
        self.q_rmsprop.zero_grad()
        z, classes = self.latents()
        q_loss = F.cross_entropy(self.q(self.generator(z)), classes)
        q_loss.backward()
        self.q_rmsprop.step()
        return {"generator_loss": loss.item(), "q_loss": q_loss.item()}
