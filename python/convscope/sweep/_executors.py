"""Who works off the missing shards: this process, one of several, or a cluster. They may be mixed: completion is a receipt."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

from ._failures import noting_failure
from ._ranks import rank_of_environment
from ._receipts import Receipts
from ._worker import Computed, Worker

if TYPE_CHECKING:
    from ._progress import OnShard
    from ._sweep import Sweep

Executor = Literal["serial", "threads", "ranks", "dask"]
EXECUTORS = ("serial", "threads", "ranks", "dask")


def run_shards(
    sweep: Sweep,
    executor: Executor,
    on_shard: OnShard,
    *,
    workers: int | None,
    address: str | None,
    rank: int | None,
    world: int | None,
) -> None:
    """Until every shard of this process has its receipt.

    A shard that fails is noted for `status`, and its error ends the run; what others have finished stays.
    """
    if executor != "dask" and (workers is not None or address is not None):
        raise ValueError(f"workers, address: for executor='dask' only, got executor={executor!r}")
    if executor != "ranks" and (rank is not None or world is not None):
        raise ValueError(f"rank, world: for executor='ranks' only, got executor={executor!r}")
    if executor == "dask":
        run_on_dask = _dask_executor()
        run_on_dask(
            sweep,
            _missing(sweep.receipts, range(sweep.shard_count)),
            on_shard,
            workers=workers,
            address=address,
        )
        return
    shards = range(sweep.shard_count)
    if executor == "ranks":
        place = rank_of_environment(rank, world)
        shards = shards[place.rank :: place.world]
        sweep = place.on_own_gpu(sweep)
    worker = Worker(sweep, sweep.begin())
    run = _serially if executor == "serial" else _overlapping
    run(worker, _missing(worker.receipts, shards), on_shard)


def _dask_executor() -> Callable[..., None]:
    try:
        from ._dask import run_on_dask
    except ImportError as error:
        raise ImportError("executor: 'dask' needs the extra: pip install 'convscope[dask]'") from error
    return run_on_dask


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
