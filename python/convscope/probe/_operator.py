"""A probe as one functional operator of PyTorch: what torch.compile and CUDA graphs see of it."""

from __future__ import annotations

import itertools
import weakref
from typing import TYPE_CHECKING

import torch
from torch import Tensor, library

if TYPE_CHECKING:
    from ._probe import Probe

_probes: weakref.WeakValueDictionary[int, Probe] = weakref.WeakValueDictionary()
_numbers = itertools.count(1)


def register(probe: Probe) -> int:
    """The number by which the operator finds a probe, as long as that lives."""
    number = next(_numbers)
    _probes[number] = probe
    return number


@library.custom_op("convscope::probe", mutates_args=())
def operator(x: Tensor, probe: int) -> list[Tensor]:
    """The series of a batch, by layer in order of execution."""
    return list(_find(probe).run(x).values())


@operator.register_fake
def _(x: Tensor, probe: int) -> list[Tensor]:
    return [x.new_empty((x.shape[0], *shape), dtype=torch.float32) for shape in _find(probe).series_shapes]


def _find(number: int) -> Probe:
    probe = _probes.get(number)
    if probe is None:
        raise RuntimeError(f"convscope::probe: expected a probe that is still there, got number {number}")
    return probe
