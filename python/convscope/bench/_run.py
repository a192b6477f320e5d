"""`run`: all cases, one after the other."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from ..probe import thread_count
from ._case import ROLES, Case, Role
from ._engines import OURS
from ._machine import Machine
from ._measure import Tell
from ._processes import compare, known, memory_of
from ._report import Report
from ._results import Result

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
    progress : called with (case, what is done in it, cases done, cases in all).

    Returns
    -------
    Report
        Of the cases that are finished when it is interrupted (Ctrl-C), if there are any.

    Raises
    ------
    ValueError
        For a number below 1, an unknown network, engine or slice length.

    Examples
    --------
    >>> import convscope as cs
    >>> report = cs.bench.run(["generator"], batches=[64])  # doctest: +SKIP
    >>> print(report.markdown())  # doctest: +SKIP
    """
    if repeats < 1:
        raise ValueError(f"repeats: expected a number of at least 1, got {repeats}")
    chosen = known(None if engines is None else [OURS, *engines])
    cases = list(
        _cases(networks, slice_lens, dims, threads or _default_threads(), batches, per_layer=per_layer)
    )
    results: list[Result] = []
    try:
        for done, case in enumerate(cases):
            tell = partial(_tell, progress, case, done, len(cases))
            results.append(_measured(case, [engine.name for engine in chosen], repeats, tell, memory=memory))
    except KeyboardInterrupt:
        if not results:
            raise
    now = datetime.datetime.now(datetime.UTC).astimezone().replace(microsecond=0)
    return Report(Machine.here(), now.isoformat(), repeats, tuple(results))


def _measured(case: Case, engines: Sequence[str], repeats: int, tell: Tell, *, memory: bool) -> Result:
    result = compare(case, engines, repeats, tell)
    if not memory or case.depth is not None:
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
    per_layer: bool,
) -> Iterator[Case]:
    """Prefixes of a network come before the whole of it."""
    for role, slice_len, dim, count, batch in itertools.product(networks, slice_lens, dims, threads, batches):
        whole = Case(role, slice_len, dim, batch, count)
        if per_layer:
            for depth in range(1, len(whole.layers)):
                yield replace(whole, depth=depth)
        yield whole
