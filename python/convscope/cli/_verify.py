"""`convscope verify NET [INPUT...]`: how exact the numbers are."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._console import progress, say, show_json, show_table
from ._errors import FAILURE, misuse, reporting
from ._inputs import read_inputs
from ._network import load_network
from ._options import (
    INPUT_HELP,
    Algorithm,
    At,
    Debug,
    Device,
    HowComputed,
    HowPrecise,
    InputShape,
    Json,
    Layers,
    Net,
    Precision,
    Reduce,
    SampleRate,
    probe_options,
)

if TYPE_CHECKING:
    from ..probe import LayerError, Verification

# The largest of the engine's promises (docs/design): 2 for its direct form, 3 for its spectral one.
LIMIT = 3.0
# Spacing of float32 numbers around 1. A layer below it is as good as float32 gets, whatever PyTorch's luck.
ROUNDING = 2.0**-23
HEADER = ("layer", "error", "PyTorch's error", "ratio", "worst stretch", "PyTorch's", "largest difference")


def verify(
    net: Net,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT", help=INPUT_HELP + " Random numbers by default."),
    ] = None,
    layers: Layers = None,
    reduce: Annotated[Reduce, typer.Option(help="What becomes of a layer's channels.")] = Reduce.mean,
    at: Annotated[At, typer.Option(help="After the activation function or before it.")] = At.post,
    samples: Annotated[
        int, typer.Option(min=1, help="How many of the samples to compare: the first of INPUT.")
    ] = 4,
    limit: Annotated[
        float, typer.Option(min=0, help="Fail where a layer's error is more than so many times PyTorch's.")
    ] = LIMIT,
    device: Device = None,
    algorithm: HowComputed = Algorithm.auto,
    precision: HowPrecise = Precision.float32,
    input_shape: InputShape = None,
    sample_rate: SampleRate = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare every layer with PyTorch in double precision.

    Errors are relative: 1e-7 is one part in ten million. PyTorch's own
    single precision stands beside ours; the ratio of the two should be near
    1 or below. The exit code is 1 if a layer's ratio is above the limit,
    unless its error is below 1.2e-7, the rounding of single precision.
    The worst stretch is the largest error of eight neighbouring positions,
    relative to those: a quiet stretch beside a loud one has the largest.

    \b
    convscope verify tf1-ciwgan:generator
    convscope verify tf1-ciwgan:q_network:num_categories=8 recordings/
    """
    with reporting(debug=debug):
        from ..probe import verify as compare

        network = load_network(net, input_shape, sample_rate)
        options = probe_options(reduce=reduce, at=at, device=device, algorithm=algorithm, precision=precision)
        prepared = network.prepare(layers, **options)
        values = read_inputs(inputs or [f"random:{samples}"], network.wanted(prepared)).values[
            :samples
        ]  # (B, *shape)
        with progress("comparing"), misuse(ValueError):
            found = compare(network.module, values, layers=layers or None, **options)
        failed = [row.layer for row in found if is_beyond(row, limit)]
        if json:
            show_json({"layers": [_facts(row) for row in found], "limit": limit, "failed": failed})
        else:
            show_errors(found)
            verdict = (
                f"beyond {limit:g} times PyTorch's: {', '.join(failed)}"
                if failed
                else f"within {limit:g} times PyTorch's"
            )
            say(f"compared {len(values)} of the samples: {verdict}")
        if failed:
            raise typer.Exit(FAILURE)


def is_beyond(row: LayerError, limit: float) -> bool:
    """Whether a layer is worse than promised; one whose error is no number is."""
    return not (row.ratio <= limit or row.error <= ROUNDING)


def show_errors(found: Verification, *, title: str | None = None) -> None:
    """The table of errors."""
    rows = [
        (
            row.layer,
            f"{row.error:.1e}",
            f"{row.torch_error:.1e}",
            f"{row.ratio:.2f}",
            f"{row.local:.1e}",
            f"{row.torch_local:.1e}",
            f"{row.largest:.1e}",
        )
        for row in found
    ]
    show_table(HEADER, rows, title=title)


def _facts(row: LayerError) -> dict[str, Any]:
    """What is infinite, such as the ratio to an error of zero, or no number is null: JSON has neither."""
    facts = asdict(row) | {"ratio": row.ratio if row.torch_error > 0 else None}
    name = facts.pop("layer")
    return {"name": name} | {
        key: value if value is not None and math.isfinite(value) else None for key, value in facts.items()
    }
