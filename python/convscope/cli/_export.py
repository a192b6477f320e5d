"""`convscope export FOLDER`: networks back to the files of the system that they are from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._console import say
from ._errors import Failure, Misuse, misuse, reporting
from ._options import Debug


def export(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What convscope import or training wrote.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="NAME", help="What the files' names begin with, such as old/model.ckpt-0."
        ),
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace files, the folder's checkpoint and args.txt included.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Write networks as the code that they are from reads them.

    Those of a tf1- preset become a TensorFlow checkpoint, those of a PyTorch
    port its state dicts. Optimisers are not written. Beside a TensorFlow
    checkpoint come the files checkpoint, which names it, and args.txt, with
    the length of its sounds: best give it a folder of its own.

    \b
    convscope export net -o old/model.ckpt-0
    """
    with reporting(debug=debug):
        from ..models import CheckpointError, export_checkpoint, load

        try:
            networks = load(folder)
        except CheckpointError as error:
            raise Failure(str(error)) from error
        try:
            with misuse(ValueError, about="--out: "):
                files = export_checkpoint(networks, out, replace=force)
        except FileExistsError as error:
            raise Misuse(f"--out: {error}; --force replaces it") from error
        say(f"wrote {', '.join(str(file) for file in files)}")
