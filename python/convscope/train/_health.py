"""Whether a generator still says anything, and different things."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..models import SpeechNetwork

SILENT = 1e-3  # root mean square; full scale is 1
CLIPPED = 0.5  # part of all samples
ALIKE = 0.1


@dataclass(frozen=True, slots=True)
class Health:
    """Of sounds made from different latent vectors.

    Attributes
    ----------
    rms : root mean square of all samples.
    clipped : part of the samples beyond 0.99 of full scale.
    variety : root mean square of what a sound has that the mean of all sounds has not, over ``rms``: near 1 for different sounds, 0
        for one and the same.
    """

    rms: float
    clipped: float
    variety: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """What looks like a collapse, in words."""
        found = []
        if not self.rms >= SILENT:
            found.append(f"the generator is silent (rms {self.rms:.2g})")
        elif self.variety < ALIKE:
            found.append(f"all latent vectors make the same sound (variety {self.variety:.2g})")
        if self.clipped > CLIPPED:
            found.append(f"{self.clipped:.0%} of the samples are at full scale")
        return tuple(found)


@torch.no_grad()
def examine(generator: SpeechNetwork, latents: Tensor) -> tuple[Health, Tensor]:
    """Health, and the sounds (B, C, L) of the latent vectors (B, Z)."""
    was_training = generator.training
    sounds = generator.eval()(latents)
    generator.train(was_training)
    rms = sounds.square().mean().sqrt()
    own = (sounds - sounds.mean(dim=0)).square().mean().sqrt()
    clipped = (sounds.abs() > 0.99).float().mean()
    variety = own / rms if rms > 0 else rms
    return Health(float(rms), float(clipped), float(variety)), sounds
