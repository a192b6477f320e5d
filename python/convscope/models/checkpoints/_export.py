"""Networks back to the files of the system that they are from."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..._folders import write_files
from .._dialects import DIALECTS
from .._network import SpeechNetwork
from .._spec import Role
from ._bundle import bundle_files
from ._imported import LETTERS, check_roles
from ._ports import port_state
from ._tensorflow import tensorflow_variables


def export_checkpoint(
    networks: Mapping[Role, SpeechNetwork], path: str | os.PathLike[str], *, replace: bool = False
) -> list[Path]:
    """Write networks as the code that they are from reads them; all files or, on an error, none.

    Parameters
    ----------
    networks : of one preset, by role.
    path : what the files' names begin with. Networks of a ``tf1-`` preset become a TensorFlow checkpoint (``model.ckpt-7.index``
        and its data; beside them ``checkpoint``, which names it, and an ``args.txt`` with the slice length), those of a PyTorch port
        ``..._G.pt``, ``..._D.pt`` and ``..._Q.pt``, or, of ``torch-mostafaelaraby``, one dict of that name. Optimisers are not written.
    replace : whether any of these may be there already, ``checkpoint`` and ``args.txt`` included. What remains of an earlier checkpoint
        of that name and would be read with the new one, a ``.meta`` or ``..._D.pt``, is then removed.

    Returns
    -------
    list
        The files that were written.

    Raises
    ------
    FileExistsError
        If one is there and ``replace`` is false.
    ValueError
        For networks of several presets, or of another role than that they are given as.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(
            f"path: expected what the files' names begin with, such as model.ckpt-0, got the folder {path}"
        )
    contents = _contents(networks, path)
    for file in contents:
        if file.exists() and not replace:
            raise FileExistsError(f"{file}: is there already")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_files(contents)
    return [file for file, data in contents.items() if data is not None]


def _contents(networks: Mapping[Role, SpeechNetwork], path: Path) -> dict[Path, bytes | None]:
    """Of every file, the one that makes others known last; None for what must not be there beside them."""
    check_roles(networks)
    presets = {network.spec.name for network in networks.values()}
    if len(presets) != 1 or not presets <= set(DIALECTS):
        raise ValueError(f"networks: expected those of one preset, got {', '.join(sorted(presets))}")
    (preset,) = presets
    if preset.startswith("tf1-"):
        arrays: dict[str, np.ndarray] = {}
        for network in networks.values():
            arrays |= tensorflow_variables(network)
        arguments = f"data_slice_len,{next(iter(networks.values())).spec.slice_len}\n"
        return {
            path.with_name(f"{path.name}.meta"): None,
            path.with_name("args.txt"): arguments.encode(),
            **bundle_files(path, arrays),
        }
    states = {role: port_state(network) for role, network in networks.items()}
    if preset == "torch-mostafaelaraby":
        return {path: _saved(states)}
    return {
        path.with_name(f"{path.name}_{letter}.pt"): _saved(states[role]) if role in states else None
        for letter, role in LETTERS.items()
    }


def _saved(what: Any) -> bytes:
    """As ``torch.save`` writes it; in memory, since it takes a full disk for an error of its own."""
    file = io.BytesIO()
    torch.save(what, file)
    return file.getvalue()
