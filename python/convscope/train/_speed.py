"""Sounds played faster or slower, with a gradient: length, pitch and formants change together."""

from __future__ import annotations

import torch
from torch import Tensor


def at_speeds(sounds: Tensor, speeds: Tensor) -> Tensor:
    """(B, C, L) played at speeds (B,) from the first sample, interpolated linearly; what is beyond the last sample is silence."""
    length = sounds.shape[2]
    places = (
        torch.arange(length, device=sounds.device) * speeds[:, None]
    )  # (B, L), in samples of the original
    first = places.floor()
    share = (places - first)[:, None]  # of the sample after it
    padded = torch.nn.functional.pad(sounds, (0, 2))
    index = first.clamp(max=length).long()[:, None].expand(-1, sounds.shape[1], -1)  # (B, C, L)
    return padded.gather(2, index) * (1 - share) + padded.gather(2, index + 1) * share
