"""Networks in state dicts of the PyTorch ports: their names, and what these say of the network.

Layouts are torch's own; flat sides run over channels, then positions. What a port's code did beyond its weights is its preset's
affair (``models/_dialects.py``); where several share their names, the weights do not tell which trained them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from .._network import SpeechNetwork
from .._presets import preset as make_spec
from .._spec import Conv, Dense, NetworkSpec, Role, SpecError
from ._error import CheckpointError
from ._imported import Imported, Mapped, Source, fill
from ._torch_file import State

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Names:
    """Of a port's modules, where i counts layers from 0 and n from 1; ``marks`` are those by which it is known."""

    presets: tuple[str, ...]
    marks: tuple[str, ...]
    project: str
    project_norm: str
    up: str
    up_norm: str
    down: str
    down_norm: str
    head: str
    filter: str = ""
    upsample: str | None = None
    unused: str = r"(?!)"  # what is there whether it is used or not

    def place(self, template: str, i: int) -> str:
        return template.format(i=i, n=i + 1)


_ATZHOU8 = Names(
    presets=(
        "torch-atzhou8-2022",
        "torch-atzhou8-2025a",
        "torch-atzhou8-2025b",
        "torch-ceti",
        "articulationgan",
    ),
    marks=("upconv0.conv.weight", "downconv_0.conv.weight"),
    project="z_project",
    project_norm="z_batchnorm",
    up="upconv{i}.conv",
    up_norm="upconv{i}.batch_norm",
    down="downconv_{i}.conv",
    down_norm="downconv_{i}.batchnorm",
    head="fc_out",
)
_MOSTAFAELARABY = Names(
    presets=("torch-mostafaelaraby",),
    marks=("deconv_list.0.transpose_ops.0.weight", "conv_layers.0.conv1d.weight"),
    project="fc1",
    project_norm="bn1",
    up="deconv_list.{i}.transpose_ops.0",
    up_norm="deconv_list.{i}.transpose_ops.1",
    down="conv_layers.{i}.conv1d",
    down_norm="conv_layers.{i}.batch_norm",
    head="fc1",
    upsample="zeros",
    unused=r"bn1\.|conv_layers\.\d+\.batch_norm\.",
)
_MOSTAFAELARABY_NEAREST = replace(
    _MOSTAFAELARABY,
    marks=("deconv_list.0.transpose_ops.1.weight",),
    up="deconv_list.{i}.transpose_ops.1",
    up_norm="deconv_list.{i}.transpose_ops.2",
    upsample="nearest",
)
_JTCRAMER = Names(
    presets=("torch-jtcramer",),
    marks=("tconv1.weight", "conv1.weight"),
    project="fc1",
    project_norm="",
    up="tconv{n}",
    up_norm="",
    down="conv{n}",
    down_norm="",
    head="fc1",
    filter="ppfilter1",
    upsample="zeros",
)
_JTCRAMER_NEAREST = replace(
    _JTCRAMER, marks=("upSampConv1.conv1d.weight",), up="upSampConv{n}.conv1d", upsample="nearest"
)
_PORTS = (_ATZHOU8, _MOSTAFAELARABY, _MOSTAFAELARABY_NEAREST, _JTCRAMER, _JTCRAMER_NEAREST)
_NORM = ("weight", "bias", "running_mean", "running_var")
_OF_TRAINING = re.compile(r"\.num_batches_tracked$")


def import_ports(states: Sequence[State], preset: str | None, slice_len: int | None) -> Imported:
    """All networks of a file or set of files. Warns where the weights do not tell which vintage of a port trained them."""
    found = [(state, *_recognised(state)) for state in states]
    preset, note = _preset(found, preset)
    heads = (state.arrays.get(f"{names.head}.weight") for state, names, role in found if role == "q_network")
    categories = max((len(head) for head in heads if head is not None), default=0)
    normalised = any(_has_norm(names, state.arrays) for state, names, _ in found)
    networks: dict[Role, SpeechNetwork] = {}
    mapped: list[Mapped] = []
    ignored: list[str] = []
    for state, names, role in found:
        options = _generator_options(names, state) if role == "generator" else _critic_options(names, state)
        of_shapes = options.pop("slice_len", None)
        if (length := slice_len or of_shapes) is None:
            raise CheckpointError(
                f"{state.file}: six layers are of 32768 or of 65536 samples, and nothing in the file says which: expected "
                "slice_len, got none"
            )
        if role == "q_network" or (role == "generator" and categories):
            options["num_categories"] = categories
        try:
            spec = make_spec(preset, role=role, slice_len=length, batch_norm=normalised, **options)
        except SpecError as error:
            raise CheckpointError(f"{state.file}: no {preset}: {error}") from error
        if role in networks:
            raise CheckpointError(f"{state.file}: a second {role}")
        with torch.device("meta"):
            networks[role] = SpeechNetwork(spec)
        sources = _sources(spec, names)
        mapped += fill(networks[role], sources, state.arrays, state.file)
        used = {source.variable for source in sources.values()}
        for name in (name for name in state.arrays if name not in used):
            if not (_OF_TRAINING.search(name) or re.match(names.unused, name)):
                raise CheckpointError(f"{state.file}: {name}: no parameter of a {preset} {role}")
            ignored.append(f"{role}: {name}")
    return Imported(
        path=states[0].file if len(states) == 1 else ", ".join(state.file for state in states),
        format="PyTorch state dict",
        preset=preset,
        networks=networks,
        mapped=tuple(mapped),
        ignored=tuple(sorted(ignored)),
        notes=(note,),
    )


def port_state(network: SpeechNetwork) -> dict[str, torch.Tensor]:
    """A network's parameters under its port's names."""
    first = network.spec.layers[1]
    upsample = "nearest" if isinstance(first, Conv) and first.upsample > 1 else "zeros"
    names = next(
        names for names in _PORTS if network.spec.name in names.presets and names.upsample in (None, upsample)
    )
    if not names.up_norm and any(layer.norm is not None for layer in network.spec.layers):
        raise ValueError(
            f"{network.spec.name} has no names for batch norms, and this {network.spec.role} has some"
        )
    parameters, state = network.state_dict(), {}
    for name, source in _sources(network.spec, names).items():
        state[source.variable] = parameters[name].detach().cpu().clone()
        if name.endswith("running_mean"):
            count = name.replace("running_mean", "num_batches_tracked")
            state[source.variable.replace("running_mean", "num_batches_tracked")] = parameters[count].clone()
    return state


def _recognised(state: State) -> tuple[Names, Role]:
    """Whose names these are, and of which network."""
    arrays = state.arrays
    for names in _PORTS:
        mark = next((mark for mark in names.marks if mark in arrays and arrays[mark].ndim == 3), None)
        if mark is None:
            continue
        if mark == f"{names.place(names.up, 0)}.weight":
            return names, "generator"
        head = arrays.get(f"{names.head}.weight")
        return names, state.role or ("q_network" if head is not None and len(head) > 1 else "discriminator")
    some = ", ".join(list(arrays)[:3])
    raise CheckpointError(f"{state.file}: expected the names of a known port, got {some} ...")


def _preset(found: Sequence[tuple[State, Names, Role]], preset: str | None) -> tuple[str, str]:
    state, names, _ = found[0]
    if any(other.presets != names.presets for _, other, _ in found):
        raise CheckpointError(f"{state.file}: its networks have names of different ports")
    if preset is not None:
        if preset not in names.presets:
            raise CheckpointError(
                f"{state.file}: expected one of the presets {', '.join(names.presets)}, got {preset!r}"
            )
        return preset, f"{preset}: as given"
    if any(
        role == "generator" and _shape(state, f"{names.place(names.up, 0)}.weight")[2] == 7
        for state, names, role in found
    ):
        return "articulationgan", "articulationgan: kernels of 7 taps"
    if len(names.presets) == 1 or all(role == "generator" for _, _, role in found):
        return names.presets[0], f"{names.presets[0]}: by its names; its generators are one"
    warnings.warn(
        f"{state.file}: {', '.join(names.presets)} have the same weights and differ in their slopes (LeakyReLU of 2.0 in the "
        f"discriminator and 0.0 in the Q-network until April 2025, then 0.2): read as {names.presets[0]}; preset= says otherwise",
        stacklevel=4,
    )
    return names.presets[0], f"{names.presets[0]}: assumed, since the weights do not tell the vintage"


def _has_norm(names: Names, arrays: Arrays) -> bool:
    """Whether batch norms are used: some ports have them in any case, and then only training counts their batches."""
    if names.up_norm and f"{names.place(names.up_norm, 0)}.weight" in arrays:
        return True
    if not names.down_norm:
        return False
    place = names.place(names.down_norm, 0)
    if re.match(names.unused, f"{place}."):
        return bool(arrays.get(f"{place}.num_batches_tracked", np.zeros(())) > 0)
    return f"{place}.weight" in arrays


def _shape(state: State, name: str) -> tuple[int, ...]:
    if name not in state.arrays:
        raise CheckpointError(f"{state.file}: there is no parameter {name}")
    return state.arrays[name].shape


def _layers(template: str, names: Names, arrays: Arrays) -> int:
    count = 0
    while f"{names.place(template, count)}.weight" in arrays:
        count += 1
    return count


def _generator_options(names: Names, state: State) -> dict[str, Any]:
    layers = _layers(names.up, names, state.arrays)
    weight = _shape(state, f"{names.place(names.up, layers - 1)}.weight")
    dim, channels = (weight[1], weight[0]) if names.upsample == "nearest" else (weight[0], weight[1])
    options: dict[str, Any] = {"kernel_len": weight[2], "num_channels": channels, "dim": dim}
    options["latent_dim"] = _shape(state, f"{names.project}.weight")[1]
    if weight[2] == 7:  # the articulatory one
        options["dim"] = dim // 4
    if names.upsample is not None:
        options["upsample"] = names.upsample
    if names.filter:
        filtered = state.arrays.get(f"{names.filter}.weight")
        options["post_filter_len"] = 0 if filtered is None else filtered.shape[2]
    if layers == 5:
        options["slice_len"] = 16384
    elif names is _ATZHOU8:
        options["slice_len"] = 65536
    return options


def _critic_options(names: Names, state: State) -> dict[str, Any]:
    dim, channels, taps = _shape(state, f"{names.place(names.down, 0)}.weight")
    layers = _layers(names.down, names, state.arrays)
    positions = _shape(state, f"{names.head}.weight")[1] // (dim * 2 ** (layers - 1))
    options: dict[str, Any] = {"kernel_len": taps, "num_channels": channels, "dim": dim}
    if layers == 5:
        options["slice_len"] = positions * 1024
    elif layers == 6:  # of 32768 samples the sixth layer, of stride 2, makes one position less than it should
        options["slice_len"] = 65536 if positions == 16 else 32768
    return options


def _sources(spec: NetworkSpec, names: Names) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    convolutions = 0
    is_generator = spec.role == "generator"
    for layer in spec.layers:
        if isinstance(layer, Dense):
            place, norm = (names.project, names.project_norm) if is_generator else (names.head, "")
            axes: tuple[int, ...] = (0, 1)
        elif layer.name == "filter":
            place, norm, axes = names.filter, "", (0, 1, 2)
        else:
            place = names.place(names.up if is_generator else names.down, convolutions)
            norm = names.place(names.up_norm if is_generator else names.down_norm, convolutions)
            axes = (0, 1, 2)
            convolutions += 1
        sources[f"{layer.name}.weight"] = Source(f"{place}.weight", axes)
        if layer.bias:
            sources[f"{layer.name}.bias"] = Source(f"{place}.bias", (0,))
        if layer.norm is not None:
            sources |= {f"{layer.name}.norm.{part}": Source(f"{norm}.{part}", (0,)) for part in _NORM}
    return sources
