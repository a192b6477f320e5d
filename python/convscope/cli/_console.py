"""What the reader sees: lines and tables on stdout, notes and progress on stderr.

On a terminal tables are set in bold and work shows a moving bar; elsewhere both are plain lines that a program
can read.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Step = Callable[[int, int | None], None]

QUIET_S = 2.0  # without a terminal, work that takes no longer says nothing


def say(text: str = "") -> None:
    """A line of the answer."""
    print(text)


def note(text: str) -> None:
    """A line beside the answer."""
    print(f"convscope: {text}", file=sys.stderr)


def show_json(answer: Any) -> None:
    """The answer for a program; NaN has no JSON and must have become None."""
    print(json.dumps(answer, indent=2, allow_nan=False, ensure_ascii=False))


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> None:
    """Left-aligned first column, right-aligned others."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for i, name in enumerate(header):
            table.add_column(name, justify="right" if i else "left")
        for row in rows:
            table.add_row(*row)
        Console().print(table)
        return
    if title:
        say(title)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        first, *others = (
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        say("  ".join([first, *others]).rstrip())


@contextmanager
def progress(doing: str) -> Iterator[Step]:
    """A bar while the work inside lasts, to be called with (done, in all or None); spinning until the latter is known."""
    if not sys.stderr.isatty():
        yield _plain_lines(doing)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)

        def step(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total, description=f"{doing} {_so_far(done, total)}")

        yield step


def _plain_lines(doing: str) -> Step:
    last_s = time.monotonic()

    def step(done: int, total: int | None) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= QUIET_S:
            last_s = time.monotonic()
            note(f"{doing} {_so_far(done, total)}")

    return step


def _so_far(done: int, total: int | None) -> str:
    return f"{done}" if total is None else f"{done} of {total}"
