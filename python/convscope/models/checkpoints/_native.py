"""Networks on disk in a format of this package: a folder with one safetensors file for each, its description inside."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..._folders import whole_folder
from .._network import SpeechNetwork
from .._spec import Role
from .._text import from_json, to_json
from ._error import CheckpointError
from ._imported import Source, as_array, check_roles, empty_network, fill
from ._reader import reading

SUFFIX = ".safetensors"
_KEY = "convscope.network"  # of the description among the file's metadata


def save(
    networks: Mapping[Role, SpeechNetwork], folder: str | os.PathLike[str], *, replace: bool = False
) -> None:
    """Write networks to a folder, ``generator.safetensors`` and so on; all of them or, on an error, nothing.

    Parameters
    ----------
    networks : by role, as `load` and `import_checkpoint` return them.
    folder : a new one.
    replace : whether it may exist already; it is then replaced as a whole, and remains as it was if anything fails.

    Raises
    ------
    FileExistsError
        If the folder is there and ``replace`` is false.
    NotADirectoryError
        If it is a file.
    ValueError
        If there are no networks, or one of them has another role.
    """
    check_roles(networks)
    with whole_folder(Path(folder), replace=replace) as made:
        write_networks(networks, made)


def write_networks(networks: Mapping[Role, SpeechNetwork], folder: Path) -> None:
    """Their files, into a folder that is there: for those who make it whole themselves."""
    for role, network in networks.items():
        tensors = {name: values.detach().cpu().contiguous() for name, values in network.state_dict().items()}
        path = folder / f"{role}{SUFFIX}"
        try:
            save_file(tensors, path, metadata={_KEY: to_json(network.spec)})
        except SafetensorError as error:  # what it makes of a full disk
            raise OSError(f"{path}: could not be written: {error}") from error
        path.chmod(0o644)  # as any file, for others of a group to read


def load(path: str | os.PathLike[str]) -> dict[Role, SpeechNetwork]:
    """The networks of a folder that `save` wrote, or of one of its files, in evaluation mode.

    Raises
    ------
    CheckpointError
        (a ValueError) for files that are missing, damaged or cut off, and parameters that are missing, unknown, of another shape or
        not finite; the message names the file and the parameter.
    """
    path = Path(path)
    networks: dict[Role, SpeechNetwork] = {}
    with reading(path):
        files = [path]
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.suffix == SUFFIX)
        if not files or not files[0].exists():
            raise CheckpointError(f"{path}: expected a folder with {SUFFIX} files, or one of them")
        for file in files:
            network = _load(file)
            if network.spec.role in networks:
                raise CheckpointError(f"{file}: a second {network.spec.role} in the folder")
            networks[network.spec.role] = network.eval()
    return networks


def _load(file: Path) -> SpeechNetwork:
    file.open("rb").close()  # for what the system says, which safetensors words otherwise
    try:
        with safe_open(file, framework="pt") as opened:
            description = (opened.metadata() or {}).get(_KEY)
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118, no mapping
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{file}: damaged, cut off, or no safetensors file: {error}") from error
    arrays = {name: as_array(values, f"{file}: {name}") for name, values in tensors.items()}
    if description is None:
        raise CheckpointError(f"{file}: not written by convscope: it has no description of a network")
    network = empty_network(partial(from_json, description), str(file))
    parameters = {name: values.dim() for name, values in network.state_dict().items()}
    for name in arrays:
        if name not in parameters:
            raise CheckpointError(
                f"{file}: {name}: no parameter of a {network.spec.name} {network.spec.role}"
            )
    fill(
        network,
        {name: Source(name, tuple(range(count))) for name, count in parameters.items()},
        arrays,
        str(file),
    )
    return network
