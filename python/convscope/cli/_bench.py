"""`convscope bench`: how fast it is here, beside the engines people use."""

from __future__ import annotations

import datetime
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .._folders import replacing
from ._console import note, progress, say, show_table
from ._errors import FAILURE, Misuse, misuse, reporting
from ._options import Debug
from ._output import write_figure

if TYPE_CHECKING:
    from ..bench import Case, Report

RESULTS = Path("benchmarks", "results")


def bench(
    network: Annotated[
        list[str] | None,
        typer.Option(
            "--network",
            "-n",
            metavar="NAME",
            help="generator or q_network; repeat for more. Both by default.",
        ),
    ] = None,
    batches: Annotated[
        str, typer.Option("--batches", "-b", metavar="N[,N]", help="Samples in one call.")
    ] = "1,16,64,256",
    threads: Annotated[
        str | None,
        typer.Option(
            "--threads", "-t", metavar="N[,N]", help="Threads of every engine. 1 and all by default."
        ),
    ] = None,
    slice_lens: Annotated[
        str, typer.Option(metavar="N[,N]", help="Samples of the waveform: 16384, 32768 or 65536.")
    ] = "16384",
    dims: Annotated[
        str, typer.Option(metavar="N[,N]", help="Size of the networks: 16, 32, 64 as in the papers, 128.")
    ] = "64",
    engine: Annotated[
        list[str] | None,
        typer.Option(
            "--engine", "-e", metavar="NAME", help="A peer to compare with; repeat for more. All by default."
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, help="Rounds, in each of which every engine has a turn.")
    ] = 7,
    per_layer: Annotated[
        bool, typer.Option("--per-layer", help="Also time the network cut after each layer; takes long.")
    ] = False,
    memory: Annotated[
        bool,
        typer.Option(
            "--memory/--no-memory", help="Measure peak memory, each engine in a process of its own."
        ),
    ] = True,
    busy: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Keep so many processors busy meanwhile, as another job would; fewer than all.",
        ),
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Where the numbers go: a name ending in .json; the report and the picture are put beside it, as .md and .png. "
            "By default DATE-PROCESSOR.json (with -busy-N) in benchmarks/results, or here if there is no such folder.",
        ),
    ] = None,
    picture: Annotated[bool, typer.Option("--picture/--no-picture", help="Draw the speeds.")] = True,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace files that exist.")] = False,
    debug: Debug = False,
) -> None:
    """Measure speed, error and memory beside PyTorch, onnxruntime, OpenVINO and JAX.

    Every engine computes the channel means of all layers of the same
    network. Each result is compared with double precision before it is
    timed; engines take turns, and what counts is the ratio of times of one
    round. Peers come with pip install "convscope\\[bench]"; those that are
    missing are listed.

    With all defaults this takes about an hour on two cores; leave the machine alone
    meanwhile. The exit code is 1 if convscope itself is wrong or fails.

    \b
    convscope bench
    convscope bench -n generator -b 64 --no-memory         in a few minutes
    convscope bench -b 16 --busy 1                         beside another job
    convscope bench -b 16 --dims 16,32,128 --slice-lens 16384,65536
    """
    with reporting(debug=debug):
        paths = _paths(out, busy, force=force, picture=picture)
        from ..bench import run

        options: dict[str, Any] = {
            "batches": _numbers("--batches", batches),
            "threads": None if threads is None else _numbers("--threads", threads),
            "slice_lens": _numbers("--slice-lens", slice_lens),
            "dims": _numbers("--dims", dims),
            "engines": engine,
        }
        begun: list[int] = []
        with progress("measuring") as step, misuse(ValueError):
            cases = 0

            def show(case: Case, doing: str, done: int, total: int) -> None:
                nonlocal cases
                if cases == 0 or done != begun[-1]:
                    begun.append(done)
                    note(f"{done + 1} of {total}: {case}")
                    if sys.stderr.isatty():
                        step(done, total)
                cases = total

            report = run(
                **options | ({"networks": network} if network else {}),
                repeats=repeats,
                per_layer=per_layer,
                memory=memory,
                busy=busy,
                progress=show,
            )
        if len(report.results) < cases:
            note(f"interrupted: {len(report.results)} of {cases} cases are in the report")
        _write(report, paths)
        _show(report, paths)
        if not _is_right(report):
            raise typer.Exit(FAILURE)


def _numbers(option: str, text: str) -> list[int]:
    """ "1,16" to [1, 16], each once."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise Misuse(f"{option}: expected whole numbers with commas, such as 1,16, got {text!r}")
    return list(dict.fromkeys(numbers))


def _paths(out: Path | None, busy: int, *, force: bool, picture: bool) -> list[Path]:
    """Of the numbers, the report and the picture; `Misuse`, before any work, where they could not be put."""
    if out is None:
        from ..bench import Machine

        out = (RESULTS if RESULTS.is_dir() else Path()) / default_name(Machine.here().cpu, busy)
    if out.suffix != ".json":
        raise Misuse(f"--out: expected a name that ends in .json, got {out}")
    if not out.parent.is_dir():
        raise Misuse(f"--out: no such folder: {out.parent}")
    paths = [out, out.with_suffix(".md"), *([out.with_suffix(".png")] if picture else [])]
    there = [str(path) for path in paths if path.exists()]
    if there and not force:
        raise Misuse(f"{' and '.join(there)} exist{'s' * (len(there) == 1)} already; --force replaces")
    return paths


def default_name(cpu: str, busy: int = 0, today: datetime.date | None = None) -> str:
    """2026-11-20-amd-epyc.json; with a busy core 2026-11-20-amd-epyc-busy-1.json."""
    slug = re.sub(r"\b(r|tm|cpu|processor)\b", " ", cpu.lower())
    slug = re.sub(r"[^a-z0-9]+", "-", slug).strip("-") or "cpu"
    slug += f"-busy-{busy}" if busy else ""
    return f"{(today or datetime.date.today()).isoformat()}-{slug}.json"


def _write(report: Report, paths: Sequence[Path]) -> None:
    """The picture last: it is missing when there is nothing to draw."""
    for path, text in zip(paths, (report.to_json(), report.markdown()), strict=False):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    for path in paths[2:]:
        try:
            figure = report.plot()
        except ValueError as error:
            note(f"no picture: {error}")
        else:
            write_figure(path, figure)


def _show(report: Report, paths: Sequence[Path]) -> None:
    say(f"{report.machine}")
    for table in report.tables():
        say()
        show_table(table.header, table.rows, title=table.title)
        for line in table.below:
            say(line)
    say()
    for text in report.notes():
        say(f"- {text}")
    say()
    say(report.verdict())
    say(", ".join(str(path) for path in paths if path.exists()))


def _is_right(report: Report) -> bool:
    rows = [row for result in report.results for row in result.rows if row.engine.startswith("convscope")]
    return all(row.status == "ok" for row in rows)
