"""`convscope probe NET INPUT...`: the main job."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ._console import note, progress, say, show_json, show_table
from ._errors import Interrupted, reporting
from ._inputs import Numbers, Samples, Wanted, note_changes, read_inputs
from ._network import Network, load_network
from ._options import (
    INPUT_HELP,
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
    Net,
    OnError,
    Precision,
    Reduce,
    SampleRate,
    Threads,
    TypicalBatch,
    probe_options,
)  # fmt: skip
from ._output import Target, labelled, write_dataset, write_figure

if TYPE_CHECKING:
    from ..probe import Probe, Series

AFTER_SOUND_S = 0.05


def probe(
    net: Net,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT", help=INPUT_HELP)],
    layers: Layers = None,
    reduce: Annotated[
        Reduce, typer.Option(help="What becomes of a layer's channels; the papers take the mean.")
    ] = Reduce.mean,
    at: Annotated[
        At, typer.Option(help="After the activation function, as in the papers, or before it.")
    ] = At.post,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Where the series go: .nc (NetCDF, for xarray and R) or .npz (NumPy).",
        ),
    ] = Path("series.nc"),
    picture: Annotated[
        bool, typer.Option("--picture/--no-picture", help="Draw the first sample, beside FILE, as .png.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace files that exist.")] = False,
    on_error: Annotated[
        OnError, typer.Option(help="Stop at sounds that cannot be read, or skip them by name.")
    ] = OnError.stop,
    device: Device = None,
    algorithm: HowComputed = Algorithm.auto,
    precision: HowPrecise = Precision.float32,
    memory: HowMuchMemory = Memory.normal,
    typical_batch: TypicalBatch = None,
    threads: Threads = None,
    chunk: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Samples handed over at a time; the result is the same for all.",
        ),
    ] = None,
    input_shape: InputShape = None,
    sample_rate: SampleRate = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Turn sounds or latent vectors into one time series per layer.

    \b
    A folder of recordings through a Q-network:
      convscope probe tf1-ciwgan:q_network:num_categories=8 recordings/
    Two layers of a generator that speaks 500 random latent vectors:
      convscope probe tf1-ciwgan:generator random:500 -l conv3 -l conv4
    Your own module on your own latents:
      convscope probe model.py:make_generator z.npy --input-shape 100 --out latents.npz

    The result opens in Python with xarray.open_dataset("series.nc"): one
    variable per layer, with its time axis in seconds.
    """
    with reporting(debug=debug):
        target = Target.check(out, has_picture=picture)
        network = load_network(net, input_shape, sample_rate)
        options = probe_options(
            reduce=reduce,
            at=at,
            device=device,
            algorithm=algorithm,
            precision=precision,
            memory=memory,
            typical_batch=typical_batch,
            num_threads=threads,
            chunk=chunk,
        )
        prepared = network.prepare(layers, **options)
        if picture and not any(layer.has_clock for layer in prepared.layers):
            note("no picture: none of the layers has a time axis")
            target = replace(target, picture=None)
        wanted = network.wanted(prepared)
        with progress("reading"):
            samples = read_inputs(inputs, wanted, on_error=on_error.value)
        if not force:
            target.check_free()
        note_changes(samples, wanted)
        if network.seed is not None:
            note("the preset's weights are random, drawn from its seed: no trained network is shipped yet")
        with progress("probing") as step:
            started_s = time.perf_counter()
            series = prepared.run(samples.values, progress=step)
            seconds = time.perf_counter() - started_s
        with progress("writing"):
            _write(target, series, samples, network, wanted)
        summary = _summary(target, prepared, samples, wanted, seconds)
        if json:
            show_json(summary)
        else:
            _tell(summary, series)


def _write(target: Target, series: Series, samples: Samples, network: Network, wanted: Wanted) -> None:
    dataset = labelled(series, samples.names, network.full_name, seed=network.seed)
    if wanted.is_sound:
        said = {
            "units": "samples",
            "description": "of the sound at sample_rate_hz, before it was cut or padded",
        }
        dataset = dataset.assign_coords(length=("sample", np.array(samples.lengths, np.int64), said))
    if target.picture is None:
        write_dataset(target.series, dataset)
        return
    from ..plot import plot_word

    waveform = samples.values[0].reshape(-1) if wanted.is_sound else None  # (N,)
    end_s = None if waveform is None else _end_s(waveform, wanted.sample_rate_hz)
    title = Path(samples.names[0]).name
    figure = plot_word(series, waveform=waveform, title=title, made_by=network.described, end_s=end_s)
    write_dataset(target.series, dataset)
    try:
        write_figure(target.picture, figure)
    except KeyboardInterrupt as error:
        raise Interrupted(f"interrupted: {target.series} is written, the picture is not") from error


def _end_s(waveform: Numbers, sample_rate_hz: int) -> float | None:
    """End of the picture: shortly after the last sound, without the padding; None for silence."""
    heard = np.flatnonzero(waveform)
    if not heard.size:
        return None
    return min(float(heard[-1]) / sample_rate_hz + AFTER_SOUND_S, waveform.size / sample_rate_hz)


def _summary(
    target: Target, prepared: Probe, samples: Samples, wanted: Wanted, seconds: float
) -> dict[str, Any]:
    cut = samples.cut(wanted.shape[-1]) if wanted.is_sound else ()
    return {
        "samples": len(samples.names),
        "skipped": list(samples.skipped),
        "cut": [{"name": name, "seconds": length / wanted.sample_rate_hz} for name, length in cut],
        "silent": list(samples.silent),
        "engine": prepared.engine,
        "seconds": seconds,
        "samples_per_second": len(samples.names) / seconds,
        "layers": list(prepared.layers.names),
        "series": str(target.series),
        "picture": target.picture and str(target.picture),
    }


def _tell(summary: dict[str, Any], series: Series) -> None:
    shapes = [(name, " x ".join(map(str, np.shape(values)))) for name, values in series.items()]
    show_table(("layer", "samples x positions"), shapes)
    count = summary["samples"]
    say(
        f"{count} sample{'s' * (count != 1)} in {summary['seconds']:.2g} s on {summary['engine']}: "
        f"{summary['samples_per_second']:.0f} samples/s"
    )
    say(f"series   {summary['series']}")
    if summary["picture"]:
        say(f"picture  {summary['picture']}")
