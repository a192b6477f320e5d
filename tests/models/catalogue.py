"""Every network there is, listed from the published systems and not from the package's own table."""

from __future__ import annotations

import pytest

from convscope.models import NetworkSpec, SpeechNetwork, build, preset

GENERATOR, CRITIC, ALL = (
    ("generator",),
    ("generator", "discriminator"),
    ("generator", "discriminator", "q_network"),
)
THREE, TWO = (16384, 32768, 65536), (16384, 65536)
DIALECTS = {
    "tf1-wavegan": (CRITIC, THREE),
    "tf1-ciwgan": (ALL, THREE),
    "tf1-ciwgan-embed": (ALL, THREE),
    "torch-atzhou8-2022": (ALL, TWO),
    "torch-atzhou8-2025a": (ALL, TWO),
    "torch-atzhou8-2025b": (ALL, TWO),
    "torch-ceti": (ALL, TWO),
    "articulationgan": (ALL, (16384, 20480, 32768, 65536)),
    "torch-mostafaelaraby": (CRITIC, THREE),
    "torch-jtcramer": (ALL, (16384,)),
}
NETWORKS = [
    (name, role, length)
    for name, (roles, lengths) in DIALECTS.items()
    for role in roles
    for length in lengths
]
WITHOUT_CODES = ("tf1-wavegan", "torch-mostafaelaraby")

every_network = pytest.mark.parametrize(("name", "role", "slice_len"), NETWORKS)


def spec_of(name: str, role: str, slice_len: int = 16384, *, dim: int = 8, **options) -> NetworkSpec:
    """The preset with three categories where the dialect has codes."""
    if name not in WITHOUT_CODES:
        options = {"num_categories": 3, **options}
    return preset(name, role=role, slice_len=slice_len, dim=dim, **options)


def network_of(name: str, role: str, slice_len: int = 16384, *, seed: int = 0, **options) -> SpeechNetwork:
    return build(spec_of(name, role, slice_len, **options), seed=seed).eval()
