"""The state of a run: networks, optimisers, and how many steps they have made. Everything else is a function of these and the seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from ..models import Role, SpeechNetwork, build
from ._config import Config
from ._optimisers import make_optimiser

_SEEDS: dict[Role, int] = {"generator": 0, "discriminator": 1, "q_network": 2}


@dataclass(slots=True)
class State:
    """Of a run after ``step`` updates of the generator.

    Attributes
    ----------
    config : of the run.
    networks : by role, in training mode, on the run's device.
    optimisers : ``critic``, ``generator`` and, with codes, ``q``.
    step : updates of the generator. The published TensorFlow code counts the same; the PyTorch ports count the critic's, five times as many.
    """

    config: Config
    networks: dict[Role, SpeechNetwork]
    optimisers: dict[str, torch.optim.Optimizer]
    step: int = 0

    @property
    def generator(self) -> SpeechNetwork:
        return self.networks["generator"]

    @property
    def critic(self) -> SpeechNetwork:
        return self.networks["discriminator"]

    @property
    def q(self) -> SpeechNetwork | None:
        return self.networks.get("q_network")

    @property
    def critic_updates(self) -> int:
        """Made so far."""
        return self.step * self.config.loss.critic_updates


def new_state(config: Config) -> State:
    """Networks with the weights that the configuration's seed draws, and fresh optimisers."""
    networks = {
        role: build(config.spec(role), seed=3 * config.run.seed + _SEEDS[role]) for role in config.roles
    }
    return with_optimisers(config, networks)


def with_optimisers(config: Config, networks: dict[Role, SpeechNetwork]) -> State:
    """Networks, moved to the run's device, and optimisers for them."""
    for network in networks.values():
        network.to(config.run.device).train()
    assert config.critic is not None  # filled in by the configuration itself
    assert config.generator is not None
    generator = networks["generator"]
    optimisers = {
        "critic": make_optimiser(config.critic, networks["discriminator"].parameters()),
        "generator": make_optimiser(config.generator, generator.parameters()),
    }
    if "q_network" in networks:
        q_alone = config.loss.q_update == "in_adam"
        trained: Iterable[nn.Parameter] = [
            *networks["q_network"].parameters(),
            *(() if q_alone else generator.parameters()),
        ]
        optimisers["q"] = make_optimiser(config.q, trained)
    return State(config, networks, optimisers)
