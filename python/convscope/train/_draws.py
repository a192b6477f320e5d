"""Everything random in a run, addressed by what it is for and when: no state to save, the same on every device.

A value is a function of the seed, its purpose and its number (Philox, Salmon et al. 2011), so a run that was killed goes on as if it had
not been, and each of several processes takes its rows of the same draws. Update m of the critic is the m-th since the run began.

Letters: B samples of a batch, Z latent variables, S shuffled layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import latents
from ..models import PhaseShuffle


class Purpose(IntEnum):
    """What a draw is for: each has values of its own."""

    ORDER = 1  # of the sounds in an epoch
    SLICES = 2  # where in a sound a slice begins
    CRITIC = 3  # latent vectors of the critic's updates
    GENERATOR = 4
    Q_NETWORK = 5
    MIX = 6  # of real and generated, for the gradient penalty
    REAL_SHIFTS = 7  # phase shuffles
    GENERATED_SHIFTS = 8
    MIXED_SHIFTS = 9
    GENERATOR_SHIFTS = 10
    Q_SHIFTS = 11
    PREVIEW = 12


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws of one run.

    Parameters
    ----------
    seed : at least 0 and below 2^64.
    batch_size : B.
    sounds : in the training set.
    latent_dim : Z, the code included.
    code : in front of the latent vectors.
    """

    seed: int
    batch_size: int
    sounds: int
    latent_dim: int
    code: latents.OneHot | latents.Binary | None = None

    def rows(self, update: int) -> NDArray[np.int64]:
        """(B,) numbers of sounds: every sound once an epoch, in an order of that epoch's own."""
        positions = update * self.batch_size + np.arange(self.batch_size)
        epochs, places = np.divmod(positions, self.sounds)
        return np.array(
            [
                _order(self.seed, epoch, self.sounds)[place]
                for epoch, place in zip(epochs.tolist(), places, strict=True)
            ]
        )

    def starts(self, update: int) -> NDArray[np.float64]:
        """(B, 2) from 0 to below 1, for `Slices.read`."""
        return _generator(self.seed, Purpose.SLICES, update, 2 * self.batch_size).random((self.batch_size, 2))

    def latents(self, purpose: Purpose, number: int, *, count: int | None = None) -> Tensor:
        """(B, Z) float32, the code in front."""
        count = self.batch_size if count is None else count
        first = number * count
        rows = latents.random(
            first + count, size=self.latent_dim, code=self.code, seed=_key(self.seed, purpose)
        )
        return torch.from_numpy(rows[first : first + count])

    def mix(self, update: int) -> Tensor:
        """(B, 1, 1) float32: how much of the generated one is in each mixed sound."""
        made = _generator(self.seed, Purpose.MIX, update, self.batch_size).random(
            (self.batch_size, 1, 1), np.float32
        )
        return torch.from_numpy(made)

    def shifts(self, purpose: Purpose, number: int, shuffles: tuple[PhaseShuffle, ...]) -> Tensor:
        """(S, B) int64: by how many positions each shuffled layer moves each sample."""
        generator = _generator(self.seed, purpose, number, len(shuffles) * self.batch_size)
        made = np.empty((len(shuffles), self.batch_size), np.int64)
        for row, shuffle in zip(made, shuffles, strict=True):
            row[:] = generator.integers(
                -shuffle.radius, shuffle.radius, len(row) if shuffle.draw == "sample" else 1, endpoint=True
            )
        return torch.from_numpy(made)


@lru_cache(maxsize=2)  # a batch may lie in two epochs
def _order(seed: int, epoch: int, sounds: int) -> NDArray[np.int64]:
    return _generator(seed, Purpose.ORDER, epoch, sounds).permutation(sounds)


def _generator(seed: int, purpose: Purpose, number: int, values: int) -> np.random.Generator:
    # So far apart that no two draws of a purpose overlap: a value takes a word of four in a block, or a few where some are rejected.
    blocks = 4 * values + 64
    return np.random.Generator(np.random.Philox(key=_key(seed, purpose), counter=number * blocks))


def _key(seed: int, purpose: Purpose) -> int:
    return seed + (int(purpose) << 64)
