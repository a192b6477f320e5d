"""Networks back to the files of the system that they are from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from .._dialects import DIALECTS
from .._network import SpeechNetwork
from .._spec import Role
from ._bundle import write_bundle
from ._ports import port_state
from ._tensorflow import tensorflow_variables

_LETTERS: dict[Role, str] = {"generator": "G", "discriminator": "D", "q_network": "Q"}


def export_checkpoint(networks: Mapping[Role, SpeechNetwork], path: str | os.PathLike[str]) -> list[Path]:
    """Write networks as the code that they are from reads them.

    Parameters
    ----------
    networks : of one preset, by role.
    path : what the files' names begin with. Networks of a ``tf1-`` preset become a TensorFlow checkpoint (``model.ckpt-7.index``
        and its data, ``checkpoint``, and an ``args.txt`` with the slice length), those of a PyTorch port ``..._G.pt``, ``..._D.pt`` and
        ``..._Q.pt``, or, of ``torch-mostafaelaraby``, one dict of that name. Optimisers are not written.

    Returns
    -------
    list
        The files.
    """
    path = Path(path)
    presets = {network.spec.name for network in networks.values()}
    if len(presets) != 1 or not presets <= set(DIALECTS):
        raise ValueError(
            f"networks: expected those of one preset, got {', '.join(sorted(presets)) or 'none'}"
        )
    (preset,) = presets
    path.parent.mkdir(parents=True, exist_ok=True)
    if preset.startswith("tf1-"):
        arrays: dict[str, np.ndarray] = {}
        for network in networks.values():
            arrays |= tensorflow_variables(network)
        write_bundle(path, arrays)
        arguments = path.with_name("args.txt")
        arguments.write_text(f"data_slice_len,{next(iter(networks.values())).spec.slice_len}\n")
        return [*sorted(path.parent.glob(f"{path.name}.*")), path.with_name("checkpoint"), arguments]
    states = {role: port_state(network) for role, network in networks.items()}
    if preset == "torch-mostafaelaraby":
        torch.save(states, path)
        return [path]
    files = [path.with_name(f"{path.name}_{_LETTERS[role]}.pt") for role in states]
    for file, state in zip(files, states.values(), strict=True):
        torch.save(state, file)
    return files
