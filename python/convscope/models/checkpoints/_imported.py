"""What came out of a checkpoint, and where each number of it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .._network import SpeechNetwork
from .._spec import NetworkSpec, Role
from ._error import CheckpointError, printable, reason

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
                f"    {printable(row.variable)} {list(row.shape)} -> {row.parameter}"
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


def check_roles(networks: Mapping[Role, SpeechNetwork]) -> None:
    """ValueError for none at all, or one under another role than its own: it would be read as that."""
    if not networks:
        raise ValueError("networks: expected at least one, got none")
    for role, network in networks.items():
        if network.spec.role != role:
            raise ValueError(f"networks: expected a {role} under that name, got a {network.spec.role}")


def as_array(values: Tensor, what: str) -> np.ndarray:
    """Floating-point numbers of any precision as float32, others as they are. ``what`` they are is for errors."""
    try:
        values = values.detach()
        if values.numel() * values.element_size() > values.untyped_storage().nbytes():
            raise ValueError(f"{values.numel()} of them share {values.untyped_storage().nbytes()} bytes")
        return (values.to(torch.float32) if values.is_floating_point() else values).numpy()
    except (RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{what}: expected plain numbers, got {values.dtype}: {reason(error)}"
        ) from error


def unknown_length(file: str, where: str) -> CheckpointError:
    """For a network that could be of two lengths; ``where`` is what does not say which."""
    return CheckpointError(
        f"{file}: six layers are of 32768 or of 65536 samples, and {where} says which: expected slice_len, got none"
    )


def empty_network(make: Callable[[], NetworkSpec], what: str) -> SpeechNetwork:
    """A network without memory of its own, since the file may claim any shapes; for `fill`."""
    try:
        with torch.device("meta"):
            return SpeechNetwork(make())
    except (ValueError, RuntimeError, TypeError, KeyError, OverflowError) as error:
        raise CheckpointError(f"{what}: {reason(error)}") from error


def fill(
    network: SpeechNetwork, sources: Mapping[str, Source], arrays: Mapping[str, np.ndarray], file: str
) -> list[Mapped]:
    """Give every parameter of an `empty_network` its values.

    CheckpointError names the variable that is missing, of another shape or type, or not finite.
    """
    role, rows = network.spec.role, []
    state: dict[str, Tensor] = {}
    for name, parameter in network.state_dict().items():
        is_count = name.endswith("num_batches_tracked")  # which only training needs, and few have
        if is_count and (name not in sources or sources[name].variable not in arrays):
            state[name] = torch.tensor(0)
            continue
        source = sources[name]
        if source.variable not in arrays:
            raise CheckpointError(
                f"{file}: there is no variable {source.variable}, which {name} of the {role} needs"
            )
        values, what = arrays[source.variable], f"{file}: {source.variable}"
        if is_count:
            state[name] = _count(values, what)
        else:
            laid_out = _laid_out(values, source, tuple(parameter.shape), what, f"{name} of the {role}")
            state[name] = torch.from_numpy(_finite(laid_out, what))
            if name.endswith("running_var") and (least := laid_out.min()) < 0:
                raise CheckpointError(f"{what}: expected variances of at least 0, got {least:g}")
        rows.append(Mapped(source.variable, role, name, tuple(values.shape)))
    network.load_state_dict(state, assign=True)
    return rows


def _count(values: np.ndarray, what: str) -> Tensor:
    if values.size != 1 or values.dtype.kind not in "iuf" or not 0 <= values.item() < 2**63:
        raise CheckpointError(f"{what}: expected a count, got {values.dtype} of shape {list(values.shape)}")
    return torch.tensor(int(values.item()))


def _laid_out(
    values: np.ndarray, source: Source, wanted: tuple[int, ...], what: str, parameter: str
) -> np.ndarray:
    laid_out = values.transpose(source.axes) if values.ndim == len(source.axes) else values
    while laid_out.ndim > len(wanted) and laid_out.shape[0] == 1:
        laid_out = laid_out[0]
    if laid_out.shape != wanted:
        raise CheckpointError(
            f"{what}: expected {list(wanted)} for {parameter}, got {list(laid_out.shape)} (stored as {list(values.shape)})"
        )
    return laid_out


def _finite(values: np.ndarray, what: str) -> np.ndarray:
    """As float32."""
    if values.dtype.kind != "f":
        raise CheckpointError(f"{what}: expected floating-point numbers, got {values.dtype}")
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(values, dtype=np.float32)
    wrong = single.size - int(np.isfinite(single).sum())
    if wrong:
        raise CheckpointError(f"{what}: {wrong} of {single.size} values are not finite in single precision")
    return single
