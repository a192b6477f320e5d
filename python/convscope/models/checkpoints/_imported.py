"""What came out of a checkpoint, and where each number of it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from .._network import SpeechNetwork
from .._spec import Role
from ._error import CheckpointError

# In names of files and variables.
LETTERS: dict[str, Role] = {"G": "generator", "D": "discriminator", "Q": "q_network"}


@dataclass(frozen=True, slots=True)
class Mapped:
    """A variable of the file and the parameter it became."""

    variable: str
    role: Role
    parameter: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """The networks of a checkpoint by role.

    ``mapped`` has a row for every parameter, ``ignored`` the variables that belong to training, ``notes`` what was concluded and
    from what.
    """

    path: str
    format: str
    preset: str
    networks: dict[Role, SpeechNetwork]
    mapped: tuple[Mapped, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.format}, read as {self.preset}"]
        for role, network in self.networks.items():
            spec = network.spec
            shape = f"{spec.slice_len} samples, {spec.num_categories} categories, {spec.parameter_count:,} parameters"
            lines.append(f"  {role}: {shape}")
            lines += [
                f"    {row.variable} {list(row.shape)} -> {row.parameter}"
                for row in self.mapped
                if row.role == role
            ]
        lines += [f"  {note}" for note in self.notes]
        if self.ignored:
            lines.append(f"  left out, since only training needs them: {len(self.ignored)} variables")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Source:
    """The variable that a parameter comes from, and its axes in the order of the parameter's, behind any of length 1."""

    variable: str
    axes: tuple[int, ...]

    def stored(self, parameter: np.ndarray) -> np.ndarray:
        """The variable that this parameter would come from."""
        ones = (1,) * (len(self.axes) - parameter.ndim)
        return np.ascontiguousarray(
            parameter.reshape(*ones, *parameter.shape).transpose(np.argsort(self.axes))
        )


def fill(
    network: SpeechNetwork, sources: Mapping[str, Source], arrays: Mapping[str, np.ndarray], file: str
) -> list[Mapped]:
    """Give every parameter of a network, which has no memory of its own yet, its values.

    CheckpointError names the variable that is missing, of another shape or not finite.
    """
    role, rows = network.spec.role, []
    state: dict[str, torch.Tensor] = {}
    for name, parameter in network.state_dict().items():
        if name.endswith("num_batches_tracked"):  # a count that only training needs, and few have
            count = arrays[name] if name in sources and name in arrays else 0
            state[name] = torch.tensor(int(count), dtype=torch.int64)
            continue
        source = sources[name]
        if source.variable not in arrays:
            raise CheckpointError(
                f"{file}: there is no variable {source.variable}, which {name} of the {role} needs"
            )
        values = arrays[source.variable]
        shape = tuple(values.shape)
        laid_out = values.transpose(source.axes) if values.ndim == len(source.axes) else values
        while laid_out.ndim > parameter.dim() and laid_out.shape[0] == 1:
            laid_out = laid_out[0]
        if laid_out.shape != tuple(parameter.shape):
            wanted = f"{list(parameter.shape)} for {name} of the {role}"
            raise CheckpointError(
                f"{file}: {source.variable}: expected {wanted}, got {list(laid_out.shape)} (stored as {list(shape)})"
            )
        count = laid_out.size - int(np.isfinite(laid_out).sum())
        if count:
            raise CheckpointError(
                f"{file}: {source.variable}: {count} of {laid_out.size} values are not finite"
            )
        if name.endswith("running_var") and laid_out.min() < 0:
            raise CheckpointError(
                f"{file}: {source.variable}: expected variances of at least 0, got {laid_out.min():g}"
            )
        state[name] = torch.from_numpy(np.ascontiguousarray(laid_out, dtype=np.float32))
        rows.append(Mapped(source.variable, role, name, shape))
    network.load_state_dict(state, assign=True)
    return rows
