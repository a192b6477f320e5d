"""Networks in state dicts of the PyTorch ports: their names, and what these say of the network.

Layouts are torch's own; flat sides run over channels, then positions. What a port's code did beyond its weights is its preset's
affair (``models/_dialects.py``); where several share their names, the weights do not tell which trained them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from .._network import SpeechNetwork
from .._presets import preset as make_spec
from .._spec import Conv, Dense, NetworkSpec, Role
from ._error import CheckpointError
from ._imported import Imported, Mapped, Source, empty_network, fill, unknown_length
from ._torch_file import State


@dataclass(frozen=True, slots=True)
class Names:
    """Of a port's modules, where i counts layers from 0 and n from 1; its layers are what it is known by."""

    presets: tuple[str, ...]
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

    def layers(self, template: str, state: State) -> dict[str, int]:
        """The parameters of numbered modules, and which layer each is of."""
        before, number, after = re.split(r"\{([in])\}", template)
        name = re.compile(rf"{re.escape(before)}(\d{{1,4}}){re.escape(after)}\.(weight|bias)")
        found = ((own, name.fullmatch(own)) for own in state.names)
        return {own: int(match[1]) + (number == "i") - 1 for own, match in found if match}

    def count(self, template: str, state: State) -> int:
        """How many layers there are, those that miss parameters included."""
        return max(self.layers(template, state).values(), default=-1) + 1


_ATZHOU8 = Names(
    presets=(
        "torch-atzhou8-2022",
        "torch-atzhou8-2025a",
        "torch-atzhou8-2025b",
        "torch-ceti",
        "articulationgan",
    ),
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
    up="deconv_list.{i}.transpose_ops.1",
    up_norm="deconv_list.{i}.transpose_ops.2",
    upsample="nearest",
)
_JTCRAMER = Names(
    presets=("torch-jtcramer",),
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
_JTCRAMER_NEAREST = replace(_JTCRAMER, up="upSampConv{n}.conv1d", upsample="nearest")
_PORTS = (_ATZHOU8, _MOSTAFAELARABY, _MOSTAFAELARABY_NEAREST, _JTCRAMER, _JTCRAMER_NEAREST)
# Of a batch norm, with what each is when it is made.
_NORM = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1, "num_batches_tracked": 0}


def import_ports(states: Sequence[State], preset: str | None, slice_len: int | None) -> Imported:
    """All networks of a file or set of files. Warns where the weights do not tell which vintage of a port trained them."""
    found = [(state, *_recognised(state)) for state in states]
    roles = [role for *_, role in found]
    for i, role in enumerate(roles):
        if role in roles[:i]:
            raise CheckpointError(f"{found[i][0].file}: a second {role}")
    preset, note = _preset(found, preset)
    heads = [_shape(state, f"{names.head}.weight", 2) for state, names, role in found if role == "q_network"]
    categories = max((outputs for outputs, _ in heads), default=0)
    normalised = any(_has_norm(names, state) for state, names, _ in found)
    options = [
        _generator_options(names, state) if role == "generator" else _critic_options(names, state)
        for state, names, role in found
    ]
    told = {
        role: option.pop("slice_len")
        for role, option in zip(roles, options, strict=True)
        if "slice_len" in option
    }
    length = _slice_len(told, preset, slice_len, states[0].file)
    networks: dict[Role, SpeechNetwork] = {}
    mapped: list[Mapped] = []
    ignored: list[str] = []
    for (state, names, role), option in zip(found, options, strict=True):
        if role == "q_network" or (role == "generator" and categories):
            option["num_categories"] = categories
        make = partial(make_spec, preset, role=role, slice_len=length, batch_norm=normalised, **option)
        networks[role] = empty_network(make, f"{state.file}: no {preset}")
        rows, unused = _filled(networks[role], state, names)
        mapped += rows
        ignored += unused
    return Imported(
        path=states[0].file if len(states) == 1 else ", ".join(state.file for state in states),
        format="PyTorch state dict",
        preset=preset,
        networks=networks,
        mapped=tuple(mapped),
        ignored=tuple(sorted(ignored)),
        notes=(note,),
    )


def _filled(network: SpeechNetwork, state: State, names: Names) -> tuple[list[Mapped], list[str]]:
    """What became of each parameter of the file: what it is now, or that it is of no use."""
    sources = {
        parameter: replace(source, variable=state.names.get(source.variable, source.variable))
        for parameter, source in _sources(network.spec, names).items()
    }
    rows = fill(network, sources, state.arrays, state.file)
    used = {row.variable for row in rows}
    unused = {own: name for own, name in state.names.items() if name not in used}
    for own, name in unused.items():
        if not re.match(names.unused, own):
            raise CheckpointError(
                f"{state.file}: {name}: no parameter of a {network.spec.name} {network.spec.role}"
            )
    return rows, [f"{network.spec.role}: {name}" for name in unused.values()]


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
    parameters = network.state_dict()
    return {
        source.variable: parameters[name].detach().cpu().clone()
        for name, source in _sources(network.spec, names).items()
    }


def _recognised(state: State) -> tuple[Names, Role]:
    """Whose names these are, and of which network."""
    for names in _PORTS:
        if _has_layers(names, names.up, state):
            role: Role = "generator"
        elif _has_layers(names, names.down, state):
            many = _shape(state, f"{names.head}.weight", 2)[0] > 1
            role = (
                "q_network" if state.role == "q_network" or (state.role is None and many) else "discriminator"
            )
        else:
            continue
        if state.role not in (None, role):
            raise CheckpointError(f"{state.file}: expected a {state.role}, got the names of a {role}")
        return names, role
    some = ", ".join(list(state.arrays)[:3])
    raise CheckpointError(f"{state.file}: expected the names of a known port, got {some} ...")


def _has_layers(names: Names, template: str, state: State) -> bool:
    """Whether there is a kernel, which has three dimensions, of one of these at least."""
    arrays = (state.get(own) for own in names.layers(template, state))
    return any(values is not None and values.ndim == 3 for values in arrays)


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
    generators = [state for state, _, role in found if role == "generator"]
    if any(_shape(state, f"{names.place(names.up, 0)}.weight", 3)[2] == 7 for state in generators):
        return "articulationgan", "articulationgan: kernels of 7 taps"
    first = names.presets[0]
    of_16384 = all(names.count(names.up, state) == 5 for state in generators)  # torch-ceti's are of 65536
    if len(names.presets) == 1 or (len(generators) == len(found) and of_16384):
        return first, f"{first}: by its names; its generators are one"
    differ = "their slopes (LeakyReLU of 2.0 in the discriminator and 0.0 in the Q-network until April 2025, then 0.2)"
    rates = "their sample rate (32000 Hz in torch-ceti, else 16000)"
    differ = rates if len(generators) == len(found) else differ if of_16384 else f"{differ} and {rates}"
    warnings.warn(
        f"{state.file}: {', '.join(names.presets)} have the same weights and differ in {differ}: read as {first}; "
        "preset= says otherwise",
        stacklevel=4,
    )
    return first, f"{first}: assumed, since the weights do not tell the vintage"


def _has_norm(names: Names, state: State) -> bool:
    """Whether batch norms are used. Some ports have them in any case: unused ones are as they were made."""
    if names.up_norm and any(
        state.get(f"{names.place(names.up_norm, i)}.weight") is not None
        for i in range(names.count(names.up, state))
    ):
        return True
    if not names.down_norm:
        return False
    places = [names.place(names.down_norm, i) for i in range(names.count(names.down, state))]
    return any(
        (values := state.get(f"{place}.{part}")) is not None
        and (not re.match(names.unused, f"{place}.") or bool((values != made).any()))
        for place in places
        for part, made in _NORM.items()
    )


def _shape(state: State, name: str, dimensions: int) -> tuple[int, ...]:
    values = state.get(name)
    if values is None:
        raise CheckpointError(f"{state.file}: there is no parameter {name}")
    if values.ndim != dimensions or 0 in values.shape:
        raise CheckpointError(
            f"{state.file}: {state.names[name]}: expected {dimensions} dimensions and some values, got shape {values.shape}"
        )
    return values.shape


def _depth(names: Names, template: str, state: State) -> int:
    layers = names.count(template, state)
    if layers not in (5, 6):
        name = names.place(template, layers - 1)
        raise CheckpointError(
            f"{state.file}: expected five or six layers, got {layers}, the last being {name}"
        )
    return layers


def _generator_options(names: Names, state: State) -> dict[str, Any]:
    layers = _depth(names, names.up, state)
    weight = _shape(state, f"{names.place(names.up, layers - 1)}.weight", 3)
    dim, channels = (weight[1], weight[0]) if names.upsample == "nearest" else (weight[0], weight[1])
    options: dict[str, Any] = {"kernel_len": weight[2], "num_channels": channels, "dim": dim}
    options["latent_dim"] = _shape(state, f"{names.project}.weight", 2)[1]
    if weight[2] == 7:  # the articulatory one
        options["dim"] = dim // 4
    if names.upsample is not None:
        options["upsample"] = names.upsample
    if names.filter:
        name = f"{names.filter}.weight"
        options["post_filter_len"] = 0 if state.get(name) is None else _shape(state, name, 3)[2]
    if layers == 5:
        options["slice_len"] = 16384
    elif names is _ATZHOU8:
        options["slice_len"] = 65536
    return options


def _critic_options(names: Names, state: State) -> dict[str, Any]:
    layers = _depth(names, names.down, state)
    dim, channels, taps = _shape(state, f"{names.place(names.down, 0)}.weight", 3)
    positions = _shape(state, f"{names.head}.weight", 2)[1] // (dim * 2 ** (layers - 1))
    options: dict[str, Any] = {"kernel_len": taps, "num_channels": channels, "dim": dim}
    if layers == 5:
        options["slice_len"] = positions * 1024
    else:  # of 32768 samples the sixth layer, of stride 2, makes one position less than it should
        options["slice_len"] = 65536 if positions == 16 else 32768
    return options


def _slice_len(told: dict[Role, int], preset: str, given: int | None, file: str) -> int:
    """Samples of the waveform, of which there are as many for all networks."""
    if given is not None:
        return given
    if preset == "articulationgan" and len(told) > 1:
        told = {
            role: length for role, length in told.items() if role != "generator"
        }  # its frames are always 256
    if len(set(told.values())) > 1:
        each = ", ".join(f"{role} of {length}" for role, length in told.items())
        raise CheckpointError(f"{file}: expected networks of as many samples, got a {each}")
    if not told:
        raise unknown_length(file, "nothing in the file")
    return next(iter(told.values()))


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
