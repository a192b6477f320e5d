"""Blocks of sounds over processes: Praat holds the interpreter's lock, so threads would wait for each other.

Processes are started afresh (forkserver, or spawn), never forked from one with threads; as with all such
pools, a script must start its work under ``if __name__ == "__main__":``. At most two blocks per process are
held at a time, and results come in the order of blocks.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from ._rows import Rows, Task, rows_of


def worked_off(tasks: Iterable[Task], *, workers: int, blocks: int) -> Iterator[tuple[int, Rows]]:
    """Sounds and rows of each block; in this process where there is one worker, or one block."""
    if workers == 1 or blocks < 2:
        for task in tasks:
            yield task.count, rows_of(task)
        return
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    try:
        with ProcessPoolExecutor(min(workers, blocks), mp_context=context) as pool:
            yield from _in_order(pool, tasks, held=2 * workers)
    except BrokenProcessPool as error:
        raise RuntimeError(
            "workers: a process ended before its work was done; a script must call this under "
            'if __name__ == "__main__":, and memory must suffice for all workers'
        ) from error


def _in_order(pool: ProcessPoolExecutor, tasks: Iterable[Task], *, held: int) -> Iterator[tuple[int, Rows]]:
    waiting: deque[tuple[int, Future[Rows]]] = deque()
    try:
        for task in tasks:
            waiting.append((task.count, pool.submit(rows_of, task)))
            if len(waiting) >= held:
                count, future = waiting.popleft()
                yield count, future.result()
        while waiting:
            count, future = waiting.popleft()
            yield count, future.result()
    finally:
        for _, future in waiting:
            future.cancel()
