"""`run`: all cases, one after the other."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from ..probe import thread_count
from ._busy import busy_processors
from ._case import ROLES, Case, Role
from ._engines import OURS
from ._machine import Machine
from ._measure import LONG_S, SLOW_RATIO, SLOW_S, Tell
from ._processes import compare, known, memory_of
from ._report import Report
from ._results import Result, Row

BATCHES = (1, 16, 64, 256)
REPEATS = 7
Progress = Callable[[Case, str, int, int], None]


def run(
    networks: Sequence[Role] = ROLES,
    *,
    batches: Sequence[int] = BATCHES,
    threads: Sequence[int] | None = None,
    slice_lens: Sequence[int] = (16384,),
    dims: Sequence[int] = (64,),
    engines: Sequence[str] | None = None,
    repeats: int = REPEATS,
    per_layer: bool = False,
    memory: bool = True,
    busy: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Measure convscope beside the engines that people use today, on this machine.

    Every engine computes the same channel means of the same network; results are compared with float64 before anything is
    timed, engines take turns, and what counts is the ratio of times of one round (see `Report`).

    Parameters
    ----------
    networks : ``"generator"`` and ``"q_network"``.
    batches, threads, slice_lens, dims : every combination is a case. Threads are 1 and all by default. Dialects:
        ``torch-atzhou8-2022``, and ``tf1-ciwgan`` for slices of 32768 samples, which the first does not have.
    engines : names from `ENGINES`; all by default. convscope always takes part.
    repeats : rounds, in each of which every engine has one turn.
    per_layer : also run the network cut after each layer.
    memory : also measure peak memory, each engine in a process of its own; not of engines too slow for all rounds.
    busy : processors that processes of ours keep busy meanwhile, the first that this process may use.
    progress : called with (case, what is done in it, cases done, cases in all).

    Returns
    -------
    Report
        Of the cases that are finished when it is interrupted (Ctrl-C), if there are any.

    Raises
    ------
    ValueError
        For a number below 1, an unknown network, engine or slice length, or no processor left that is not busy.

    Examples
    --------
    >>> import convscope as cs
    >>> report = cs.bench.run(["generator"], batches=[64])  # doctest: +SKIP
    >>> print(report.markdown())  # doctest: +SKIP
    """
    if repeats < 1:
        raise ValueError(f"repeats: expected a number of at least 1, got {repeats}")
    processors = thread_count(None)
    if busy >= processors:
        raise ValueError(f"busy: expected fewer than the {processors} processors there are, got {busy}")
    chosen = known(None if engines is None else [OURS, *engines])
    cases = list(
        _cases(
            networks, slice_lens, dims, threads or _default_threads(), batches, busy=busy, per_layer=per_layer
        )
    )
    names = [engine.name for engine in chosen]
    results: list[Result] = []
    try:
        with busy_processors(busy):
            for done, case in enumerate(cases):
                tell = partial(_tell, progress, case, done, len(cases))
                result = compare(case, names, repeats, tell, too_slow(case, results))
                results.append(_with_memory(result, repeats, tell) if memory else result)
    except KeyboardInterrupt:
        if not results:
            raise
    now = datetime.datetime.now(datetime.UTC).astimezone().replace(microsecond=0)
    return Report(Machine.here(), now.isoformat(), repeats, tuple(results))


def too_slow(case: Case, earlier: Sequence[Result]) -> dict[str, Row]:
    """Rows of the engines that are excused from a case: far behind in a smaller batch, and a call would take minutes.

    Far behind is what it is for `measure`; the time of a call is taken to grow with the batch.
    """
    rows = {}
    for result in earlier:
        batch = result.case.batch
        if batch >= case.batch or replace(result.case, batch=case.batch) != case:
            continue
        for row in result.rows:
            ratio = result.ratio(row, OURS)
            if ratio is None or ratio.median <= SLOW_RATIO or row.times_s[0] <= SLOW_S:
                continue
            expected_s = row.times_s[0] * case.batch / batch
            if expected_s > LONG_S:
                message = f"{row.times_s[0]:.3g} s for a batch of {batch}, so about {expected_s:.0f} s for {case.batch}"
                rows[row.engine] = Row(row.engine, "too slow", message)
    return rows


def _with_memory(result: Result, repeats: int, tell: Tell) -> Result:
    """Of whole networks, and of engines that took part in all rounds."""
    case = result.case
    if case.depth is not None:
        return result
    rows = tuple(
        replace(row, memory=memory_of(case, row.engine, tell)) if len(row.times_s) == repeats else row
        for row in result.rows
    )
    return replace(result, rows=rows)


def _tell(progress: Progress | None, case: Case, done: int, total: int, what: str, who: str) -> None:
    if progress is not None:
        progress(case, f"{what}, {who}", done, total)


def _default_threads() -> list[int]:
    return sorted({1, thread_count(None)})


def _cases(
    networks: Sequence[Role],
    slice_lens: Sequence[int],
    dims: Sequence[int],
    threads: Sequence[int],
    batches: Sequence[int],
    *,
    busy: int,
    per_layer: bool,
) -> Iterator[Case]:
    """Prefixes of a network come before the whole of it."""
    for role, slice_len, dim, count, batch in itertools.product(networks, slice_lens, dims, threads, batches):
        whole = Case(role, slice_len, dim, batch, count, busy=busy)
        if per_layer:
            for depth in range(1, len(whole.layers)):
                yield replace(whole, depth=depth)
        yield whole
