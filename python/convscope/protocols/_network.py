"""What a protocol says of a network."""

from __future__ import annotations

import numpy as np
from torch import nn

from ..probe import Probe, unwrap


def network_name(net: nn.Module) -> str:
    """Dialect and role, or the module's class."""
    spec = getattr(unwrap(net), "spec", None)
    return type(unwrap(net)).__name__ if spec is None else f"{spec.name} {spec.role}"


def latent_size(net: nn.Module, probe: Probe) -> tuple[int, int]:
    """Latent variables, and how many of them are the code that they begin with."""
    spec = getattr(unwrap(net), "spec", None)
    return int(np.prod(probe.input_shape)), 0 if spec is None else spec.num_categories
