"""Any checkpoint of a published system to networks."""

from __future__ import annotations

import os
from pathlib import Path

from .._network import SpeechNetwork
from .._spec import Role
from ._bundle import TensorBundle, is_bundle
from ._dump import Dump
from ._imported import Imported
from ._ports import import_ports
from ._reader import reading
from ._tensorflow import import_tensorflow
from ._torch_file import read_states


def read_checkpoint(
    path: str | os.PathLike[str],
    *,
    preset: str | None = None,
    slice_len: int | None = None,
    trust_pickle: bool = False,
) -> Imported:
    """`import_checkpoint` with the report of what was mapped: ``print`` it."""
    path = Path(path)
    with reading(path):
        if path.name == "manifest.json" or (path / "manifest.json").is_file():
            imported = import_tensorflow(Dump(path), preset, slice_len)
        elif is_bundle(path):
            imported = import_tensorflow(TensorBundle(path), preset, slice_len)
        else:
            imported = import_ports(read_states(path, trust_pickle=trust_pickle), preset, slice_len)
    for network in imported.networks.values():
        network.eval()
    return imported


def import_checkpoint(
    path: str | os.PathLike[str],
    *,
    preset: str | None = None,
    slice_len: int | None = None,
    trust_pickle: bool = False,
) -> dict[Role, SpeechNetwork]:
    """The networks of a WaveGAN, ciwGAN or fiwGAN checkpoint of any vintage; TensorFlow is not needed.

    Parameters
    ----------
    path : TensorFlow 1: ``model.ckpt-1000``, one of its files, or the folder of a run (then its newest); PyTorch: a file of one or
        more state dicts (``.pt``, ``.pkl``, ``.tar``), what the names of a set have in common (``.../epoch7_step900``), or their
        folder (then the last step, if names differ in their numbers alone); the ``manifest.json`` of wavegan's web page.
    preset : the dialect, where it is not to be concluded from the names; some vintages of one port differ in nothing else.
    slice_len : samples of the waveform, which weights alone do not tell where there are six layers (32768 or 65536); the graph
        (``.meta``) or ``args.txt`` beside TensorFlow's does.
    trust_pickle : whether to load PyTorch files that hold more than arrays. Doing so runs code of whoever made the file.

    Returns
    -------
    dict
        ``"generator"``, ``"discriminator"``, ``"q_network"``: those the checkpoint holds, float32, in evaluation mode.

    Raises
    ------
    CheckpointError
        (a ValueError) for files that are missing or damaged, and variables that are missing, unknown, of another shape or not
        finite numbers; the message names the file and the variable.
    """
    return read_checkpoint(path, preset=preset, slice_len=slice_len, trust_pickle=trust_pickle).networks
