"""`convscope sweep NET`: layer series of many latent vectors, to a store that can be interrupted."""

from __future__ import annotations

import json
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._console import progress, say, show_json
from ._designs import Draw, given_rows, lines_between, over_values
from ._errors import Interrupted, Misuse, closest, misuse, reporting
from ._network import Network, load_network
from ._options import (
    Algorithm,
    At,
    Debug,
    Device,
    HowComputed,
    HowMuchMemory,
    HowPrecise,
    InputShape,
    Json,
    Layers,
    Memory,
    Precision,
    Reduce,
    SampleRate,
    Threads,
    probe_options,
)

if TYPE_CHECKING:
    from ..latents import Design
    from ..sweep import Sweep

_HOW = {
    "out",
    "executor",
    "workers",
    "address",
    "check",
    "force_new",
    "estimate",
    "json_",
    "debug",
    "config",
}  # not what


class Executor(StrEnum):
    """Who does it."""

    serial = "serial"
    threads = "threads"
    ranks = "ranks"
    dask = "dask"


class Dtype(StrEnum):
    """Of stored series."""

    float32 = "float32"
    float16 = "float16"


class Compression(StrEnum):
    """Of stored arrays."""

    blosc = "blosc"
    zstd = "zstd"
    none = "none"


class Check(StrEnum):
    """What is looked at of shards that are there."""

    sizes = "sizes"
    bytes = "bytes"
    none = "none"


def _read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Values of a file stand in for options that are not given."""
    if path is None:
        return None
    known = {parameter.name for parameter in context.command.params} - {"config", "debug", "json_"}
    with reporting(debug=False):
        try:
            given = tomllib.loads(path.read_text())
        except FileNotFoundError:
            raise Misuse(f"--config: no such file: {path}") from None
        except (ValueError, OSError) as error:
            raise Misuse(f"--config: {path}: {error}") from error
        for name in given:
            if name not in known:
                raise Misuse(f"--config: {path}: no option {name!r}{closest(name, sorted(map(str, known)))}")
    options = {parameter.name: parameter for parameter in context.command.params}
    natural = {
        name: _as_option(value, is_list=bool(getattr(options[name], "multiple", False)))
        for name, value in given.items()
    }
    context.default_map = {**(context.default_map or {}), **natural}
    return path


def _as_option(value: Any, *, is_list: bool) -> Any:
    """As it would stand on the command line: one value for an option that is repeated, a list for one with commas."""
    if is_list:
        return value if isinstance(value, list) else [value]
    return ",".join(map(str, value)) if isinstance(value, list) else value


def sweep(
    context: typer.Context,
    net: Annotated[
        str,
        typer.Argument(
            metavar="NET",
            help="As for convscope probe: words8:generator, tf1-ciwgan:generator:num_categories=8, FOLDER:ROLE, FILE.py:FUNCTION.",
        ),
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE.toml",
            is_eager=True,
            callback=_read_config,
            help='Options from a file, net among them: out = "sweep.zarr", variable = ["z11=-15:5:11"].',
        ),
    ] = None,
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="STORE", help="A folder, or a URL such as s3://bucket/sweep.zarr."
        ),
    ] = "sweep.zarr",
    line: Annotated[
        list[str] | None,
        typer.Option(
            "--line",
            metavar="VECTOR",
            help="Give it twice: from one vector to another; more often: on to the next. random:NUMBER, FILE.npy or FILE.npy:ROW.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="Vectors on each line, both ends included.")] = 101,
    sphere: Annotated[bool, typer.Option("--sphere", help="Along a great circle, not straight.")] = False,
    variable: Annotated[
        list[str] | None,
        typer.Option(
            "--variable",
            "-v",
            metavar="NAME=VALUES",
            help="One latent variable over values, the others as in each base: z11=-15:5:11 (from, to, how many) or z11=0,1,2.5. "
            "Counted from 0, the code included. Repeat for every combination of several.",
        ),
    ] = None,
    bases: Annotated[
        str, typer.Option("--bases", "-b", metavar="COUNT|FILE.npy", help="What the other variables are.")
    ] = "100",
    random: Annotated[
        int | None, typer.Option("--random", min=1, metavar="COUNT", help="Random vectors.")
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option("--rows", metavar="FILE.npy", help="Vectors, or waveforms for networks that hear."),
    ] = None,
    code: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help="How random vectors begin: one_hot, binary, none, or values with commas."
        ),
    ] = None,
    normal: Annotated[
        bool, typer.Option("--normal", help="Normal random vectors, not uniform from -1 to 1.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of random vectors.")] = 0,
    layers: Layers = None,
    reduce: Annotated[
        list[Reduce] | None,
        typer.Option(help="What becomes of a layer's channels; repeat for more. Mean by default."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            "-k",
            metavar="WHAT",
            help="series (by default), window:START:END (s), decimate:FACTOR, peak, energy, centroid, f0, intensity, moments (mean "
            "and variance over bases), top:COUNT:SCALAR. Repeat for more.",
        ),
    ] = None,
    audio: Annotated[
        bool, typer.Option("--audio", help="Store the generator's waveform, too, as 16-bit samples.")
    ] = False,
    latents: Annotated[bool, typer.Option("--latents/--no-latents", help="Store the latent vectors.")] = True,
    shard: Annotated[int, typer.Option(min=1, help="Samples that are written together.")] = 1024,
    dtype: Annotated[Dtype, typer.Option(help="Of stored series.")] = Dtype.float32,
    compression: Annotated[Compression, typer.Option(help="Of what is stored.")] = Compression.blosc,
    at: Annotated[At, typer.Option(help="After the activation (the papers') or before it.")] = At.post,
    device: Device = None,
    precision: HowPrecise = Precision.float32,
    algorithm: HowComputed = Algorithm.auto,
    memory: HowMuchMemory = Memory.normal,
    threads: Threads = None,
    input_shape: InputShape = None,
    sample_rate: SampleRate = None,
    executor: Annotated[
        Executor,
        typer.Option(
            "--executor",
            "-x",
            help="threads writes while it computes; ranks takes every n-th shard, by the variables of torchrun or SLURM; dask uses "
            "a cluster.",
        ),
    ] = Executor.threads,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes of a local Dask cluster.")] = None,
    address: Annotated[str | None, typer.Option(metavar="URL", help="A Dask scheduler's.")] = None,
    rank: Annotated[int | None, typer.Option(min=0, help="For ranks, where no variable says it.")] = None,
    world: Annotated[int | None, typer.Option(min=1, help="How many ranks there are.")] = None,
    check: Annotated[
        Check,
        typer.Option(
            help="What is looked at, of shards that are there, before the missing ones are computed."
        ),
    ] = Check.sizes,
    estimate: Annotated[bool, typer.Option("--estimate", help="Say what it will take, and stop.")] = False,
    force_new: Annotated[
        bool, typer.Option("--force-new", help="Delete the store of another sweep that is there.")
    ] = False,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Probe a network for many latent vectors, into a Zarr store.

    Interrupt it or kill it: the same command goes on with what is missing,
    and the store ends in the same bits. Several processes share it best by
    -x ranks; without, they may do some shards twice, to no harm.

    \b
    convscope sweep words8:generator --variable z11=-4.5:4.5:19 --bases 100
    convscope sweep words8:generator --line random:0 --line random:1 --steps 2001
    convscope sweep words8:generator --random 100000 --keep moments --estimate
    convscope sweep status sweep.zarr
    """
    with reporting(debug=debug):
        request = {
            name: value for name, value in context.params.items() if name not in _HOW and value is not None
        }
        _check_used(context, request)
        with misuse(FileExistsError):
            made = sweep_of(request, out, force_new=force_new)
            if estimate:
                found = made.estimate()
                if json_:
                    show_json(_facts(found))
                else:
                    say(str(found))
                return
            try:
                with progress("sweep: shards") as step:
                    status = made.run(
                        str(executor),  # type: ignore[arg-type]
                        progress=step,
                        check=str(check),  # type: ignore[arg-type]
                        workers=workers,
                        address=address,
                        rank=rank,
                        world=world,
                    )
            except KeyboardInterrupt as error:
                done = made.status()
                raise Interrupted(
                    f"interrupted: {done.done} of {done.shards} shards are in {out}; the same command goes on"
                ) from error
        if json_:
            show_json(_facts(status))
        else:
            say(str(status))


def _check_used(context: typer.Context, request: dict[str, Any]) -> None:
    """`Misuse` for an option that the chosen design has no use for: it would look as if it had been heard."""
    drawn = {"code", "normal", "seed"}
    uses = {
        "line": {
            "steps",
            "sphere",
            *(drawn if any("random:" in text for text in request.get("line") or ()) else ()),
        },
        "variable": {"bases", *(drawn if not str(request["bases"]).endswith(".npy") else ())},
        "random": drawn,
        "rows": set(),
    }
    way = next((name for name in uses if request.get(name)), None)
    for name in sorted({"steps", "sphere", "bases", *drawn} - uses.get(way or "", set())):
        source = context.get_parameter_source(name)
        if way is not None and source is not None and source.name in ("COMMANDLINE", "DEFAULT_MAP"):
            raise Misuse(f"--{name}: has no meaning for this --{way}")


def sweep_of(request: dict[str, Any], out: str, *, force_new: bool = False) -> Sweep:
    """The sweep that options stand for; they are kept in the store, for `convscope sweep verify`."""
    from ..probe import UnusableDeviceError
    from ..sweep import Sweep

    network = load_network(request["net"], request.get("input_shape"), request.get("sample_rate"))
    design = _design(request, network)
    options = probe_options(
        **{
            name: request[name]
            for name in ("at", "device", "precision", "algorithm", "memory")
            if name in request
        }
    )
    with misuse(ValueError, TypeError, UnusableDeviceError):
        return Sweep(
            network.module,
            design,
            out=out,
            layers=list(request["layers"]) if request.get("layers") else None,
            reduce=[str(name) for name in request.get("reduce") or ["mean"]],
            keep=list(request.get("keep") or ["series"]),
            shard=request["shard"],
            latents=request["latents"],
            audio=request["audio"],
            dtype=str(request["dtype"]),
            compression=str(request["compression"]),
            num_threads=request.get("threads"),
            input_shape=network.input_shape,
            sample_rate_hz=network.sample_rate_hz,
            force_new=force_new,
            attributes={"request": json.dumps(request, default=str, sort_keys=True)},
            **options,
        )


def _design(request: dict[str, Any], network: Network) -> Design:
    ways = [name for name in ("line", "variable", "random", "rows") if request.get(name)]
    if len(ways) != 1:
        got = " and ".join(f"--{way}" for way in ways) or "none"
        raise Misuse(f"expected one of --line, --variable, --random and --rows, got {got}")
    spec = getattr(network.module, "spec", None)
    size = _input_size(network)
    categories = int(spec.num_categories) if spec is not None and spec.role == "generator" else 0
    draw = Draw(size, categories, request.get("code"), request["normal"], request["seed"])
    if ways == ["line"]:
        if len(request["line"]) < 2:
            raise Misuse("--line: expected at least two, from one vector to another, got one")
        return lines_between(request["line"], request["steps"], draw, on_sphere=request["sphere"])
    if ways == ["variable"]:
        return over_values(request["variable"], request["bases"], draw)
    if ways == ["rows"]:
        return given_rows(request["rows"], "--rows", size)
    return draw.design(request["random"])


def _input_size(network: Network) -> int:
    import math

    spec = getattr(network.module, "spec", None)
    shape = network.input_shape or (spec.input_shape if spec is not None else network.prepare().input_shape)
    return math.prod(shape)


def _facts(found: Any) -> dict[str, Any]:
    """Of a dataclass, for JSON: NaN is None."""
    from dataclasses import asdict

    return {name: None if value != value else value for name, value in asdict(found).items()}
