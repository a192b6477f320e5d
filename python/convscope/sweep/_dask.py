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

import torch
from distributed import Client, LocalCluster, WorkerPlugin, as_completed, get_worker

from ..probe import thread_count
from ._failures import noting_failure
from ._worker import Worker

if TYPE_CHECKING:
    from ._progress import OnShard
    from ._sweep import Sweep

TASKS_PER_WORKER = 2  # waiting, so that none is ever idle and the scheduler holds few
GPU = "GPU"  # the resource that one task takes where the network is on one


def check_dask(workers: int | None, address: str | None) -> None:
    """ValueError for what cannot be."""
    if address is not None and workers is not None:
        raise ValueError(f"workers: of a local cluster only, got workers={workers} and address={address!r}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers: expected at least 1, got {workers}")


def run_on_dask(
    sweep: Sweep, shards: Iterator[int], on_shard: OnShard, *, workers: int | None, address: str | None
) -> None:
    """Until all are done; on a cluster of this machine's own where no address is given."""
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
        futures = as_completed()
        in_flight = 0
        while True:
            present = max(len(client.scheduler_info(n_workers=-1)["workers"]), 1)  # clusters grow and shrink
            for shard in islice(shards, max(TASKS_PER_WORKER * present - in_flight, 0)):
                futures.add(client.submit(_work, own.name, shard, pure=False, **needs))
                in_flight += 1
            if not in_flight:
                return
            shard = next(futures).result()
            in_flight -= 1
            if not sweep.receipts.has(shard):
                raise FileNotFoundError(
                    f"{sweep.out}: shard {shard} was written where this process does not see it; "
                    "workers and this process must share the folder, by the same path"
                )
            on_shard()


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

    def work(self, shard: int) -> int:
        """Compute, write, and say so."""
        with self._lock:
            if self._worker is None:
                torch.set_num_threads(
                    self._sweep.torch_threads
                )  # bits of networks that run in PyTorch depend on it
                sweep = self._sweep.with_threads(self._threads)
                self._worker = Worker(sweep, sweep.begin())
            with noting_failure(self._worker.receipts, shard):
                self._worker.work(shard)
        return shard


def _work(plugin: str, shard: int) -> int:
    found = get_worker().plugins[plugin]
    assert isinstance(found, _Shards)
    return found.work(shard)
