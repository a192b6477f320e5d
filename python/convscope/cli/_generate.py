"""`convscope generate NET`: sounds, and the latent vectors that made them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._console import progress, say
from ._designs import Draw
from ._errors import Misuse, reporting
from ._network import load_network
from ._options import Debug, Threads

_BATCH = 256
TABLE, ARRAY = "latents.csv", "latents.npy"


def generate(
    net: Annotated[
        str,
        typer.Argument(metavar="NET", help="A generator: words8:generator, or any NET of convscope probe."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="A new one.")] = Path("sounds"),
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Sounds.")] = 16,
    code: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="How latent vectors begin: one_hot or binary, drawn; values with commas, such as 5,0, also beyond the training range; or none. "
            "one_hot by default where the network has a code.",
        ),
    ] = None,
    normal: Annotated[
        bool, typer.Option("--normal", help="Normal latent variables, not uniform from -1 to 1.")
    ] = False,
    first: Annotated[
        int, typer.Option(min=0, help="Number of the first latent vector; any is there at once.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the latent vectors.")] = 0,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Write sounds of a generator, each as a WAV file, and the latent vector of each.

    Vector number n is the same whenever the seed is. latents.npy is INPUT
    for convscope probe; latents.csv has the same rows with their files.

    \b
    convscope generate words8:generator --count 8
    convscope generate words8:generator --code 0,0,2.5,0,0,0,0,0 -o loud
    """
    with reporting(debug=debug):
        import numpy as np

        from ..data import write_sound
        from ..models import NetworkSpec

        network = load_network(net)
        spec = getattr(network.module, "spec", None)
        if not isinstance(spec, NetworkSpec) or spec.role != "generator" or spec.layers[-1].out_channels != 1:
            raise Misuse(f"NET: expected a generator of one channel, got {net}")
        if out.exists():
            raise Misuse(f"--out: {out} exists already")
        draw = Draw(spec.in_channels, spec.num_categories, code, normal, seed)
        design = draw.design(first + count)
        last = spec.layers[-1].name
        probe = network.prepare([last], num_threads=threads)
        out.mkdir(parents=True)
        digits = len(str(first + count - 1))
        columns = [f"z{i + 1}" for i in range(spec.in_channels)]
        vectors = np.lib.format.open_memmap(out / ARRAY, "w+", np.float32, (count, spec.in_channels))
        with (out / TABLE).open("w") as table, progress("speaking") as step:
            table.write(",".join(["number", "file", *columns]) + "\n")
            for start in range(first, first + count, _BATCH):
                rows = design[start : min(start + _BATCH, first + count)]
                vectors[start - first : start - first + len(rows)] = rows
                waveforms = probe.run(rows)[last]
                for i, (z, waveform) in enumerate(zip(rows, waveforms, strict=True), start=start):
                    name = f"{i:0{digits}d}.wav"
                    write_sound(out / name, np.asarray(waveform), spec.sample_rate_hz, clip=True)
                    table.write(",".join([str(i), name, *(f"{value:.9g}" for value in z)]) + "\n")
                step(start + len(rows) - first, count)
        vectors.flush()
        say(f"{out}: {count} sounds of {spec.slice_len / spec.sample_rate_hz:.3g} s, {ARRAY} and {TABLE}")
