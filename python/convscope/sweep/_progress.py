"""How far a sweep is, for who waits: a bar on a terminal, lines elsewhere, or a function of the caller's."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ._estimate import duration

Progress = Callable[[int, int], None]
OnShard = Callable[[], None]
_LINE_EVERY_S = 10.0


@contextmanager
def shown(progress: bool | Progress, done: int, shards: int) -> Iterator[OnShard]:
    """A function to be called for each shard that this process has finished."""
    count = 0

    def tell(report: Progress) -> OnShard:
        def one_more() -> None:
            nonlocal count
            count += 1
            report(done + count, shards)

        return one_more

    if callable(progress):
        yield tell(progress)
    elif not progress:
        yield tell(lambda *_: None)
    elif not sys.stderr.isatty():
        yield tell(_lines(done))
    else:
        from rich.console import Console
        from rich.progress import Progress as Bar

        with Bar(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("sweep", total=shards, completed=done)
            yield tell(lambda now, _: bar.update(task, completed=now))


def _lines(before: int) -> Progress:
    start = last = time.monotonic()

    def report(done: int, shards: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _LINE_EVERY_S:
            last = now
            left = (now - start) / (done - before) * (shards - done)
            print(f"convscope: sweep: {done} of {shards} shards, {duration(left)} left", file=sys.stderr)

    return report
