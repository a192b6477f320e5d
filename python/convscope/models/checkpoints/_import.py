"""Any checkpoint of a published system to networks."""

from __future__ import annotations

import os

from .._network import SpeechNetwork
from .._spec import Role
from ._bundle import TensorBundle
from ._imported import Imported
from ._tensorflow import import_tensorflow


def read_checkpoint(
    path: str | os.PathLike[str], *, preset: str | None = None, slice_len: int | None = None
) -> Imported:
    """`import_checkpoint` with the report of what was mapped: ``print`` it."""
    return import_tensorflow(TensorBundle(path), preset, slice_len)


def import_checkpoint(
    path: str | os.PathLike[str], *, preset: str | None = None, slice_len: int | None = None
) -> dict[Role, SpeechNetwork]:
    """The networks of a TensorFlow 1 checkpoint (WaveGAN, ciwGAN, fiwGAN), read without TensorFlow.

    Parameters
    ----------
    path : ``model.ckpt-1000``, one of its files, or the folder of a run (then its newest).
    preset : the dialect, where it is not to be concluded from the variables.
    slice_len : samples of the waveform, which weights alone do not tell where there are six layers (32768 or 65536); the graph
        (``.meta``) or ``args.txt`` beside them does.

    Returns
    -------
    dict
        ``"generator"``, ``"discriminator"``, ``"q_network"``: those the checkpoint holds, float32, in evaluation mode.

    Raises
    ------
    CheckpointError
        (a ValueError) for files that are missing or damaged, and variables that are missing, unknown, of another shape or not
        finite; the message names the file and the variable.
    """
    networks = read_checkpoint(path, preset=preset, slice_len=slice_len).networks
    return {role: network.eval() for role, network in networks.items()}
