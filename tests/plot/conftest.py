"""Small networks of the published shapes, and their series."""

from __future__ import annotations

import numpy as np
import pytest

import convscope as cs
from convscope.data import Phone


@pytest.fixture(scope="session")
def heard():
    """A Q-network and three noises of different loudness."""
    net = cs.models.build(cs.models.preset("tf1-ciwgan", role="q_network", num_categories=8, dim=2), seed=1)
    waveforms = np.random.default_rng(0).uniform(-1, 1, (3, 16384)) * [[0.2], [0.5], [1.0]]  # (B, N)
    return waveforms, cs.fast_probe(net, waveforms)


@pytest.fixture(scope="session")
def spoken():
    """A generator along one latent variable, its values out of order."""
    net = cs.models.build(cs.models.preset("tf1-wavegan", role="generator", dim=2), seed=1)
    values = np.array([5.0, -15.0, 0.0, -3.0])
    z = np.tile(np.random.default_rng(0).uniform(-1, 1, 100), (4, 1))
    z[:, 10] = values
    return values, cs.fast_probe(net, z)


@pytest.fixture
def phones():
    return (Phone("g", 0.025, 0.05), Phone("r", 0.05, 0.12), Phone("'i:", 0.12, 0.3))
