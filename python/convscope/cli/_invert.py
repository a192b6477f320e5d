"""`convscope invert NET SOUND...`: the latent vectors whose sounds are nearest to recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._console import progress, say, show_table
from ._errors import Misuse, misuse, reporting
from ._network import load_network
from ._options import Debug

ARRAY = "latents.npy"


def invert(
    net: Annotated[
        str,
        typer.Argument(metavar="NET", help="A generator: words8:generator, or any NET of convscope probe."),
    ],
    sounds: Annotated[list[Path], typer.Argument(metavar="SOUND...", help="Sound files.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="A new one.")] = Path("inverted"),
    restarts: Annotated[int, typer.Option(min=1, help="Random beginnings for each sound.")] = 16,
    steps: Annotated[int, typer.Option(min=1, help="Of the search.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Of the beginnings.")] = 0,
    debug: Debug = False,
) -> None:
    """Find latent vectors whose sounds are nearest to recordings.

    Writes what the generator makes of them beside latents.npy, one row for
    each sound in the order given. An error of 1 is as far off as silence;
    that of the best random beginning stands beside the one that was
    reached. A generator says what it was trained on, and no more.

    \b
    convscope invert words8:generator demo/words/*.wav
    """
    with reporting(debug=debug):
        import numpy as np

        from ..data import SoundError, load_sounds, write_sound
        from ..latents import OneHot
        from ..models import SpeechNetwork
        from ..train import invert as search

        module = load_network(net).module
        if not isinstance(module, SpeechNetwork) or module.spec.role != "generator":
            raise Misuse(f"NET: expected a generator, got {net}")
        spec = module.spec
        if out.exists():
            raise Misuse(f"--out: {out} exists already")
        with misuse(SoundError):
            batch = load_sounds(sounds, slice_len=spec.slice_len, sample_rate_hz=spec.sample_rate_hz)
        code = OneHot(spec.num_categories) if spec.num_categories else None
        with progress("searching"), misuse(ValueError):
            found = search(module, batch.waveforms, code=code, restarts=restarts, steps=steps, seed=seed)
        out.mkdir(parents=True)
        np.save(out / ARRAY, found.latents)
        for i, (path, sound) in enumerate(zip(sounds, found.sounds, strict=True)):
            write_sound(out / f"{i}-{path.stem}.wav", sound, spec.sample_rate_hz, clip=True)
        show_table(
            ("sound", "waveform error", "spectral error", "best random"),
            [
                (path.name, *(f"{value:.3f}" for value in errors))
                for path, *errors in zip(
                    sounds, found.waveform_error, found.spectral_error, found.random_error, strict=True
                )
            ],
        )
        say(f"{out}: {len(sounds)} sounds and {ARRAY}")
