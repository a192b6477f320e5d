"""How far measuring is, for who waits: a bar on a terminal, or a function of the caller's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], None]


@contextmanager
def shown(progress: bool | Progress, total: int) -> Iterator[Progress]:
    """A function to be told the sounds done, and all; silent where errors go to a file."""
    if callable(progress):
        yield progress
    elif not progress or not sys.stderr.isatty():
        yield lambda done, total: None
    else:
        from rich.console import Console
        from rich.progress import Progress as Bar

        with Bar(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("measure", total=total)
            yield lambda done, total: bar.update(task, completed=done)
