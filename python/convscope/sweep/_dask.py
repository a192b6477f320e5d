"""Shards on a Dask cluster: the network goes to each worker once, a task is a shard's number, a receipt comes back.

A worker that dies loses the shard it was at, which another one makes again; no series goes through the scheduler.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

from distributed import Client, LocalCluster, WorkerPlugin, as_completed, get_worker

from ..probe import thread_count
from ._failures import noting_failure
from ._receipts import Receipt
from ._worker import Worker

if TYPE_CHECKING:
    from ._progress import OnShard
    from ._sweep import Sweep

TASKS_PER_WORKER = 2  # waiting, so that none is ever idle and the scheduler holds few
GPU = "GPU"  # the resource that one task takes where the network is on one


def run_on_dask(
    sweep: Sweep, shards: Iterator[int], on_shard: OnShard, *, workers: int | None, address: str | None
) -> None:
    """Until all are done; on a cluster of this machine's own where no address is given."""
    if address is not None and workers is not None:
        raise ValueError(f"workers: of a local cluster only, got workers={workers} and address={address!r}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers: expected at least 1, got {workers}")
    on_gpu = str(sweep.device).startswith("cuda")
    needs: dict[str, Any] = {"resources": {GPU: 1}} if on_gpu else {}
    count = workers or 1
    with ExitStack() as stack:
        cluster: Any = address
        if address is None:
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None, **needs
                )
            )
        client = stack.enter_context(Client(cluster))
        own = _Shards(sweep, None if address is not None else max(thread_count(None) // count, 1))
        client.register_plugin(own)
        stack.callback(client.unregister_worker_plugin, own.name)

        def task(shard: int) -> Any:
            return client.submit(_work, own.name, shard, pure=False, **needs)

        most = TASKS_PER_WORKER * max(len(client.scheduler_info(n_workers=-1)["workers"]), 1)
        futures = as_completed(map(task, islice(shards, most)))
        for future in futures:
            future.result()
            on_shard()
            for shard in islice(shards, 1):
                futures.add(task(shard))


class _Shards(WorkerPlugin):
    """On each worker: the network made ready at its first shard, and one shard at a time."""

    def __init__(self, sweep: Sweep, threads: int | None) -> None:
        self.name = f"convscope-{secrets.token_hex(4)}"
        self._sweep, self._threads = sweep, threads
        self._worker: Worker | None = None

    def setup(self, worker: Any) -> None:
        """As many threads as the worker has, where it is not said."""
        self._lock = Lock()
        self._threads = self._threads or worker.state.nthreads

    def work(self, shard: int) -> Receipt | None:
        """Compute, write, and say so; None where another process was faster."""
        with self._lock:
            if self._worker is None:
                sweep = self._sweep.with_threads(self._threads)
                self._worker = Worker(sweep, sweep.begin())
            with noting_failure(self._worker.receipts, shard):
                return self._worker.work(shard)
        return None


def _work(plugin: str, shard: int) -> Receipt | None:
    found = get_worker().plugins[plugin]
    assert isinstance(found, _Shards)
    return found.work(shard)
