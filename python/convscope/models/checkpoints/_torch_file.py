"""State dicts in files that ``torch.save`` wrote, without running anything that they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .._spec import Role
from ._error import CheckpointError, reason
from ._imported import LETTERS, as_array

_OF_SET = re.compile(r"^(?P<set>.*)_(?P<letter>[GDQ])\.pt$")
_NUMBERS = re.compile(r"\d+")
_FOREIGN = re.compile(
    r"Unsupported (?:global|class)[^\w]*(?:GLOBAL )?([\w.]+)|with (TorchScript archives|files saved in the legacy \.tar format)"
)
_KEYS: dict[str, Role] = {
    "generator": "generator",
    "discriminator": "discriminator",
    "q": "q_network",
    "Q": "q_network",
}


@dataclass(frozen=True, slots=True)
class State:
    """The parameters of one network by the file's names; its role where the file or its name says so.

    ``names`` has the file's names by those without the ``module`` that DataParallel puts in front of what it wraps.
    """

    file: str
    role: Role | None
    arrays: dict[str, np.ndarray]
    names: dict[str, str]

    def get(self, name: str) -> np.ndarray | None:
        """The array of a name without ``module``."""
        return self.arrays.get(self.names.get(name, name))


def read_states(path: Path, *, trust_pickle: bool) -> list[State]:
    """Of a file, of the files of one step (``.../epoch7_step900``), or of a folder's last step."""
    states = []
    for file in _files(path):
        named = _OF_SET.match(file.name)
        of_name = LETTERS[named["letter"]] if named else None
        for role, state in _networks(_load(file, trust_pickle), file):
            states.append(_state(state, role or of_name, file))
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
    if len({_NUMBERS.sub("", name) for name in sets}) > 1:
        raise CheckpointError(
            f"{path}: expected files whose names differ in their numbers alone, got {', '.join(sorted(sets))}"
        )
    return sets[max(sets, key=lambda name: [int(number) for number in _NUMBERS.findall(name)])]


def _load(file: Path, trust_pickle: bool) -> Any:
    """What the file holds, modules as their state dicts. Whatever it makes torch raise is its own fault."""
    with file.open("rb") as opened:
        try:
            loaded = _opened(torch.load(opened, map_location="cpu", weights_only=not trust_pickle))
            if isinstance(loaded, Mapping):
                return {key: _opened(value) for key, value in loaded.items()}
            return loaded
        except Exception as error:
            raise _refusal(error, file, trust_pickle) from error


def _refusal(error: Exception, file: Path, trust_pickle: bool) -> CheckpointError:
    foreign = _FOREIGN.search(str(error))
    if foreign is not None and not trust_pickle:
        return CheckpointError(
            f"{file}: holds more than arrays ({foreign[1] or foreign[2]}), such as a whole pickled module, and loading it would "
            "run code of whoever made it: trust_pickle (--trust-pickle) does, if you know where it is from"
        )
    if trust_pickle and isinstance(error, ImportError | AttributeError):
        return CheckpointError(f"{file}: the code of what it holds must be importable here: {reason(error)}")
    return CheckpointError(f"{file}: damaged, or not written by torch.save: {_without_advice(error)}")


def _opened(value: Any) -> Any:
    return value.state_dict() if isinstance(value, nn.Module) else value


def _without_advice(error: Exception) -> str:
    """Torch's is to load in the other mode."""
    text = str(error).rpartition("WeightsUnpickler error:")[2].partition("In PyTorch 2.6")[0]
    return (text.strip().splitlines() or [type(error).__name__])[0]


def _networks(loaded: Any, file: Path) -> Iterator[tuple[Role | None, Any]]:
    if not isinstance(loaded, Mapping):
        raise CheckpointError(f"{file}: expected the state dict of a network, got {type(loaded).__name__}")
    inner = {key: state for key, state in loaded.items() if isinstance(state, Mapping)}
    if not any(key in _KEYS for key in inner):
        yield None, loaded.get("state_dict", loaded)
        return
    if "q" in inner and "Q" in inner:
        raise CheckpointError(f"{file}: expected one Q-network, got two, q and Q")
    for key, state in inner.items():
        if key in _KEYS:
            yield _KEYS[key], state
        elif state and all(isinstance(value, Tensor) for value in state.values()):
            raise CheckpointError(f"{file}: {key}: expected a network called {', '.join(_KEYS)}")


def _state(state: Any, role: Role | None, file: Path) -> State:
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(f"{file}: expected the state dict of a network, got an empty one or none")
    arrays: dict[str, np.ndarray] = {}
    names: dict[str, str] = {}
    for key, value in state.items():
        name = str(key)
        own = ".".join(part for part in name.split(".") if part != "module")
        if own in names:
            raise CheckpointError(f"{file}: {name}: the same parameter as {names[own]}")
        if not isinstance(value, Tensor):
            raise CheckpointError(f"{file}: {name}: expected an array, got {type(value).__name__}")
        names[own], arrays[name] = name, as_array(value, f"{file}: {name}")
    return State(str(file), role, arrays, names)
