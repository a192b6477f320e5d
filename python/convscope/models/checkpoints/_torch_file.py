"""State dicts in files that ``torch.save`` wrote, without running anything that they hold."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .._spec import Role
from ._error import CheckpointError
from ._imported import LETTERS

_OF_SET = re.compile(r"^(?P<set>.*)_(?P<letter>[GDQ])\.pt$")
_NUMBERS = re.compile(r"\d+")
_FOREIGN = re.compile(r"Unsupported (?:global|class)[^\w]*(?:GLOBAL )?([\w.]+)")
_KEYS: dict[str, Role] = {
    "generator": "generator",
    "discriminator": "discriminator",
    "q": "q_network",
    "Q": "q_network",
}


@dataclass(frozen=True, slots=True)
class State:
    """The parameters of one network, as float arrays; its role where the file or its name says so."""

    file: str
    role: Role | None
    arrays: dict[str, np.ndarray]


def read_states(path: Path, *, trust_pickle: bool) -> list[State]:
    """Of a file, of the files of one step (``.../epoch7_step900``), or of a folder's last step."""
    states = []
    for file in _files(path):
        named = _OF_SET.match(file.name)
        for role, arrays in _networks(_load(file, trust_pickle), file):
            states.append(State(str(file), role or (LETTERS[named["letter"]] if named else None), arrays))
    return states


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    folder, stem = (path, None) if path.is_dir() else (path.parent, path.name)
    sets: dict[str, list[Path]] = {}
    for file in sorted(folder.glob("*_[GDQ].pt")):
        named = _OF_SET.match(file.name)
        if named and stem in (None, named["set"]):
            sets.setdefault(named["set"], []).append(file)
    if not sets:
        raise CheckpointError(f"{path}: no such file, and no {stem or '*'}_G.pt, _D.pt or _Q.pt there")
    return sets[max(sets, key=lambda name: [int(number) for number in _NUMBERS.findall(name)])]


def _load(file: Path, trust_pickle: bool) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=not trust_pickle)
    except pickle.UnpicklingError as error:
        foreign = _FOREIGN.search(str(error))
        if foreign is None:
            raise CheckpointError(
                f"{file}: damaged, or not written by torch.save: {_first_line(error)}"
            ) from error
        raise CheckpointError(
            f"{file}: holds more than arrays ({foreign[1]}), such as a whole pickled module, and loading it would run code of "
            "whoever made it: trust_pickle (--trust-pickle) does, if you know where it is from"
        ) from error
    except (RuntimeError, EOFError, ValueError, OSError, KeyError, AttributeError, ImportError) as error:
        raise CheckpointError(
            f"{file}: damaged, or not written by torch.save: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _networks(loaded: Any, file: Path) -> Iterator[tuple[Role | None, dict[str, np.ndarray]]]:
    if isinstance(loaded, nn.Module):
        loaded = loaded.state_dict()
    if isinstance(loaded, Mapping):
        inner = {role: loaded[key] for key, role in _KEYS.items() if isinstance(loaded.get(key), Mapping)}
        if inner:
            yield from ((role, _arrays(state, file)) for role, state in inner.items())
            return
        yield None, _arrays(loaded.get("state_dict", loaded), file)
        return
    raise CheckpointError(f"{file}: expected the state dict of a network, got {type(loaded).__name__}")


def _arrays(state: Any, file: Path) -> dict[str, np.ndarray]:
    """By name without the ``module`` that DataParallel puts in front of what it wraps."""
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(f"{file}: expected the state dict of a network, got an empty one or none")
    arrays = {}
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(f"{file}: {name}: expected an array, got {type(value).__name__}")
        own = ".".join(part for part in str(name).split(".") if part != "module")
        arrays[own] = value.detach().to(torch.float32).numpy()
    return arrays
