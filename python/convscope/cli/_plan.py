"""`convscope plan NET`: how it will be computed, and what it will take."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._console import say, show_json, show_table
from ._errors import reporting
from ._network import load_network
from ._options import (
    Algorithm,
    Debug,
    Device,
    HowComputed,
    HowMuchMemory,
    HowPrecise,
    InputShape,
    Json,
    Layers,
    Memory,
    Net,
    Precision,
    SampleRate,
    Threads,
    TypicalBatch,
    probe_options,
)  # fmt: skip

if TYPE_CHECKING:
    from ..probe import LayerPlan

HEADER = ("layer", "algorithm", "window", "multiply-adds (M)", "computed (M)", "weights (MB)")


def plan(
    net: Net,
    layers: Layers = None,
    batch: Annotated[int, typer.Option(min=1, help="Samples to estimate time and memory for.")] = 1000,
    device: Device = None,
    algorithm: HowComputed = Algorithm.auto,
    precision: HowPrecise = Precision.float32,
    memory: HowMuchMemory = Memory.normal,
    typical_batch: TypicalBatch = None,
    threads: Threads = None,
    input_shape: InputShape = None,
    sample_rate: SampleRate = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say how each layer is computed, and what a run would take.

    Multiply-adds are per sample: as the layer is defined, and as it is
    computed. The spectral form works on windows of so many positions and
    multiplies about three times less.

    \b
    convscope plan tf1-ciwgan:generator
    convscope plan tf1-ciwgan:generator --algorithm direct --batch 100000
    """
    with reporting(debug=debug):
        options = probe_options(
            device=device,
            algorithm=algorithm,
            precision=precision,
            memory=memory,
            typical_batch=typical_batch,
            num_threads=threads,
        )
        probe = load_network(net, input_shape, sample_rate).prepare(layers, **options)
        is_compiled = probe.engine != "torch"
        if json:
            show_json(
                {"engine": probe.engine, "layers": [asdict(row) for row in probe.plan], **_cost(probe, batch)}
            )
            return
        show_table(HEADER, [_row(row) for row in probe.plan])
        say(f"engine     {probe.engine}")
        if is_compiled:
            say(str(probe.estimate(batch)))


def _cost(probe: Any, batch: int) -> dict[str, Any]:
    """The seconds that nobody knows are null: JSON has no NaN."""
    if probe.engine == "torch":
        return {}
    estimate = asdict(probe.estimate(batch))
    return {"estimate": {key: None if value != value else value for key, value in estimate.items()}}


def _row(row: LayerPlan) -> tuple[str, ...]:
    if row.algorithm == "torch":
        return (row.layer, row.algorithm, "-", "-", "-", "-")
    return (
        row.layer,
        row.algorithm,
        str(row.window or "-"),
        f"{row.multiply_adds / 1e6:.1f}",
        f"{row.computed / 1e6:.1f}",
        f"{row.weight_bytes / 1e6:.1f}",
    )
