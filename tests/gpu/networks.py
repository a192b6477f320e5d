"""Small networks of every kind, and inputs for them."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import convscope as cs

LIMITS = {"float32": 2e-6, "float16": 2e-3}  # of any layer's series, relative to float64


def assert_within_limits(net: nn.Module, x: np.ndarray, precision: str, **options) -> None:
    """Every layer of the network, computed on a GPU."""
    errors = cs.verify(net, x, precision=precision, **options)
    assert all(row.error <= LIMITS[precision] for row in errors), str(errors)


def preset(role: str, dim: int = 2) -> nn.Module:
    """A whole ciwGAN, two channels wide."""
    return cs.models.build(
        cs.models.preset("tf1-ciwgan", role=role, num_categories=5, dim=dim), seed=3
    ).eval()


def odd() -> nn.Module:
    """Kernels, strides and channels that no preset has."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv1d(3, 10, 7, stride=3, padding=2, dilation=2), nn.LeakyReLU(0.3),
        nn.ConvTranspose1d(10, 33, 6, stride=5, padding=1), nn.BatchNorm1d(33), nn.ReLU(),
        nn.Conv1d(33, 1, 1), nn.Sigmoid(),
    ).eval()  # fmt: skip


def of_boxes(last_channels: int = 3) -> nn.Module:
    """Layers that the kernel of compute capability 9.0 takes, and one that it does not; of one channel, it is fused."""
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv1d(64, 128, 25, stride=4, padding=(12)), nn.LeakyReLU(0.2),
        nn.ConvTranspose1d(128, 64, 9, stride=2, padding=4, output_padding=1), nn.ReLU(),
        nn.Conv1d(64, last_channels, 5, padding=2), nn.Tanh(),
    ).eval()  # fmt: skip


def inputs(probe: cs.Probe, batch: int) -> np.ndarray:
    return np.random.default_rng(batch).uniform(-1, 1, (batch, *probe.input_shape)).astype(np.float32)
