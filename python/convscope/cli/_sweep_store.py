"""`convscope sweep status | verify | export | compare`: what there is to do with a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .._folders import replacing
from ._console import note, say, show_json, show_table
from ._errors import Failure, Misuse, misuse, reporting
from ._options import Debug, Json
from ._sweep import _facts, sweep_of

Store = Annotated[
    str, typer.Argument(metavar="STORE", help="What convscope sweep has written, complete or not.")
]
Chosen = Annotated[
    list[str] | None, typer.Option("--layers", "-l", metavar="NAME", help="Repeat for more. All by default.")
]


def status(store: Store, json_: Json = False, debug: Debug = False) -> None:
    """Say which shards are done, missing and failed, how fast it goes and how long it will take."""
    with reporting(debug=debug), misuse(FileNotFoundError, about="STORE: "):
        from ..sweep import sweep_status

        found = sweep_status(store)
        if json_:
            show_json(_facts(found))
        else:
            say(str(found))


def verify(
    store: Store,
    recompute: Annotated[
        int,
        typer.Option(min=0, help="Shards to compute again and compare bit by bit; 0 looks at files only."),
    ] = 4,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Compare every file with its receipt, and some shards with what the network makes again.

    Damaged shards count as missing from then on: the command that made the
    store computes them again. Exit code 1 where there are any.
    """
    with reporting(debug=debug):
        from ..sweep import open_sweep, verify_sweep

        with misuse(FileNotFoundError, about="STORE: "):
            request = open_sweep(store).attrs.get("request")
        if recompute and request is None:
            note("made from Python: files are compared, no shard is computed again (Sweep.verify does)")
        if recompute and request is not None:
            try:
                found = sweep_of(json.loads(request), store).verify(recompute)
            except (Misuse, ValueError) as error:
                raise Failure(
                    f"{store}: cannot be computed again, --recompute 0 looks at files only: {error}"
                ) from error
        else:
            found = verify_sweep(store)
        if json_:
            show_json(_facts(found))
        else:
            say(str(found))
        if not found.is_sound:
            raise typer.Exit(1)


def export(
    store: Store,
    to: Annotated[
        Path,
        typer.Argument(
            metavar="TO",
            help="NAME.parquet (a row for each sample and layer, for R), NAME.nc, NAME.npz, or a folder for WAV files.",
        ),
    ],
    layers: Chosen = None,
    samples: Annotated[
        str | None, typer.Option(metavar="FIRST:END", help="Which; END is the first that is not.")
    ] = None,
    rate: Annotated[
        int | None, typer.Option(min=1, metavar="HZ", help="Of WAV files; the network's by default.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a store as something that other programs read."""
    with reporting(debug=debug):
        from ..sweep import export_sweep

        with misuse(ValueError, FileNotFoundError, FileExistsError):
            made = export_sweep(store, to, layers=layers, samples=_stretch(samples), rate_hz=rate)
        say(f"{made}: {sum(1 for _ in made.iterdir())} sounds" if made.is_dir() else f"{made}: written")


def compare(
    first: Annotated[str, typer.Argument(metavar="FIRST", help="A store.")],
    second: Annotated[
        str, typer.Argument(metavar="SECOND", help="A store of a design with the same variables.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.nc", help="NetCDF.")] = Path(
        "compared.nc"
    ),
    layers: Chosen = None,
    reduction: Annotated[str, typer.Option(help="Which of theirs.")] = "mean",
    debug: Debug = False,
) -> None:
    """Compare two sweeps, such as of two checkpoints: difference and effect size for each layer, value and moment."""
    with reporting(debug=debug):
        from ..sweep import compare_sweeps

        if out.suffix != ".nc":
            raise Misuse(f"--out: expected a name that ends in .nc, got {out}")
        if out.exists():
            raise Misuse(f"--out: {out} exists already")
        with misuse(ValueError, FileNotFoundError):
            found = compare_sweeps(first, second, layers=layers, reduction=reduction)
        with replacing(out) as made:
            found.to_netcdf(made, engine="h5netcdf")
        show_table(
            ("layer", "pairs", "mean |difference|", "largest |effect|"),
            [_row(name, node) for name, node in found.children.items()],
        )
        if found.attrs["left_out"]:
            note(f"left out: {found.attrs['left_out']}")
        say(f"{out}: written")


def _row(name: str, node: Any) -> tuple[str, ...]:
    difference, effect = abs(node["difference"]).mean(), abs(node["effect_size"]).max()
    return name, str(int(node["pairs"].sum())), f"{float(difference):.3g}", f"{float(effect):.3g}"


def _stretch(text: str | None) -> slice:
    if text is None:
        return slice(None)
    first, mark, end = text.partition(":")
    if not mark or not all(part == "" or part.isdecimal() for part in (first, end)):
        raise Misuse(f"--samples: expected FIRST:END, such as 0:100, got {text!r}")
    return slice(int(first or 0), int(end) if end else None)
