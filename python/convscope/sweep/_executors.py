"""Who works off the missing shards: this process, one of several, or a cluster. They may be mixed: completion is a receipt."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

from ._failures import noting_failure
from ._ranks import Rank, rank_of_environment
from ._receipts import Receipts
from ._worker import Computed, Worker

if TYPE_CHECKING:
    from ._progress import OnShard
    from ._sweep import Sweep

Executor = Literal["serial", "threads", "ranks", "dask"]
Execute = Callable[["Sweep", "OnShard"], None]
EXECUTORS = ("serial", "threads", "ranks", "dask")


def executor_of(
    executor: Executor, *, workers: int | None, address: str | None, rank: int | None, world: int | None
) -> Execute:
    """What works off all missing shards of a sweep, or this process's share of them.

    A shard that fails is noted for `status`, and its error ends the run; what others have finished stays.

    Raises
    ------
    ValueError, ImportError
        for what cannot be, before anything is touched.
    """
    if executor not in EXECUTORS:
        raise ValueError(f"executor: expected {', '.join(EXECUTORS)}, got {executor!r}")
    if executor != "dask" and (workers is not None or address is not None):
        raise ValueError(f"workers, address: for executor='dask' only, got executor={executor!r}")
    if executor != "ranks" and (rank is not None or world is not None):
        raise ValueError(f"rank, world: for executor='ranks' only, got executor={executor!r}")
    if executor == "dask":
        return _on_dask(workers, address)
    if executor == "ranks":
        return _of_rank(rank_of_environment(rank, world))
    return _here(_serially if executor == "serial" else _overlapping)


def _on_dask(workers: int | None, address: str | None) -> Execute:
    try:
        from ._dask import check_dask, run_on_dask
    except ImportError as error:
        raise ImportError("executor: 'dask' needs the extra: pip install 'convscope[dask]'") from error
    check_dask(workers, address)

    def execute(sweep: Sweep, on_shard: OnShard) -> None:
        missing = _missing(sweep.receipts, range(sweep.shard_count))
        run_on_dask(sweep, missing, on_shard, workers=workers, address=address)

    return execute


def _of_rank(place: Rank) -> Execute:
    def execute(sweep: Sweep, on_shard: OnShard) -> None:
        own = place.on_own_gpu(sweep)
        shards = range(own.shard_count)[place.rank :: place.world]
        _overlapping(Worker(own, own.begin()), _missing(own.receipts, shards), on_shard)

    return execute


def _here(run: Callable[[Worker, Iterator[int], OnShard], None]) -> Execute:
    def execute(sweep: Sweep, on_shard: OnShard) -> None:
        worker = Worker(sweep, sweep.begin())
        run(worker, _missing(worker.receipts, _from_anywhere(worker.receipts, sweep.shard_count)), on_shard)

    return execute


def _from_anywhere(receipts: Receipts, shards: int) -> list[int]:
    """In order in a new store; in one that others may be at, from a place that they hardly chose."""
    first = secrets.randbelow(shards) if receipts.done() else 0
    return [*range(first, shards), *range(first)]


def _missing(receipts: Receipts, shards: Iterable[int]) -> Iterator[int]:
    """Looked at when their turn comes: another process may have finished one meanwhile."""
    done = receipts.done()
    return (shard for shard in shards if shard not in done and not receipts.has(shard))


def _serially(worker: Worker, shards: Iterator[int], on_shard: OnShard) -> None:
    for shard in shards:
        with noting_failure(worker.receipts, shard):
            worker.work(shard)
        on_shard()


def _overlapping(worker: Worker, shards: Iterator[int], on_shard: OnShard) -> None:
    """One is written while the next is computed; at most one waits."""
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(1, "convscope-writer") as writer:
        for shard in shards:
            with noting_failure(worker.receipts, shard):
                waiting.append(writer.submit(_write, worker, worker.compute(shard)))
            if len(waiting) > 1:
                waiting.popleft().result()
                on_shard()
        while waiting:
            waiting.popleft().result()
            on_shard()


def _write(worker: Worker, computed: Computed) -> None:
    with noting_failure(worker.receipts, computed.shard):
        worker.write(computed)
