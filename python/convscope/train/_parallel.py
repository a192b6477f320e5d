"""Several processes, each with its rows of every batch: gradients are averaged by hand after each backward pass.

DistributedDataParallel averages during the pass and does not survive a gradient of a gradient; StyleGAN3's training loop averages as
here. The processes draw the same numbers (`Draws`) and start from the same weights, so nothing else is ever exchanged.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import distributed, nn


def rank() -> int:
    """Of this process; 0 where there is but one."""
    return distributed.get_rank() if _is_parallel() else 0


def world_size() -> int:
    """Processes."""
    return distributed.get_world_size() if _is_parallel() else 1


@contextmanager
def processes(device: str) -> Iterator[None]:
    """Joins the other processes if torchrun started this one (``WORLD_SIZE``)."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or _is_parallel():
        yield
        return
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace every gradient by its mean over the processes, in one exchange."""
    if world_size() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= world_size()
    for gradient, mean in zip(
        gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True
    ):
        gradient.copy_(mean.view_as(gradient))


def wait_for_others() -> None:
    """Until all processes have come here."""
    if world_size() > 1:
        distributed.barrier()


def any_process(is_true: bool, device: str) -> bool:
    """Whether it is true in one of the processes."""
    if world_size() == 1:
        return is_true
    flag = torch.tensor(float(is_true), device=device)
    distributed.all_reduce(flag)
    return bool(flag > 0)


def _is_parallel() -> bool:
    return distributed.is_available() and distributed.is_initialized()
