"""FOLDER:ROLE, a network that `convscope import` or training has written; ZOO:ROLE, one that comes with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ._errors import Failure, Misuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..models import Role, SpeechNetwork


def names_folder(text: str) -> bool:
    """Whether there is a folder, or a file of that kind, before the last colon or instead of all."""
    from ..models.checkpoints import SUFFIX

    return any(
        Path(name).is_dir() or name.endswith(SUFFIX) for name in (text, text.rpartition(":")[0]) if name
    )


def names_zoo(text: str) -> bool:
    """Whether a network of the zoo is named before the colon; a folder of that name is ./words8."""
    from .. import zoo

    return text.partition(":")[0] in zoo.names()


def from_zoo(text: str) -> SpeechNetwork:
    """The network of that role."""
    from .. import zoo

    name, _, role = text.partition(":")
    return _chosen(zoo.load(name), name, role, text)


def from_folder(text: str) -> SpeechNetwork:
    """The network of that role; `Misuse` if there is none or the role is not said where there are several."""
    from ..models.checkpoints import SUFFIX, CheckpointError, load

    path, role = (text, "") if Path(text).exists() or text.endswith(SUFFIX) else text.rpartition(":")[::2]
    try:
        networks = load(path)
    except CheckpointError as error:
        raise Failure(f"NET: {error}") from error
    return _chosen(networks, path, role, text)


def recipe_of(text: str) -> Path | None:
    """The configuration file that the network of a run or of the zoo was trained by; None for any other."""
    from .. import zoo

    if names_zoo(text):
        return zoo.recipe(text.partition(":")[0])
    if not names_folder(text):
        return None
    path = Path(text) if Path(text).exists() else Path(text.rpartition(":")[0])
    folder = path if path.is_dir() else path.parent
    run = folder.resolve().parent.parent  # of RUN/checkpoints/step-00001000
    return next((each / "config.toml" for each in (folder, run) if (each / "config.toml").is_file()), None)


def _chosen(networks: Mapping[Role, SpeechNetwork], path: str, role: str, text: str) -> SpeechNetwork:
    wanted = role.lower().replace("-", "_") or (next(iter(networks)) if len(networks) == 1 else "")
    for found, network in networks.items():
        if found == wanted:
            return network
    known = " or ".join(f"{path}:{found}" for found in networks)
    raise Misuse(f"NET: expected {known}, got {text!r}")
