"""Networks in TensorFlow 1 checkpoints of wavegan, ciwgan and fiwgan: names, layouts, and what they say of the network.

Kernels of convolutions are (taps, in, out), of transposed ones (1, taps, out, in), of dense layers (in, out); flat sides run
over positions, then channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .._network import SpeechNetwork
from .._presets import preset as make_spec
from .._spec import Dense, NetworkSpec, Role
from ._bundle import TensorBundle
from ._dump import Dump
from ._error import CheckpointError
from ._graph import strides
from ._imported import LETTERS, Imported, Mapped, Source, empty_network, fill, unknown_length

_OF_NETWORK = re.compile(r"(?:^|/)([GDQ])/")
# Slots of the optimisers, their decay rates, counters.
_OF_TRAINING = re.compile(
    r"/(Adam|Adam_1|RMSProp|RMSProp_1|Momentum|ExponentialMovingAverage)$|(^|/)(beta[12]_power(_\d+)?|global_step(_\d+)?)$"
)
_LENGTH = re.compile("[0-9]{1,9}")
_SIXTH_STRIDE = {2: 32768, 4: 65536}
# Axes of a kernel in the order of torch's.
_DENSE, _CONVOLUTION, _TRANSPOSED = (1, 0), (2, 1, 0), (0, 3, 2, 1)
_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def import_tensorflow(bundle: TensorBundle | Dump, preset: str | None, slice_len: int | None) -> Imported:
    """All networks of a checkpoint. CheckpointError where a variable is missing, unknown, of another shape or no number."""
    file = str(bundle.prefix)
    ignored = tuple(name for name in bundle if _OF_TRAINING.search(name))
    names = [name for name in bundle if not _OF_TRAINING.search(name)]
    by_scope = {scope: _of_scope(names, scope) for scope in LETTERS}
    known = {name for found in by_scope.values() for name in found.values()}
    unknown = [name for name in names if name not in known]
    if unknown or not known:
        what = f"{file}: {unknown[0]}" if unknown else file
        raise CheckpointError(
            f"{what}: no variable of a generator (G/), discriminator (D/) or Q-network (Q/)"
        )
    preset = _preset(by_scope, preset, file)
    slice_len, note = _slice_len(bundle, by_scope, slice_len)
    categories = _categories(bundle, by_scope)
    networks: dict[Role, SpeechNetwork] = {}
    mapped: list[Mapped] = []
    for scope, found in by_scope.items():
        if not found:
            continue
        role = LETTERS[scope]
        options = _options(scope, bundle, found, _depth(by_scope))
        if role != "discriminator" and preset != "tf1-wavegan":
            options["num_categories"] = categories
        make = partial(make_spec, preset, role=role, slice_len=slice_len, **options)
        networks[role] = empty_network(make, f"{file}: {scope}/: no {preset}")
        sources = _sources(networks[role].spec, found, scope)
        used = {source.variable for source in sources.values()}
        mapped += fill(networks[role], sources, bundle, file)
        for name in found.values():
            if name not in used:
                raise CheckpointError(f"{file}: {name}: no variable of a {preset} {role}")
    return Imported(
        path=file,
        format=bundle.format,
        preset=preset,
        networks=networks,
        mapped=tuple(mapped),
        ignored=ignored,
        notes=(note,),
    )


def tensorflow_variables(network: SpeechNetwork) -> dict[str, np.ndarray]:
    """A network's parameters under TensorFlow's names and in its layouts."""
    scope = next(scope for scope, role in LETTERS.items() if role == network.spec.role)
    parameters = network.state_dict()
    return {
        source.variable: source.stored(parameters[name].detach().cpu().numpy())
        for name, source in _sources(network.spec, {}, scope).items()
    }


def _of_scope(names: Iterable[str], scope: str) -> dict[str, str]:
    """Names below the network's scope -> whole names, which may have scopes of their own in front."""
    found = {}
    for name in names:
        match = _OF_NETWORK.search(name)
        if match and match[1] == scope:
            found[name[match.end() :]] = name
    return found


def _count(names: Iterable[str], kind: str) -> int:
    """Layers of a kind, which are numbered from 0."""
    numbers = (re.match(rf"Q?{kind}(\d{{1,4}})/", name) for name in names)
    return max((int(found[1]) + 1 for found in numbers if found), default=0)


def _depth(by_scope: Mapping[str, Mapping[str, str]]) -> int:
    """Layers of every network of the checkpoint: five, or as many as there are variables of."""
    return max(5, *(_count(names, kind) for names in by_scope.values() for kind in ("upconv_", "downconv_")))


def _preset(by_scope: Mapping[str, Mapping[str, str]], preset: str | None, file: str) -> str:
    if preset is None:
        if any(name.startswith("embed/") for name in by_scope["G"]):
            return "tf1-ciwgan-embed"
        return "tf1-ciwgan" if by_scope["Q"] else "tf1-wavegan"
    if not preset.startswith("tf1-"):
        raise CheckpointError(
            f"{file}: a TensorFlow checkpoint: expected one of the tf1- presets, got {preset!r}"
        )
    return preset


def _slice_len(
    bundle: TensorBundle | Dump, by_scope: Mapping[str, Mapping[str, str]], given: int | None
) -> tuple[int, str]:
    """Samples of the waveform, and how they are known."""
    if given is not None:
        return given, f"slice_len {given}: as given"
    layers = _depth(by_scope)
    if layers != 6:
        return 16384, f"slice_len 16384: {layers} convolutions"
    graph = strides(Path(f"{bundle.prefix}.meta"))
    sixth = {stride for (_, layer), stride in graph.items() if layer == 5 and stride in _SIXTH_STRIDE}
    if len(sixth) == 1:
        (stride,) = sixth
        length = _SIXTH_STRIDE[stride]
        return length, f"slice_len {length}: the sixth layer's stride is {stride} in the graph"
    arguments = bundle.prefix.with_name("args.txt")
    if arguments.is_file():
        for line in arguments.read_text(errors="replace").splitlines():
            key, _, value = line.partition(",")
            if key == "data_slice_len" and _LENGTH.fullmatch(value.strip()):
                return int(value), f"slice_len {int(value)}: from {arguments.name}"
    raise unknown_length(str(bundle.prefix), "neither a .meta file nor args.txt beside it")


def _categories(bundle: TensorBundle | Dump, by_scope: Mapping[str, Mapping[str, str]]) -> int:
    head = by_scope["Q"].get("Qoutput/dense/kernel")
    table = _embeddings(by_scope["G"])
    if head is not None:
        return _shape(bundle, head, 2)[1]
    return _shape(bundle, table, 2)[0] if table is not None else 0


def _shape(bundle: TensorBundle | Dump, name: str, dimensions: int) -> tuple[int, ...]:
    if name not in bundle:
        raise CheckpointError(f"{bundle.prefix}: there is no variable {name}")
    found = bundle.shape(name)
    if len(found) != dimensions:
        raise CheckpointError(f"{bundle.prefix}: {name}: expected {dimensions} dimensions, got shape {found}")
    return found


def _embeddings(names: Mapping[str, str]) -> str | None:
    return next((name for key, name in names.items() if key.endswith("/embeddings")), None)


def _options(
    scope: str, bundle: TensorBundle | Dump, names: Mapping[str, str], layers: int
) -> dict[str, Any]:
    """What the shapes say, for `preset`."""
    options: dict[str, Any] = {"batch_norm": any("/batch_normalization/" in key for key in names)}

    def shape(key: str, dimensions: int) -> tuple[int, ...]:
        return _shape(bundle, names.get(key, f"{scope}/{key}"), dimensions)

    if scope != "G":
        prefix = "Q" if scope == "Q" else ""
        taps, channels, dim = shape(f"{prefix}downconv_0/conv1d/kernel", 3)
        return options | {"kernel_len": taps, "num_channels": channels, "dim": dim}
    last = layers - 1
    if f"upconv_{last}/conv1d/kernel" in names:
        taps, dim, channels = shape(f"upconv_{last}/conv1d/kernel", 3)
        options["upsample"] = "nearest"
    else:
        _, taps, channels, dim = shape(f"upconv_{last}/conv2d_transpose/kernel", 4)
    options |= {"kernel_len": taps, "num_channels": channels, "dim": dim}
    options["latent_dim"] = shape("z_project/dense/kernel", 2)[0]
    if "pp_filt/conv1d/kernel" in names:
        options["post_filter_len"] = shape("pp_filt/conv1d/kernel", 3)[0]
    if (table := _embeddings(names)) is not None:
        options["embedding_dim"] = _shape(bundle, table, 2)[1]
    return options


def _sources(spec: NetworkSpec, names: Mapping[str, str], scope: str) -> dict[str, Source]:
    """Where each parameter of the network comes from."""
    sources: dict[str, Source] = {}
    convolutions = 0

    def add(parameter: str, key: str, axes: tuple[int, ...] = (0,)) -> None:
        sources[parameter] = Source(names.get(key, f"{scope}/{key}"), axes)

    for layer in spec.layers:
        if isinstance(layer, Dense):
            place = "z_project" if spec.role == "generator" else "Qoutput" if scope == "Q" else "output"
            add(f"{layer.name}.weight", f"{place}/dense/kernel", _DENSE)
            bias = f"{place}/dense/bias"
        else:
            place = f"{'Q' if scope == 'Q' else ''}downconv_{convolutions}"
            if spec.role == "generator":
                place = "pp_filt" if layer.name == "filter" else f"upconv_{convolutions}"
            convolutions += 1
            kind = "conv2d_transpose" if layer.transposed else "conv1d"
            add(
                f"{layer.name}.weight",
                f"{place}/{kind}/kernel",
                _TRANSPOSED if layer.transposed else _CONVOLUTION,
            )
            bias = f"{place}/{kind}/bias"
        if layer.bias:
            add(f"{layer.name}.bias", bias)
        if layer.norm is not None:
            for parameter, variable in _NORM.items():
                add(f"{layer.name}.norm.{parameter}", f"{place}/batch_normalization/{variable}")
        if isinstance(layer, Dense) and layer.embedding is not None:
            table = next((key for key in names if key.endswith("/embeddings")), "embed/embedding/embeddings")
            add(f"{layer.name}.embedding.codes", table, (0, 1))
            add(f"{layer.name}.embedding.weight", "embed/dense/kernel", _DENSE)
            add(f"{layer.name}.embedding.bias", "embed/dense/bias")
    return sources
