"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer


def probe_options(**options: Any) -> dict[str, Any]:
    """For `Probe`: what was chosen of a list becomes a plain string, which is also what files keep."""
    return {name: str(value) if isinstance(value, StrEnum) else value for name, value in options.items()}


class Reduce(StrEnum):
    """What becomes of the channels."""

    mean = "mean"
    rms = "rms"
    max = "max"


class At(StrEnum):
    """Where in a layer."""

    post = "post"
    pre = "pre"


class Algorithm(StrEnum):
    """How layers are computed."""

    auto = "auto"
    direct = "direct"
    spectral = "spectral"


class Precision(StrEnum):
    """Of the products."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


class Memory(StrEnum):
    """For packed weights."""

    normal = "normal"
    low = "low"


class OnError(StrEnum):
    """What to do with unreadable sounds."""

    stop = "raise"
    skip = "skip"


Net = Annotated[
    str,
    typer.Argument(
        metavar="NET",
        help="PRESET:ROLE[:SETTING=VALUE,...], such as tf1-ciwgan:generator:dim=16,seed=3; roles are "
        "generator, discriminator and q_network, settings those of convscope.models.preset, and seed. Preset weights are "
        "random, drawn from the seed. Or words8:ROLE, which is trained and comes with the package, or FOLDER:ROLE, what convscope import or train wrote. Or FILE.py:FUNCTION, a function that returns your "
        "own torch module.",
    ),
]
INPUT_HELP = (
    "Sound files or folders of them (for networks that hear; resampled to the network's rate, the whole file scaled to "
    "peak 1 and only then cut or padded to the slice), .npy or .npz arrays of latents or waveforms, one sample per row, "
    "or random:COUNT[:SEED], uniform between -1 and 1. For a generator with categories (num_categories=N) random latents "
    "begin with a code of N entries, one of them 1 and the others 0, each category equally likely."
)
Layers = Annotated[
    list[str] | None,
    typer.Option(
        "--layers",
        "-l",
        metavar="NAME",
        help='A layer, or a pattern such as "conv*"; repeat for more. All by default.',
    ),
]
InputShape = Annotated[
    str | None,
    typer.Option(
        metavar="N[,N]",
        help="Shape of one input sample, for your own module if it does not tell: 1,16384 for one channel of sound.",
    ),
]
SampleRate = Annotated[
    int | None,
    typer.Option(min=1, metavar="HZ", help="Sample rate of your own module's sound, 16000 by default."),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        "-t",
        min=1,
        help="Threads to use; the result is the same for any number. All by default.",
    ),
]
HowComputed = Annotated[
    Algorithm,
    typer.Option(
        help="spectral multiplies less, direct keeps the error of quiet stretches beside loud ones lowest; auto takes the "
        "faster one, layer by layer (convscope plan shows it)."
    ),
]
HowPrecise = Annotated[
    Precision,
    typer.Option(
        help="bfloat16 is for previews: errors of some thousandths, on processors with AVX512_BF16; float16 is the GPU's, with "
        "errors of a thousandth at most."
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="cpu, cuda, or cuda:1 for one of several GPUs; convscope info says whether there is one. By default where the "
        "network is.",
    ),
]
HowMuchMemory = Annotated[
    Memory,
    typer.Option(help="low keeps to the direct form, whose packed weights are two to three times smaller."),
]
TypicalBatch = Annotated[
    int | None,
    typer.Option(
        min=1, help="Samples per call to plan for. By default single samples and batches of 64 are weighed."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
