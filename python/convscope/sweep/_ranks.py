"""Which of several processes this is, by torchrun's variables or SLURM's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from ._sweep import Sweep


@dataclass(frozen=True, slots=True)
class Rank:
    """One of ``world`` processes."""

    rank: int
    world: int
    local: int | None = None  # among those of one machine

    def on_own_gpu(self, sweep: Sweep) -> Sweep:
        """The sweep on the GPU with this process's number, where it is for "cuda" and there are several processes."""
        if self.local is None or str(sweep.device) != "cuda":
            return sweep
        return sweep.on_device(f"cuda:{self.local % torch.cuda.device_count()}")


def rank_of_environment(
    rank: int | None, world: int | None, environment: Mapping[str, str] = os.environ
) -> Rank:
    """As given; or from RANK and WORLD_SIZE (torchrun), the index of a SLURM array, or the number of a SLURM task.

    Raises
    ------
    ValueError
        where nothing says it, or it cannot be.
    """
    local = environment.get("LOCAL_RANK", environment.get("SLURM_LOCALID"))
    if rank is None and world is None:
        rank, world = _found(environment)
    if rank is None or world is None:
        raise ValueError(
            "rank, world: expected both, or RANK and WORLD_SIZE (torchrun), SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT, or "
            f"SLURM_PROCID and SLURM_NTASKS in the environment, got rank={rank!r}, world={world!r}"
        )
    if not 0 <= rank < world:
        raise ValueError(f"rank: expected at least 0 and below world={world}, got {rank}")
    return Rank(rank, world, None if local is None else int(local))


def _found(environment: Mapping[str, str]) -> tuple[int | None, int | None]:
    def number(name: str) -> int | None:
        text = environment.get(name)
        return None if text is None else int(text)

    if "RANK" in environment:
        return number("RANK"), number("WORLD_SIZE")
    task = number("SLURM_PROCID")
    if "SLURM_ARRAY_TASK_ID" not in environment:
        return task, number("SLURM_NTASKS")
    index, count = number("SLURM_ARRAY_TASK_ID"), number("SLURM_ARRAY_TASK_COUNT")
    assert index is not None
    first, step = number("SLURM_ARRAY_TASK_MIN") or 0, number("SLURM_ARRAY_TASK_STEP") or 1
    place, last = (index - first) // step, number("SLURM_ARRAY_TASK_MAX")
    if count is None or (last is not None and (last - first) // step + 1 != count):
        raise ValueError(
            "rank: expected an array without gaps such as --array=0-9, got another; "
            f"say which of how many this is (rank=, world=; --rank, --world), SLURM_ARRAY_TASK_ID is {index}"
        )
    tasks = number("SLURM_STEP_NUM_TASKS") or 1  # of an srun inside the array
    return place * tasks + (task or 0 if tasks > 1 else 0), count * tasks
