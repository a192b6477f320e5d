"""Taking turns: how several things are timed so that their ratios mean something on a machine that others use too.

In each round every entrant has one turn; the ratios of a round are pairs taken under the same load, and what is reported is
their median. The order of a round is a row of a Williams square (Williams 1949, "Experimental designs balanced for the
estimation of residual effects of treatments"): over as many rounds as there are entrants each follows each other equally
often, so that nobody always runs on the caches and clocks that the same neighbour left. Before a turn garbage is collected and
everybody waits for the same pause: threads of the engine before, onnxruntime's above all, spin for a while after a run and
would take a core from the next.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping

PAUSE_S = 0.05
TURN_S = 0.2  # a turn repeats its call for about so long, so that one sample of 5 ms is not one tick of luck
MOST_CALLS = 1000


def order(count: int, round_: int) -> list[int]:
    """Who runs when in a round: a row of a Williams square; for odd counts every second round is a mirror image."""
    row, is_mirrored = (round_, False) if count % 2 == 0 else divmod(round_, 2)
    base = [0]
    for i in range(1, count):
        base.append((i + 1) // 2 if i % 2 else count - i // 2)
    turns = [(place + row) % count for place in base]
    return turns[::-1] if is_mirrored else turns


def call_count(seconds: float, turn_s: float) -> int:
    """Calls of so many seconds that fill a turn."""
    return min(MOST_CALLS, max(1, math.ceil(turn_s / max(seconds, 1e-9))))


class Turns:
    """Seconds of wall-clock and of processor time per call, round by round, of each entrant."""

    def __init__(self, runs: Mapping[str, Callable[[], object]], *, pause_s: float = PAUSE_S) -> None:
        self._runs = dict(runs)
        self._pause_s = pause_s
        self.times_s: dict[str, list[float]] = {name: [] for name in runs}
        self.processor_s: dict[str, list[float]] = {name: [] for name in runs}

    def take(
        self, round_: int, calls: Mapping[str, int], started: Callable[[str], object] = lambda name: None
    ) -> None:
        """One round; ``started`` hears who is next."""
        names = list(self._runs)
        for i in order(len(names), round_):
            name, run = names[i], self._runs[names[i]]
            started(name)
            gc.collect()
            time.sleep(self._pause_s)
            processor_s, start_s = time.process_time(), time.perf_counter()
            for _ in range(calls[name]):
                run()
            self.times_s[name].append((time.perf_counter() - start_s) / calls[name])
            self.processor_s[name].append((time.process_time() - processor_s) / calls[name])
