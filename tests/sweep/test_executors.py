"""Whoever works off the shards, the bits are those of `serial`."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from tests.sweep.sweeps import assert_same, design, environment_of_tests, generator

import convscope as cs
from convscope.sweep._ranks import Rank, rank_of_environment

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="Dask is not installed (extra dask)"
)
KEEP = ["series", "peak", "moments", "top:3:energy"]


def make(out, **settings):
    return cs.Sweep(generator(), design(), out=out, **({"shard": 4, "keep": KEEP} | settings))


@pytest.fixture
def serial(tmp_path):
    make(tmp_path / "serial.zarr").run("serial")
    return tmp_path / "serial.zarr"


def environment(**variables):
    return environment_of_tests() | variables


RANKED = """
import sys
from tests.sweep.test_executors import make
make(sys.argv[1]).run("ranks")
"""


@pytest.mark.parametrize("launcher", ["torchrun", "slurm"])
def test_three_ranks(serial, tmp_path, launcher):
    out = tmp_path / "ranks.zarr"
    running = []
    for rank in range(3):
        variables = (
            {"RANK": str(rank), "WORLD_SIZE": "3"}
            if launcher == "torchrun"
            else {"SLURM_ARRAY_TASK_ID": str(5 + 2 * rank), "SLURM_ARRAY_TASK_COUNT": "3"}
            | {"SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_STEP": "2"}
        )
        command = [sys.executable, "-c", RANKED, str(out)]
        running.append(
            subprocess.Popen(command, env=environment(**variables), stderr=subprocess.PIPE, text=True)
        )
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert_same(serial, out)


def test_ranks_share_the_shards(tmp_path):
    out = tmp_path / "ranks.zarr"
    for rank, done in ((2, [2, 5]), (0, [0, 2, 3, 5])):
        status = make(out).run("ranks", rank=rank, world=3)
        assert sorted(make(out).receipts.done()) == done
        assert not status.is_complete
    assert make(out).run("serial").is_complete, "another executor goes on"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"RANK": "2", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}, Rank(2, 4, 1)),
        (
            {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "8", "SLURM_ARRAY_TASK_MIN": "0"},
            Rank(7, 8),
        ),
        (
            {"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MAX": "2"}
            | {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "1"},
            Rank(9, 12),
        ),
        ({"SLURM_PROCID": "3", "SLURM_NTASKS": "5", "SLURM_LOCALID": "0"}, Rank(3, 5, 0)),
        ({"RANK": "1", "WORLD_SIZE": "2", "SLURM_PROCID": "0", "SLURM_NTASKS": "9"}, Rank(1, 2)),
    ],
)
def test_the_rank_is_read_from_the_environment(variables, expected):
    assert rank_of_environment(None, None, variables) == expected


def test_a_rank_that_nobody_says_is_refused(tmp_path, monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "SLURM_PROCID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=r"expected both, or RANK and WORLD_SIZE \(torchrun\)"):
        make(tmp_path / "a.zarr").run("ranks")
    with pytest.raises(ValueError, match="rank: expected at least 0 and below world=3, got 3"):
        make(tmp_path / "a.zarr").run("ranks", rank=3, world=3)
    with pytest.raises(ValueError, match="expected both"):
        make(tmp_path / "a.zarr").run("ranks", rank=1)


def test_an_array_with_gaps_is_refused_with_the_remedy():
    variables = {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "2"}
    variables |= {"SLURM_ARRAY_TASK_MIN": "3", "SLURM_ARRAY_TASK_MAX": "7"}
    with pytest.raises(ValueError, match=r"an array without gaps .* \(rank=, world=; --rank, --world\)"):
        rank_of_environment(None, None, variables)


def test_processes_that_share_a_store_hardly_do_the_same(tmp_path):
    """The second begins elsewhere, and looks again before each shard."""
    out = tmp_path / "shared.zarr"
    make(out, shard=1).run("ranks", rank=0, world=5)
    starts = set()
    for _ in range(20):
        from convscope.sweep._executors import _from_anywhere

        order = _from_anywhere(make(out, shard=1).receipts, 21)
        assert sorted(order) == list(range(21))
        starts.add(order[0])
    assert len(starts) > 3


@pytest.mark.parametrize("wrong", [{"rank": 0, "world": 2}, {"workers": 2}, {"address": "tcp://nowhere:1"}])
def test_options_of_another_executor_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="only, got executor='serial'"):
        make(tmp_path / "a.zarr").run("serial", **wrong)


@needs_dask
@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.filterwarnings("default::ResourceWarning")
def test_dask(serial, tmp_path, workers):
    out = tmp_path / "dask.zarr"
    told = []
    status = make(out).run("dask", workers=workers, progress=lambda done, _: told.append(done))
    assert status.is_complete
    assert told == [1, 2, 3, 4, 5, 6]
    assert_same(serial, out)
    processes = {make(out).receipts.read(shard).process for shard in range(6)}
    assert f":{os.getpid()}" not in "".join(processes), "the workers have written"


@needs_dask
@pytest.mark.filterwarnings("default::ResourceWarning")
def test_a_dask_worker_that_is_killed_at_its_work(tmp_path):
    from distributed import Client, LocalCluster

    settings = {"shard": 20, "num_threads": 1}
    net = generator(strides=(4, 4, 4, 4), dim=8)
    rows = design(600)
    cs.Sweep(net, rows, out=tmp_path / "serial.zarr", **settings).run("serial")
    out = tmp_path / "dask.zarr"
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        sweep = cs.Sweep(net, rows, out=out, **settings)
        victims = list(client.run(os.getpid).values())

        def kill_soon():
            while len(sweep.receipts.done()) < 5:
                time.sleep(0.005)
            os.kill(victims[0], signal.SIGKILL)

        killer = threading.Thread(target=kill_soon)
        killer.start()
        status = sweep.run("dask", address=cluster.scheduler_address)
        killer.join()
        assert victims[0] not in client.run(os.getpid).values(), "a new worker has taken its place"
    assert status.is_complete
    assert_same(tmp_path / "serial.zarr", out)


@needs_dask
@pytest.mark.filterwarnings("default::ResourceWarning")
def test_dask_with_a_network_that_runs_in_pytorch(tmp_path):
    import numpy as np
    import torch

    sounds = np.random.default_rng(1).uniform(-1, 1, (5, 64)).astype(np.float32)
    net = torch.nn.Sequential(
        torch.nn.Conv1d(1, 4, 5, padding=2), torch.nn.Softplus(beta=3), torch.nn.AdaptiveMaxPool1d(8)
    )
    stores = []
    for executor, options in (("serial", {}), ("dask", {"workers": 1})):
        with pytest.warns(UserWarning, match="probing in PyTorch"):
            sweep = cs.Sweep(net, sounds, out=tmp_path / executor, shard=2, input_shape=(1, 64))
        assert sweep.run(executor, **options).is_complete
        stores.append(tmp_path / executor)
    assert_same(*stores)


@needs_dask
@pytest.mark.filterwarnings("default::ResourceWarning")
def test_workers_that_write_elsewhere_are_noticed(tmp_path, monkeypatch):
    from convscope.sweep._receipts import Receipts

    sweep = make(tmp_path / "a.zarr")
    monkeypatch.setattr(Receipts, "has", lambda *_: False)
    with pytest.raises(FileNotFoundError, match="must share the folder, by the same path"):
        sweep.run("dask", workers=1)


@needs_dask
@pytest.mark.filterwarnings("default::ResourceWarning")
def test_an_error_on_a_worker_ends_the_run(tmp_path):
    loud = cs.latents.variable("z6", [1e9], bases=cs.latents.random(6, size=10))
    sweep = cs.Sweep(generator(), loud, out=tmp_path / "loud.zarr", dtype="float16")
    with pytest.raises(ValueError, match="float16 holds values"):
        sweep.run("dask", workers=1)
    assert "float16" in sweep.status().failures[0]
