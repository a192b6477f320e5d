"""Checkpoints of a run: networks in one file each, optimisers apart, in a folder that is there whole or not at all.

``checkpoints/step-00001000/`` holds ``generator.safetensors``, ``discriminator.safetensors``, ``q_network.safetensors`` (which
`convscope.models.load` reads) and ``training.pt``: the optimisers, loaded with ``weights_only=True``, so that nothing in it is run.
No random state: draws are addressed by step.
"""

from __future__ import annotations

import json
import pickle
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .._folders import whole_folder
from ..models import CheckpointError, Role, load
from ..models.checkpoints import write_networks
from ._config import Config
from ._state import State, with_optimisers

_FOLDER = "checkpoints"
_TRAINING = "training.pt"
_BEST = "best.json"
_NAME = re.compile(r"step-(\d{8,})")


@dataclass(frozen=True, slots=True)
class Best:
    """The checkpoint that named withheld sounds best."""

    step: int
    accuracy: float


def save_checkpoint(state: State, run: Path) -> Path:
    """Write the state; returns its folder. An error, such as a full disk, leaves all earlier checkpoints as they were."""
    folder = run / _FOLDER / f"step-{state.step:08d}"
    with whole_folder(folder, replace=True) as made:
        write_networks(state.networks, made)
        optimisers = {name: optimiser.state_dict() for name, optimiser in state.optimisers.items()}
        torch.save({"step": state.step, "optimisers": optimisers}, made / _TRAINING)
    return folder


def checkpoints(run: Path) -> dict[int, Path]:
    """Folders by step, first to last; those being written when a process was killed do not count."""
    found = {
        int(match[1]): path
        for path in (run / _FOLDER).glob("step-*")
        if (match := _NAME.fullmatch(path.name))
    }
    return dict(sorted(found.items()))


def load_checkpoint(folder: Path, config: Config) -> State:
    """The state that `save_checkpoint` wrote.

    Raises
    ------
    CheckpointError
        naming the file and what is wrong with it, also where the networks are not those of the configuration.
    """
    networks = load(folder)
    for role in config.roles:
        _require(role, networks, folder)
        if networks[role].spec != config.spec(role):
            raise CheckpointError(f"{folder}: its {role} is not the one that the configuration describes")
    state = with_optimisers(config, {role: networks[role] for role in config.roles})
    path = folder / _TRAINING
    try:
        saved = torch.load(path, map_location=config.run.device, weights_only=True)
        for name, optimiser in state.optimisers.items():
            optimiser.load_state_dict(saved["optimisers"][name])
        state.step = int(saved["step"])
    except (
        OSError,
        RuntimeError,
        KeyError,
        ValueError,
        TypeError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        raise CheckpointError(f"{path}: damaged, cut off, or of another run: {error}") from error
    return state


def prune(run: Path, keep: int) -> None:
    """Remove all but the last ``keep`` checkpoints and the best, and what killed processes left."""
    found = checkpoints(run)
    best = best_checkpoint(run)
    for step in list(found)[:-keep]:
        if best is None or step != best.step:
            shutil.rmtree(found[step])
    for left in (run / _FOLDER).glob(".step-*"):
        shutil.rmtree(left, ignore_errors=True)


def best_checkpoint(run: Path) -> Best | None:
    """As noted by `note_best`, if it is still there."""
    try:
        noted: dict[str, Any] = json.loads((run / _FOLDER / _BEST).read_text())
    except FileNotFoundError:
        return None
    best = Best(int(noted["step"]), float(noted["accuracy"]))
    return best if best.step in checkpoints(run) else None


def note_best(run: Path, best: Best) -> None:
    """Remember which checkpoint is the best so far."""
    path = run / _FOLDER / _BEST
    made = path.with_suffix(".new")
    made.write_text(json.dumps({"step": best.step, "accuracy": best.accuracy}))
    made.replace(path)


def _require(role: Role, networks: dict[Role, Any], folder: Path) -> None:
    if role not in networks:
        raise CheckpointError(
            f"{folder}: expected {role}.safetensors, got {', '.join(sorted(networks)) or 'nothing'}"
        )
