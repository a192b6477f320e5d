"""Neighbours on purpose: processes that keep processors busy while something else is measured.

A core is seldom one's own: on a shared machine another job has one of them, and an engine that deals its work out in equal
parts waits for the thread that got the busy core. Run as a program, this file is such a neighbour; it needs nothing else
of the package, and ends when the process that started it does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STEPS = 100_000  # between two looks whether the parent is still there: some milliseconds


@contextmanager
def busy_processors(count: int) -> Iterator[list[int]]:
    """So many processes that only calculate, one on each of the first processors this process may use (on Linux).

    They have begun when the block does, and are gone after it, however it ends; gives their process ids.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    processes: list[subprocess.Popen[str]] = []
    try:
        for i in range(count):
            command = [sys.executable, "-I", __file__, str(os.getpid()), *map(str, allowed[i : i + 1])]
            processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        for process in processes:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError(f"busy: a process ended at once, exit code {process.wait()}")
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def main(parent: str, processor: str | None = None) -> None:
    """Spin for as long as the parent lives."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends this one
    if processor is not None:
        os.sched_setaffinity(0, [int(processor)])
    print("spinning", flush=True)
    value = 1
    while os.getppid() == int(parent):
        for _ in range(STEPS):
            value = (value * 1103515245 + 12345) % 2147483648


if __name__ == "__main__":
    main(*sys.argv[1:])
