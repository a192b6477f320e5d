"""The networks in the wild that share a paper and differ in arithmetic: one record of differences each.

Facts, not code, of the public repositories (``docs/design/0002-networks.md`` lists which): names that start with ``tf1``
are TensorFlow 1, the rest PyTorch. What actually happens is recorded, bugs included: until 2025-04 the atzhou8 port's
discriminator took its phase-shuffle radius for the LeakyReLU slope (2.0), and its Q-network's (0.0).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ._spec import FlattenOrder, Norm, PhaseShuffle

Padding = Literal["tf_same", "torch11"]
Upsample = Literal["zeros", "nearest"]
Initialiser = Literal["glorot_uniform", "torch_default", "kaiming_normal", "normal_002"]

SLICE_LENGTHS = (16384, 32768, 65536)
_TORCH_NORM = Norm(eps=1e-5, momentum=0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One public implementation: everything in which it differs from the others."""

    name: str
    padding: Padding
    flatten_order: FlattenOrder
    relu_after_projection: bool
    discriminator_slope: float = 0.2
    q_slope: float | None = 0.2  # None: it has no Q-network
    has_codes: bool = True
    slice_lengths: tuple[int, ...] = SLICE_LENGTHS
    sixth_downconv: bool = True  # of the discriminator for slices longer than 16384
    upsample: Upsample = "zeros"
    norm: Norm = _TORCH_NORM
    critic_norm: Norm = _TORCH_NORM
    norm_on_first_downconv: bool = True
    norm_on_output: bool = True
    discriminator_shuffle: PhaseShuffle | None = None
    q_shuffle: PhaseShuffle | None = None
    shuffle_after_last: bool = False  # else after the first four layers only
    sigmoid_head: bool = False
    post_filter_len: int = 0
    embedding: int | None = None
    sample_rate_hz: int = 16000
    initialiser: Initialiser = "torch_default"
    articulatory: bool = False


_tf1 = Dialect(
    name="tf1-ciwgan",
    padding="tf_same",
    flatten_order="channels_last",
    relu_after_projection=True,
    norm=Norm(eps=1e-3, momentum=0.01),
    critic_norm=Norm(eps=1e-3, momentum=0.01, statistics="batch"),
    norm_on_first_downconv=False,
    norm_on_output=False,
    discriminator_shuffle=PhaseShuffle(2),
    q_shuffle=PhaseShuffle(2),
    initialiser="glorot_uniform",
)
_atzhou8_2022 = Dialect(
    name="torch-atzhou8-2022",
    padding="torch11",
    flatten_order="channels_first",
    relu_after_projection=False,
    discriminator_slope=2.0,
    q_slope=0.0,
    slice_lengths=(16384, 65536),
    sixth_downconv=False,
)
_atzhou8_2025a = replace(
    _atzhou8_2022,
    name="torch-atzhou8-2025a",
    discriminator_slope=0.2,
    q_slope=0.2,
    discriminator_shuffle=PhaseShuffle(2),
    shuffle_after_last=True,
)

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        replace(_tf1, name="tf1-wavegan", q_slope=None, has_codes=False),
        _tf1,
        replace(_tf1, name="tf1-ciwgan-embed", embedding=25),
        _atzhou8_2022,
        _atzhou8_2025a,
        replace(_atzhou8_2025a, name="torch-atzhou8-2025b"),  # differs in data loading and training only
        replace(_atzhou8_2022, name="torch-ceti", sample_rate_hz=32000),
        replace(
            _atzhou8_2022,
            name="articulationgan",
            discriminator_slope=0.0,
            slice_lengths=(16384, 20480, 32768, 65536),
            articulatory=True,
        ),
        Dialect(
            name="torch-mostafaelaraby",
            padding="torch11",
            flatten_order="channels_first",
            relu_after_projection=True,
            q_slope=None,
            has_codes=False,
            upsample="nearest",
            norm_on_output=False,
            initialiser="normal_002",
        ),
        Dialect(
            name="torch-jtcramer",
            padding="torch11",
            flatten_order="channels_first",
            relu_after_projection=True,
            slice_lengths=(16384,),
            upsample="nearest",
            discriminator_shuffle=PhaseShuffle(2, "sample"),
            q_shuffle=PhaseShuffle(2, "sample"),
            sigmoid_head=True,
            post_filter_len=512,
            initialiser="kaiming_normal",
        ),
    )
}
