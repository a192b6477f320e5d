"""`convscope import SOURCE`: a checkpoint of others becomes a folder of networks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ._console import note, progress, say
from ._errors import FAILURE, Failure, Misuse, reporting
from ._options import Debug
from ._verify import LIMIT, is_beyond, show_errors

REPORT = "import.txt"
SAMPLES = 2  # for the comparison of every network


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="TensorFlow 1: model.ckpt-1000, one of its files, or the folder of a run. PyTorch: a .pt, .pkl or .tar file, "
            "what the files of a set have in common (run/epoch7_step900), or their folder. The manifest.json of wavegan's page.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the networks go.")] = Path(
        "net"
    ),
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The dialect, where the names in the file do not tell: tf1-ciwgan, torch-atzhou8-2025a, ...",
        ),
    ] = None,
    slice_len: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Samples of the waveform, where the file does not tell: 32768 or 65536."
        ),
    ] = None,
    trust_pickle: Annotated[
        bool,
        typer.Option(
            "--trust-pickle",
            help="Load files that hold more than arrays. This runs code of whoever made them.",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the folder, if it holds networks and nothing else.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Turn a checkpoint of WaveGAN, ciwGAN or fiwGAN into networks to probe.

    TensorFlow is not needed, and nothing that a file holds is run. Every
    network is compared with PyTorch in double precision, and what was made
    of each variable is written to import.txt in the folder.

    \b
    convscope import run/model.ckpt-121116 -o net
    convscope probe net:q_network recordings/
    """
    with reporting(debug=debug):
        import numpy as np

        from .._folders import whole_folder
        from ..models.checkpoints import CheckpointError, read_checkpoint, write_networks
        from ..probe import verify

        _require_replaceable(out, force)
        try:
            imported = read_checkpoint(source, preset=preset, slice_len=slice_len, trust_pickle=trust_pickle)
        except CheckpointError as error:
            raise Failure(str(error)) from error
        failed = []
        for role, network in imported.networks.items():
            values = np.random.default_rng(0).uniform(-1, 1, (SAMPLES, *network.spec.input_shape))
            with progress(f"comparing {role}"):
                found = verify(network, values)
            show_errors(found, title=role)
            failed += [f"{role} {row.layer}" for row in found if is_beyond(row, LIMIT)]
        with whole_folder(out, replace=force) as made:
            write_networks(imported.networks, made)
            (made / REPORT).write_text(f"{imported}\n", encoding="utf-8", errors="backslashreplace")
        for line in imported.notes:
            note(line)
        say(
            f"read as {imported.preset}: {', '.join(f'{out}:{role}' for role in imported.networks)}; {out / REPORT} has the rest"
        )
        if failed:
            print(f"convscope: beyond {LIMIT:g} times PyTorch's error: {', '.join(failed)}", file=sys.stderr)
            raise typer.Exit(FAILURE)


def _require_replaceable(out: Path, force: bool) -> None:
    """`Misuse` if something would be lost that was not asked for."""
    from ..models.checkpoints import SUFFIX

    if not out.exists():
        return
    if not force:
        raise Misuse(f"--out: {out} exists already; --force replaces it")
    if not out.is_dir():
        raise Misuse(f"--out: {out} is no folder")
    others = sorted(path.name for path in out.iterdir() if path.name != REPORT and path.suffix != SUFFIX)
    if others:
        raise Misuse(
            f"--out: {out} holds more than networks, {others[0]} for one, which --force does not replace"
        )
