"""FOLDER:ROLE, a network that `convscope import` or training has written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ._errors import Failure, Misuse

if TYPE_CHECKING:
    from ..models import SpeechNetwork

_SUFFIX = ".safetensors"


def names_folder(text: str) -> bool:
    """Whether there is a folder, or a file of that kind, before the last colon or instead of all."""
    return any(
        Path(name).is_dir() or name.endswith(_SUFFIX) for name in (text, text.rpartition(":")[0]) if name
    )


def from_folder(text: str) -> SpeechNetwork:
    """The network of that role; `Misuse` if there is none or the role is not said where there are several."""
    from ..models import CheckpointError, load

    path, role = (text, "") if Path(text).exists() or text.endswith(_SUFFIX) else text.rpartition(":")[::2]
    try:
        networks = load(path)
    except CheckpointError as error:
        raise Failure(f"NET: {error}") from error
    wanted = role.lower().replace("-", "_") or (next(iter(networks)) if len(networks) == 1 else "")
    for found, network in networks.items():
        if found == wanted:
            return network
    known = " or ".join(f"{path}:{found}" for found in networks)
    raise Misuse(f"NET: expected {known}, got {text!r}")
